"""Which models are on this machine, and what an id means here. Knows no engine and no network.

    builtin                          the model that ships inside
    HF_HUB_CACHE/models--ORG--REPO/  the Hugging Face cache: refs/main names the folder under snapshots/
        refs/main
        snapshots/SHA/config.json, *.safetensors, *.gguf ...
    a folder or .gguf file           by its path

The cache's layout is read directly: a listing costs milliseconds.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import msgspec

from workbench import builtin
from workbench.errors import ModelFilesError, ModelNotFoundError
from workbench.manager import files
from workbench.manager.files import ModelFiles
from workbench.model import ModelInfo

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^:]+))?(:(?P<quantization>[\w.-]+))?")
_QUANTIZATION = re.compile(
    r"(?:^|[-._])(I?Q\d\w*|TQ\d_\d|BF16|F16|F32|MXFP4\w*)(?:-\d{5}-of-\d{5})?\.gguf$", re.IGNORECASE
)
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")
_PREFERRED = "Q4_K_M"
BUILTIN = builtin.ID
"""Id of the model that ships."""

_Stamp: TypeAlias = tuple[tuple[str, int, int], ...]
_seen: dict[Path, tuple[_Stamp, ModelFiles | ModelFilesError]] = {}


def find(model_id: str, *, also: Iterable[str] = ()) -> ModelInfo:
    """The model of an id, if it is on this machine.

    Of a repository with several GGUF files an id without a quantization means ``Q4_K_M``, else the first.
    Raises `ModelNotFoundError`, which names the nearest id there is here or in `also`, and `ModelFilesError` for
    files that cannot be a model.
    """
    if model_id == builtin.ID:
        return _shipped()
    path = Path(model_id).expanduser()
    if _is_path(model_id, path):
        if not path.exists():
            raise ModelNotFoundError(f"There is no file or folder {path}.", next_step="Check the path.")
        path = Path(os.path.abspath(path))
        return _info(str(path), path.name, _glance(path))
    parsed = _HUB_ID.fullmatch(model_id)
    if parsed is not None and (snapshot := _snapshot(_folder(parsed["repo"]), parsed["revision"])) is not None:
        found = list(_models(model_id.partition(":")[0], snapshot))
        wanted = parsed["quantization"]
        chosen = [f for f in found if wanted is None or f[0].lower().endswith(f":{wanted.lower()}")]
        preferred = [f for f in chosen if f[0].endswith(_PREFERRED)]
        if chosen:
            name, weights = (preferred or chosen)[0]
            return _info(name, _short(name), _glance(weights), snapshot.name)
        if not found:
            raise ModelFilesError(
                f"{parsed['repo']} is in the cache without its weights.", next_step="Finish the download."
            )
    raise not_found(model_id, [*(model.id for model in local_models()), *also])


def local_models() -> list[ModelInfo]:
    """All models found without being told where: the one that ships, then the Hugging Face cache by id.

    One whose files are damaged or incomplete is there with status ``"failed"`` and says why.
    """
    return [_shipped(), *_cached()]


def locate(info: ModelInfo) -> Path:
    """Where the files of a found model are that an engine loads; those of the shipped one are made if need be.

    The shipped model has two forms: `info.format` chooses between them. Raises `ModelFilesError`.
    """
    if info.id != builtin.ID:
        return Path(info.path or info.id)
    try:
        return builtin.path("gguf" if info.format == "gguf" else "safetensors")
    except OSError as error:
        raise ModelFilesError(
            f"The shipped model's files could not be written: {error}.",
            next_step="Make room, or set WORKBENCH_HOME to a folder that can be written.",
        ) from None


def not_found(model_id: str, known: Iterable[str]) -> ModelNotFoundError:
    """The error for an id nobody knows; it names the nearest of those known."""
    near = nearest(model_id, known)
    hint = f"Did you mean {near!r}? " if near else ""
    return ModelNotFoundError(
        f"There is no model {model_id!r}.", next_step=f"{hint}{ModelNotFoundError.default_next_step}"
    )


def nearest(model_id: str, known: Iterable[str]) -> str | None:
    """The known id most like another, by the whole or by its last part; ``None`` when none is like it."""

    def likeness(other: str) -> float:
        pairs = [(model_id.lower(), other.lower()), (_tail(model_id), _tail(other))]
        return max(difflib.SequenceMatcher(None, a, b).ratio() for a, b in pairs)

    best = max(known, key=likeness, default=None)
    return best if best is not None and likeness(best) >= 0.6 else None


def cache_root() -> Path:
    """The Hugging Face cache's folder, by the same environment variables as its own client."""
    for name, below in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub")):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser() / below
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"


