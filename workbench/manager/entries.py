"""What lies where: the values of the library's inventory. Knows no app and reads nothing but sizes.

Entries ── Entry ── File      a file of an entry; entries may share files (links, blobs)
    └───── Trouble            a folder that could not be read, beside all that could
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from workbench.errors import ErrorInfo
from workbench.model import ModelInfo

Source: TypeAlias = Literal[
    "built in", "Hugging Face cache", "LM Studio", "Ollama", "Jan", "Workbench", "Downloads folder", "Added folder"
]


class File(msgspec.Struct, frozen=True):
    """One file of a model."""

    path: str
    """Where the model's folder has it."""
    real: str
    """Where it lies when all links are followed."""
    size: int
    """Bytes; 0 for one that is not there."""
    inode: tuple[int, int]
    """Device and number: the same for hard links to one file; zeros for one that is not there."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A model in one place. The same model in two apps makes two entries."""

    model: ModelInfo
    source: Source
    folder: str
    """The repository's or model's folder."""
    files: tuple[File, ...]
    size: int
    """Bytes on disk, each file once however often it is linked."""
    shared: int = 0
    """Bytes of `size` that another entry uses as well: deleting this one alone does not free them."""
    kept: bool = True
    """Whether the model is wholly here; a model without an engine can be."""

    @property
    def usable(self) -> bool:
        """Whether a chat can be opened with it; else `model.note` says why not."""
        return self.model.status != "failed"


class Trouble(msgspec.Struct, frozen=True):
    """A folder that could not be read, or not wholly."""

    source: Source
    folder: str
    error: ErrorInfo


class Entries(list[Entry]):
    """All entries, and the troubles on the way."""

    def __init__(self, entries: Iterable[Entry] = (), troubles: Iterable[Trouble] = ()) -> None:
        found = list(entries)
        owners = Counter(inode for entry in found for inode in {file.inode for file in entry.files if any(file.inode)})
        super().__init__(
            msgspec.structs.replace(entry, shared=_once(f for f in entry.files if owners[f.inode] > 1))
            for entry in found
        )
        self.troubles: tuple[Trouble, ...] = tuple(troubles)

    @property
    def size(self) -> int:
        """Bytes on disk of all entries, each file once."""
        return _once(file for entry in self for file in entry.files)


def entry(
    model: ModelInfo, source: Source, folder: str | os.PathLike[str], paths: Iterable[str], *, kept: bool
) -> Entry:
    """An entry with the sizes and inodes of its files as they are now."""
    parents: dict[str, str] = {}
    files = tuple(_file(path, parents) for path in dict.fromkeys(paths))
    return Entry(model=model, source=source, folder=str(folder), files=files, size=_once(files), kept=kept)


def _file(path: str, parents: dict[str, str]) -> File:
    """One file; `parents` remembers where the folders really are, which costs most."""
    parent, name = os.path.split(path)
    if parent not in parents:
        parents[parent] = os.path.realpath(parent)
    real = f"{parents[parent]}/{name}"
    if os.path.islink(real):
        real = os.path.realpath(real)
    try:
        facts = os.stat(real)
    except OSError:
        return File(path, real, 0, (0, 0))
    # A file on its way may have its final size, and holes where nothing has arrived yet.
    size = min(facts.st_size, facts.st_blocks * 512) if name.endswith((".part", ".incomplete")) else facts.st_size
    return File(path, real, size, (facts.st_dev, facts.st_ino))


def _once(files: Iterable[File]) -> int:
    return sum({file.inode: file.size for file in files}.values())
