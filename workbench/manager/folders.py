"""The folders that the person added to the inventory, remembered in the settings as ``model_folders``. Knows no model.

CONFIG/folders.json    where they were kept before; taken into the settings once, then removed
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import FolderError
from workbench.store import settings
from workbench.store.settings import Settings


class _Folders(msgspec.Struct):
    folders: list[str] = []


def folders() -> tuple[Path, ...]:
    """The folders added, in their order; they need not be there any more. Raises `FolderError`."""
    _take_over()
    return tuple(Path(folder).expanduser() for folder in settings.get().model_folders)


def add_folder(path: str | os.PathLike[str]) -> Path:
    """Add a folder to the inventory; adding it again changes nothing. Its absolute path.

    Raises `FolderError` when there is no such folder, or it cannot be read or remembered.
    """
    folder = Path(os.path.abspath(Path(path).expanduser()))
    try:
        next(os.scandir(folder), None)
    except NotADirectoryError:
        raise FolderError(f"{folder} is no folder.", next_step="Name the folder that holds the models.") from None
    except FileNotFoundError:
        raise FolderError(f"There is no folder {folder}.", next_step="Check the path.") from None
    except OSError as error:
        raise refused(folder, error) from None
    _take_over()
    settings.edit(lambda now: _with(now, [str(folder)]))
    return folder


def remove_folder(path: str | os.PathLike[str]) -> None:
    """Leave a folder out of the inventory again; its files stay. Raises `FolderError` for one never added."""
    folder = Path(os.path.abspath(Path(path).expanduser()))
    known = folders()
    if folder not in known:
        hint = f"Added are: {', '.join(map(str, known))}." if known else "No folder was added."
        raise FolderError(f"{folder} was not added.", next_step=hint)
    settings.edit(
        lambda now: {"model_folders": tuple(kept for kept in now.model_folders if Path(kept).expanduser() != folder)}
    )


def refused(folder: Path, error: OSError) -> FolderError:
    """The error for a folder that the system does not let us read."""
    step = "Change its permissions, or leave it out."
    if sys.platform == "darwin" and isinstance(error, PermissionError):
        step = (
            "Open System Settings, Privacy & Security, Files and Folders, allow it for the program that runs "
            "Jupyter (Terminal, say), and read again."
        )
    return FolderError(f"{folder} cannot be read: {(error.strerror or str(error)).lower()}.", next_step=step)


def _with(now: Settings, more: list[str]) -> dict[str, Any]:
    known = {Path(folder).expanduser() for folder in now.model_folders}
    new = [folder for folder in dict.fromkeys(more) if Path(folder) not in known]
    return {"model_folders": (*now.model_folders, *new)}


def _take_over() -> None:
    """Take the folders of an earlier version into the settings, once. Raises `FolderError`."""
    file = settings.path().with_name("folders.json")
    if not file.exists():
        return
    try:
        known = msgspec.json.decode(file.read_bytes(), type=_Folders).folders
    except FileNotFoundError:  # another kernel was faster
        return
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FolderError(
            f"The list of added folders cannot be read: {error}.", next_step=f"Correct or delete {file}."
        ) from None
    settings.edit(lambda now: _with(now, known))
    file.unlink(missing_ok=True)
