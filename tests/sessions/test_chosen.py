"""The model a chat uses, when it is not there, may not be sent to, or is answered for by another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say
from workbench.commands import Allow, ChooseModel, Hello, ListModels, Refuse, Regenerate, Send
from workbench.errors import ConnectionFailedError, ConsentNeededError, ModelNotFoundError, ModelTooBigError
from workbench.services import consent
from workbench.services.registry import Services
from workbench.sessions.ask import ask
from workbench.sessions.chat import Chat
from workbench.store import settings

AWAY = ConnectionFailedError("Nothing listens at localhost:11434.", next_step="Start it.")
NOTE = "ollama:llama3 is away (nothing listens at localhost:11434); builtin answers."


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(consent, "_allowed_now", set())


def ollama(*scripts, url: str = "http://localhost:11434/v1") -> ScriptedService:
    return ScriptedService(*scripts, name="ollama", models=("llama3",), url=url)


def shipped() -> ScriptedService:
    return ScriptedService(say("from builtin"), models=("builtin",))


def far_chat() -> tuple[Chat, ScriptedService]:
    far = ScriptedService(say("from afar"), name="far", models=("big",), url="https://api.far.example/v1")
    return Chat("far:big", services=ScriptedServices(shipped(), far)), far


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def test_a_fallback_is_seen_in_the_transcript_the_copy_the_notes_and_the_repr() -> None:
    chat = Chat("ollama:llama3", services=ScriptedServices(ollama(fail(AWAY)), shipped()))
    reply = chat.send("Hello")
    assert reply.result(5) == "from builtin"
    assert [note.message for note in reply.notes] == [NOTE]
    assert NOTE in repr(reply)
    assert reply.model == "builtin"
    assert chat.messages[-1].model == "builtin"
    view = chat.view()
    answer = view["messages"][-1]
    assert (answer["model"], answer["notes"][0]["code"], answer["notes"][0]["message"]) == ("builtin", "fallback", NOTE)
    assert (view["model"]["id"], view["model"]["status"]) == ("ollama:llama3", "down")
    assert chat.html().index(NOTE) < chat.html().index("from builtin")
    assert reply._repr_mimebundle_()["text/markdown"] == f"> {NOTE}\n\nfrom builtin"
    assert chat.model == "ollama:llama3", "the next message tries it again"


def test_the_chosen_model_answers_again_as_soon_as_it_can() -> None:
    chat = Chat("ollama:llama3", services=ScriptedServices(ollama(fail(AWAY), say("back")), shipped()))
    assert chat.send("Hello").result(5) == "from builtin"
    again = chat.send("Hello")
    assert again.result(5) == "back"
    assert again.notes == ()
    assert chat.view()["model"]["status"] == "ready"


def test_a_fallback_is_off_by_choice_for_one_chat_or_for_all() -> None:
    services = ScriptedServices(ollama(fail(AWAY)), shipped())
    with pytest.raises(ConnectionFailedError):
        Chat("ollama:llama3", services=services, fallback=False).send("Hello").result(5)
    settings.change(use_fallback=False)
    with pytest.raises(ConnectionFailedError):
        Chat("ollama:llama3", services=services).send("Hello").result(5)


def test_a_load_that_fails_shows_the_note_and_leaves_no_load_behind() -> None:
    service = ScriptedService(fail(ModelTooBigError("tiny does not fit: it needs 42 GB.")))
    chat = Chat("tiny", services=ScriptedServices(service, shipped()))
    reply = chat.send("Hello")
    assert reply.result(5) == "from builtin"
    answer = chat.view()["messages"][-1]
    assert answer["notes"][0]["message"] == "tiny cannot be used (does not fit: it needs 42 GB); builtin answers."
    assert answer["load"] is None
    assert chat.view()["model"]["status"] == "failed"


def test_a_model_that_was_deleted_since_it_was_chosen_is_answered_for() -> None:
    local = ScriptedService(say("here"), models=("tiny",))
    chat = Chat("tiny", services=ScriptedServices(local, shipped()))
    assert chat.send("Hello").result(5) == "here"
    local.infos.clear()
    reply = chat.send("Hello")
    assert reply.result(5) == "from builtin"
    assert reply.notes[0].message.startswith("tiny is not here (")


def test_a_default_model_that_is_not_downloaded_is_answered_for(monkeypatch: pytest.MonkeyPatch) -> None:
    services = Services()
    monkeypatch.setattr("workbench.services.registry.default", lambda: services)
    settings.change(default_model="org/not-downloaded")
    try:
        chat = Chat()
        assert chat.model == "org/not-downloaded"
        assert chat.view()["model"]["status"] == "failed"
        for reply in (chat.send("Hello"), ask("Hello")):
            assert reply.result(60)
            assert reply.model == "builtin"
            assert reply.notes[0].message.startswith("org/not-downloaded is not here (")
        chat.close()
    finally:
        services.close()


def test_a_name_mistyped_is_an_error_and_no_fallback() -> None:
    with pytest.raises(ModelNotFoundError):
        Chat("ollama:llama4", services=ScriptedServices(ollama(), shipped()))


def test_from_code_a_prompt_that_would_leave_this_machine_is_refused_with_the_way_on() -> None:
    chat, far = far_chat()
    with pytest.raises(ConsentNeededError, match=r"wb\.connect\('https://api.far.example/v1', allow=True\)"):
        chat.send("Hello")
    assert (far.requests, chat.messages, chat.view()["consent"]) == ([], (), None)
    consent.allow("https://api.far.example/v1")
    assert chat.send("Hello").result(5) == "from afar"


def test_ask_refuses_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    services = Services()
    monkeypatch.setattr("workbench.services.registry.default", lambda: services)
    try:
        services.connect("https://api.far.example/v1", name="far")
        with pytest.raises(ConsentNeededError, match=r"api\.far\.example"):
            ask("Hello", model="far:big")
    finally:
        services.close()


def test_a_front_end_is_asked_once_and_the_message_waits() -> None:
    chat, far = far_chat()
    assert chat.perform(Send(id=1, text="Hello")).ok
    assert chat.view()["consent"] == {"place": "api.far.example", "model": "far:big", "text": "Hello"}
    assert chat.view()["messages"] == []
    second = chat.perform(Send(id=2, text="And this?"))
    assert second.error is not None
    assert second.error.kind == "StateError"
    ops: list[list[object]] = []
    chat.observe(ops.append)
    assert chat.perform(Allow(id=3)).ok
    assert chat.last is not None
    assert chat.last.result(5) == "from afar"
    assert ops[0][0] == "message", "the message is there before the question goes"
    assert chat.view()["consent"] is None
    chat.perform(Send(id=4, text="Again"))
    assert chat.view()["consent"] is not None, "it was allowed once"
    assert len(far.requests) == 1


def test_always_is_kept_and_nobody_is_asked_again() -> None:
    chat, far = far_chat()
    chat.perform(Send(id=1, text="Hello"))
    assert chat.perform(Allow(id=2, always=True)).ok
    assert settings.get().allowed == ("https://api.far.example",)
    chat.perform(Send(id=3, text="Again"))
    until(lambda: len(far.requests) == 2)
    assert chat.perform(Allow(id=4)).error is not None, "nothing waits"


def test_what_is_kept_here_is_not_sent_and_neither_is_it_when_another_model_is_chosen() -> None:
    chat, far = far_chat()
    chat.perform(Send(id=1, text="Hello"))
    assert chat.perform(Refuse(id=2)).ok
    assert chat.view()["consent"] is None
    chat.perform(Send(id=3, text="Hello"))
    chat.perform(ChooseModel(id=4, model="builtin"))
    assert chat.view()["consent"] is None
    assert far.requests == []
    assert chat.messages == ()


def test_asking_again_for_an_answer_needs_leave_too() -> None:
    far = ScriptedService(say("from afar"), name="far", models=("big",), url="https://api.far.example/v1")
    chat = Chat("builtin", services=ScriptedServices(shipped(), far))
    chat.send("Hello").result(5)
    chat.choose("far:big")
    assert chat.perform(Regenerate(id=1, message=chat.last.id)).ok  # type: ignore[union-attr]
    assert chat.view()["consent"]["text"] == ""
    chat.perform(Allow(id=2))
    until(lambda: far.requests)


def test_a_list_shows_who_answers_before_the_slow_ones_do() -> None:
    late = threading.Event()

    class Slow(ScriptedServices):
        def refresh(self, on_change: Callable[[], None] | None = None) -> list[str]:
            assert on_change is not None
            on_change()
            return ["far"]

        def models(self):
            if threading.current_thread().name.startswith("list-") and self.said:
                assert late.wait(10)
            self.said = True
            return super().models()

        said = False

    chat = Chat("builtin", services=Slow(shipped()))
    assert chat.perform(ListModels(id=1)).ok
    until(lambda: chat.view()["models"])
    assert chat.view()["listing"]
    late.set()
    until(lambda: not chat.view()["listing"])
    assert chat.perform(Hello(id=2)).ok
