"""The headers of ONNX, ExecuTorch, TensorFlow Lite, LiteRT-LM and Core ML weights, checked against the file's own size.

    ONNX        protobuf ModelProto: 1 ir_version, 7 graph{5 initializers{13 external data}}, 8 opsets, ...
    .pte        u32 root | "ET12" | "eh00" | u32 header length | u64 program | u64 segments at | u64 segments
    .tflite     u32 root | "TFL3" | flatbuffer
    .litertlm   "LITERTLM" | 3 x u32 version | pad | u64 header's end at 24 | flatbuffer of the sections
    weight.bin  u32 count | u32 version | ... | at 64: u32 0xDEADBEEF, u32 type, u64 bytes, u64 offset; then the next

Knows no framework. Nothing a header says is trusted: a hostile one costs no memory, and no more time than its length.
Sources: onnx.proto, ExecuTorch's extended_header.h, TensorFlow Lite's schema.fbs, LiteRT-LM's schema, and Core ML
Tools' MILBlob StorageFormat.hpp.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import ModelFilesError

_MODEL_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
_SENTINEL = 0xDEADBEEF
_MOST_SECTIONS = 1 << 12


def check_onnx(path: Path) -> None:
    """Raises `ModelFilesError` unless its fields end exactly with the file and its data files are there."""
    with _mapped(path) as data:
        top = list(_fields(path, data, 0, len(data), known=_MODEL_FIELDS))
        graphs = [place for number, place in top if number == 7]
        if not graphs or all(number != 1 for number, _ in top):
            raise _broken(path, "it has no version or no graph")
        for first, last in graphs:
            for number, tensor in _fields(path, data, first, last):
                if number == 5:
                    _check_external(path, data, tensor)


def check_executorch(path: Path) -> None:
    """Raises `ModelFilesError` unless program and segments lie inside the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(40)
    if head[8:12] != b"eh00":
        return  # an older program without the header tells no sizes
    if len(head) < 32:
        raise _broken(path, "its header ends in the midst")
    length, program, base = struct.unpack_from("<IQQ", head, 12)
    end = max(program, base)
    if length >= 32 and len(head) == 40:
        end = max(end, base + struct.unpack_from("<Q", head, 32)[0]) if base else end
    if end > size:
        raise _truncated(path, end, size)


def check_tflite(path: Path) -> None:
    """Raises `ModelFilesError` unless its root table lies inside the file; nothing tells how long it should be."""
    with _mapped(path) as data:
        _root(path, data)


