"""The register of live hosts: one small file each, so that every kernel can count what all of them hold.

    FOLDER/PID-STARTED.json     a `HostRecord`

Several kernels may read and write it at once. It knows no engine and no budget; the caller names the folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import msgspec

_SAME_START_SECONDS = 5.0
"""A process's start is known from the system's clock, which may be set; a reused id starts much later."""


class HostRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One live host."""

    pid: int
    parent: int
    """Process id of the kernel it serves."""
    model: str
    engine: str
    bytes: int
    """What it holds in memory, as far as is known."""
    started: float
    """When the process started, in seconds since 1970; tells it from a later one of the same id."""


def record(pid: int, *, model: str, engine: str, size: int) -> HostRecord | None:
    """The record of a running child of this process that holds `size` bytes; ``None`` if it does not run."""
    started = _started(pid)
    if started is None:
        return None
    return HostRecord(pid=pid, parent=os.getpid(), model=model, engine=engine, bytes=size, started=started)


def add(folder: Path, host: HostRecord) -> None:
    """Write a host down, in place of what was written of the same process. Makes the folder. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{uuid4().hex}.tmp"
    draft.write_bytes(msgspec.json.encode(host))
    draft.replace(_file(folder, host))


def remove(folder: Path, host: HostRecord) -> None:
    """Strike a host out; one that is not there is no error."""
    _file(folder, host).unlink(missing_ok=True)


def live(folder: Path) -> list[HostRecord]:
    """The hosts that run now, in no order. Records of dead ones are removed, files that are no record left alone."""
    found = []
    for file in folder.glob("*.json"):
        try:
            host = msgspec.json.decode(file.read_bytes(), type=HostRecord)
        except (OSError, msgspec.DecodeError):
            continue
        started = _started(host.pid)
        if started is not None and abs(started - host.started) < _SAME_START_SECONDS:
            found.append(host)
        else:
            remove(folder, host)
    return found


def _file(folder: Path, host: HostRecord) -> Path:
    return folder / f"{host.pid}-{int(host.started)}.json"


def _started(pid: int) -> float | None:
    """When a process started; ``None`` if it does not run or waits only to be reaped."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except (psutil.NoSuchProcess, ValueError):
        return None
