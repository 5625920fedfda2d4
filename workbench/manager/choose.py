"""Which files of a repository an engine here needs, and nothing else. Knows names and sizes, no network and no disk.

safetensors  mlx-lm's own patterns: config, tokenizer, ``model*.safetensors``; not the same weights once more
             (``consolidated.safetensors``, ``pytorch_model.bin``, ``onnx/``)
GGUF         one quantization with all its parts; not the projector of a vision model (``mmproj``)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Generic, Protocol, TypeVar

import msgspec

from workbench.errors import ModelFilesError, ModelNotFoundError, NoUsableFilesError

MLX_PATTERNS = (
    "*.json",
    "model*.safetensors",
    "*.py",
    "tokenizer.model",
    "*.tiktoken",
    "tiktoken.model",
    "*.txt",
    "*.jsonl",
    "*.jinja",
)
"""What mlx-lm fetches of a repository (``DEFAULT_ALLOW_PATTERNS`` in mlx_lm/utils.py)."""
PREFERRED = "Q4_K_M"
"""The quantization that is taken when none is asked for."""

_QUANTIZATION = re.compile(
    r"(?:^|[-._/])((?:UD-)?(?:I?Q\d\w*|TQ\d_\d|BF16|F16|F32|MXFP4\w*|NVFP4))(?:-\d{5}-of-\d{5})?\.gguf$", re.IGNORECASE
)
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
_BITS = re.compile(r"\d+")
_FORMATS = {
    ".bin": "PyTorch",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".onnx": "ONNX",
    ".safetensors": "safetensors",
    ".gguf": "GGUF",
    ".h5": "Keras",
    ".keras": "Keras",
    ".msgpack": "Flax",
    ".tflite": "LiteRT",
    ".litertlm": "LiteRT-LM",
    ".mlmodel": "Core ML",
    ".mlpackage": "Core ML",
    ".pte": "ExecuTorch",
    ".ckpt": "checkpoint",
    ".npz": "NumPy",
    ".pllm": "picoLLM",
}
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class File(Protocol):
    """A file of a repository, as far as choosing goes."""

    @property
    def path(self) -> str:
        """In the repository, with ``/``."""

    @property
    def size(self) -> int:
        """In bytes."""


F = TypeVar("F", bound=File)


class Selection(msgspec.Struct, Generic[F], frozen=True, kw_only=True):
    """What is needed of a repository."""

    files: tuple[F, ...]
    format: str
    """``"safetensors"`` or ``"gguf"``."""
    quantization: str | None = None
    """Of the GGUF files chosen; ``None`` where their name says none, and for safetensors."""
    quantizations: tuple[str, ...] = ()
    """All that the repository offers as GGUF."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


def needed(files: Iterable[F], quantization: str | None = None, engine: str | None = None) -> Selection[F]:
    """The files to fetch, and no others.

    Safetensors are taken where there are any, unless a `quantization` names a GGUF file or `engine` is
    ``"llama_cpp"``. Of several GGUF files `quantization`, else ``Q4_K_M``, else the nearest to four bits.
    Raises `NoUsableFilesError`, which names the formats there are, `ModelNotFoundError` for a quantization that the
    repository does not offer, and `ModelFilesError` for a path that would leave the model's folder.
    """
    files = list(files)
    for file in files:
        check_path(file.path)
    variants = _variants(files)
    folder = [file for file in files if any(fnmatchcase(file.path, pattern) for pattern in MLX_PATTERNS)]
    names = {file.path for file in folder}
    loadable = "config.json" in names and any(name.endswith(".safetensors") for name in names)
    if quantization is not None:
        chosen = _named(quantization, variants)
    elif loadable and engine != "llama_cpp":
        return Selection(files=tuple(folder), format="safetensors", quantizations=tuple(variants))
    elif variants and engine != "mlx":
        chosen = min(variants, key=lambda name: _preference(name, variants[name]))
    else:
        raise NoUsableFilesError(
            f"There are no files that an engine here reads: {_found(files)}.",
            next_step="Choose a repository with safetensors for MLX (mlx-community has many) or GGUF files.",
        )
    return Selection(
        files=tuple(_whole(variants[chosen])),
        format="gguf",
        quantization=chosen or None,
        quantizations=tuple(name for name in variants if name),
    )


def check_path(path: str) -> None:
    """Raise `ModelFilesError` unless a path of a listing stays inside the model's folder, on every system."""
    parts = path.split("/")
    if (
        not path
        or "\\" in path
        or ":" in path
        or "\0" in path
        or any(part in ("", ".", "..") or part.endswith((" ", ".")) or _DEVICES.fullmatch(part) for part in parts)
    ):
        raise ModelFilesError(
            f"The repository lists a file named {path!r}, which is no safe file name.",
            next_step="Nothing was written. Choose another repository, and tell the people of this one.",
        )


def _variants(files: Sequence[F]) -> dict[str, list[F]]:
    """GGUF files by quantization, parts together; those whose name tells none by their stem, or ``""`` if alone."""
    weights = [
        file
        for file in files
        if file.path.lower().endswith(".gguf")
        and not PurePosixPath(file.path).name.lower().startswith(("mmproj", "imatrix"))
    ]
    found: dict[str, list[F]] = {}
    for file in weights:
        tag = _QUANTIZATION.search(file.path)
        found.setdefault(tag[1] if tag else _stem(file.path), []).append(file)
    if len(found) == 1 and not _QUANTIZATION.search(weights[0].path):
        return {"": weights}
    return found


def _stem(path: str) -> str:
    return PurePosixPath(_PART.sub(".gguf", path)).stem


def _named(wanted: str, variants: Mapping[str, Sequence[F]]) -> str:
    for name in variants:
        if name and wanted.lower() in (name.lower(), name.lower().removeprefix("ud-")):
            return name
    names = ", ".join(sorted(name for name in variants if name))
    raise ModelNotFoundError(
        f"The repository has no GGUF file with the quantization {wanted}.",
        next_step=f"It has: {names}." if names else "It names no quantizations: leave it out of the id.",
    )


def _preference(name: str, files: Sequence[F]) -> tuple[bool, float, int]:
    """The less, the better: ``Q4_K_M``, else near four bits, else small."""
    bits = _BITS.search(name)
    return name.upper() != PREFERRED, abs(float(bits[0]) - 4) if bits else 99.0, sum(file.size for file in files)


def _whole(files: Sequence[F]) -> list[F]:
    """All parts of one model, in order: of several that share a quantization the first by name."""
    first = _stem(min(file.path for file in files))
    mine = sorted((file for file in files if _stem(file.path) == first), key=lambda file: file.path)
    part = _PART.search(mine[0].path)
    if part and len(mine) != int(part[2]):
        raise ModelFilesError(
            f"The repository holds {len(mine)} of the {int(part[2])} parts of {first}.",
            next_step="Choose another quantization or another repository.",
        )
    return mine


def _found(files: Sequence[F]) -> str:
    """``"only PyTorch and ONNX"`` for a person."""
    formats = {_FORMATS.get(PurePosixPath(file.path).suffix.lower()) for file in files}
    names = sorted(name for name in formats if name)
    if names == ["safetensors"]:
        return "its safetensors are not in a form MLX loads (model*.safetensors beside a config.json)"
    return f"only {' and '.join(names)}" if names else "no weights at all"
