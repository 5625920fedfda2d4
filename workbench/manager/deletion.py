"""Deleting models: a plan first, that knows what it frees, then its execution. Knows no session and no network.

    HF cache     snapshots/SHA/ of the model, the refs that name it, the blobs no other snapshot links to;
                 with the last snapshot the whole folder models--ORG--REPO
    Ollama       the manifest, and the blobs no other manifest names
    elsewhere    the model's files, then the folders this leaves empty, up to the model folder itself, which stays

Three rules keep everything else safe. Only names below a known model folder are removed. A link that stands in the way
is itself removed, and never followed. And all is looked at again right before it is done.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from workbench.errors import FolderError, ModelInUseError, StateError
from workbench.manager import hf_cache, inventory, lm_studio, ollama
from workbench.manager.entries import Entry
from workbench.messages import new_id
from workbench.store import paths

RECENT_S = 120.0
"""A partial file that was written to within so many seconds is being written."""
_PARTIAL = re.compile(r".*(\.incomplete|\.part|\.crdownload|\.download|-partial(-\d+)?)")
_DIGEST = re.compile(rb"sha256[:-]([0-9a-f]{64})")
_LITTER = ".DS_Store"
"""What the Finder leaves in every folder it has shown."""


class PlannedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a plan."""

    id: str
    name: str
    size: int
    """Bytes of its files."""
    frees: int
    """Bytes of disk that come back with it, given that those before it in the plan go too."""
    why: str
    """Where it is, and what else uses its files: a sentence for a person."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """One that will not be deleted."""

    id: str
    why: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What deleting would do. Nothing has happened yet."""

    id: str
    models: tuple[PlannedModel, ...]
    files: tuple[str, ...]
    """Every path that goes, in the order in which it goes; folders come after what is in them."""
    frees: int
    """Bytes of disk that come back: blocks, as `du` counts them."""
    refused: tuple[Refused, ...] = ()

    def __repr__(self) -> str:
        lines = [f"{model.name}: frees {model.frees:,} bytes. {model.why}" for model in self.models]
        lines += [f"{one.id} stays: {one.why}" for one in self.refused]
        models = "1 model" if len(self.models) == 1 else f"{len(self.models)} models"
        head = f"<Plan: delete {models}, {len(self.files)} paths, free {self.frees:,} bytes"
        return "\n  ".join([head, *lines]) + ">"


def plan(
    entries: Iterable[Entry],
    *,
    among: Sequence[Entry] | None = None,
    loaded: Iterable[str] = (),
    downloading: Iterable[str] = (),
) -> Plan:
    """What deleting these models would remove and free.

    `among` are all models there are, by default the inventory's: what they share stays. `loaded` are the ids or paths
    of models in memory, `downloading` the ids of those on their way: both are refused, as are the model that ships,
    one that another program is writing, and files outside the model folders.
    """
    wanted = list(entries)
    everything = list(inventory.entries(downloads_folder=True)) if among is None else list(among)
    known_folders = roots()
    in_memory, on_the_way = set(loaded), set(downloading)
    gone: dict[Path, None] = {}
    models: list[PlannedModel] = []
    refused: list[Refused] = []
    freed = _Freed()
    for entry in wanted:
        root = _root(_place(entry), known_folders)
        why = _objection(entry, root, in_memory, on_the_way)
        if root is None or why:
            refused.append(Refused(id=entry.model.id, why=why))
            continue
        doomed = {model.id for model in models} | {entry.model.id}
        staying = [other for other in everything if other.model.id not in doomed]
        try:
            goes = _goes(entry, root, staying, gone)
        except OSError as error:
            why = f"{error.filename} cannot be read, so nobody knows what else needs its files: {error.strerror}."
            refused.append(Refused(id=entry.model.id, why=why))
            continue
        gone |= dict.fromkeys(goes)
        folders = _emptied(goes, gone, root)
        gone |= dict.fromkeys(folders)
        frees = freed.add([*goes, *folders])
        models.append(
            PlannedModel(
                id=entry.model.id,
                name=entry.model.name,
                size=entry.size,
                frees=frees,
                why=_why(entry, frees, staying, gone),
            )
        )
    files = tuple(map(str, gone))
    return Plan(id=new_id(), models=tuple(models), files=files, frees=freed.bytes, refused=tuple(refused))


