"""What a repository of the hub holds as weights: format, quantizations, parameters, bits and bytes. Asks no network.

The hub counts the elements of safetensors files by type. Where MLX packed a quantized layer into 32-bit words, that
count (``U32``) is of words in some repositories and of parameters in others. It is of parameters where so many words
would take more bytes than the files have, or where there are too few scales for them; else the reading nearer to the
size in the name is taken, and without one that of words.

    packed:    parameters = words x 32 / bits, and two 16-bit numbers, scale and bias, for each group of parameters
    estimated: bytes = parameters x stored bits / 8
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from workbench.manager import quantizations
from workbench.manager.quantizations import Quantization

_SUFFIXES = {
    "safetensors": (".safetensors",), "gguf": (".gguf",), "onnx": (".onnx",), "coreml": (".mlpackage", ".mlmodel"),
    "tflite": (".tflite",), "litertlm": (".litertlm",), "executorch": (".pte",), "npz": (".npz",),
    "pytorch": (".bin", ".pt", ".pth"),
}  # fmt: skip
_PART = re.compile(r"-(\d{5})-of-\d{5}$")
_PREFERRED = "Q4_K_M"
_LARGEST = 2**53
_WIDTHS = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1,
    "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
}  # fmt: skip
_FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """How large the weights are. ``None`` means unknown."""

    parameters: int | None = None
    bits: float | None = None
    """Stored bits a parameter, scales included where they are known."""
    size: int | None = None
    """In bytes."""
    estimated: bool = False
    """Whether `size` was computed, not summed from the files."""


class GgufFile(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a GGUF repository: a file, or the parts of a split one."""

    quantization: Quantization
    size: int | None
    """In bytes, all parts together; ``None`` when the hub did not tell."""


def file_sizes(siblings: Any) -> dict[str, int | None]:
    """The files of the hub's ``siblings`` with their bytes, where told; entries that are no file are passed over."""
    found: dict[str, int | None] = {}
    for entry in siblings if isinstance(siblings, list) else []:
        if isinstance(entry, dict) and isinstance(name := entry.get("rfilename"), str) and name:
            size = entry.get("size")
            found[name] = size if type(size) is int and 0 <= size <= _LARGEST else None
    return found


def format_of(sizes: dict[str, int | None], tags: tuple[str, ...], model_id: str) -> str | None:
    """The weights' file format: by the files where they are known, else by the tags."""
    parts = {part for name in sizes for part in name.lower().split("/")}
    if parts:
        kinds = [kind for kind, ends in _SUFFIXES.items() if any(part.endswith(ends) for part in parts)]
    else:
        kinds = [kind for kind in _SUFFIXES if kind in tags]
    if "gguf" in kinds and "gguf" in model_id.lower():
        return "gguf"
    return kinds[0] if kinds else None


def gguf_files(sizes: dict[str, int | None]) -> list[GgufFile]:
    """The models of a GGUF repository; first the one that an id without a quantization means.

    That is Q4_K_M, else the nearest to four bits, else the smallest.
    """
    groups: dict[str, list[int | None]] = {}
    for name in sorted(sizes):
        stem, suffix = name[:-5], name[-5:].lower()
        if suffix == ".gguf" and not stem.rpartition("/")[2].lower().startswith(("mmproj", "imatrix")):
            groups.setdefault(_PART.sub("", stem), []).append(sizes[name])
    found = [
        GgufFile(quantization=quantizations.in_name(stem.rpartition("/")[2]), size=_sum(parts))
        for stem, parts in groups.items()
    ]

    def later(file: GgufFile) -> tuple[bool, float, int]:
        known = file.quantization
        return known.name != _PREFERRED, abs((known.bits or 99) - 4), file.size or _LARGEST

    return sorted(found, key=later)


