"""What the local service says and keeps of memory: why a model has no room, and what its runs measured."""

from __future__ import annotations

from workbench.engines import hosts
from workbench.engines.hosted import HostedEngine
from workbench.errors import ModelTooBigError
from workbench.events import Finished
from workbench.manager.fit import Fit, gb
from workbench.store import usage

CACHE_SHARE = 0.1
"""Share of the memory for models that may go to prompts already read, several chats' of one model together. It comes
out of the quarter that `workbench.manager.machine` leaves to everything else, and stays a small part of that."""


def note(event: Finished, host: HostedEngine) -> None:
    """Keep what a run of a real engine measured.

    Of a whole process's memory only the first run's: later ones hold prompts of other chats as well. A batch measures
    several runs at once, and says nothing of one.
    """
    loaded = host.loaded
    if loaded is None or loaded.engine == "scripted" or event.metrics.batch is not None:
        return
    peak = event.metrics.peak_memory if loaded.engine == "mlx" or event.metrics.load_s is not None else None
    usage.note(
        event,
        model=loaded.model,
        engine=loaded.engine,
        load_s=event.metrics.load_s or loaded.seconds,
        peak_memory=peak,
        weights=loaded.weights,
        context_length=loaded.context_length,
    )


def cache_budget(need: Fit) -> int:
    """Bytes of prompts already read that a model may keep: its cache for one whole context, which its need counts in,
    or a share of what models may take here where that is more.
    """
    return max(need.kv_cache, int(CACHE_SHARE * need.usable))


def too_big(model: str, need: Fit) -> ModelTooBigError:
    """The error for a model that does not fit this machine."""
    shorter = ", a shorter context_length" if need.kv_cache > need.total - need.usable else ""
    return ModelTooBigError(
        f"{model} does not fit: {needs(need)}.",
        next_step=f"Choose a smaller model or a stronger quantization{shorter}, or load it anyway with `force=True`.",
    )


def needs(need: Fit) -> str:
    """A model's need as a sentence without its end."""
    parts = ", ".join(f"{name} {gb(size)}" for name, size in need.breakdown())
    return f"it needs about {gb(need.total)} GB ({parts}), and models may take {gb(need.usable)} GB here"


def none_left(held: list[hosts.HostRecord]) -> ModelTooBigError:
    """The error for a model that would fit, were it not for the hosts of other kernels."""
    names = ", ".join(sorted({host.model for host in held}))
    return ModelTooBigError(
        f"Other notebooks hold {gb(sum(host.bytes for host in held))} GB of memory ({names}): no room is left.",
        next_step="Unload there with wb.unload(), or restart their kernels.",
        retryable=True,
    )
