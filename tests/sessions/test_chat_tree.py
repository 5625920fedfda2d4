"""Editing, asking again, continuing, branching: a conversation as a tree, and what a front end hears of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say, until_cancelled
from tests.sessions.test_chat import Front, make, sent, until
from workbench.errors import EmptyPromptError, HostCrashedError, ModelNotFoundError, StateError, UsageError
from workbench.events import Event, Finished, TextDelta
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.registry import Services
from workbench.sessions.chat import Chat


def texts(chat: Chat) -> list[str]:
    return [m.text for m in chat.messages]


def asked(chat: Chat, text: str) -> str:
    """Id of the newest question of that text."""
    return next(m.id for m in reversed(chat.messages) if m.role == "user" and m.text == text)


def test_an_edited_question_is_asked_beside_the_first_and_one_can_go_back() -> None:
    chat, service = make(say("1"), say("2"), say("3"))
    front = Front(chat)
    chat.send("a").result(5)
    chat.send("b").result(5)
    reply = chat.edit(asked(chat, "a"), "a, better")
    assert reply is not None
    assert reply.result(5) == "3"
    assert texts(chat) == ["a, better", "3"]
    assert sent(service.requests[2]) == [("user", "a, better")]
    assert front.state == chat.view()
    first = front.state["messages"][0]
    assert first["place"] | {"previous": 0} == {"index": 2, "count": 2, "previous": 0, "next": None}
    chat.show(first["place"]["previous"])
    assert texts(chat) == ["a", "1", "b", "2"]
    assert front.state == chat.view()
    assert [m.text for m in chat.branches(asked(chat, "a"))] == ["a", "a, better"]


def test_an_edited_answer_has_that_text_and_nobody_is_asked() -> None:
    chat, service = make(say("wrong"), say("next"))
    front = Front(chat)
    reply = chat.send("a")
    reply.result(5)
    assert chat.edit(reply, "right") is None
    assert texts(chat) == ["a", "right"]
    assert front.state["messages"][1]["edited"]
    assert not front.state["messages"][0]["edited"]
    assert chat.last is not None
    assert (chat.last.result(), chat.last.model) == ("right", "tiny")
    chat.send("b").result(5)
    assert sent(service.requests[1]) == [("user", "a"), ("assistant", "right"), ("user", "b")]
    assert front.state == chat.view()


def test_regenerate_with_another_model_and_other_options() -> None:
    chat, service = make(say("one"), say("two"), say("three"), options=GenerationOptions(temperature=0.5))
    chat.send("a", seed=3).result(5)
    new = chat.regenerate(model="other", temperature=0)
    assert new.result(5) == "two"
    assert (new.model, chat.model) == ("other", "tiny")
    assert service.requests[1].options == GenerationOptions(temperature=0, seed=3)
    chat.options = GenerationOptions(temperature=1)
    chat.regenerate().result(5)
    assert service.requests[2].options == GenerationOptions(temperature=1, seed=3), "the options set now count"
    assert [m.model for m in chat.branches(new.id)] == ["tiny", "other", "tiny"]
    with pytest.raises(ModelNotFoundError):
        chat.regenerate(model="tinny")


def test_regenerate_takes_a_question_too() -> None:
    chat, _ = make(say("one"), say("two"))
    chat.send("a").result(5)
    question = chat.messages[0].id
    chat.delete(chat.messages[1].id)
    assert texts(chat) == ["a"]
    assert chat.regenerate().result(5) == "two"
    assert chat.messages[0].id == question


def test_go_on_begins_with_the_text_and_goes_on_from_there() -> None:
    chat, service = make(say("one, ", reason="length"), say("two"))
    front = Front(chat)
    old = chat.send("count")
    old.result(5)
    longer = chat.go_on()
    assert longer.result(5) == "one, two"
    assert list(longer) == ["one, ", "two"]
    request = service.requests[1]
    assert request.continues
    assert sent(request) == [("user", "count"), ("assistant", "one, ")]
    assert [m.text for m in chat.branches(old.id)] == ["one, ", "one, two"]
    assert front.state == chat.view()


def test_a_server_that_cannot_continue_is_asked_in_an_ordinary_turn_and_that_is_said() -> None:
    chat, service = make(say("one"), say("two"))
    service.continues = False
    chat.send("count").result(5)
    reply = chat.go_on()
    assert reply.result(5) == "two"
    assert texts(chat) == ["count", "one", "Go on exactly where you stopped.", "two"]
    assert reply.notes[0].message == "tiny cannot continue an answer, so it was asked to go on."
    assert not service.requests[1].continues


def test_go_on_needs_a_text() -> None:
    chat, _ = make(fail(HostCrashedError("died")))
    with pytest.raises(UsageError):
        chat.go_on()
    chat.send("a").wait(5)
    with pytest.raises(UsageError, match="no text to go on from"):
        chat.go_on()


def test_a_queued_question_reads_what_became_of_the_answer_before_it() -> None:
    chat, service = make(until_cancelled("half"), say("end"))
    first = chat.send("a")
    second = chat.send("b")
    until(lambda: first.partial)
    first.stop()
    assert second.result(5) == "end"
    assert sent(service.requests[1]) == [("user", "a"), ("assistant", "half"), ("user", "b")]


def test_an_interrupting_question_stops_the_answer_and_goes_before_those_that_wait() -> None:
    chat, service = make(until_cancelled("half"), say("now"), say("later"))
    front = Front(chat)
    first = chat.send("a")
    waiting = chat.send("b")
    until(lambda: first.partial)
    urgent = chat.send("c", interrupt=True)
    assert urgent.result(5) == "now"
    assert waiting.result(5) == "later"
    assert first.status == "cancelled"
    assert texts(chat) == ["a", "half", "c", "now", "b", "later"]
    assert sent(service.requests[1])[-1] == ("user", "c")
    assert sent(service.requests[2]) == [
        ("user", "a"),
        ("assistant", "half"),
        ("user", "c"),
        ("assistant", "now"),
        ("user", "b"),
    ]
    assert front.state == chat.view()


def test_an_interrupt_with_nothing_going_is_a_plain_question() -> None:
    chat, _ = make(say("one"))
    assert chat.send("a", interrupt=True).result(5) == "one"


def test_another_path_can_be_read_while_an_answer_is_written_which_goes_on() -> None:
    go = threading.Event()

    def slow(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield TextDelta(run=request.run, text="first ")
        assert go.wait(5)
        yield TextDelta(run=request.run, text="second")
        yield Finished(run=request.run, reason="stop")

    chat, _ = make(say("old"), slow)
    front = Front(chat)
    old = chat.send("a")
    old.result(5)
    new = chat.regenerate()
    until(lambda: new.partial)
    chat.show(old.id)
    ops = len(front.ops)
    assert texts(chat) == ["a", "old"]
    go.set()
    assert new.result(5) == "first second"
    assert not [op for op in front.ops[ops:] if op[0] in ("text", "patch") and op[1] == new.id], "nothing of it is sent"
    assert front.state == chat.view()
    chat.show(new.id)
    assert front.message(new.id)["text"] == "first second"
    assert front.state == chat.view()


def test_deleting_stops_what_runs_there_and_leaves_the_rest() -> None:
    chat, _ = make(say("one"), until_cancelled("two"), say("three"))
    front = Front(chat)
    first = chat.send("a")
    first.result(5)
    running = chat.send("b")
    waiting = chat.send("c")
    until(lambda: running.partial)
    chat.delete(asked(chat, "b"))
    assert running.wait(5)
    assert waiting.wait(5)
    assert texts(chat) == ["a", "one"]
    assert front.state == chat.view()
    assert chat.send("d").result(5) == "three"
    chat.delete(asked(chat, "a"))
    assert (chat.messages, chat.last) == ((), None)
    assert front.state == chat.view()


def test_deleting_one_of_two_versions_shows_the_other() -> None:
    chat, _ = make(say("one"), say("two"))
    front = Front(chat)
    first = chat.send("a")
    first.result(5)
    second = chat.regenerate()
    second.result(5)
    chat.delete(second.id)
    assert texts(chat) == ["a", "one"]
    assert front.message(first.id)["place"]["count"] == 1
    assert front.state == chat.view()


def test_a_branch_that_is_not_touched_goes_on() -> None:
    chat, _ = make(say("one"), until_cancelled("two"))
    first = chat.send("a")
    first.result(5)
    running = chat.regenerate()
    until(lambda: running.partial)
    chat.delete(first.id)
    assert not running.done
    running.stop()
    assert running.result(5) == "two"


def test_a_fork_is_a_copy_up_to_a_message_and_goes_its_own_way() -> None:
    chat, service = make(say("1"), say("2"), say("3"), system="Be brief.", options=GenerationOptions(seed=1))
    first = chat.send("a")
    first.result(5)
    chat.send("b").result(5)
    fork = chat.fork(first.id)
    assert texts(fork) == ["Be brief.", "a", "1"]
    assert fork.options == chat.options
    assert {m.id for m in fork.messages}.isdisjoint(m.id for m in chat.messages)
    fork.send("c").result(5)
    assert sent(service.requests[2]) == [("system", "Be brief."), ("user", "a"), ("assistant", "1"), ("user", "c")]
    assert texts(chat) == ["Be brief.", "a", "1", "b", "2"]
    assert texts(chat.fork()) == texts(chat)


def test_what_the_system_says_can_be_changed() -> None:
    chat, service = make(say("1"), say("2"))
    front = Front(chat)
    chat.system = "Be brief."
    assert front.state == chat.view()
    chat.send("a").result(5)
    chat.system = "Be long."
    assert (chat.system, front.state["system"], front.state["messages"][0]["text"]) == ("Be long.",) * 3
    chat.system = ""
    assert front.state == chat.view()
    assert chat.edit(chat.messages[0], "b") is not None
    assert chat.last is not None
    chat.last.result(5)
    assert sent(service.requests[0])[0] == ("system", "Be brief.")
    assert sent(service.requests[1]) == [("user", "b")]


def test_bad_input_changes_nothing() -> None:
    chat, service = make(until_cancelled("x"))
    reply = chat.send("a")
    until(lambda: reply.partial)
    front = Front(chat)
    before = chat.view()
    for wrong in (chat.show, chat.delete, chat.fork, chat.branches):
        with pytest.raises(UsageError, match="no such message"):
            wrong("nowhere")
    with pytest.raises(UsageError):
        chat.edit("nowhere", "text")
    with pytest.raises(EmptyPromptError):
        chat.edit(asked(chat, "a"), " ")
    with pytest.raises(StateError, match="not finished"):
        chat.edit(reply.id, "text")
    with pytest.raises(StateError, match="not finished"):
        chat.go_on()
    assert front.ops == []
    assert chat.view() == before
    reply.stop()
    reply.wait(5)
    assert len(service.requests) == 1


def test_the_real_model_on_branches(services: Services) -> None:
    chat = Chat(services=services)
    front = Front(chat)
    first = chat.send("Hello", temperature=0)
    text = first.result(60)
    again = chat.regenerate()
    assert again.result(60) == text
    edited = chat.edit(asked(chat, "Hello"), "Who are you?", temperature=0)
    assert edited is not None
    assert edited.result(60) == Chat(services=services).send("Who are you?", temperature=0).result(60)
    assert front.state == chat.view()
    cut = chat.send("Hello", temperature=0, max_tokens=3)
    assert cut.result(60)
    whole = chat.go_on(cut.id)
    assert whole.result(60).startswith(cut.text)
    assert front.state == chat.view()


def test_a_chat_between_two_models_says_which_wrote_what() -> None:
    local = ScriptedService(say("here"))
    remote = ScriptedService(say("there"), name="far", models=("big",))
    chat = Chat(services=ScriptedServices(local, remote))
    chat.send("a").result(5)
    chat.model = "far:big"
    chat.send("b").result(5)
    assert [(m.text, m.model) for m in chat.messages if m.role == "assistant"] == [
        ("here", "tiny"),
        ("there", "far:big"),
    ]
    assert sent(remote.requests[0]) == [("user", "a"), ("assistant", "here"), ("user", "b")]
