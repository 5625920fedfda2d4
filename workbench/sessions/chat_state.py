"""What a chat shows beside its messages: the context in use, options and presets. Pure, but for the settings given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from workbench.errors import UsageError
from workbench.options import GenerationOptions, make_options
from workbench.sessions.prompts import variables_of
from workbench.sessions.tree import Node
from workbench.store.settings import Settings


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the context; ``None`` is unknown."""

    used: int | None
    """Prompt and answer of the last turn shown that was counted."""
    reserved: int | None
    """Kept free for the next answer: its `max_tokens`, or what is left."""
    limit: int | None
    """In all."""


class PreviewState:
    """The preview that is shown, and which asking it answers."""

    def __init__(self) -> None:
        self.view: dict[str, Any] | None = None
        self.asked = 0
        """Counts the askings: an answer to an earlier one comes too late."""


def context_of(path: Sequence[Node], options: GenerationOptions, limit: int | None) -> Context:
    """The context of the path shown, in tokens."""
    used = next((count for node in reversed(path) if (count := _counted(node)) is not None), None)
    left = None if limit is None else max(0, limit - (used or 0))
    asked = options.max_tokens
    reserved = asked if left is None else left if asked is None else min(asked, left)
    return Context(used=used, reserved=reserved, limit=limit)


def option_fields(options: GenerationOptions, now: Settings) -> dict[str, Any]:
    """The options set, and the preset that they equal."""
    equal = (name for name, given in now.presets.items() if _made(given) == options)
    return {"options": _plain(options.given()), "preset": next(equal, None)}


def settings_fields(now: Settings) -> dict[str, Any]:
    """The presets and prompts there are."""
    return {
        "presets": [{"name": name, "options": _plain(given)} for name, given in now.presets.items()],
        "prompts": [
            {"name": name, "text": text, "variables": list(variables_of(text))} for name, text in now.prompts.items()
        ],
    }


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def _counted(node: Node) -> int | None:
    """Prompt and answer of its last round."""
    if node.reply is None:
        return None
    usage = node.reply._answer.usage_last
    return None if usage.prompt_tokens is None else usage.prompt_tokens + (usage.completion_tokens or 0)


def _made(given: dict[str, Any]) -> GenerationOptions | None:
    try:
        return make_options(**given)
    except UsageError:
        return None
