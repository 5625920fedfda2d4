"""The handle on one answer: wait for it, read it as it comes, stop it. Knows no service and no widget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from workbench.errors import SchemaError, StateError, WorkbenchError
from workbench.events import FinishReason, Metrics, Notice, Usage
from workbench.messages import Message
from workbench.options import GenerationOptions
from workbench.sessions.answer import Answer
from workbench.sessions.structured.wanted import kept
from workbench.sessions.tools.called import Called
from workbench.sessions.tools.offer import Offer
from workbench.sessions.tools.permission import How
from workbench.sessions.tools.rounds import asking, decide
from workbench.tokens import Token, perplexity

STOP_GRACE_S = 2.0
"""How long an interrupted wait gives the run to end, so that its last words are kept."""


class Reply:
    """One answer, from the moment it is asked for. `Chat.send` and `ask` return it at once.

    In a notebook a reply that ends a cell writes itself there as it comes.

        reply = wb.ask("Write a haiku about rivers")
        for piece in reply:              # as it is written
            print(piece, end="")
        reply.result()                   # the whole text
        reply.metrics.ttft_s             # seconds to the first token
    """

    def __init__(
        self,
        answer: Answer,
        changed: threading.Condition,
        stop: Callable[[str], None],
        *,
        offer: Offer | None = None,
        watched: Callable[[], bool] = lambda: True,
    ) -> None:
        self._answer = answer
        self._changed = changed
        self._stop = stop
        self._offer = offer
        """The functions that its model may call."""
        self._watched = watched
        """Whether somebody sees the chat, and can be asked."""
        self._ended = threading.Event()
        self._news = threading.Event()
        """Set at the end, and while a call waits for the person."""
        self._stopping = False
        """Whether its chat was asked to stop it."""
        self._dropped = False
        """Whether its chat forgot it: a cleared transcript hears no more of it."""
        self._shown_in: int | None = None
        """Number of the cell in whose output it was written already; ``None`` for none."""

    def result(self, timeout: float | None = None) -> str:
        """Wait for the end and return the text; of a cancelled run, what was written.

        `timeout` is in seconds; ``None`` waits as long as it takes. Raises the run's error
        (`WorkbenchError`) if it failed, and `TimeoutError` when time is up: the run goes on then.
        An interrupt (Ctrl-C, the notebook's stop button) cancels the run, keeps what was written in
        `partial`, and is raised again. Where a call of a function waits for leave and no widget is there to ask for it,
        raises `StateError`, which says how to allow it; the call waits on.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"The answer has not ended after {timeout} s; it goes on. reply.stop() ends it.")
        if self.error is not None:
            raise self.error
        return self.partial

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; whether it came. An interrupt cancels the run.

        Raises `StateError` as `result` does.
        """
        try:
            until = None if timeout is None else time.monotonic() + timeout
            while self._news.wait(None if until is None else until - time.monotonic()) and not self.done:
                self._check_asking()
            return self.done
        except KeyboardInterrupt:
            self._interrupted()
            raise

    def stop(self) -> None:
        """Cancel the run; what was written stays. Does nothing after the end."""
        self._stop(self._answer.run)

    def allow_call(
        self, call: str | None = None, how: How = "once", *, arguments: dict[str, Any] | None = None
    ) -> None:
        """Say what becomes of a call that waits for leave; see `Chat.allow_call`."""
        with self._changed:
            if self._offer is None:
                raise StateError("No call waits for leave.")
            decide(self._answer, self._offer, call, how, arguments, self._changed)

    @property
    def calls(self) -> tuple[Called, ...]:
        """The functions that the model called, in order, and what came of it; does not wait."""
        return tuple(self._answer.calls)

    @property
    def text(self) -> str:
        """The text, once the run has ended; of a failed run, what arrived. Waits, and never raises its error."""
        self.wait()
        return self.partial

    @property
    def partial(self) -> str:
        """What is written so far; does not wait."""
        return self._answer.text

    @property
    def value(self) -> Any:
        """The object that the answer is, by the schema it was asked in: of the type given, or what JSON gives.

        Waits. Raises the run's error, `SchemaError` where the text does not fit (its details hold the text), and
        `StateError` for an answer that was asked without a schema.
        """
        self.result()
        answer = self._answer
        if answer.shape is None:
            raise StateError("This answer was asked without a schema.", next_step="Ask with schema=...")
        fit = answer.fit = answer.fit or kept(answer.shape).fit(self.partial)
        if not fit.why and answer.status != "cancelled":
            return fit.value
        why = "it was stopped" if answer.status == "cancelled" else answer.shape.error or fit.why
        name = answer.shape.name or "its schema"
        raise SchemaError(f"The answer does not fit {name}: {why}.", details=self.partial)

    @property
    def enforced(self) -> Literal["grammar", "checked"] | None:
        """What held the answer to its schema: the engine's grammar, or a look at it afterwards; ``None`` without a
        schema, and before the end. Does not wait.
        """
        shape = self._answer.shape
        return None if shape is None else shape.enforced

    @property
    def reasoning(self) -> str:
        """What the model thought, once the run has ended; empty when it did not. Waits, like `text`."""
        self.wait()
        return self._answer.reasoning

    @property
    def done(self) -> bool:
        """Whether the run has ended: well, cancelled or failed."""
        return self._ended.is_set()

    @property
    def error(self) -> WorkbenchError | None:
        """Why the run failed; ``None`` when it did not, or has not ended."""
        info = self._answer.error
        return None if info is None else info.to_error()

    @property
    def id(self) -> str:
        """Id of the message that this answer is in its chat."""
        return self._answer.id

    @property
    def run(self) -> str:
        """Id of the run."""
        return self._answer.run

    @property
    def status(self) -> str:
        """Where the run is: ``queued``, ``loading``, ``prefill``, ``thinking``, ``writing``; ``asking`` (a call
        waits for leave), ``calling`` (one runs); at its end ``done``, ``cancelled`` or ``failed``.
        """
        return self._answer.status

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens written so far, each with its probability and what else might have stood there.

        Does not wait. Empty unless the probabilities were asked for (``logprobs=5``) and the engine or server tells
        them. They are kept in memory only: an answer from the history has none.
        """
        return tuple(self._answer.scored)

    @property
    def perplexity(self) -> float | None:
        """How surprised the model was by its own answer, 1 being not at all: ``exp(-mean(logprob))`` over `tokens`.

        ``None`` where there are none.
        """
        return perplexity(self._answer.scored)

    @property
    def model(self) -> str:
        """Id of the model that answers; after a fallback, of the one that really did."""
        return self._answer.model

    @property
    def usage(self) -> Usage:
        """Tokens counted; each ``None`` until it is known."""
        return self._answer.usage

    @property
    def metrics(self) -> Metrics:
        """What was measured (seconds, tokens a second, bytes); empty before the end."""
        return self._answer.metrics

    @property
    def finish(self) -> FinishReason | None:
        """Why it ended: ``stop``, ``length``, ``tool_calls``, ``cancelled``; ``None`` before the end or on failure."""
        return self._answer.finish

    @property
    def notes(self) -> tuple[Notice, ...]:
        """What the person should know of this answer: an ignored option, a fallback."""
        return tuple(self._answer.notes)

    @property
    def options(self) -> GenerationOptions:
        """The options asked for."""
        return self._answer.options

    @property
    def applied(self) -> GenerationOptions:
        """The options really used, as the service told; empty before the end."""
        return self._answer.applied

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names of the options asked for that the engine or server does not honour."""
        return self._answer.ignored

    @property
    def message(self) -> Message | None:
        """The answer as a message; ``None`` before the end."""
        return self._answer.message if self.done else None

    def __iter__(self) -> Iterator[str]:
        """Pieces of the text as they arrive, from the first. Raises the run's error after the last one."""
        seen = 0
        while new := self._pieces_after(seen):
            seen += len(new)
            yield from new
        if self.error is not None:
            raise self.error

    def __str__(self) -> str:
        return self.result()

    def __repr__(self) -> str:
        text = self.partial
        start = text if len(text) <= 60 else text[:59] + "…"
        note = self._fallback_note
        return f"<Reply {self.status}: {start!r}{f'; {note}' if note else ''}>"

    def _ipython_display_(self) -> None:
        from workbench import display

        if self._shown_in is None or self._shown_in != display.cell_number():
            display.stream(self)
        elif not display.in_notebook():
            print(repr(self))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from workbench.sessions.transcript import safe_markdown

        text = safe_markdown(self.partial)
        if self._fallback_note:
            text = f"> {safe_markdown(self._fallback_note)}\n\n{text}"
        if self.error is not None:
            text = f"{text}\n\n> **{safe_markdown(self.error.message)}** {safe_markdown(self.error.next_step)}"
        elif self._answer.status == "cancelled":
            text = f"{text}\n\n*Stopped.*"
        return {"text/markdown": text.strip(), "text/plain": self.partial}

    @property
    def _fallback_note(self) -> str:
        """Which model answers instead, and why; empty without a fallback."""
        return next((note.message for note in self.notes if note.code == "fallback"), "")

    def _pieces_after(self, seen: int) -> list[str]:
        """What came after the first `seen` pieces; waits for some, and is empty at the end."""
        try:
            with self._changed:
                self._changed.wait_for(lambda: len(self._answer.pieces) > seen or self.done or self._stuck)
                new = self._answer.pieces[seen:]
                if not new and not self.done:
                    self._check_asking()
                return new
        except KeyboardInterrupt:
            self._interrupted()
            raise

    def _end(self) -> None:
        """Nothing more will come."""
        self._ended.set()
        self._news.set()

    def _heard_asking(self, asking: bool) -> None:
        """Whether a call waits for the person."""
        if asking and not self._watched():
            self._news.set()
        else:
            self._news.clear()
        self._changed.notify_all()

    @property
    def _stuck(self) -> bool:
        """Whether a call waits for a person who is not there."""
        return not self._stopping and not self._watched() and bool(asking(self._answer))

    def _check_asking(self) -> None:
        """Raises `StateError` where a call waits for leave and nobody can be asked for it."""
        with self._changed:
            waiting = asking(self._answer) if self._stuck else []
            if not waiting and not self.done:  # somebody came, or has answered
                self._news.clear()
        if waiting:
            name = waiting[0].name
            raise StateError(
                f"The model asks to run {name}({waiting[0].call.arguments}), which nobody has allowed; it waits.",
                next_step=f"reply.allow_call() runs it once, chat.allow({name!r}) always; or ask with allow=True.",
            )

    def _interrupted(self) -> None:
        self.stop()
        self._ended.wait(STOP_GRACE_S)