def roots() -> list[Path]:
    """The model folders: nothing outside them is ever removed."""
    import platformdirs

    apps = (hf_cache.root(), lm_studio.models_folder(), lm_studio.jan_folder(), ollama.models_folder())
    own = (paths.data_dir() / "models", Path(platformdirs.user_downloads_dir()), *inventory.folders())
    return [Path(os.path.abspath(folder)) for folder in (*apps, *own)]


def execute(plan: Plan, *, loaded: Iterable[str] = (), downloading: Iterable[str] = ()) -> int:
    """Delete what a plan names; returns the bytes freed.

    Everything is looked at again first: raises `ModelInUseError` or `StateError`, having deleted nothing, when a model
    has come into use or the files are no longer those of the plan. Raises `FolderError` when a file could not be
    deleted: it says which models went before and which are still there.
    """
    everything = list(inventory.entries(downloads_folder=True))
    known = {entry.model.id: entry for entry in everything}
    ids = [model.id for model in plan.models]
    now = _plan_again(ids, known, everything, loaded, downloading)
    if now.refused:
        raise ModelInUseError(
            f"Nothing was deleted: {now.refused[0].why}", next_step="Plan again without it, or free it first."
        )
    if set(now.files) != set(plan.files):
        raise StateError(
            "Nothing was deleted: the files have changed since the plan was made.", next_step="Look at the plan again."
        )
    known_folders = roots()
    for count, name in enumerate(now.files):
        try:
            _remove(Path(name), known_folders)
        except OSError as error:
            raise _halfway(plan, now.files[:count], name, error, known) from None
    return now.frees


def _plan_again(
    ids: list[str],
    known: dict[str, Entry],
    everything: list[Entry],
    loaded: Iterable[str],
    downloading: Iterable[str],
) -> Plan:
    lost = [model for model in ids if model not in known]
    if lost:
        raise StateError(f"Nothing was deleted: {lost[0]} is no longer there.", next_step="Read the library again.")
    return plan([known[model] for model in ids], among=everything, loaded=loaded, downloading=downloading)


def _remove(path: Path, roots: Sequence[Path]) -> None:
    """Remove one name below a model folder; a name that is gone already is no error."""
    root = _root(path, roots)
    if root is None or _own(path, root) != path:
        raise PermissionError(1, "it does not lie in a model folder", str(path))
    try:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    except FileNotFoundError:
        pass


def _halfway(plan: Plan, done: Sequence[str], failed: str, error: OSError, known: dict[str, Entry]) -> FolderError:
    """The error of an execution that broke off: which models went, which did not."""
    left = set(plan.files) - set(done)

    def remains(model: PlannedModel) -> bool:
        return any(file.path in left or file.real in left for file in known[model.id].files)

    went = [model.name for model in plan.models if not remains(model)]
    stayed = [model.name for model in plan.models if remains(model)]
    said = f"Deleted: {', '.join(went) or 'no model'}. Not deleted, or not whole: {', '.join(stayed) or 'none'}."
    return FolderError(
        f"{failed} could not be deleted: {error.strerror}. {said}",
        next_step="Read the library again, and delete what is left.",
        details="\n".join([f"deleted {name}" for name in done] + [f"left {name}" for name in sorted(left)]),
    )


# What goes with a model


def _goes(entry: Entry, root: Path, staying: Sequence[Entry], gone: dict[Path, None]) -> list[Path]:
    """The files of a model that nobody else needs, the weights first: what is left of half a deletion is no model."""
    if entry.source == "Hugging Face cache":
        found = _of_the_cache(entry, root, staying, gone)
    elif entry.source == "Ollama":
        found = _of_ollama(entry, root, gone)
    else:
        kept = {path for other in staying for path in _paths(other)}
        found = [path for path in _paths(entry) if path not in kept]
    unique = dict.fromkeys(_own(path, root) for path in found if os.path.lexists(path))
    return sorted((path for path in unique if path not in gone), key=lambda path: (-path.lstat().st_size, str(path)))


