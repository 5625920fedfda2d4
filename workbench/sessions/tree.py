"""A conversation as a tree: every message hangs below the one it follows. Knows no run, no thread and no screen.

    question ── answer ── question ── answer        the path shown: at each message, the child that was chosen
             └─ answer (asked again)
    question (edited) ── answer

Versions of a message are siblings, in the order they were made. Nothing is replaced; only `Tree.remove` forgets.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

from workbench.messages import Message
from workbench.options import GenerationOptions
from workbench.sessions.reply import Reply
from workbench.sessions.structured.wanted import Wanted, kept
from workbench.sessions.tools.offer import Offer


class Node:
    """One message and where it hangs. What a person or the system says is `plain`; an answer is a `reply`."""

    __slots__ = (
        "children",
        "chosen",
        "created",
        "edited",
        "number",
        "offer",
        "own",
        "parent",
        "plain",
        "reply",
        "wanted",
    )

    def __init__(
        self,
        *,
        plain: Message | None = None,
        reply: Reply | None = None,
        created: float | None = None,
        edited: bool = False,
        own: GenerationOptions | None = None,
    ) -> None:
        self.plain = plain
        self.reply = reply
        self.created = time.time() if created is None else created
        """Unix time."""
        self.edited = edited
        """Whether a person wrote this answer."""
        self.own = own or GenerationOptions()
        """Options given for this message alone."""
        self.offer: Offer | None = None
        """Functions that may be called to answer this message; ``None``: those of its chat."""
        self.wanted: Wanted | None = None
        """The shape that answers to this message are asked in; ``None`` for free text."""
        self.parent: Node | None = None
        self.children: list[Node] = []
        self.chosen: Node | None = None
        """The child that the path shown goes on with; ``None``: the path ends here."""
        self.number = 0
        """In the order in which messages came into the tree."""

    @property
    def id(self) -> str:
        """Id of the message; empty for the ground that the first messages hang from."""
        return self.plain.id if self.plain is not None else self.reply.id if self.reply is not None else ""

    @property
    def role(self) -> str:
        """``"user"``, ``"assistant"`` or ``"system"``."""
        return "assistant" if self.plain is None else self.plain.role

    @property
    def message(self) -> Message | None:
        """What is said; ``None`` for an answer without text so far."""
        if self.reply is None:
            return self.plain
        return self.reply._answer.message if self.reply._answer.said_something else None

    def shape_wanted(self) -> Wanted | None:
        """The shape that an answer to this message is asked in; of one that was kept, as its answers were."""
        if self.wanted is None:
            shapes = (child.reply._answer.shape for child in self.children if child.reply is not None)
            self.wanted = next((kept(shape) for shape in shapes if shape is not None), None)
        return self.wanted

    @property
    def above(self) -> Node | None:
        """The message that this one follows; ``None`` for a first one."""
        return self.parent if self.parent is not None and self.parent.parent is not None else None

    def below(self) -> Iterator[Node]:
        """This message and all that follow from it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def lineage(self) -> list[Node]:
        """The path from a first message to this one."""
        path: list[Node] = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            path.append(node)
            node = node.parent
        return path[::-1]


class Tree:
    """All messages of a conversation, and which path of it is shown."""

    def __init__(self) -> None:
        self.ground = Node(created=0.0)
        self.nodes: dict[str, Node] = {}
        self._numbers = itertools.count(1)

    def add(self, node: Node, parent: Node) -> Node:
        """Hang a message below another, as the newest of its siblings. What is shown stays as it is."""
        node.parent = parent
        node.number = next(self._numbers)
        parent.children.append(node)
        self.nodes[node.id] = node
        return node

    def move(self, node: Node, parent: Node) -> None:
        """Hang a message, with all that follows from it, below another one."""
        self._detach(node)
        node.parent = parent
        parent.children.append(node)

    def remove(self, node: Node) -> list[Node]:
        """Forget a message and all that follows from it, and give them; the newest sibling is shown in its place."""
        gone = list(node.below())
        self._detach(node)
        for each in gone:
            del self.nodes[each.id]
        return gone

    def path(self) -> list[Node]:
        """The messages shown, oldest first."""
        found = []
        node = self.ground.chosen
        while node is not None:
            found.append(node)
            node = node.chosen
        return found

    def end(self) -> Node:
        """The last message shown; the ground, when there is none."""
        return next(reversed(self.path()), self.ground)

    def show(self, node: Node) -> None:
        """Show the path that holds a message, down to the newest end below it."""
        node = newest_end(node)
        while node.parent is not None:
            node.parent.chosen = node
            node = node.parent

    def _detach(self, node: Node) -> None:
        parent = node.parent
        assert parent is not None
        parent.children.remove(node)
        if parent.chosen is node:
            parent.chosen = parent.children[-1] if parent.children else None


def newest_end(node: Node) -> Node:
    """The end of a path below a message that came last into the tree; itself, when nothing follows it."""
    return max((each for each in node.below() if not each.children), key=lambda each: each.number)


def place(node: Node) -> dict[str, Any]:
    """Where a message stands among its siblings, as the front end reads it; the index counts from 1."""
    siblings = node.parent.children if node.parent is not None else [node]
    at = siblings.index(node)
    return {
        "index": at + 1,
        "count": len(siblings),
        "previous": siblings[at - 1].id if at else None,
        "next": siblings[at + 1].id if at + 1 < len(siblings) else None,
    }


def turns_of(path: Sequence[Node]) -> list[tuple[Message, ...]]:
    """What a model reads of a path, by turns: a question with its answer, and the last question alone.

    Left out is a question whose answer has no text, or is not finished. A message of the system that stands in the
    path (a summary of what was said elsewhere) is a turn of its own.
    """
    turns: list[tuple[Message, ...]] = []
    question: tuple[Message, ...] = ()
    for node in path:
        if node.plain is not None and node.role == "user":
            question = (node.plain,)
            continue
        if node.plain is not None:
            turns.append((node.plain,))
        elif node.reply is not None and node.reply._answer.ended and (answer := node.message) is not None:
            turns.append((*question, answer))
        question = ()
    return [*turns, question] if question else turns
