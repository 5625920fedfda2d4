from __future__ import annotations

import gc
import pathlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from tests.sessions.scripted import Script, ScriptedService, ScriptedServices, fail, say, until_cancelled
from workbench import builtin
from workbench.commands import ChooseModel, Hello, ListModels, NewChat, Regenerate, Send, Stop
from workbench.errors import (
    ConnectionFailedError,
    ContextOverflowError,
    EmptyPromptError,
    HostCrashedError,
    ModelNotFoundError,
    ModelTooBigError,
    OptionError,
    StateError,
    UsageError,
    WorkbenchError,
)
from workbench.events import Event, Failed, Finished, LoadProgress, ReasoningDelta, TextDelta
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.registry import Services
from workbench.sessions.answer import Op
from workbench.sessions.chat import Chat


def make(*scripts: Script, **options: Any) -> tuple[Chat, ScriptedService]:
    service = ScriptedService(*scripts)
    return Chat(services=ScriptedServices(service), **options), service


def until(condition: Callable[[], object], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


class Front:
    """A front end: holds the first view, and applies every operation as the browser does."""

    def __init__(self, chat: Chat) -> None:
        self.ops: list[Op] = []
        with chat.lock:
            self.state = chat.view()
            chat.observe(self.apply)

    def apply(self, op: Op) -> None:
        self.ops.append(op)
        messages: list[dict[str, Any]] = self.state["messages"]
        match op:
            case ["state", fields]:
                self.state |= fields
            case ["message", message]:
                place = next((i for i, m in enumerate(messages) if m["id"] == message["id"]), len(messages))
                messages[place : place + 1] = [message]
            case ["cut", last]:
                ids = [m["id"] for m in messages]
                del messages[0 if last is None else ids.index(last) + 1 :]
            case ["patch", message_id, fields]:
                self.message(message_id).update(fields)
            case [("text" | "reasoning") as kind, message_id, more]:
                self.message(message_id)[kind] += more

    def message(self, message_id: str) -> dict[str, Any]:
        return next(m for m in self.state["messages"] if m["id"] == message_id)


def sent(request: Request) -> list[tuple[str, str]]:
    return [(m.role, m.text) for m in request.messages]


def test_send_returns_at_once_and_the_transcript_holds_both_sides() -> None:
    chat, _ = make(say("Good ", "day"))
    reply = chat.send("Hello")
    assert reply.result(5) == "Good day"
    assert [(m.role, m.text) for m in chat.messages] == [("user", "Hello"), ("assistant", "Good day")]
    assert chat.last is reply
    assert reply.message == chat.messages[-1]
    assert reply.model == chat.messages[-1].model == "tiny"


def test_the_operations_rebuild_the_view() -> None:
    crash = fail(HostCrashedError("The process died.", details="log"), "par")
    chat, _ = make(say("one"), until_cancelled("two"), crash, say("three"), system="Be brief.")
    front = Front(chat)
    chat.send("a").result(5)
    second = chat.send("b")
    third = chat.send("c")
    until(lambda: second.partial)
    second.stop()
    assert third.wait(5)
    chat.retry().result(5)
    chat.model = "other"
    chat.send("d").result(5)
    assert front.state == chat.view()
    chat.clear()
    assert front.state == chat.view()
    assert [m["role"] for m in front.state["messages"]] == ["system"]


def test_the_model_reads_the_system_message_and_the_conversation_without_reasoning() -> None:
    def thinks(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield ReasoningDelta(run=request.run, text="a secret thought")
        yield TextDelta(run=request.run, text="first")
        yield Finished(run=request.run, reason="stop")

    chat, service = make(thinks, say("second"), system="Be brief.")
    assert chat.send("one").result(5) == "first"
    assert chat.last is not None
    assert chat.last.reasoning == "a secret thought"
    chat.send("two").result(5)
    assert sent(service.requests[1]) == [
        ("system", "Be brief."),
        ("user", "one"),
        ("assistant", "first"),
        ("user", "two"),
    ]
    from workbench.messages import plain

    assert "secret" not in str(plain(service.requests[1].messages))


def test_a_failed_answer_without_text_is_not_sent_but_a_stopped_one_is_kept() -> None:
    chat, service = make(fail(HostCrashedError("died")), until_cancelled("half"), say("end"))
    assert chat.send("one").wait(5)
    half = chat.send("two")
    until(lambda: half.partial)
    half.stop()
    assert half.result(5) == "half"
    chat.send("three").result(5)
    assert sent(service.requests[2]) == [("user", "two"), ("assistant", "half"), ("user", "three")]


def test_a_failure_is_data_in_its_place_and_the_text_is_kept() -> None:
    chat, _ = make(
        fail(HostCrashedError("The process died.", details="the end of its log"), "some ", "text"), say("ok")
    )
    reply = chat.send("Hello")
    with pytest.raises(HostCrashedError, match="The process died"):
        reply.result(5)
    assert reply.text == "some text"
    view = chat.view()["messages"][-1]
    assert view["status"] == "failed"
    assert view["text"] == "some text"
    assert view["error"]["kind"] == "HostCrashedError"
    assert view["error"]["details"] == "the end of its log"
    assert chat.send("again").result(5) == "ok"


def test_a_service_that_raises_or_ends_early_is_a_failure_too() -> None:
    def raises(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield TextDelta(run=request.run, text="some")
        raise RuntimeError("a bug")

    def breaks_off(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield TextDelta(run=request.run, text="some")

    chat, _ = make(raises, breaks_off, say("fine"))
    with pytest.raises(WorkbenchError, match="RuntimeError: a bug"):
        chat.send("one").result(5)
    with pytest.raises(WorkbenchError, match="broke off"):
        chat.send("two").result(5)
    assert chat.send("three").result(5) == "fine"


def test_retry_takes_the_place_of_an_answer_without_text() -> None:
    chat, _ = make(fail(HostCrashedError("died")), say("better"))
    front = Front(chat)
    old = chat.send("Hello")
    assert old.wait(5)
    new = chat.retry(old.id)
    assert new.result(5) == "better"
    assert new.id == old.id
    assert [m["text"] for m in front.state["messages"]] == ["Hello", "better"]
    assert front.state["messages"][1]["error"] is None


def test_retry_of_an_answer_with_text_puts_a_second_one_beside_it_and_only_that_is_sent_on() -> None:
    chat, service = make(say("first"), say("second"), say("third"))
    chat.send("Hello", temperature=0, seed=3).result(5)
    new = chat.retry()
    new.result(5)
    assert [m.text for m in chat.messages] == ["Hello", "second"]
    assert [m.text for m in chat.branches(new.id)] == ["first", "second"]
    assert service.requests[1].options == GenerationOptions(temperature=0, seed=3)
    assert sent(service.requests[1]) == [("user", "Hello")]
    chat.send("more").result(5)
    assert sent(service.requests[2]) == [("user", "Hello"), ("assistant", "second"), ("user", "more")]


def test_retry_of_an_older_answer_begins_a_branch_there() -> None:
    chat, service = make(say("1"), say("2"), say("3"))
    old = chat.send("a")
    old.result(5)
    chat.send("b").result(5)
    chat.retry(old.id).result(5)
    assert [m.text for m in chat.messages] == ["a", "3"]
    assert sent(service.requests[2]) == [("user", "a")]
    chat.show(old.id)
    assert [m.text for m in chat.messages] == ["a", "1", "b", "2"]


def test_retry_refuses_what_it_cannot_do() -> None:
    chat, _ = make(until_cancelled("x"))
    with pytest.raises(UsageError, match="no such answer"):
        chat.retry()
    reply = chat.send("Hello")
    until(lambda: reply.partial)
    with pytest.raises(StateError, match="not finished"):
        chat.retry()
    reply.stop()


def test_a_second_send_queues_visibly_and_both_are_answered_in_order() -> None:
    release = threading.Event()

    def waits(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        assert release.wait(5)
        yield TextDelta(run=request.run, text="first")
        yield Finished(run=request.run, reason="stop")

    chat, service = make(waits, say("second"), say("third"))
    front = Front(chat)
    first, second, third = chat.send("a"), chat.send("b"), chat.send("c")
    until(lambda: front.message(third.id)["position"] == 2)
    assert front.message(second.id)["status"] == "queued"
    assert front.message(second.id)["position"] == 1
    second.stop()
    assert front.message(second.id)["status"] == "cancelled"
    assert front.message(third.id)["position"] == 1
    release.set()
    assert third.result(5) == "second"
    assert (first.text, second.text) == ("first", "")
    assert len(service.requests) == 2
    assert sent(service.requests[1]) == [("user", "a"), ("assistant", "first"), ("user", "c")]


def test_stop_cancels_the_run_and_drops_what_comes_late() -> None:
    chat, _ = make(until_cancelled("kept"))
    reply = chat.send("Hello")
    until(lambda: reply.partial == "kept")
    chat.stop()
    assert reply.result(5) == "kept"
    assert reply.finish == "cancelled"
    assert chat.view()["run"] is None


def test_a_stop_before_the_service_knows_the_run_is_not_lost() -> None:
    class Forgetful(ScriptedService):
        def cancel(self, run: str) -> None:
            if any(r.run == run for r in self.requests):
                super().cancel(run)

    going = threading.Event()

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        going.wait(5)
        service.requests.append(request)
        yield LoadProgress(run=request.run, model="tiny", done=1, total=2)
        assert cancelled.wait(5), "the stop was lost"
        yield Finished(run=request.run, reason="cancelled")

    service = Forgetful(script)
    original, service.requests = service.stream, []
    chat = Chat(services=ScriptedServices(service))
    reply = chat.send("Hello")
    until(lambda: chat.view()["run"])
    service.requests.clear()
    reply.stop()
    going.set()
    assert reply.result(5) == ""
    assert reply.status == "cancelled"
    assert original


def test_choosing_a_local_model_loads_it_at_once_with_progress() -> None:
    chat, service = make(say("ok"))
    front = Front(chat)
    chat.model = "other"
    assert chat.model == "other"
    chat.send("after the load").result(5)  # the load's last words come before it: one thread does both
    assert front.state["model"]["status"] == "loaded"
    assert service.loads == ["other"]
    percents = [op[1]["model"]["percent"] for op in front.ops if op[0] == "state" and "model" in op[1]]
    assert percents == [None, 0.0, 50.0, 100.0, None, None]
    assert chat.send("Hello").result(5) == "ok"
    assert service.requests[0].model == "other"


def test_a_choice_that_cannot_be_loaded_keeps_the_model_before_and_says_why() -> None:
    chat, service = make(say("ok"))
    service.load_error = HostCrashedError("It would not load.").info
    front = Front(chat)
    assert chat.model == "tiny"
    chat.model = "other"
    until(lambda: front.state["notice"])
    assert front.state["notice"]["message"] == "It would not load."
    assert front.state["model"]["id"] == chat.model == "tiny"
    chat.send("Hello").result(5)
    assert service.requests[0].model == "tiny"
    assert front.state["notice"] is None


def test_choosing_a_remote_model_checks_its_server_and_asks_that_service() -> None:
    local, remote = ScriptedService(say("here")), ScriptedService(say("there"), name="far", models=("big",))
    chat = Chat(services=ScriptedServices(local, remote))
    chat.model = "far:big"
    assert chat.send("Hello").result(5) == "there"
    until(lambda: remote.loads == ["far:big"])
    assert local.requests == []


def test_a_chosen_remote_model_whose_server_is_away_stays_chosen_and_is_said_to_be_down() -> None:
    remote = ScriptedService(say("there"), name="far", models=("big",))
    remote.load_error = ConnectionFailedError("Nothing listens at far.").info
    chat = Chat(services=ScriptedServices(ScriptedService(), remote))
    front = Front(chat)
    chat.model = "far:big"
    until(lambda: front.state["notice"])
    assert front.state["notice"]["message"] == "Nothing listens at far."
    assert (front.state["model"]["id"], front.state["model"]["status"]) == ("far:big", "down")
    assert chat.send("Hello").result(5) == "there", "it is tried all the same"
    assert front.state["model"]["status"] == "ready"
    assert front.state == chat.view()


def test_cancelling_touches_only_the_service_that_answers() -> None:
    local = ScriptedService(until_cancelled("here"))
    remote = ScriptedService(until_cancelled("there"), name="far", models=("big",))
    services = ScriptedServices(local, remote)
    one, two = Chat("tiny", services=services), Chat("far:big", services=services)
    here, there = one.send("a"), two.send("b")
    until(lambda: here.partial and there.partial)
    one.stop()
    assert here.wait(5)
    assert not there.done
    two.stop()
    assert there.wait(5)


def test_bad_input_is_refused_before_it_reaches_the_service() -> None:
    chat, service = make()
    for text in ("", "  \n\t"):
        with pytest.raises(EmptyPromptError):
            chat.send(text)
    with pytest.raises(UsageError, match="text, not int"):
        chat.send(7)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="temperature"):
        chat.send("Hello", temperature=-1)
    with pytest.raises(OptionError, match="Did you mean temperature"):
        chat.send("Hello", temprature=1)
    with pytest.raises(OptionError, match="empty"):
        chat.send("Hello", stop="")
    with pytest.raises(ModelNotFoundError, match="nearest"):
        chat.model = "tinny"
    with pytest.raises(ModelNotFoundError):
        Chat("tinny", services=ScriptedServices(service))
    assert chat.messages == ()
    assert service.requests == []
    assert chat.model == "tiny"


def test_options_of_a_send_go_on_top_of_those_of_the_chat() -> None:
    chat, service = make(options=GenerationOptions(temperature=0, max_tokens=5))
    chat.send("Hello", max_tokens=9).result(5)
    assert service.requests[0].options == GenerationOptions(temperature=0, max_tokens=9)


def test_models_are_listed_with_the_servers_that_did_not_answer() -> None:
    service = ScriptedService()
    services = ScriptedServices(service)
    services.errors["ollama"] = ConnectionFailedError("Nothing listens there.", next_step="Start it.")
    chat = Chat(services=services)
    front = Front(chat)
    assert chat.perform(ListModels(id=4)).ok
    until(lambda: front.state["models"] and not front.state["listing"])
    assert [m["id"] for m in front.state["models"]] == ["tiny", "other"]
    assert front.state["servers"] == [{"name": "ollama", "message": "Nothing listens there.", "next_step": "Start it."}]
    assert any(op == ["state", {"listing": True}] for op in front.ops)


def test_listing_does_not_wait_for_an_answer_being_written() -> None:
    chat, _ = make(until_cancelled("x"))
    front = Front(chat)
    reply = chat.send("Hello")
    until(lambda: reply.partial)
    chat.perform(ListModels(id=1))
    until(lambda: front.state["models"])
    reply.stop()


def test_commands_do_what_the_methods_do_and_never_raise() -> None:
    chat, _ = make(until_cancelled("half"), say("whole"))
    assert chat.perform(Hello(id=1)).ok
    assert chat.perform(Send(id=2, text="Hello")).ok
    until(lambda: chat.last and chat.last.partial)
    run = chat.view()["run"]
    refused = chat.perform(Regenerate(id=3, message=chat.view()["run_message"]))
    assert (refused.ok, refused.error and refused.error.kind) == (False, "StateError")
    assert chat.perform(Stop(id=4, run="unknown")).ok
    assert chat.perform(Stop(id=5, run=run)).ok
    assert chat.last is not None
    assert chat.last.wait(5)
    assert chat.perform(Regenerate(id=6, message=chat.last.id)).ok
    assert chat.last.result(5) == "whole"
    empty = chat.perform(Send(id=7, text=" "))
    assert (empty.id, empty.ok, empty.error and empty.error.kind) == (7, False, "EmptyPromptError")
    unknown = chat.perform(ChooseModel(id=8, model="tinny"))
    assert unknown.error is not None
    assert unknown.error.kind == "ModelNotFoundError"
    assert chat.perform(NewChat(id=9)).ok
    assert chat.messages == ()


def test_clear_forgets_a_run_that_is_going() -> None:
    chat, service = make(until_cancelled("old"), say("new"))
    front = Front(chat)
    old = chat.send("Hello")
    until(lambda: old.partial)
    chat.clear()
    assert old.wait(5)
    assert chat.send("Hi").result(5) == "new"
    assert [m["text"] for m in front.state["messages"]] == ["Hi", "new"]
    assert sent(service.requests[1]) == [("user", "Hi")]


def test_a_closed_chat_ends_its_thread_keeps_its_words_and_refuses_more() -> None:
    chat, _ = make(say("one"), until_cancelled("two"))
    chat.send("a").result(5)
    reply = chat.send("b")
    until(lambda: reply.partial)
    name = f"chat-{chat.id}"
    thread = next(t for t in threading.enumerate() if t.name == name)
    chat.close()
    thread.join(5)
    assert not thread.is_alive()
    assert reply.status == "cancelled"
    assert chat.messages[1].text == "one"
    with pytest.raises(StateError, match="closed"):
        chat.send("c")
    assert chat.perform(Send(id=1, text="c")).error is not None
    chat.close()


def test_a_chat_nobody_holds_ends_its_thread_but_finishes_its_answer_first() -> None:
    gc.disable()
    try:
        release = threading.Event()

        def waits(request: Request, cancelled: threading.Event) -> Iterator[Event]:
            assert release.wait(5)
            yield TextDelta(run=request.run, text="whole")
            yield Finished(run=request.run, reason="stop")

        chat, _ = make(waits)
        name = f"chat-{chat.id}"
        reply = chat.send("Hello")
        thread = next(t for t in threading.enumerate() if t.name == name)
        del chat
        release.set()
        assert reply.result(5) == "whole"
        thread.join(5)
        assert not thread.is_alive()
    finally:
        gc.enable()


def test_an_observer_that_fails_does_not_stop_the_answer() -> None:
    chat, _ = make(say("ok"))

    def broken(op: Op) -> None:
        raise RuntimeError("broken")

    chat.observe(broken)
    assert chat.send("Hello").result(5) == "ok"


def test_an_observer_can_leave() -> None:
    chat, _ = make(say("ok"))
    seen: list[Op] = []
    leave = chat.observe(seen.append)
    leave()
    leave()
    chat.send("Hello").result(5)
    assert seen == []


def test_the_context_in_use_is_known_after_an_answer() -> None:
    chat, _ = make(say("a", "b"))
    chat.send("Hello").result(5)
    assert chat.view()["context"] == {"used": 9, "reserved": 91, "limit": 100}


def test_its_repr_is_stable() -> None:
    chat, _ = make(say("ok"))
    assert "0x" not in repr(chat)
    chat.send("Hello").result(5)
    assert repr(chat) == "<Chat with tiny: 2 messages>"


def test_stopping_a_load_keeps_the_model_before() -> None:
    class Slow(ScriptedService):
        def load(self, model: str, *, run: str | None = None, force: bool = False) -> Iterator[Event]:
            assert run is not None
            yield LoadProgress(run=run, model=model, done=1, total=2)
            assert self._cancels.setdefault(run, threading.Event()).wait(5)
            yield Finished(run=run, reason="cancelled")

    chat = Chat(services=ScriptedServices(Slow()))
    front = Front(chat)
    assert chat.model == "tiny"
    chat.model = "other"
    until(lambda: front.state["model"]["percent"] == 50.0)
    chat.stop()
    until(lambda: front.state["model"]["id"] == "tiny")
    assert front.state["notice"] is None
    assert chat.model == "tiny"


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (Finished(run="r", reason="stop"), "loaded"),
        (Finished(run="r", reason="cancelled"), "ready"),
        (Failed(run="r", error=HostCrashedError("died").info), "failed"),
    ],
)
def test_a_run_that_loads_its_model_shows_how_that_went(end: Event, status: str) -> None:
    def loads(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield LoadProgress(run=request.run, model="tiny", done=1, total=4)
        yield end

    chat, _ = make(loads)
    front = Front(chat)
    chat.send("Hello").wait(5)
    assert any(op[0] == "state" and op[1].get("model", {}).get("percent") == 25.0 for op in front.ops)
    assert front.state["model"]["status"] == status
    assert front.state["model"]["percent"] is None
    assert front.state == chat.view()


def test_choosing_again_while_a_model_loads_cancels_that_load() -> None:
    class Slow(ScriptedService):
        def load(self, model: str, *, run: str | None = None, force: bool = False) -> Iterator[Event]:
            assert run is not None
            yield LoadProgress(run=run, model=model, done=1, total=2)
            if model == "other":
                assert self._cancels.setdefault(run, threading.Event()).wait(5)
                yield Finished(run=run, reason="cancelled")

    chat = Chat(services=ScriptedServices(Slow()))
    front = Front(chat)
    chat.model = "other"
    until(lambda: front.state["model"]["percent"] == 50.0)
    reply = chat.send("Hello")
    assert reply.status == "loading"
    chat.model = "tiny"
    until(lambda: front.state["model"]["id"] == "tiny" and front.state["model"]["status"] == "loaded")
    assert reply.result(5) == "ok"
    assert reply.model == "other"


TOO_BIG = ModelTooBigError("other does not fit: it needs about 42.0 GB.").info


def test_a_chosen_model_that_does_not_fit_is_named_and_can_be_forced() -> None:
    chat, service = make(say("ok"))
    front = Front(chat)
    service.load_error = TOO_BIG
    chat.perform(ChooseModel(id=1, model="other"))
    until(lambda: front.state["too_big"] == "other")
    assert front.state["notice"]["kind"] == "ModelTooBigError"
    assert chat.model == "tiny"
    service.load_error = None
    chat.perform(ChooseModel(id=2, model="other", force=True))
    until(lambda: front.state["model"]["status"] == "loaded")
    assert (front.state["model"]["id"], front.state["notice"], front.state["too_big"]) == ("other", None, None)
    assert service.forced == [False, True]
    assert front.state == chat.view()


def test_another_trouble_while_loading_offers_no_force() -> None:
    chat, service = make(say("ok"))
    service.load_error = HostCrashedError("died").info
    chat.model = "other"
    until(lambda: chat.view()["notice"] is not None)
    assert chat.view()["too_big"] is None


def test_what_was_forced_stays_forced_for_that_model_only() -> None:
    chat, service = make(say("ok"), say("ok"), say("ok"))
    chat.send("one").result(5)
    chat.choose("other", force=True)
    chat.send("two").result(5)
    chat.model = "tiny"
    chat.send("three").result(5)
    assert [request.force for request in service.requests] == [False, True, False]


def test_a_chat_can_be_forced_from_its_beginning() -> None:
    service = ScriptedService(say("ok"))
    Chat("other", services=ScriptedServices(service), force=True).send("Hello").result(5)
    assert service.requests[0].force


# With the model that ships, in a host of its own

LONG = {"temperature": 5.0, "seed": 3, "max_tokens": 1500}
"""At this temperature a model says hundreds of random words before it finds an end."""


def test_the_real_model_answers_and_the_transcript_goes_on(services: Services) -> None:
    chat = Chat(services=services)
    front = Front(chat)
    first = chat.send("Hello", temperature=0)
    assert first.result(60)
    assert first.model == "builtin"
    assert first.finish == "stop"
    assert first.metrics.ttft_s is not None
    assert first.usage.prompt_tokens is not None
    second = chat.send("Who are you?", temperature=0)
    assert second.result(60)
    assert second.usage.prompt_tokens is not None
    assert second.usage.prompt_tokens > first.usage.prompt_tokens
    assert front.state == chat.view()
    assert front.state["model"]["status"] == "loaded"
    assert front.state["context"]["limit"] == 2048
    assert Chat(services=services).send("Hello", temperature=0).result(60) == first.result()


def test_a_real_answer_is_stopped_at_once_and_kept(services: Services) -> None:
    chat = Chat(services=services)
    reply = chat.send("Hello", **LONG)
    until(lambda: len(reply.partial) > 10, 60)
    start = time.monotonic()
    reply.stop()
    kept = reply.result(10)
    assert time.monotonic() - start < 1
    assert reply.finish == "cancelled"
    assert len(kept) > 10
    assert chat.messages[-1].text == kept
    assert chat.send("Hello", temperature=0).result(60)


def test_two_real_answers_come_one_after_the_other(services: Services) -> None:
    chat, other = Chat(services=services), Chat(services=services)
    front, elsewhere = Front(chat), Front(other)
    first = chat.send("Hello", **LONG)
    second = chat.send("Hello", temperature=0)
    assert front.message(second.id)["status"] == "queued"
    until(lambda: first.partial, 60)
    third = other.send("Hello", temperature=0)  # the same model, from another chat
    until(lambda: elsewhere.message(third.id)["status"] == "queued")
    assert elsewhere.message(third.id)["position"] == 1
    first.stop()
    assert second.result(60).strip()  # it has read the stopped answer before it
    assert third.result(60) == Chat(services=services).send("Hello", temperature=0).result(60)


def test_the_host_killed_in_mid_answer_leaves_the_transcript_whole_and_the_next_send_works(services: Services) -> None:
    chat = Chat(services=services)
    before = chat.send("Hello", temperature=0).result(60)
    reply = chat.send("Hello", **LONG)
    until(lambda: len(reply.partial) > 10, 60)
    for child in psutil.Process().children():
        if "workbench.engines.host" in " ".join(child.cmdline()):
            child.kill()
    with pytest.raises(HostCrashedError, match="SIGKILL"):
        reply.result(30)
    assert [m.text for m in chat.messages] == ["Hello", before, "Hello", reply.text]
    assert len(reply.text) > 10
    assert chat.send("Hello", temperature=0).result(60)


def test_choosing_a_folder_of_ones_own_loads_it_at_once(services: Services, tmp_path: pathlib.Path) -> None:
    shutil.copytree(builtin.path("safetensors"), tmp_path / "mine")
    chat = Chat(services=services)
    front = Front(chat)
    chat.model = str(tmp_path / "mine")
    until(lambda: front.state["model"]["status"] == "loaded", 60)
    assert chat.send("Hello", temperature=0).result(60)
    assert chat.last is not None
    assert chat.last.model == chat.model != "builtin"


def test_choosing_broken_weights_keeps_the_model_before(services: Services, tmp_path: pathlib.Path) -> None:
    shutil.copytree(builtin.path("safetensors"), tmp_path / "broken")
    weights = tmp_path / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    chat = Chat(services=services)
    assert chat.model == "builtin"
    refused = chat.perform(ChooseModel(id=1, model=str(tmp_path / "broken")))
    until(lambda: not refused.ok or chat.view()["notice"], 60)
    error = refused.error or chat.view()["notice"]
    assert "ModelFilesError" in str(error)
    assert chat.model == "builtin"
    assert chat.send("Hello", temperature=0).result(60)


def test_unknown_models_and_options_the_model_cannot_take_are_named(services: Services) -> None:
    with pytest.raises(ModelNotFoundError, match="'builtin'"):
        Chat("bultin", services=services)
    chat = Chat(services=services)
    with pytest.raises(OptionError, match="vocabulary"):
        chat.send("Hello", top_k=10**6).result(60)
    with pytest.raises(ContextOverflowError, match=r"\d tokens"):
        chat.send("word " * 5000).result(60)
    assert chat.send("Hello", temperature=0).result(60)
    assert services.resolve("builtin")[1].status == "loaded"


def test_an_open_chat_without_a_word_changes_to_the_model_put_to_use(services):
    services.connect("http://localhost:1", name="box")
    fresh, chosen, spoken = Chat(services=services), Chat("builtin", services=services), Chat(services=services)
    ops = []
    fresh.observe(ops.append)
    assert fresh.model == chosen.model == spoken.model == "builtin"
    spoken.send("Hello").result(60)
    try:
        services.use("box:small")
        assert (fresh.model, chosen.model, spoken.model) == ("box:small", "builtin", "builtin")
        assert ops[-1][1]["model"]["id"] == "box:small"
        assert Chat(services=services).model == "box:small"
        fresh.model = "builtin"
        services.use("box:other")
        assert fresh.model == "builtin", "a model chosen here stays"
    finally:
        services.use("builtin")
        for chat in (fresh, chosen, spoken):
            chat.close()
