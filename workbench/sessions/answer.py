"""One answer while it comes in: folds a run's events into its state, and says what changed. Knows no thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
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
from workbench.messages import Message, Part, Reasoning, Shape, Text, ToolCall, ToolResult, new_id
from workbench.options import GenerationOptions
from workbench.sessions.structured.wanted import Fit
from workbench.sessions.tools.called import Called
from workbench.tokens import Token

AnswerStatus: TypeAlias = Literal[
    "queued", "loading", "prefill", "thinking", "writing", "asking", "calling", "done", "cancelled", "failed"
]
"""``asking``: a call of a function waits for the person; ``calling``: one runs."""
Op: TypeAlias = list[Any]
"""One change of a view, as the front end reads it: ``["text", message_id, "more"]``, ``["patch", id, {...}]``."""

TOOLLESS = "{} knows no tools: it answered without them."
"""What is said of a model that was offered functions and cannot call any."""
PARTED = "\n\n"
"""Between what was said before a call of a function and what was said after it."""
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
        self.calls: list[Called] = []
        self.begins: list[int] = [0]
        """For each time the model was asked, the first of `pieces` that it wrote then."""
        self.shape: Shape | None = None
        """What it is to be, and whether it is; ``None`` for free text."""
        self.fit: Fit | None = None
        """What it is by that shape, once it has ended."""
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
        self.scored: list[Token] = []
        """Tokens with their probabilities, as far as asked for and told. Not kept: they go with the kernel."""
        self.no_branch = ""
        """Why it cannot go another way at a token, once that was looked for; empty: it can, or nobody has looked."""
        self.live_tps: float | None = None
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()
        self._speed_told = 0.0
        self._thinking_since: float | None = None
        self.usage_now = Usage()
        """Tokens counted since the model was asked last; `usage` is the sum of all rounds."""
        self._usage_before = Usage()
        self._metrics_before = Metrics()

    def begin(self, other: Answer) -> None:
        """Begin with what another answer says; what comes goes on from there."""
        self.pieces, self.thoughts = [other.text], [other.reasoning] if other.thoughts else []
        self.reasoning_s = other.reasoning_s
        self.scored = list(other.scored)

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self.pieces)

    @property
    def text_now(self) -> str:
        """What was written since the model was asked last."""
        return "".join(self.pieces[self.begins[-1] :])

    @property
    def reasoning(self) -> str:
        """What was thought so far."""
        return "".join(self.thoughts)

    @property
    def usage_last(self) -> Usage:
        """Tokens counted when the model was asked last; of an answer with calls that is not kept in the history."""
        return self.usage_now if self.calls else self.usage

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
        """The answer so far as a message: what was thought, then each round's text, its calls, their results."""
        parts: list[Part] = [] if self.shape is None else [self.shape]
        if self.thoughts:
            parts.append(Reasoning(self.reasoning, self.reasoning_s))
        for round, begin in enumerate(self.begins):
            last = round == len(self.begins) - 1
            text = "".join(self.pieces[begin : None if last else self.begins[round + 1]])
            calls = [call for call in self.calls if call.round == round]
            text = text.lstrip("\n") if round else text
            text = text.rstrip("\n") if calls else text
            if text or (last and not self.calls and self.pieces):
                parts.append(Text(text))
            parts += [call.call for call in calls]
            parts += [call.part for call in calls if call.part is not None]
        return Message("assistant", tuple(parts), id=self.id, model=self.model)

    def read(self, parts: Iterable[Part]) -> None:
        """Say what a kept message says."""
        for part in parts:
            if isinstance(part, Text | ToolCall) and any(call.part is not None for call in self._asked_now()):
                self.next_round()
            match part:
                case Text():
                    self._part_text()
                    self.pieces.append(part.text)
                case Reasoning():
                    self.thoughts.append(part.text)
                    self.reasoning_s = part.seconds
                case Shape():
                    self.shape = part
                case ToolCall():
                    self._called(part)
                case ToolResult():
                    for call in self.calls:
                        if call.id == part.call:
                            call.take(part)

    def next_round(self, event: Finished | None = None) -> Op:
        """The model is asked again, after the functions it called; `event` is how it ended before."""
        self.begins.append(len(self.pieces))
        return self._asked_again(event)

    def again(self, event: Finished) -> None:
        """The model is asked again for what it wrote last, which is dropped; `event` is how it ended then."""
        dropped = range(self.begins[-1], len(self.pieces))
        self.pieces[self.begins[-1] :] = ["" for _ in dropped]  # their places stay: who reads as it comes counts them
        self.begins[-1] = len(self.pieces)
        self.scored.clear()
        self._asked_again(event)

    def _asked_again(self, event: Finished | None) -> Op:
        self._stop_thinking()
        if event is not None:
            self._usage_before = self.usage = _added(self._usage_before, _updated(self.usage_now, event.usage))
            self._metrics_before = _longer(self._metrics_before, event.metrics)
            self.usage_now = Usage()
        return self.patch(status="prefill", prefill=None, live_tps=None, usage=self.usage)

    def tools_patch(self) -> Op:
        """The calls as they are now, and whether one waits or runs."""
        return ["patch", self.id, {"tools": self._tools(), "status": self.status}]

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
            "scored": bool(self.scored),
            "schema": self._shape_view(),
            "no_branch": self.no_branch,
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
                self._called(event.call)
                return [self.tools_patch()]
            case UsageKnown():
                metrics = self.metrics
                if event.ttft_s is not None and metrics.ttft_s is None:
                    metrics = msgspec.structs.replace(metrics, ttft_s=event.ttft_s)
                return [self.patch(usage=self._counted(event.usage), metrics=metrics)]
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
        thinking = kind == "reasoning"
        self.scored += [msgspec.structs.replace(t, thinking=True) if thinking else t for t in event.logprobs]
        if event.text:
            if pieces is self.pieces and self._part_text():
                ops.append([kind, self.id, PARTED])
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
                message = f"{self.model} does not honour {name}." if name != "tools" else TOOLLESS.format(self.model)
                if name == "schema":
                    message = f"Nothing in {self.model} holds an answer to this schema, so it was checked afterwards."
                self.notes.append(Notice(run=self.run, code="option_ignored", message=message))
        return self._end(
            status="cancelled" if event.reason == "cancelled" else "done",
            finish=event.reason,
            usage=self._counted(event.usage),
            metrics=_longer(self._metrics_before, event.metrics),
        )

    def _end(self, **fields: Any) -> Op:
        usage: Usage = fields.get("usage", self.usage)
        tokens = self.tokens if usage.completion_tokens is None else usage.completion_tokens
        op = self.patch(position=None, live_tps=None, tokens=tokens, reasoning_s=self.reasoning_s, **fields)
        op[2]["notes"] = self._notes()
        self._trim()
        op[2]["scored"] = bool(self.scored)
        op[2]["schema"] = self._shape_view()
        return op

    def _trim(self) -> None:
        """Take from the last token what a stop string or a tag has cut off from the text."""
        if not self.scored:
            return
        last = self.scored[-1]
        said, text = self.reasoning if last.thinking else self.text, last.text
        while not said.endswith(text):
            text = text[:-1]
        self.scored[-1] = msgspec.structs.replace(last, text=text)

    def _stop_thinking(self) -> None:
        if self._thinking_since is not None:
            self.reasoning_s = round((self.reasoning_s or 0.0) + self._clock() - self._thinking_since, 3)
            self._thinking_since = None

    def _notes(self) -> list[dict[str, Any]]:
        return [{"code": n.code, "message": n.message, "model": n.model} for n in self.notes]

    def _shape_view(self) -> dict[str, Any] | None:
        shape = self.shape
        if shape is None:
            return None
        return {"name": shape.name, "enforced": shape.enforced, "valid": shape.valid, "error": shape.error}

    def _called(self, call: ToolCall) -> None:
        if any(call.id == other.id for other in self.calls):  # some servers count from 0 each time
            call = msgspec.structs.replace(call, id=new_id())
        self.calls.append(Called(call, at=len(self.pieces), round=len(self.begins) - 1))

    def _asked_now(self) -> list[Called]:
        """The calls since the model was asked last."""
        return [call for call in self.calls if call.round == len(self.begins) - 1]

    def _part_text(self) -> bool:
        """Part the text about to come from that of the round before; whether that was due."""
        due = len(self.begins) > 1 and len(self.pieces) == self.begins[-1] and bool(self.text.strip())
        if due:
            self.pieces.append(PARTED)
        return due

    def _counted(self, usage: Usage) -> Usage:
        """Tokens of all rounds, with what is known of this one now."""
        self.usage_now = _updated(self.usage_now, usage)
        return _added(self._usage_before, self.usage_now)

    def _tools(self) -> list[dict[str, Any]]:
        return [call.view(_units("".join(self.pieces[: call.at]))) for call in self.calls]


