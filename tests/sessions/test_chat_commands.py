"""What a front end asks of a chat: options, presets, prompts, the preview; each answered at once."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, say, until_cancelled
from tests.sessions.test_chat import Front, make, sent, until
from workbench.commands import (
    Ack,
    Allow,
    ClosePreview,
    Command,
    Delete,
    DropPreset,
    DropPrompt,
    Edit,
    Export,
    FillPrompt,
    Fork,
    GoOn,
    Preview,
    Regenerate,
    SavePreset,
    SavePrompt,
    Send,
    SetOptions,
    SetSystem,
    Show,
    UsePreset,
)
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services import consent
from workbench.services.registry import Services
from workbench.sessions.chat import Chat, chat
from workbench.sessions.reopen import reopen
from workbench.store import settings


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(consent, "_allowed_now", set())


def do(chat: Chat, command: Command) -> Any:
    ack = chat.perform(command)
    assert ack.ok, ack.error
    return ack.data


def refused(ack: Ack) -> str:
    assert ack.error is not None
    return ack.error.kind


def test_the_tree_by_commands() -> None:
    chat, _service = make(say("1"), say("2"), say("3"), say("4"))
    front = Front(chat)
    do(chat, Send(id=1, text="a"))
    first = chat.last
    assert first is not None
    first.result(5)
    do(chat, Regenerate(id=2, message=first.id, model="other"))
    assert chat.last is not None
    assert (chat.last.result(5), chat.last.model) == ("2", "other")
    do(chat, Show(id=3, message=first.id))
    do(chat, Edit(id=4, message=front.state["messages"][0]["id"], text="b"))
    assert chat.last.result(5) == "3"
    do(chat, GoOn(id=5, message=chat.last.id))
    assert chat.last.result(5) == "34"
    made = do(chat, Fork(id=6, message=chat.last.id))
    assert reopen(made["chat"]).messages[-1].text == "34"
    do(chat, Delete(id=7, message=chat.messages[0].id))
    assert [m.text for m in chat.messages] == ["a", "1"]
    assert front.state == chat.view()
    for wrong in (Show(id=8, message="x"), Edit(id=8, message="x", text="y"), Fork(id=8, message="x")):
        assert refused(chat.perform(wrong)) == "UsageError"


def test_a_template_is_filled_and_plain_text_is_left_alone() -> None:
    chat, service = make(say("ok"))
    do(chat, Send(id=1, text="Say {what}", variables={"what": "{it}"}))
    do(chat, Send(id=2, text="for (;;) { x }"))
    assert chat.last is not None
    chat.last.result(5)
    assert [text for role, text in sent(service.requests[-1]) if role == "user"] == ["Say {it}", "for (;;) { x }"]
    ack = chat.perform(Send(id=3, text="Say {what} to {whom}", variables={"what": "it"}))
    assert ack.error is not None
    assert "needs a value for whom" in ack.error.message
    assert len(chat.messages) == 4


def test_the_variables_of_a_template_are_looked_for_in_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    chat, _ = make()
    ask = FillPrompt(id=1, text="Say {what} to {whom}, {print}")
    assert do(chat, ask) == [{"name": name, "value": None} for name in ("what", "whom", "print")]
    shell = SimpleNamespace(user_ns={"what": 3, "print": print})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert do(chat, ask)[0] == {"name": "what", "value": "3"}
    assert do(chat, ask)[2]["value"] is None, "a function is no text"


def test_options_are_set_as_a_whole_and_the_preset_that_they_equal_is_named() -> None:
    chat, _service = make(say("ok"))
    front = Front(chat)
    do(chat, SetOptions(id=1, options={"temperature": 0.2, "seed": None, "stop": ["END"]}))
    assert chat.options == GenerationOptions(temperature=0.2, stop=("END",))
    assert front.state["options"] == {"temperature": 0.2, "stop": ["END"]}
    assert front.state["preset"] is None
    do(chat, SavePreset(id=2, name="calm"))
    until(lambda: front.state["preset"] == "calm")
    assert front.state["presets"] == [{"name": "calm", "options": {"temperature": 0.2, "stop": ["END"]}}]
    do(chat, SetOptions(id=3, options={"temperature": 0.9}))
    assert (front.state["options"], front.state["preset"]) == ({"temperature": 0.9}, None)
    do(chat, UsePreset(id=4, name="calm"))
    assert chat.send("a").options.temperature == 0.2
    do(chat, DropPreset(id=5, name="calm"))
    until(lambda: front.state["presets"] == [])
    assert refused(chat.perform(UsePreset(id=6, name="calm"))) == "UsageError"
    assert refused(chat.perform(SetOptions(id=7, options={"temperature": 99}))) == "OptionError"
    assert chat.options.temperature == 0.2
    assert chat.last is not None
    chat.last.wait(5)
    assert front.state == chat.view()


def test_a_chat_begins_with_a_preset_and_options_go_on_top() -> None:
    settings.put_preset("precise", GenerationOptions(temperature=0, seed=1))
    made = chat(preset="precise", seed=2)
    assert made.options == GenerationOptions(temperature=0, seed=2)
    with pytest.raises(ValueError, match="precise"):
        chat(preset="precis")


def test_prompts_are_kept_and_every_chat_shows_them() -> None:
    one, other = make()[0], make()[0]
    front = Front(other)
    do(one, SavePrompt(id=1, name="sum", text="Summarise {text}"))
    until(lambda: front.state["prompts"])
    assert front.state["prompts"] == [{"name": "sum", "text": "Summarise {text}", "variables": ["text"]}]
    assert refused(one.perform(SavePrompt(id=2, name="bad", text="{"))) == "UsageError"
    do(one, DropPrompt(id=3, name="sum"))
    until(lambda: not front.state["prompts"])


def test_a_message_that_needs_leave_is_held_for_every_way_of_asking() -> None:
    far = ScriptedService(say("1"), say("2"), say("3"), name="far", models=("big",), url="https://api.far.example/v1")
    chat = Chat(services=ScriptedServices(ScriptedService(say("here")), far))
    front = Front(chat)
    chat.send("a").result(5)
    question = chat.messages[0].id
    answer = chat.messages[1].id
    ways: list[Command] = [
        Regenerate(id=1, message=answer, model="far:big"),
        Edit(id=2, message=question, text="b"),
        GoOn(id=3, message=answer),
    ]
    for command in ways:
        if not isinstance(command, Regenerate):
            chat.model = "far:big"
        do(chat, command)
        assert front.state["consent"]["model"] == "far:big"
        count = len(far.requests)
        do(chat, Allow(id=9))
        until(lambda count=count: len(far.requests) > count)
        assert chat.last is not None
        assert chat.last.wait(5)
        assert front.state["consent"] is None
    assert front.state == chat.view()


def test_the_preview_of_a_server_is_the_request_without_a_key() -> None:
    far = ScriptedService(say("1"), name="far", models=("big",), url="http://localhost:1/v1")
    chat = Chat("far:big", services=ScriptedServices(far), system="Be brief.", options=GenerationOptions(top_k=3))
    front = Front(chat)
    do(chat, Preview(id=1, text="Hello"))
    until(lambda: not front.state["preview"]["busy"])
    shown = front.state["preview"]
    body = json.loads(shown["request"])
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert (body["model"], body["top_k"], body["stream"]) == ("big", 3, True)
    assert (shown["prompt"], shown["tokens"], shown["limit"]) == (None, None, 100)
    assert "after the answer" in shown["note"]
    do(chat, ClosePreview(id=2))
    assert front.state["preview"] is None
    assert far.requests == []


def test_the_preview_of_a_local_model_is_what_it_reads(services: Services) -> None:
    chat = Chat(services=services)
    first = chat.send("Hello", temperature=0)
    first.result(60)
    seen = chat.preview("Who are you?")
    assert seen.prompt is not None
    assert "Who are you?" in seen.prompt
    assert "Hello" in seen.prompt
    reply = chat.send("Who are you?", temperature=0)
    reply.result(60)
    assert seen.tokens == reply.usage.prompt_tokens
    assert seen.limit == 2048
    assert seen.reserved == 2048 - (seen.tokens or 0)


def test_the_preview_loads_no_model_and_says_so() -> None:
    services = Services()
    chat = Chat(services=services)
    assert "load it" in chat.preview("Hello").note
    assert chat.preview().note == "There is nothing to send yet."
    assert services.resolve("builtin")[1].status == "ready"
    services.close()


def test_a_preview_that_comes_late_does_not_replace_a_newer_one() -> None:
    go = threading.Event()

    class Slow(ScriptedService):
        def render(self, request: Request) -> str | None:
            if request.messages[-1].text == "slow":
                go.wait(5)
            return request.messages[-1].text

        def count_tokens(self, request: Request) -> int | None:
            return 1

    chat = Chat(services=ScriptedServices(Slow()))
    front = Front(chat)
    do(chat, Preview(id=1, text="slow"))
    do(chat, Preview(id=2, text="fast"))
    until(lambda: front.state["preview"]["prompt"] == "fast")
    go.set()
    until(lambda: not [t for t in threading.enumerate() if t.name == f"chat-{chat.id}-background"])
    assert front.state["preview"]["prompt"] == "fast"


def test_the_conversation_is_exported() -> None:
    chat, _ = make(say("an answer"))
    do(chat, Send(id=1, text="A question?"))
    assert chat.last is not None
    chat.last.result(5)
    made = do(chat, Export(id=2, format="markdown"))
    assert made["name"] == "a-question.md"
    assert "an answer" in made["text"]
    assert json.loads(do(chat, Export(id=3, format="json"))["text"])


def test_a_file_is_written_by_its_suffix(tmp_path: Path) -> None:
    chat, _ = make(say("an answer"))
    chat.send("A question?").result(5)
    path = chat.export(tmp_path / "talk.md")
    assert Path(path).read_text() == chat.export("markdown")


def test_the_system_prompt_by_command() -> None:
    chat, _ = make()
    front = Front(chat)
    do(chat, SetSystem(id=1, text="Be brief."))
    assert (front.state["system"], front.state["messages"][0]["role"]) == ("Be brief.", "system")
    do(chat, SetSystem(id=2, text=""))
    assert front.state == chat.view()


def test_send_by_command_interrupts_if_asked() -> None:
    chat, _ = make(until_cancelled("half"), say("next"))
    first = chat.send("a")
    until(lambda: first.partial)
    do(chat, Send(id=1, text="b", interrupt=True))
    assert chat.last is not None
    assert chat.last.result(5) == "next"
    assert first.status == "cancelled"
