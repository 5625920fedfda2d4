"""Which format a file or folder is of, by its content, and whether it is whole. Knows no engine.

    begins with                 format           checked
    GGUF                        gguf             every tensor inside the file
    u64, {                      safetensors      the tensors end exactly where the file does
    ....TFL3                    tflite           its root inside the file (it names no length)
    ....ET12eh00                executorch       program and segments inside the file
    LITERTLM                    litertlm         every section inside the file
    08 (no magic)               onnx             its fields end exactly with the file; its data files are there
    no magic is public          picollm          by the name .pllm alone

    a folder with               format
    config.json, *.safetensors  safetensors      for MLX or for transformers
    Manifest.json, or *.mlmodelc coreml          what the manifest names, and the weights' blobs
    mlc-chat-config.json        mlc              the sizes its parameter index names
    *.onnx                      onnx

Pickles are refused: loading one can run any code. A flipped byte in the weights cannot be seen here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from workbench.errors import FolderError, ModelFilesError
from workbench.manager import facts, files, packed_headers, safetensors_header

FormatName: TypeAlias = Literal[
    "gguf",
    "safetensors",
    "onnx",
    "coreml",
    "executorch",
    "tflite",
    "litertlm",
    "mlc",
    "picollm",
    "pickle",
    "html",
    "git-lfs pointer",
    "unknown",
]
LABELS: dict[str, str] = {
    "gguf": "GGUF",
    "safetensors": "safetensors",
    "onnx": "ONNX",
    "coreml": "Core ML",
    "executorch": "ExecuTorch",
    "tflite": "TensorFlow Lite",
    "litertlm": "LiteRT-LM",
    "mlc": "MLC",
    "picollm": "picoLLM",
}
"""The formats of models, as people write them."""
_AGAIN = "Download it again."
_REFUSED = {
    "pickle": ("is a pickle, which can run any code when it is loaded", "Take its safetensors or GGUF files instead."),
    "html": ("is a web page, not a model", "Download the file itself, not its page."),
    "git-lfs pointer": (
        "is a git-lfs pointer, not a model",
        "Run `git lfs pull` in its folder, or download it again.",
    ),
    "unknown": ("is of no format of models", f"Known are: {', '.join(LABELS.values())}."),
}


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder that is what it claims to be, as far as headers and extents tell."""

    format: FormatName
    made_for: Literal["mlx", "transformers"] | None = None
    """Of a safetensors folder: whose layout its weights have."""
    files: tuple[str, ...]
    """All that belongs to it."""
    size: int
    """Bytes of those files."""


def detect(path: str | Path) -> FormatName:
    """What a file or folder is, by how it begins or what it holds. Raises `FolderError` when it cannot be read."""
    path = Path(path)
    try:
        return _detect_folder(path) if path.is_dir() else _detect_file(path)
    except OSError as error:
        raise FolderError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", next_step="Check the path."
        ) from None


def check(path: str | Path) -> Checked:
    """Detect the format, then verify headers and extents.

    Raises `ModelFilesError` for what is damaged, incomplete, a pickle or no model at all; it says which. Raises
    `FolderError` when it cannot be read.
    """
    path = Path(path)
    format = detect(path)
    if format in _REFUSED:
        what, step = _REFUSED[format]
        raise ModelFilesError(f"{path.name} {what}.", next_step=step)
    try:
        _verify(path, format)
        belonging = _belonging(path)
        size = sum(file.stat().st_size for file in belonging)
    except OSError as error:
        raise FolderError(
            f"{error.filename or path} cannot be read: {(error.strerror or str(error)).lower()}.",
            next_step="Check the file.",
        ) from None
    made_for = _made_for(path) if format == "safetensors" and path.is_dir() else None
    return Checked(format=format, made_for=made_for, files=tuple(map(str, belonging)), size=size)


def unread(format: str) -> str:
    """Why a whole model of a format cannot be used here."""
    if format == "safetensors":
        return "It is only weights: the config and the tokenizer that belong to them are missing."
    return f"No engine here reads {LABELS.get(format, format)} yet."


def _detect_folder(path: Path) -> FormatName:
    names = {child.name for child in path.iterdir()}
    suffixes = {Path(name).suffix.lower() for name in names}
    if "mlc-chat-config.json" in names:
        return "mlc"
    if "coremldata.bin" in names or ("Manifest.json" in names and "Data" in names):
        return "coreml"
    if "config.json" in names and (".safetensors" in suffixes or "model.safetensors.index.json" in names):
        return "safetensors"
    if ".onnx" in suffixes or any((path / "onnx").glob("*.onnx")):
        return "onnx"
    if suffixes & {".bin", ".pt", ".pth", ".ckpt"} and "config.json" in names:
        return "pickle"
    return "unknown"


