"""Which models are on this machine, and what an id means here. Knows no engine and no network.

    builtin                          the model that ships inside
    the Hugging Face cache           its layout is in hf_cache.py
    LM Studio, Jan, Ollama           theirs in lm_studio.py and ollama.py; their models go by their path
    a folder or .gguf file           by its path; in folders the person added they are also listed
    DATA/models                      what was imported or converted here
    the Downloads folder             looked at only when asked

What was read is remembered until it changes (remembered.py): a listing of hundreds costs milliseconds.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from workbench import builtin
from workbench.errors import FolderError, ModelFilesError, ModelNotFoundError
from workbench.manager import facts, formats, hf_cache, lm_studio, ollama, tree
from workbench.manager.entries import Entries, Entry, Source, Trouble, entry
from workbench.manager.folders import add_folder, folders, refused, remove_folder
from workbench.manager.remembered import Memory, Watch
from workbench.manager.tree import Found, Tree
from workbench.model import ModelInfo
from workbench.store import paths

__all__ = [
    "BUILTIN",
    "add_folder",
    "cache_root",
    "entries",
    "find",
    "folders",
    "local_models",
    "locate",
    "nearest",
    "not_found",
    "remove_folder",
]

_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^:]+))?(:(?P<quantization>[\w.-]+))?")
_PREFERRED = "Q4_K_M"
BUILTIN = builtin.ID
"""Id of the model that ships."""

_repositories = Memory("repositories", list[ModelInfo])
_folders = Memory("folders", list[str])
_trees = Memory("trees", Tree)


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
        known = next((model for _, model in _others() if model.path == str(path)), None)
        return facts.info(path, name=known.name if known else path.name)
    parsed = _HUB_ID.fullmatch(model_id)
    if (
        parsed is not None
        and (snapshot := hf_cache.snapshot(hf_cache.folder(parsed["repo"]), parsed["revision"])) is not None
    ):
        found = list(hf_cache.models(model_id.partition(":")[0], snapshot))
        wanted = parsed["quantization"]
        chosen = [f for f in found if wanted is None or f[0].lower().endswith(f":{wanted.lower()}")]
        preferred = [f for f in chosen if f[0].endswith(_PREFERRED)]
        if chosen:
            name, weights = (preferred or chosen)[0]
            info = facts.info(weights, id=name, name=_short(name))
            return msgspec.structs.replace(info, revision=snapshot.name)
        if not found:
            raise ModelFilesError(
                f"{parsed['repo']} is in the cache without its weights.", next_step="Finish the download."
            )
    raise not_found(model_id, [*(model.id for model in local_models()), *also])


def local_models() -> list[ModelInfo]:
    """All models found without being told where that a chat could be opened with: the one that ships, then the
    Hugging Face cache by id, then those of LM Studio, Jan, Ollama and the folders added, by path.

    One whose files are damaged or incomplete is there with status ``"failed"`` and says why.
    """
    found = {info.id: info for info in (_shipped(), *_cached())}
    for source, model in _others():
        if _loadable(model) and model.path not in found:
            info = _info(model)
            found[model.path] = msgspec.structs.replace(info, note=info.note or source)
    _save()
    return list(found.values())


def entries(downloads_folder: bool = False) -> Entries:
    """All that is kept on this machine, whatever its format, with its files and where they lie.

    The Downloads folder is looked at only when asked for. GGUF files' headers are read whole, once each. What cannot
    be read is among the troubles, beside all the rest.
    """
    shipped = (str(file) for file in sorted(builtin.MODEL.iterdir()))
    found = [entry(_shipped(), "built in", builtin.MODEL, shipped, kept=True)]
    troubles: list[Trouble] = []
    place = str(cache_root())
    try:
        repositories = hf_cache.folders(Watch())
    except OSError as error:
        repositories = []
        troubles.append(Trouble("Hugging Face cache", place, refused(Path(place), error).info))
    for place in repositories:
        try:
            found += _repository_entries(hf_cache.repo(place), Path(place))
        except OSError as error:
            troubles.append(Trouble("Hugging Face cache", place, refused(Path(place), error).info))
    try:
        folders()
    except FolderError as error:
        troubles.append(Trouble("Added folder", "", error.info))
    there = set[str]()
    for source, root, read in _places(downloads_folder):
        known = _tree(root, read)
        found += [_entry(source, model) for model in known.found if model.path not in there]
        there |= {model.path for model in known.found}
        troubles += _troubles(source, root, known)
    _save()
    return Entries(found, troubles)


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
    """The error for an id nobody knows; it names the nearest of those known, and how to get one of the hub."""
    near = nearest(model_id, known)
    hint = f"Did you mean {near!r}? " if near else ""
    fetch = f"If it is on the hub, wb.download({model_id!r}) fetches it. " if _HUB_ID.fullmatch(model_id) else ""
    return ModelNotFoundError(
        f"There is no model {model_id!r} here.", next_step=f"{hint}{fetch}{ModelNotFoundError.default_next_step}"
    )


def nearest(model_id: str, known: Iterable[str]) -> str | None:
    """The known id most like another, by the whole or by its last part; ``None`` when none is like it."""

    def likeness(other: str) -> float:
        pairs = [(model_id.lower(), other.lower()), (_tail(model_id), _tail(other))]
        return max(difflib.SequenceMatcher(None, a, b).ratio() for a, b in pairs)

    best = max(known, key=likeness, default=None)
    return best if best is not None and likeness(best) >= 0.6 else None


cache_root = hf_cache.root


def _shipped() -> ModelInfo:
    """What `builtin.info` says, without importing what it needs to derive the other formats."""
    found = facts.info(builtin.MODEL, id=builtin.ID, name=builtin.ID)
    return msgspec.structs.replace(found, path=None, licence="mit")


def _cached() -> Iterator[ModelInfo]:
    try:
        folders = _folders.recall(str(cache_root()), hf_cache.folders)
    except OSError:  # said where troubles can be said
        return
    for models in _repositories.recall_all(folders, _repository):
        yield from models


def _repository(folder: str, watch: Watch) -> list[ModelInfo]:
    """The models of a repository's main revision."""
    try:
        snapshot = hf_cache.watched(Path(folder), watch)
        return [] if snapshot is None else [info for info, _ in _revision(hf_cache.repo(folder), snapshot, whole=False)]
    except OSError:
        return []


