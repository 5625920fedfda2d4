"""Where comparisons are kept: their names, their locks, and which go when they are old. Knows no line but the first."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import FolderError, StateError, UsageError
from workbench.store import paths

KEPT = 50
"""Comparisons without a name that stay however old they are: the newest."""
KEPT_S = 30 * 86_400
"""Seconds that each of them stays at least since it was last written."""
_LONGEST_NAME = 200
"""Bytes; systems take names of 255."""


def path_of(name: str) -> Path:
    """Where the comparison of a name is kept. Raises `UsageError` for what is no name, and `FolderError`."""
    if not isinstance(name, str) or not re.fullmatch(r"[\w][\w .-]{0,99}", name) or len(name.encode()) > _LONGEST_NAME:
        raise UsageError(
            f"A comparison cannot be named {name!r}.", next_step="Use letters, digits, spaces, points and dashes."
        )
    return folder() / f"{name}.jsonl"


def folder() -> Path:
    """Where all of them are; it is made. Raises `FolderError`."""
    place = paths.data_place() / "comparisons"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(
            f"{place} cannot be made: {error.strerror or error}.",
            next_step="Comparisons are kept there. Allow it, or set WORKBENCH_HOME to a folder that can be written.",
        ) from None
    return place


def locked(path: Path) -> Any:
    """The lock of a comparison's file, taken. Raises `StateError` when another process has it, and `FolderError`."""
    import filelock

    lock = filelock.FileLock(path.with_suffix(".lock"), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StateError(
            f"The comparison {path.stem!r} is open in another process.",
            next_step="Close it there (`comparison.close()`, or restart that kernel), or choose another name.",
        ) from None
    except OSError as error:
        raise FolderError(f"{path} cannot be written: {error.strerror or error}.") from None
    return lock


def clean() -> None:
    """Delete comparisons without a name that are old; one that a process holds stays. Never raises."""
    with contextlib.suppress(OSError, FolderError):
        changed = {path: path.stat().st_mtime for path in folder().glob("*.jsonl")}
        before = time.time() - KEPT_S
        if not any(at < before for at in changed.values()):
            return
        unnamed = sorted(filter(_has_no_name, changed), key=lambda path: changed[path], reverse=True)
        for path in unnamed[KEPT:]:
            if changed[path] < before:
                _delete(path)


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError, FolderError, StateError):
        with locked(path):
            path.unlink()
        path.with_suffix(".lock").unlink(missing_ok=True)


def _has_no_name(path: Path) -> bool:
    """Whether a file goes by its comparison's id; a copy of a saved one does, too."""
    try:
        with path.open("rb") as file:
            id = msgspec.json.decode(file.readline())["id"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return False
    return isinstance(id, str) and path.stem.startswith(id)
