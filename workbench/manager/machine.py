"""What this machine gives to models: memory they may take, and how fast it is read. Knows no model.

    Mac         chip and limits by ``sysctl``; what Metal recommends, asked once in a child process and remembered in
                CACHE/metal.json until the chip, the memory, the system or the limit changes
    elsewhere   three quarters of the memory, or of the control group's limit where there is one

``WORKBENCH_MEMORY`` (``16GB``, ``12 GiB``, or bytes), else ``memory_budget`` of the settings, sets what models may
take, on any machine.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from workbench.store import paths, settings
from workbench.store.sizes import parse_size

SHARE = 0.75
"""Share of the memory that models may take where the system names no limit."""
GB = 10**9
LOOK_S = 0.1
"""Seconds between two looks at the settings."""

_BANDWIDTH = {
    "M1": 68.25, "M1 Pro": 200, "M1 Max": 400, "M1 Ultra": 800,
    "M2": 100, "M2 Pro": 200, "M2 Max": 400, "M2 Ultra": 800,
    "M3": 100, "M3 Pro": 150, "M3 Max": 300, "M3 Ultra": 819,
    "M4": 120, "M4 Pro": 273, "M4 Max": 410,
    "M5": 153, "M5 Pro": 307, "M5 Max": 460, "M5 Ultra": 1200,
    "M6": 153,
}  # fmt: skip
"""GB/s, as published. Of a chip sold with two memory speeds (M3, M4 and M5 Max, M6) this is the lower: the name does
not tell them apart."""
_METAL_SHARES = ((16 * 2**30, 0.67), (32 * 2**30, 0.74), (64 * 2**30, 0.78), (128 * 2**30, 0.81))
"""Memory below which Metal recommends such a share of it, read from logs of llama.cpp on macOS 15 and 26; 0.84 above.
Only used where Metal cannot be asked."""
_ASK_METAL = "import mlx.core as mx; print(mx.device_info()['max_recommended_working_set_size'])"
_ASK_SECONDS = 20.0
_looked: tuple[float, int | None] = (-LOOK_S, None)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine, as far as models are concerned."""

    chip: str | None
    """``"Apple M3 Max"``; ``None`` where it does not matter."""
    memory: int
    """Bytes in all."""
    usable: int
    """Bytes that models may take together."""
    bandwidth: int | None
    """Bytes a second that the memory gives; ``None`` when unknown."""
    system: str
    """``"macOS 15.3"``, ``"Linux"``."""


def this() -> Machine:
    """This machine. The first call may take half a second on a Mac, once; later ones are free.

    Raises `UsageError` when ``WORKBENCH_MEMORY`` is no size.
    """
    text = os.environ.get("WORKBENCH_MEMORY")
    return _this(_budget() if text is None else parse_size(text))


def bandwidth(chip: str | None) -> int | None:
    """Bytes a second that the memory of an Apple chip gives; ``None`` for others."""
    match = re.search(r"\bM\d+(?: Pro| Max| Ultra)?\b", chip or "")
    speed = _BANDWIDTH.get(match[0]) if match else None
    return None if speed is None else int(speed * GB)


def _budget() -> int | None:
    """What the settings allow models; looked up once in `LOOK_S`, because lists ask for every row."""
    global _looked
    when, budget = _looked
    if time.monotonic() - when > LOOK_S:
        budget = settings.get().memory_budget
        _looked = time.monotonic(), budget
    return budget


@cache
def _this(budget: int | None) -> Machine:
    found = _mac() if sys.platform == "darwin" else _other()
    return found if budget is None else msgspec.structs.replace(found, usable=budget)


def _other() -> Machine:
    memory = min([_total(), *_group_limits(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))])
    return Machine(chip=None, memory=memory, usable=int(memory * SHARE), bandwidth=None, system=platform.system())


def _mac() -> Machine:
    chip = _sysctl("machdep.cpu.brand_string") or None
    memory, system = _total(), f"macOS {platform.mac_ver()[0]}"
    # Setting the limit changes what Metal recommends; Macs without the setting have no such name.
    key = [chip or "", str(memory), system, _sysctl("iogpu.wired_limit_mb")]
    usable = _working_set(paths.cache_dir() / "metal.json", key, _ASK_METAL) or metal_estimate(memory)
    return Machine(chip=chip, memory=memory, usable=usable, bandwidth=bandwidth(chip), system=system)


def metal_estimate(memory: int) -> int:
    """What Metal would recommend to use of so many bytes, by what it said on other Macs."""
    share = next((share for below, share in _METAL_SHARES if memory < below), 0.84)
    return int(memory * share)


def _working_set(file: Path, key: list[str], program: str) -> int | None:
    """Bytes that a program prints, kept in a file under a key; ``None`` when it cannot say."""
    try:
        kept_key, kept = msgspec.json.decode(file.read_bytes(), type=tuple[list[str], int])
        if kept_key == key:
            return kept
    except (OSError, msgspec.DecodeError):
        pass
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=_ASK_SECONDS
        )
        found = int(asked.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    try:
        draft = file.with_suffix(f".{os.getpid()}.tmp")
        draft.write_bytes(msgspec.json.encode((key, found)))
        draft.replace(file)
    except OSError:
        pass  # it is asked again next time
    return found


def _group_limits(groups: Path, root: Path) -> list[int]:
    """The memory limits of this process's control group and those above it (a container's, say), versions 1 and 2."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return []
    limits = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        folder, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        inner = folder / group.strip("/")
        for place in (inner, *inner.parents):
            with suppress(OSError, ValueError):  # no such file, or "max"
                limits.append(int((place / name).read_text()))
            if place == folder:
                break
    return limits


def _total() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def _sysctl(name: str) -> str:
    try:
        asked = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip()
