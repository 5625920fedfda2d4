from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from tests.sessions.scripted import ScriptedService, say, until_cancelled
from workbench.events import Event, Finished, TextDelta
from workbench.messages import system, user
from workbench.request import Request
from workbench.sessions.comparing import grid
from workbench.sessions.comparing.schedule import AT_ONCE, WELL, Endpoint, OneAfterAnother, Pace, stream_many, together
from workbench.sessions.comparing.values import CellKey


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def key(name: str) -> CellKey:
    return CellKey(name, "c", 0)


def test_cells_with_the_same_beginning_stand_together() -> None:
    shared = system("Long instructions."), user("One")
    rows = grid.rows(["Plain", [*shared], "Plain too", [shared[0], user("Two")]])
    columns = grid.columns(["a", "b"], [{"temperature": 0}, {"temperature": 1}])
    keys = [CellKey(row.id, column.id, 0) for row in rows for column in columns]
    ordered = together(keys, {row.id: row for row in rows}, {column.id: column for column in columns})
    titles = {column.id: column.title for column in columns}
    prompts = {row.id: row.prompt for row in rows}
    assert [(titles[k.column], prompts[k.row]) for k in ordered] == [
        (f"{model}, temperature {t}", prompt)
        for model in "ab"
        for prompt in ("Plain", "Plain too", "One", "Two")
        for t in (0, 1)
    ]


def test_one_model_after_another_in_one_call_each_the_loaded_one_first() -> None:
    calls: list[tuple[str, list[CellKey]]] = []
    go = threading.Event()

    def answer(model: str, keys: list[CellKey]) -> None:
        assert go.wait(20)
        calls.append((model, keys))

    line = OneAfterAnother("line", answer, lambda model: model == "warm")
    line.add("first", [key("1")])
    until(lambda: not line._waiting)
    line.add("cold", [key("2")])
    line.add("warm", [key("3")])
    line.add("cold", [key("4")])
    line.add("first", [key("5")])
    go.set()
    until(lambda: not line._working)
    assert [model for model, _ in calls] == ["first", "first", "warm", "cold"]
    assert calls[3][1] == [key("2"), key("4")]
    line.add("again", [key("6")])
    until(lambda: len(calls) == 5)


def test_an_endpoint_begins_no_more_than_its_limit() -> None:
    begun: list[CellKey] = []
    line = Endpoint(lambda k: begun.append(k) or True)  # type: ignore[func-returns-value]
    line.add([key(str(n)) for n in range(10)])
    assert [k.row for k in begun] == list("0123")
    line.ended(begun[0])
    assert [k.row for k in begun] == list("01234")


def test_an_endpoint_that_asks_for_patience_gets_fewer_and_later_more_again() -> None:
    begun: list[CellKey] = []
    line = Endpoint(lambda k: begun.append(k) or True)  # type: ignore[func-returns-value]
    line.add([key(str(n)) for n in range(40)])
    before = time.monotonic()
    line.slow_down(0.3)
    line.ended(begun[0], again=True)
    line.ended(begun[1])
    assert len(begun) == 4
    until(lambda: (len(begun) == 4 and line._timer is None) or len(begun) > 4)
    line.ended(begun[2])
    line.ended(begun[3])
    until(lambda: len(begun) == 6)
    assert time.monotonic() - before >= 0.3
    assert begun[4] == begun[0], "the refused one comes first"
    assert line.limit == 2
    for place in range(4, 4 + 2 * WELL):
        line.ended(begun[place])
    assert line.limit == 4


def test_cells_that_end_while_they_are_begun_do_not_nest() -> None:
    begun: list[CellKey] = []

    def start(k: CellKey) -> bool:
        begun.append(k)
        line.ended(k)
        return True

    line = Endpoint(start)
    line.add([key(str(n)) for n in range(5000)])
    assert len(begun) == 5000


def test_a_cell_that_was_not_begun_makes_room() -> None:
    seen: list[CellKey] = []
    line = Endpoint(lambda k: bool(seen.append(k)))  # type: ignore[func-returns-value]
    line.add([key(str(n)) for n in range(10)])
    assert len(seen) == 10


def requests(*runs: str) -> list[Request]:
    return [Request(messages=(user("go"),), model="tiny", run=run) for run in runs]


def test_many_requests_are_one_stream_each_event_with_its_run() -> None:
    service = ScriptedService(say("a", "b"), say("c"))
    events = list(stream_many(service, requests("1", "2"), lambda run: False))
    assert [(e.run, e.text) for e in events if isinstance(e, TextDelta)] == [("1", "a"), ("1", "b"), ("2", "c")]
    assert [e.run for e in events if isinstance(e, Finished)] == ["1", "2"]


def test_a_request_is_taken_when_the_one_before_has_ended() -> None:
    taken: list[str] = []

    def given() -> Iterator[Request]:
        for request in requests("1", "2"):
            taken.append(request.run)
            yield request

    for event in stream_many(ScriptedService(say("a")), given(), lambda run: False):
        assert taken[-1] == event.run


def test_a_cancel_from_before_the_service_knew_the_run_reaches_it() -> None:
    service = ScriptedService(until_cancelled("a"), say("b"))
    events = list(stream_many(service, requests("1", "2"), lambda run: run == "1"))
    assert [e.reason for e in events if isinstance(e, Finished)] == ["cancelled", "stop"]


class Batching(ScriptedService):
    """A service that is given several requests at once, and says how many."""

    def __init__(self) -> None:
        super().__init__(say("a"))
        self.given: list[int] = []
        self.told: list[str] = []

    def stream_many(self, requests: Sequence[Request]) -> Iterator[Event]:
        self.given.append(len(requests))
        for request in requests:
            yield from self.stream(request)

    def cancel(self, run: str) -> None:
        self.told.append(run)
        super().cancel(run)


def test_a_service_that_can_batch_is_given_many_at_a_time() -> None:
    service, asked = Batching(), requests(*map(str, range(AT_ONCE + 2)))
    events = list(stream_many(service, iter(asked), lambda run: run == "1"))
    assert service.given == [AT_ONCE, 2]
    assert service.told == ["1"]
    assert [e.run for e in events if isinstance(e, Finished)] == [request.run for request in asked]


def test_a_strict_comparison_asks_even_that_one_by_one() -> None:
    service = Batching()
    events = list(stream_many(service, requests("1", "2"), lambda run: False, strict=True))
    assert service.given == []
    assert [e.run for e in events if isinstance(e, Finished)] == ["1", "2"]


def test_the_time_left_is_told_from_what_has_ended() -> None:
    pace = Pace()
    assert pace.seconds_left == 0
    pace.more(4)
    assert pace.seconds_left is None
    time.sleep(0.05)
    pace.done(counts=False)
    assert pace.seconds_left is None
    pace.done()
    assert pace.seconds_left is not None
    assert pace.seconds_left >= 0.1
    pace.done(2)
    assert pace.seconds_left == 0
