"""What is said in one chat: its tree, what of it is shown, and what is kept of it. Knows no run and no model."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any, TypeAlias

from workbench.errors import UsageError
from workbench.events import ReasoningDelta, TextDelta
from workbench.messages import Message
from workbench.messages import system as system_message
from workbench.options import GenerationOptions
from workbench.sessions.answer import Answer, Op
from workbench.sessions.attaching.attachment import files_view
from workbench.sessions.audience import Audience
from workbench.sessions.recorder import Recorder
from workbench.sessions.reply import Reply
from workbench.sessions.stored import copied, cut_off, stored, tree_of
from workbench.sessions.tree import Node, Tree, place, turns_of
from workbench.store.history_values import StoredChat, StoredMessage

TITLE_LENGTH = 60
"""Most characters of a title that is taken from a question."""

Which: TypeAlias = str | Message | Reply
"""A message of a chat: its id, itself, or the reply that it is."""


def id_of(message: Which) -> str:
    """The id of a message, however it is named."""
    return message if isinstance(message, str) else message.id


class Conversation:
    """The messages of one chat, told to its audience and its recorder as they change. Every call needs the lock."""

    def __init__(self, audience: Audience, recorder: Recorder, *, system: str | None = None) -> None:
        self.tree = Tree()
        self.recorder = recorder
        self.changed = threading.Condition(audience.lock)
        """Notified whenever a message changes."""
        self.system = system_message(system) if system else None
        """What tells the model how to behave; ``None`` for nothing."""
        self.system_since = 0.0
        """When that was said last, Unix time; prompts from before cannot be compared with those after."""
        self.title = ""
        """As given; empty: it is taken from the first question."""
        self.model: str | None = None
        """Id of the model chosen, for the record."""
        self.options = GenerationOptions()
        self.parent: str | None = None
        """Id of the chat it was forked from."""
        self.created = time.time()
        self._audience = audience
        self._told: dict[str, dict[str, Any]] = {}
        """The messages shown, as the audience knows them, and the place of each."""

    # What is there

    @property
    def path(self) -> list[Node]:
        """The messages shown, oldest first, without the system's."""
        return self.tree.path()

    def find(self, message: Which) -> Node:
        """A message in the tree. Raises `UsageError`."""
        node = self.tree.nodes.get(id_of(message))
        if node is None:
            raise UsageError("There is no such message in this chat.", next_step="chat.messages lists those shown.")
        return node

    def shows(self, node: Node) -> bool:
        """Whether a message is one of those shown."""
        return node.id in self._told

    def said(self) -> tuple[Message, ...]:
        """The messages shown, the system's included; an answer counts from its first text."""
        messages = [node.message for node in self.path]
        return tuple(m for m in (self.system, *messages) if m is not None)

    def read(self, node: Node, *, without: int = 0) -> tuple[Message, ...]:
        """What a model reads to answer a message: the path to it, `without` so many of its oldest turns."""
        return self.as_read(turns_of(node.lineage())[without:])

    def as_read(self, turns: Iterable[tuple[Message, ...]]) -> tuple[Message, ...]:
        """Turns as a model reads them: what the system says comes first, as one message, since many read only one."""
        messages = [message for turn in turns for message in turn]
        system = [m for m in (self.system, *messages) if m is not None and m.role == "system"]
        rest = [m for m in messages if m.role != "system"]
        if len(system) > 1:
            system = [system_message("\n\n".join(m.text for m in system))]
        return (*system, *rest)

    def called(self) -> str:
        """The title: as given, else the first line of the first question, cut at a word."""
        if self.title:
            return self.title
        asked = next((n.message.text for n in self.tree.nodes.values() if n.role == "user" and n.message), "")
        line = " ".join(next((line for line in asked.splitlines() if line.strip()), "").split())
        if len(line) <= TITLE_LENGTH:
            return line
        return line[: TITLE_LENGTH - 1].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"

    def views(self) -> list[dict[str, Any]]:
        """The messages shown, as the front end reads them."""
        return [*([] if self.system is None else [_system_view(self.system)]), *map(node_view, self.path)]

    def chat(self) -> StoredChat:
        """The chat as the history keeps it."""
        return StoredChat(
            id=self.recorder.chat,
            title=self.called(),
            created=self.created,
            updated=time.time(),
            model=self.model,
            system=None if self.system is None else self.system.text,
            options=self.options,
            head=self.tree.end().id or None,
            parent=self.parent,
        )

    def stored(self) -> list[StoredMessage]:
        """All messages, on all branches, as the history keeps them."""
        return [stored(node, self.recorder.chat) for node in self.tree.nodes.values()]

    # What changes it

    def put_all(self, nodes: Iterable[Node], parent: Node) -> Node:
        """Hang new messages below another one, each below the one before, and show them; gives the last."""
        added = []
        for node in nodes:
            parent = self.tree.add(node, parent)
            added.append(parent)
        if added:
            self.tree.show(parent)
            self.redraw()
            self._audience.tell(title=self.called())
        for node in added:
            self.keep(node)
        return parent

    def put(self, node: Node, parent: Node) -> Node:
        """Hang a new message below another one, and show it."""
        return self.put_all([node], parent)

    def replace(self, node: Node, reply: Reply) -> None:
        """Have another answer in the place of one without text; it has the same id."""
        node.reply = reply
        if self.shows(node):
            self._audience.emit([["message", node_view(node)]])
        self.keep(node)

    def move(self, node: Node, parent: Node) -> None:
        """Hang a message, with what follows from it, below another one; what is shown goes on down to its end."""
        end = self.tree.end()
        self.tree.move(node, parent)
        self.tree.show(end)
        self.redraw()
        self.keep(node)

    def branch_off(self, answer: Node, question: Node, *, summary: str = "", kept: Iterable[Node] = ()) -> None:
        """Begin the conversation anew with a question and its unwritten answer, on a branch beside what was said.

        Before them come a summary, if there is one, and copies of the messages to be kept.
        """
        begun = [Node(plain=system_message(summary))] if summary else []
        parent = self.put_all([*begun, *(copied(node, self.changed) for node in kept)], self.tree.ground)
        if question.children == [answer]:
            self.move(question, parent)
        else:  # it has other answers, which stay where they are
            self.move(answer, self.put(copied(question, self.changed), parent))

    def show(self, node: Node) -> None:
        """Show the path that holds a message, down to its newest end."""
        self.tree.show(node)
        self.redraw()

    def remove(self, node: Node) -> list[Node]:
        """Forget a message and all that follows from it, and give them."""
        gone = self.tree.remove(node)
        self.recorder.delete(each.id for each in gone)
        self.redraw()
        return gone

    def begin_anew(self, recorder: Recorder) -> list[Node]:
        """Let go of all messages, which stay where they are kept, and give them."""
        gone, self.tree = list(self.tree.nodes.values()), Tree()
        for node in gone:
            if node.reply is not None and not node.reply.done:  # nobody hears how it ends
                self.recorder.message(cut_off(node, self.recorder.chat), self.chat)
        self.recorder, self.title, self.parent, self.created = recorder, "", None, time.time()
        self.redraw()
        return gone

    def set_system(self, text: str) -> None:
        """Tell the model something else; an empty text is nothing."""
        before = self.system
        self.system = system_message(text) if text.strip() else None
        if self.system is not None and before is not None:
            self.system = Message("system", self.system.parts, id=before.id)
            self._audience.emit([["message", _system_view(self.system)]])
        elif (before is None) != (self.system is None):
            self._audience.tell(messages=self.views())
        self.system_since = time.time()
        self._audience.tell(system="" if self.system is None else self.system.text)
        self.recorder.change(system=None if self.system is None else self.system.text)

    def heard(self, node: Node, ops: list[Op], event: object) -> None:
        """Pass on what an event changed in an answer."""
        if self.shows(node):
            self._audience.emit(ops)
        if isinstance(event, TextDelta) and event.text:
            self.recorder.append(node.id, text=event.text)
        elif isinstance(event, ReasoningDelta) and event.text:
            self.recorder.append(node.id, reasoning=event.text)
        self.changed.notify_all()

    def keep(self, node: Node) -> None:
        """Keep a message as it is now."""
        self.recorder.message(stored(node, self.recorder.chat), self.chat)

    def enter_history(self) -> None:
        """Keep all that was said, and what will be."""
        self.recorder.enter(self.chat(), self.stored())

    def restore(self, chat: StoredChat, messages: list[StoredMessage]) -> None:
        """Be what the history keeps."""
        self.recorder = Recorder(chat.id, known=True)
        self.title, self.model, self.options = chat.title, chat.model, chat.options
        self.parent, self.created, self.system_since = chat.parent, chat.created, time.time()
        self.tree = tree_of(messages, chat.head, self.changed)
        self.redraw()

    def redraw(self) -> None:
        """Tell what is shown now, as far as it differs from what the audience was told last."""
        path, told = self.path, list(self._told)
        places = {node.id: place(node) for node in path}
        same = 0
        while same < min(len(path), len(told)) and path[same].id == told[same]:
            same += 1
        if same < len(told):
            last = path[same - 1].id if same else self.system.id if self.system is not None else None
            self._audience.emit([["cut", last]])
        moved = [node for node in path[:same] if self._told[node.id] != places[node.id]]
        self._audience.emit([["patch", node.id, {"place": places[node.id]}] for node in moved])
        self._audience.emit([["message", node_view(node)] for node in path[same:]])
        self._told = places
        self.recorder.change(head=path[-1].id if path else None)


def node_view(node: Node) -> dict[str, Any]:
    """A message as the front end reads it."""
    above = node.above
    view = _plain_view(node.plain) if node.plain is not None else node.reply._answer.view()  # type: ignore[union-attr]  # it is one of the two
    return view | {
        "parent": None if above is None else above.id,
        "created": node.created,
        "edited": node.edited,
        "place": place(node),
        "files": [] if node.plain is None else files_view(node.plain),
    }


def _system_view(message: Message) -> dict[str, Any]:
    where = {"index": 1, "count": 1, "previous": None, "next": None}
    return _plain_view(message) | {"parent": None, "created": 0.0, "edited": False, "place": where, "files": []}


def _plain_view(message: Message) -> dict[str, Any]:
    view = Answer("", GenerationOptions(), id=message.id).view()
    fields = {"role": message.role, "model": None, "text": message.text, "status": "done", "run": None}
    return view | fields
