"""A message that waits for leave to leave this machine. Knows no chat."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from workbench.commands import Command, Edit, Send
from workbench.services.address import place

leave: ContextVar[str] = ContextVar("leave", default="")
"""The address that the person allowed for what is being asked now, on this thread; empty for none."""


class Held(NamedTuple):
    """What a front end asked, and the address it would go to."""

    command: Command
    model: str
    url: str

    def view(self) -> dict[str, str]:
        """As the front end reads it; the text is empty for an answer asked for again."""
        text = self.command.text if isinstance(self.command, Send | Edit) else ""
        return {"place": place(self.url), "model": self.model, "text": text}
