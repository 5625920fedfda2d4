"""What crosses the border to an engine's thread or process: asks go down, answers come up. Knows neither end.

Asks are numbered; all but `Cancel` and `Exit` are calls, and every call ends with exactly one answer that is not
`Happened`:

    Load      Happened* then Loaded, Stopped or Refused
    Generate  Happened* then Ended, Stopped or Refused
    Render    Value or Refused
    Count     Value or Refused
    Save      Value or Refused
    Restore   Value or Refused

Between processes each ask and each answer is one line of JSON.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from workbench.engines import LoadedModel, LoadSpec
from workbench.errors import ErrorInfo
from workbench.events import Event, snake
from workbench.request import Request


class _Wire(msgspec.Struct, frozen=True, kw_only=True, tag_field="wire", tag=snake):
    pass


class _Call(_Wire, frozen=True, kw_only=True):
    call: int
    """Number of the call this is, or belongs to."""


class Load(_Call, frozen=True, kw_only=True):
    """Load a model; one that is loaded is let go first."""

    run: str
    spec: LoadSpec


class Generate(_Call, frozen=True, kw_only=True):
    """Answer requests."""

    requests: tuple[Request, ...]


class Render(_Call, frozen=True, kw_only=True):
    """Give the exact prompt of a request."""

    request: Request


class Count(_Call, frozen=True, kw_only=True):
    """Count the tokens of a request's prompt."""

    request: Request


class Save(_Call, frozen=True, kw_only=True):
    """Write what is kept of a request's prompt to a file, and say how many tokens it holds."""

    request: Request
    file: str


class Restore(_Call, frozen=True, kw_only=True):
    """Keep what such a file holds, and say how many tokens that is."""

    file: str


class Cancel(_Call, frozen=True, kw_only=True):
    """Cancel a run of a call, going or waiting; overtakes everything."""

    run: str


class Exit(_Wire, frozen=True, kw_only=True):
    """Cancel everything, let go of the model, end."""


Ask: TypeAlias = Load | Generate | Render | Count | Save | Restore | Cancel | Exit
"""What goes down: a closed union."""


class Happened(_Call, frozen=True, kw_only=True):
    """Events of a load or of runs, oldest first."""

    events: tuple[Event, ...]


class Loaded(_Call, frozen=True, kw_only=True):
    """The model is in memory."""

    loaded: LoadedModel


class Value(_Call, frozen=True, kw_only=True):
    """What `Render`, `Count`, `Save` or `Restore` asked for."""

    value: int | str


class Ended(_Call, frozen=True, kw_only=True):
    """Every run of the call has had its last event."""


class Stopped(_Call, frozen=True, kw_only=True):
    """The call was cancelled, or the engine closed on purpose."""


class Refused(_Call, frozen=True, kw_only=True):
    """The call failed."""

    error: ErrorInfo


Answer: TypeAlias = Happened | Loaded | Value | Ended | Stopped | Refused
"""What comes up: a closed union."""
