"""The models in a folder of the person's or of an app, found by their names and layout. Opens no weights.

    FOLDER/**/model.gguf, model-00001-of-00003.gguf, *.onnx, *.pte, *.tflite, *.litertlm, *.pllm, lone *.safetensors
              config.json + *.safetensors | *.onnx             one model: the folder
              mlc-chat-config.json                             one model: the folder
              X.mlpackage/, X.mlmodelc/                        one model: the folder

The walk is bounded in depth and in number of files, and follows no link to a folder: no loop can hold it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from workbench.manager import facts
from workbench.manager.remembered import Watch

DEEPEST = 6
MOST_FILES = 20_000
_FORMATS = {
    ".gguf": "gguf",
    ".safetensors": "safetensors",
    ".onnx": "onnx",
    ".pte": "executorch",
    ".tflite": "tflite",
    ".litertlm": "litertlm",
    ".pllm": "picollm",
}
_PACKAGES = (".mlpackage", ".mlmodelc")


class Found(msgspec.Struct, frozen=True):
    """A model in a folder; nothing of it has been read yet."""

    path: str
    """The folder or file an engine would be given; for a split model its first file."""
    name: str
    format: str
    """What its name and layout promise, e.g. ``"gguf"``, ``"coreml"``."""
    files: tuple[str, ...]
    problem: str = ""
    """Why it cannot be used, where that is known already."""


class Tree(msgspec.Struct, frozen=True):
    """What a walk found."""

    found: tuple[Found, ...] = ()
    refused: tuple[str, ...] = ()
    """Folders that could not be read."""
    cut: bool = False
    """Whether it ended early: there are more than `MOST_FILES` files, or folders deeper than `DEEPEST`."""


def walk(root: str, watch: Watch, *, skip: Iterable[str] = ()) -> Tree:
    """The models under a folder, sorted by path; `skip` are folders to leave out, as real paths."""
    left = frozenset(skip)
    found: list[Found] = []
    refused: list[str] = []
    open_folders, seen, cut = [(root, 0)], 0, False
    while open_folders:
        folder, depth = open_folders.pop()
        watch.see(folder)
        try:
            listing = sorted(filter(_has_name, os.scandir(folder)), key=lambda entry: entry.name)
        except OSError:
            refused.append(folder)
            continue
        seen += len(listing)
        if seen > MOST_FILES:
            cut = True
            break
        files = [entry.path for entry in listing if _is_file(entry)]
        below = [entry.path for entry in listing if entry.is_dir(follow_symlinks=False)]
        found += in_folder(folder, files)
        found += [_package(path) for path in below if path.endswith(_PACKAGES)]
        deeper = [
            path
            for path in below
            if not path.endswith(_PACKAGES)
            and not os.path.basename(path).startswith(".")
            and (not left or os.path.realpath(path) not in left)
        ]
        if depth < DEEPEST:
            open_folders += [(path, depth + 1) for path in reversed(deeper)]
        elif deeper:
            cut = True
    for model in found:
        for path in (model.path, *model.files):
            watch.see(path)
    return Tree(tuple(sorted(found, key=lambda model: model.path)), tuple(refused), cut)


def in_folder(folder: str, files: list[str]) -> list[Found]:
    """The models whose files lie in this very folder."""
    names = {os.path.basename(path) for path in files}
    name = os.path.basename(folder)
    kinds = {os.path.splitext(path)[1].lower() for path in files}
    others = tuple(path for path in files if not path.lower().endswith(".gguf"))
    found: list[Found] = []
    if "mlc-chat-config.json" in names:
        return [Found(folder, name, "mlc", others)]
    if "config.json" in names and ".safetensors" in kinds:
        found.append(Found(folder, name, "safetensors", others))
    elif names & {"config.json", "genai_config.json"} and ".onnx" in kinds:
        found.append(Found(folder, name, "onnx", others))
    projectors = tuple(path for path in files if os.path.basename(path).startswith("mmproj") and path.endswith(".gguf"))
    taken = {*projectors}
    if found:
        taken |= {*others}
    for path in files:
        format = _FORMATS.get(os.path.splitext(path)[1].lower())
        if format is None or path in taken:
            continue
        parts = tuple(str(part) for part in facts.parts(Path(path)))
        if path != parts[0] and parts[0] in files:
            continue
        taken |= {*parts}
        found.append(Found(path, os.path.basename(path), format, (*parts, *projectors) if format == "gguf" else parts))
    return found


def _package(path: str) -> Found:
    """A Core ML package: a folder that counts as one file."""
    inside = []
    for parent, folders, names in os.walk(path):
        folders.sort()
        inside += [f"{parent}/{name}" for name in sorted(names)]
        if len(inside) > MOST_FILES:
            break
    return Found(path, os.path.basename(path), "coreml", tuple(inside))


def _has_name(entry: os.DirEntry[str]) -> bool:
    """Whether a name is Unicode: another could be neither shown nor typed."""
    return entry.name.isascii() or not any("\ud800" <= character <= "\udfff" for character in entry.name)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads in a circle
        return False
