"""One engine at work on one thread: asks in, answers out, in order. Knows no pipe and no process.

Only a prompt to be seen or counted does not wait for the end of a run: that is answered between two of its tokens.
It owes its callers what an engine may forget: every run ends exactly once, no foreign exception gets out.
"""

from __future__ import annotations

import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias, TypeGuard

import msgspec

from workbench.engines import Engine, make_engine, missing_package
from workbench.engines.wire import (
    Answer,
    Ask,
    Cancel,
    Count,
    Ended,
    Exit,
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
from workbench.errors import EngineError, ErrorInfo, StateError, WorkbenchError
from workbench.events import Event, Failed, Finished, LoadProgress, Metrics

_Waiting: TypeAlias = Load | Generate | Render | Count | Save | Restore | Exit


class Worker:
    """Runs the engine of a file name. `work` belongs to one thread, `take` may be called from any.

    `answer` is called on the working thread with each `Answer`; it must not block.
    """

    def __init__(self, engine: str, answer: Callable[[Answer], None]) -> None:
        self._name = engine
        self._answer = answer
        self._asks: SimpleQueue[_Waiting] = SimpleQueue()
        self._line: deque[_Waiting] = deque()  # taken from the queue while a run was going
        self._cancelled: set[tuple[int, str]] = set()
        self._leaving = False
        self._has_model = False

    def take(self, ask: Ask) -> None:
        """Accept an ask. `Cancel` and `Exit` act at once, the others wait their turn."""
        if isinstance(ask, Cancel):
            self._cancelled.add((ask.call, ask.run))
            return
        if isinstance(ask, Exit):
            self._leaving = True
        self._asks.put(ask)

    def work(self) -> None:
        """Import the framework at once, then do what is asked until `Exit`. A failed import is each call's answer."""
        engine: Engine | None = None
        problem: BaseException | None = None
        try:
            engine = make_engine(self._name)
        except Exception as error:
            problem = error
        while not isinstance(ask := self._line.popleft() if self._line else self._asks.get(), Exit):
            try:
                if engine is None:
                    assert problem is not None
                    raise problem
                self._answer(self._perform(engine, ask))
            except Exception as error:
                self._answer(Refused(call=ask.call, error=_mapped(error, self._name)))
            self._cancelled = {key for key in self._cancelled if key[0] != ask.call}
        if engine is not None:
            engine.unload()

    def _perform(self, engine: Engine, ask: Load | Generate | Render | Count | Save | Restore) -> Answer:
        if isinstance(ask, Load):
            return self._load(engine, ask)
        if not self._has_model:
            raise StateError("No model is loaded.", next_step="Load one first.")
        if isinstance(ask, Render):
            return Value(call=ask.call, value=engine.render(ask.request))
        if isinstance(ask, Count):
            return Value(call=ask.call, value=engine.count_tokens(ask.request))
        if isinstance(ask, Save):
            return Value(call=ask.call, value=engine.save_cache(ask.request, Path(ask.file)))
        if isinstance(ask, Restore):
            return Value(call=ask.call, value=engine.restore_cache(Path(ask.file)))
        return self._generate(engine, ask)

    def _load(self, engine: Engine, ask: Load) -> Answer:
        def cancelled() -> bool:
            return self._leaving or (ask.call, ask.run) in self._cancelled

        if self._has_model:
            self._has_model = False
            engine.unload()
        try:
            for done, total in engine.load(ask.spec, cancelled):
                step = LoadProgress(run=ask.run, model=ask.spec.model, done=done, total=total)
                self._answer(Happened(call=ask.call, events=(step,)))
        except Exception:
            engine.unload()
            raise
        if cancelled():
            engine.unload()
            return Stopped(call=ask.call)
        self._has_model = True
        return Loaded(call=ask.call, loaded=engine.loaded)

    def _generate(self, engine: Engine, ask: Generate) -> Answer:
        call, going = ask.call, [request.run for request in ask.requests]

        def cancelled(run: str) -> bool:
            return self._leaving or (call, run) in self._cancelled

        def end(event: Event) -> None:
            going.remove(event.run)
            self._answer(Happened(call=call, events=(event,)))

        if all(cancelled(run) for run in going):
            return Stopped(call=call)
        memory = PeakMemory()
        try:
            for event in engine.generate(ask.requests, cancelled):
                self._answer_quick(engine)
                if event.run not in going:
                    continue
                if isinstance(event, Finished | Failed):
                    end(_with_memory(event, memory))
                else:
                    self._answer(Happened(call=call, events=(event,)))
            failure = EngineError(f"The engine {self._name} stopped without saying how the run ended.").info
        except Exception as error:
            failure = _mapped(error, self._name)
        for run in list(going):
            end(Failed(run=run, error=failure))
        return Ended(call=call)

    def _answer_quick(self, engine: Engine) -> None:
        """Between two tokens: answer what only looks at a prompt, unless another model is to be loaded before it."""
        while not self._asks.empty():
            self._line.append(self._asks.get())
        quick = [ask for ask in takewhile(lambda ask: not isinstance(ask, Load), self._line) if _is_quick(ask)]
        for ask in quick:
            self._line.remove(ask)
            try:
                self._answer(self._perform(engine, ask))
            except Exception as error:
                self._answer(Refused(call=ask.call, error=_mapped(error, self._name)))


class PeakMemory:
    """Most bytes this process holds from now on, where that can be known: exact, or ``None``.

    Linux lets a process reset its own mark. (`getrusage` will not do there: it starts with the size of the process
    that spawned this one.) Elsewhere the mark is the process's whole life's, so it tells only if it moves.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        if sys.platform == "linux":
            with suppress(OSError), open("/proc/self/clear_refs", "w") as marks:
                marks.write("5")
                self._before = 0
        else:
            self._before = self._mark()

    def read(self) -> int | None:
        """Bytes, or ``None``."""
        mark = self._mark()
        return mark if mark is not None and self._before is not None and mark > self._before else None

    @staticmethod
    def _mark() -> int | None:
        if sys.platform == "linux":
            with suppress(OSError), open("/proc/self/status", "rb") as status:
                return next((int(line.split()[1]) * 1024 for line in status if line.startswith(b"VmHWM:")), None)
            return None
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _is_quick(ask: _Waiting) -> TypeGuard[Render | Count]:
    return isinstance(ask, Render | Count)


def _with_memory(event: Finished | Failed, memory: PeakMemory) -> Finished | Failed:
    if event.metrics.peak_memory is not None:
        return event
    metrics: Metrics = msgspec.structs.replace(event.metrics, peak_memory=memory.read())
    return msgspec.structs.replace(event, metrics=metrics)


def _mapped(error: Exception, engine: str) -> ErrorInfo:
    """A framework's exception as ours, its traceback in the details."""
    if isinstance(error, WorkbenchError):
        return error.info
    if isinstance(error, ImportError):
        return missing_package(engine, error).info
    details = "".join(traceback.format_exception(error))
    return EngineError(f"The engine {engine} failed: {type(error).__name__}: {error}.", details=details).info
