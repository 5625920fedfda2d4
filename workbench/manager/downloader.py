"""The queue of downloads of this process: who goes first, how many at once, over how many connections."""

from __future__ import annotations

import threading
from functools import partial

from workbench.errors import UsageError
from workbench.manager import inventory, unfinished
from workbench.manager.job import Job
from workbench.manager.source import Patience
from workbench.store import settings


class Downloader:
    """Downloads in the order they were asked for, `at_once` at a time, over so many `connections` in all.

    ``None`` for those: what the settings say at the time. Those that an earlier process began and did not end are there
    from the start, paused.
    """

    def __init__(
        self, at_once: int | None = None, connections: int | None = None, patience: Patience | None = None
    ) -> None:
        self.lock = threading.RLock()
        self._at_once = at_once
        self._connections = connections
        self._patience = patience
        self._jobs: list[Job] = []
        self._running: set[Job] = set()
        root = str(inventory.cache_root())
        for plan in unfinished.plans():
            if plan.root == root:
                self._jobs.append(self._made(Job(plan.model, plan=plan, patience=patience)))

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All of them, in their order."""
        with self.lock:
            return tuple(self._jobs)

    def add(self, model: str) -> Job:
        """The download of a model: the one there is, started again if it stands still, or a new one at the end.

        Raises `UsageError` for what is no id of the hub.
        """
        fresh = Job(model, patience=self._patience)
        with self.lock:
            for job in self._jobs:
                if job.model == fresh.model and job.status != "done":
                    self.resume(job)
                    return job
            self._jobs = [job for job in self._jobs if job.model != fresh.model]
            self._jobs.append(self._made(fresh))
            self._fill()
        return fresh

    def resume(self, job: Job) -> None:
        """Go on with one that is paused, failed or cancelled; it keeps its place. Others are left as they are."""
        with self.lock:
            if job not in self._jobs:
                raise UsageError("This download was cleared away.", next_step="Download the model again.")
            if job.status in ("paused", "failed", "cancelled"):
                job.queue()
                self._fill()

    def pause(self, job: Job) -> None:
        """Pause one that is running or waiting."""
        with self.lock:
            if job.status in ("queued", "starting", "downloading", "verifying"):
                job.stop("paused")

    def cancel(self, job: Job) -> None:
        """Cancel one that is not done; what arrived stays for the next try."""
        with self.lock:
            if job.status not in ("done", "cancelled"):
                job.stop("cancelled")

    def pause_all(self) -> None:
        """Pause what is running or waiting."""
        with self.lock:
            for job in reversed(self._jobs):  # what waits first, or it would start in the place of what runs
                self.pause(job)

    def resume_all(self) -> None:
        """Go on with all that are paused."""
        with self.lock:
            for job in self._jobs:
                if job.status == "paused":
                    self.resume(job)

    def clear(self) -> list[Job]:
        """Take those that are done, failed or cancelled off the list; the ones taken. Bytes stay."""
        with self.lock:
            gone = [job for job in self._jobs if job.status in ("done", "failed", "cancelled")]
            self._jobs = [job for job in self._jobs if job not in gone]
        for job in gone:
            unfinished.forget(job.id)
        return gone

    def position(self, job: Job) -> int | None:
        """How many wait before one that is queued."""
        with self.lock:
            waiting = [other for other in self._jobs if other.status == "queued"]
            return waiting.index(job) if job in waiting else None

    def _made(self, job: Job) -> Job:
        job.connections = lambda: max(1, self._most() // max(1, len(self._running)))
        job.reserved = lambda: sum(other.left for other in list(self._running) if other is not job)
        return job

    def _most(self) -> int:
        return settings.get().connections if self._connections is None else self._connections

    def _fill(self) -> None:
        """Start what waits, as far as there is room."""
        at_once = settings.get().at_once if self._at_once is None else self._at_once
        for job in self._jobs:
            if len(self._running) >= at_once:
                return
            if job.status == "queued" and job not in self._running:
                self._running.add(job)
                threading.Thread(target=partial(self._run, job), name=f"download-{job.id[:6]}", daemon=True).start()

    def _run(self, job: Job) -> None:
        job.run()
        with self.lock:
            self._running.discard(job)
            self._fill()
