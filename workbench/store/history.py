"""The chats there were: kept as they happen, found again by their words. Knows no session and no model.

DATA/history.sqlite3             see `workbench.store.history_schema`; several kernels write it at once (WAL)
DATA/history.damaged-N.sqlite3   one that could not be read, set aside

history.py           this: what is asked of it
history_values.py    what it keeps
history_rows.py      values as rows, changes as statements
history_writer.py    the thread that writes, and what waits for it
history_schema.py    the tables, and a connection at their newest version
history_text.py      words of a search
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from workbench.errors import ChatNotFoundError, ErrorInfo, HistoryError
from workbench.store import history_rows, history_schema, history_text, paths
from workbench.store.history_values import Hit, StoredChat, StoredMessage
from workbench.store.history_writer import Writer

__all__ = ["History", "Hit", "StoredChat", "StoredMessage", "default"]

CANDIDATES = 1000
"""A search with as many hits or more is not ranked: the newest come first."""
SETTLE_SECONDS = 0.5
"""How long reading waits for what this process has just put."""
_PLACES = ("WORKBENCH_HOME", "HOME", "XDG_DATA_HOME")
"""The variables that move the file."""
_IDLE_MOST = 4
"""Connections kept open for the next reader."""

T = TypeVar("T")


class History:
    """One file of chats. Safe to call from several threads; what writes returns at once and never raises.

    history = default()
    history.put_chat(StoredChat(id="a", created=now, updated=now))
    history.put_message(StoredMessage(id="m", chat="a", parent=None, role="user", created=now, parts=(Text("Hi"),)))
    history.append("m2", text="Hel")    # on the disk within half a second
    history.search("hel")
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = Writer(path)
        self._begin_anew()
        _all.add(self)

    def __repr__(self) -> str:
        return f"History({str(self.path)!r})"

    # Writing

    def put_chat(self, chat: StoredChat) -> None:
        """Insert a chat, or replace what is known of it; its messages stay."""
        self._writer.put(partial(history_rows.put_chat, chat=chat))

    def change_chat(self, chat: str, **fields: Any) -> None:
        """Set fields of a chat that is kept, whatever other kernels changed meanwhile."""
        self._writer.put(partial(history_rows.change_chat, chat=chat, fields=fields))

    def put_message(self, message: StoredMessage) -> None:
        """Insert or replace a message of a chat that is kept; what was appended before is replaced as well."""
        self._writer.put(partial(history_rows.put_message, message=message))

    def append(self, message: str, text: str = "", reasoning: str = "") -> None:
        """Add to the end of a message, on the disk within half a second; of both the reasoning comes first."""
        self._writer.append(message, text, reasoning)

    def delete_messages(self, chat: str, messages: Sequence[str]) -> None:
        """Delete messages of a chat, their words too."""
        self._writer.put(partial(history_rows.delete_messages, chat=chat, messages=tuple(messages)))

    def delete_chat(self, chat: str) -> None:
        """Delete a chat and its messages: nothing of their text is left in the file."""
        self._writer.put(partial(history_rows.delete_chat, chat=chat))

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was written before is on the disk; whether it is, after so many seconds."""
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Write what waits and give the file back; the next call opens it again."""
        self._writer.close()
        with self._lock:
            self._drop_idle()

    # Reading: each raises `HistoryError` when the file cannot be read

    def chats(self, words: str = "", *, tag: str | None = None, limit: int = 100, offset: int = 0) -> list[StoredChat]:
        """The chats, pinned ones first, then the newest; with words those that hold all of them in one message or in
        their title.
        """
        asked = history_text.words_of(words)
        if words.strip() and not asked:
            return []
        match = history_text.match_of(asked)
        rows = self._read(partial(_listed, match=match, tag=tag, limit=limit, offset=offset))
        return [history_rows.value_of(StoredChat, row) for row in rows or ()]

    def search(self, words: str, *, chat: str | None = None, limit: int = 50) -> list[Hit]:
        """The messages that hold all these words, best first and the newest of equals; of very many the newest first.

        See `CANDIDATES`. A phrase stands in quotation marks; the last word may be unfinished.
        """
        asked = history_text.words_of(words)
        if not asked:
            return []
        rows = self._read(partial(_found, match=history_text.match_of(asked), chat=chat, limit=limit))
        pattern = history_text.pattern_of(asked)
        return [_hit(row, pattern) for row in rows or ()]

    def load(self, chat: str) -> tuple[StoredChat, list[StoredMessage]]:
        """A chat and all its messages, in the order in which they came. Raises `ChatNotFoundError`."""
        found = self._read(partial(_loaded, chat=chat))
        if found is None:
            raise ChatNotFoundError(f"There is no chat {chat!r} in the history.")
        return found

    def exists(self, chat: str) -> bool:
        """Whether a chat is kept."""
        query = "SELECT 1 FROM chats WHERE id = ?"
        return bool(self._read(lambda database: database.execute(query, (chat,)).fetchone()))

    def tags(self) -> list[tuple[str, int]]:
        """The tags there are with how many chats have each, the commonest first."""
        query = "SELECT value, count(*) FROM chats, json_each(chats.tags) GROUP BY value ORDER BY 2 DESC, 1"
        return self._read(lambda database: database.execute(query).fetchall()) or []

    def stamp(self) -> object:
        """Another value than before whenever any kernel wrote. Never raises."""
        return tuple((facts.st_ino, facts.st_size, facts.st_mtime_ns) for facts in self._files())

    def size(self) -> int:
        """Bytes on the disk. Never raises."""
        return sum(facts.st_size for facts in self._files())

    @property
    def problem(self) -> ErrorInfo | None:
        """What a person should know: why nothing can be kept now, or what became of a damaged file."""
        return self._writer.trouble() or self._writer.told

    @property
    def writable(self) -> bool:
        """Whether chats are being kept, as far as is known."""
        return self._writer.trouble() is None

    # Connections that read

    def after_fork(self) -> None:
        """Read with connections of its own in the child of a fork: those there are must not be used, nor closed."""
        opened = self._kind is not None or self._writer.connected
        _inherited.extend((*self._idle, self._writer.fork(opened)))
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._kind: tuple[int | None, bool] | None = None
        self._looked = False

    def _files(self) -> Iterator[os.stat_result]:
        for place in (self.path, f"{self.path}-wal"):
            with contextlib.suppress(OSError):
                yield os.stat(place)

    def _read(self, action: Callable[[sqlite3.Connection], T]) -> T | None:
        """What the action finds in one state of the file; ``None`` while there is no file."""
        self._writer.settle(SETTLE_SECONDS)
        inode = history_schema.inode_of(self.path)
        try:
            with self._reader(inode) as database:
                return action(database)
        except FileNotFoundError:
            return None
        except sqlite3.Error as error:
            if history_schema.is_damage(error):
                why = self._writer.set_aside(inode)
                if why is None:
                    return None
                raise why.to_error() from error
            if error.sqlite_errorcode == sqlite3.SQLITE_CORRUPT_VTAB:
                self._writer.put(history_rows.rebuild)
            raise HistoryError(
                f"The history at {self.path} cannot be read: {error}.", next_step="Try again in a moment."
            ) from error

    @contextlib.contextmanager
    def _reader(self, inode: int | None) -> Iterator[sqlite3.Connection]:
        kind = inode, os.access(self.path, os.W_OK)
        with self._lock:
            if kind != self._kind:
                self._drop_idle()
                self._kind = kind
            database = self._idle.pop() if self._idle else None
        if database is None:
            database = history_schema.reading(self.path)
        try:
            database.execute("BEGIN")
            yield database
            self._look(database)
            database.execute("COMMIT")
        except BaseException:
            database.close()
            raise
        with self._lock:
            if kind == self._kind and len(self._idle) < _IDLE_MOST:
                self._idle.append(database)
                return
        database.close()

    def _look(self, database: sqlite3.Connection) -> None:
        """Once, have the writer do what a killed kernel left undone."""
        if not self._looked:
            self._looked = True
            if database.execute("SELECT 1 FROM pieces UNION ALL SELECT 1 FROM state LIMIT 1").fetchone():
                self._writer.put(_nothing)

    def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for database in idle:
            database.close()


