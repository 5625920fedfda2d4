"""Tells the history of all that happens in one chat, unless it is private. Knows no tree and no screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from workbench.errors import ErrorInfo, HistoryError
from workbench.store import settings
from workbench.store.history_values import StoredChat, StoredMessage

if TYPE_CHECKING:
    from workbench.store.history import History


class Recorder:
    """What is kept of one chat: nothing before its first message, all of it from then on.

    `known` says that it is in the history already. With `private` nothing is ever written; nor is it while the
    settings say so when its first message comes. Writing is queued: no call waits for the disk, and none raises.
    """

    def __init__(self, chat: str, *, private: bool = False, known: bool = False) -> None:
        self.chat = chat
        """Id of the chat in the history."""
        self.private = private
        self.gone = False
        """Whether it was deleted elsewhere while it was open here."""
        self.kept = known and not private
        """Whether it is in the history."""
        self._writing = False
        """Whether the message that came last is being kept."""
        self._stamp: object = None

    @property
    def problem(self) -> ErrorInfo | None:
        """Why nothing can be written; ``None`` when it can, or need not."""
        return self._history.problem if self.kept else None

    def message(self, message: StoredMessage, chat: Callable[[], StoredChat]) -> None:
        """Keep a message, new or changed; with the first one the chat itself, which `chat` tells."""
        self._writing = settings.get().keep_history and (self.kept or self._begin(chat))
        if self._writing:
            self._history.put_message(message)

    def append(self, message: str, text: str = "", reasoning: str = "") -> None:
        """Keep what came at the end of a message; cheap, for it comes with every token."""
        if self._writing:
            self._history.append(message, text=text, reasoning=reasoning)

    def change(self, **fields: Any) -> None:
        """Keep fields of `StoredChat`."""
        if self.kept and settings.get().keep_history:
            self._history.change_chat(self.chat, **fields)

    def delete(self, messages: Iterable[str]) -> None:
        """Keep these messages no longer."""
        if self.kept:
            self._history.delete_messages(self.chat, list(messages))

    def leave(self) -> None:
        """Delete what is kept, and keep nothing from now on."""
        if self.kept:
            self._history.delete_chat(self.chat)
        self.kept, self._writing, self.private, self.gone = False, False, True, False

    def enter(self, chat: StoredChat, messages: Iterable[StoredMessage]) -> None:
        """Keep the chat, all of it, from now on, whatever was asked before."""
        self.private, self.gone = False, False
        if self.kept:
            return
        history = self._history
        history.put_chat(chat)
        for message in messages:
            history.put_message(message)
        self.kept = True

    def gone_elsewhere(self) -> bool:
        """Whether somebody deleted it meanwhile; it is kept no longer then. May wait for the disk, half a second."""
        if not self.kept or self._history.stamp() == self._stamp:
            return False
        try:
            stamp = self._history.stamp()
            if not self._history.writable or self._history.exists(self.chat):
                self._stamp = stamp
                return False
        except HistoryError:
            return False
        self.kept, self.gone = False, True
        return True

    def _begin(self, chat: Callable[[], StoredChat]) -> bool:
        if self.private or self.gone:
            return False
        self._history.put_chat(chat())
        self.kept = True
        return True

    @property
    def _history(self) -> History:
        from workbench.store import history

        return history.default()
