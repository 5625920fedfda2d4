"""What happens during a run or a load: a closed union of frozen facts. They know no layer and no screen.

A run's events come in this order; every one but the last may be missing:

    Queued* Notice* LoadProgress* PrefillProgress* (ReasoningDelta | TextDelta | ToolCalled | UsageKnown)*
    then exactly one of Finished, Failed

The wire tag is the class name in snake case. Times are seconds, sizes bytes, rates tokens per second.
Every number is measured, or ``None``.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

import msgspec

from workbench.errors import ErrorInfo
from workbench.messages import ToolCall
from workbench.options import GenerationOptions
from workbench.tokens import Token

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "cancelled"]


def snake(name: str) -> str:
    """``TextDelta`` to ``text_delta``: how a class name becomes a wire tag."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens counted by whoever generated them."""

    prompt_tokens: int | None = None
    """All of the prompt, cached tokens included."""
    cached_tokens: int | None = None
    """Prompt tokens taken from a cache."""
    completion_tokens: int | None = None
    """Everything generated, reasoning included."""
    reasoning_tokens: int | None = None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured during a run."""

    load_s: float | None = None
    """Loading the model, if this run did."""
    ttft_s: float | None = None
    """Time to first token: from the request's start (model loaded) to the first generated token."""
    prefill_tps: float | None = None
    decode_tps: float | None = None
    """Generated tokens a second after the first."""
    total_s: float | None = None
    peak_memory: int | None = None
    """Most bytes held during the run: MLX counts its own buffers, less what is kept of other prompts; for other engines
    it is their process's memory."""
    batch: int | None = None
    """Runs answered together, this one included: then times count from the start of all, and memory is that of all.
    ``None`` for a run answered alone."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=snake):
    run: str
    """Id of the run (of the load, for an explicit load) this belongs to."""


class Queued(_Event, frozen=True, kw_only=True):
    """The model is busy with other runs."""

    position: int
    """Runs before this one, the one being answered included."""


class Notice(_Event, frozen=True, kw_only=True):
    """Something the person should know: an ignored option, a fallback."""

    code: Literal["option_ignored", "fallback", "evicted", "retry", "note"]
    message: str
    model: str | None = None
    """For a fallback: the model that answers instead."""
    seconds: int | None = None
    """For a retry: how long until it is tried again; a new notice each second counts down to 0, when it is tried."""


class LoadProgress(_Event, frozen=True, kw_only=True):
    """A model is being loaded."""

    model: str
    done: int
    """Bytes of weights materialised so far."""
    total: int | None = None
    """Bytes in all; ``None`` while unknown."""
    seconds: float | None = None
    """Set in the last one only: how long loading took."""


class PrefillProgress(_Event, frozen=True, kw_only=True):
    """The prompt is being read."""

    done: int
    """Prompt tokens processed, cached ones included."""
    total: int


class ReasoningDelta(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """More of the model's thinking."""

    text: str
    tokens: tuple[int, ...] = ()
    """Ids of the tokens behind it, where the engine tells; delimiters are in neither."""
    logprobs: tuple[Token, ...] = ()
    """The same tokens with their probabilities, where these were asked for and are told."""


class TextDelta(_Event, frozen=True, kw_only=True, omit_defaults=True):
    """More of the answer."""

    text: str
    tokens: tuple[int, ...] = ()
    """Ids of the tokens behind it, where the engine tells; may be empty while text was held back."""
    logprobs: tuple[Token, ...] = ()
    """The same tokens with their probabilities, where these were asked for and are told."""


class ToolCalled(_Event, frozen=True, kw_only=True):
    """The model asks for a function."""

    call: ToolCall


class UsageKnown(_Event, frozen=True, kw_only=True):
    """What is known before the end: the prompt's tokens at the first generated one, say."""

    usage: Usage
    ttft_s: float | None = None
    """Time to first token, once it is there; see `Metrics`."""


class Finished(_Event, frozen=True, kw_only=True):
    """The run ended well; ``cancelled`` counts as well."""

    reason: FinishReason
    usage: Usage = Usage()
    metrics: Metrics = Metrics()
    applied: GenerationOptions = GenerationOptions()
    """The options that were really used."""
    ignored: tuple[str, ...] = ()
    """Names of the options asked for that the engine or server does not honour."""
    grammar: bool = False
    """Whether the engine's grammar held the answer to the schema, all the way."""


class Failed(_Event, frozen=True, kw_only=True):
    """The run failed; text that arrived before stays valid."""

    error: ErrorInfo
    metrics: Metrics = Metrics()


Event: TypeAlias = (
    Queued
    | Notice
    | LoadProgress
    | PrefillProgress
    | ReasoningDelta
    | TextDelta
    | ToolCalled
    | UsageKnown
    | Finished
    | Failed
)
"""The closed union."""

EVENT_KINDS: tuple[str, ...] = tuple(snake(t.__name__) for t in Event.__args__)
"""Wire tags of the union, in its order."""
