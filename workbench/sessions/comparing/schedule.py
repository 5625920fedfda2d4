"""In which order cells are asked for, and how many at once. Knows no cell but by its key, and no service but by a call.

    OneAfterAnother   local models: all cells of one, then of the next, so that each is loaded once; one thread.
                      In a strict comparison the remote ones too: nothing else is going on then.
    Endpoint          one server: some cells at once, fewer when it asks for patience
    stream_many       the seam for batches: all requests to one model, as one iterator of events

Cells with the same beginning stand next to each other, for the caches of prompts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice

from workbench.events import Event, Failed, Finished
from workbench.request import Request
from workbench.services import BatchService, ChatService
from workbench.sessions.comparing.values import CellKey, Column, Row

CONCURRENCY = 4
"""Cells that one endpoint answers at once, as long as it does not mind."""
AT_ONCE = 64
"""Cells that a service which can batch is given at a time: more than it answers at once, and few enough to hold."""
WELL = 8
"""Cells that must go well until an endpoint that was slowed down gets one more at once."""


def together(keys: Iterable[CellKey], rows: Mapping[str, Row], columns: Mapping[str, Column]) -> list[CellKey]:
    """Cells in the order to ask for them.

    By model; in a model by what comes before the last message (system prompt, history), then by row: the same prompt
    under several options or samples comes in one go.
    """
    models: dict[str, int] = {}
    beginnings: dict[tuple[object, ...], int] = {}
    for column in sorted(columns.values(), key=lambda column: column.index):
        models.setdefault(column.model, len(models))

    def place(key: CellKey) -> tuple[int, ...]:
        row, column = rows[key.row], columns[key.column]
        before = tuple((m.role, m.text) for m in row.messages[:-1] if column.system is None or m.role != "system")
        beginning = beginnings.setdefault((column.system, before), len(beginnings))
        return models[column.model], beginning, row.index, column.index, key.sample

    return sorted(sorted(keys, key=lambda key: (rows[key.row].index, columns[key.column].index)), key=place)


def stream_many(
    service: ChatService, requests: Iterable[Request], cancelled: Callable[[str], bool], *, strict: bool = False
) -> Iterator[Event]:
    """The events of several requests to one model, each with its run; every run ends with `Finished` or `Failed`.

    A service that can batch is given `AT_ONCE` of them at a time. Another, and any with `strict`, answers them one
    after another, each request taken when the one before has ended.
    """
    if isinstance(service, BatchService) and not strict:
        left = iter(requests)
        while some := list(islice(left, AT_ONCE)):
            with closing(service.stream_many(some)) as events:  # type: ignore[type-var]  # it is a generator
                for request in some:
                    if cancelled(request.run):  # before the service knew it
                        service.cancel(request.run)
                yield from events
        return
    for request in requests:
        told = False
        with closing(service.stream(request)) as events:  # type: ignore[type-var]  # it is a generator
            for event in events:
                yield event
                if isinstance(event, Finished | Failed):
                    break
                if not told and cancelled(request.run):  # a cancel may come before the service knows the run
                    told = True
                    service.cancel(request.run)


class Pace:
    """How fast one line of cells moves: what the time left is told from. Guarded by the sweep's lock."""

    def __init__(self) -> None:
        self.left = 0
        self.failures = 0
        """Times in a row that the endpoint could not be reached."""
        self._finished = 0
        self._began = 0.0

    def more(self, count: int) -> None:
        """So many cells have come."""
        if not self.left:
            self._began, self._finished = time.monotonic(), 0
        self.left += count

    def done(self, count: int = 1, *, counts: bool = True) -> None:
        """So many have ended; those that were never asked do not count for the pace."""
        self.left -= count
        self._finished += count if counts else 0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all have ended, if they go on as until now; ``None`` before the first has."""
        if not self.left:
            return 0.0
        return (time.monotonic() - self._began) / self._finished * self.left if self._finished else None


class OneAfterAnother:
    """Cells by model: `answer` is called with one model and all its cells, then with the next.

    A model that is loaded already comes first, then as they were added. One thread, as long as there is work.
    """

    def __init__(self, name: str, answer: Callable[[str, list[CellKey]], None], loaded: Callable[[str], bool]) -> None:
        self._name = name
        self._answer = answer
        self._loaded = loaded
        self._lock = threading.Lock()
        self._waiting: dict[str, list[CellKey]] = {}
        self._model: str | None = None
        self._working = False

    def add(self, model: str, keys: list[CellKey]) -> None:
        """More cells of a model; those of the model being answered come before other models."""
        with self._lock:
            self._waiting.setdefault(model, []).extend(keys)
            if self._working:
                return
            self._working = True
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                models = list(self._waiting)
            first = [model for model in models if model == self._model]
            first = first or [model for model in models if self._loaded(model)]
            with self._lock:
                if not self._waiting:
                    self._working = False
                    return
                self._model = (first or models or list(self._waiting))[0]
                keys = self._waiting.pop(self._model)
            self._answer(self._model, keys)


class Endpoint:
    """The line of one server. `start` begins a cell and says whether it did; `ended` makes room for the next."""

    def __init__(self, start: Callable[[CellKey], bool], limit: int = CONCURRENCY) -> None:
        self.limit = limit
        """Cells at once, now."""
        self._most = limit
        self._start = start
        self._lock = threading.Lock()
        self._waiting: deque[CellKey] = deque()
        self._running: set[CellKey] = set()
        self._until = 0.0
        self._timer: threading.Timer | None = None
        self._well = 0
        self._pumping = False

    def add(self, keys: Iterable[CellKey]) -> None:
        """More cells."""
        with self._lock:
            self._waiting.extend(keys)
        self._pump()

    def ended(self, key: CellKey, *, again: bool = False) -> None:
        """A cell has ended; with `again` it comes next once more."""
        with self._lock:
            self._running.discard(key)
            if again:
                self._waiting.appendleft(key)
            else:
                self._well += 1
            if self._well >= WELL and self.limit < self._most:
                self.limit, self._well = self.limit + 1, 0
        self._pump()

    def slow_down(self, seconds: float) -> None:
        """Begin none for so many seconds, and fewer at once from then on."""
        with self._lock:
            self.limit = max(1, self.limit // 2)
            self._until = max(self._until, time.monotonic() + seconds)
            self._well = 0

    def _pump(self) -> None:
        """Begin as many as may be begun now. One thread at a time; a cell that ends at once does not nest."""
        with self._lock:
            if self._pumping:
                return
            self._pumping = True
        while True:
            with self._lock:
                key = self._next()
                if key is None:
                    self._pumping = False
                    return
            if not self._start(key):
                with self._lock:
                    self._running.discard(key)

    def _next(self) -> CellKey | None:
        if not self._waiting or len(self._running) >= self.limit:
            return None
        left = self._until - time.monotonic()
        if left > 0:
            if self._timer is None:
                self._timer = threading.Timer(left, self._go_on)
                self._timer.daemon = True
                self._timer.start()
            return None
        key = self._waiting.popleft()
        self._running.add(key)
        return key

    def _go_on(self) -> None:
        with self._lock:
            self._timer = None
        self._pump()
