"""One answer, waited for: what judging and measuring need. Knows no cell."""

from __future__ import annotations

from contextlib import closing

from workbench.request import Request
from workbench.services import ChatService
from workbench.sessions.answer import Answer


def whole_answer(service: ChatService, request: Request) -> Answer:
    """The answer at its end, however it ended. An interrupt cancels the run, and is raised."""
    answer = Answer(request.model, request.options)
    with closing(service.stream(request)) as events:  # type: ignore[type-var]  # it is a generator
        for event in events:
            answer.fold(event)
    return answer
