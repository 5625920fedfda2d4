from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import workbench as wb
from tests.sessions.scripted import Script, ScriptedService, ScriptedServices, fail, say, until_cancelled
from workbench import commands
from workbench.errors import (
    ConnectionFailedError,
    ConsentNeededError,
    EmptyPromptError,
    EngineError,
    ModelNotFoundError,
    StateError,
    UsageError,
)
from workbench.events import Event, Finished, TextDelta
from workbench.request import Request
from workbench.services.registry import Services
from workbench.sessions.panes import Panes

WAIT = 60.0
AWAY = "http://models.example.com/v1"
Make = Callable[..., Panes]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Panes] = []

    def build(models: list[str], *services: ScriptedService, **given: Any) -> Panes:
        made.append(wb.panes(models, private=True, services=ScriptedServices(*services), **given))  # type: ignore[arg-type]  # scripted
        return made[-1]

    yield build
    for panes in made:
        panes.close()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def ask(panes: Panes, kind: str, **fields: Any) -> commands.Ack:
    """What a front end sends, as the bridge hands it on."""
    return panes.perform(msgspec.convert({"kind": kind, "id": 7, **fields}, commands.PanesCommand))


# Asking


def test_the_model_that_ships_twice_answers_twice_and_each_pane_is_a_chat(services: Services) -> None:
    panes = wb.panes(["builtin", "builtin"], temperature=0, private=True, services=services)
    assert panes.names == ("builtin 1", "builtin 2")
    replies = panes.send("What is a token?")
    texts = [reply.result(WAIT) for reply in replies]
    assert texts[0] == texts[1] != ""
    again = panes.chats[1].regenerate(temperature=1, seed=3)
    again.result(WAIT)
    assert len(panes.chats[1].branches(again)) == 2
    assert [len(chat.messages) for chat in panes.chats] == [2, 2]
    panes.close()