def _of_the_cache(entry: Entry, root: Path, staying: Sequence[Entry], gone: dict[Path, None]) -> list[Path]:
    repo = Path(os.path.abspath(entry.folder))
    if repo.is_symlink():
        return [repo]
    if entry.model.path is None:  # what a download left behind: blobs that no snapshot links to
        return _paths(entry) if any((repo / "snapshots").glob("*")) else _files(repo)
    snapshot = repo / "snapshots" / _place(entry).relative_to(repo).parts[1]
    beside = [other for other in staying if _place(other).is_relative_to(snapshot)]
    if beside:
        kept = {path for other in beside for path in _paths(other)}
        links = [path for path in _paths(entry) if path not in kept]
        refs = []
    else:
        links = _files(snapshot)
        refs = [ref for ref in _files(repo / "refs") if not ref.is_symlink() and _text(ref) == snapshot.name]
    doomed = {*links, *gone}
    left = [link for link in _files(repo / "snapshots") if link not in doomed]
    if not left:
        return _files(repo)
    used = {_blob(link, repo) for link in left}
    blobs = {_blob(link, repo) for link in links} - used - {None}
    return [*(blob for blob in blobs if blob is not None), *links, *refs]


def _of_ollama(entry: Entry, root: Path, gone: dict[Path, None]) -> list[Path]:
    own = set(_paths(entry))
    used: set[str] = set()
    for manifest in _files(root / "manifests"):
        if manifest not in own and manifest not in gone and manifest.is_file():
            # A damaged manifest keeps its blobs too: whatever reads like a digest counts.
            used |= {found.decode() for found in _DIGEST.findall(manifest.read_bytes())}
    return [path for path in own if path.name.removeprefix("sha256-") not in used]


def _blob(link: Path, repo: Path) -> Path | None:
    """The blob of the same repository that a link of a snapshot leads to; ``None`` when it leads anywhere else."""
    if not link.is_symlink():
        return None
    target = Path(os.path.normpath(link.parent / os.readlink(link)))
    return target if target.parent == repo / "blobs" and not (repo / "blobs").is_symlink() else None


def _emptied(goes: Sequence[Path], gone: dict[Path, None], root: Path) -> list[Path]:
    """The folders below `root` that have nothing left once these go, the deepest first; litter of macOS is nothing."""
    emptied: dict[Path, None] = {}
    folders = {folder for path in goes for folder in path.parents if folder != root and folder.is_relative_to(root)}
    if any(path.relative_to(root).parts[0].startswith("models--") for path in goes):
        folders |= {Path(parent) for folder in tuple(folders) for parent, _, _ in os.walk(folder)}
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        inside = [Path(name.path) for name in os.scandir(folder)]
        left = [path for path in inside if path not in gone and path not in emptied]
        if all(path.name == _LITTER for path in left) and folder not in gone:
            emptied |= dict.fromkeys([*left, folder])
    return list(emptied)


class _Freed:
    """Bytes of disk that come back: a file with a hard link elsewhere gives nothing until the last name goes."""

    def __init__(self) -> None:
        self.bytes = 0
        self._names: Counter[tuple[int, int]] = Counter()

    def add(self, paths: Iterable[Path]) -> int:
        """These go as well; the bytes that this frees."""
        before = self.bytes
        for path in paths:
            facts = path.lstat()
            inode = (facts.st_dev, facts.st_ino)
            self._names[inode] += 1
            if stat.S_ISDIR(facts.st_mode) or self._names[inode] == facts.st_nlink:
                self.bytes += facts.st_blocks * 512
        return self.bytes - before


