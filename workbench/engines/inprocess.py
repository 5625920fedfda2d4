"""An engine on a thread of this process, behind the same handle: for a script, or a debugger.

What crashes the engine crashes this process, an interrupt does not reach it, and memory comes back only as the
framework gives it back.
"""

from __future__ import annotations

import os
import threading
import weakref

from workbench.engines.handle import Calls, Handle
from workbench.engines.wire import Ask, Exit
from workbench.engines.worker import Worker
from workbench.errors import EngineError, describe


class InProcessEngine(Handle):
    """An engine in this process, on one long-lived thread of its own."""

    def __init__(self, engine: str) -> None:
        super().__init__(engine)
        self._worker = Worker(engine, self._calls.deliver)
        self._thread = threading.Thread(
            target=_work, args=(self._worker, self._calls), name=f"workbench engine {engine}", daemon=True
        )
        self._thread.start()
        # A framework's thread must have ended before the interpreter goes; a daemon thread would just be dropped.
        self._end = weakref.finalize(self, _end, self._worker, self._thread)

    @property
    def alive(self) -> bool:
        """Whether its thread can still answer."""
        return not self._calls.over and not self._calls.closing

    @property
    def pid(self) -> int:
        """This process."""
        return os.getpid()

    def close(self, timeout: float = 2.0) -> None:
        """Ask the engine to let go of its model and end its thread; one that does not listen is left behind."""
        self._calls.closing = True
        self._worker.take(Exit())
        self._thread.join(timeout)
        self._calls.finish(None)

    def _send(self, ask: Ask) -> None:
        self._worker.take(ask)


def _work(worker: Worker, calls: Calls) -> None:
    try:
        worker.work()
        calls.finish(None)
    except BaseException as error:
        calls.finish(EngineError("The engine's thread died.", details=describe(error).message).info)


def _end(worker: Worker, thread: threading.Thread) -> None:
    worker.take(Exit())
    if thread is not threading.current_thread():
        thread.join(2.0)
