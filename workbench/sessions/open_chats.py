"""The chats that are open in this process, by their id in the history. Keeps none of them alive."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from workbench.sessions.chat import Chat

_lock = threading.Lock()
_open: WeakValueDictionary[str, Chat] = WeakValueDictionary()


def put(key: str, chat: Chat) -> None:
    """From now on this chat is the one of that id."""
    with _lock:
        _open[key] = chat


def drop(key: str) -> None:
    """No open chat is of that id any more."""
    with _lock:
        _open.pop(key, None)


def get(key: str) -> Chat | None:
    """The open chat of an id; ``None`` when it is not open here."""
    with _lock:
        return _open.get(key)


def every() -> list[Chat]:
    """All that are open."""
    with _lock:
        return list(_open.values())


def ids() -> set[str]:
    """Their ids."""
    return {chat.history_id for chat in every()}
