"""One call of an answer: asked for by the model, allowed by the person, run, answered. It knows no thread."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

from workbench.messages import CallEnd, ToolCall, ToolResult

CallStatus: TypeAlias = Literal["called", "asking", "running", "done", "failed", "refused", "timeout"]
"""``called``: the model wrote it, and nothing was decided yet; ``asking``: it waits for the person."""


class Called:
    """A call and what came of it. `Reply.calls` gives them."""

    def __init__(self, call: ToolCall, *, at: int, round: int) -> None:
        self.call = call
        """As the model wrote it, or as the person changed it."""
        self.at = at
        """Pieces of the answer's text before it."""
        self.round = round
        """How often the model had been asked again when it wrote it."""
        self.status: CallStatus = "called"
        self.ready = False
        """Whether it may run."""
        self.result: str | None = None
        """What the model was sent; ``None`` before the end."""
        self.value: Any = None
        """What the function gave back, whole, or its exception; not kept in the history."""
        self.seconds: float | None = None
        """How long it ran; ``None`` when it did not, or runs."""

    def __repr__(self) -> str:
        return f"<Call {self.name}({self.call.arguments}): {self.status}>"

    @property
    def id(self) -> str:
        """Its id: `Chat.allow_call` takes it."""
        return self.call.id

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.call.name

    @property
    def arguments(self) -> dict[str, Any] | str:
        """By name; as the model wrote them where that is no JSON object."""
        try:
            found = json.loads(self.call.arguments or "{}")
        except ValueError:
            return self.call.arguments
        return found if isinstance(found, dict) else self.call.arguments

    def end(self, status: CallEnd, text: str, value: Any = None, seconds: float | None = None) -> None:
        """It has ended so."""
        self.status, self.result, self.value, self.seconds, self.ready = status, text, value, seconds, False

    @property
    def part(self) -> ToolResult | None:
        """Its result as a part of the message; ``None`` before the end."""
        match self.status:
            case "done" | "failed" | "refused" | "timeout" as ended:
                return ToolResult(self.call.id, self.result or "", ended, self.seconds)
        return None

    def take(self, result: ToolResult) -> None:
        """It ended as a kept message says."""
        self.end(result.status, result.content, seconds=result.seconds)

    def view(self, at: int) -> dict[str, Any]:
        """As the front end reads it; `at` counts the characters of the text before it."""
        return {
            "id": self.call.id,
            "name": self.call.name,
            "arguments": self.arguments,
            "status": self.status,
            "result": self.result,
            "seconds": self.seconds,
            "at": at,
        }
