"""What a folder holds, for a file picker: its folders and what looks like a model. Opens no file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from workbench.errors import FolderError
from workbench.manager.folders import refused

MODEL_FILES = (".gguf", ".safetensors", ".onnx", ".pte", ".tflite", ".litertlm", ".pllm")
PACKAGES = (".mlpackage", ".mlmodelc")
_MARKS = ("config.json", "genai_config.json", "mlc-chat-config.json")
MOST = 2000
"""Names shown of one folder."""


def look_into(path: str | None = None) -> dict[str, Any]:
    """A folder's path, its parent, its folders and model files by name, sizes in bytes; hidden ones are left out.

    ``{"path", "parent", "model", "folders": [{"name", "path", "model"}], "files": [{"name", "path", "size"}]}``;
    `model` says whether the folder as a whole looks like a model. Without a path the home folder. Raises `FolderError`
    for one that is not there, is no folder, or may not be read.
    """
    folder = Path(os.path.abspath(Path(path or "~").expanduser()))
    try:
        listing = sorted(os.scandir(folder), key=lambda entry: entry.name.lower())
    except FileNotFoundError:
        raise FolderError(f"There is no folder {folder}.", next_step="Check the path.") from None
    except NotADirectoryError:
        raise FolderError(f"{folder} is no folder.", next_step="Name the folder it is in.") from None
    except OSError as error:
        raise refused(folder, error) from None
    shown = [entry for entry in listing if not entry.name.startswith(".")][:MOST]
    folders = [entry for entry in shown if _is_dir(entry)]
    files = [entry for entry in shown if not _is_dir(entry) and entry.name.lower().endswith(MODEL_FILES)]
    return {
        "path": str(folder),
        "parent": str(folder.parent) if folder.parent != folder else None,
        "model": any(entry.name in _MARKS for entry in listing) or folder.name.endswith(PACKAGES),
        "folders": [{"name": e.name, "path": e.path, "model": _is_model(e)} for e in folders],
        "files": [{"name": e.name, "path": e.path, "size": _size(e)} for e in files],
    }


def _is_model(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(PACKAGES) or any(os.path.exists(f"{entry.path}/{mark}") for mark in _MARKS)


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _size(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat().st_size
    except OSError:
        return None
