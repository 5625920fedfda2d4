"""Long work on a thread of its own, with an id, progress and a stop. Knows nothing of what is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from workbench.errors import ErrorInfo, StateError, WorkbenchError, describe
from workbench.messages import new_id

T = TypeVar("T")
JobKind: TypeAlias = Literal["verify", "import", "quantize", "update"]
JobStatus: TypeAlias = Literal["running", "done", "failed", "cancelled"]
TELL_EVERY_S = 0.1
"""Least time between two words on progress."""


class Job(Generic[T]):
    """One piece of long work. It runs from the start; `result` waits for it, `stop` asks it to end."""

    def __init__(self, kind: JobKind, model: str, work: Callable[[Job[T]], T], changed: Callable[[Job[T]], None]):
        self.id = new_id()
        self.kind = kind
        self.model = model
        """What it is about: a model id, or a path."""
        self.done = 0
        """Bytes done."""
        self.total: int | None = None
        """Bytes in all; ``None`` while unknown."""
        self.message = ""
        """A few words on what goes on, or what came of it."""
        self.status: JobStatus = "running"
        self.error: ErrorInfo | None = None
        self._work = work
        self._changed = changed
        self._value: T | None = None
        self._raised: Exception | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._told = 0.0

    def start(self, gate: AbstractContextManager[Any] | None = None) -> Job[T]:
        """Begin; with a gate, once it lets this one through."""
        threading.Thread(target=self._run, args=(gate or nullcontext(),), name=f"job-{self.id}", daemon=True).start()
        return self

    def stop(self) -> None:
        """Ask it to end; what it has half done is undone. One that has ended is left as it is."""
        self._stopping.set()

    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stopping.is_set()

    def result(self, timeout: float | None = None) -> T:
        """Wait for its end, at most so many seconds, and return what came of it.

        Raises what went wrong, `StateError` when it was stopped, `TimeoutError`.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(f"{self!r} has not ended within {timeout:g} s.")
        if self._raised is not None:
            raise self._raised
        return self._value  # type: ignore[return-value]  # it ended without an error

    def progress(self, done: int, total: int | None, message: str = "") -> None:
        """Say how far it is; told on at most ten times a second."""
        self.done, self.total, self.message = done, total, message or self.message
        if time.monotonic() - self._told >= TELL_EVERY_S:
            self._told = time.monotonic()
            self._changed(self)

    @property
    def percent(self) -> float | None:
        """0 to 100; ``None`` while the total is unknown."""
        return None if not self.total else round(100 * self.done / self.total, 1)

    def view(self) -> dict[str, Any]:
        """It as JSON-ready values."""
        return {
            "id": self.id,
            "kind": self.kind,
            "model": self.model,
            "done": self.done,
            "total": self.total,
            "percent": self.percent,
            "message": self.message,
            "status": self.status,
            "error": msgspec.to_builtins(self.error),
        }

    def __repr__(self) -> str:
        percent = f", {self.percent:.0f} %" if self.status == "running" and self.percent is not None else ""
        message = f": {self.message}" if self.message else ""
        return f"<{self.kind.capitalize()} of {self.model}, {self.status}{percent}{message}>"

    def _run(self, gate: AbstractContextManager[Any]) -> None:
        status: JobStatus = "done"
        try:
            with gate:
                if self.stopping():
                    raise StateError(f"The {self.kind} of {self.model} was stopped.", next_step="Start it again.")
                self._value = self._work(self)
        except Exception as error:
            self._raised = error if isinstance(error, WorkbenchError) else describe(error).to_error()
            status = "cancelled" if self.stopping() else "failed"
            self.error = describe(error) if status == "failed" else None
        self.status = status
        self._changed(self)
        self._ended.set()


class Jobs(tuple[Job[T], ...], Generic[T]):
    """Several jobs of one call."""

    __slots__ = ()

    def result(self, timeout: float | None = None) -> dict[str, T]:
        """Wait for all, and return what came of each, by model. Raises what the first that failed raised."""
        deadline = None if timeout is None else time.monotonic() + timeout
        left = (None if deadline is None else max(0.0, deadline - time.monotonic()) for _ in self)
        return {job.model: job.result(seconds) for job, seconds in zip(self, left, strict=True)}

    def stop(self) -> None:
        """Stop all."""
        for job in self:
            job.stop()
