"""What a service holds of a live engine: calls from any thread, answers as iterators. Knows not where it runs.

`hosted.py` runs the engine in a process of its own, `inprocess.py` on a thread of this one.
"""

from __future__ import annotations

import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import msgspec

from workbench.engines import LoadedModel, LoadSpec
from workbench.engines.wire import (
    Answer,
    Ask,
    Cancel,
    Count,
    Generate,
    Happened,
    Load,
    Loaded,
    Refused,
    Render,
    Restore,
    Save,
    Stopped,
    Value,
)
from workbench.errors import EngineError, ErrorInfo, StateError
from workbench.events import Event, Failed, Finished, LoadProgress
from workbench.request import Request

CRASHED_LOADING = "Its files may be damaged, or too big for the memory that is free."


class Calls:
    """The calls under way and where their answers go.

    Shared by the callers' threads and the one that brings answers; it does not refer to the handle, so that a
    forgotten handle can be collected while that thread still waits.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, _Call] = {}
        self._over = False
        self._reason: ErrorInfo | None = None
        self.closing = False
        """Set before the engine is ended on purpose."""

    @property
    def over(self) -> bool:
        """Whether no answer can come any more."""
        return self._over

    def start(self, *runs: str, load: bool = False) -> tuple[int, SimpleQueue[Answer]]:
        """A new call's number and the queue its answers will be in."""
        with self._lock:
            number, call = next(self._numbers), _Call(runs, load)
            self._open[number] = call
            if self._over:
                self._end(number, call)
        return number, call.answers

    def deliver(self, answer: Answer) -> None:
        """Bring an answer to who waits for it; one that ends its call closes it."""
        with self._lock:
            call = self._open.get(answer.call) if isinstance(answer, Happened) else self._open.pop(answer.call, None)
        if call is not None:
            call.answers.put(answer)

    def finish(self, reason: ErrorInfo | None) -> None:
        """End all calls, now and from now on: failed for that reason, or stopped where it is ``None``."""
        with self._lock:
            self._over, self._reason = True, reason
            for number, call in list(self._open.items()):
                self._end(number, call)

    def cancel(self, run: str) -> list[int]:
        """Mark a run's calls as cancelled; gives their numbers."""
        with self._lock:
            found = [number for number, call in self._open.items() if run in call.runs]
            for number in found:
                self._open[number].cancelled = True
        return found

    def loading(self, *numbers: int) -> bool:
        """Whether one of these calls is a load that goes on."""
        with self._lock:
            return any(number in self._open and self._open[number].load for number in numbers)

    def generating(self) -> list[str]:
        """Runs under way."""
        with self._lock:
            return [run for call in self._open.values() if not call.load for run in call.runs]

    def _end(self, number: int, call: _Call) -> None:
        del self._open[number]
        if self._reason is None or (call.load and call.cancelled):
            call.answers.put(Stopped(call=number))
        else:
            call.answers.put(Refused(call=number, error=self._reason))


