"""What is said: messages and their parts. Frozen values; they know nothing of who said or drew them."""

from __future__ import annotations

from typing import Literal, TypeAlias
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


class File(msgspec.Struct, frozen=True, tag="file"):
    """A text file, its content inside."""

    name: str
    text: str


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """A model asks for a function to be called."""

    id: str
    name: str
    arguments: str
    """The arguments as the model wrote them: a JSON object, if it wrote well."""


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What the function gave back."""

    call: str
    """Id of the `ToolCall` this answers."""
    content: str
    failed: bool = False


Part: TypeAlias = Text | Reasoning | Image | File | ToolCall | ToolResult


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
        """All its text parts, joined."""
        return "".join(p.text for p in self.parts if isinstance(p, Text))

    @property
    def reasoning(self) -> str:
        """All its reasoning parts, joined."""
        return "".join(p.text for p in self.parts if isinstance(p, Reasoning))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The functions it asks for."""
        return tuple(p for p in self.parts if isinstance(p, ToolCall))


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
    ``image_url`` parts with a data URL; tool calls and results take the OpenAI shape.
    """
    return [wire for m in messages for wire in _wire(m)]


def _wire(message: Message) -> list[dict[str, object]]:
    results = [p for p in message.parts if isinstance(p, ToolResult)]
    if results:
        return [{"role": "tool", "tool_call_id": r.call, "content": r.content} for r in results]
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
    return [out]
