"""One answer while it comes in: folds a run's events into its state, and says what changed. Knows no thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from workbench.errors import ErrorInfo
from workbench.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    LoadProgress,
    Metrics,
    Notice,
    PrefillProgress,
    Queued,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    Usage,
    UsageKnown,
)
from workbench.messages import Message, Part, Reasoning, Text, ToolCall, new_id
from workbench.options import GenerationOptions

AnswerStatus: TypeAlias = Literal["queued", "loading", "prefill", "thinking", "writing", "done", "cancelled", "failed"]
Op: TypeAlias = list[Any]
"""One change of a view, as the front end reads it: ``["text", message_id, "more"]``, ``["patch", id, {...}]``."""

SPEED_WINDOW_S = 1.0
SPEED_EVERY_S = 0.1


class Answer:
    """The state of one answer. `fold` takes the facts in; `view` is all of it, ready for a screen."""

    def __init__(
        self,
        model: str,
        options: GenerationOptions,
        *,
        id: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = id or new_id()
        self.run = new_id()
        self.model = model
        self.options = options
        self.status: AnswerStatus = "prefill"
        self.position: int | None = None
        """Runs before this one; ``None`` when it does not wait."""
        self.pieces: list[str] = []
        self.thoughts: list[str] = []
        self.reasoning_s: float | None = None
        self.calls: list[ToolCall] = []
        self.notes: list[Notice] = []
        self.load: dict[str, int | None] | None = None
        self.prefill: dict[str, int] | None = None
        self.error: ErrorInfo | None = None
        self.usage = Usage()
        self.metrics = Metrics()
        self.finish: FinishReason | None = None
        self.applied = GenerationOptions()
        self.ignored: tuple[str, ...] = ()
        self.tokens = 0
        """Tokens generated so far, where the engine tells their ids; else 0 until the usage is known."""
        self.live_tps: float | None = None
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()
        self._speed_told = 0.0
        self._thinking_since: float | None = None

    def begin(self, other: Answer) -> None:
        """Begin with what another answer says; what comes goes on from there."""
        self.pieces, self.thoughts = [other.text], [other.reasoning] if other.thoughts else []
        self.reasoning_s = other.reasoning_s

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self.pieces)

    @property
    def reasoning(self) -> str:
        """What was thought so far."""
        return "".join(self.thoughts)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in ("done", "cancelled", "failed")

    @property
    def said_something(self) -> bool:
        """Whether there is an answer worth keeping: text, or a call of a tool."""
        return bool(self.calls) or bool(self.text.strip())

    @property
    def message(self) -> Message:
        """The answer so far as a message."""
        parts: list[Part] = []
        if self.thoughts:
            parts.append(Reasoning(self.reasoning, self.reasoning_s))
        if self.pieces:
            parts.append(Text(self.text))
        return Message("assistant", (*parts, *self.calls), id=self.id, model=self.model)

    def view(self) -> dict[str, Any]:
        """All of it as JSON-ready values."""
        return {
            "id": self.id,
            "role": "assistant",
            "model": self.model,
            "text": self.text,
            "reasoning": self.reasoning,
            "reasoning_s": self.reasoning_s,
            "status": self.status,
            "run": self.run,
            "position": self.position,
            "load": self.load,
            "prefill": self.prefill,
            "notes": self._notes(),
            "error": msgspec.to_builtins(self.error),
            "tools": self._tools(),
            "usage": msgspec.to_builtins(self.usage),
            "metrics": msgspec.to_builtins(self.metrics),
            "live_tps": self.live_tps,
            "tokens": self.tokens,
            "finish": self.finish,
        }

    def fold(self, event: Event) -> list[Op]:
        """Take one fact in; the changes it makes to a view. Facts after the end are dropped."""
        if self.ended:
            return []
        match event:
            case TextDelta():
                return self._generated("text", self.pieces, "writing", event)
            case ReasoningDelta():
                return self._generated("reasoning", self.thoughts, "thinking", event)
            case Queued():
                return [self.patch(status="queued", position=event.position)]
            case Notice():
                if event.code == "retry":  # it counts down in one place
                    self.notes = [note for note in self.notes if note.code != "retry"]
                self.notes.append(event)
                fields: dict[str, Any] = {}
                if event.code == "fallback" and event.model:  # what the first model did so far counts no more
                    fields = {"model": event.model, "status": "prefill", "load": None, "prefill": None}
                op = self.patch(**fields)
                op[2]["notes"] = self._notes()
                return [op]
            case LoadProgress():
                status = "loading" if event.seconds is None else "prefill"
                return [self.patch(status=status, position=None, load={"done": event.done, "total": event.total})]
            case PrefillProgress():
                prefill = {"done": event.done, "total": event.total}
                return [self.patch(status="prefill", position=None, prefill=prefill)]
            case ToolCalled():
                self.calls.append(event.call)
                return [["patch", self.id, {"tools": self._tools()}]]
            case UsageKnown():
                metrics = (
                    self.metrics if event.ttft_s is None else msgspec.structs.replace(self.metrics, ttft_s=event.ttft_s)
                )
                return [self.patch(usage=_updated(self.usage, event.usage), metrics=metrics)]
            case Finished():
                return [self._finished(event)]
            case Failed():
                self._stop_thinking()
                return [self._end(status="failed", error=event.error, metrics=event.metrics)]

    def patch(self, **fields: Any) -> Op:
        """Set fields of the state, by the names of the view; the change as an operation."""
        for name, value in fields.items():
            setattr(self, name, value)
        return ["patch", self.id, msgspec.to_builtins(fields)]

    def _generated(
        self, kind: str, pieces: list[str], status: AnswerStatus, event: TextDelta | ReasoningDelta
    ) -> list[Op]:
        ops: list[Op] = []
        now = self._clock()
        if event.text and self.status != status:
            if status == "thinking":
                self._thinking_since = now
            else:
                self._stop_thinking()
            ops.append(self.patch(status=status, position=None, reasoning_s=self.reasoning_s))
        if event.tokens:
            self.tokens += len(event.tokens)
            self._recent.append((now, self.tokens))
        if event.text:
            pieces.append(event.text)
            ops.append([kind, self.id, event.text])
        if event.tokens and now - self._speed_told >= SPEED_EVERY_S:
            self._speed_told = now
            ops.append(self.patch(tokens=self.tokens, live_tps=self._speed(now)))
        return ops

    def _speed(self, now: float) -> float | None:
        """Tokens a second over the last second; ``None`` until a quarter of a second is seen."""
        recent = self._recent
        while len(recent) > 2 and recent[1][0] <= now - SPEED_WINDOW_S:
            recent.popleft()
        (since, before), (last, count) = recent[0], recent[-1]
        return round((count - before) / (last - since), 1) if last - since >= 0.25 else None

    def _finished(self, event: Finished) -> Op:
        self._stop_thinking()
        self.applied, self.ignored = event.applied, event.ignored
        told = [n.message for n in self.notes if n.code == "option_ignored"]
        for name in event.ignored:
            if not any(name in message for message in told):
                message = f"{self.model} does not honour {name}."
                self.notes.append(Notice(run=self.run, code="option_ignored", message=message))
        return self._end(
            status="cancelled" if event.reason == "cancelled" else "done",
            finish=event.reason,
            usage=_updated(self.usage, event.usage),
            metrics=event.metrics,
        )

    def _end(self, **fields: Any) -> Op:
        usage: Usage = fields.get("usage", self.usage)
        tokens = self.tokens if usage.completion_tokens is None else usage.completion_tokens
        op = self.patch(position=None, live_tps=None, tokens=tokens, reasoning_s=self.reasoning_s, **fields)
        op[2]["notes"] = self._notes()
        return op

    def _stop_thinking(self) -> None:
        if self._thinking_since is not None:
            self.reasoning_s = round((self.reasoning_s or 0.0) + self._clock() - self._thinking_since, 3)
            self._thinking_since = None

    def _notes(self) -> list[dict[str, Any]]:
        return [{"code": n.code, "message": n.message, "model": n.model} for n in self.notes]

    def _tools(self) -> list[dict[str, str]]:
        return [{"name": c.name, "arguments": c.arguments} for c in self.calls]


def _updated(before: Usage, now: Usage) -> Usage:
    """What is known now, over what was known before."""
    return msgspec.structs.replace(before, **{k: v for k, v in msgspec.structs.asdict(now).items() if v is not None})