def of_gguf(file: GgufFile | None, parameters: int | None, *, nominal: int | None) -> Weights:
    """A GGUF file's weights; `parameters` as the hub counted them, `nominal` as the name rounds them."""
    quantization = file.quantization if file else Quantization()
    size = file.size if file else None
    count = parameters or nominal
    if size is None and count and quantization.stored:
        estimate = round(count * quantization.stored / 8)
        return Weights(parameters=count, bits=quantization.stored, size=estimate, estimated=True)
    return Weights(parameters=count, bits=_bits(size, parameters, quantization), size=size)


def of_safetensors(
    sizes: dict[str, int | None],
    counts: dict[str, Any],
    quantization: Quantization,
    *,
    group: int,
    mixed: bool,
    nominal: int | None,
    used: int | None,
) -> Weights:
    """The weights of safetensors files.

    `counts` are the hub's elements by type, `group` the parameters that share a scale, `mixed` says that layers differ
    in their bits, `nominal` is the size in the name, `used` the bytes of the whole repository.
    """
    counts = {k: n for k, n in counts.items() if type(n) is int and 0 < n <= _LARGEST}
    if not counts.keys() <= _WIDTHS.keys():  # of a type unknown here neither parameters nor bytes can be told
        counts = {}
    size = _safetensors_size(sizes)
    parameters, whole = _counted(counts, quantization, group, mixed, nominal, size or used)
    if size is not None:
        return Weights(parameters=parameters or nominal, bits=_bits(size, parameters, quantization), size=size)
    if whole:  # what the files' headers add is a few kilobytes
        size = sum(n * _WIDTHS[k] for k, n in counts.items())
        bits = _bits(size, parameters, quantization)
        return Weights(parameters=parameters or nominal, bits=bits, size=size, estimated=True)
    count = parameters or nominal
    if count and quantization.stored:
        estimate = round(count * quantization.stored / 8)
        return Weights(parameters=count, bits=quantization.stored, size=estimate, estimated=True)
    return Weights(parameters=count, bits=quantization.stored or quantization.bits)


def _counted(
    counts: dict[str, int],
    quantization: Quantization,
    group: int,
    mixed: bool,
    nominal: int | None,
    most: int | None,
) -> tuple[int | None, bool]:
    """Parameters by the hub's counts, and whether the counts are of stored elements, so that they give the bytes."""
    words, halves = counts.get("U32", 0), sum(counts.get(k, 0) for k in ("F16", "BF16", "F32"))
    if not words:
        floats = sum(n for k, n in counts.items() if k in _FLOATS)
        packed = quantization.method not in (None, "fp8") or sum(counts.values()) > 1.1 * floats
        return (None if packed or not floats else floats), bool(counts)
    if quantization.bits is None or quantization.bits not in (2, 3, 4, 5, 6, 8):
        return None, False
    unpacked = round(words * 32 / quantization.bits)
    affine = quantization.method in ("affine", "dwq", "qat") and not mixed
    scales = 2 * unpacked // group if affine else 0
    if (most is not None and words * 4 > most) or halves < 0.98 * scales:
        logical = True
    elif nominal is not None:
        logical = abs(words - nominal) < abs(unpacked - nominal)
    elif affine:
        logical = False
    else:
        return None, False
    if logical:
        return sum(counts.get(k, 0) for k in ("U32", *_FLOATS)), False
    return (None if mixed else unpacked + max(0, halves - scales)), True


def _safetensors_size(sizes: dict[str, int | None]) -> int | None:
    """Bytes of the weights an engine loads: those beside the config, not Mistral's second copy of them."""
    weights = {name: size for name, size in sizes.items() if name.endswith(".safetensors") and "/" not in name}
    own = {name: size for name, size in weights.items() if not name.startswith("consolidated")}
    return _sum(list((own or weights).values()))


def _bits(size: int | None, parameters: int | None, quantization: Quantization) -> float | None:
    """Stored bits a parameter: measured where both numbers are, unless they cannot belong together."""
    if size and parameters and 0.5 <= (bits := round(8 * size / parameters, 2)) <= 65:
        return bits
    return quantization.stored or quantization.bits


def _sum(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None
