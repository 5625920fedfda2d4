"""The one thread that writes the history of this process, and what waits for it. Knows no chat and no message.

Work that cannot be written now (another program holds the file, the disk is full, nothing may be written there) waits
in memory and is tried again; `problem` says why. Nothing here raises into the caller.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from workbench.errors import ErrorInfo, HistoryError
from workbench.store import history_rows, history_schema
from workbench.store.history_schema import Damaged, Newer, is_damage

COALESCE_SECONDS = 0.35
"""What is appended is written this late at most, all of a message at once."""
PAUSE_SECONDS = 1.0
"""How long to wait before what could not be written is tried again."""

ERASE_SECONDS = 2.0
"""How long after the last deletion its words are taken out of the index: a few deletions cost as much as one."""
_OF_ONE_JOB = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_MISUSE,
}
"""Errors that lie in what is to be written; all others lie in the file, the disk or another program."""

_left_open: list[sqlite3.Connection] = []
"""Connections to files that were taken away. To close one would remove the log that its successor at that path uses."""

Job: TypeAlias = Callable[[sqlite3.Connection], None]


class _Append:
    """What was appended to one message and is not written yet."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.pieces: list[tuple[bool, list[str]]] = []

    def add(self, reasoning: bool, text: str) -> None:
        if not self.pieces or self.pieces[-1][0] != reasoning:
            self.pieces.append((reasoning, []))
        self.pieces[-1][1].append(text)

    def __call__(self, database: sqlite3.Connection) -> None:
        texts = [(reasoning, "".join(texts).encode("utf-8", "replace").decode()) for reasoning, texts in self.pieces]
        history_rows.append(database, self.message, texts)


