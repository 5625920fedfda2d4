"""A file that only grows: what is added is written whole or not at all, and read by its place. Knows no comparison."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from pathlib import Path
from typing import IO


class Journal:
    """The file, open; safe to use from several threads. With `borrowed` it is only read."""

    def __init__(self, path: Path, *, borrowed: bool = False) -> None:
        self.path = path
        self.borrowed = borrowed
        self._guard = threading.Lock()
        self._file: IO[bytes] = path.open("rb" if borrowed else "a+b", buffering=0)
        self._torn: int | None = None
        """Where something begins that was not written whole; ``None`` when all was."""

    def append(self, data: bytes) -> int:
        """Write this at the end; returns where it begins. Raises `OSError`, and then nothing of it was written."""
        with self._guard:
            if self._torn is not None:
                self._file.truncate(self._torn)
                self._torn = None
            begin, rest = self._file.seek(0, os.SEEK_END), memoryview(data)
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError:
                self._torn = begin
                with contextlib.suppress(OSError):  # else the next one tries it
                    self._file.truncate(begin)
                raise
            return begin

    def read(self, offset: int, length: int) -> bytes:
        """So many bytes from a place."""
        with self._guard:
            self._file.seek(offset)
            return self._file.read(length)

    def move(self, path: Path) -> None:
        """Go on in a copy, cut after its last whole line; what it was read from stays as it is. Raises `OSError`."""
        with self._guard:
            try:
                with path.open("xb") as out:
                    self._file.seek(0)
                    shutil.copyfileobj(self._file, out)
                mend(path)
                file = path.open("a+b", buffering=0)
            except OSError:
                with contextlib.suppress(OSError):
                    path.unlink()
                raise
            self._file.close()
            self.path, self.borrowed, self._file = path, False, file


def mend(path: Path) -> None:
    """Cut off a last line that a kill left unfinished, so that the next one begins a line of its own."""
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end != size:
            file.truncate(end)
