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
SELDOM_S = 10.0
"""Seconds between two looks at what hardly ever changes alone."""


class Watch:
    """The paths that one reading rests on."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp] = {}
        self.seldom: dict[str, Stamp] = {}
        self._began = time.time_ns()

    def see(self, path: str | Path, *, seldom: bool = False) -> None:
        """Rest on a path, before it is read; a change of one seen `seldom` may show `SELDOM_S` later."""
        (self.seldom if seldom else self.stamps)[str(path)] = _stamp(str(path))

    @property
    def settled(self) -> bool:
        """Whether any later change must show: nothing was changed within the same tick of the clock as it was read."""
        return all(
            self._began - changed > (_TICK if changed % 1_000_000 else _COARSE_TICK)
            for changed, _, _ in (*self.stamps.values(), *self.seldom.values())
        )


class _Known(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    stamps: dict[str, Stamp]
    seldom: dict[str, Stamp]
    value: T


class _Saved(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    code: int
    """Time of the newest file of the code that read: what older code read is read again."""
    known: dict[str, _Known[T]]


class _Last(msgspec.Struct, Generic[T], frozen=True):
    """What was recalled together, for the next time the same is."""

    keys: list[str]
    stamps: dict[str, Stamp]
    values: list[T]


class Memory(Generic[T]):
    """Readings by key; a key is the path they are about. Values must be of `kind`, which msgspec can write."""

    def __init__(self, name: str, kind: type[T]) -> None:
        self._name = name
        self._kind = kind
        self._known: dict[str, _Known[T]] | None = None
        self._fresh = False
        self._looked = -SELDOM_S
        self._last = _Last[T]([], {}, [])

    def recall(self, key: str, read: Callable[[Watch], T]) -> T:
        """What was read last time if nothing it rests on has changed, else what `read` gives now."""
        if self._known is None:
            self._known = self._load()
        known = self._known.get(key)
        if known is None or not _unchanged(known.stamps):
            known = self._read(key, lambda _, watch: read(watch))
        return known.value

    def recall_all(self, keys: list[str], read: Callable[[str, Watch], T]) -> list[T]:
        """The same for many keys: what is not worth a look each time is looked at once in `SELDOM_S` seconds.

        When nothing has changed since the same keys were recalled, one run over all their stamps tells.
        """
        now = time.monotonic()
        thorough = now - self._looked >= SELDOM_S
        if not thorough and keys == self._last.keys and _unchanged(self._last.stamps):
            return self._last.values
        if self._known is None:
            self._known = self._load()
        if thorough:
            self._looked = now
        values, stamps, settled = [], dict[str, Stamp](), True
        for key in keys:
            known = self._known.get(key)
            if known is None or not _unchanged(known.stamps) or (thorough and not _unchanged(known.seldom)):
                known = self._read(key, read)
                settled &= key in self._known
            values.append(known.value)
            stamps |= known.stamps
        self._last = _Last(keys, stamps, values) if settled else _Last([], {}, [])
        return values

    def _read(self, key: str, read: Callable[[str, Watch], T]) -> _Known[T]:
        watch = Watch()
        known = _Known(watch.stamps, watch.seldom, read(key, watch))
        if self._known is not None:
            self._known.pop(key, None)
            if watch.settled:
                self._known[key] = known
                self._fresh = True
        return known

    def save(self) -> None:
        """Leave what is new for the next kernel; a disk that cannot take it costs only time."""
        if not self._fresh or self._known is None:
            return
        self._fresh = False
        there = {key: known for key, known in list(self._known.items()) if os.path.lexists(key)}
        with contextlib.suppress(OSError, UnicodeEncodeError):  # the latter for a file's name that is no Unicode
            data = msgspec.msgpack.encode(_Saved(_code(), there))
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


def _unchanged(stamps: dict[str, Stamp]) -> bool:
    """Whether all paths are as they were; written out for speed, it is most of what a listing costs."""
    stat = os.stat
    for path, stamp in stamps.items():
        try:
            facts = stat(path)
        except (OSError, ValueError):
            if stamp != _ABSENT:
                return False
        else:
            if (facts.st_ctime_ns, facts.st_size, facts.st_ino) != stamp:
                return False
    return True


def _stamp(path: str) -> Stamp:
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return _ABSENT
    return facts.st_ctime_ns, facts.st_size, facts.st_ino


def _code() -> int:
    return max(file.stat().st_mtime_ns for file in Path(__file__).parent.glob("*.py"))
