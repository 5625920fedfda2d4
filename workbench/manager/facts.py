"""The model at a path, as the lists show it: read from its files, remembered until they change. Knows no app."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from workbench.errors import ErrorInfo, ModelFilesError
from workbench.manager import files
from workbench.manager.files import ModelFiles
from workbench.manager.remembered import Memory, Watch
from workbench.model import ModelInfo

_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
_MOST_PARTS = 1000
_QUANTIZED = re.compile(r"[-._](?:ud-)?(?:i?q\d|bf16|f16|f32|fp16|mxfp4|\d{5}-of-).*$")


class _Read(msgspec.Struct, frozen=True):
    info: ModelInfo | None
    error: ErrorInfo | None = None


_glances = Memory("glances", _Read)
_checks = Memory("checks", _Read)


def info(path: Path, *, id: str | None = None, name: str | None = None, whole: bool = False) -> ModelInfo:
    """What the files at a path say; its id is the path unless another is given.

    `whole` also reads all tensors' places of a GGUF file, once: it takes up to a tenth of a second, counts the
    parameters, and finds a truncated file. Raises `ModelFilesError`.
    """
    memory, read = (_checks, files.check) if whole else (_glances, files.glance)

    def fresh(watch: Watch) -> _Read:
        watch.see(path)
        for file in _beside(path):
            watch.see(file)
        if path.suffix.lower() == ".gguf":
            watch.see(path.parent)  # its projector may come or go
        try:
            return _Read(_info(read(path)))
        except ModelFilesError as error:
            return _Read(None, error.info)

    found = memory.recall(str(path), fresh)
    if found.info is None:
        raise (found.error or ErrorInfo(kind="ModelFilesError", message="")).to_error()
    return msgspec.structs.replace(found.info, id=id or str(path), name=name or path.name)


def listed(path: Path, *, id: str, name: str, whole: bool = False) -> ModelInfo:
    """The same for a list: one that cannot be used has the status ``"failed"`` and says why."""
    try:
        return info(path, id=id, name=name, whole=whole)
    except ModelFilesError as error:
        return ModelInfo(id=id, name=name, provider="local", path=str(path), status="failed", note=error.message)


def parts(path: Path) -> list[Path]:
    """The file, or all files that belong to a split one, in order; they need not be there."""
    split = _SPLIT.search(path.name)
    if split is None or not 1 <= int(split[2]) <= _MOST_PARTS:
        return [path]
    return [
        path.with_name(f"{path.name[: split.start()]}-{i:05}-of-{split[2]}.gguf") for i in range(1, int(split[2]) + 1)
    ]


def projector(path: Path) -> Path | None:
    """The file through which the model of a GGUF file sees pictures (``mmproj-*.gguf``); ``None`` where it has none.

    It lies beside the model. Where several models lie there, it is the one with this model's name.
    """
    if path.suffix.lower() != ".gguf":
        return None
    try:
        beside = sorted(file for file in path.parent.iterdir() if file.suffix.lower() == ".gguf")
    except OSError:
        return None
    found = [file for file in beside if file.name.lower().startswith("mmproj")]
    models = {_named(file) for file in beside if file not in found}
    own = [file for file in found if _named(path) in file.name.lower()]
    fitting = own or (found if models == {_named(path)} else [])
    return next((file for file in fitting if "f16" in file.name.lower()), fitting[0] if fitting else None)


def save() -> None:
    """Leave what was read for the next kernel."""
    _glances.save()
    _checks.save()


def _beside(path: Path) -> list[Path]:
    """The files whose change changes the facts: all of a folder, or the parts of a split GGUF file, even if missing."""
    try:
        return sorted(path.iterdir()) if path.is_dir() else parts(path)
    except OSError:
        return []


def _named(path: Path) -> str:
    """The model that a GGUF file's name tells, without its quantization."""
    return _QUANTIZED.sub("", path.stem.lower())


def _info(found: ModelFiles) -> ModelInfo:
    return ModelInfo(
        id=str(found.path),
        name=found.path.name,
        provider="local",
        format=found.format,
        parameters=found.parameters,
        active_parameters=found.active_parameters,
        bits=found.bits,
        quantization=found.quantization,
        method=found.method,
        architecture=found.architecture,
        context_length=found.context_length,
        size=found.size,
        capabilities=found.capabilities | ({"vision"} if projector(found.path) is not None else set()),
        path=str(found.path),
        licence=found.licence,
    )