def _shipped() -> ModelInfo:
    """What `builtin.info` says, without importing what it needs to derive the other formats."""
    found = _info(builtin.ID, builtin.ID, _glance(builtin.MODEL))
    return msgspec.structs.replace(found, path=None, licence="mit")


def _cached() -> Iterator[ModelInfo]:
    try:
        names = sorted(entry.name for entry in os.scandir(cache_root()) if entry.name.startswith("models--"))
    except OSError:
        return
    for name in names:
        snapshot = _snapshot(cache_root() / name, None)
        if snapshot is None:
            continue
        for model_id, weights in _models(name.removeprefix("models--").replace("--", "/"), snapshot):
            try:
                yield _info(model_id, _short(model_id), _glance(weights), snapshot.name)
            except ModelFilesError as error:
                yield ModelInfo(
                    id=model_id,
                    name=_short(model_id),
                    provider="local",
                    path=str(weights),
                    revision=snapshot.name,
                    status="failed",
                    note=error.message,
                )


def _models(repo: str, snapshot: Path) -> Iterator[tuple[str, Path]]:
    """The models of one snapshot, as id and path: its folder of safetensors, and each of its GGUF files."""
    names = [entry.name for entry in os.scandir(snapshot)]
    if "config.json" in names and any(n.endswith((".safetensors", ".safetensors.index.json")) for n in names):
        yield repo, snapshot
    weights = [
        file
        for file in sorted([*snapshot.glob("*.gguf"), *snapshot.glob("*/*.gguf")])
        if not _LATER_PART.search(file.name) and not file.name.startswith("mmproj")
    ]
    for file in weights:
        quantization = _QUANTIZATION.search(file.name)
        tag = quantization[1] if quantization else "" if len(weights) == 1 else file.stem
        yield f"{repo}:{tag}" if tag else repo, file


def _snapshot(folder: Path, revision: str | None) -> Path | None:
    """The folder of a revision: a branch, a tag or a commit; without one main's, else the newest there is."""
    if revision is not None and ".." in PurePosixPath(revision).parts:
        return None
    snapshots = folder / "snapshots"
    try:
        commit = (folder / "refs" / (revision or "main")).read_text("utf-8").strip()
        if (snapshots / commit).is_dir():
            return snapshots / commit
    except OSError:
        pass
    if revision is not None:
        found = sorted(snapshots.glob(f"{revision}*")) if re.fullmatch(r"[0-9a-f]{7,40}", revision) else []
        return found[0] if len(found) == 1 else None
    return max(snapshots.glob("*"), key=lambda p: p.stat().st_mtime, default=None)


def _folder(repo: str) -> Path:
    return cache_root() / f"models--{repo.replace('/', '--')}"


def _info(model_id: str, name: str, found: ModelFiles, revision: str | None = None) -> ModelInfo:
    return ModelInfo(
        id=model_id,
        name=name,
        provider="local",
        format=found.format,
        parameters=found.parameters,
        bits=found.bits,
        quantization=found.quantization,
        architecture=found.architecture,
        context_length=found.context_length,
        size=found.size,
        capabilities=found.capabilities,
        path=str(found.path),
        revision=revision,
    )


def _glance(path: Path) -> ModelFiles:
    """`files.glance`, remembered until a file of the model changes."""
    stamp = _stamp(path)
    before = _seen.get(path)
    if before is None or before[0] != stamp:
        try:
            before = (stamp, files.glance(path))
        except ModelFilesError as error:
            before = (stamp, error)
        _seen[path] = before
    if isinstance(before[1], ModelFilesError):
        raise before[1].info.to_error()
    return before[1]


def _stamp(path: Path) -> _Stamp:
    """Names, sizes and times of a model's files."""
    found = []
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        try:
            facts = file.stat()
        except OSError:
            continue
        found.append((file.name, facts.st_size, facts.st_mtime_ns))
    return tuple(found)


def _is_path(model_id: str, path: Path) -> bool:
    if model_id.startswith(("/", "./", "../", "~")) or model_id in (".", ".."):
        return True
    return model_id.endswith(".gguf") or (path / "config.json").exists()


def _short(model_id: str) -> str:
    """``org/repo:Q4_K_M`` as a list shows it: ``repo Q4_K_M``."""
    return _last(model_id).replace(":", " ")


def _tail(model_id: str) -> str:
    """What people remember of an id, in lower case: ``ollama:llama3.2`` is ``llama3.2``."""
    return (_last(model_id) if "/" in model_id else model_id.rpartition(":")[2]).lower()


def _last(model_id: str) -> str:
    return model_id.rpartition("/")[2]
