"""What was read from files and folders, remembered until they change, here and across kernels. Knows no model.

    CACHE/NAME.msgpack    what was read, with the times, sizes and inodes of the paths it rests on

A folder's time changes when a name in it comes, goes or is replaced; a file's when its content does. So a few calls of
``stat`` tell whether hundreds of files must be opened again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import msgspec

from workbench.store import paths

T = TypeVar("T")
Stamp: TypeAlias = tuple[int, int, int]
"""Time of the last change (ns), size, inode; zeros for a path that is not there."""
_ABSENT: Stamp = (0, 0, 0)
_TICK = 20_000_000
"""Nanoseconds within which a clock may give two changes the same time."""
_COARSE_TICK = 2_000_000_000
"""The same for file systems that count seconds (FAT, some network drives)."""


class Watch:
    """The paths that one reading rests on."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp] = {}
        self._began = time.time_ns()

    def see(self, path: str | Path) -> bool:
        """Rest on a path, before it is read; whether it is there."""
        stamp = self.stamps[str(path)] = _stamp(str(path))
        return stamp != _ABSENT

    @property
    def settled(self) -> bool:
        """Whether any later change must show: nothing was changed within the same tick of the clock as it was read."""
        return all(
            self._began - changed > (_TICK if changed % 1_000_000 else _COARSE_TICK)
            for changed, _, _ in self.stamps.values()
        )


class _Known(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    stamps: dict[str, Stamp]
    value: T


class _Saved(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    code: int
    """Time of the newest file of the code that read: what older code read is read again."""
    known: dict[str, _Known[T]]


class Memory(Generic[T]):
    """Readings by key; a key is the path they are about. Values must be of `kind`, which msgspec can write."""

    def __init__(self, name: str, kind: type[T]) -> None:
        self._name = name
        self._kind = kind
        self._known: dict[str, _Known[T]] | None = None
        self._fresh = False

    def recall(self, key: str, read: Callable[[Watch], T]) -> T:
        """What was read last time if nothing it rests on has changed, else what `read` gives now."""
        if self._known is None:
            self._known = self._load()
        known = self._known.get(key)
        if known is not None and all(_stamp(path) == stamp for path, stamp in known.stamps.items()):
            return known.value
        watch = Watch()
        value = read(watch)
        if watch.settled:
            self._known[key] = _Known(watch.stamps, value)
            self._fresh = True
        return value

    def save(self) -> None:
        """Leave what is new for the next kernel; a disk that cannot take it costs only time."""
        if not self._fresh or self._known is None:
            return
        self._fresh = False
        there = {key: known for key, known in list(self._known.items()) if os.path.lexists(key)}
        data = msgspec.msgpack.encode(_Saved(_code(), there))
        with contextlib.suppress(OSError):
            part = paths.cache_dir() / f"{self._name}.{os.getpid()}.part"
            part.write_bytes(data)
            os.replace(part, paths.cache_dir() / f"{self._name}.msgpack")

    def _load(self) -> dict[str, _Known[T]]:
        kind = _Saved[self._kind]  # type: ignore[name-defined]  # msgspec reads it at run time
        try:
            saved = msgspec.msgpack.decode((paths.cache_dir() / f"{self._name}.msgpack").read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError):
            return {}
        return dict(saved.known) if saved.code == _code() else {}


def _stamp(path: str) -> Stamp:
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return _ABSENT
    return facts.st_ctime_ns, facts.st_size, facts.st_ino


def _code() -> int:
    return max(file.stat().st_mtime_ns for file in Path(__file__).parent.glob("*.py"))
