"""The turns of a conversation: a question and its answers, and what is read from them. Knows no run and no thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from workbench.errors import UsageError
from workbench.messages import Message
from workbench.options import GenerationOptions
from workbench.sessions.answer import Answer
from workbench.sessions.reply import Reply


class Turn:
    """One question and the answers it got."""

    __slots__ = ("answers", "user")

    def __init__(self, user: Message) -> None:
        self.user = user
        self.answers: list[Reply] = []


def said(system: Message | None, turns: Sequence[Turn]) -> tuple[Message, ...]:
    """Everything said, oldest first, the system message included; an answer counts from its first text."""
    messages = [] if system is None else [system]
    for turn in turns:
        messages.append(turn.user)
        messages.extend(reply._answer.message for reply in turn.answers if reply._answer.said_something)
    return tuple(messages)


def said_before(system: Message | None, turns: Sequence[Turn], turn: Turn) -> tuple[Message, ...]:
    """What the model reads: the system message, each question with its newest answer, the question of this turn."""
    messages = [] if system is None else [system]
    for earlier in turns:
        if earlier is turn:
            break
        answers = [r._answer for r in earlier.answers if r._answer.ended and r._answer.said_something]
        if answers:
            messages += [earlier.user, answers[-1].message]
    return (*messages, turn.user)


def views(system: Message | None, turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """All messages as the front end reads them."""
    shown = [] if system is None else [plain_view(system)]
    for turn in turns:
        shown.append(plain_view(turn.user))
        shown.extend(reply._answer.view() for reply in turn.answers)
    return shown


def plain_view(message: Message) -> dict[str, Any]:
    """A person's or a system message as the front end reads it."""
    view = Answer("", GenerationOptions(), id=message.id).view()
    fields = {"role": message.role, "model": None, "text": message.text, "status": "done", "run": None}
    return view | fields


def find(turns: Sequence[Turn], message: str | None) -> tuple[Turn, Reply]:
    """The answer of that id and its turn; without an id, the newest. Raises `UsageError` when there is none."""
    for turn in reversed(turns):
        for reply in reversed(turn.answers):
            if message in (None, reply.id):
                return turn, reply
    raise UsageError("There is no such answer to ask for again.")


def replies(turns: Iterable[Turn]) -> list[Reply]:
    """All answers, oldest first."""
    return [reply for turn in turns for reply in turn.answers]
