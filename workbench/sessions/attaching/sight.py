"""Which models see pictures, as far as that is known before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.errors import UsageError
from workbench.messages import Image, Message
from workbench.model import ModelInfo


def sees(info: ModelInfo) -> bool | None:
    """Whether a model takes pictures; ``None``: its server does not say what it can, so it is sent what there is."""
    if "vision" in info.capabilities:
        return True
    return False if info.local or info.capabilities else None


def blind(info: ModelInfo) -> str:
    """What to say of a model that does not see pictures; empty for others."""
    return f"{info.id} cannot see pictures." if sees(info) is False else ""


def check(info: ModelInfo, messages: Iterable[Message]) -> None:
    """Raise `UsageError` where a model would be sent pictures that it cannot see."""
    names = [part.name or "a picture" for m in messages for part in m.parts if isinstance(part, Image)]
    if names and blind(info):
        raise UsageError(
            f"{info.id} cannot see pictures: {', '.join(dict.fromkeys(names))}.",
            next_step="Choose a model with vision, or take the picture out.",
        )
