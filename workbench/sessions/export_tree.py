"""Which messages of a conversation's tree: the path that is shown, and the branches beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from workbench.store.history_values import StoredChat, StoredMessage


class Branch(NamedTuple):
    """What was said instead of something else."""

    instead_of: StoredMessage
    """The message in whose place it stands."""
    messages: list[StoredMessage]


def shown(chat: StoredChat, messages: Sequence[StoredMessage]) -> list[StoredMessage]:
    """The path that is shown, oldest first; the newest message's, where the chat names none."""
    known = {message.id: message for message in messages}
    newest = max(messages, key=lambda message: message.created, default=None)
    return _up_to(known.get(chat.head or "", newest), known)


def branches(chat: StoredChat, messages: Sequence[StoredMessage]) -> list[Branch]:
    """The other branches, oldest first; each message is in one of them or in the path shown."""
    known = {message.id: message for message in messages}
    placed = {message.id for message in shown(chat, messages)}
    parents = {message.parent for message in messages}
    leaves = sorted((m for m in messages if m.id not in parents), key=lambda message: message.created)
    found = []
    for leaf in leaves:
        new = [message for message in _up_to(leaf, known) if message.id not in placed]
        if new:
            before = next(m for m in messages if m.parent == new[0].parent and m.id in placed)
            found.append(Branch(before, new))
            placed |= {message.id for message in new}
    return found


def _up_to(message: StoredMessage | None, known: dict[str, StoredMessage]) -> list[StoredMessage]:
    path: dict[str, StoredMessage] = {}
    while message is not None and message.id not in path:  # a damaged tree may go round in a circle
        path[message.id] = message
        message = known.get(message.parent or "")
    return list(reversed(path.values()))
