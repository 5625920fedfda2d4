"""Cells asked again: one by one for fair times, and those that are still being stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, say
from workbench.commands import ReadCopy, RerunCells
from workbench.errors import StateError
from workbench.events import Event, Finished, TextDelta
from workbench.request import Request
from workbench.sessions.comparing.compare import compare
from workbench.sessions.comparing.comparison import Comparison


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


class Counting:
    """A script that knows how many of it run at once; the first `together` of them wait for each other."""

    def __init__(self, together: int) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._met = threading.Barrier(together)
        self._left = together

    def __call__(self, request: Request, cancelled: threading.Event) -> Iterator[Event]:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            waits, self._left = self._left > 0, self._left - 1
        if waits:
            self._met.wait(20)
        yield TextDelta(run=request.run, text=request.messages[-1].text, tokens=(1,))
        with self._lock:
            self._now -= 1
        yield Finished(run=request.run, reason="stop")


def batched() -> tuple[Comparison, Counting]:
    """Four cells of two servers, answered together, two and two."""
    script = Counting(together=4)
    services = ScriptedServices(*(ScriptedService(script, name=f"s{n}", models=("m",)) for n in range(2)))
    made = compare(["one", "two"], ["s0:m", "s1:m"], services=services)  # type: ignore[arg-type]
    assert made.wait(20)
    assert [cell.batched for cell in made.cells()] == [True] * 4
    assert script.most == 4
    script.most = 0
    return made, script


def test_cells_answered_together_are_run_again_one_by_one() -> None:
    made, script = batched()
    assert made.rerun() == 0
    assert made.rerun(strict=True) == 4
    assert made.wait(20)
    assert script.most == 1
    assert [(cell.status, cell.batched) for cell in made.cells()] == [("done", False)] * 4
    assert made.rerun(strict=True) == 0


def test_one_column_alone_is_run_one_by_one_by_a_front_end_too() -> None:
    made, script = batched()
    column = made.columns[1].id
    assert made.perform(RerunCells(id=1, column=column, strict=True)).ok
    assert made.wait(20)
    assert script.most == 1
    assert [cell.batched for cell in made.cells()] == [True, False, True, False]


def test_one_by_one_waits_until_nothing_else_is_asked() -> None:
    free = threading.Event()

    def held(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        assert free.wait(20)
        yield Finished(run=request.run, reason="stop")

    made = compare(["one"], ["tiny"], services=ScriptedServices(ScriptedService(held)))  # type: ignore[arg-type]
    with pytest.raises(StateError, match="no time would be fair"):
        made.rerun(strict=True)
    free.set()
    assert made.wait(20)


@pytest.mark.parametrize("name", ["local", "box"])
def test_a_cell_that_is_still_being_stopped_is_asked_again(name: str) -> None:
    stopped = threading.Event()

    def slow_to_stop(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield TextDelta(run=request.run, text="old", tokens=(1,))
        assert cancelled.wait(20)
        assert stopped.wait(20)
        yield TextDelta(run=request.run, text=" late", tokens=(1,))
        yield Finished(run=request.run, reason="cancelled")

    model = "tiny" if name == "local" else f"{name}:tiny"
    service = ScriptedService(slow_to_stop, say("new"), name=name)
    made = compare(["one"], [model], services=ScriptedServices(service))  # type: ignore[arg-type]
    until(lambda: made.cell(0, 0).text == "old")
    made.stop()
    assert made.rerun(cells=[(0, 0)]) == 1
    stopped.set()
    assert made.wait(20)
    assert (made.cell(0, 0).status, made.cell(0, 0).text) == ("done", "new")
    assert len(service.requests) == 2


def test_the_copy_for_the_notebook_is_read_as_it_is_now() -> None:
    made, _ = batched()
    copy = made.perform(ReadCopy(id=1)).data
    assert f'data-wb-comparison="{made.id}"' in copy["html"]
    assert "one" in copy["text"]