def default() -> History:
    """The history of this person, the same for the whole process; cheap, and nothing is made by asking."""
    place = tuple(map(os.environ.get, _PLACES))
    with _defaults_lock:
        known = _defaults.get(place)
        if known is None:
            known = _defaults[place] = History(paths.data_place() / "history.sqlite3")
        return known


def _listed(
    database: sqlite3.Connection, match: str, tag: str | None, limit: int, offset: int
) -> list[tuple[Any, ...]]:
    found = """(chats.n IN (SELECT rowid FROM titles WHERE titles MATCH :match) OR chats.id IN (SELECT chat
        FROM texts CROSS JOIN messages INDEXED BY chat_of_message ON messages.n = texts.rowid
        WHERE texts MATCH :match))"""
    tagged = "EXISTS (SELECT 1 FROM json_each(chats.tags) WHERE value = :tag)"
    where = " AND ".join(["TRUE", *([found] if match else []), *([tagged] if tag is not None else [])])
    query = f"""SELECT {history_rows.CHAT_COLUMNS} FROM chats WHERE {where}
        ORDER BY pinned DESC, updated DESC, n DESC LIMIT :limit OFFSET :offset"""
    return database.execute(query, {"match": match, "tag": tag, "limit": limit, "offset": offset}).fetchall()


