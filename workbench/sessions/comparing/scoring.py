"""The scorers at work, in the background: here on one thread, or in an executor. Knows no run and no widget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial

import msgspec

from workbench.errors import FolderError
from workbench.sessions.comparing import scorer
from workbench.sessions.comparing.record import Record
from workbench.sessions.comparing.scorer import ScoreFunction
from workbench.sessions.comparing.values import Cell, CellKey, Reply, Score
from workbench.sessions.worker import Worker

Result = tuple[dict[str, Score], dict[str, str]]


class Scoring:
    """Puts scorers to cells that have ended; `scored` is told of each cell. Guarded by the comparison's lock.

    A scorer that asks a model runs on this thread, and is best given when no cell needs the memory; others go to the
    executor, if there is one. What cannot be sent there runs here.
    """

    def __init__(
        self, record: Record, lock: threading.RLock, executor: Executor | None, scored: Callable[[CellKey], None]
    ) -> None:
        self.scorers: dict[str, ScoreFunction] = {}
        """All in use, by name."""
        self.left = 0
        """Scores to come, counted in cells."""
        self._record = record
        self._lock = lock
        self._executor = executor
        self._scored = scored
        self._worker = Worker(f"score-{record.head.id}")

    def use(self, scorers: ScoreFunction | Iterable[ScoreFunction]) -> dict[str, ScoreFunction]:
        """Have these too, in the place of those of the same name. Raises `UsageError` for what is no scorer."""
        found = scorer.named(scorers)
        self.scorers |= found
        return found

    def slow(self) -> dict[str, ScoreFunction]:
        """Those that ask a model."""
        return {name: each for name, each in self.scorers.items() if asks_a_model(each)}

    def missing(self, key: CellKey, scorers: Mapping[str, ScoreFunction]) -> dict[str, ScoreFunction]:
        """Those that have not scored a cell yet."""
        marks = self._record.marks(key)
        return {n: each for n, each in scorers.items() if n not in marks.scores and n not in marks.score_errors}

    def score(self, keys: Iterable[CellKey], scorers: Mapping[str, ScoreFunction], *, again: bool = False) -> None:
        """Put scorers to cells; where they have been, only `again`."""
        for key in keys:
            wanted = scorers if again else self.missing(key, scorers)
            if not wanted or self._record.status(key) != "done":
                continue
            with self._lock:
                self.left += 1
                if self._executor is None or any(asks_a_model(each) for each in wanted.values()):
                    self._worker.do(partial(self._here, key, wanted))
                    continue
            row, cell = self._record.rows.get(key.row), self._record.cell(key)
            if row is None or cell is None:
                self._done(key, ({}, {}))
                continue
            try:
                future = self._executor.submit(scorer.apply, wanted, row, reply(cell))
            except Exception:  # it takes no more
                with self._lock:
                    self._worker.do(partial(self._here, key, wanted))
            else:
                future.add_done_callback(partial(self._came_back, key, wanted))

    def close(self) -> None:
        """End the thread once it is through."""
        with self._lock:
            self._worker.close()

    def _here(self, key: CellKey, wanted: Mapping[str, ScoreFunction]) -> None:
        row, cell = self._record.rows.get(key.row), self._record.cell(key)
        found = ({}, {}) if row is None or cell is None else scorer.apply(wanted, row, reply(cell))
        self._done(key, found)

    def _came_back(self, key: CellKey, wanted: Mapping[str, ScoreFunction], future: Future[Result]) -> None:
        if future.cancelled() or future.exception() is not None:  # it could not be sent, or a worker died
            with self._lock:
                self._worker.do(partial(self._here, key, wanted))
        else:
            self._done(key, future.result())

    def _done(self, key: CellKey, found: Result) -> None:
        with self._lock:
            before = self._record.marks(key)
            scores = {**before.scores, **found[0]}
            errors = {**{n: e for n, e in before.score_errors.items() if n not in found[0]}, **found[1]}
            with suppress(FolderError):  # the cells say so already
                self._record.keep(msgspec.structs.replace(before, scores=scores, score_errors=errors))
            self.left -= 1
        self._scored(key)


def asks_a_model(scorer: ScoreFunction) -> bool:
    """Whether a scorer names a model that it asks: a judge does."""
    settings = getattr(scorer, "settings", None)
    return isinstance(settings, Mapping) and "model" in settings


def reply(cell: Cell) -> Reply:
    """A cell as scorers see it."""
    return Reply(text=cell.text, reasoning=cell.reasoning, usage=cell.usage, metrics=cell.metrics, error=cell.error)
