"""The file that holds a comparison: what has finished survives a killed kernel. Knows no run and no model.

    DATA/comparisons/NAME.jsonl    a head, then what happened, a line each; the last word on a thing counts
    DATA/comparisons/NAME.lock     held by the process that writes it

    {"kind": "head", "version": 1, ...}
    {"kind": "row_line", "row": {...}}            {"kind": "dropped", "id": ...}
    {"kind": "column_line", "column": {...}}
    {"kind": "cell_line", "cell": {...}}          {"kind": "marks", "key": [...], "scores": {...}, "rating": 3}
    {"kind": "vote_line", "vote": {...}}          {"kind": "choices", "choices": [0, "tie", ...]}

Lines are only ever added. One that a kill cut in half is ignored, and so is one that cannot be read. The texts of
finished cells stay here and are read when they are asked for: memory holds where each begins.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from workbench.errors import FolderError, UsageError
from workbench.events import snake
from workbench.sessions.comparing.journal import Journal, mend
from workbench.sessions.comparing.kept import clean, folder, locked, path_of
from workbench.sessions.comparing.values import Cell, CellKey, CellStatus, Column, Row, Score
from workbench.sessions.comparing.vote import Choice, Vote
from workbench.store.encoding import encoded

VERSION = 1
"""Of the format; another one is not read."""


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=snake):
    pass


class Head(_Line, frozen=True, kw_only=True):
    """The first line; another one later takes its place."""

    version: int = VERSION
    id: str
    name: str | None
    workbench: str
    """Version of the package that began it."""
    created: float
    """In seconds since 1970."""
    samples: int = 1


class RowLine(_Line, frozen=True, kw_only=True):
    """A row is there."""

    row: Row


class ColumnLine(_Line, frozen=True, kw_only=True):
    """A column is there."""

    column: Column


class Dropped(_Line, frozen=True, kw_only=True):
    """A row or column is there no longer; its cells are kept in case it comes back."""

    id: str


class CellLine(_Line, frozen=True, kw_only=True):
    """A cell has ended."""

    cell: Cell


class Marks(_Line, frozen=True, kw_only=True):
    """What was thought of a cell since it ended; all of it, anew."""

    key: CellKey
    scores: dict[str, Score] = {}
    score_errors: dict[str, str] = {}
    rating: int | None = None


class VoteLine(_Line, frozen=True, kw_only=True):
    """A blind vote began; it takes the place of the one before."""

    vote: Vote


class Choices(_Line, frozen=True, kw_only=True):
    """What was chosen in the vote so far; all of it, anew."""

    choices: tuple[Choice, ...]


Line: TypeAlias = Head | RowLine | ColumnLine | Dropped | CellLine | Marks | VoteLine | Choices


class _Place(NamedTuple):
    """Where a line is, in bytes, or the line itself."""

    offset: int
    length: int
    unwritten: bytes = b""


class Record:
    """One comparison's file, open. `begin` makes one, `take_up` goes on with one, `read` looks at a saved one.

    Safe to use from several threads.
    """

    def __init__(self, path: Path, head: Head, *, borrowed: bool = False, lock: Any = None) -> None:
        self.head = head
        self.rows: dict[str, Row] = {}
        self.columns: dict[str, Column] = {}
        self.unreadable = 0
        """Lines that could not be read."""
        self.frozen = False
        """Whether nothing is written any more: what is added is only remembered."""
        self.scorers: dict[str, None] = {}
        """Names of those that scored a cell."""
        self.vote: Vote | None = None
        """The blind vote as far as it has gone."""
        self._places: dict[CellKey, _Place] = {}
        self._statuses: dict[CellKey, CellStatus] = {}
        self._marks: dict[CellKey, Marks] = {}
        self._unwritten: list[Line] = []
        """What could not be written, and waits to be."""
        self._guard = threading.Lock()
        self._file_lock = lock
        self._journal = Journal(path, borrowed=borrowed)

    def __repr__(self) -> str:
        return f"Record({self.path.name!r}, cells={len(self._places)})"

    @property
    def path(self) -> Path:
        """The file."""
        return self._journal.path

    # What is in it

    def status(self, key: CellKey) -> CellStatus | None:
        """How a cell ended; ``None`` when it has not."""
        return self._statuses.get(key)

    def cell(self, key: CellKey) -> Cell | None:
        """A cell that has ended, with what was thought of it since; ``None`` when it has not ended."""
        with self._guard:
            place = self._places.get(key)
            if place is None:
                return None
            data = place.unwritten or self._journal.read(place.offset, place.length)
        cell = msgspec.json.decode(data, type=CellLine).cell
        marks = self.marks(key)
        return msgspec.structs.replace(cell, scores=marks.scores, score_errors=marks.score_errors, rating=marks.rating)

    def marks(self, key: CellKey) -> Marks:
        """What was thought of a cell."""
        return self._marks.get(key) or Marks(key=key)

    def show(self, rows: Iterable[Row], columns: Iterable[Column], samples: int) -> None:
        """Have this grid instead of its own; nothing is written."""
        self.rows = {row.id: row for row in rows}
        self.columns = {column.id: column for column in columns}
        self.head = msgspec.structs.replace(self.head, samples=samples)

    # What is added

    def add(self, *lines: Line) -> None:
        """Write lines; they are with the system, though maybe not on the disk, when this returns.

        Raises `FolderError` when they cannot be written; then nothing has changed.
        """
        with self._guard:
            self._add(lines)

    def keep(self, *lines: Line) -> None:
        """As `add`, for what must not be lost: what cannot be written is held, and written with what comes next."""
        with self._guard:
            try:
                self._add(lines)
            except FolderError:
                self._unwritten += lines
                for line in lines:
                    self._learn(line, _Place(0, 0, encoded(line)))
                raise

    def _add(self, lines: Iterable[Line]) -> None:
        if self.frozen:
            for line in lines:
                if not isinstance(line, CellLine):
                    self._learn(line, _Place(0, 0))
            return
        wanted = [*self._unwritten, *lines]
        if not wanted:
            return
        written = [encoded(line) + b"\n" for line in wanted]
        try:
            if self._journal.borrowed:  # go on in a copy: what was saved stays as it was saved
                self._journal.move(folder() / f"{self.head.id}-{int(time.time() * 1000):x}.jsonl")
            offset = self._journal.append(b"".join(written))
        except OSError as error:
            raise FolderError(
                f"The comparison could not be written to {self.path}: {error.strerror or error}.",
                next_step="Make room or allow it there; what has ended until then is only in memory.",
            ) from None
        self._unwritten.clear()
        for line, data in zip(wanted, written, strict=True):
            self._learn(line, _Place(offset, len(data)))
            offset += len(data)

    def save(self, path: str | Path, keys: Iterable[CellKey]) -> Path:
        """Write what it holds of these cells to a file of its own, each thing once.

        Raises `FolderError`, and `UsageError` for the file it is kept in.
        """
        file = Path(path).expanduser()
        if not self._journal.borrowed and file.resolve() == self.path.resolve():
            raise UsageError(f"{file} is the file it is kept in.", next_step="Save it to another one.")
        draft = file.with_name(f"{file.name}.{os.getpid()}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as out:
                for line in self._lines(keys):
                    out.write(encoded(line) + b"\n")
            draft.replace(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise FolderError(f"The comparison could not be saved to {file}: {error.strerror or error}.") from None
        return file

    def _lines(self, keys: Iterable[CellKey]) -> Iterator[Line]:
        yield self.head
        for row in self.rows.values():
            yield RowLine(row=row)
        for column in self.columns.values():
            yield ColumnLine(column=column)
        for key in keys:
            cell = self.cell(key)
            if cell is not None:
                yield CellLine(cell=cell)
        if self.vote is not None:
            yield VoteLine(vote=self.vote)

    def close(self) -> None:
        """Let go of the file; it can still be read."""
        with self._guard:
            with contextlib.suppress(FolderError):  # that has been said
                self._add(())
            self.frozen = True
            if self._file_lock is not None:
                self._file_lock.release()
                self._file_lock = None

    # Opening

    @classmethod
    def begin(cls, head: Head) -> Record:
        """A new file. Raises `StateError` when another process writes one of that name, and `FolderError`.

        With one that has no name old ones of that kind go (`clean`).
        """
        path = path_of(head.name or head.id)
        lock = locked(path)
        try:
            path.write_bytes(b"")
            record = cls(path, head, lock=lock)
            record.add(head)
        except OSError as error:
            lock.release()
            raise FolderError(f"{path} cannot be written: {error.strerror or error}.") from None
        except FolderError:
            lock.release()
            raise
        if head.name is None:
            clean()
        return record

    @classmethod
    def take_up(cls, name: str) -> Record | None:
        """The file of that name, to go on with; ``None`` when there is none yet. Raises as `begin` and `read`."""
        path = path_of(name)
        lock = locked(path)
        try:
            if path.exists():
                mend(path)
            if path.exists() and path.stat().st_size:
                return cls._opened(path, borrowed=False, lock=lock)
        except OSError as error:
            lock.release()
            raise FolderError(f"{path} cannot be written: {error.strerror or error}.") from None
        except BaseException:
            lock.release()
            raise
        lock.release()
        return None

    @classmethod
    def read(cls, path: str | Path) -> Record:
        """A file as it is; it is never written, changes go to a copy in the data folder.

        Raises `FolderError`, and `UsageError` for a file that is no comparison, or one of another version.
        """
        return cls._opened(Path(path).expanduser(), borrowed=True)

    @classmethod
    def _opened(cls, path: Path, *, borrowed: bool, lock: Any = None) -> Record:
        try:
            with path.open("rb") as file:
                first = file.readline()
                record = cls(path, _head(first, path), borrowed=borrowed, lock=lock)
                offset = len(first)
                for data in file:
                    record._take(data, offset)
                    offset += len(data)
        except OSError as error:
            why = error.strerror or error
            raise FolderError(f"{path} cannot be read: {why}.", next_step="Check the path.") from None
        return record

    def _take(self, data: bytes, offset: int) -> None:
        if not data.endswith(b"\n"):
            return  # a kill cut it: it never happened
        try:
            line = _lines.decode(data)
        except msgspec.DecodeError:
            self.unreadable += 1
        else:
            self._learn(line, _Place(offset, len(data)))

    def _learn(self, line: Line, place: _Place) -> None:
        match line:
            case Head():
                self.head = line
            case RowLine():
                self.rows[line.row.id] = line.row
            case ColumnLine():
                self.columns[line.column.id] = line.column
            case Dropped():
                self.rows.pop(line.id, None)
                self.columns.pop(line.id, None)
            case CellLine():
                cell = line.cell
                self._places[cell.key] = place
                self._statuses[cell.key] = cell.status
                self._marks.pop(cell.key, None)
                if cell.scores or cell.score_errors or cell.rating is not None:
                    marks = Marks(key=cell.key, scores=cell.scores, score_errors=cell.score_errors, rating=cell.rating)
                    self._learn(marks, place)
            case Marks():
                self._marks[line.key] = line
                self.scorers |= dict.fromkeys([*line.scores, *line.score_errors])
            case VoteLine():
                self.vote = line.vote
            case Choices():
                if self.vote is not None:
                    self.vote = msgspec.structs.replace(self.vote, choices=line.choices)


_lines: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def _head(data: bytes, path: Path) -> Head:
    """The first line. Raises `UsageError` on a file that is none of ours, or of another version."""
    try:
        found = msgspec.json.decode(data)
        version = int(found["version"]) if found["kind"] == "head" else None
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        version = None
    if version is None:
        raise UsageError(f"{path} is no saved comparison.", next_step="Give a file that `Comparison.save` wrote.")
    if version != VERSION:
        age, step = ("a newer", "Update: pip install -U notebook-workbench") if version > VERSION else ("an older", "")
        raise UsageError(
            f"{path} was saved by {age} workbench (its format is {version}, this one reads {VERSION}).",
            next_step=step or "Open it with the workbench that wrote it, and use its to_frame().",
        )
    try:
        return msgspec.json.decode(data, type=Head)
    except msgspec.DecodeError:
        raise UsageError(f"The first line of {path} is damaged.", next_step="Start the comparison anew.") from None
