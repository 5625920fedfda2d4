"""A conversation's whole tree as JSON, and reading it back. It knows no database.

    {"kind": "workbench chats", "version": 1, "written": "2026-11-21T08:40:00+00:00",
     "chats": [{"chat": StoredChat, "messages": [StoredMessage, ...]}, ...]}

The fields are those of `workbench.store.history`; pictures are base64, times Unix seconds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from workbench.errors import UsageError
from workbench.messages import new_id
from workbench.sessions.export_words import stamp
from workbench.store.history_values import StoredChat, StoredMessage

KIND = "workbench chats"
VERSION = 1

Kept = tuple[StoredChat, Sequence[StoredMessage]]


def dumped(chats: Sequence[Kept]) -> str:
    """Chats with all their messages as JSON text, indented."""
    whole = {
        "kind": KIND,
        "version": VERSION,
        "written": stamp(time.time()),
        "chats": [{"chat": chat, "messages": list(messages)} for chat, messages in chats],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=1).decode() + "\n"


def loaded(text: str | bytes, *, taken: set[str]) -> list[Kept]:
    """The chats of such a text, each a whole tree; one whose id is `taken` gets new ids.

    Raises `UsageError` for anything else: not JSON, another kind, a newer version, messages without their parents.
    """
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no(f"it is not JSON ({error})") from None
    if not isinstance(whole, dict) or whole.get("kind") != KIND:
        raise _no("it was not exported from here")
    if whole.get("version") != VERSION:
        raise UsageError(
            f"The chats were written by a newer workbench (version {whole.get('version')!r} of the format).",
            next_step="Update this one, then import again.",
        )
    try:
        found = [_one(entry) for entry in whole["chats"]]
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise _no(f"a field is not as it should be ({error})") from None
    return [_renamed(chat, messages) if chat.id in taken else (chat, messages) for chat, messages in found]


def _one(entry: Any) -> tuple[StoredChat, list[StoredMessage]]:
    chat = msgspec.convert(entry["chat"], StoredChat)
    messages = msgspec.convert(entry["messages"], list[StoredMessage])
    known: set[str] = set()
    waiting = {message.id: message for message in messages}
    if len(waiting) != len(messages) or any(message.chat != chat.id for message in messages):
        raise _no("its messages are mixed up")
    ordered = []
    while ready := [m for m in waiting.values() if m.parent is None or m.parent in known]:
        for message in ready:
            del waiting[message.id]
            known.add(message.id)
            unfinished = message.status == "writing"
            ordered.append(msgspec.structs.replace(message, status="cancelled") if unfinished else message)
    if waiting:
        raise _no("messages lack those that they answer")
    head = chat.head if chat.head in known else None
    return msgspec.structs.replace(chat, head=head, messages=len(ordered)), ordered


def _renamed(chat: StoredChat, messages: Sequence[StoredMessage]) -> Kept:
    """The same tree under new ids: a copy beside the chat that is here already."""
    own = new_id()
    ids = {message.id: new_id() for message in messages}
    replace = msgspec.structs.replace
    moved = [replace(m, id=ids[m.id], chat=own, parent=m.parent and ids[m.parent]) for m in messages]
    return replace(chat, id=own, head=chat.head and ids[chat.head]), moved


def _no(why: str) -> UsageError:
    return UsageError(
        f"These are no chats to import: {why}.", next_step="Choose a .json file that a chat was exported to."
    )
