"""How far a download is: frozen values for whoever runs, shows or scripts one. They know no hub and no file."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from workbench.errors import ErrorInfo

FileStatus: TypeAlias = Literal["waiting", "downloading", "verifying", "done", "failed"]
DownloadStatus: TypeAlias = Literal[
    "queued", "starting", "downloading", "verifying", "paused", "done", "failed", "cancelled"
]
"""queued: others go first; starting: the hub is asked what there is; verifying: SHA-256 of what arrived."""


class FileProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a download."""

    path: str
    """In the repository."""
    size: int
    """In bytes."""
    done: int = 0
    """Bytes here, those of earlier tries included."""
    status: FileStatus = "waiting"
    speed: float | None = None
    """Bytes per second over the last seconds; ``None`` when nothing comes."""
    parts: int = 1
    """Ranges fetched at once."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One download at one moment."""

    id: str
    model: str
    """The model id it was asked for."""
    status: DownloadStatus = "queued"
    done: int = 0
    """Bytes here, those of earlier tries included."""
    total: int | None = None
    """Bytes of all files that are needed; ``None`` until the hub has said."""
    speed: float | None = None
    """Bytes per second over the last seconds."""
    seconds_left: float | None = None
    """``None`` while unknown, paused or ended."""
    elapsed: float = 0.0
    """Seconds of downloading so far, without pauses."""
    kept: int = 0
    """Bytes that were here before it began: not fetched again."""
    position: int | None = None
    """Downloads before it while queued."""
    shared: bool = False
    """Another process is fetching the same model; this one follows it."""
    files: tuple[FileProgress, ...] = ()
    revision: str | None = None
    """Commit it is fetched at."""
    path: str | None = None
    """The finished model's folder or file."""
    error: ErrorInfo | None = None
    """Why it failed."""
    note: str = ""
    """A few words for a person while it waits: ``"the server asks to wait 30 s"``."""

    @property
    def percent(self) -> float | None:
        """0 to 100; ``None`` while the total is unknown."""
        if self.total is None:
            return None
        return 100.0 if self.total == 0 else 100.0 * self.done / self.total

    @property
    def ended(self) -> bool:
        """Whether nothing more will come by itself."""
        return self.status in ("done", "failed", "cancelled")