def check_litertlm(path: Path) -> None:
    """Raises `ModelFilesError` unless every section lies inside the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(32)
        if len(head) < 32:
            raise _broken(path, "its header ends in the midst")
        (major,) = struct.unpack_from("<I", head, 8)
        (end,) = struct.unpack_from("<Q", head, 24)
        if major != 1 or not 32 < end <= min(size, 1 << 26):
            raise _broken(path, "its header is impossible")
        header = file.read(end - 32)
    try:
        sections = list(_sections(header))
    except (struct.error, ValueError):
        raise _broken(path, "its list of sections is no flatbuffer") from None
    for first, last in sections:
        if not end <= first <= last:
            raise _broken(path, "a section lies before the data")
        if last > size:
            raise _truncated(path, last, size)


def check_core_ml_weights(path: Path) -> None:
    """Raises `ModelFilesError` unless every blob of a ``weight.bin`` lies inside the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        count = struct.unpack("<I", head[:4])[0] if len(head) == 8 else -1
        if not 0 <= count * 64 <= size:
            raise _broken(path, "it claims more blobs than it can hold")
        at = 64
        for _ in range(count):
            file.seek(at)
            metadata = file.read(64)
            if len(metadata) < 64:
                raise _truncated(path, at + 64, size)
            sentinel, _, length, offset = struct.unpack_from("<IIQQ", metadata)
            if sentinel != _SENTINEL or offset < at:
                raise _broken(path, "a blob does not begin as it should")
            if offset + length > size:
                raise _truncated(path, offset + length, size)
            at = -(-(offset + length) // 64) * 64


def _check_external(path: Path, data: mmap.mmap, tensor: tuple[int, int]) -> None:
    """An initializer whose numbers lie in another file: it must be beside the model and long enough."""
    entries = {}
    for number, place in _fields(path, data, *tensor):
        if number == 13:
            pair = {key: bytes(data[a : min(b, a + 4096)]) for key, (a, b) in _fields(path, data, *place)}
            entries[pair.get(1, b"")] = pair.get(2, b"").decode("utf-8", "replace")
    if b"location" not in entries:
        return
    name = entries[b"location"]
    if not name or Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
        raise _broken(path, f"its data are said to be in {name!r}")
    file = path.parent / name
    if not file.is_file():
        raise ModelFilesError(
            f"{name}, which holds weights of {path.name}, is missing.", next_step="Download it again."
        )
    offset, length = (int(text) if (text := entries.get(key, "0")).isdecimal() else 0 for key in (b"offset", b"length"))
    size = file.stat().st_size
    if offset + length > size:
        raise _truncated(file, offset + length, size)


def _fields(
    path: Path, data: mmap.mmap, at: int, end: int, known: set[int] | None = None
) -> Iterator[tuple[int, tuple[int, int]]]:
    """The fields of a protobuf message, as number and place of the content; a number's place is empty."""
    while at < end:
        tag, at = _varint(path, data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            _, at = _varint(path, data, at, end)
            first = at
        elif wire == 2:
            length, first = _varint(path, data, at, end)
            at = first + length
        else:
            first = at
            at += {1: 8, 5: 4}.get(wire, end + 1)
        if not number or (known is not None and number not in known):
            raise _broken(path, f"it holds the unknown field {number}")
        if at > end:
            raise _broken(path, "it ends in the midst")
        yield number, (first, at)


def _varint(path: Path, data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise _broken(path, "it ends in the midst")


def _root(path: Path, data: mmap.mmap) -> None:
    """Follow a flatbuffer's first two offsets."""
    try:
        (root,) = struct.unpack_from("<I", data, 0)
        (back,) = struct.unpack_from("<i", data, root)
        (length,) = struct.unpack_from("<H", data, root - back)
    except struct.error:
        raise _broken(path, "its root lies outside the file") from None
    if root < 8 or not 4 <= length <= len(data) - (root - back):
        raise _broken(path, "its root is impossible")


def _sections(header: bytes) -> Iterator[tuple[int, int]]:
    """First and last byte of each section: fields 1 and 2 of the tables in field 0 of the root's field 1."""

    def number(kind: str, at: int) -> int:
        if at < 0:
            raise ValueError("before the header")
        return int(struct.unpack_from(kind, header, at)[0])

    def field(table: int, index: int) -> int | None:
        virtual = table - number("<i", table)
        at = number("<H", virtual + 4 + 2 * index) if 4 + 2 * index < number("<H", virtual) else 0
        return table + at if at else None

    def follow(at: int | None) -> int:
        if at is None:
            raise ValueError("absent")
        return at + number("<I", at)

    objects = follow(field(follow(field(follow(0), 1)), 0))
    count = number("<I", objects)
    if count > _MOST_SECTIONS:
        raise ValueError("too many")
    for i in range(count):
        table = follow(objects + 4 + 4 * i)
        first, last = (number("<Q", at) if (at := field(table, index)) is not None else 0 for index in (1, 2))
        yield first, last


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    if not path.stat().st_size:
        raise _broken(path, "it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _truncated(path: Path, whole: int, size: int) -> ModelFilesError:
    return ModelFilesError(
        f"{path.name} is truncated: {size:,} of {whole:,} bytes are there.", next_step="Download it again."
    )


def _broken(path: Path, why: str) -> ModelFilesError:
    return ModelFilesError(f"{path.name} is damaged: {why}.", next_step="Download it again.")
