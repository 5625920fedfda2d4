"""An answer that calls functions: allowed, run, and gone on with, from a cell and from the widget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sessions.scripted import Script, ScriptedService, ScriptedServices, fail, say
from workbench.commands import AllowTool, AnswerCall, SetMode
from workbench.errors import ConnectionFailedError, StateError, UsageError
from workbench.events import Event, Finished, TextDelta, ToolCalled, Usage
from workbench.messages import Text, ToolCall, ToolResult, plain
from workbench.request import Request
from workbench.sessions.chat import Chat
from workbench.sessions.tools.modes import EDIT
from workbench.sessions.tools.rounds import MOST_ROUNDS

SECONDS = 20


def call(*calls: tuple[str, str], text: str = "", ids: str = "c") -> Script:
    """A script that says something and then calls functions."""

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        if text:
            yield TextDelta(run=request.run, text=text, tokens=(1,))
        for number, (name, arguments) in enumerate(calls):
            yield ToolCalled(run=request.run, call=ToolCall(f"{ids}{number}", name, arguments))
        yield Finished(run=request.run, reason="tool_calls", usage=Usage(prompt_tokens=10, completion_tokens=5))

    return script


def chat_with(*scripts: Script, tools: Any = (), **given: Any) -> tuple[Chat, ScriptedService]:
    service = ScriptedService(*scripts)
    chat = Chat("tiny", services=ScriptedServices(service), private=True, **given)  # type: ignore[arg-type]  # plays them
    chat.tools = tools
    return chat, service


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_an_allowed_call_runs_and_the_same_answer_goes_on() -> None:
    chat, service = chat_with(call(("add", '{"a": 3, "b": 4}'), text="Let me see."), say("It ", "is 7."), tools=[add])
    chat.allow("add")
    reply = chat.send("add them")
    assert reply.result(SECONDS) == "Let me see.\n\nIt is 7."
    (called,) = reply.calls
    assert (called.status, called.value, called.result, called.arguments) == ("done", 7, "7", {"a": 3, "b": 4})
    assert service.requests[0].tools[0].name == "add"
    assert [m.role for m in chat.messages] == ["user", "assistant"]
    answer = chat.messages[-1]
    assert [type(p) for p in answer.parts] == [Text, ToolCall, ToolResult, Text]
    assert plain(service.requests[1].messages)[1:] == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {"id": "c0", "type": "function", "function": {"name": "add", "arguments": '{"a": 3, "b": 4}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c0", "content": "7"},
    ]
    assert reply.usage == Usage(prompt_tokens=17, completion_tokens=7)
    assert chat.context.used == 9
    assert plain(chat.messages)[-1] == {"role": "assistant", "content": "It is 7."}


def test_without_a_widget_a_wait_says_how_to_allow_and_the_call_waits_on() -> None:
    chat, _ = chat_with(call(("add", '{"a": 3, "b": 4}')), say("7"), tools=[add])
    reply = chat.send("add them")
    for wait in (lambda: reply.result(SECONDS), lambda: reply.wait(SECONDS), lambda: list(reply)):
        with pytest.raises(StateError, match=r"asks to run add\(.*chat.allow\('add'\)"):
            wait()
    assert reply.status == "asking"
    assert chat.view()["messages"][-1]["status"] == "asking"
    chat.allow_call(reply.calls[0].id)
    assert reply.result(SECONDS) == "7"
    assert reply.done


def test_a_wait_goes_on_while_a_widget_shows_the_question() -> None:
    chat, _ = chat_with(call(("add", '{"a": 3, "b": 4}')), say("7"), tools=[add])
    leave = chat.observe(lambda op: None)
    reply = chat.send("add them")
    until(lambda: reply.status == "asking")
    assert reply.wait(0.05) is False
    number = reply.calls[0].id
    assert chat.perform(AnswerCall(id=1, call=number, how="once")).ok
    assert reply.result(SECONDS) == "7"
    leave()


def test_the_person_changes_the_arguments() -> None:
    chat, service = chat_with(call(("add", '{"a": 3, "b": 4}')), say("42"), tools=[add])
    reply = chat.send("add them")
    until(lambda: reply.status == "asking")
    refused = chat.perform(AnswerCall(id=1, call="c0", how="once", arguments={"a": "x", "b": 1}))
    assert not refused.ok
    assert refused.error is not None
    assert "a: expected int" in refused.error.message
    assert reply.status == "asking"
    chat.allow_call(arguments={"a": 40, "b": 2})
    assert reply.result(SECONDS) == "42"
    assert reply.calls[0].value == 42
    wire: Any = plain(service.requests[1].messages)
    assert wire[1]["tool_calls"][0]["function"]["arguments"] == '{"a":40,"b":2}'


def test_never_is_told_to_the_model_and_holds_for_the_chat() -> None:
    chat, service = chat_with(
        call(("add", '{"a": 1, "b": 1}')), say("no"), call(("add", '{"a": 2, "b": 2}')), say("no again"), tools=[add]
    )
    reply = chat.send("add")
    until(lambda: reply.status == "asking")
    chat.allow_call(how="never")
    assert reply.result(SECONDS) == "no"
    assert reply.calls[0].status == "refused"
    assert "did not allow" in plain(service.requests[1].messages)[-1]["content"]  # type: ignore[operator]  # a text
    assert chat.view()["tools"][0]["allowed"] == "never"
    assert chat.send("again").result(SECONDS) == "no again"
    assert chat.perform(AllowTool(id=1, tool="add", how="once")).ok
    assert chat.view()["tools"][0]["allowed"] is None


def test_always_settles_the_other_calls_of_that_function_too() -> None:
    calls = [("add", '{"a": 1, "b": 1}'), ("add", '{"a": 2, "b": 2}'), ("other", "{}")]
    chat, _ = chat_with(call(*calls), say("ok"), tools=[add, other])
    reply = chat.send("add")
    until(lambda: reply.status == "asking")
    with pytest.raises(StateError, match="Several calls wait"):
        chat.allow_call()
    chat.allow_call("c0", "always")
    until(lambda: [c.status for c in reply.calls] == ["done", "done", "asking"])
    chat.allow_call()
    assert reply.result(SECONDS) == "ok"


def other() -> str:
    return "else"


def test_what_the_model_gets_wrong_is_told_to_it_and_nobody_is_asked() -> None:
    calls = [("ad", "{}"), ("add", '{"a": "much"}'), ("add", "what")]
    chat, _ = chat_with(call(*calls), say("sorry"), tools=[add])
    reply = chat.send("add")
    assert reply.result(SECONDS) == "sorry"
    assert [c.status for c in reply.calls] == ["failed"] * 3
    assert "There is no tool 'ad'. The tools are: add." in str(reply.calls[0].result)
    assert "a: expected int" in str(reply.calls[1].result)
    assert "not JSON" in str(reply.calls[2].result)


def test_a_function_that_raises_or_hangs_is_a_result() -> None:
    let_go = threading.Event()

    def hangs() -> None:
        let_go.wait(60)

    def raises() -> None:
        raise ValueError("no such file")

    chat, _ = chat_with(call(("raises", "{}"), ("hangs", "{}")), say("hm"), tools=[raises, hangs])
    chat.tool_timeout = 0.2
    reply = chat.send("go", allow=True)
    assert reply.result(SECONDS) == "hm"
    failed, late = reply.calls
    assert (failed.status, late.status) == ("failed", "timeout")
    assert "ValueError: no such file" in str(failed.result)
    assert "\n  rounds.py" not in str(failed.result)  # only what the function did
    assert "0.2 s" in str(late.result)
    let_go.set()


def test_stop_works_while_a_call_waits_and_while_one_runs() -> None:
    chat, service = chat_with(call(("add", '{"a": 1, "b": 1}')), say("on"), tools=[add])
    reply = chat.send("add")
    until(lambda: reply.status == "asking")
    reply.stop()
    reply.result(SECONDS)
    assert (reply.finish, reply.calls[0].status) == ("cancelled", "refused")
    with pytest.raises(StateError, match="No such call"):
        chat.allow_call("c0")
    assert chat.send("and now").result(SECONDS) == "on"
    sent: Any = plain(service.requests[-1].messages)
    assert sent[2] == {"role": "tool", "tool_call_id": "c0", "content": reply.calls[0].result}

    let_go = threading.Event()

    def slow() -> None:
        let_go.wait(60)

    chat, _ = chat_with(call(("slow", "{}")), say("no"), tools=[slow])
    reply = chat.send("go", allow=True)
    until(lambda: reply.calls != () and reply.calls[0].status == "running")
    reply.stop()
    assert reply.wait(SECONDS)
    assert (reply.finish, reply.calls[0].status) == ("cancelled", "failed")
    let_go.set()


def test_a_model_that_calls_without_end_is_stopped_and_it_is_said() -> None:
    chat, service = chat_with(call(("add", '{"a": 1, "b": 1}')), tools=[add])
    reply = chat.send("add", allow=True)
    reply.result(SECONDS)
    assert len(service.requests) == MOST_ROUNDS + 1
    assert [c.status for c in reply.calls] == ["done"] * MOST_ROUNDS + ["refused"]
    assert len({c.id for c in reply.calls}) == MOST_ROUNDS + 1, "a server that counts from 0 each time"
    assert "10 times in a row" in reply.notes[-1].message
    assert reply.finish == "tool_calls"


def test_tools_of_one_message_and_a_question_asked_again() -> None:
    chat, service = chat_with(call(("other", "{}")), say("one"), call(("other", "{}")), say("two"), tools=[add])
    assert chat.send("go", tools=[other], allow=True).result(SECONDS) == "one"
    assert [t.name for t in service.requests[0].tools] == ["other"]
    assert chat.regenerate().result(SECONDS) == "two"
    assert [t.name for t in service.requests[2].tools] == ["other"]
    assert chat.send("on", tools=()).result(SECONDS) == "two"
    assert service.requests[-1].tools == ()
    with pytest.raises(UsageError, match="two tools of the name"):
        chat.send("go", tools=[other, another("other")])


def another(name: str) -> Callable[[], None]:
    def made() -> None:
        pass

    made.__name__ = name
    return made


def test_a_model_that_takes_no_tools_is_named() -> None:
    def without(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield TextDelta(run=request.run, text="Hm", tokens=(1,))
        yield Finished(run=request.run, reason="stop", ignored=("tools",))

    chat, _ = chat_with(without, tools=[add])
    reply = chat.send("add")
    reply.result(SECONDS)
    assert [(n.code, n.message) for n in reply.notes] == [
        ("option_ignored", "tiny knows no tools: it answered without them.")
    ]


def test_a_fallback_that_calls_goes_on_itself() -> None:
    away = ScriptedService(fail(ConnectionFailedError("Nothing listens.")), name="box", models=("m",))
    here = ScriptedService(call(("add", '{"a": 1, "b": 1}')), say("2"), models=("builtin",))
    chat = Chat("box:m", services=ScriptedServices(away, here), private=True)  # type: ignore[arg-type]  # plays them
    reply = chat.send("add", tools=[add], allow=True)
    assert reply.result(SECONDS) == "2"
    assert reply.model == "builtin"
    assert (len(away.requests), [r.model for r in here.requests]) == (1, ["builtin", "builtin"])


def test_a_chat_that_is_edited_asked_again_and_forked_keeps_its_calls() -> None:
    chat, _ = chat_with(call(("add", '{"a": 1, "b": 1}')), say("2"), tools=[add])
    first = chat.send("add", allow=True)
    first.result(SECONDS)
    fork = chat.fork(first)
    assert [type(p) for p in fork.messages[-1].parts] == [ToolCall, ToolResult, Text]
    assert chat.go_on(first).result(SECONDS)
    assert [m.role for m in chat.messages] == ["user", "assistant"] * 2
    edited = chat.edit(chat.messages[0], "add again")
    assert edited is not None
    assert edited.result(SECONDS) == "2"
    assert [m.role for m in chat.messages] == ["user", "assistant"]


def test_modes() -> None:
    chat, service = chat_with(say("ok"), tools=[add], system="Be brief.")
    assert chat.mode == "act"
    chat.mode = "ask"
    chat.send("go").result(SECONDS)
    assert service.requests[-1].tools == ()
    assert chat.perform(SetMode(id=1, mode="edit")).ok
    chat.send("go").result(SECONDS)
    assert service.requests[-1].tools == ()
    assert service.requests[-1].messages[0].text == f"Be brief.\n\n{EDIT}"
    assert chat.system == "Be brief."
    with pytest.raises(UsageError, match="mode cannot be"):
        chat.mode = "do"  # type: ignore[assignment]  # on purpose
    chat.mode = "act"
    chat.send("go").result(SECONDS)
    assert [t.name for t in service.requests[-1].tools] == ["add"]


def test_a_decorated_function_is_a_tool_and_still_a_function() -> None:
    chat, _ = chat_with(say("ok"))

    @chat.tool
    def twice(n: int) -> int:
        return 2 * n

    @chat.tool(allow=True)
    def thrice(n: int) -> int:
        return 3 * n

    assert twice(2) == 4
    assert chat.tools == (twice, thrice)
    assert [t["allowed"] for t in chat.view()["tools"]] == [None, "always"]
    assert chat.fork().tools == chat.tools


def test_a_chat_with_calls_reopens_as_it_was() -> None:
    from workbench.sessions.reopen import reopen

    chat, _ = chat_with(call(("add", '{"a": 3, "b": 4}'), text="Let me see."), say("It is 7."), tools=[add])
    chat.private = False
    chat.send("add them", allow=True).result(SECONDS)
    view = chat.view()["messages"][-1]
    chat.close()
    kept = reopen(chat.history_id).view()["messages"][-1]
    assert kept["tools"] == view["tools"]
    assert kept["text"] == view["text"]
    for format in ("markdown", "html", "notebook", "json", "python"):
        text = str(chat.export(format))
        assert text.index("Let me see.") < text.index("It is 7.")
        assert "add" in text
    assert "Call of add" in str(chat.export("markdown"))
    copy = chat.html()
    assert copy.index("Let me see.") < copy.index("Call of add: done") < copy.index("It is 7.")
