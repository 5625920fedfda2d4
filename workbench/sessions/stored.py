"""Messages of a conversation as the history keeps them, and back. Knows no file and no thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import msgspec

from workbench.events import Notice
from workbench.messages import Message, new_id
from workbench.sessions.answer import Answer
from workbench.sessions.reply import Reply
from workbench.sessions.tree import Node, Tree
from workbench.store.history_values import StoredMessage

CUT_SHORT = "The kernel ended while this was written."


def stored(node: Node, chat: str) -> StoredMessage:
    """A message of the chat of that id, as it is now."""
    parent = node.above
    where: dict[str, Any] = {"id": node.id, "chat": chat, "created": node.created}
    where["parent"] = None if parent is None else parent.id
    if node.plain is not None:
        return StoredMessage(**where, role=node.plain.role, parts=node.plain.parts, edited=node.edited)
    assert node.reply is not None
    answer = node.reply._answer
    return StoredMessage(
        **where,
        role="assistant",
        parts=answer.message.parts,
        model=answer.model,
        status=answer.status if answer.status in ("done", "cancelled", "failed") else "writing",
        finish=answer.finish,
        error=answer.error,
        options=answer.options,
        applied=answer.applied,
        ignored=answer.ignored,
        usage=answer.usage,
        metrics=answer.metrics,
        notes=tuple(note for note in answer.notes if note.code != "retry"),
        edited=node.edited,
    )


def cut_off(node: Node, chat: str) -> StoredMessage:
    """An answer that is being written, as one that was stopped here."""
    return msgspec.structs.replace(stored(node, chat), status="cancelled", finish="cancelled")


def node_of(message: StoredMessage, changed: threading.Condition) -> Node:
    """A kept message as it goes into a tree; an answer has ended, whatever became of it."""
    if message.role != "assistant":
        plain = Message(message.role, message.parts, id=message.id)
        return Node(plain=plain, created=message.created, edited=message.edited)
    answer = Answer(message.model or "", message.options, id=message.id)
    answer.status = "cancelled" if message.status == "writing" else message.status
    answer.read(message.parts)
    answer.notes = list(message.notes)
    answer.error, answer.finish = message.error, message.finish
    answer.applied, answer.ignored = message.applied, message.ignored
    answer.usage, answer.metrics = message.usage, message.metrics
    answer.tokens = message.usage.completion_tokens or 0
    if message.status == "writing":
        answer.notes.append(Notice(run=answer.run, code="note", message=CUT_SHORT))
        answer.finish = "cancelled"
    return Node(reply=ended(answer, changed), created=message.created, edited=message.edited)


def copied(node: Node, changed: threading.Condition) -> Node:
    """The same message once more, with an id of its own; an answer that is being written is copied as far as it is."""
    return node_of(msgspec.structs.replace(stored(node, ""), id=new_id()), changed)


def ended(answer: Answer, changed: threading.Condition) -> Reply:
    """The handle on an answer that has ended already."""
    reply = Reply(answer, changed, lambda run: None)
    reply._end()
    return reply


def tree_of(messages: Iterable[StoredMessage], head: str | None, changed: threading.Condition) -> Tree:
    """The tree of a chat's messages, oldest first, with the path that holds `head` shown, down to its newest end.

    A message whose parent is not there hangs from the ground: nothing is left out.
    """
    tree = Tree()
    nodes = {message.id: (node_of(message, changed), message.parent) for message in messages}
    for node, parent in nodes.values():
        if node.id not in tree.nodes:
            _hang(tree, nodes, node, parent)
    for node in (tree.ground, *tree.nodes.values()):
        node.chosen = node.children[-1] if node.children else None
    if tree.nodes:
        tree.show(tree.nodes.get(head or "") or max(tree.nodes.values(), key=lambda node: node.created))
    return tree


def _hang(tree: Tree, nodes: dict[str, tuple[Node, str | None]], node: Node, parent: str | None) -> None:
    """Hang a message below its parent, which is hung first where it comes later; a circle is cut open."""
    line = [node]
    while parent in nodes and parent not in tree.nodes and all(each.id != parent for each in line):
        above, parent = nodes[parent]
        line.append(above)
    under = tree.nodes.get(parent or "", tree.ground)
    for each in reversed(line):
        under = tree.add(each, under)