def _units(text: str) -> int:
    """Length of a text as JavaScript counts it."""
    return len(text) + sum(character > "\uffff" for character in text)


def _added(before: Usage, now: Usage) -> Usage:
    """The sum of what is known."""
    if before == Usage():
        return now
    names = Usage.__struct_fields__
    pairs = {name: (getattr(before, name), getattr(now, name)) for name in names}
    return Usage(**{name: None if pair == (None, None) else sum(n or 0 for n in pair) for name, pair in pairs.items()})


def _longer(before: Metrics, now: Metrics) -> Metrics:
    """Metrics of an answer in several rounds: how it began, the speed it has now, the time of all."""
    if before == Metrics():
        return now
    return msgspec.structs.replace(
        now,
        load_s=before.load_s if now.load_s is None else now.load_s,
        ttft_s=before.ttft_s,
        total_s=None if None in (before.total_s, now.total_s) else before.total_s + now.total_s,  # type: ignore[operator]  # just looked
        peak_memory=max((n for n in (before.peak_memory, now.peak_memory) if n is not None), default=None),
    )


def _updated(before: Usage, now: Usage) -> Usage:
    """What is known now, over what was known before."""
    return msgspec.structs.replace(before, **{k: v for k, v in msgspec.structs.asdict(now).items() if v is not None})
