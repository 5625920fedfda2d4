"""One thread that does jobs in order. It knows nothing of what the jobs are."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeAlias

Job: TypeAlias = Callable[[], None]


class Worker:
    """A daemon thread, started by its first job; it ends with `close`, or when its owner lets go of it.

    Jobs that were given before are still done: a job keeps alive what it needs, the thread keeps nothing.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._jobs.put, None).atexit = False

    def do(self, job: Job) -> None:
        """Do this after the jobs given before. Not safe to call from two threads at once."""
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._jobs,), name=self._name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread once the jobs already given are done."""
        self._jobs.put(None)


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # or its objects would live until the next job comes
