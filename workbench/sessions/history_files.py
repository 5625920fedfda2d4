"""Chats into files, and back. It knows no database and no chat that is open."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import FolderError
from workbench.sessions import export as exporting

if TYPE_CHECKING:
    from workbench.sessions.export_json import Kept
    from workbench.store.history_values import StoredChat


def written(
    chats: Sequence[Kept],
    path: Path,
    format: str | None,
    *,
    one: bool,
    overwrite: bool = False,
    branches: bool = False,
    code_cells: bool = False,
    answers: bool = True,
) -> list[Path]:
    """Write chats and return the files: `one` into that file; several into one of JSON, or each into one of a folder.

    Raises `UsageError` for another format, `FolderError` when a file is there already or cannot be written.
    """
    if not one and (format == "json" or (format is None and path.suffix.lower() == ".json")):
        from workbench.sessions.export_json import dumped

        return [exporting.write(dumped(chats), path, overwrite=overwrite)]
    alone = one and not path.is_dir()
    kind = exporting.format_of(path, format) if alone else exporting.checked(format or "markdown")
    names = [path] if alone else [_folder(path) / name for name in file_names((chat for chat, _ in chats), kind)]
    texts = (
        exporting.export(chat, messages, kind, branches=branches, code_cells=code_cells, answers=answers)
        for chat, messages in chats
    )
    return [exporting.write(text, name, overwrite=overwrite) for text, name in zip(texts, names, strict=True)]


def read(path: str | os.PathLike[str], *, taken: set[str]) -> list[Kept]:
    """The chats of a .json file; one whose id is `taken` gets new ids. Raises `FolderError`, `UsageError`."""
    from workbench.sessions.export_json import loaded

    file = Path(path).expanduser()
    try:
        text = file.read_bytes()
    except OSError as error:
        raise FolderError(f"{file} cannot be read: {error.strerror or error}.") from None
    return loaded(text, taken=taken)


def file_names(chats: Iterable[StoredChat], format: exporting.Format) -> list[str]:
    """A name for the file of each chat; equal ones are numbered."""
    names: dict[str, None] = {}
    for chat in chats:
        name, number = exporting.file_name(chat.title, format), 1
        while name in names:
            number += 1
            name = exporting.file_name(f"{number} {chat.title}", format)
        names[name] = None
    return list(names)


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"{path} cannot be made: {error.strerror or error}.") from None
    return path
