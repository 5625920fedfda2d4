"""A cell that is being answered: its `Answer`, who answers, and what became of it. Knows no thread and no record."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from workbench.events import Event
from workbench.services import ChatService
from workbench.sessions.answer import Answer
from workbench.sessions.comparing import views
from workbench.sessions.comparing.values import Cell, CellKey


class Live:
    """A cell on its way; the sweep's lock guards it."""

    def __init__(self, key: CellKey, answer: Answer, service: ChatService, line: str) -> None:
        self.key = key
        self.answer = answer
        self.service = service
        self.line = line
        """Name of the line it stands in."""
        self.batched = False
        """Whether others of its line were answered meanwhile."""
        self.stopping = False
        self.waits = False
        """Whether its service waits to send the request again."""
        self.future: Future[list[Event]] | None = None
        """What an executor's worker will bring; ``None`` where it is answered here."""

    def cell(self) -> Cell:
        """It as it is now."""
        answer = self.answer
        return Cell(
            key=self.key,
            status=answer.status,  # type: ignore[arg-type]  # it calls no functions: never "asking"
            text=answer.text,
            reasoning=answer.reasoning,
            error=answer.error,
            usage=answer.usage,
            metrics=answer.metrics,
            finish=answer.finish,
            notes=tuple(answer.notes),
            applied=answer.applied,
            ignored=answer.ignored,
            batched=self.batched,
        )

    def view(self) -> dict[str, Any]:
        """The same for a screen."""
        return views.live(self.key, self.answer, batched=self.batched)
