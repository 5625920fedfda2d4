"""What is asked of a model: one run's messages, model, options, tools and schema. Frozen; imports no layer."""

from __future__ import annotations

from typing import Any

import msgspec

from workbench.messages import Message, new_id
from workbench.options import GenerationOptions


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function a model may ask for, as JSON schema; what runs it stays with the session."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    """JSON schema of the arguments object."""

    def wire(self) -> dict[str, object]:
        """The OpenAI shape, which chat templates read too."""
        spec = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": spec}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One generation to run."""

    messages: tuple[Message, ...]
    """The conversation, oldest first; the last one is what is to be answered."""
    continues: bool = False
    """Whether the last message is an answer to be gone on with: what comes is its continuation, from the next
    character on. Not every service can; see `ChatService.can_continue`."""
    model: str
    """Model id; see `workbench.model`."""
    run: str = msgspec.field(default_factory=new_id)
    """Id of the run; every event carries it."""
    options: GenerationOptions = GenerationOptions()
    tools: tuple[Tool, ...] = ()
    schema: dict[str, Any] | None = None
    """JSON schema the answer must meet; ``None`` for free text."""
    force: bool = False
    """Whether a local model is loaded for it even if it does not fit this machine."""

    @property
    def asked(self) -> tuple[Message, ...]:
        """The conversation up to what is to be answered."""
        return self.messages[:-1] if self.continues else self.messages

    @property
    def begun(self) -> Message | None:
        """The answer to be gone on with."""
        return self.messages[-1] if self.continues and self.messages else None