def _why(entry: Entry, frees: int, staying: Sequence[Entry], gone: dict[Path, None]) -> str:
    """Where a model is, how much, and who else has to do with its files."""
    words = [f"{entry.source}, {len(entry.files)} file{'' if len(entry.files) == 1 else 's'}."]
    real, own = {file.real for file in entry.files}, {file.path for file in entry.files}
    orphans = [other for other in staying if any(f.real in real and f.path not in own for f in other.files)]
    orphans = [other for other in orphans if any(Path(f.real) in gone for f in other.files)]
    if orphans:
        words.append(
            f"{orphans[0].model.name} ({orphans[0].source}) links to its files and will not work without them."
        )
    inodes = {file.inode for file in entry.files if any(file.inode)}
    sharers = [other for other in staying if other not in orphans and any(f.inode in inodes for f in other.files)]
    if sharers:
        words.append(f"{sharers[0].model.name} ({sharers[0].source}) uses the same files and keeps them.")
    elif frees < entry.size // 2:
        words.append("Most of its files are used elsewhere, and stay.")
    return " ".join(words)


# What is refused


def _objection(entry: Entry, root: Path | None, loaded: set[str], downloading: set[str]) -> str:
    """Why a model cannot be deleted now; empty when it can."""
    model = entry.model
    if entry.source == "built in":
        return f"{model.name} is part of the workbench itself."
    if root is None or any(_root(path, [root]) is None for path in _paths(entry)):
        return f"{model.name} lies outside the model folders."
    if {model.id, model.path} & loaded:
        return f"{model.name} is loaded. wb.unload({model.id!r}) lets go of it."
    if model.id in downloading:
        return f"{model.name} is being downloaded. Cancel that first."
    writing = _written(entry, root)
    if writing:
        return f"{model.name} is being written by another program ({writing}). Wait for it, then plan again."
    return ""


def _written(entry: Entry, root: Path) -> str:
    """Name of a file that is being written beside a model's, or whose lock is held; empty for none."""
    folders = {path.parent for path in _paths(entry)}
    if entry.source == "Hugging Face cache":
        repo = Path(os.path.abspath(entry.folder))
        folders = {repo / "blobs"}
        held = next((lock.name for lock in _files(root / ".locks" / repo.name) if _held(lock)), "")
        if held:
            return held
    now = time.time()
    for folder in folders:
        for path in folder.glob("*"):
            if _PARTIAL.fullmatch(path.name) and now - path.lstat().st_mtime < RECENT_S:
                return path.name
    return ""


def _held(lock: Path) -> bool:
    """Whether another program holds a lock file, as the hub's clients do while they write."""
    if sys.platform == "win32":
        return False
    import fcntl

    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


# Paths


def _place(entry: Entry) -> Path:
    """The file or folder that is the model."""
    return Path(os.path.abspath(entry.model.path or entry.folder))


def _paths(entry: Entry) -> list[Path]:
    """Where a model has its files; links are not followed."""
    return [Path(os.path.abspath(file.path)) for file in entry.files]


def _root(path: Path, known_folders: Sequence[Path]) -> Path | None:
    """The innermost model folder that a path lies in; ``None`` for one outside."""
    plain = Path(os.path.abspath(path))
    holding = [folder for folder in known_folders if plain != folder and plain.is_relative_to(folder)]
    return max(holding, key=lambda folder: len(folder.parts), default=None)


def _own(path: Path, root: Path) -> Path:
    """The name to remove for a path below `root`: the path, or the first link on the way to it."""
    steps = [path, *path.parents]
    way = reversed(steps[: steps.index(root)])
    return next((step for step in way if step.is_symlink()), path)


def _files(folder: Path) -> list[Path]:
    """Every file and link below a folder, links to folders among them; none of what they lead to."""
    found = []
    for parent, folders, names in os.walk(folder):
        found += [Path(parent, name) for name in names]
        found += [Path(parent, name) for name in folders if os.path.islink(f"{parent}/{name}")]
    return found


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace").strip()
