"""Which downloads were begun and not ended, so that another kernel can go on with them.

DATA/downloads/ID.json   what was asked for, its commit and its files; the bytes lie in the cache
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from workbench.manager.hub import HubFile
from workbench.store import paths


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a download will fetch, fixed when it begins: a newer revision does not change it."""

    id: str
    model: str
    """The model id it was asked for."""
    repo: str
    commit: str
    reference: str | None
    """Branch or tag that leads to the commit; ``None`` when the commit itself was asked for."""
    root: str
    """The cache's folder."""
    format: str
    quantization: str | None
    files: tuple[HubFile, ...]
    begun: float
    """Unix time."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


def remember(plan: Plan) -> None:
    """Write it down until `forget`."""
    path = _path(plan.id)
    fresh = path.with_suffix(".tmp")
    fresh.write_bytes(msgspec.json.encode(plan))
    fresh.replace(path)


def forget(id: str) -> None:
    """It ended."""
    _path(id).unlink(missing_ok=True)


def plans() -> list[Plan]:
    """All that were begun and did not end, oldest first."""
    found = []
    for path in _folder().glob("*.json"):
        with suppress(OSError, msgspec.DecodeError):
            found.append(msgspec.json.decode(path.read_bytes(), type=Plan))
    return sorted(found, key=lambda plan: plan.begun)


def _folder() -> Path:
    folder = paths.data_dir() / "downloads"
    folder.mkdir(exist_ok=True)
    return folder


def _path(id: str) -> Path:
    return _folder() / f"{id}.json"
