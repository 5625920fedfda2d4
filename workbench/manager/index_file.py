"""An SQLite file that may be lost: shared by processes, made again when it is damaged or gone. Knows no models."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from workbench.errors import FolderError

BUSY = 10.0
"""Seconds to wait for another process that writes."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

T = TypeVar("T")


class Connection:
    """One connection, one caller at a time. A second one beside it (one reads, one writes) never waits for it (WAL)."""

    def __init__(self, path: Path, tables: str) -> None:
        self.path, self._tables = path, tables
        self.opened = 0
        """How often the file was opened: another number, another file."""
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None
        self._inode: int | None = None

    def run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """What the action returns; called again on an empty file when this one turns out to be damaged.

        Raises `FolderError` when the file cannot be used at all.
        """
        with self._lock:
            try:
                try:
                    return action(self._connected())
                except (sqlite3.Error, msgspec.DecodeError) as error:
                    if not _damaged(error):
                        raise
                    self._set_aside()
                    return action(self._connected())
            except (sqlite3.Error, msgspec.DecodeError, OSError) as error:
                raise FolderError(
                    f"The index of models at {self.path} cannot be used: {error}.",
                    next_step="Make room there, or set WORKBENCH_HOME to a folder that can be written.",
                ) from None

    def close(self) -> None:
        """Give the file back; the next `run` opens it again."""
        with self._lock:
            self._close()

    def _connected(self) -> sqlite3.Connection:
        """The open connection, unless the file at the path is not the one it was opened on."""
        if self._open is not None and self._inode == _inode(self.path):
            return self._open
        self._close()
        connection = sqlite3.connect(self.path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        self._open, self._inode = connection, _inode(self.path)
        self.opened += 1
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(self._tables)
        return connection

    def _set_aside(self) -> None:
        """Rename the damaged file, unless another process has put a new one in its place already."""
        inode = self._inode
        self._close()
        with suppress(OSError):
            if inode == _inode(self.path):
                self.path.replace(f"{self.path}.damaged")
                for end in ("-wal", "-shm"):
                    Path(f"{self.path}{end}").unlink(missing_ok=True)

    def _close(self) -> None:
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
        self._open = self._inode = None


def _damaged(error: Exception) -> bool:
    if isinstance(error, msgspec.DecodeError):
        return True
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
