"""What was said before a chat begins, as a person gives it: pairs of role and text, or messages. Knows no run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TypeAlias

from workbench.errors import UsageError
from workbench.messages import Message, Text, new_id
from workbench.sessions.stored import node_of
from workbench.sessions.tree import Node
from workbench.store.history_values import StoredMessage

Said: TypeAlias = "Message | tuple[str, str]"
"""A message, or who said it (``"user"``, ``"assistant"``) and the text."""


def nodes(said: Iterable[Said], model: str, changed: threading.Condition) -> list[Node]:
    """These messages as they go into a tree, oldest first; answers are the model's, unless they name theirs.

    Raises `UsageError` for anything else.
    """
    return [node_of(_stored(each, model), changed) for each in said]


def _stored(said: Said, model: str) -> StoredMessage:
    if not isinstance(said, Message):
        role, text = said if isinstance(said, tuple) and len(said) == 2 else (None, None)
        if role not in ("user", "assistant") or not isinstance(text, str):
            raise UsageError(
                f'A message is a pair of "user" or "assistant" and a text, not {said!r}.',
                next_step='Write messages=[("user", "Hello"), ("assistant", "Hi")].',
            )
        said = Message(role, (Text(text),))  # type: ignore[arg-type]  # just looked
    author = (said.model or model) if said.role == "assistant" else None
    return StoredMessage(
        id=new_id(), chat="", parent=None, role=said.role, created=time.time(), parts=said.parts, model=author
    )
