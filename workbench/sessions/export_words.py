"""Who said a message, when, with which options, and what was measured: in words for every export. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.messages import File, Image, Reasoning, Shape, Text, ToolCall, ToolResult
from workbench.messages import said as text_of
from workbench.options import GenerationOptions

if TYPE_CHECKING:
    from workbench.store.history_values import StoredChat, StoredMessage

UNTITLED = "Untitled chat"


def title(chat: StoredChat) -> str:
    """The chat's title on one line."""
    return " ".join(chat.title.split()) or UNTITLED


def who(message: StoredMessage) -> str:
    """You, System, Tool, or the model's id."""
    names = {"user": "You", "system": "System", "tool": "Tool"}
    return names.get(message.role) or message.model or "Assistant"


def when(at: float) -> str:
    """``2026-11-21 08:40``, by this machine's clock."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")


def stamp(at: float) -> str:
    """The same with seconds and the offset from UTC, ISO 8601."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def models(messages: Sequence[StoredMessage]) -> list[str]:
    """The models that wrote something, in the order of their first answer."""
    return list(dict.fromkeys(message.model for message in messages if message.model))


def said(message: StoredMessage) -> str:
    """All its text."""
    return text_of(message.parts)


def thought(message: StoredMessage) -> str:
    """All its reasoning."""
    return "".join(part.text for part in message.parts if isinstance(part, Reasoning))


def files(message: StoredMessage) -> list[File]:
    """The files that came with it."""
    return [part for part in message.parts if isinstance(part, File)]


def images(message: StoredMessage) -> list[Image]:
    """The pictures that came with it."""
    return [part for part in message.parts if isinstance(part, Image)]


def spoken(message: StoredMessage) -> Iterator[Text | tuple[str, str]]:
    """What was said, in order: texts, and between them the calls of functions and their results, each a heading and
    its text.
    """
    endings = {"done": "gave", "failed": "failed", "refused": "was refused", "timeout": "ran out of time"}
    names = {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
    for part in message.parts:
        if isinstance(part, Text):
            yield part
        elif isinstance(part, ToolCall):
            yield f"Call of {part.name}", part.arguments
        elif isinstance(part, ToolResult):
            took = "" if part.seconds is None else f" ({part.seconds:.2f} s)"
            yield f"{names.get(part.call, 'The call')} {endings[part.status]}{took}", part.content


def facts(message: StoredMessage) -> list[str]:
    """When it was said; of an answer also what was counted and measured. What is not known is left out."""
    usage, metrics = message.usage, message.metrics
    words = [when(message.created)]
    if message.edited:
        words.append("edited")
    if usage.prompt_tokens is not None:
        cached = f" ({usage.cached_tokens} cached)" if usage.cached_tokens else ""
        words.append(f"{_tokens(usage.prompt_tokens, 'prompt ')}{cached}")
    if usage.completion_tokens is not None:
        words.append(_tokens(usage.completion_tokens))
    if metrics.ttft_s is not None:
        words.append(f"{metrics.ttft_s:.2f} s to the first token")
    if metrics.decode_tps is not None:
        words.append(f"{metrics.decode_tps:.1f} tok/s")
    return [*words, *filter(None, [shape(message)])]


def shape_of(message: StoredMessage) -> Shape | None:
    """The shape that an answer was asked in; ``None`` for free text."""
    return next((part for part in message.parts if isinstance(part, Shape)), None)


def shape(message: StoredMessage) -> str:
    """What an answer was to be by its schema, and whether it is; empty for free text."""
    found = shape_of(message)
    if found is None:
        return ""
    kind = f"JSON ({found.name})" if found.name else "JSON"
    if found.valid is None:
        return f"{kind}, not checked"
    if not found.valid:
        return f"{kind} that does not fit the schema: {found.error}"
    return f"{kind}, enforced by the grammar" if found.enforced == "grammar" else f"{kind}, checked"


def settings(message: StoredMessage) -> list[str]:
    """The options that an answer was written with, and those that were asked for and not honoured."""
    given = {**message.options.given(), **message.applied.given()}
    words = [f"{name} {value(of)}" for name, of in given.items() if name not in message.ignored]
    return words + [f"{name} not honoured" for name in message.ignored]


def ending(message: StoredMessage) -> str:
    """How it ended, where it did not end well; empty otherwise."""
    if message.error is not None:
        return f"{message.error.message} {message.error.next_step}".strip()
    return {"cancelled": "Stopped.", "failed": "Failed.", "writing": "Not finished."}.get(message.status, "")


def options(given: GenerationOptions) -> list[str]:
    """Options as words: ``temperature 0``."""
    return [f"{name} {value(of)}" for name, of in given.given().items()]


def value(of: object) -> str:
    """An option's value as words."""
    if isinstance(of, tuple):
        return ", ".join(map(repr, of))
    return ("on" if of else "off") if isinstance(of, bool) else str(of)


def _tokens(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}token{'' if count == 1 else 's'}"
