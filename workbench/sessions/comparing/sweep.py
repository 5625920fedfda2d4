"""Who answers which cell, and when: asks, folds the events into cells, writes what has ended. Knows no widget.

    waiting -> live (an `Answer`) -> the record

The comparison's lock guards everything here. A cell that is taken away or answered anew leaves `live`: what still
comes for it is dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import ErrorInfo, FolderError, ModelError, RateLimitError, describe
from workbench.events import Event, Failed, Finished, Notice, ReasoningDelta, TextDelta
from workbench.request import Request
from workbench.services import ChatService
from workbench.sessions.answer import Answer, Op
from workbench.sessions.comparing import failures, remote_task, views
from workbench.sessions.comparing.grid import messages_of, options_of
from workbench.sessions.comparing.live import Live
from workbench.sessions.comparing.receipts import Receipts
from workbench.sessions.comparing.record import CellLine, Record
from workbench.sessions.comparing.schedule import Endpoint, OneAfterAnother, Pace, stream_many, together
from workbench.sessions.comparing.values import Cell, CellKey, Price

if TYPE_CHECKING:
    from workbench.services.registry import Services

PATIENCE = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds to wait each time a server refuses a cell for its rate limit; after the last the cell fails."""
CUT = ErrorInfo(kind="StreamCutError", message="The answer broke off before its end.", next_step="Run it again.")
_HERE = "here"
"""Name of the line of local models."""


