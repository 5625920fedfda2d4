"""Sizes as people write them. Knows no machine."""

from __future__ import annotations

import re
from functools import lru_cache

from workbench.errors import UsageError

_UNITS = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30,
}  # fmt: skip


@lru_cache
def parse_size(text: str) -> int:
    """Bytes of a size as people write it: ``16GB``, ``12 GiB``, ``8000000000``. Raises `UsageError`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    factor = _UNITS.get(match[2].upper()) if match else None
    if match is None or factor is None or not float(match[1]):
        raise UsageError(f"{text!r} is no amount of memory.", next_step="Write 16GB, 12 GiB, or a number of bytes.")
    return int(float(match[1]) * factor)
