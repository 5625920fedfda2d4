"""What a model is: one frozen value for a model here, on a server or on the hub. Unknown stays ``None``.

A model id is

    builtin                        the model that ships inside
    org/repo[@revision][:Q4_K_M]   a repository of the hub, or of its cache on this disk
    /a/folder or /a/file.gguf      files of your own
    endpoint:model                 a model of a connected server (no "/" before the first ":")
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Status: TypeAlias = Literal["hub", "ready", "loading", "loaded", "failed", "down"]
"""hub: not on this machine; ready: usable; loading; loaded: in memory; failed: did not load; down: server away."""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model. ``None`` means unknown, never zero."""

    id: str
    name: str
    """Short name for a list."""
    provider: str
    """``"local"``, or the name of the endpoint that offers it."""
    engine: str | None = None
    """Engine that would run it here (``"mlx"``, ``"llama_cpp"``); ``None`` for remote ones."""
    format: str | None = None
    """``"safetensors"``, ``"gguf"``, ..."""
    parameters: int | None = None
    active_parameters: int | None = None
    """Parameters used per token, where that is fewer (mixture of experts)."""
    bits: float | None = None
    """Bits per weight of the quantization."""
    quantization: str | None = None
    """Name of the quantization (``"4bit"``, ``"Q4_K_M"``); ``None`` also for none."""
    method: str | None = None
    """How it was quantized (``"affine"``, ``"mxfp4"``, ``"dwq"``, ``"k-quant"``); ``None`` also for none."""
    architecture: str | None = None
    context_length: int | None = None
    """In tokens."""
    size: int | None = None
    """Weights on disk, in bytes."""
    capabilities: frozenset[str] = frozenset()
    """Of ``vision``, ``tools``, ``reasoning``, ``embeddings``."""
    path: str | None = None
    """Folder or file on this machine."""
    revision: str | None = None
    licence: str | None = None
    status: Status = "ready"
    note: str = ""
    """A few words beside the status, e.g. ``"refused, port 11434"``."""

    @property
    def local(self) -> bool:
        """Whether it runs on this machine."""
        return self.provider == "local"


class HubModel(ModelInfo, frozen=True, kw_only=True):
    """A model of the hub, as its listing tells it; `status` says what of it is on this machine."""

    author: str | None = None
    task: str | None = None
    """The hub's pipeline tag, e.g. ``"text-generation"``."""
    tags: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    """What it was made from."""
    downloads: int | None = None
    """In the last 30 days."""
    likes: int | None = None
    trending: float | None = None
    created: str | None = None
    """ISO 8601."""
    updated: str | None = None
    """ISO 8601."""
    gated: Literal["auto", "manual"] | None = None
    """Whether access must be asked for; ``None``: it need not."""
    private: bool = False
    quantizations: tuple[str, ...] = ()
    """All that a GGUF repository offers, one of which an id may name; the facts are those of `quantization`."""
    estimated: bool = False
    """Whether `size` was computed from parameters and bits, not read from the files."""
    quality: float | None = None
    """The quality score, 0 to 100; its formula is in `workbench.manager.quality`."""


def is_remote(model: str) -> bool:
    """Whether an id names a model of an endpoint: something before the first ``:`` and no ``/`` in it."""
    head, colon, _ = model.partition(":")
    return bool(colon) and bool(head) and "/" not in head and "\\" not in head