class Writer:
    """A queue of work on one file, and the thread that does it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forked = False
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._changed = threading.Condition()
        self._jobs: list[Job] = []
        self._appends: dict[str, _Append] = {}
        self._asked = self._done = 0
        self._due: float | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        self._failing = False
        self._erasing = self._afresh = False
        self._erase_at = 0.0
        self._flushing = 0
        self._database: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._stuck: ErrorInfo | None = None
        self.told: ErrorInfo | None = None
        """What happened to the file before."""

    def put(self, job: Job) -> None:
        """Do this after all that was put before, at once."""
        if self._forked:
            return
        with self._changed:
            self._appends.clear()
            self._add(job)
            if not self._failing:
                self._wake(0.0)

    def append(self, message: str, text: str, reasoning: str) -> None:
        """Add to the end of a message, soon."""
        if self._forked:
            return
        with self._changed:
            waiting = self._appends.get(message)
            if waiting is None:
                waiting = self._appends[message] = _Append(message)
                self._add(waiting)
                if not self._failing:
                    self._wake(COALESCE_SECONDS)
            if reasoning:
                waiting.add(True, reasoning)
            if text:
                waiting.add(False, text)

    def flush(self, timeout: float) -> bool:
        """Whether all that was put before is on the disk within so many seconds, and what was deleted is not."""
        with self._changed:
            asked = self._asked
            if self._done < asked or self._erasing:
                self._wake(0.0)
            self._flushing += 1
            done = self._changed.wait_for(lambda: self._done >= asked and not self._erasing, timeout)
            self._flushing -= 1
            return done and self._stuck is None

    @property
    def connected(self) -> bool:
        """Whether it has the file open."""
        return self._database is not None

    def trouble(self) -> ErrorInfo | None:
        """Why nothing can be written now; before anything was written, what can be seen from outside."""
        if self._stuck is not None or self._database is not None:
            return self._stuck
        place = next(place for place in (self.path, *self.path.parents) if place.exists())
        if not os.access(place, os.W_OK) or not (place == self.path or place.is_dir()):
            return in_words(PermissionError(errno.EACCES, f"{place} is read-only"), self.path)
        try:
            history_schema.inspect(self.path)
        except Newer as newer:
            return newer.info
        except (Damaged, sqlite3.Error):
            return None  # whoever reads or writes finds out
        return None

    def fork(self, opened: bool) -> object:
        """In the child of a fork: nothing waits, and nothing is written to a file that its parent has opened.

        Returns the connection of the parent. SQLite's locks do not follow a fork: were the child to write, the parent
        could take the file from under it.
        """
        inherited = self._database
        self._begin_anew()
        if not opened:
            return inherited
        self._forked = True
        self._stuck = HistoryError(
            "This process was forked from one that keeps the history of chats; its own chats are not kept.",
            next_step='Start it with multiprocessing\'s "spawn" to keep them.',
        ).info
        return inherited

    def settle(self, timeout: float) -> None:
        """Wait a moment for what was put, unless it cannot be written now; what was appended may come later."""
        with self._changed:
            asked = self._asked - len(self._appends)
            self._changed.wait_for(lambda: self._done >= asked or self._failing, timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Write all there is and end the thread; whether all was written."""
        written = self.flush(min(timeout, 0.5) if self._failing else timeout)
        with self._changed:
            thread, self._closing = self._thread, True
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout)
        return written

    def _add(self, job: Job) -> None:
        self._jobs.append(job)
        self._asked += 1
        if self._thread is None or not self._thread.is_alive():
            self._closing = False
            self._thread = threading.Thread(target=self._run, name="workbench history", daemon=True)
            self._thread.start()

    def _wake(self, seconds: float) -> None:
        due = time.monotonic() + seconds
        if self._due is None or due < self._due:
            self._due = due
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closing and (self._due is None or self._due > time.monotonic()):
                    self._changed.wait(None if self._due is None else max(0.0, self._due - time.monotonic()))
                if self._closing:
                    break
                batch, self._jobs, self._due = self._jobs, [], None
                self._appends.clear()
            self._attempt(batch)
        self._disconnect()

    def _attempt(self, batch: list[Job]) -> None:
        """Write a batch, or put it back to the front; with nothing to write go on erasing."""
        left: list[Job] = []
        stuck, pause, to_erase = None, 0.0, False
        try:
            to_erase = self._write(batch)
        except Newer as newer:
            stuck = newer.info
        except Exception as error:
            self._disconnect()
            stuck, left = self._hindrance(error, batch)
            pause, to_erase = PAUSE_SECONDS, self._erasing
        with self._changed:
            if to_erase and not self._erasing:
                self._erase_at = time.monotonic() + ERASE_SECONDS
            if self._flushing:
                self._erase_at = 0.0
            recovered = self._failing and not left
            self._stuck, self._failing, self._erasing = stuck, bool(left), to_erase
            self._done += len(batch) - len(left)
            self._jobs[:0] = left
            if left:
                self._wake(pause)
            elif recovered and self._jobs:
                self._wake(0.0)
            elif to_erase:
                self._wake(max(pause, self._erase_at - time.monotonic()))
            self._changed.notify_all()

    def _write(self, batch: list[Job]) -> bool:
        """Do a batch, or one step of erasing when it is empty; whether something is left to erase."""
        database = self._connected()
        database.execute("BEGIN IMMEDIATE")
        try:
            for job in batch:
                self._do(job, database)
            to_erase = history_rows.to_erase(database)
            erased = to_erase and not batch and history_rows.erase(database, first=self._afresh)
            self._afresh = bool(batch)
            database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise
        if erased:
            database.executescript("PRAGMA incremental_vacuum")  # one row a page: `execute` would free one
            database.execute("PRAGMA wal_checkpoint (TRUNCATE)").fetchall()
        return to_erase and not erased

    def _do(self, job: Job, database: sqlite3.Connection) -> None:
        """One piece of work, alone: one that cannot be done harms no other."""
        database.execute("SAVEPOINT job")
        try:
            job(database)
        except Exception as error:
            code = getattr(error, "sqlite_errorcode", None)
            if isinstance(error, sqlite3.Error) and code is not None and code & 0xFF not in _OF_ONE_JOB:
                raise
            logging.getLogger(__name__).exception("Something could not be put into the history.")
            database.execute("ROLLBACK TO job")
        database.execute("RELEASE job")

    def _connected(self) -> sqlite3.Connection:
        """The connection, a new one when the file at the path is not the one it was opened on."""
        if self._database is not None and self._inode == history_schema.inode_of(self.path):
            return self._database
        if self._database is not None:
            _left_open.append(self._database)
        self._inode = history_schema.inode_of(self.path)
        self._database = history_schema.writing(self.path)
        self._inode = history_schema.inode_of(self.path)
        self._database.execute("BEGIN IMMEDIATE")
        self._do(history_rows.fold, self._database)
        self._database.execute("COMMIT")
        return self._database

    def _disconnect(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with contextlib.suppress(sqlite3.Error):
                database.close()

    def _hindrance(self, error: Exception, batch: list[Job]) -> tuple[ErrorInfo | None, list[Job]]:
        """What stands in the way, ``None`` when it was put right; and what is to be done next."""
        index = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT_VTAB
        if index and history_rows.rebuild not in batch:
            return None, [history_rows.rebuild, *batch]
        if index or isinstance(error, Damaged) or (isinstance(error, sqlite3.Error) and is_damage(error)):
            return self.set_aside(self._inode), batch
        return in_words(error, self.path), batch

    def set_aside(self, inode: int | None) -> ErrorInfo | None:
        """Put a damaged file out of the way; why that cannot be done, or ``None``."""
        try:
            aside = history_schema.set_aside(self.path, inode) if inode is not None else None
        except OSError as error:
            return in_words(error, self.path)
        if aside is not None:
            self.told = HistoryError(
                f"The history of chats was damaged, and a new one was begun. The old one is {aside}.",
                next_step=f'Keep it: "sqlite3 {aside.name} .recover" can often bring its chats back.',
            ).info
        return None


def in_words(error: Exception, path: Path) -> ErrorInfo:
    """Why the history cannot be written now, in words."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    waits = "What is said meanwhile waits in memory."
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        said = f"Another program keeps the history of chats locked. {waits}"
        step = f"It is written as soon as that program is done. If this stays, close what has {path} open."
    elif code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) == errno.ENOSPC:
        said = f"The disk is full: new chats are not on the disk. {waits}"
        step = "Make room; then it is written by itself."
    else:
        words = getattr(error, "strerror", None) or str(error)
        said = f"The history at {path} cannot be written: {words[:1].lower()}{words[1:]}. {waits}"
        step = "Allow writing there, or set WORKBENCH_HOME to another folder."
    return HistoryError(said, next_step=step).info