class Sweep:
    """Asks for cells. `tell` gets the changes of the view, `ended` the cells that have ended, both under the lock."""

    def __init__(
        self,
        record: Record,
        services: Services,
        lock: threading.RLock,
        *,
        tell: Callable[[Iterable[Op]], None],
        ended: Callable[[list[Cell]], None],
        strict: bool,
        force: bool,
        executor: Executor | None,
        prices: dict[str, Price],
    ) -> None:
        self.waiting: dict[CellKey, str] = {}
        """Cells to be asked, with the name of their line."""
        self.live: dict[CellKey, Live] = {}
        self.trouble: ErrorInfo | None = None
        """What is wrong with the record."""
        self._behind = False
        """Whether that is that it cannot be written."""
        self.strict = strict
        self.prices = prices
        self._record = record
        self._services = services
        self._lock = lock
        self._tell = tell
        self._ended = ended
        self._force = force
        self._executor = executor
        self._alone: set[CellKey] = set()
        """Cells to be asked one by one, while nothing else is."""
        self._runs: dict[str, CellKey] = {}
        self._refused: dict[CellKey, int] = {}
        self._paces: dict[str, Pace] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._receipts = Receipts(services)
        self._local = OneAfterAnother(f"compare-{record.head.id}", self._answer_model, self._is_loaded)

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting or being answered."""
        return not self.waiting and not self.live

    @property
    def one_by_one(self) -> bool:
        """Whether times are to be fair: nothing else may work meanwhile."""
        return self.strict or bool(self._alone)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all lines are through, as far as that can be told."""
        lines = [pace.seconds_left for pace in self._paces.values()]
        known = [seconds for seconds in lines if seconds is not None]
        return max(known, default=0.0) if len(known) == len(lines) else None

    # Cells come and go

    def add(self, keys: Iterable[CellKey], *, alone: bool = False) -> None:
        """Ask for these cells, `alone` one by one; those that are waiting or being answered are not asked twice.

        One that is being stopped is asked: what still comes of it is dropped.
        """
        with self._lock:
            wanted = list(keys)
            for cell in [self.live[key] for key in wanted if key in self.live and self.live[key].stopping]:
                self._let_go(cell)
                self._paces[cell.line].done(counts=False)
                self._tell([["cell", views.waiting(cell.key)]])
            new = [key for key in wanted if key not in self.live and key not in self.waiting]
            self._alone.update(new if alone else ())
            ordered = together(new, self._record.rows, self._record.columns)
            by_model: dict[str, list[CellKey]] = {}
            for key in ordered:
                by_model.setdefault(self._record.columns[key.column].model, []).append(key)
                self._refused.pop(key, None)
            lines = [self._line(model, group) for model, group in by_model.items()]
        for begin in lines:
            begin()

    def _line(self, model: str, keys: list[CellKey]) -> Callable[[], None]:
        """Put cells of a model in a line; what is to be called to get it going."""
        try:
            service, info = self._services.resolve(model)
        except ModelError as error:
            self._alone.difference_update(keys)
            self._queue(keys, _HERE)
            return partial(self._hold_back, keys, error.info)
        if info.local or self.one_by_one:
            self._queue(keys, _HERE)
            return partial(self._local.add, model, keys)
        line = service.name
        self._queue(keys, line)
        endpoint = self._endpoints.setdefault(line, Endpoint(self._start))
        return partial(endpoint.add, keys)

    def _queue(self, keys: list[CellKey], line: str) -> None:
        pace = self._paces.setdefault(line, Pace())
        pace.more(len(keys))
        pace.failures = 0
        self.waiting.update(dict.fromkeys(keys, line))

    def stop(self, which: Callable[[CellKey], bool]) -> None:
        """Cancel cells; what was written of them stays."""
        with self._lock:
            never = [key for key in self.waiting if which(key)]
            begun = [cell for key, cell in self.live.items() if which(key)]
            for cell in begun:
                cell.stopping = True
        self._settle([Cell(key=key, status="cancelled") for key in never])
        for cell in begun:
            if cell.future is None:
                cell.service.cancel(cell.answer.run)
            else:  # what a worker still sends is dropped
                cell.future.cancel()
                self.take(Finished(run=cell.answer.run, reason="cancelled"))

    def forget(self, which: Callable[[CellKey], bool]) -> None:
        """Drop cells that are waiting or being answered, as if they had never been asked."""
        with self._lock:
            for key in [key for key in self.waiting if which(key)]:
                self._paces[self.waiting.pop(key)].done(counts=False)
            gone = [cell for key, cell in self.live.items() if which(key)]
            for cell in gone:
                self._let_go(cell)
                self._paces[cell.line].done(counts=False)
        for cell in gone:
            if cell.future is None:
                cell.service.cancel(cell.answer.run)
            else:
                cell.future.cancel()

    # One cell

    def _begin(self, key: CellKey, service: ChatService) -> Request | None:
        """A waiting cell as a request; ``None`` when it is not wanted any more."""
        with self._lock:
            line = self.waiting.pop(key, None)
            if line is None:
                return None
            column = self._record.columns[key.column]
            answer = Answer(column.model, options_of(column, key.sample), id=str(key))
            cell = self.live[key] = Live(key, answer, service, line)
            self._runs[answer.run] = key
            beside = [other for other in self.live.values() if other.line == line]
            if len(beside) > 1 and line != _HERE:  # a batch on this machine says so itself
                for other in beside:
                    other.batched = True
            self._tell([["cell", cell.view()]])
            return Request(
                messages=messages_of(self._record.rows[key.row], column),
                model=column.model,
                run=answer.run,
                options=answer.options,
                force=self._force,
            )

    def take(self, event: Event) -> None:
        """Fold one event into its cell; what comes for a cell that is gone is dropped."""
        with self._lock:
            key = self._runs.get(event.run)
            cell = self.live.get(key) if key is not None else None
            if cell is None or (cell.stopping and isinstance(event, TextDelta | ReasoningDelta)):
                return
            if isinstance(event, Notice) and event.code == "retry":
                self._waits(cell, event.seconds or 0)
            if isinstance(event, Failed) and self._asks_again(cell, event.error):
                return
            loading = cell.answer.status == "loading"
            self._tell(cell.answer.fold(event))
            ended = cell.answer.ended
        if ended:
            self._end(cell)
        if isinstance(event, Failed):
            self._after_failure(cell, event.error, loading)
        elif ended:
            self._paces[cell.line].failures = 0

    def _end(self, cell: Live) -> None:
        """A cell has ended: its receipt is made, it goes to the record and out of memory."""
        answer = cell.answer
        cell.batched = cell.batched or answer.metrics.batch is not None
        done = cell.cell()
        if answer.status != "failed" or answer.said_something:
            receipt = self._receipts.of(answer.model, answer.options, answer.applied)
            done = msgspec.structs.replace(done, receipt=receipt)
        price = self.prices.get(answer.model)
        if price is not None:
            done = msgspec.structs.replace(done, cost=price.of(answer.usage))
        with self._lock:
            if self.live.get(cell.key) is not cell:
                return
            self._let_go(cell)
            self._paces[cell.line].done()
            self._keep([done])
            self._tell([["patch", answer.id, {"cost": done.cost, "batched": done.batched}]])
            self._ended([done])

    def _settle(self, cells: list[Cell]) -> None:
        """Cells that end without having been asked."""
        with self._lock:
            ended = []
            for cell in cells:
                line = self.waiting.pop(cell.key, None)
                if line is not None:
                    self._paces[line].done(counts=False)
                    ended.append(cell)
            self._keep(ended)
            self._tell([["cell", views.ended(cell)] for cell in ended])
            self._ended(ended)

    def _keep(self, cells: list[Cell]) -> None:
        try:
            self._record.keep(*(CellLine(cell=cell) for cell in cells))
        except FolderError as error:
            self.trouble, self._behind = error.info, True
        else:
            if not self._behind:
                return
            self.trouble, self._behind = None, False
        self._tell([["state", {"notice": msgspec.to_builtins(self.trouble)}]])

    def _let_go(self, cell: Live) -> None:
        del self.live[cell.key]
        del self._runs[cell.answer.run]

    # Lines

    def _answer_model(self, model: str, keys: list[CellKey]) -> None:
        """All waiting cells of one model that stand in the line of local models, on its thread."""
        alone = [key for key in keys if key in self._alone]
        try:
            service, _ = self._services.resolve(model)
            self._pull(service, self._requests(service, [key for key in keys if key not in alone]), strict=self.strict)
            self._pull(service, self._requests(service, alone), strict=True)
        except ModelError as error:
            self._hold_back(keys, error.info)
        finally:
            with self._lock:
                self._alone.difference_update(alone)

    def _requests(self, service: ChatService, keys: list[CellKey]) -> Iterator[Request]:
        """Cells as requests, each begun when its turn comes."""
        return (request for key in keys if (request := self._begin(key, service)) is not None)

    def _start(self, key: CellKey) -> bool:
        """Begin a cell of an endpoint, on a thread of its own or in the executor; whether it was begun."""
        with self._lock:
            if key not in self.waiting:
                return False
            model = self._record.columns[key.column].model
        try:
            service, _ = self._services.resolve(model)
            request = self._begin(key, service)
            if request is None:
                return False
            if self._executor is not None:
                self._send(self._executor, key, service, request)
            else:
                name = f"compare-{request.run}"
                threading.Thread(target=self._pull_one, args=(key, service, request), name=name, daemon=True).start()
        except Exception as error:  # the model is gone, its key is not given, the executor takes no more
            self._fail(key, describe(error))
            return False
        return True

    def _pull_one(self, key: CellKey, service: ChatService, request: Request) -> None:
        self._pull(service, [request], strict=False)
        self._leave(service.name, key)

    def _pull(self, service: ChatService, requests: Iterable[Request], *, strict: bool) -> None:
        """The events of these requests, to their end; a cell that got none fails."""
        asked: list[str] = []

        def noted() -> Iterator[Request]:
            for request in requests:
                asked.append(request.run)
                yield request

        error = CUT
        try:
            for event in stream_many(service, noted(), self._is_stopping, strict=strict):
                self.take(event)
        except Exception as raised:
            error = describe(raised)
        for run in asked:
            self.take(Failed(run=run, error=error))  # dropped where it has ended

    def _send(self, executor: Executor, key: CellKey, service: Any, request: Request) -> None:
        """Have a worker of the executor ask; what it brings back is taken when it is there."""
        name = service.name
        secret = remote_task.SealedKey(self._services.key(name).get())
        task = remote_task.RemoteTask(url=service.url, name=name, model=service.model, key=secret, request=request)
        future = executor.submit(remote_task.ask, task)
        with self._lock:
            cell = self.live.get(key)
            stopped = cell is None or cell.stopping
            if cell is not None:
                cell.future = future
        if stopped:  # while it was sent
            future.cancel()
            self.take(Finished(run=request.run, reason="cancelled"))
        future.add_done_callback(partial(self._came_back, name, key, request.run))

    def _came_back(self, name: str, key: CellKey, run: str, future: Future[list[Event]]) -> None:
        if future.cancelled():
            self.take(Finished(run=run, reason="cancelled"))
        elif (error := future.exception()) is not None:
            self.take(Failed(run=run, error=describe(error)))
        else:
            for event in future.result():
                self.take(event)
            self.take(Failed(run=run, error=CUT))
        self._leave(name, key)

    def _leave(self, line: str, key: CellKey) -> None:
        with self._lock:
            again = key in self.waiting
        self._endpoints[line].ended(key, again=again)

    # What a failure means for other cells

    def _waits(self, cell: Live, seconds: int) -> None:
        """A service counts down to its next try: no other cell is begun until then."""
        endpoint = self._endpoints.get(cell.line)
        if seconds and not cell.waits and endpoint is not None:
            endpoint.slow_down(seconds)
        cell.waits = bool(seconds)

    def _asks_again(self, cell: Live, error: ErrorInfo) -> bool:
        """Whether a cell that was refused for the endpoint's rate limit goes back into its line."""
        endpoint = self._endpoints.get(cell.line)
        times = self._refused.get(cell.key, 0)
        if endpoint is None or cell.stopping or times == len(PATIENCE) or cell.answer.said_something:
            return False
        if error.kind != RateLimitError.__name__ or not error.retryable:
            return False
        self._refused[cell.key] = times + 1
        endpoint.slow_down(PATIENCE[times])
        self._let_go(cell)
        self.waiting[cell.key] = cell.line
        words = f"{error.message} It is asked again in {PATIENCE[times]:g} s."
        note = Notice(run=cell.answer.run, code="retry", message=words)
        self._tell([["cell", {**views.waiting(cell.key), "notes": [views.note(note)]}]])
        return True

    def _after_failure(self, cell: Live, error: ErrorInfo, loading: bool) -> None:
        """Fail what would fail alike: the other cells of a model that does not load, of a server that is away."""
        model = cell.answer.model
        if failures.is_of_model(error, loading=loading):
            with self._lock:
                columns = {c.id for c in self._record.columns.values() if c.model == model}
                same = [key for key in self.waiting if key.column in columns]
            self._hold_back(same, error)
        elif cell.line != _HERE and (weight := failures.weight(error)):
            with self._lock:
                pace = self._paces[cell.line]
                pace.failures += weight
                same = [key for key, line in self.waiting.items() if line == cell.line]
                away = pace.failures >= failures.UNREACHABLE
            if away and same:
                message = f"Held back after {cell.line} failed. {error.message}"
                self._hold_back(same, msgspec.structs.replace(error, message=message))

    def _hold_back(self, keys: list[CellKey], error: ErrorInfo) -> None:
        self._settle([Cell(key=key, status="failed", error=error) for key in keys])

    def _fail(self, key: CellKey, error: ErrorInfo) -> None:
        """Fail a cell, waiting or begun."""
        with self._lock:
            cell = self.live.get(key)
        if cell is None:
            self._hold_back([key], error)
        else:
            self.take(Failed(run=cell.answer.run, error=error))

    # Small questions

    def _is_stopping(self, run: str) -> bool:
        with self._lock:
            key = self._runs.get(run)
            return key is None or self.live[key].stopping

    def _is_loaded(self, model: str) -> bool:
        try:
            return self._services.resolve(model)[1].status == "loaded"
        except ModelError:
            return False
