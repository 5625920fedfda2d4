"""Models kept more than once, in several apps or folders, and the bytes that wastes. Changes nothing.

Files are the same when they are

    one file      the same inode (hard links, links to one blob): nothing is wasted
    by checksum   of one size, and their names tell the same SHA-256: Ollama's blobs and the Hugging Face cache's do
    by sample     of one size, with the same bytes at the beginning, at the end and at places between

A sample is no proof: `confirm` reads the whole files. Copies that the file system itself shares (clones on APFS) cannot
be told from copies that take room.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from workbench.errors import FolderError, StateError
from workbench.manager.entries import Entry, File
from workbench.manager.remembered import Memory, Watch

SMALLEST = 1 << 20
"""Bytes of the smallest files looked at: what is below is no weights."""
PIECE = 1 << 16
PIECES = 5
"""A sample is so many pieces of so many bytes, evenly spread."""
_BLOB = re.compile(r"(?:sha256-)?([0-9a-f]{64})")
_CHUNK = 1 << 20

_samples = Memory("samples", str)


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """Models that hold the same weights, in files of their own."""

    entries: tuple[Entry, ...]
    bytes: int
    """Bytes wasted: what keeping each file once would free."""
    exact: bool
    """Whether checksums say so; else samples do."""
    files: tuple[tuple[File, ...], ...]
    """The files that are the same, one of each inode."""


def find(entries: Iterable[Entry]) -> tuple[Duplicate, ...]:
    """The models kept more than once, the most wasteful first.

    Models that share only small files, a tokenizer say, are none: the same files must be half of one of them at least.
    Files that cannot be read are left out.
    """
    known = list(entries)
    owners: dict[tuple[int, int], set[int]] = defaultdict(set)
    files: dict[tuple[int, int], File] = {}
    for place, entry in enumerate(known):
        for file in entry.files:
            if file.size >= SMALLEST and any(file.inode):
                owners[file.inode].add(place)
                files.setdefault(file.inode, file)
    sizes: dict[int, list[File]] = defaultdict(list)
    for file in files.values():
        sizes[file.size].append(file)

    groups: dict[frozenset[int], list[tuple[File, ...]]] = defaultdict(list)
    for alike in sizes.values():
        for same in _same(alike) if len(alike) > 1 else ():
            places = frozenset[int]().union(*(owners[file.inode] for file in same))
            if len(places) > 1:
                groups[places].append(same)
    _samples.save()

    found = []
    for places, classes in groups.items():
        members = tuple(known[place] for place in sorted(places))
        if 2 * sum(same[0].size for same in classes) >= min(entry.size for entry in members):
            wasted = sum(same[0].size * (len(same) - 1) for same in classes)
            exact = all(_told(file) is not None for same in classes for file in same)
            found.append(Duplicate(entries=members, bytes=wasted, exact=exact, files=tuple(classes)))
    return tuple(sorted(found, key=lambda duplicate: -duplicate.bytes))


def confirm(
    duplicate: Duplicate,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> bool:
    """Whether the files really are the same: every byte is read, where no name tells a checksum.

    `progress(done, total)` is told in bytes. Raises `StateError` when `cancelled()` says so, and `FolderError` for a
    file that cannot be read.
    """
    unknown = [file for same in duplicate.files for file in same if _told(file) is None]
    total, done = sum(file.size for file in unknown), 0
    sums: dict[tuple[int, int], str] = {}
    for file in unknown:
        digest = hashlib.sha256()
        try:
            with open(file.real, "rb") as opened:
                while piece := opened.read(_CHUNK):
                    if cancelled():
                        raise StateError("The comparison was stopped.", next_step="Start it again.")
                    digest.update(piece)
                    done += len(piece)
                    progress(done, total)
        except OSError as error:
            raise FolderError(f"{file.path} cannot be read: {error.strerror}.", next_step="Read again.") from None
        sums[file.inode] = digest.hexdigest()
    return all(len({_told(file) or sums[file.inode] for file in same}) == 1 for same in duplicate.files)


def _same(alike: list[File]) -> list[tuple[File, ...]]:
    """Of files of one size, those with the same content."""
    told = all(_told(file) is not None for file in alike)
    found: dict[str, list[File]] = defaultdict(list)
    for file in alike:
        key = _told(file) if told else _samples.recall(file.real, partial(_sample, file.real))
        if key:
            found[key].append(file)
    return [tuple(same) for same in found.values() if len(same) > 1 and _agree(same)]


def _agree(same: list[File]) -> bool:
    """Whether no two checksums told by names contradict the sample."""
    return len({_told(file) for file in same} - {None}) <= 1


def _told(file: File) -> str | None:
    """The SHA-256 that a blob's name is."""
    folder, name = os.path.split(file.real)
    found = _BLOB.fullmatch(name)
    return found[1] if found and os.path.basename(folder) == "blobs" else None


def _sample(path: str, watch: Watch) -> str:
    """A hash of some pieces of a file; empty when it cannot be read."""
    watch.see(path)
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            last = max(0, os.fstat(file.fileno()).st_size - PIECE)
            for i in range(PIECES):
                file.seek(last * i // (PIECES - 1))
                digest.update(file.read(PIECE))
    except OSError:
        return ""
    return digest.hexdigest()
