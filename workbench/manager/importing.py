"""Taking in a model's file or folder: checked, then linked, copied or moved into the workbench's own folder.

    DATA/models/NAME/                   one folder a model, its files under their own names
    DATA/models/.importing-PID-ID/      the same while it is made: it is renamed when all is there

A link is a hard link where the file system can (nothing breaks when the original goes), else a symbolic one.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec

from workbench.errors import DiskFullError, FolderError, StateError, UsageError
from workbench.manager import formats, hf_cache, lm_studio, ollama
from workbench.messages import new_id
from workbench.store import paths

Mode: TypeAlias = Literal["link", "copy", "move"]
PIECE = 4 * 2**20
"""Bytes copied between two looks at `cancelled`."""
SPARE = 64 * 2**20
"""Bytes that stay free beside a copy."""
_SPLIT = re.compile(r"-\d{5}-of-\d{5}$")
_DRAFT = re.compile(r"\.(?:importing|quantizing)-(\d+)-\w+")


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """An import that was checked and can be done."""

    name: str
    format: str
    source: str
    """The file or folder as it was given, absolute."""
    mode: Mode
    files: tuple[tuple[str, str], ...]
    """Where each file is, and what it is called below the new folder."""
    size: int
    """Bytes of all."""
    target: str
    """The new folder."""
    model: str
    """The new model's id: the folder, or the file in it that an engine is given."""


def folder() -> Path:
    """The workbench's own model folder: the inventory looks into it."""
    return paths.data_dir() / "models"


def place(name: str) -> Path:
    """A free folder for a new model of that name. Raises `FolderError` if it is taken."""
    plain = re.sub(r"[^\w.+-]+", "-", name).strip(".-") or "model"
    target = folder() / plain
    try:
        folder().mkdir(exist_ok=True)
        if os.path.lexists(target):
            raise FolderError(
                f"There is a model {plain} already, in {target}.", next_step="Give another name, or delete that one."
            )
        _tidy()
    except OSError as error:
        raise FolderError(f"{folder()} cannot be written: {error.strerror}.", next_step="Check it.") from None
    return target


def draft(kind: Literal["importing", "quantizing"]) -> Path:
    """Where a model is made before it gets its place; whatever is left of it is removed once its process is gone."""
    return folder() / f".{kind}-{os.getpid()}-{new_id()}"


def prepare(path: str | os.PathLike[str], mode: Mode = "link", *, name: str | None = None) -> Import:
    """Check a file or folder, and plan its import; nothing is written yet.

    Any format of `workbench.manager.formats` is taken, a split GGUF file with all its parts. Raises `ModelFilesError`
    for a pickle, a web page, what is truncated or damaged; `FolderError` when it cannot be read, the name is taken, or
    a move would take it from another program; `DiskFullError` when a copy does not fit; `UsageError` for another mode.
    """
    if mode not in get_args(Mode):
        raise UsageError(f"A model can be imported by link, copy or move, not by {mode!r}.")
    source = Path(os.path.abspath(Path(path).expanduser()))
    checked = formats.check(source)
    base = source if source.is_dir() else source.parent
    if source.is_dir() and checked.format == "coreml":
        base = source.parent  # a package stays a folder of its own
    files = tuple((str(file), os.path.relpath(file, base)) for file in checked.files)
    if mode == "move":
        _refuse_move(source)
    alone = source.is_file() or base != source
    target = place(name or _SPLIT.sub("", source.stem if alone else source.name))
    if mode != "link" and not (mode == "move" and all(_same_disk(file) for file, _ in files)):
        _need_room(checked.size)
    within = os.path.relpath(files[0][0] if source.is_file() else source, base)
    return Import(
        name=target.name,
        format=checked.format,
        source=str(source),
        mode=mode,
        files=files,
        size=checked.size,
        target=str(target),
        model=os.path.normpath(target / within),
    )


def execute(
    planned: Import,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """Do a planned import; returns the new model's id. All of it is there at the end, or nothing.

    `progress(done, total)` is told in bytes. Raises `StateError` when `cancelled()` says so, `FolderError`,
    `DiskFullError`. A moved file is removed from its old place at the very end.
    """
    made = draft("importing")
    done = 0
    try:
        for source, name in planned.files:
            target = made / name
            target.parent.mkdir(parents=True, exist_ok=True)
            for step in _take(Path(source), target, planned.mode):
                done += step
                if progress is not None:
                    progress(done, planned.size)
                if cancelled is not None and cancelled():
                    raise StateError(f"The import of {planned.name} was stopped.", next_step="Nothing was changed.")
        if os.path.lexists(planned.target):
            raise FolderError(f"{planned.target} was made meanwhile.", next_step="Give another name.")
        made.rename(planned.target)
    except OSError as error:
        if error.errno == 28:
            raise DiskFullError(f"The disk is full: {planned.name} was not imported.") from None
        raise FolderError(
            f"{error.filename or planned.source} cannot be imported: {error.strerror}.", next_step="Check the file."
        ) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    if planned.mode == "move":
        _remove_originals(planned)
    return planned.model


def _take(source: Path, target: Path, mode: Mode) -> Iterator[int]:
    """Link a file, or copy it piece by piece; gives the bytes of each step."""
    real = Path(os.path.realpath(source))
    if mode != "copy":
        try:
            os.link(real, target)
        except OSError:
            if mode == "link":
                target.symlink_to(real)
        if os.path.lexists(target):
            yield real.stat().st_size
            return
    with real.open("rb") as opened, target.open("xb") as copy:
        while piece := opened.read(PIECE):
            copy.write(piece)
            yield len(piece)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copystat(real, target)


def _remove_originals(planned: Import) -> None:
    """Take moved files from their old place, then the folders this empties, up to the one that was named."""
    try:
        for file, _ in planned.files:
            Path(file).unlink()
        if os.path.isdir(planned.source):
            for parent, _, _ in os.walk(planned.source, topdown=False):
                if not os.listdir(parent):
                    os.rmdir(parent)
    except OSError as error:
        raise FolderError(
            f"{planned.name} was imported, but {error.filename} could not be removed from its old place: "
            f"{error.strerror}.",
            next_step="Remove it yourself.",
        ) from None


def _refuse_move(source: Path) -> None:
    owners = {
        "the Hugging Face cache": hf_cache.root(),
        "LM Studio": lm_studio.models_folder(),
        "Jan": lm_studio.jan_folder(),
        "Ollama": ollama.models_folder(),
        "the workbench": folder(),
    }
    for owner, root in owners.items():
        if Path(os.path.realpath(source)).is_relative_to(os.path.realpath(root)):
            raise FolderError(f"{source.name} belongs to {owner}, which would miss it.", next_step="Link or copy it.")


def _need_room(size: int) -> None:
    free = shutil.disk_usage(folder()).free
    if size + SPARE > free:
        raise DiskFullError(
            f"There is no room for a copy: it takes {size / 1e9:.1f} GB and {free / 1e9:.1f} GB are free.",
            next_step="Link it instead, or free some room (wb.library() shows what takes it).",
        )


def _same_disk(file: str) -> bool:
    return os.stat(file).st_dev == os.stat(folder()).st_dev


def _tidy() -> None:
    """Remove what processes left that ended in the middle of an import."""
    import psutil

    for path in folder().glob(".*"):
        found = _DRAFT.fullmatch(path.name)
        if found and not psutil.pid_exists(int(found[1])):
            shutil.rmtree(path, ignore_errors=True)
