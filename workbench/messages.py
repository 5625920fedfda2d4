"""What is said: messages and their parts. Frozen values; they know nothing of who said or drew them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias
from uuid import uuid4

import msgspec

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Plain text, Markdown allowed."""

    text: str


class Reasoning(msgspec.Struct, frozen=True, tag="reasoning"):
    """What a model thought before it answered; not sent back to it."""

    text: str
    seconds: float | None = None
    """How long it thought, in seconds; ``None`` when that was not measured."""


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture, its encoded bytes inside."""

    data: bytes
    media_type: str = "image/png"
    name: str = ""
    note: str = ""
    """What a person should know of it: its size in pixels, say."""


class File(msgspec.Struct, frozen=True, tag="file"):
    """A text file, or what else was made a text of, its content inside."""

    name: str
    text: str
    kind: Literal["file", "table", "output", "error"] = "file"
    note: str = ""
    """What a person should know of it: that only a part is here, say."""
    tokens: int | None = None
    """As the chosen model's tokenizer counted when it was attached; ``None``: nobody counted."""


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """A model asks for a function to be called."""

    id: str
    name: str
    arguments: str
    """The arguments as the model wrote them: a JSON object, if it wrote well."""


CallEnd: TypeAlias = Literal["done", "failed", "refused", "timeout"]
"""How a call ended: it gave something back, it could not be made or raised, nobody allowed it, its time was up."""


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What the function gave back."""

    call: str
    """Id of the `ToolCall` this answers."""
    content: str
    status: CallEnd = "done"
    seconds: float | None = None
    """How long it ran; ``None`` when it did not."""


NO_RESULT = "No result: the call was not made."
"""What a model reads of a call that nothing came of."""


class Shape(msgspec.Struct, frozen=True, kw_only=True, tag="shape"):
    """What an answer was to be: JSON of a schema; and whether it is."""

    name: str
    """For a person: the name of the type that was asked for, or of the schema; empty where it has none."""
    schema: dict[str, Any]
    enforced: Literal["grammar", "checked"] | None = None
    """What held it to the schema: the engine's grammar, or a look at it afterwards; ``None`` before its end."""
    valid: bool | None = None
    """Whether it fits; ``None`` where nobody looked: it was stopped, or failed."""
    error: str = ""
    """What does not fit."""


Part: TypeAlias = Text | Reasoning | Image | File | ToolCall | ToolResult | Shape


def new_id() -> str:
    """A fresh id for a message, a run or a session: 12 hexadecimal digits."""
    return uuid4().hex[:12]


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation."""

    role: Role
    parts: tuple[Part, ...] = ()
    id: str = msgspec.field(default_factory=new_id)
    model: str | None = None
    """Id of the model that wrote it; ``None`` for people and tools."""

    @property
    def text(self) -> str:
        """All its text parts, joined; what was said after a call of a function is a paragraph of its own."""
        return said(self.parts)

    @property
    def reasoning(self) -> str:
        """All its reasoning parts, joined."""
        return "".join(p.text for p in self.parts if isinstance(p, Reasoning))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The functions it asks for."""
        return tuple(p for p in self.parts if isinstance(p, ToolCall))


def said(parts: Iterable[Part]) -> str:
    """The text of a message: its text parts, with a blank line where a call of a function stands between them."""
    texts: list[str] = []
    between = False
    for part in parts:
        if isinstance(part, Text):
            texts.append(f"\n\n{part.text}" if between and texts else part.text)
            between = False
        elif isinstance(part, ToolCall | ToolResult):
            between = True
    return "".join(texts)


def system(text: str) -> Message:
    """A system message."""
    return Message("system", (Text(text),))


def user(text: str, *parts: Part) -> Message:
    """A user message: text, and other parts (images, files) before it."""
    return Message("user", (*parts, Text(text)))


def assistant(text: str, *, model: str | None = None, reasoning: str = "") -> Message:
    """An assistant message."""
    thought: tuple[Part, ...] = (Reasoning(reasoning),) if reasoning else ()
    return Message("assistant", (*thought, Text(text)), model=model)


def plain(messages: tuple[Message, ...] | list[Message]) -> list[dict[str, object]]:
    """Messages as chat templates and OpenAI-compatible servers read them: role and content.

    Reasoning is left out; files become text before the message's own; images become
    ``image_url`` parts with a data URL; tool calls and results take the OpenAI shape. An answer that called functions
    is written as the messages that it was: the calls, each with its result, then what was said next.
    """
    answered = {p.call for m in messages for p in m.parts if isinstance(p, ToolResult)}
    return [wire for m in messages for step in _steps(m) for wire in _wire(step, answered)]


def _steps(message: Message) -> list[Message]:
    """The messages that an answer was: one that calls functions ends with their results."""
    steps: list[list[Part]] = [[]]
    for part in message.parts:
        if not isinstance(part, ToolResult) and any(isinstance(p, ToolResult) for p in steps[-1]):
            steps.append([])
        steps[-1].append(part)
    return [msgspec.structs.replace(message, parts=tuple(parts)) for parts in steps]


def _wire(message: Message, answered: set[str]) -> list[dict[str, object]]:
    given = [(p.call, p.content) for p in message.parts if isinstance(p, ToolResult)]
    given += [(call.id, NO_RESULT) for call in message.tool_calls if call.id not in answered]
    results: list[dict[str, object]] = [{"role": "tool", "tool_call_id": of, "content": text} for of, text in given]
    if results and not message.tool_calls:
        return results
    files = "".join(f"File {p.name}:\n{p.text}\n\n" for p in message.parts if isinstance(p, File))
    text = files + message.text
    images = [p for p in message.parts if isinstance(p, Image)]
    out: dict[str, object] = {"role": message.role, "content": text}
    if images:
        import base64

        out["content"] = [
            *(
                {
                    "type": "image_url",
                    "image_url": {"url": f"data:{i.media_type};base64,{base64.b64encode(i.data).decode()}"},
                }
                for i in images
            ),
            {"type": "text", "text": text},
        ]
    if message.tool_calls:
        out["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.tool_calls
        ]
    return [out, *results]
