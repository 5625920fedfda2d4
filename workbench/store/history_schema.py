"""The tables of the history, and a connection to them at their newest version. Knows no thread and no session.

    chats      one row a `StoredChat`; `messages` is counted by triggers
    messages   one row a `StoredMessage`, images taken out; `n` is the order in which they came
    pieces     what was appended to a message since its row was written, in order
    images     the bytes of images, once each; shown: which messages show them
    texts      the words of messages (full-text search), by messages.n; titles: those of chats, by chats.n
    state      "erase": something was deleted, and its words may still stand in the index's pages

A column holds a text or number as it is, anything else as JSON; NULL is the field's default.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from workbench.errors import HistoryError

BUSY_SECONDS = 2.0
"""How long one try waits for another kernel that writes."""
MIGRATIONS = (
    (
        """CREATE TABLE chats (
            n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, created REAL NOT NULL,
            updated REAL NOT NULL, model TEXT, pinned INTEGER NOT NULL, tags TEXT, system TEXT, options TEXT,
            head TEXT, parent TEXT, messages INTEGER NOT NULL DEFAULT 0)""",
        "CREATE INDEX chats_in_order ON chats (pinned DESC, updated DESC)",
        """CREATE TABLE messages (
            n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, chat TEXT NOT NULL, parent TEXT,
            role TEXT NOT NULL, created REAL NOT NULL, parts TEXT, model TEXT, status TEXT NOT NULL, finish TEXT,
            error TEXT, options TEXT, applied TEXT, ignored TEXT, usage TEXT, metrics TEXT, notes TEXT,
            edited INTEGER NOT NULL)""",
        "CREATE INDEX messages_of_chat ON messages (chat, n)",
        "CREATE INDEX chat_of_message ON messages (n, chat)",
        "CREATE TABLE pieces (n INTEGER PRIMARY KEY, message INTEGER NOT NULL, reasoning INTEGER NOT NULL, text TEXT)",
        "CREATE INDEX pieces_of_message ON pieces (message, n)",
        "CREATE TABLE images (hash BLOB PRIMARY KEY, data BLOB NOT NULL)",
        "CREATE TABLE shown (message INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (message, hash)) WITHOUT ROWID",
        "CREATE INDEX shown_by_hash ON shown (hash)",
        "CREATE TABLE state (name TEXT PRIMARY KEY, value)",
        "CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = 'unicode61 remove_diacritics 0', prefix = '1 2 3')",
        "CREATE VIRTUAL TABLE titles USING fts5(text, tokenize = 'unicode61 remove_diacritics 0')",
        """CREATE TRIGGER message_came AFTER INSERT ON messages BEGIN
            UPDATE chats SET messages = messages + 1, updated = max(updated, NEW.created) WHERE id = NEW.chat;
        END""",
        """CREATE TRIGGER message_went AFTER DELETE ON messages BEGIN
            UPDATE chats SET messages = messages - 1 WHERE id = OLD.chat;
            DELETE FROM pieces WHERE message = OLD.n;
            DELETE FROM texts WHERE rowid = OLD.n;
            DELETE FROM shown WHERE message = OLD.n;
            INSERT OR REPLACE INTO state VALUES ('erase', 1);
        END""",
        """CREATE TRIGGER image_went AFTER DELETE ON shown BEGIN
            DELETE FROM images WHERE hash = OLD.hash AND NOT EXISTS (SELECT 1 FROM shown WHERE hash = OLD.hash);
        END""",
        """CREATE TRIGGER chat_went AFTER DELETE ON chats BEGIN
            DELETE FROM messages WHERE chat = OLD.id;
            DELETE FROM titles WHERE rowid = OLD.n;
            INSERT OR REPLACE INTO state VALUES ('erase', 1);
        END""",
    ),
)
"""What brings a file from version N to N + 1; SQLite's ``user_version`` counts them."""
VERSION = len(MIGRATIONS)


class Newer(HistoryError):
    """The file was written by a newer version; it may be read, and is not written."""

    default_retryable = False
    default_next_step = "Update the workbench to keep new chats; those kept before can still be read."


class Damaged(Exception):  # it never leaves the store: the file is set aside
    """The file is no history, or not a whole one."""


def writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes; the file is made, or brought to this version.

    Raises `Newer`, `Damaged`, `sqlite3.Error` and `OSError`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        inspect(path)
        fresh = not os.path.exists(path) or not path.stat().st_size
        if not fresh and not os.access(path, os.W_OK):  # SQLite would make its companions read-only too, for good
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(database, fresh)
        except BaseException:
            database.close()
            raise
    return database


def reading(path: Path) -> sqlite3.Connection:
    """A connection that only reads. Raises `FileNotFoundError` when nothing was kept yet, and `sqlite3.Error`."""
    if not os.path.exists(path):
        raise FileNotFoundError(path)
    database = _read_only(path)
    if not _version(database):
        database.close()
        raise FileNotFoundError(path)
    return database


def inspect(path: Path) -> None:
    """Look at a file without changing it. Raises `Newer`, `Damaged` when it is no history, and `sqlite3.Error`."""
    if not os.path.exists(path):
        return
    with closing(_read_only(path)) as database:
        version = _version(database)
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if version > VERSION:
        raise Newer(
            f"The history at {path} was written by a newer version of the workbench: it can be read, and new chats are "
            "not kept."
        )
    if tables if not version else not tables >= {"chats", "messages"}:
        raise Damaged("It holds other tables.")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is at fault, and no other program, disk or permission. The index alone does not count."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code != sqlite3.SQLITE_CORRUPT_VTAB and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def set_aside(path: Path, inode: int) -> Path | None:
    """Rename a damaged file; ``None`` when another kernel has done so already. Raises `OSError`."""
    with _alone(path):
        if inode_of(path) != inode:
            return None
        aside = next(
            free
            for n in range(1, 10**6)
            if not (free := path.with_name(f"{path.stem}.damaged-{n}{path.suffix}")).exists()
        )
        path.rename(aside)
        with contextlib.suppress(FileNotFoundError):  # what it holds may help to mend the other
            Path(f"{path}-wal").rename(f"{aside}-wal")
        Path(f"{path}-shm").unlink(missing_ok=True)
        return aside


def inode_of(path: Path) -> int | None:
    """Which file stands at the path; ``None`` for none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _prepare(database: sqlite3.Connection, fresh: bool) -> None:
    if fresh:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA secure_delete = ON")
    database.execute(f"PRAGMA journal_size_limit = {8 << 20}")
    if _version(database) < VERSION:
        database.execute("BEGIN IMMEDIATE")
        for version in range(_version(database), VERSION):
            for statement in MIGRATIONS[version]:
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    database.execute("SELECT 1 FROM texts LIMIT 1").fetchone()  # some Pythons have no full-text search


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other kernel makes, opens or sets aside the file meanwhile. Raises `OSError`."""
    import filelock

    with filelock.FileLock(path.with_suffix(".lock"), timeout=10):
        yield


def _read_only(path: Path) -> sqlite3.Connection:
    """Without writing, and without locks where nothing can be written: they would be read-only for good."""
    unfolded = os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal")
    if unfolded or os.access(path, os.W_OK):
        try:
            return _opened(path, "mode=ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
    return _opened(path, "immutable=1")


def _opened(path: Path, how: str) -> sqlite3.Connection:
    place = f"file:{quote(str(path))}?{how}"
    database = sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _version(database)
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