def _detect_file(path: Path) -> FormatName:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    begin = head[:64].lstrip().lower()
    if head.startswith(b"GGUF"):
        return "gguf"
    if head.startswith(b"LITERTLM"):
        return "litertlm"
    if head[4:8] == b"TFL3":
        return "tflite"
    if head[4:6] == b"ET" and head[6:8].isdigit():
        return "executorch"
    if begin.startswith(b"version https://git-lfs"):
        return "git-lfs pointer"
    if begin.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "html"
    if head.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return "pickle"
    if head.startswith(b"PK\x03\x04"):
        return "pickle" if b"data.pkl" in head else "unknown"
    if head[8:9] == b"{" and path.suffix.lower() == ".safetensors":
        return "safetensors"
    if head.startswith(b"\x08") and path.suffix.lower() == ".onnx":
        return "onnx"
    if head and path.suffix.lower() == ".pllm":
        return "picollm"
    return "unknown"


def _verify(path: Path, format: FormatName) -> None:
    if format == "gguf" or (format == "safetensors" and path.is_dir()):
        files.check(path)
    elif format == "safetensors":
        safetensors_header.read(path)
    elif format == "onnx":
        models = [path] if path.is_file() else sorted([*path.glob("*.onnx"), *path.glob("onnx/*.onnx")])
        for model in models:
            packed_headers.check_onnx(model)
    elif format == "executorch":
        packed_headers.check_executorch(path)
    elif format == "litertlm":
        packed_headers.check_litertlm(path)
    elif format == "tflite":
        packed_headers.check_tflite(path)
    elif format == "coreml":
        _check_core_ml(path)
    elif format == "mlc":
        _check_mlc(path)


def _belonging(path: Path) -> list[Path]:
    """The file, all parts of a split one, or all files of a folder."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return facts.parts(path)


def _made_for(path: Path) -> Literal["mlx", "transformers"]:
    """MLX writes its own name into the weights' header, and ``quantization`` into the config."""
    config = _json(path / "config.json")
    if isinstance(config.get("quantization"), dict):
        return "mlx"
    for weights in sorted(path.glob("*.safetensors"))[:1]:
        with weights.open("rb") as file:
            head = file.read(1 << 12)
        _, mark, after = head.partition(b'"__metadata__"')
        if mark and b'"mlx"' in after.partition(b"}")[0]:
            return "mlx"
    return "transformers"


def _check_core_ml(path: Path) -> None:
    """A package: all its manifest names is there, inside it, and the weights' blobs lie inside their file."""
    if (path / "coremldata.bin").exists():
        if not (path / "coremldata.bin").stat().st_size:
            raise _broken(path, "its coremldata.bin is empty")
        return
    manifest = _json(path / "Manifest.json")
    items, root = manifest.get("itemInfoEntries"), manifest.get("rootModelIdentifier")
    if not isinstance(items, dict) or root not in items:
        raise _broken(path, "its Manifest.json names no root model")
    for item in items.values():
        name = item.get("path") if isinstance(item, dict) else None
        inside = isinstance(name, str) and not Path(name).is_absolute() and ".." not in Path(name).parts
        if not inside:
            raise _broken(path, f"its Manifest.json leads to {name!r}")
        if not (path / "Data" / str(name)).exists():
            raise ModelFilesError(f"{name} is missing in {path.name}.", next_step=_AGAIN)
    for weights in sorted(path.glob("Data/*/weights/weight.bin")):
        packed_headers.check_core_ml_weights(weights)


def _check_mlc(path: Path) -> None:
    """All parameter files that the index names are there, in their sizes."""
    _json(path / "mlc-chat-config.json")
    index = next((path / n for n in ("tensor-cache.json", "ndarray-cache.json") if (path / n).exists()), None)
    if index is None:
        raise _broken(path, "it has no index of its parameters (tensor-cache.json)")
    records = _json(index).get("records")
    for record in records if isinstance(records, list) and records else [None]:
        name, size = (record.get("dataPath"), record.get("nbytes")) if isinstance(record, dict) else (None, None)
        if not isinstance(name, str) or "/" in name or "\\" in name or name == ".." or not isinstance(size, int):
            raise _broken(path, f"its {index.name} names no parameter files")
        there = (path / name).stat().st_size if (path / name).exists() else 0
        if there != size:
            raise ModelFilesError(f"{name} in {path.name} has {there:,} of {size:,} bytes.", next_step=_AGAIN)


def _json(path: Path) -> dict[str, Any]:
    """A JSON object of a file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        raise ModelFilesError(f"{path.name} is missing in {path.parent.name}.", next_step=_AGAIN) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ModelFilesError(f"The {path.name} of {path.parent.name} is no JSON object.", next_step=_AGAIN) from None


def _broken(path: Path, why: str) -> ModelFilesError:
    return ModelFilesError(f"{path.name} is damaged: {why}.", next_step=_AGAIN)
