"""What a front end asks of a session: a closed union of frozen commands. They know no widget.

The wire tag is the class name in snake case. A command is answered at once with `Ack`: it was taken,
or why not. What comes of it arrives as events and state.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from workbench.errors import ErrorInfo
from workbench.events import snake


class _Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=snake):
    id: int
    """Number the front end gave it; its `Ack` carries it."""


class Hello(_Command, frozen=True, kw_only=True):
    """A view is there (or lost a delta) and wants the whole state."""


class Send(_Command, frozen=True, kw_only=True):
    """Send a message; it queues behind a run that is going."""

    text: str


class Stop(_Command, frozen=True, kw_only=True):
    """Cancel a run; what was written stays."""

    run: str


class Retry(_Command, frozen=True, kw_only=True):
    """Ask again for the answer that this message was."""

    message: str


class ChooseModel(_Command, frozen=True, kw_only=True):
    """Use another model from now on; a local one is loaded at once, with progress."""

    model: str


class ListModels(_Command, frozen=True, kw_only=True):
    """Look again at what models there are."""


class NewChat(_Command, frozen=True, kw_only=True):
    """Start an empty transcript."""


Command: TypeAlias = Hello | Send | Stop | Retry | ChooseModel | ListModels | NewChat
"""The closed union."""

COMMAND_KINDS: tuple[str, ...] = tuple(snake(t.__name__) for t in Command.__args__)
"""Wire tags of the union, in its order."""


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ack"):
    """The answer to a command."""

    id: int
    ok: bool
    error: ErrorInfo | None = None
    """Why it was not taken; ``None`` when it was."""
