"""The header of a safetensors file, read and checked against the file's own size. Knows no framework.

    u64 length of the header | JSON: {name: {dtype, shape, data_offsets}} | tensors, back to back to the last byte

Nothing the header says is trusted: a hostile one costs no memory and no time.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import ModelFilesError
from workbench.manager import bounded_json

_MOST_DIMENSIONS = 16
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16,
    "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F4": 4,
}  # fmt: skip


class Tensor(msgspec.Struct, frozen=True):
    """One tensor of a weights file."""

    dtype: str
    elements: int
    bytes: int


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, by name. Raises `ModelFilesError` when its extents are not exactly its size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(bounded_json.LONGEST, size - 8):
            raise _broken(path, f"its header claims {length:,} bytes of a file of {size:,}")
        head = file.read(length)
    try:
        entries = bounded_json.decode(head)
    except ValueError:
        raise _broken(path, "its header is no JSON object of a model's size") from None
    entries.pop("__metadata__", None)
    extents = sorted((_extent(path, name, entry), name) for name, entry in entries.items())
    at = 0
    for (first, last), name in extents:
        if first != at:
            raise _broken(path, f"the tensors before {name[:80]!r} overlap or do not join")
        at = last
    whole = 8 + length + at
    if whole > size:
        raise ModelFilesError(
            f"{path.name} is truncated: {size:,} of {whole:,} bytes are there.", next_step="Download it again."
        )
    if whole < size:
        raise _broken(path, f"{size - whole:,} bytes follow the last tensor")
    return {name: _tensor(entry) for name, entry in entries.items()}


def _extent(path: Path, name: str, entry: Any) -> tuple[int, int]:
    """Where a tensor begins and ends in the data, if its facts agree with each other."""
    name = name[:80]
    try:
        dtype, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise _broken(path, f"tensor {name!r} has no dtype, shape and offsets") from None
    numbers = [first, last, *shape] if isinstance(shape, list) and len(shape) <= _MOST_DIMENSIONS else [-1]
    if not isinstance(dtype, str) or not all(type(n) is int and 0 <= n < 2**63 for n in numbers) or first > last:
        raise _broken(path, f"tensor {name!r} has an impossible type, shape or place")
    if dtype in _BITS and math.prod(shape) * _BITS[dtype] != 8 * (last - first):
        raise _broken(path, f"tensor {name!r} is not as long as its shape says")
    if dtype not in _BITS and math.prod(shape) > 8 * (last - first):  # a type unknown here: a bit each at least
        raise _broken(path, f"tensor {name!r} is too short for its shape")
    return first, last


def _tensor(entry: dict[str, Any]) -> Tensor:
    first, last = entry["data_offsets"]
    return Tensor(entry["dtype"], math.prod(entry["shape"]), last - first)


def _broken(path: Path, why: str) -> ModelFilesError:
    return ModelFilesError(f"{path.name} is damaged: {why}.", next_step="Download it again.")
