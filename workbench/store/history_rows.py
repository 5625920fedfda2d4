"""Chats and messages as rows of the history's tables, and every change of them as statements. Knows no thread.

Each function runs inside a transaction of its caller and raises `sqlite3.Error`.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from workbench.messages import Image, Part, Reasoning, Text
from workbench.store import encoding, history_text
from workbench.store.history_values import StoredChat, StoredMessage

T = TypeVar("T", StoredChat, StoredMessage)
_JSON = {"tags", "options", "parts", "error", "applied", "ignored", "usage", "metrics", "notes"}
"""Columns that hold JSON; the others hold their value."""
CHAT_COLUMNS = ", ".join(f"chats.{name}" for name in StoredChat.__struct_fields__)
MESSAGE_COLUMNS = ", ".join(f"messages.{name}" for name in StoredMessage.__struct_fields__)
_FIELDS = {kind: msgspec.structs.fields(kind) for kind in (StoredChat, StoredMessage)}
_DECODERS = {
    (kind, field.name): msgspec.json.Decoder(field.type)
    for kind, fields in _FIELDS.items()
    for field in fields
    if field.name in _JSON
}


def value_of(kind: type[T], row: Sequence[Any]) -> T:
    """The chat or message of a row; what cannot be read in it is left at its default."""
    found: dict[str, Any] = {}
    for field, value in zip(_FIELDS[kind], row, strict=True):
        if field.name not in _JSON:
            found[field.name] = bool(value) if field.type is bool else value
        elif value is not None:
            try:
                found[field.name] = _DECODERS[kind, field.name].decode(value)
            except msgspec.MsgspecError:  # a later version wrote what this one does not know
                continue
    return kind(**found)


def parts_of(raw: str | None) -> tuple[Part, ...]:
    """The parts of a message from their column."""
    try:
        return _DECODERS[StoredMessage, "parts"].decode(raw) if raw else ()
    except msgspec.MsgspecError:
        return ()


def put_chat(database: sqlite3.Connection, chat: StoredChat) -> None:
    """Insert a chat, or replace what is known of it; its messages stay."""
    row = _row(chat)
    del row["messages"]
    names = ", ".join(row)
    places = ", ".join("?" * len(row))
    new = ", ".join(f"{name} = excluded.{name}" for name in row)
    database.execute(
        f"INSERT INTO chats ({names}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {new}", [*row.values()]
    )
    (n,) = database.execute("SELECT n FROM chats WHERE id = ?", (chat.id,)).fetchone()
    title = history_text.indexed((Text(chat.title),))
    database.execute("INSERT OR REPLACE INTO titles (rowid, text) VALUES (?, ?)", (n, title))


def change_chat(database: sqlite3.Connection, chat: str, fields: dict[str, Any]) -> None:
    """Set fields of a chat; nothing when there is none of that id."""
    row = database.execute(f"SELECT {CHAT_COLUMNS} FROM chats WHERE id = ?", (chat,)).fetchone()
    if row is not None:
        put_chat(database, msgspec.structs.replace(value_of(StoredChat, row), **fields))


def put_message(database: sqlite3.Connection, message: StoredMessage) -> None:
    """Insert or replace a message; nothing when its chat is not kept. Raises `ValueError` when it is another chat's."""
    parts, images = _without_images(message.parts)
    row = _row(msgspec.structs.replace(message, parts=parts))
    there = database.execute("SELECT n, chat FROM messages WHERE id = ?", (message.id,)).fetchone()
    names = ", ".join(row)
    places = ", ".join("?" * len(row))
    if there is None:
        if database.execute("SELECT 1 FROM chats WHERE id = ?", (message.chat,)).fetchone() is None:
            return
        n = database.execute(f"INSERT INTO messages ({names}) VALUES ({places})", [*row.values()]).lastrowid
    else:
        n, chat = there
        if chat != message.chat:
            raise ValueError(f"The message {message.id} belongs to the chat {chat}, not to {message.chat}.")
        database.execute(f"UPDATE messages SET ({names}) = ({places}) WHERE n = ?", [*row.values(), n])
        database.execute("DELETE FROM pieces WHERE message = ?", (n,))
    for hash_, data in images.items():
        database.execute("INSERT OR IGNORE INTO images VALUES (?, ?)", (hash_, data))
        database.execute("INSERT OR IGNORE INTO shown VALUES (?, ?)", (n, hash_))
    if there is not None:
        kept = ", ".join("?" * len(images))
        database.execute(f"DELETE FROM shown WHERE message = ? AND hash NOT IN ({kept})", (n, *images))
    _index(database, n, message.parts)


