from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from workbench.engines.host import FLUSH_SECONDS, Outbox, merged
from workbench.engines.wire import Answer, Ended, Happened, Refused, Value
from workbench.errors import ErrorInfo
from workbench.events import Failed, Finished, ReasoningDelta, TextDelta, Usage, UsageKnown


def text(piece, run="r", call=1, kind=TextDelta, tokens=()):
    return Happened(call=call, events=(kind(run=run, text=piece, tokens=tokens),))


def test_adjacent_deltas_of_one_run_are_joined_with_their_tokens():
    [answer] = merged([text("a", tokens=(1,)), text("", tokens=(2,)), text("b", tokens=(3,))])
    assert answer.events == (TextDelta(run="r", text="ab", tokens=(1, 2, 3)),)


def test_what_is_not_of_one_kind_run_and_call_stays_apart_and_in_order():
    usage = Happened(call=1, events=(UsageKnown(run="r", usage=Usage()), UsageKnown(run="r", usage=Usage())))
    answers = [
        text("a", kind=ReasoningDelta),
        text("b"),
        text("c", run="q"),
        text("d"),
        usage,
        Value(call=2, value=7),
        text("e"),
        text("f", call=3),
        Ended(call=3),
    ]
    result = list(merged(answers))
    assert [type(answer) for answer in result] == [Happened, Value, Happened, Happened, Ended]
    assert [(event.run, getattr(event, "text", None)) for event in result[0].events] == [
        ("r", "a"), ("r", "b"), ("q", "c"), ("r", "d"), ("r", None), ("r", None),
    ]  # fmt: skip
    assert [answer.call for answer in result] == [1, 2, 1, 3, 3]


@pytest.fixture
def wire():
    read, write = os.pipe()
    outbox = Outbox(write)
    thread = threading.Thread(target=outbox.run, daemon=True)
    thread.start()
    with open(read, "rb") as lines:
        yield outbox, lambda: msgspec.json.decode(lines.readline(), type=Answer)
    outbox.close()
    thread.join(2)
    os.close(write)


def test_the_first_event_goes_up_at_once_and_those_that_follow_go_together(wire):
    outbox, receive = wire
    started = time.perf_counter()
    outbox.put(text("a"))
    assert receive() == text("a")
    for piece in "bcdef":
        outbox.put(text(piece))
    assert receive() == text("bcdef")
    assert time.perf_counter() - started >= FLUSH_SECONDS * 0.9


def test_an_end_does_not_wait_for_the_next_batch(wire):
    outbox, receive = wire
    outbox.put(text("a"))
    receive()
    delays = []
    for _ in range(9):
        started = time.perf_counter()
        outbox.put(Ended(call=1))
        receive()
        delays.append(time.perf_counter() - started)
    assert sorted(delays)[4] < FLUSH_SECONDS / 2


def test_what_waits_is_written_before_the_end():
    read, write = os.pipe()
    outbox = Outbox(write)
    failed = Failed(run="r", error=ErrorInfo(kind="EngineError", message="m"))
    answers = [text("a"), Happened(call=1, events=(failed, Finished(run="q", reason="stop"))), Ended(call=1)]
    for answer in answers:
        outbox.put(answer)
    outbox.close()
    thread = threading.Thread(target=outbox.run)
    thread.start()
    thread.join(2)
    os.close(write)
    with open(read, "rb") as lines:
        result = [msgspec.json.decode(line, type=Answer) for line in lines]
    assert [event for answer in result[:-1] for event in answer.events] == [
        event for answer in answers[:-1] for event in answer.events
    ]
    assert result[-1] == answers[-1]


@pytest.fixture
def host():
    """A host started by hand: the process, a way to say something, a way to hear an answer."""
    asks, say = os.pipe()
    hear, answers = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.engines.host", "scripted", str(asks), str(answers), str(os.getpid())],
        pass_fds=(asks, answers),
        cwd=Path(__file__).resolve().parents[2],
        stderr=subprocess.PIPE,
    )
    os.close(asks)
    os.close(answers)
    with open(say, "wb", buffering=0) as down, open(hear, "rb") as up:
        yield process, down, up
    process.kill()
    process.wait()
    process.stderr.close()


COUNT = b'{"wire": "count", "call": 7, "request": {"messages": [], "model": "m"}}\n'


def test_a_host_answers_ignores_interrupts_and_ends_when_its_pipe_closes(host):
    process, down, up = host
    down.write(COUNT)
    answer = msgspec.json.decode(up.readline(), type=Answer)
    assert isinstance(answer, Refused)
    assert answer.error.kind == "StateError"
    process.send_signal(signal.SIGINT)
    down.write(COUNT)
    assert msgspec.json.decode(up.readline(), type=Answer) == answer
    down.close()
    assert process.wait(2) == 0


def test_a_host_that_cannot_understand_says_why_and_ends(host):
    process, down, _ = host
    down.write(b"what?\n")
    assert process.wait(5) == 1
    assert b"DecodeError" in process.stderr.read()
