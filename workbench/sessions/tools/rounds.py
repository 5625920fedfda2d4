"""The calls of an answer: one round of them allowed, run and answered, then the model goes on. Knows no service.

called -> asking -> running -> done, failed, timeout
       |         -> refused
       -> failed (no such function, arguments that do not fit: the model is told, and nobody is asked)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec

from workbench.errors import StateError, UsageError
from workbench.messages import ToolCall
from workbench.sessions.answer import Answer
from workbench.sessions.tools import arguments
from workbench.sessions.tools.called import Called
from workbench.sessions.tools.calling import Running
from workbench.sessions.tools.offer import Offer
from workbench.sessions.tools.permission import How

MOST_ROUNDS = 10
"""How often a model may call functions in one answer."""
ENOUGH = f"The model called functions {MOST_ROUNDS} times in a row. It was stopped there; send a message to go on."
REFUSED = "The person did not allow this call."
STOPPED = "The person stopped the answer before this call had ended."


class Round:
    """The calls of an answer that have no result yet. `run` returns when all of them have one."""

    def __init__(
        self,
        answer: Answer,
        offer: Offer,
        changed: threading.Condition,
        *,
        stopping: Callable[[], bool],
        tell: Callable[[], None],
    ) -> None:
        self._calls = [call for call in answer.calls if call.result is None]
        self._answer = answer
        self._offer = offer
        self._changed = changed
        """Notified when the person decides, a function ends, or the answer is stopped; its lock guards the calls."""
        self._stopping = stopping
        self._tell = tell

    def run(self) -> None:
        """Ask for leave where it is needed, run what may run, one after another; on the answer's thread."""
        with self._changed:
            for call in self._calls:
                self._settle(call)
        while (ready := self._next()) is not None:
            self._run(ready)

    def refuse(self, why: str) -> None:
        """Give every call without a result this one; the lock is held."""
        for call in self._calls:
            if call.result is None:
                call.end("refused", why)

    def _settle(self, call: Called) -> None:
        """What can be said of a call before anybody is asked."""
        function = self._offer.functions.get(call.name)
        if function is None:
            names = ", ".join(self._offer.functions)
            call.end("failed", f"There is no tool {call.name!r}. The tools are: {names}.")
            return
        try:
            arguments.read(function, call.call.arguments)
        except UsageError as error:
            call.end("failed", str(error))
            return
        decided = self._offer.permissions.of(call.name)
        if decided == "never":
            call.end("refused", REFUSED)
        elif decided == "always" or self._offer.free:
            call.ready = True
        else:
            call.status = "asking"

    def _next(self) -> Called | None:
        """The next call that may run; waits for the person. ``None`` when none is left."""
        with self._changed:
            while True:
                if self._stopping():
                    self.refuse(STOPPED)
                ready = next((call for call in self._calls if call.ready), None)
                asking = any(call.status == "asking" for call in self._calls)
                if ready is not None:
                    ready.ready, ready.status = False, "running"
                self._answer.status = "calling" if ready is not None or not asking else "asking"
                self._tell()
                if ready is not None or not asking:
                    return ready
                self._changed.wait()

    def _run(self, call: Called) -> None:
        function = self._offer.functions[call.name]
        args, kwargs = arguments.read(function, call.call.arguments)
        limit = self._offer.timeout
        running = Running(call.name, lambda: function.function(*args, **kwargs), self._offer.context, self._wake)
        with self._changed:
            self._changed.wait_for(lambda: running.outcome is not None or self._stopping(), limit)
            if running.outcome is not None:
                call.end(*running.outcome)
            elif self._stopping():
                call.end("failed", STOPPED, seconds=running.seconds)
            else:
                call.end(*running.late(limit))

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


def asking(answer: Answer) -> list[Called]:
    """The calls that wait for the person."""
    return [call for call in answer.calls if call.status == "asking" and not call.ready]


def decide(
    answer: Answer, offer: Offer, call: str | None, how: How, given: dict[str, Any] | None, changed: threading.Condition
) -> None:
    """The person says what becomes of a call (by its id; ``None``: the only one that waits); the lock is held.

    `given` are the arguments, if the person changed them. Raises `StateError` when it does not wait, `UsageError` for
    arguments that do not fit: then it waits on.
    """
    if how not in ("once", "always", "never"):
        raise UsageError(f"how cannot be {how!r}.", next_step='It is "once", "always" or "never".')
    waiting = asking(answer)
    found = waiting[0] if call is None and len(waiting) == 1 else next((c for c in waiting if c.id == call), None)
    if found is None:
        several = call is None and len(waiting) > 1
        raise StateError("Several calls wait: say which." if several else "No such call waits for leave.")
    if given is not None and how != "never":
        arguments.read(offer.functions[found.name], given)
        written = msgspec.json.encode(given).decode()
        if given != found.arguments:
            found.call = ToolCall(found.call.id, found.call.name, written)
    alike = [found] if how == "once" else [c for c in waiting if c.name == found.name]
    if how == "always":
        offer.permissions.allow(found.name)
    elif how == "never":
        offer.permissions.refuse(found.name)
    for each in alike:
        if how == "never":
            each.end("refused", REFUSED)
        else:
            each.ready = True
    changed.notify_all()
