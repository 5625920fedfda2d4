"""The folders that the person added to the inventory, remembered. Knows no model.

CONFIG/folders.json    {"folders": ["/models", ...]}
CONFIG/folders.lock    held while it is rewritten: two kernels at once lose nothing
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from workbench.errors import FolderError
from workbench.store import paths


class _Folders(msgspec.Struct):
    folders: list[str] = []


def folders() -> tuple[Path, ...]:
    """The folders added, in their order; they need not be there any more. Raises `FolderError`."""
    return tuple(Path(folder) for folder in _read().folders)


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
    with _rewritten() as known:
        if str(folder) not in known.folders:
            known.folders.append(str(folder))
    return folder


def remove_folder(path: str | os.PathLike[str]) -> None:
    """Leave a folder out of the inventory again; its files stay. Raises `FolderError` for one never added."""
    folder = os.path.abspath(Path(path).expanduser())
    with _rewritten() as known:
        if folder not in known.folders:
            hint = f"Added are: {', '.join(known.folders)}." if known.folders else "No folder was added."
            raise FolderError(f"{folder} was not added.", next_step=hint)
        known.folders.remove(folder)


def refused(folder: Path, error: OSError) -> FolderError:
    """The error for a folder that the system does not let us read."""
    step = "Change its permissions, or leave it out."
    if sys.platform == "darwin" and isinstance(error, PermissionError):
        step = (
            "Open System Settings, Privacy & Security, Files and Folders, allow it for the program that runs "
            "Jupyter (Terminal, say), and read again."
        )
    return FolderError(f"{folder} cannot be read: {(error.strerror or str(error)).lower()}.", next_step=step)


def _read() -> _Folders:
    file = paths.config_dir() / "folders.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Folders)
    except FileNotFoundError:
        return _Folders()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FolderError(
            f"The list of added folders cannot be read: {error}.", next_step=f"Correct or delete {file}."
        ) from None


@contextmanager
def _rewritten() -> Iterator[_Folders]:
    """The list as it is now, written back whole if the caller does not raise."""
    import fcntl

    file = paths.config_dir() / "folders.json"
    try:
        with (paths.config_dir() / "folders.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = _read()
            yield known
            part = file.with_suffix(".part")
            part.write_bytes(msgspec.json.format(msgspec.json.encode(known)))
            os.replace(part, file)
    except OSError as error:
        raise FolderError(
            f"The list of added folders cannot be written: {error}.", next_step="Make room, or set WORKBENCH_HOME."
        ) from None
