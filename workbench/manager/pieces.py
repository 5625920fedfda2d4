"""How far each piece of a file on its way is, in memory and on disk. Knows no network.

    b"wbparts1"  piece size u32  pieces u32     little endian
    bytes of piece 0  u32
    bytes of piece 1  u32 ...

A piece is filled from its start, so one number tells what is there; a number is written after the bytes it counts.
Several threads may write at once, each its own piece. A process that is killed leaves both files as they are, and
the next one goes on in each piece where that piece ends. Other processes read the numbers to see the progress.
"""

from __future__ import annotations

import struct
import sys
import threading
from array import array
from pathlib import Path

_HEAD = struct.Struct("<8sII")
_MAGIC = b"wbparts1"
PIECE = 16 << 20
"""Bytes of a piece: long enough that a request's first byte costs little, short enough that all connections stay
busy to the end. Its hash follows a piece behind."""


class Pieces:
    """The pieces of one file of `size` bytes; `done` counts the bytes of each that are on disk."""

    def __init__(self, path: Path, size: int, piece: int = PIECE) -> None:
        known = read(path, size)
        if known is None:
            known = piece, array("I", bytes(4 * -(-size // piece)))
            path.write_bytes(_HEAD.pack(_MAGIC, piece, len(known[1])) + known[1].tobytes())
        self.size = size
        self.piece, self.done = known
        self._lock = threading.Lock()
        self._file = path.open("r+b", buffering=0)

    def __len__(self) -> int:
        return len(self.done)

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
        """Bytes on disk."""
        return sum(self.done)

    def reach(self, index: int) -> int:
        """Offset up to which everything is on disk, from the start of a complete piece on."""
        while index < len(self.done) and self.complete(index):
            index += 1
        return self.start(index) + self.done[index] if index < len(self.done) else self.size

    def save(self, index: int) -> None:
        """Write down how far a piece is."""
        with self._lock:
            self._file.seek(_HEAD.size + 4 * index)
            self._file.write(struct.pack("<I", self.done[index]))

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()


def read(path: Path, size: int) -> tuple[int, array[int]] | None:
    """Bytes of a piece, and the bytes done of each, as `path` tells; ``None``: not there, or not for that size."""
    try:
        data = path.read_bytes()
        magic, piece, count = _HEAD.unpack_from(data)
    except (OSError, struct.error):
        return None
    if magic != _MAGIC or not piece or count != -(-size // piece) or len(data) != _HEAD.size + 4 * count:
        return None
    done = array("I")
    done.frombytes(data[_HEAD.size :])
    if sys.byteorder == "big":
        done.byteswap()
    fits = all(n <= min(piece, size - index * piece) for index, n in enumerate(done))
    return (piece, done) if fits else None