def _found(database: sqlite3.Connection, match: str, chat: str | None, limit: int) -> list[tuple[Any, ...]]:
    """Rows of chat, title, message, role, time and parts, for `_hit`."""
    inside = "" if chat is None else "AND rowid IN (SELECT n FROM messages WHERE chat = :chat)"
    query = f"SELECT rowid FROM texts WHERE texts MATCH :match {inside} ORDER BY {{}}rowid DESC LIMIT :most"
    asked = {"match": match, "chat": chat}
    # To rank words that stand nearly everywhere takes long, and tells nothing.
    found = database.execute(query.format(""), {**asked, "most": max(limit, CANDIDATES)}).fetchall()
    if len(found) < CANDIDATES:
        found = database.execute(query.format("rank, "), {**asked, "most": limit}).fetchall()
    query = """SELECT chats.id, chats.title, messages.id, messages.role, messages.created, messages.parts
        FROM messages JOIN chats ON chats.id = messages.chat WHERE messages.n = ?"""
    return [database.execute(query, n).fetchone() for n in found[:limit]]


def _hit(row: tuple[Any, ...], pattern: re.Pattern[str]) -> Hit:
    chat, title, message, role, at, raw = row
    text = history_text.said(history_rows.parts_of(raw))
    return Hit(chat=chat, title=title, message=message, role=role, at=at, snippet=history_text.snippet(text, pattern))


def _loaded(database: sqlite3.Connection, chat: str) -> tuple[StoredChat, list[StoredMessage]] | None:
    query = f"SELECT {history_rows.CHAT_COLUMNS} FROM chats WHERE id = ?"
    row = database.execute(query, (chat,)).fetchone()
    if row is None:
        return None
    query = f"SELECT {history_rows.MESSAGE_COLUMNS} FROM messages WHERE chat = ? ORDER BY n"
    messages = [history_rows.value_of(StoredMessage, row) for row in database.execute(query, (chat,))]
    query = """SELECT messages.id, reasoning, text FROM pieces JOIN messages ON messages.n = pieces.message
        WHERE messages.chat = ? ORDER BY pieces.n"""
    pieces: dict[str, list[tuple[bool, str]]] = {}
    for message, reasoning, text in database.execute(query, (chat,)):
        pieces.setdefault(message, []).append((bool(reasoning), text))
    found = []
    for message in messages:
        parts = history_rows.with_images(message.parts, database)
        parts = history_rows.with_pieces(parts, pieces.get(message.id, ()))
        found.append(msgspec.structs.replace(message, parts=parts))
    return history_rows.value_of(StoredChat, row), found


def _nothing(database: sqlite3.Connection) -> None:
    """No work; but the file is opened, and what was left undone there is done."""


_all: weakref.WeakSet[History] = weakref.WeakSet()
_defaults: dict[tuple[str | None, ...], History] = {}
_defaults_lock = threading.Lock()
_inherited: list[object] = []
"""Connections that the parent of this process opened: kept, because closing them here would harm it."""


def _after_fork() -> None:
    global _defaults_lock
    _defaults_lock = threading.Lock()
    for history in list(_all):
        history.after_fork()


@atexit.register
def _at_exit() -> None:
    for history in list(_all):
        history.close()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