def _revision(repo: str, snapshot: Path, *, whole: bool) -> Iterator[tuple[ModelInfo, Path]]:
    """The models of one revision, and the folder or file an engine is given."""
    for model_id, weights in hf_cache.models(repo, snapshot):
        info = facts.listed(weights, id=model_id, name=_short(model_id), whole=whole)
        yield msgspec.structs.replace(info, revision=snapshot.name), weights


def _repository_entries(repo: str, folder: Path) -> Iterator[Entry]:
    """A repository's models, of older revisions too, and what downloads left behind."""
    main = hf_cache.snapshot(folder, None)
    used = set[str]()
    for snapshot in hf_cache.snapshots(folder):
        prefix = repo if snapshot == main else f"{repo}@{snapshot.name[:8]}"
        files = hf_cache.files(snapshot)
        used |= {os.path.realpath(file) for file in files}
        models = list(_revision(prefix, snapshot, whole=True))
        for info, weights in models:
            if snapshot != main and not info.note:
                info = msgspec.structs.replace(info, note="an older revision")
            own = {str(part) for part in facts.parts(weights)}
            paths = [f for f in files if f in own or not _is_weights(f, gguf_only=weights == snapshot)]
            yield entry(info, "Hugging Face cache", folder, paths, kept=info.status != "failed")
        if not models:
            yield _unreadable(prefix, snapshot, folder, files)
    left = [file for file in hf_cache.blobs(folder) if file not in used]
    if left:
        info = ModelInfo(
            id=f"{repo}@unfinished",
            name=f"{_short(repo)}, unfinished",
            provider="local",
            status="failed",
            note="Left by a download that is not finished.",
        )
        yield entry(info, "Hugging Face cache", folder, left, kept=False)