def test_local_models_answer_one_after_another_and_a_server_meanwhile(make: Make) -> None:
    going: list[str] = []
    most: list[int] = []

    def noted(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        going.append(request.model)
        most.append(len(going))
        yield TextDelta(run=request.run, text=request.model, tokens=(1,))
        time.sleep(0.05)
        going.remove(request.model)
        yield Finished(run=request.run, reason="stop")

    here = ScriptedService(noted)
    there = ScriptedService(until_cancelled("far"), name="lan", models=("big",), url="http://127.0.0.1:9/v1")
    panes = make(["tiny", "lan:big", "other", "tiny"], here, there)
    replies = panes.send("Hi")
    local = [replies[0], replies[2], replies[3]]
    assert [reply.result(WAIT) for reply in local] == ["tiny", "other", "tiny"]
    assert [request.model for request in here.requests] == ["tiny", "other", "tiny"]
    assert max(most) == 1
    assert not replies[1].done
    replies[1].stop()
    assert replies[1].result(WAIT) == "far"


def test_one_that_waits_says_for_how_many_and_can_be_stopped_alone(make: Make) -> None:
    panes = make(["tiny", "other", "tiny"], ScriptedService(until_cancelled("a"), say("b")))
    first, second, third = panes.send("Hi")
    until(lambda: (second.status, third.status) == ("queued", "queued") and first.partial == "a")
    positions = [view["messages"][-1]["position"] for view in (row["view"] for row in panes.view()["rows"])]
    assert positions == [None, 1, 2]
    second.stop()
    assert second.wait(WAIT)
    assert second.status == "cancelled"
    first.stop()
    assert third.result(WAIT) == "b"
    assert first.status == "cancelled"


def test_a_second_message_waits_behind_the_first_of_all(make: Make) -> None:
    panes = make(["tiny", "other"], ScriptedService(say("1"), say("2"), say("3"), say("4")))
    replies = [*panes.send("Hi"), *panes.send("And?")]
    assert [reply.result(WAIT) for reply in replies] == ["1", "2", "3", "4"]


def test_stop_ends_all_and_what_waits(make: Make) -> None:
    panes = make(["tiny", "other"], ScriptedService(until_cancelled("a")))
    replies = [*panes.send("Hi"), *panes.send("And?")]
    until(lambda: replies[0].partial == "a")
    panes.stop()
    assert all(reply.wait(WAIT) for reply in replies)
    assert {reply.status for reply in replies} == {"cancelled"}
    assert not panes.busy


def test_the_one_in_memory_is_asked_first(make: Make) -> None:
    service = ScriptedService(say("ok"))
    service.infos[1] = msgspec.structs.replace(service.infos[1], status="loaded")
    panes = make(["tiny", "other"], service)
    replies = panes.send("Hi")
    assert all(reply.wait(WAIT) for reply in replies)
    assert [reply.model for reply in replies] == ["tiny", "other"]
    assert [request.model for request in service.requests] == ["other", "tiny"]


def test_what_is_attached_goes_to_all_with_the_next_message(make: Make) -> None:
    panes = make(["tiny", "other"], ScriptedService(say("ok")))
    panes.attach("a,b\n1,2", name="numbers")
    [reply.result(WAIT) for reply in panes.send("Hi", attach="more words")]
    texts = [chat.messages[0].parts for chat in panes.chats]
    assert [len(parts) for parts in texts] == [3, 3]
    panes.attach("again", name="words")
    assert ask(panes, "send_all", text="And?").ok
    until(lambda: not panes.busy)
    assert [len(chat.messages[2].parts) for chat in panes.chats] == [2, 2]
    assert all(chat.attachments == () for chat in panes.chats)


def test_a_picture_is_refused_before_anybody_is_asked_where_one_cannot_see_it(make: Make, tmp_path: Path) -> None:
    from PIL import Image

    service = ScriptedService(say("ok"))
    seeing = msgspec.structs.replace(service.infos[0], capabilities=frozenset({"vision"}))
    service.infos[0] = seeing
    panes = make(["tiny", "other"], service)
    Image.new("RGB", (4, 4)).save(tmp_path / "dot.png")
    with pytest.raises(UsageError, match="other cannot see pictures"):
        panes.send("What is it?", attach=tmp_path / "dot.png")
    panes.attach(tmp_path / "dot.png")
    refused = ask(panes, "send_all", text="What is it?")
    assert not refused.ok
    assert service.requests == []
    panes.remove("tiny")  # it held what stands beside the composer
    assert [each.name for each in panes.chats[0].attachments] == ["dot.png"]


# What goes wrong


@pytest.mark.parametrize("models", ["builtin", [], ["builtin"], ["builtin"] * 5])
def test_there_are_two_to_four(models: Any) -> None:
    with pytest.raises(UsageError, match="two to 4"):
        wb.panes(models)


def test_a_model_that_is_not_there_is_refused_at_once(services: Services) -> None:
    with pytest.raises(ModelNotFoundError):
        wb.panes(["builtin", "buildin"], services=services)


def test_one_that_fails_does_not_keep_the_others_from_answering(make: Make) -> None:
    broken = ScriptedService(fail(EngineError("It did not load.")), say("fine"))
    down = ScriptedService(
        fail(ConnectionFailedError("Nothing listens there.")), name="lan", url="http://127.0.0.1:9/v1"
    )
    panes = make(["tiny", "other", "lan:tiny"], broken, down)
    replies = panes.send("Hi")
    assert [reply.wait(WAIT) for reply in replies] == [True] * 3
    assert isinstance(replies[0].error, EngineError)
    assert replies[1].result() == "fine"
    assert isinstance(replies[2].error, ConnectionFailedError)
    assert [reply.model for reply in replies] == ["tiny", "other", "lan:tiny"]  # nobody answers instead


def test_nothing_is_sent_where_one_needs_leave_from_code(make: Make) -> None:
    here = ScriptedService(say("ok"))
    panes = make(["tiny", "far:big"], here, ScriptedService(name="far", models=("big",), url=AWAY))
    with pytest.raises(ConsentNeededError):
        panes.send("Hi")
    assert here.requests == []
    with pytest.raises(EmptyPromptError):
        make(["tiny", "tiny"], here).send(" ")


def test_in_the_widget_the_pane_that_needs_leave_asks_for_it_and_the_other_answers(make: Make) -> None:
    far = ScriptedService(say("far"), name="far", models=("big",), url=AWAY)
    panes = make(["tiny", "far:big"], ScriptedService(say("near")), far)
    assert ask(panes, "send_all", text="Hi").ok
    until(lambda: panes.chats[0].last is not None and panes.chats[0].last.done)
    held = panes.view()["rows"][1]["view"]
    assert held["consent"]["text"] == "Hi"
    assert held["messages"] == []
    refused = ask(panes, "send_all", text="And?")
    assert refused.error is not None
    assert "leave" in refused.error.message
    assert ask(panes, "in_pane", pane=panes.chats[1].id, command={"kind": "allow", "id": 1, "always": False}).ok
    until(lambda: panes.chats[1].last is not None and panes.chats[1].last.done)
    assert panes.chats[1].messages[-1].text == "far"


# Who is there


def test_panes_come_go_and_are_named(make: Make) -> None:
    panes = make(["tiny", "tiny"], ScriptedService(say("ok")), system="Be brief.", temperature=0)
    told: list[Any] = []
    panes.observe(told.append)
    added = panes.add("other")
    assert panes.names == ("tiny 1", "tiny 2", "other")
    assert (added.system, added.options.temperature) == ("Be brief.", 0)
    panes.chats[0].model = "other"
    assert panes.names == ("other 1", "tiny", "other 2")
    assert list(told[-1][1]["names"].values()) == list(panes.names)
    panes.remove("tiny")
    assert panes.chats[-1] is added
    panes.remove(added)
    with pytest.raises(StateError, match="last"):
        panes.remove(0)
    with pytest.raises(UsageError, match="no pane 'tiny'"):
        panes.keep("tiny")
    assert [op[0] for op in told if op[0] in ("row", "drop")] == ["row", "drop", "drop"]


def test_five_are_too_many(make: Make) -> None:
    panes = make(["tiny"] * 4, ScriptedService(say("ok")))
    with pytest.raises(StateError, match="4 chats"):
        panes.add("other")


def test_one_is_kept_and_goes_on_as_a_chat(make: Make) -> None:
    panes = make(["tiny", "other"], ScriptedService(say("ok")))
    [reply.result(WAIT) for reply in panes.send("Hi")]
    gone = panes.chats[0]
    kept = panes.keep("other")
    assert (panes.chats, kept.model, len(kept.messages)) == ((kept,), "other", 2)
    assert kept.send("And?").result(WAIT) == "ok"
    with pytest.raises(StateError, match="closed"):
        gone.send("Hi")
    assert wb.reopen(kept.history_id) is kept


def test_each_is_kept_in_the_history_on_its_own(services: Services) -> None:
    panes = wb.panes(["builtin", "builtin"], services=services, max_tokens=5)
    [reply.result(WAIT) for reply in panes.send("Hello there, panes")]
    kept = [chat.history_id for chat in panes.chats]
    panes.close()
    found = {hit.chat for hit in wb.history().search("panes")}
    assert set(kept) <= found


def test_the_questions_go_on_as_a_comparison(services: Services) -> None:
    panes = wb.panes(["builtin", "builtin"], services=services, private=True, max_tokens=5)
    with pytest.raises(StateError, match="Nothing was asked"):
        panes.to_comparison()
    [reply.result(WAIT) for reply in panes.send("What is a token?")]
    comparison = panes.to_comparison()
    assert comparison.wait(WAIT)
    assert comparison.cell(0, "builtin").text
    comparison.close()
    panes.close()


# What a front end sees


def test_the_view_tells_of_every_chat_and_changes_are_tagged_by_pane(make: Make) -> None:
    panes = make(["tiny", "other"], ScriptedService(say("x", "y")))
    told: list[Any] = []
    panes.observe(told.append)
    [reply.result(WAIT) for reply in panes.send("Hi")]
    ids = [chat.id for chat in panes.chats]
    assert [row["id"] for row in panes.view()["rows"]] == ids
    written = {
        pane: "".join(op[2][2] for op in told if op[:2] == ["pane", pane] and op[2][0] == "text") for pane in ids
    }
    assert written == dict.fromkeys(ids, "xy")


def test_a_command_for_one_pane_is_answered_by_its_chat(make: Make) -> None:
    panes = make(["tiny", "other"], ScriptedService(say("ok")))
    one = panes.chats[1].id
    ack = ask(panes, "in_pane", pane=one, command={"kind": "set_title", "id": 99, "title": "Mine"})
    assert (ack.id, ack.ok, panes.chats[1].title, panes.chats[0].title) == (7, True, "Mine", "")
    refused = ask(panes, "in_pane", pane="gone", command={"kind": "new_chat", "id": 99})
    assert refused.error is not None
    assert "no pane" in refused.error.message
    assert ask(panes, "add_pane", model="tiny").ok
    assert ask(panes, "remove_pane", pane=one).ok
    assert ask(panes, "keep_pane", pane=panes.chats[0].id).data == {"chat": panes.chats[0].history_id}


def test_the_saved_copy_has_what_every_pane_said(make: Make) -> None:
    script: Script = say("<b>bold</b>")
    panes = make(["tiny", "other"], ScriptedService(script))
    [reply.result(WAIT) for reply in panes.send("Hi")]
    html = panes.html()
    assert f'data-wb-panes="{panes.id}"' in html
    assert html.count("&lt;b&gt;bold") == 2
    assert "<b>bold" not in html
    assert repr(panes) == "<Panes: tiny, other>"
