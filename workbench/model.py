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


def is_remote(model: str) -> bool:
    """Whether an id names a model of an endpoint: something before the first ``:`` and no ``/`` in it."""
    head, colon, _ = model.partition(":")
    return bool(colon) and bool(head) and "/" not in head and "\\" not in head
