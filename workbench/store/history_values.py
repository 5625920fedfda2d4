"""What the history keeps: a chat, a message, a hit of a search. Frozen values; they know no file and no session."""

from __future__ import annotations

from typing import Literal

import msgspec

from workbench.errors import ErrorInfo
from workbench.events import FinishReason, Metrics, Notice, Usage
from workbench.messages import Part, Role
from workbench.options import GenerationOptions


class StoredChat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat as it is kept, without its messages."""

    id: str
    title: str = ""
    created: float
    """Unix time, as every time here."""
    updated: float
    """When something was last said in it."""
    model: str | None = None
    """Id of the model chosen; ``None`` for the one of the settings."""
    pinned: bool = False
    tags: tuple[str, ...] = ()
    system: str | None = None
    """The system prompt; ``None`` for none."""
    options: GenerationOptions = GenerationOptions()
    head: str | None = None
    """Id of the last message of the path that is shown; ``None`` while there is none."""
    parent: str | None = None
    """Id of the chat it was forked from."""
    messages: int = 0
    """How many it has, on all branches. The history counts them itself; what is given is not kept."""


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is kept, with all that is known of how it was made."""

    id: str
    chat: str
    """Id of its chat."""
    parent: str | None
    """Id of the message that it answers or follows; ``None`` for the first of a path."""
    role: Role
    created: float
    parts: tuple[Part, ...] = ()
    model: str | None = None
    """Id of the model that wrote it; ``None`` for people and tools."""
    status: Literal["writing", "done", "cancelled", "failed"] = "done"
    """``writing`` also when its kernel was killed: what had come until then is here."""
    finish: FinishReason | None = None
    error: ErrorInfo | None = None
    """Why it failed."""
    options: GenerationOptions = GenerationOptions()
    """What was asked for."""
    applied: GenerationOptions = GenerationOptions()
    """What was really used."""
    ignored: tuple[str, ...] = ()
    """Names of the options that were not honoured."""
    usage: Usage = Usage()
    metrics: Metrics = Metrics()
    notes: tuple[Notice, ...] = ()
    """What the person was told about it."""
    edited: bool = False
    """Whether a person changed what a model wrote."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One message that a search found."""

    chat: str
    title: str
    """The chat's."""
    message: str
    role: Role
    at: float
    """When the message was begun."""
    snippet: tuple[tuple[str, bool], ...]
    """The text around what matched, in pieces: a text, and whether it matched. No markup."""
