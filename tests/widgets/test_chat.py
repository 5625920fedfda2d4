from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sessions.scripted import Script, ScriptedService, ScriptedServices, say, until_cancelled
from workbench import display
from workbench.events import Event, Finished, TextDelta
from workbench.request import Request
from workbench.sessions.chat import Chat
from workbench.widgets.bridge import BATCH_S
from workbench.widgets.chat import ChatWidget, merged


class Recorded(ChatWidget):
    """The real bridge; what it sends is kept instead of going to a kernel's socket."""

    def __init__(self, chat: Chat) -> None:
        self.sent: list[dict[str, Any]] = []
        self.times: list[float] = []
        super().__init__(chat)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append(json.loads(json.dumps(content)))
        self.times.append(time.monotonic())

    def ask(self, content: Any) -> None:
        """As if the front end had sent it."""
        self._handle_custom_msg(content, [])

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.sent if message["kind"] == kind]


@pytest.fixture
def make() -> Iterator[Callable[..., Recorded]]:
    made: list[Recorded] = []

    def build(*scripts: Script) -> Recorded:
        made.append(Recorded(Chat(services=ScriptedServices(ScriptedService(*scripts)))))
        return made[-1]

    yield build
    for widget in made:
        widget.close()
        widget._session.close()


def until(condition: Callable[[], object], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def text_of(widget: Recorded) -> str:
    """The newest answer as a front end has it: the last snapshot, and the deltas after it."""
    snap = max(i for i, message in enumerate(widget.sent) if message["kind"] == "snap")
    messages = widget.sent[snap]["state"]["messages"]
    text = messages[-1]["text"] if messages else ""
    for message in widget.sent[snap + 1 :]:
        for op in message.get("ops", []):
            if op[0] == "message":
                text = op[1]["text"]
            elif op[0] == "text":
                text += op[2]
    return str(text)


def paced(count: int, rate: float) -> Script:
    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        start = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            yield TextDelta(run=request.run, text=f"{number} ", tokens=(number,))
        yield Finished(run=request.run, reason="stop")

    return script


def test_hello_is_answered_with_an_ack_and_the_whole_state(make: Callable[..., Recorded]) -> None:
    widget = make(say("Good day"))
    widget._session.send("Hello").result(5)
    widget.ask({"kind": "hello", "id": 3})
    assert widget.sent[0] == {"kind": "ack", "id": 3, "ok": True, "error": None, "data": None}
    assert widget.sent[1] == {"kind": "snap", "seq": 0, "state": widget._session.view()}


def test_nothing_is_sent_before_a_front_end_says_hello(make: Callable[..., Recorded]) -> None:
    widget = make(say("Good day"))
    widget._session.send("Hello").result(5)
    assert widget.sent == []
    assert not widget.seen


def test_deltas_are_numbered_at_least_33_ms_apart_and_complete(make: Callable[..., Recorded]) -> None:
    widget = make(paced(400, 1000))
    widget.ask({"kind": "hello", "id": 1})
    start = time.monotonic()
    widget.ask({"kind": "send", "id": 2, "text": "Count"})
    assert widget._session.last is not None
    whole = widget._session.last.result(10)
    until(lambda: text_of(widget) == whole and "run" in widget.of("delta")[-1]["ops"][-1][1])
    deltas = widget.of("delta")
    assert [d["seq"] for d in deltas] == list(range(1, len(deltas) + 1))
    assert len(deltas) <= (time.monotonic() - start) / BATCH_S + 2
    times = [t for t, m in zip(widget.times, widget.sent, strict=True) if m["kind"] == "delta"]
    assert min(b - a for a, b in itertools.pairwise(times)) >= BATCH_S * 0.95


def test_a_snapshot_in_mid_stream_and_the_deltas_after_it_lose_and_double_nothing(
    make: Callable[..., Recorded],
) -> None:
    widget = make(paced(300, 1000))
    widget.ask({"kind": "hello", "id": 1})
    reply = widget._session.send("Count")
    for number in range(5):
        until(lambda number=number: len(reply.partial) > 100 * number)
        widget.ask({"kind": "hello", "id": 2 + number})
    whole = reply.result(10)
    until(lambda: text_of(widget) == whole)
    snaps = [(i, m["seq"]) for i, m in enumerate(widget.sent) if m["kind"] == "snap"]
    for place, seq in snaps:
        after = [m["seq"] for m in widget.sent[place:] if m["kind"] == "delta"]
        assert after[:1] in ([], [seq + 1])


def test_commands_reach_the_chat_and_are_acknowledged(make: Callable[..., Recorded]) -> None:
    widget = make(until_cancelled("half"))
    widget.ask({"kind": "send", "id": 1, "text": "Hello"})
    reply = widget._session.last
    assert reply is not None
    until(lambda: reply.partial)
    widget.ask({"kind": "stop", "id": 2, "run": reply.run})
    assert reply.wait(5)
    widget.ask({"kind": "send", "id": 3, "text": "  "})
    assert [(a["id"], a["ok"]) for a in widget.of("ack")] == [(1, True), (2, True), (3, False)]
    assert widget.of("ack")[-1]["error"]["kind"] == "EmptyPromptError"


@pytest.mark.parametrize(
    ("content", "number"),
    [
        ({"kind": "fly", "id": 7}, 7),
        ({"kind": "send", "id": 8}, 8),
        ({"kind": "send", "id": "x", "text": "a"}, 0),
        ({}, 0),
        ("hello", 0),
        (None, 0),
    ],
)
def test_a_malformed_command_is_answered(make: Callable[..., Recorded], content: Any, number: int) -> None:
    widget = make()
    widget.ask(content)
    (ack,) = widget.sent
    assert (ack["kind"], ack["id"], ack["ok"], ack["error"]["kind"]) == ("ack", number, False, "UsageError")


def test_closing_ends_the_flusher_and_the_chat_goes_on(make: Callable[..., Recorded]) -> None:
    widget = make(say("one"), say("two"))
    widget.ask({"kind": "hello", "id": 1})
    widget._session.send("a").result(5)
    flusher = widget._flusher
    assert flusher is not None
    widget.close()
    flusher.join(5)
    assert not flusher.is_alive()
    count = len(widget.sent)
    assert widget._session.send("b").result(5) == "two"
    assert len(widget.sent) == count


def test_a_change_of_several_parts_arrives_whole(make: Callable[..., Recorded]) -> None:
    widget = make(say("one"))
    widget.ask({"kind": "hello", "id": 1})
    chat = widget._session
    with chat.lock:
        chat._audience.tell(title="first")
        time.sleep(3 * BATCH_S)  # longer than a batch waits
        chat._audience.emit([["cut", "m"]])
    until(lambda: widget.of("delta"))
    assert widget.of("delta")[0]["ops"] == [["state", {"title": "first"}], ["cut", "m"]]


def test_the_flusher_sleeps_while_nothing_comes(make: Callable[..., Recorded]) -> None:
    widget = make(say("one"))
    widget.ask({"kind": "hello", "id": 1})
    widget._session.send("a").result(5)
    until(lambda: widget.of("delta") and not widget._pending)
    waits = []
    original = widget._wake.wait_for
    widget._wake.wait_for = lambda *a: waits.append(1) or original(*a)
    time.sleep(6 * BATCH_S)
    assert len(waits) <= 1


def test_neighbouring_operations_become_one() -> None:
    assert merged(
        [
            ["patch", "a", {"status": "writing"}],
            ["text", "a", "1"],
            ["text", "a", "2"],
            ["text", "b", "3"],
            ["reasoning", "b", "4"],
            ["reasoning", "b", "5"],
            ["patch", "a", {"tokens": 1}],
            ["patch", "a", {"tokens": 2, "live_tps": 3.0}],
            ["state", {"run": "r"}],
            ["state", {"run": None}],
            ["text", "a", "6"],
        ]
    ) == [
        ["patch", "a", {"status": "writing"}],
        ["text", "a", "12"],
        ["text", "b", "3"],
        ["reasoning", "b", "45"],
        ["patch", "a", {"tokens": 2, "live_tps": 3.0}],
        ["state", {"run": None}],
        ["text", "a", "6"],
    ]


def test_one_widget_serves_all_views_of_a_chat(make: Callable[..., Recorded]) -> None:
    chat = make()._session
    shown = display.widget(chat)
    try:
        assert display.widget(chat) is shown
        assert chat._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]["model_id"] == shown.model_id
        shown.close()
        again = display.widget(chat)
        assert again is not shown
    finally:
        display.widget(chat).close()


def test_no_trait_holds_what_was_said_or_a_key(make: Callable[..., Recorded]) -> None:
    widget = make(say("the answer"))
    widget._session.send("the question").result(5)
    state = {k: v for k, v in widget.get_state().items() if k not in ("_esm", "_css")}
    assert "the question" not in str(state)
    assert "the answer" not in str(state)


def test_its_repr_is_stable(make: Callable[..., Recorded]) -> None:
    widget = make()
    assert "0x" not in repr(widget)
