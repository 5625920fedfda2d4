"""How far each piece of a file on its way is, in a file that outlives this process. Knows no network.

    b"wbparts1"  piece size u32  number of pieces u32     in the machine's byte order
    bytes of piece 0  u32
    bytes of piece 1  u32 ...

A piece is filled from its start, so one number tells what is there. The file is mapped into memory and a number is
changed after the bytes it counts are written: a process that is killed at any moment leaves both as they are, and
the next one goes on in each piece where that piece ends. Several threads may write at once, each its own piece;
other processes read the numbers to see the progress. Should the power fail, numbers may be ahead of the bytes: the
checksum of the whole file finds that.
"""

from __future__ import annotations

import mmap
import struct
import threading
from pathlib import Path

_HEAD = struct.Struct("=8sII")
_MAGIC = b"wbparts1"
PIECE = 16 << 20
"""Bytes of a piece: long enough that a request's first byte costs little, short enough that all connections stay
busy to the end and the hash is never far behind."""


class Pieces:
    """The pieces of one file of `size` bytes; `done` holds the bytes of each that are on disk, and may be written."""

    def __init__(self, path: Path, size: int, piece: int = PIECE) -> None:
        known = read(path, size)
        if known is None:
            known = piece, [0] * -(-size // piece)
            path.write_bytes(_HEAD.pack(_MAGIC, piece, len(known[1])) + bytes(4 * len(known[1])))
        self.size = size
        self.piece, numbers = known
        self._count = len(numbers)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self.done = memoryview(self._map)[_HEAD.size :].cast("I")
        self._lock = threading.Lock()
        self._last: int | None = None

    def __len__(self) -> int:
        return self._count

    def start(self, index: int) -> int:
        """Offset of a piece in the file."""
        return index * self.piece

    def stop(self, index: int) -> int:
        """Offset after a piece."""
        return min(self.start(index) + self.piece, self.size)

    def complete(self, index: int) -> bool:
        """Whether all of a piece is on disk."""
        return self.start(index) + self.done[index] == self.stop(index)

    @property
    def total(self) -> int:
        """Bytes on disk; after `close`, those there were then."""
        with self._lock:
            return sum(self.done) if self._last is None else self._last

    def reach(self, index: int) -> int:
        """Offset up to which everything is on disk, counted from the start of a piece before which all is."""
        while index < self._count and self.complete(index):
            index += 1
        return self.start(index) + self.done[index] if index < self._count else self.size

    def close(self) -> None:
        """Let go of the file; it stays. `done` can be read no more."""
        with self._lock:
            self._last = sum(self.done)
            self.done.release()
            self._map.close()


def read(path: Path, size: int) -> tuple[int, list[int]] | None:
    """Bytes of a piece, and the bytes done of each, as `path` tells; ``None``: not there, or not for that size."""
    try:
        data = path.read_bytes()
        magic, piece, count = _HEAD.unpack_from(data)
    except (OSError, struct.error):
        return None
    if magic != _MAGIC or not piece or count != -(-size // piece) or len(data) != _HEAD.size + 4 * count:
        return None
    done = list(memoryview(data)[_HEAD.size :].cast("I"))
    fits = all(n <= min(piece, size - index * piece) for index, n in enumerate(done))
    return (piece, done) if fits else None
