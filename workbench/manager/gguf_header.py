"""The header of a GGUF file, read and checked against the file's own size. Knows no framework.

    "GGUF" | version | counts | typed key-values | tensor infos | padding | tensors, each aligned

Nothing the header says is trusted: a hostile one costs no memory, and no more time than its length.
"""

from __future__ import annotations

import math
import mmap
import struct
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import ModelFilesError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST_VALUES, _MOST_TENSORS = 1 << 14, 1 << 17
_MOST_ITEMS = 2_000_000
"""Strings and lists inside lists, in the whole header: several times the largest vocabulary with its merges."""
_LONGEST_NAME = 1 << 16
_LONGEST_STRING = 1 << 20
"""Of a longer string only the beginning is kept."""
_DEEPEST = 3
_KEPT = 16
"""Texts of an array that are kept; of longer ones only the length is of use here."""
_KEPT_NUMBERS = 1024
"""The same for numbers: one a layer, say."""
_SIZES = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66),
    17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54),
    35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""Elements and bytes of one block, by GGML's number of the type."""
_FILE_TYPES = {
    2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L",
    14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S",
    22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M",
    30: "IQ4_XS", 31: "IQ1_M", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


class Header(msgspec.Struct, frozen=True):
    """What a GGUF file says of itself."""

    values: dict[str, Any]
    """Key-values; of a long array (over 16 texts, over 1,024 numbers) only its length, as an int under ``len:KEY``."""
    parameters: int | None
    """Elements of all tensors; ``None`` when the tensors were not read."""
    bytes: int | None
    """Bytes of all tensors; ``None`` when they were not read, or one has a type unknown here."""

    experts: int | None = None
    """Elements of the tensors of experts, of which a token uses some."""

    def fact(self, name: str, kind: type) -> Any:
        """A value of that type, or ``None``; ``{arch}`` in the name stands for the architecture."""
        value = self.values.get(name.format(arch=self.values.get("general.architecture")))
        return value if isinstance(value, kind) and not isinstance(value, bool) else None

    @property
    def quantization(self) -> str | None:
        """Name of the quantization, ``None`` also for none."""
        return _FILE_TYPES.get(self.fact("general.file_type", int) or -1)


def read(path: Path, *, tensors: bool = True) -> Header:
    """A file's header. Raises `ModelFilesError` on anything that does not fit in the file.

    Without `tensors` it stops at the first long list of strings (the vocabulary): microseconds, where the whole
    header of a big vocabulary takes a tenth of a second; nothing is verified then.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _Reader(path, data).header(tensors)


class _Reader:
    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path = path
        self._data = data
        self._at = 0
        self._items_left = _MOST_ITEMS

    def header(self, tensors: bool) -> Header:
        if self._take(4) != b"GGUF":
            raise self._broken("it does not begin as a GGUF file does")
        version = self._number("I")
        if version not in (2, 3):
            raise self._broken(f"it claims version {version}, and there are only 2 and 3")
        tensor_count, value_count = self._number("Q"), self._number("Q")
        if tensor_count > _MOST_TENSORS or value_count > _MOST_VALUES:
            raise self._broken("it claims more entries than any model has")
        values: dict[str, Any] = {}
        for _ in range(value_count):
            key, kind = self._name(), self._number("I")
            if kind != _ARRAY:
                values[key] = self._value(kind)
                continue
            element, length = self._number("I"), self._number("Q")
            values[f"len:{key}"] = length
            if not tensors and element == _STRING and length > _KEPT:
                return Header(values, None, None)
            items = self._items(element, length, 1)
            if len(items) == length:
                values[key] = items
        return Header(values, *self._tensors(tensor_count, values.get("general.alignment", 32)))

    def _tensors(self, count: int, alignment: Any) -> tuple[int, int | None, int]:
        """Elements and bytes of all tensors, and elements of the experts' tensors."""
        if not isinstance(alignment, int) or alignment <= 0 or alignment % 8:
            raise self._broken("its alignment is impossible")
        places, parameters, experts, total, known = [], 0, 0, 0, True
        for _ in range(count):
            name, dimensions = self._name(), self._number("I")
            if not 0 < dimensions <= 4:
                raise self._broken(f"tensor {name!r} has {dimensions} dimensions")
            shape = [self._number("Q") for _ in range(dimensions)]
            kind, offset = self._number("I"), self._number("Q")
            elements = math.prod(shape)
            if elements > 8 * len(self._data):  # a bit each at least, whatever the type
                raise self._broken(f"tensor {name!r} is larger than the file")
            parameters += elements
            experts += elements if "_exps." in name else 0
            if offset % alignment:
                raise self._broken(f"tensor {name!r} is not aligned")
            if kind not in _SIZES:
                known = False
                places.append((offset, offset, name))
                continue
            block, size = _SIZES[kind]
            if shape[0] % block:
                raise self._broken(f"tensor {name!r} has rows of no whole blocks")
            length = elements // block * size
            total += length
            places.append((offset, offset + length, name))
        start, end = -(-self._at // alignment) * alignment, 0
        for offset, after, name in sorted(places):
            if offset < end:
                raise self._broken(f"tensor {name!r} overlaps another")
            end = after
        if places and start + end > len(self._data):
            raise ModelFilesError(
                f"{self._path.name} is truncated: {len(self._data):,} of {start + end:,} bytes are there.",
                next_step="Download it again.",
            )
        return parameters, total if known else None, experts

    def _items(self, kind: int, length: int, depth: int) -> list[Any]:
        """An array's elements, at most as many as are kept; the others are stepped over."""
        if kind in _SCALARS:
            width = struct.calcsize("<" + _SCALARS[kind])
            if length * width > len(self._data) - self._at:
                raise self._broken("a list is longer than the file")
            end = self._at + length * width
            items = [self._value(kind) for _ in range(length if length <= _KEPT_NUMBERS else 0)]
            self._at = end
            return items
        if depth > _DEEPEST:
            raise self._broken("its lists are nested too deeply")
        self._items_left -= length
        if self._items_left < 0:
            raise self._broken("its lists are longer than any model's")
        items = [self._value(kind, depth) for _ in range(min(length, _KEPT))]
        if kind == _STRING:
            self._skip_strings(length - len(items))
        else:
            for _ in range(length - len(items)):
                self._value(kind, depth)
        return items

    def _value(self, kind: int, depth: int = 0) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            element = self._number("I")
            return self._items(element, self._number("Q"), depth + 1)
        if kind not in _SCALARS:
            raise self._broken(f"it holds a value of the unknown type {kind}")
        return self._number(_SCALARS[kind])

    def _name(self) -> str:
        length = self._number("Q")
        if length > _LONGEST_NAME:
            raise self._broken("it has a name longer than any model's")
        return self._take(length).decode("utf-8", "replace")[:200]

    def _string(self) -> str:
        length = self._number("Q")
        kept = self._take(min(length, _LONGEST_STRING)).decode("utf-8", "replace")
        self._skip(max(0, length - _LONGEST_STRING))
        return kept

    def _skip_strings(self, count: int) -> None:
        """Steps over the strings of a vocabulary: most of a header's time is spent here."""
        at, length_at = self._at, struct.Struct("<Q").unpack_from
        try:
            for _ in range(count):
                at += 8 + length_at(self._data, at)[0]
        except (struct.error, OverflowError):
            raise self._broken("its header ends in the midst") from None
        self._at = at
        self._skip(0)

    def _skip(self, length: int) -> None:
        self._at += length
        if self._at > len(self._data):
            raise self._broken("its header ends in the midst")

    def _number(self, code: str) -> Any:
        return struct.unpack("<" + code, self._take(struct.calcsize("<" + code)))[0]

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise self._broken("its header ends in the midst")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def _broken(self, why: str) -> ModelFilesError:
        return ModelFilesError(f"{self._path.name} is damaged: {why}.", next_step="Download it again.")
