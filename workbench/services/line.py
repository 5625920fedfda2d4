"""Runs on their way through the local service: one, or several that stand in line as one. Knows no model and no host.

batch ── run, run, run      the batch waits, loads and is answered; each run is told what happens to it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import msgspec

from workbench.engines.hosted import HostedEngine
from workbench.errors import UsageError, WorkbenchError, describe
from workbench.events import Event, Failed, Finished, Metrics, Queued
from workbench.request import Request


class CancelledRunError(Exception):
    """The run was cancelled; never leaves the local service."""


class Run:
    """A run, a load, or a batch of runs. The service's lock guards it."""

    def __init__(self, run: str, *, urgent: bool = False, force: bool = False, batch: Run | None = None) -> None:
        self.id = run
        self.urgent = urgent
        """Whether it cancels what is in its way instead of waiting for it."""
        self.force = force
        """Whether it loads a model that does not fit."""
        self.batch = batch
        """What it is a member of."""
        self.members: list[Run] = []
        """Runs that it stands for and that have not ended."""
        self.cancelled = False
        """Of a batch: all members are."""
        self.load_s: float | None = None
        self.host: HostedEngine | None = None
        """Where a cancel has to be passed on to."""

    @property
    def stopped(self) -> int:
        """Members that are cancelled."""
        return sum(run.cancelled for run in self.members)

    def let_go(self, run: str) -> None:
        """A member has ended."""
        self.members = [member for member in self.members if member.id != run]

    def cancel(self) -> list[tuple[HostedEngine, str]]:
        """Mark it, its members, and its batch when no other member is left; gives the hosts to tell, and of what."""
        marked = [self, *self.members]
        for run in marked:
            run.cancelled = True
        if self.batch is not None and self.batch.stopped == len(self.batch.members):
            self.batch.cancelled = True
            marked.append(self.batch)
        return [(host, run.id) for run in marked if (host := (run.batch or run).host) is not None]


def batch_of(requests: Sequence[Request], batch_id: str) -> Run:
    """Requests that stand in line as one."""
    batch = Run(batch_id, force=any(request.force for request in requests))
    batch.members = [Run(request.run, batch=batch) for request in requests]
    return batch


def common(requests: Sequence[Request]) -> tuple[str, int | None]:
    """The one model of all, and the context length to load it with. Raises `UsageError` where there are several."""
    if len({request.model for request in requests}) != 1:
        raise UsageError("Requests that are answered together must be to one model.", next_step="Ask for each model.")
    lengths = [length for request in requests if (length := request.options.context_length) is not None]
    return requests[0].model, max(lengths) if len(lengths) == len(requests) else None


def told(run: Run, events: Iterator[Event]) -> Iterator[Event]:
    """The events of a run, every way it can end among them."""
    try:
        yield from events
    except CancelledRunError:
        yield Finished(run=run.id, reason="cancelled", metrics=Metrics(load_s=run.load_s))
    except WorkbenchError as error:
        yield Failed(run=run.id, error=error.info, metrics=Metrics(load_s=run.load_s))
    except Exception as error:
        yield Failed(run=run.id, error=describe(error), metrics=Metrics(load_s=run.load_s))


def told_all(batch: Run, events: Iterator[Event]) -> Iterator[Event]:
    """What happens to a batch as what happens to its members; one that is cancelled ends, the others go on.

    All are told that they wait and how it ends, the first that the model is loaded.
    """
    with closing(told(batch, events)) as all_events:  # type: ignore[type-var]  # it is a generator
        for event in all_events:
            if event.run == batch.id:
                for run in [run for run in batch.members if run.cancelled and not batch.cancelled]:
                    batch.let_go(run.id)
                    yield Finished(run=run.id, reason="cancelled")
            ends = isinstance(event, Finished | Failed)
            those = [run.id for run in batch.members if event.run in (run.id, batch.id)]
            for run_id in those if ends or isinstance(event, Queued) else those[:1]:
                if ends:
                    batch.let_go(run_id)
                yield event if event.run == run_id else msgspec.structs.replace(event, run=run_id)