def _unreadable(repo: str, snapshot: Path, folder: Path, files: list[str]) -> Entry:
    """A revision without a model that is read here: of another format, or not wholly there."""
    here = [file for file in files if os.path.exists(file)]
    other = next(iter(tree.in_folder(str(snapshot), here)), None)
    info = ModelInfo(
        id=repo,
        name=_short(repo),
        provider="local",
        format=other.format if other else None,
        path=other.path if other else str(snapshot),
        revision=snapshot.name,
        status="failed",
        note=formats.unread(other.format) if other else "It holds no weights that are read here.",
    )
    return entry(info, "Hugging Face cache", folder, files, kept=other is not None and len(here) == len(files))


def _places(downloads_folder: bool = False) -> Iterator[tuple[Source, str, Callable[[str, Watch], Tree]]]:
    """The folders besides the Hugging Face cache: whose, where, and what reads it."""
    apps: list[tuple[Source, Path, Callable[[str, Watch], Tree]]] = [
        ("LM Studio", lm_studio.models_folder(), lm_studio.read),
        ("Jan", lm_studio.jan_folder(), tree.walk),
        ("Ollama", ollama.models_folder(), ollama.read),
        ("Workbench", paths.data_dir() / "models", tree.walk),
    ]
    for source, path, read in apps:
        if path.is_dir():
            yield source, str(path), read
    others: list[tuple[Source, Path]] = []
    with contextlib.suppress(FolderError):  # said where troubles can be said
        others += [("Added folder", path) for path in folders()]
    if downloads_folder:
        import platformdirs

        if (path := Path(platformdirs.user_downloads_dir())).exists():
            others.append(("Downloads folder", path))
    known = (
        frozenset(os.path.realpath(path) for path in (cache_root(), *(a[1] for a in apps))) if others else frozenset()
    )
    for source, path in others:
        if os.path.realpath(path) not in known:
            yield source, str(path), partial(tree.walk, skip=known)


def _others() -> Iterator[tuple[Source, Found]]:
    """The models outside the Hugging Face cache."""
    for source, root, read in _places():
        for model in _tree(root, read).found:
            yield source, model


def _tree(root: str, read: Callable[[str, Watch], Tree]) -> Tree:
    return _trees.recall(root, partial(read, root))


def _entry(source: Source, model: Found) -> Entry:
    info = _info(model, whole=True)
    folder = os.path.dirname(model.path)
    absent = any(not os.path.exists(file) for file in model.files)
    kept = not absent and (info.status != "failed" or not _loadable(model))
    return entry(info, source, folder, model.files, kept=kept)


def _info(model: Found, *, whole: bool = False) -> ModelInfo:
    """A model outside the cache, as a list shows it."""
    if _loadable(model) and not model.problem:
        return facts.listed(Path(model.path), id=model.path, name=model.name, whole=whole)
    return ModelInfo(
        id=model.path,
        name=model.name,
        provider="local",
        format=model.format,
        path=model.path,
        status="failed",
        note=model.problem or formats.unread(model.format),
    )


def _loadable(model: Found) -> bool:
    """Whether it is of a kind that an engine here is given: a GGUF file, or a folder of safetensors."""
    return model.format == "gguf" or (model.format == "safetensors" and os.path.isdir(model.path))


def _troubles(source: Source, root: str, found: Tree) -> Iterator[Trouble]:
    for folder in found.refused:
        try:
            os.scandir(folder).close()
        except OSError as error:
            yield Trouble(source, folder, refused(Path(folder), error).info)
    if found.cut:
        cut = FolderError(
            f"{root} holds more than {tree.MOST_FILES:,} files, or folders more than {tree.DEEPEST} deep: "
            "the rest was not looked at.",
            next_step="Add the folder that holds the models themselves.",
        )
        yield Trouble(source, root, cut.info)


def _is_weights(file: str, *, gguf_only: bool) -> bool:
    """Whether a file is weights of one model of a repository, and no companion of them all."""
    name = os.path.basename(file)
    return name.endswith(".gguf" if gguf_only else (".gguf", ".safetensors")) and not name.startswith("mmproj")


def _save() -> None:
    """Leave what was read for the next kernel."""
    facts.save()
    _repositories.save()
    _folders.save()
    _trees.save()


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
