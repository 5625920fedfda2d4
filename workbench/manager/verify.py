"""Whether a model's files are what their names promise: checksums, computed here and remembered. Knows no hub.

HF cache   snapshots/SHA/NAME -> blobs/<sha256>            large files (LFS, Xet)
               snapshots/SHA/NAME -> blobs/<40 hex digits>     small ones: SHA-1 of "blob SIZE", a zero byte, the bytes
Ollama     blobs/sha256-<sha256>
elsewhere  nothing is promised: the header and its extents are checked, and the SHA-256 is kept, so that the
           next look can tell whether the bytes are still the same

<data>/verified.db   verified(model, result)   the last look at each model; void once a file has changed
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from workbench.errors import FolderError, ModelFilesError, StateError
from workbench.manager import formats
from workbench.store import paths

if TYPE_CHECKING:
    from workbench.manager.entries import Entry

PIECE = 4 * 2**20
"""Bytes read between two looks at `cancelled`."""
PROMISES = re.compile(r"(?:sha256-)?([0-9a-f]{64})|([0-9a-f]{40})")
SET_ASIDE = ".damaged"
"""What the name of a damaged blob ends in while its replacement is fetched."""

State: TypeAlias = Literal["ok", "differs", "recorded"]
"""recorded: nothing was promised, so its SHA-256 was only written down."""


class FileCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was when it was read."""

    path: str
    """Where its bytes are: links followed."""
    name: str
    """What the model calls it."""
    size: int
    """In bytes."""
    mtime: int
    """In nanoseconds since 1970."""
    sha256: str | None = None
    """``None`` where git's SHA-1 was promised and computed."""
    state: State


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What came of verifying a model."""

    state: Literal["ok", "differs"]
    at: float
    """When, in seconds since 1970."""
    message: str
    """What was found, for a person; it names the files that differ."""
    files: tuple[FileCheck, ...]

    @property
    def differing(self) -> tuple[FileCheck, ...]:
        """The files whose bytes are not those promised."""
        return tuple(file for file in self.files if file.state == "differs")


def verify(
    entry: Entry, *, progress: Callable[[int, int], None] | None = None, cancelled: Callable[[], bool] | None = None
) -> Verification:
    """Read every byte of a model and compare its checksums; the result is remembered.

    `progress(done, total)` is told in bytes. When `cancelled()` says so nothing is remembered, and `StateError` is
    raised. Raises `FolderError` for a file that cannot be read, `ModelFilesError` for what is not wholly here.
    """
    if not entry.kept and entry.model.path is None:
        raise ModelFilesError(f"{entry.model.name} is not finished.", next_step="Finish the download, or delete it.")
    before = {file.path: file for file in (_recall(entry) or _nothing()).files}
    checked: list[FileCheck] = []
    total, done = sum(file.size for file in entry.files), 0
    for file in entry.files:
        try:
            for step in _check(Path(file.real), Path(file.path).name, before):
                if isinstance(step, FileCheck):
                    checked.append(step)
                    continue
                done += step
                if progress is not None:
                    progress(done, max(total, done))
                if cancelled is not None and cancelled():
                    raise StateError(f"Verifying {entry.model.id} was stopped.", next_step="Nothing was changed.")
        except OSError as error:
            raise FolderError(
                f"{file.path} cannot be read: {error.strerror}.", next_step="Read the library again, then try again."
            ) from None
    result = _result(entry, tuple(checked))
    with _store() as store:
        store.execute("REPLACE INTO verified VALUES (?, ?)", (_key(entry), msgspec.json.encode(result)))
    return result


def remembered(entry: Entry) -> Verification | None:
    """What the last look found; ``None`` if there was none, or a file has changed since."""
    return known([entry]).get(entry.model.id)


def known(entries: list[Entry]) -> dict[str, Verification]:
    """What is remembered of these models, by id; those whose files have changed since are not in it."""
    if not (paths.data_dir() / "verified.db").exists():
        return {}
    with _store() as store:
        kept = dict(store.execute("SELECT model, result FROM verified"))
    found = {}
    for entry in entries:
        text = kept.get(_key(entry))
        if text is None:
            continue
        result = msgspec.json.decode(text, type=Verification)
        if _unchanged(entry, result):
            found[entry.model.id] = result
    return found


def set_aside(result: Verification) -> tuple[Path, ...]:
    """Move the differing blobs of the Hugging Face cache out of the way, so that a download fetches them anew.

    Returns where they are now, for `put_back`. Raises `FolderError`, having moved none,
    when one is not a blob of that cache: nobody could fetch it again.
    """
    blobs = [Path(file.path) for file in result.differing]
    for blob in blobs:
        if blob.parent.name != "blobs" or not blob.parents[1].name.startswith("models--"):
            raise FolderError(
                f"{blob.name} did not come from the hub's cache, so it cannot be fetched again by itself.",
                next_step="Get the file from where it came from, or delete the model.",
            )
    aside = []
    for blob in blobs:
        moved = blob.with_name(blob.name + SET_ASIDE)
        blob.replace(moved)
        aside.append(moved)
    return tuple(aside)


def put_back(aside: tuple[Path, ...]) -> None:
    """Put blobs back that were set aside; where a new one has come, the damaged one is removed."""
    for blob in aside:
        place = blob.with_name(blob.name.removesuffix(SET_ASIDE))
        if place.exists():
            blob.unlink(missing_ok=True)
        elif blob.exists():
            blob.replace(place)


def _check(path: Path, name: str, before: dict[str, FileCheck]) -> Iterator[int | FileCheck]:
    """The bytes of a file as they are read, then what it is."""
    promised = PROMISES.fullmatch(path.name) if path.parent.name == "blobs" else None
    facts = path.stat()
    by_git = promised is not None and promised[1] is None
    digest = hashlib.sha1(b"blob %d\0" % facts.st_size, usedforsecurity=False) if by_git else hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            yield len(piece)
    found = digest.hexdigest()
    state: State = "recorded"
    if promised is not None:
        state = "ok" if found == promised[1 if not by_git else 2] else "differs"
    elif (old := before.get(str(path))) is not None and (old.size, old.mtime) == (facts.st_size, facts.st_mtime_ns):
        # Still the same file by its size and time: then its bytes must be the same too.
        state = "differs" if old.state == "differs" or found != old.sha256 else "ok"
        found = old.sha256 or found
    yield FileCheck(
        path=str(path),
        name=name,
        size=facts.st_size,
        mtime=facts.st_mtime_ns,
        sha256=None if by_git else found,
        state=state,
    )


def _result(entry: Entry, checked: tuple[FileCheck, ...]) -> Verification:
    differing = [file.name for file in checked if file.state == "differs"]
    state: Literal["ok", "differs"] = "ok"
    count = _count(len(checked), "file")
    if differing:
        state = "differs"
        verb = "differs" if len(differing) == 1 else "differ"
        message = f"{_count(len(differing), 'file')} {verb}: {', '.join(differing[:3])}."
    elif all(file.state == "ok" for file in checked):
        message = f"{count} {'matches its' if len(checked) == 1 else 'match their'} checksums."
    else:
        message = "The header and extents are right; no checksum was promised, so it is recorded for the next time."
    if not differing and any(file.state == "recorded" for file in checked) and entry.model.path is not None:
        try:
            formats.check(entry.model.path)
        except ModelFilesError as error:
            state, message = "differs", error.message
    return Verification(state=state, at=time.time(), message=message, files=checked)


def _unchanged(entry: Entry, result: Verification) -> bool:
    """Whether the files are those of the result: the same places, sizes and times."""
    if {file.path for file in result.files} != {str(file.real) for file in entry.files}:
        return False
    try:
        return all(
            (facts.st_size, facts.st_mtime_ns) == (file.size, file.mtime)
            for file in result.files
            for facts in [os.stat(file.path)]
        )
    except OSError:
        return False


def _recall(entry: Entry) -> Verification | None:
    with _store() as store:
        row = store.execute("SELECT result FROM verified WHERE model = ?", (_key(entry),)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Verification)


def _nothing() -> Verification:
    return Verification(state="ok", at=0.0, message="", files=())


def _key(entry: Entry) -> str:
    return f"{entry.source}|{entry.model.id}|{entry.model.path}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


@contextmanager
def _store() -> Iterator[sqlite3.Connection]:
    """The store of results; written at once at the end of the block."""
    with closing(sqlite3.connect(paths.data_dir() / "verified.db", timeout=10)) as store, store:
        store.execute("CREATE TABLE IF NOT EXISTS verified (model TEXT PRIMARY KEY, result BLOB NOT NULL)")
        yield store
