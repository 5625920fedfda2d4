"""A message that does not fit the context: said, never cut silently, and what the person can choose."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say
from tests.sessions.test_chat import Front, sent, until
from workbench.commands import Overflow
from workbench.errors import ContextOverflowError, UsageError
from workbench.events import Event, Failed, Finished, TextDelta, Usage
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.local import LocalChatService
from workbench.services.registry import Services
from workbench.sessions.chat import Chat


def words(request: Request) -> int:
    return sum(len(m.text.split()) for m in request.messages)


class Narrow(ScriptedService):
    """A model whose tokens are words, with room for so many; it answers with the number of words it read."""

    def __init__(self, room: int, **given: Any) -> None:
        super().__init__(**given)
        self.room = room
        self.infos = [msgspec.structs.replace(info, context_length=room) for info in self.infos]

    def count_tokens(self, request: Request) -> int | None:
        return words(request) if self.url is None else None

    def stream(self, request: Request) -> Iterator[Event]:
        self.requests.append(request)
        count = words(request)
        if count >= self.room:
            message = f"The prompt has {count} tokens, {count - self.room + 1} too many for a context of {self.room}."
            yield Failed(run=request.run, error=ContextOverflowError(message).info)
            return
        yield TextDelta(run=request.run, text=f"read {count}")
        yield Finished(run=request.run, reason="stop", usage=Usage(prompt_tokens=count, completion_tokens=2))


def narrow(room: int = 100, **given: Any) -> tuple[Chat, Narrow, Front]:
    service = Narrow(room, **given)
    chat = Chat(services=ScriptedServices(service))
    return chat, service, Front(chat)


def filled(chat: Chat, turns: int = 3) -> None:
    for number in range(turns):
        chat.send(f"turn{number} " * 25).result(5)


def chosen(front: Front, choice: str) -> dict[str, Any]:
    return next(each for each in front.state["overflow"]["choices"] if each["choice"] == choice)


def test_from_code_it_fails_and_nothing_is_cut() -> None:
    chat, service, front = narrow()
    filled(chat)
    with pytest.raises(ContextOverflowError, match=r"101 tokens|111 tokens"):
        chat.send("more " * 30).result(5)
    assert len(chat.messages) == 7
    assert front.state == chat.view()
    assert len(service.requests[3].messages) == 7, "all of it was sent"
    assert front.state["overflow"] is not None


def test_the_person_is_told_with_numbers_and_may_leave_it() -> None:
    chat, _, front = narrow()
    filled(chat)
    reply = chat.send("more " * 30)
    reply.wait(5)
    until(lambda: front.state["overflow"])
    state = front.state["overflow"]
    assert (state["tokens"], state["limit"], state["reserved"]) == (111, 100, 25)
    assert [each["choice"] for each in state["choices"]] == ["drop", "summarise", "new", "raise"]
    assert [each["able"] for each in state["choices"]] == [True, True, True, False]
    assert "oldest 2 turns of 3" in chosen(front, "drop")["words"]
    assert "no context long enough" in chosen(front, "raise")["words"]
    assert chat.perform(Overflow(id=1, choice="cancel")).ok
    assert front.state["overflow"] is None
    refused = chat.perform(Overflow(id=2, choice="drop"))
    assert refused.error is not None
    assert refused.error.kind == "StateError"
    assert front.state == chat.view()


def test_leaving_out_the_oldest_turns_keeps_them_in_the_transcript_and_says_how_many() -> None:
    chat, service, front = narrow()
    filled(chat)
    reply = chat.send("more " * 30)
    reply.wait(5)
    until(lambda: front.state["overflow"])
    assert chat.perform(Overflow(id=1, choice="drop")).ok
    last = chat.last
    assert last is not None
    assert last.result(5) == "read 57"
    assert (last.id, len(chat.messages)) == (reply.id, 8)
    assert [note.message for note in last.notes] == [
        "The oldest 2 turns were left out of what was sent: they did not fit the context."
    ]
    assert sent(service.requests[-1])[0][1].startswith("turn2")
    assert chat.send("and " * 30).result(5), "from now on it does so by itself"
    assert "left out" in chat.last.notes[0].message  # type: ignore[union-attr]  # there is one
    assert front.state == chat.view()


def test_a_summary_stands_for_the_oldest_turns_on_a_branch_beside_them() -> None:
    chat, service, front = narrow(200)
    filled(chat, 6)
    reply = chat.send("more " * 40)
    reply.wait(5)
    until(lambda: front.state["overflow"])
    assert chosen(front, "summarise")["able"]
    assert chat.perform(Overflow(id=1, choice="summarise")).ok
    last = chat.last
    assert last is not None
    assert last.result(5).startswith("read ")
    asked = service.requests[-2]
    assert asked.messages[-1].text.startswith("Summarise our conversation")
    assert asked.options.max_tokens == 25
    read = service.requests[-1].messages
    assert read[0].role == "system"
    assert read[0].text.startswith("Summary of the conversation before this:\n\nread ")
    assert read[-1].text.startswith("more")
    assert words(service.requests[-1]) < 175
    assert chat.messages[0].role == "system"
    assert chat.messages[0].text == read[0].text
    before = front.state["messages"][0]["place"]
    assert (before["index"], before["count"]) == (2, 2)
    chat.show(before["previous"])
    assert len(chat.messages) == 12, "the turns are all there, without the question that moved"
    assert front.state == chat.view()


def test_starting_anew_takes_the_question_along() -> None:
    chat, _service, front = narrow()
    filled(chat)
    chat.send("more " * 30).wait(5)
    until(lambda: front.state["overflow"])
    assert chat.perform(Overflow(id=1, choice="new")).ok
    assert chat.last is not None
    assert chat.last.result(5) == "read 30"
    assert len(chat.messages) == 2
    assert front.state["messages"][0]["place"]["count"] == 2
    assert front.state == chat.view()


def test_a_message_too_long_alone_can_only_be_shortened() -> None:
    chat, _, front = narrow()
    chat.send("a").result(5)
    chat.send("more " * 130).wait(5)
    until(lambda: front.state["overflow"])
    assert not any(each["able"] for each in front.state["overflow"]["choices"])
    assert "The message alone has 130 tokens" in chosen(front, "drop")["words"]
    refused = chat.perform(Overflow(id=1, choice="drop"))
    assert refused.error is not None
    assert "130 tokens" in refused.error.message
    assert front.state["overflow"] is not None


def test_from_code_it_can_be_decided_before() -> None:
    chat, _service, front = narrow()
    chat.overflow = "drop"
    filled(chat)
    assert chat.send("more " * 30).result(5) == "read 57"
    assert front.state["overflow"] is None
    with pytest.raises(UsageError, match="cannot be 'cut'"):
        chat.overflow = "cut"  # type: ignore[assignment]  # as a person could


def test_what_was_decided_before_but_cannot_be_done_fails_in_words() -> None:
    chat, _, front = narrow()
    chat.overflow = "raise"
    filled(chat)
    with pytest.raises(ContextOverflowError, match="no context long enough"):
        chat.send("more " * 30).result(5)
    assert front.state["overflow"] is not None


def test_a_server_that_refuses_is_answered_with_estimates() -> None:
    chat, _service, front = narrow(name="far", models=("big",), url="http://localhost:1/v1")
    filled(chat)
    chat.send("more " * 30).wait(5)
    until(lambda: front.state["overflow"])
    assert (front.state["overflow"]["tokens"], front.state["overflow"]["limit"]) == (111, 100)
    assert "about" in chosen(front, "summarise")["words"]
    assert "set at its server" in chosen(front, "raise")["words"]
    chat.perform(Overflow(id=1, choice="drop"))
    assert chat.last is not None
    assert chat.last.result(5).startswith("read ")


def test_a_server_that_cuts_silently_is_told_of() -> None:
    class Cutting(Narrow):
        def stream(self, request: Request) -> Iterator[Event]:
            self.requests.append(request)
            yield TextDelta(run=request.run, text="ok")
            usage = Usage(prompt_tokens=min(self.room, words(request)), completion_tokens=1)
            yield Finished(run=request.run, reason="stop", usage=usage)

    service = Cutting(60, name="far", models=("big",), url="http://localhost:1/v1")
    chat = Chat(services=ScriptedServices(service))
    notes = []
    for number in range(3):
        reply = chat.send(f"turn{number} " * 25)
        reply.result(5)
        notes.append([note.message for note in reply.notes])
    assert notes == [[], [], []], "60 of 76 words is no proof, and no fewer than before"
    service.room = 50
    reply = chat.send("short")
    reply.result(5)
    assert "counted 50 tokens of prompt, but the conversation had 60 already" in reply.notes[0].message
    reply = chat.send("word " * 200)
    reply.result(5)
    assert "but the conversation has 2" in reply.notes[0].message or "had 50" in reply.notes[0].message


def test_a_stop_while_the_summary_is_written_ends_it() -> None:
    started = threading.Event()

    class Slow(Narrow):
        def stream(self, request: Request) -> Iterator[Event]:
            if "Summarise our" not in request.messages[-1].text:
                yield from super().stream(request)
                return
            started.set()
            assert self._cancels.setdefault(request.run, threading.Event()).wait(10)
            yield Finished(run=request.run, reason="cancelled")

    service = Slow(200)
    chat = Chat(services=ScriptedServices(service))
    chat.overflow = "summarise"
    filled(chat, 6)
    reply = chat.send("more " * 40)
    assert started.wait(10)
    reply.stop()
    assert reply.wait(10)
    assert reply.status == "cancelled"
    assert len(chat.messages) == 13


def test_the_real_model_is_loaded_with_a_longer_context() -> None:
    services = Services(LocalChatService())
    try:
        chat = Chat(services=services, options=GenerationOptions(context_length=256))
        front = Front(chat)
        assert chat.send("Hello", temperature=0).result(60)
        assert front.state["context"]["limit"] == 256
        chat.send("word " * 300, temperature=0, max_tokens=20).wait(60)
        until(lambda: front.state["overflow"], 30)
        assert chosen(front, "raise")["able"]
        assert chat.perform(Overflow(id=1, choice="raise")).ok
        assert chat.last is not None
        assert chat.last.wait(60)
        assert chat.last.error is None
        assert "loaded anew with a context of" in chat.last.notes[0].message
        assert (chat.options.context_length or 0) > 256
        assert chat.context.limit == chat.options.context_length
        assert front.state == chat.view()
    finally:
        services.close()


def test_the_real_model_leaves_out_turns_it_counted(services: Services) -> None:
    chat = Chat(services=services)
    front = Front(chat)
    for number in range(3):
        chat.send(f"word{number} " * 160, temperature=0, max_tokens=5).wait(60)
    chat.send("word " * 1100, temperature=0, max_tokens=20).wait(60)
    until(lambda: front.state["overflow"], 30)
    assert chosen(front, "drop")["able"]
    chat.perform(Overflow(id=1, choice="drop"))
    assert chat.last is not None
    assert chat.last.wait(60)
    assert chat.last.error is None
    assert (chat.last.usage.prompt_tokens or 9999) < 2048


def test_an_overflow_is_no_reason_for_a_fallback() -> None:
    service = ScriptedService(fail(ContextOverflowError("The prompt has 9 tokens, 1 too many for a context of 9.")))
    chat = Chat(services=ScriptedServices(service, ScriptedService(say("other"), name="far", models=("big",))))
    assert chat.send("a").wait(5)
    assert isinstance(chat.last.error, ContextOverflowError)  # type: ignore[union-attr]  # there is one
