from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import HostCrashedError
from workbench.events import (
    Event,
    Failed,
    Finished,
    LoadProgress,
    Metrics,
    Notice,
    PrefillProgress,
    Queued,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    Usage,
    UsageKnown,
)
from workbench.messages import ToolCall
from workbench.options import GenerationOptions
from workbench.sessions.answer import Answer, Op


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def replayed(view: dict[str, Any], ops: list[Op]) -> dict[str, Any]:
    """What a front end makes of the operations."""
    for kind, _id, change in ops:
        if kind == "patch":
            view |= change
        else:
            view[kind] += change
    return view


def make(clock: Clock | None = None) -> Answer:
    return Answer("tiny", GenerationOptions(), clock=clock or Clock())


RUN: list[Event] = [
    Queued(run="r", position=2),
    Notice(run="r", code="fallback", message="llama is away", model="builtin"),
    LoadProgress(run="r", model="builtin", done=10, total=20),
    LoadProgress(run="r", model="builtin", done=20, total=20, seconds=1.5),
    PrefillProgress(run="r", done=4, total=8),
    UsageKnown(run="r", usage=Usage(prompt_tokens=8), ttft_s=0.25),
    ReasoningDelta(run="r", text="hm", tokens=(1,)),
    TextDelta(run="r", text="Good ", tokens=(2, 3)),
    TextDelta(run="r", text="", tokens=(4,)),
    TextDelta(run="r", text="day", tokens=(5,)),
    ToolCalled(run="r", call=ToolCall("c", "add", '{"a": 1}')),
    Finished(
        run="r",
        reason="tool_calls",
        usage=Usage(completion_tokens=5),
        metrics=Metrics(ttft_s=0.2),
        ignored=("seed",),
    ),
]


def test_the_operations_rebuild_the_view_after_every_event() -> None:
    clock, answer = Clock(), make()
    answer._clock = clock
    front = answer.view()
    for event in RUN:
        clock.now += 0.11
        replayed(front, answer.fold(event))
        assert front == answer.view()
    assert front["text"] == "Good day"
    assert front["reasoning"] == "hm"
    assert front["model"] == "builtin"
    (tool,) = front["tools"]
    assert tool["name"] == "add"
    assert tool["arguments"] == {"a": 1}
    assert tool["status"] == "called"
    assert tool["at"] == len("Good day")
    assert front["status"] == "done"
    assert front["finish"] == "tool_calls"
    assert front["usage"]["prompt_tokens"] == 8
    assert front["tokens"] == 5
    assert front["reasoning_s"] == pytest.approx(0.11)
    assert [n["code"] for n in front["notes"]] == ["fallback", "option_ignored"]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (Queued(run="r", position=1), "queued"),
        (LoadProgress(run="r", model="m", done=0), "loading"),
        (LoadProgress(run="r", model="m", done=9, seconds=1.0), "prefill"),
        (PrefillProgress(run="r", done=1, total=2), "prefill"),
        (ReasoningDelta(run="r", text="x"), "thinking"),
        (TextDelta(run="r", text="x"), "writing"),
        (Finished(run="r", reason="stop"), "done"),
        (Finished(run="r", reason="cancelled"), "cancelled"),
        (Failed(run="r", error=HostCrashedError("died").info), "failed"),
    ],
)
def test_the_status_after_an_event(event: Event, status: str) -> None:
    answer = make()
    answer.fold(event)
    assert answer.status == status


def test_nothing_changes_after_the_end() -> None:
    answer = make()
    answer.fold(TextDelta(run="r", text="kept"))
    answer.fold(Finished(run="r", reason="cancelled"))
    before = answer.view()
    assert answer.fold(TextDelta(run="r", text=" late")) == []
    assert answer.fold(Failed(run="r", error=HostCrashedError("died").info)) == []
    assert answer.view() == before


def test_an_ignored_option_is_told_once() -> None:
    answer = make()
    answer.fold(Notice(run="r", code="option_ignored", message="This server ignores seed."))
    answer.fold(Finished(run="r", reason="stop", ignored=("seed",)))
    assert [n.message for n in answer.notes] == ["This server ignores seed."]


def test_the_speed_is_that_of_the_last_second() -> None:
    clock = Clock()
    answer = make(clock)
    for _ in range(200):  # two seconds at 100 tokens/s
        clock.now += 0.01
        answer.fold(TextDelta(run="r", text="x", tokens=(1,)))
    assert answer.live_tps == pytest.approx(100, rel=0.05)
    for _ in range(30):  # then 20 tokens/s
        clock.now += 0.05
        answer.fold(TextDelta(run="r", text="x", tokens=(1,)))
    assert answer.live_tps == pytest.approx(20, rel=0.1)
    answer.fold(Finished(run="r", reason="stop"))
    assert answer.live_tps is None


def test_the_speed_is_told_ten_times_a_second_at_most() -> None:
    clock = Clock()
    answer = make(clock)
    told = 0
    for _ in range(1000):
        clock.now += 0.001
        told += sum(
            op[0] == "patch" and "live_tps" in op[2] for op in answer.fold(TextDelta(run="r", text="x", tokens=(1,)))
        )
    assert 5 <= told <= 11


def test_without_token_ids_no_count_and_no_speed_are_made_up() -> None:
    clock = Clock()
    answer = make(clock)
    for _ in range(50):
        clock.now += 0.1
        answer.fold(TextDelta(run="r", text="two words"))
    assert answer.tokens == 0
    assert answer.live_tps is None
    answer.fold(Finished(run="r", reason="stop", usage=Usage(completion_tokens=100)))
    assert answer.tokens == 100


def test_its_message_has_the_reasoning_the_text_and_the_calls() -> None:
    answer = make()
    for event in RUN:
        answer.fold(event)
    message = answer.message
    assert (message.role, message.model, message.text, message.reasoning) == ("assistant", "builtin", "Good day", "hm")
    assert message.tool_calls == (ToolCall("c", "add", '{"a": 1}'),)


def test_the_time_to_the_first_token_is_told_while_it_writes():
    answer = Answer("builtin", GenerationOptions())
    (op,) = answer.fold(UsageKnown(run="r", usage=Usage(prompt_tokens=8), ttft_s=0.25))
    assert op[2]["metrics"]["ttft_s"] == 0.25
    assert op[2]["usage"]["prompt_tokens"] == 8
