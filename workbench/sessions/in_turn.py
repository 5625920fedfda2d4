"""One line for several chats: who of them may be answered now, one at a time. Knows no chat and no model.

Line     the places of all, in the order of their asking
Place    a chat's: it stands in the line once for each answer that it asked for
Turn     a run of it, which waits until its place is the first, and says for how many
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

from workbench.errors import ErrorInfo
from workbench.events import Event, Finished, Queued
from workbench.request import Request
from workbench.services.fallback import Run

if TYPE_CHECKING:
    from workbench.services import ChatService
    from workbench.services.registry import Services


class Line:
    """The places that wait, in the order of their asking; the first is being answered."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.places: list[Place] = []


class Place:
    """One chat's place in a line."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def ask(self) -> None:
        """Stand in the line once more."""
        with self.line.changed:
            self.line.places.append(self)

    def leave(self, *, newest: bool = False) -> None:
        """Stand in the line once less: what was asked for first has ended, or, with `newest`, what was last."""
        with self.line.changed:
            places = self.line.places
            standing = [at for at, place in enumerate(places) if place is self]
            if standing:
                del places[standing[-1 if newest else 0]]
            self.line.changed.notify_all()

    def ahead(self) -> int:
        """How many stand before it; called with the line's lock."""
        return self.line.places.index(self) if self in self.line.places else 0


class Turn(Run):
    """A run that waits for its turn."""

    def __init__(
        self,
        place: Place,
        services: Services,
        request: Request,
        service: ChatService | None,
        *,
        missing: ErrorInfo | None = None,
        substitute: bool | None = None,
    ) -> None:
        super().__init__(services, request, service, missing=missing, substitute=substitute)
        self._place = place

    def cancel(self) -> None:
        """Cancel it from any thread, waiting or not."""
        super().cancel()
        with self._place.line.changed:
            self._place.line.changed.notify_all()

    def events(self) -> Generator[Event, None, None]:
        """How many are before it, each time that changes; then the events of the run."""
        told = 0
        while ahead := self._wait(told):
            yield Queued(run=self.id, position=ahead)
            told = ahead
        if self._cancelled:
            yield Finished(run=self.id, reason="cancelled")
        else:
            yield from super().events()

    def _wait(self, told: int) -> int:
        """Wait until not as many as were `told` are before it; how many are. 0: it is its turn, or it was cancelled."""
        place = self._place
        with place.line.changed:
            place.line.changed.wait_for(lambda: self._cancelled or not place.ahead() or place.ahead() != told)
            return 0 if self._cancelled else place.ahead()