class Handle(ABC):
    """A live engine. All methods may be called from any thread; calls are served in the order they are made, but that
    `render` and `count_tokens` do not wait for a run to end.
    """

    def __init__(self, engine: str) -> None:
        self.engine = engine
        """Name of the engine."""
        self.loaded: LoadedModel | None = None
        """What is loaded; ``None`` before a load has ended well."""
        self._calls = Calls()

    def __repr__(self) -> str:
        model = self.loaded.model if self.loaded else None
        return f"{type(self).__name__}({self.engine!r}, model={model!r}, alive={self.alive})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it can still answer; once it cannot, make a new one."""

    @property
    @abstractmethod
    def pid(self) -> int:
        """Id of the process that holds the model."""

    @abstractmethod
    def close(self, timeout: float = 2.0) -> None:
        """End it: runs under way end as cancelled, the model is let go. Waits at most `timeout` seconds to be heard.

        Closing twice is harmless.
        """

    @abstractmethod
    def _send(self, ask: Ask) -> None:
        """Pass an ask on. If it cannot arrive, its call has been or will be answered with why."""

    def load(self, spec: LoadSpec, run: str) -> Iterator[Event]:
        """Load a model in place of the one that is loaded; runs under way on it are cancelled first.

        Yields `LoadProgress`, the last one with `seconds` (counted from this call); or ends with a `Finished`,
        reason ``"cancelled"``, after `cancel(run)`. Raises `ModelFilesError`, `EngineMissingError`,
        `HostCrashedError` and what else the engine's `load` raises. Leaving the iterator early cancels.
        """
        started = time.perf_counter()
        for other in self._calls.generating():
            self.cancel(other)
        self.loaded = None
        call, answers = self._calls.start(run, load=True)
        total: int | None = None
        answer: Answer | None = None
        try:
            self._send(Load(call=call, run=run, spec=spec))
            while isinstance(answer := answers.get(), Happened):
                for event in answer.events:
                    total = event.total if isinstance(event, LoadProgress) else total
                    yield event
        finally:
            if answer is None or isinstance(answer, Happened):
                self.cancel(run)
        if isinstance(answer, Stopped):
            yield Finished(run=run, reason="cancelled")
        elif isinstance(answer, Loaded):
            seconds = time.perf_counter() - started
            self.loaded = msgspec.structs.replace(answer.loaded, seconds=seconds)
            size = total or answer.loaded.weights
            yield LoadProgress(run=run, model=spec.model, done=size, total=size, seconds=seconds)
        else:
            error = _error(answer)
            if error.kind == "HostCrashedError":
                message = f"{error.message} It was loading {spec.model}."
                error = msgspec.structs.replace(error, message=message, next_step=CRASHED_LOADING)
            raise error.to_error()

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        """Answer one request, or a batch where the engine can. Never raises for a failure.

        Every run ends with exactly one `Finished` or `Failed`; the engine's death is a `Failed` with a
        `HostCrashedError`. A second call waits behind the first. Leaving the iterator early cancels its runs.
        """
        going = [request.run for request in requests]
        call, answers = self._calls.start(*going)
        try:
            self._send(Generate(call=call, requests=tuple(requests)))
            while isinstance(answer := answers.get(), Happened):
                for event in answer.events:
                    if isinstance(event, Finished | Failed):
                        going.remove(event.run)
                    yield event
            while going:
                run = going.pop()
                if isinstance(answer, Stopped):
                    yield Finished(run=run, reason="cancelled")
                else:
                    yield Failed(run=run, error=_error(answer))
        finally:
            for run in going:
                self.cancel(run)

    def cancel(self, run: str) -> None:
        """Cancel a run or a load, from any thread; one that is not under way is ignored."""
        self._send_cancel(run, self._calls.cancel(run))

    def _send_cancel(self, run: str, calls: list[int]) -> None:
        for call in calls:
            self._send(Cancel(call=call, run=run))

    def render(self, request: Request) -> str:
        """The exact prompt the model would read; raises what the engine raises.

        While a run is going it is made between two of its tokens, or two pieces of its prompt.
        """
        call, answers = self._calls.start()
        self._send(Render(call=call, request=request))
        return str(_value(answers.get()))

    def count_tokens(self, request: Request) -> int:
        """Tokens of that prompt; waits as `render` does, and raises what the engine raises."""
        call, answers = self._calls.start()
        self._send(Count(call=call, request=request))
        return int(_value(answers.get()))

    def save_cache(self, request: Request, file: Path) -> int:
        """Write what is kept of a request's prompt to a file; gives its tokens, 0 where nothing is or it cannot.

        Waits behind a run that is going. Raises `FolderError` when the file cannot be written.
        """
        call, answers = self._calls.start()
        self._send(Save(call=call, request=request, file=str(file.absolute())))
        return int(_value(answers.get()))

    def restore_cache(self, file: Path) -> int:
        """Keep what such a file holds; gives its tokens, 0 where it is damaged or another model's.

        Waits behind a run that is going.
        """
        call, answers = self._calls.start()
        self._send(Restore(call=call, file=str(file.absolute())))
        return int(_value(answers.get()))


class _Call:
    def __init__(self, runs: tuple[str, ...], load: bool) -> None:
        self.runs = runs
        self.load = load
        self.cancelled = False
        self.answers: SimpleQueue[Answer] = SimpleQueue()


def _value(answer: Answer) -> int | str:
    if isinstance(answer, Value):
        return answer.value
    if isinstance(answer, Stopped):
        raise StateError("The engine was closed meanwhile.")
    raise _error(answer).to_error()


def _error(answer: Answer) -> ErrorInfo:
    if isinstance(answer, Refused):
        return answer.error
    return EngineError(f"The engine answered {type(answer).__name__} where that makes no sense.").info