def append(database: sqlite3.Connection, message: str, pieces: Iterable[tuple[bool, str]]) -> None:
    """Add pieces to the end of a message, each whether it is reasoning and its text; nothing when it is not there."""
    row = database.execute("SELECT n FROM messages WHERE id = ?", (message,)).fetchone()
    if row is not None:
        database.executemany(
            "INSERT INTO pieces (message, reasoning, text) VALUES (?, ?, ?)",
            [(row[0], reasoning, text) for reasoning, text in pieces],
        )


def delete_messages(database: sqlite3.Connection, chat: str, messages: Sequence[str]) -> None:
    """Delete these messages of a chat."""
    database.executemany("DELETE FROM messages WHERE chat = ? AND id = ?", [(chat, message) for message in messages])


def delete_chat(database: sqlite3.Connection, chat: str) -> None:
    """Delete a chat and all that belongs to it."""
    database.execute("DELETE FROM chats WHERE id = ?", (chat,))


def fold(database: sqlite3.Connection) -> None:
    """Put what was appended to messages into their rows, and index it: that of kernels that were killed."""
    query = "SELECT n, parts FROM messages WHERE n IN (SELECT message FROM pieces)"
    for n, raw in database.execute(query).fetchall():
        pieces = database.execute("SELECT reasoning, text FROM pieces WHERE message = ? ORDER BY n", (n,))
        parts = with_pieces(parts_of(raw), pieces)
        database.execute("UPDATE messages SET parts = ? WHERE n = ?", (msgspec.json.encode(parts).decode(), n))
        database.execute("DELETE FROM pieces WHERE message = ?", (n,))
        _index(database, n, parts)


def with_pieces(parts: Sequence[Part], pieces: Iterable[tuple[bool, str]]) -> tuple[Part, ...]:
    """Parts of a message with what was appended to them."""
    found = list(parts)
    for reasoning, group in itertools.groupby(pieces, key=lambda piece: piece[0]):
        kind = Reasoning if reasoning else Text
        text = "".join(text for _, text in group)
        last = found[-1] if found else None
        if isinstance(last, kind):
            found[-1] = msgspec.structs.replace(last, text=last.text + text)
        else:
            found.append(kind(text))
    return tuple(found)


def with_images(parts: tuple[Part, ...], database: sqlite3.Connection) -> tuple[Part, ...]:
    """Parts with the bytes of their images again; one whose bytes are lost has none."""
    if not any(isinstance(part, Image) for part in parts):
        return parts
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Image):
            row = database.execute("SELECT data FROM images WHERE hash = ?", (part.data,)).fetchone()
            part = msgspec.structs.replace(part, data=row[0] if row else b"")
        found.append(part)
    return tuple(found)


def rebuild(database: sqlite3.Connection) -> None:
    """Make the index again from the texts beside it."""
    for index in ("texts", "titles"):
        database.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")


def to_erase(database: sqlite3.Connection) -> bool:
    """Whether words of what was deleted may still stand in the index."""
    return database.execute("SELECT 1 FROM state WHERE name = 'erase'").fetchone() is not None


def erase(database: sqlite3.Connection, first: bool) -> bool:
    """One step of writing the index anew without what was deleted; whether that was the last.

    An index only marks what was deleted; merging all of it into one drops both. `first` begins that.
    """
    before = database.total_changes
    for index in ("texts", "titles"):
        database.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)", (-500 if first else 500,))
    if database.total_changes - before > 3:  # each of the two counts as one when nothing was left to do
        return False
    database.execute("DELETE FROM state WHERE name = 'erase'")
    return True


def _index(database: sqlite3.Connection, n: int | None, parts: Sequence[Part]) -> None:
    text = history_text.indexed(parts)
    if text:
        database.execute("INSERT OR REPLACE INTO texts (rowid, text) VALUES (?, ?)", (n, text))
    else:
        database.execute("DELETE FROM texts WHERE rowid = ?", (n,))


def _row(value: StoredChat | StoredMessage) -> dict[str, Any]:
    row = {}
    for field in _FIELDS[type(value)]:
        given = getattr(value, field.name)
        if field.name not in _JSON:
            row[field.name] = _storable(given)
        else:
            row[field.name] = None if given == field.default else _json(given)
    return row


def _json(value: object) -> str:
    return encoding.encoded(value).decode()


def _storable(value: Any) -> Any:
    return encoding.whole(value) if isinstance(value, str) else value


def _without_images(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], dict[bytes, bytes]]:
    """Parts in which images hold the hash of their bytes, and the bytes by hash."""
    images: dict[bytes, bytes] = {}
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Image):
            hash_ = hashlib.sha256(part.data).digest()
            images[hash_] = part.data
            part = msgspec.structs.replace(part, data=hash_)
        found.append(part)
    return tuple(found), images
