from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tests.sessions.scripted import Script, ScriptedService, ScriptedServices, fail, say, until_cancelled
from workbench.errors import HostCrashedError
from workbench.events import Event, Finished, ReasoningDelta, TextDelta
from workbench.request import Request
from workbench.sessions.chat import Chat
from workbench.sessions.reply import Reply


def ask(script: Script) -> Reply:
    return Chat(services=ScriptedServices(ScriptedService(script))).send("Hello")


def test_result_text_str_and_iteration_agree() -> None:
    reply = ask(say("one ", "two ", "three"))
    assert list(reply) == ["one ", "two ", "three"]
    assert list(reply) == ["one ", "two ", "three"]
    assert reply.result() == reply.text == str(reply) == reply.partial == "one two three"
    assert reply.done
    assert reply.finish == "stop"
    assert reply.usage.completion_tokens == 3
    assert reply.metrics.ttft_s == 0.01
    assert reply.error is None


def test_iterating_gives_pieces_as_they_arrive() -> None:
    steps = [threading.Event() for _ in range(3)]

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        for number, step in enumerate(steps):
            assert step.wait(5)
            yield TextDelta(run=request.run, text=str(number))
        yield Finished(run=request.run, reason="stop")

    reply = ask(script)
    pieces = iter(reply)
    for number, step in enumerate(steps):
        step.set()
        assert next(pieces) == str(number)
        assert reply.partial == "012"[: number + 1]
    assert next(pieces, None) is None


def test_a_timeout_raises_and_the_run_goes_on() -> None:
    release = threading.Event()

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        assert release.wait(5)
        yield TextDelta(run=request.run, text="late, but whole")
        yield Finished(run=request.run, reason="stop")

    reply = ask(script)
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        reply.result(0.01)
    assert not reply.done
    assert reply.message is None
    release.set()
    assert reply.result(5) == "late, but whole"


def test_a_failed_run_raises_from_result_and_after_the_last_piece_but_not_from_text() -> None:
    reply = ask(fail(HostCrashedError("died"), "some"))
    with pytest.raises(HostCrashedError):
        reply.result(5)
    pieces = iter(reply)
    assert next(pieces) == "some"
    with pytest.raises(HostCrashedError):
        next(pieces)
    assert reply.text == "some"
    assert isinstance(reply.error, HostCrashedError)


def test_stopping_keeps_what_was_written() -> None:
    reply = ask(until_cancelled("half"))
    assert next(iter(reply)) == "half"
    reply.stop()
    assert reply.result(5) == "half"
    assert reply.finish == "cancelled"
    reply.stop()


def test_its_repr_is_short_and_stable() -> None:
    reply = ask(say("x" * 200))
    reply.result(5)
    assert repr(reply) == f"<Reply done: '{'x' * 59}…'>"


def test_its_markdown_holds_no_tag_and_shows_the_error() -> None:
    reply = ask(fail(HostCrashedError("The <process> died."), "<img src=x onerror=alert(1)>"))
    reply.wait(5)
    bundle = reply._repr_mimebundle_()
    assert bundle["text/plain"] == "<img src=x onerror=alert(1)>"
    assert "<img" not in bundle["text/markdown"]
    assert "The &lt;process> died." in bundle["text/markdown"]


def test_its_markdown_says_when_it_was_stopped() -> None:
    reply = ask(until_cancelled("half"))
    next(iter(reply))
    reply.stop()
    reply.wait(5)
    assert reply._repr_mimebundle_()["text/markdown"].endswith("*Stopped.*")


INTERRUPTED = """
import sys
from tests.sessions.scripted import ScriptedService, ScriptedServices, until_cancelled
from workbench.sessions.chat import Chat

chat = Chat(services=ScriptedServices(ScriptedService(until_cancelled("half"))))
reply = chat.send("Hello")
next(iter(reply))
try:
    print("waiting", flush=True)
    {wait}
except KeyboardInterrupt:
    print("interrupted", reply.status, reply.partial, chat.messages[-1].text, chat.view()["run"])
"""


@pytest.mark.parametrize("wait", ["reply.result()", "reply.result(60)", "reply.text", "list(reply)", "print(reply)"])
def test_an_interrupt_while_waiting_cancels_the_run_keeps_the_text_and_is_raised(wait: str) -> None:
    root = pathlib.Path(__file__).parents[2]
    code = INTERRUPTED.format(wait=wait)
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True) as script:
        assert script.stdout is not None
        assert script.stdout.readline() == "waiting\n"
        time.sleep(0.1)  # so that it waits; before that, the interrupt would be none of the reply's business
        script.send_signal(signal.SIGINT)
        assert script.stdout.readline() == "interrupted cancelled half half None\n"
        assert script.wait(5) == 0


def test_reasoning_waits_for_the_end_as_text_does() -> None:
    asked, go = threading.Event(), threading.Event()

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield ReasoningDelta(run=request.run, text="first ", tokens=(1,))
        asked.set()
        assert go.wait(10)
        yield ReasoningDelta(run=request.run, text="then", tokens=(2,))
        yield Finished(run=request.run, reason="stop")

    reply = ask(script)
    assert asked.wait(10)
    threading.Timer(0.05, go.set).start()
    assert reply.reasoning == "first then"
