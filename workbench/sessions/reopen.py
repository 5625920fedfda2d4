"""A chat taken up again: the one that is open here, or the one that the history keeps. Knows no command."""

from __future__ import annotations

import difflib

from workbench.errors import ChatNotFoundError
from workbench.sessions import open_chats
from workbench.sessions.chat import Chat
from workbench.store import history
from workbench.store.history import StoredChat


def reopen(chat: str | None = None) -> Chat:
    """A chat of the history, to go on with it where it was: same path, model, system prompt and options.

        wb.reopen()                  # the one in which something was said last
        wb.reopen("river deltas")    # by words of its title, the newest of several
        wb.reopen("4f3a9c0d12e8")    # by its id: chat.history_id

    One that is open in this kernel is that same object. If its model is gone, the widget says so, and the fallback of
    the settings answers. Raises `ChatNotFoundError` (the nearest title is named), and `HistoryError` when the history
    cannot be read.
    """
    found = None if chat is None else open_chats.get(chat)
    if found is not None:
        return found
    key = _found(chat)
    return open_chats.get(key) or _taken_up(key)


def _taken_up(key: str) -> Chat:
    stored, messages = history.default().load(key)
    chat = Chat(system=stored.system, options=stored.options, id=stored.id)
    chat._restore(stored, messages)
    return chat


def _found(chat: str | None) -> str:
    """Id of the chat that is meant. Raises `ChatNotFoundError`."""
    kept = history.default()
    if chat is not None and kept.exists(chat):
        return chat
    known = kept.chats(limit=-1)
    words = (chat or "").casefold().split()
    meant = [each for each in known if all(word in each.title.casefold() for word in words)]
    if not meant:
        raise ChatNotFoundError(_nothing(chat, known))
    return max(meant, key=lambda each: each.updated).id


def _nothing(chat: str | None, known: list[StoredChat]) -> str:
    if not known:
        return "The history has no chats yet."
    titles = {each.title.casefold(): each.title for each in known}
    near = difflib.get_close_matches((chat or "").casefold(), titles, 1, cutoff=0.3)
    hint = f" The nearest title is {titles[near[0]]!r}." if near else ""
    return f"No chat of the history is called {chat!r}.{hint}"
