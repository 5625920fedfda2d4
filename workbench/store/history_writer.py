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
from workbench.store.history_schema import Damaged, Newer

COALESCE_SECONDS = 0.35
"""What is appended is written this late at most, all of a message at once."""
PAUSE_SECONDS = 1.0
"""How long to wait before what could not be written is tried again."""

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
        self._erasing = False
        self._database: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._stuck: ErrorInfo | None = None
        self.told: ErrorInfo | None = None
        """What happened to the file before."""

    def put(self, job: Job) -> None:
        """Do this after all that was put before, at once."""
        with self._changed:
            self._appends.clear()
            self._add(job)
            if not self._failing:
                self._wake(0.0)

    def append(self, message: str, text: str, reasoning: str) -> None:
        """Add to the end of a message, soon."""
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
        """Whether all that was put before is on the disk within so many seconds."""
        with self._changed:
            asked = self._asked
            if self._done >= asked and not self._erasing:
                return self._stuck is None
            self._wake(0.0)
            self._changed.wait_for(lambda: self._done >= asked and not self._erasing, timeout)
            return self._done >= asked and not self._erasing and self._stuck is None

    def trouble(self) -> ErrorInfo | None:
        """Why nothing can be written now; before anything was written, what can be seen from outside."""
        if self._stuck is not None or self._database is not None:
            return self._stuck
        place = next(place for place in (self.path, *self.path.parents) if place.exists())
        if not os.access(place, os.W_OK) or not (place == self.path or place.is_dir()):
            return trouble(PermissionError(errno.EACCES, f"{place} is read-only"), self.path)
        try:
            history_schema.refuse_newer(self.path)
        except Newer as newer:
            return newer.info
        except sqlite3.Error:
            return None  # whoever reads or writes finds out
        return None

    def leave(self) -> object:
        """Begin anew in the child of a fork, whose parent does what was waiting; the connection of the parent."""
        inherited = self._database
        self._begin_anew()
        return inherited

    def settle(self, timeout: float) -> None:
        """Wait a moment for what was put, unless it cannot be written now; what was appended may come later."""
        with self._changed:
            asked = self._asked - len(self._appends)
            self._changed.wait_for(lambda: self._done >= asked or self._failing, timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Write all there is and end the thread; whether all was written."""
        written = self.flush(timeout)
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
        """Write a batch, or put it back to the front."""
        left, wait, trouble = batch, PAUSE_SECONDS, None
        try:
            erasing = self._write(batch)
            left, wait = [], 0.0
        except Newer as newer:
            left, erasing, trouble = [], False, newer.info
        except (Damaged, sqlite3.Error, OSError) as error:
            erasing = self._erasing
            self._disconnect()
            trouble = self._mended(error)
            wait = PAUSE_SECONDS if trouble else 0.0
        with self._changed:
            self._stuck, self._failing, self._erasing = trouble, bool(left) and trouble is not None, erasing
            self._jobs[:0] = left
            self._done += len(batch) - len(left)
            if self._jobs or erasing:
                self._wake(wait)
            self._changed.notify_all()

    def _write(self, batch: list[Job]) -> bool:
        """Whether there is something left to erase."""
        database = self._connected()
        database.execute("BEGIN IMMEDIATE")
        try:
            for job in batch:
                self._do(job, database)
            done = history_rows.erase(database, first=bool(batch)) if history_rows.to_erase(database) else None
            database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise
        if done:
            database.execute("PRAGMA incremental_vacuum").fetchall()
            database.execute("PRAGMA wal_checkpoint (TRUNCATE)").fetchall()
        return done is False

    def _do(self, job: Job, database: sqlite3.Connection) -> None:
        """One piece of work, alone: one that cannot be done harms no other."""
        database.execute("SAVEPOINT job")
        try:
            job(database)
        except Exception as error:
            if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
                raise  # the file is at fault, or the disk
            logging.getLogger(__name__).exception("Something could not be put into the history.")
            database.execute("ROLLBACK TO job")
        database.execute("RELEASE job")

    def _connected(self) -> sqlite3.Connection:
        """The connection, a new one when the file at the path is not the one it was opened on."""
        if self._database is not None and self._inode == history_schema.inode_of(self.path):
            return self._database
        self._disconnect()
        self._inode = history_schema.inode_of(self.path)
        self._database = history_schema.writing(self.path)
        self._inode = history_schema.inode_of(self.path)
        self._database.execute("BEGIN IMMEDIATE")
        history_rows.fold(self._database)
        self._database.execute("COMMIT")
        return self._database

    def _disconnect(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with contextlib.suppress(sqlite3.Error):
                database.close()

    def _mended(self, error: Exception) -> ErrorInfo | None:
        """What stands in the way, as data; ``None`` when it could be put right and is to be tried again."""
        code = getattr(error, "sqlite_errorcode", None) or 0
        if code == sqlite3.SQLITE_CORRUPT_VTAB:
            with self._changed:
                self._jobs[:0] = [history_rows.rebuild]
                self._asked += 1
            return None
        if isinstance(error, Damaged) or (isinstance(error, sqlite3.Error) and history_schema.is_damage(error)):
            return self.set_aside(self._inode)
        return trouble(error, self.path)

    def set_aside(self, inode: int | None) -> ErrorInfo | None:
        """Put a damaged file out of the way; why that cannot be done, or ``None``."""
        try:
            aside = history_schema.set_aside(self.path, inode) if inode is not None else None
        except OSError as error:
            return trouble(error, self.path)
        if aside is not None:
            self.told = HistoryError(
                f"The history of chats was damaged, and a new one was begun. The old one is {aside}.",
                next_step=f'Keep it: "sqlite3 {aside.name} .recover" can often bring its chats back.',
            ).info
        return None


def trouble(error: Exception, path: Path) -> ErrorInfo:
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
