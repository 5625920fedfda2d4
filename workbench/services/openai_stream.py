"""One streamed answer of an OpenAI-compatible server, from bytes to events. Knows no connection.

Takes what such servers really send: thinking in ``reasoning``, ``reasoning_content`` or ``<think>`` tags;
usage with, without or missing choices; comments; no ``[DONE]``; errors as object, string or detail; a whole
answer in place of a stream. A line is read with msgspec, at a tenth of the openai client's own cost.
"""

from __future__ import annotations

import codecs
import re
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from workbench.errors import BadResponseError, RequestRefusedError, ServerFailedError, StreamCutError
from workbench.events import (
    Event,
    FinishReason,
    Metrics,
    PrefillProgress,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    Usage,
    UsageKnown,
)
from workbench.messages import ToolCall, new_id
from workbench.services.address import place
from workbench.services.http_errors import UNREADABLE, fault_of, looks_like_html, not_the_protocol, reported
from workbench.services.openai_logprobs import fitted, read
from workbench.tokens import Token

_AT_ONCE_S = 0.01
"""Seconds within which an answer came in one go: its pieces say nothing about the speed."""
_LONGEST_LINE = 16 * 2**20
_PROGRESS = re.compile(rb":\s*keepalive (\d+)/(\d+)")
_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "max_new_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
}
"""What servers call the end of an answer; any word that is not here means "stop"."""
_FILTERED = ("content_filter", "safety", "recitation", "refusal")
_BROKEN = ("error", "abort", "network_error", "insufficient_system_resource")


class StreamReader:
    """Reads one answer: `feed` it bytes as they come, then call `end`.

    Both raise errors of `workbench.errors` when the answer is not one.
    """

    def __init__(self, url: str, run: str, logprobs: int | None = None) -> None:
        self.usage = Usage()
        self.done = False
        """Whether the server said that this was all."""
        self.finish: FinishReason | None = None
        self.texts: list[str] = []
        """The pieces of the answer so far, thinking left out."""
        self.beats = 0
        """Grows with each sign that the answer comes along: a piece, progress, the end. A ping is none."""
        self.first: float | None = None
        """When the first generated piece came, on `time.perf_counter`'s clock."""
        self.scored = False
        """Whether the server told a token's probability; they are read where `logprobs` alternatives are asked for."""
        self._logprobs = logprobs
        self._waiting: deque[Token] = deque()
        self._last = 0.0
        self._prefill_tps: float | None = None
        self._told_tps: float | None = None
        self._url = url
        self._run = run
        self._rest = b""
        self._heard = False
        self._thinking = Thinking()
        self._calls: list[dict[str, str]] = []
        self._places: dict[int, dict[str, str]] = {}

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events of the next bytes, however they were cut."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LONGEST_LINE:
            raise BadResponseError(
                f"{place(self._url)} sent a line longer than {_LONGEST_LINE >> 20} MiB.",
                next_step="Look at the server's log.",
            )
        for line in lines:
            if (line := line.strip()) and not self.done:
                yield from self._line(line)

    def flush(self) -> Iterator[Event]:
        """What was held back at a border of thinking and text."""
        yield from self._pieces(self._thinking.flush())

    def end(self) -> Iterator[Event]:
        """The last events, tool calls among them; raises when this was no end."""
        if (line := self._rest.strip()) and not self.done:
            yield from self._line(line)
        yield from self.flush()
        if self.finish is None and not self.done:
            if not self._heard:
                raise BadResponseError(
                    f"{place(self._url)} ended the answer before it began.",
                    next_step="The prompt may be longer than the model's context; else look at the server's log.",
                )
            raise self.cut()
        for call in self._calls:
            yield ToolCalled(
                run=self._run,
                call=ToolCall(id=call["id"] or new_id(), name=call["name"], arguments=call["arguments"]),
            )
        if self._calls and self.finish in (None, "stop"):
            self.finish = "tool_calls"
        if self.usage != Usage():
            yield UsageKnown(run=self._run, usage=self.usage)

    def cut(self) -> StreamCutError:
        """The error for an answer that broke off here."""
        return StreamCutError(f"{place(self._url)} broke off in the midst of the answer.", next_step="Try again.")

    def metrics(self, started: float) -> Metrics:
        """What was measured, for a request that went out at `started` (`time.perf_counter`)."""
        return Metrics(
            ttft_s=None if self.first is None else self.first - started,
            prefill_tps=self._prefill_tps,
            decode_tps=self._decode_tps(),
            total_s=time.perf_counter() - started,
        )

    def _decode_tps(self) -> float | None:
        """What the server measured itself, else by when the pieces came; ``None`` where they all came at once."""
        count = self.usage.completion_tokens
        if self.first is None or count is None or count < 2:
            return None
        span = self._last - self.first
        return self._told_tps or ((count - 1) / span if span >= _AT_ONCE_S else None)

    def _line(self, line: bytes) -> Iterator[Event]:
        if not self._heard:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.startswith(b"data:"):
            yield from self._data(line[5:].strip())
        elif line.startswith(b":"):
            if progress := _PROGRESS.match(line):
                self.beats += 1
                yield PrefillProgress(run=self._run, done=int(progress[1]), total=int(progress[2]))
        elif line.startswith((b"event:", b"id:", b"retry:")):
            return
        elif line.startswith(b"error:"):
            yield from self._data(b'{"error":' + line[6:] + b"}")
        else:
            yield from self._data(line)

    def _data(self, data: bytes) -> Iterator[Event]:
        if data == b"[DONE]":
            self.done = True
            return
        if not data:
            return
        try:
            chunk = _decoded(data)
        except UNREADABLE:
            raise self._garbled(data) from None
        fault = fault_of(chunk)
        if fault is not None:
            raise reported(self._url, fault)
        if not isinstance(chunk, dict):
            raise self._garbled(data)
        self._heard = True
        if isinstance(usage := chunk.get("usage"), dict):
            self.usage = _usage(usage)
        if isinstance(timings := chunk.get("timings"), dict):
            self._prefill_tps = _rate(timings.get("prompt_per_second"))
            self._told_tps = _rate(timings.get("predicted_per_second"))
        if isinstance(choices := chunk.get("choices"), list) and choices and isinstance(choices[0], dict):
            yield from self._choice(choices[0])

    def _choice(self, choice: dict[str, Any]) -> Iterator[Event]:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            thought, text = delta.get("reasoning_content") or delta.get("reasoning"), delta.get("content")
            calls = delta.get("tool_calls")
            if thought or text or calls:
                self._last = time.perf_counter()
                self.first = self.first or self._last
                self.beats += 1
            if self._logprobs is not None and (thought or text):
                self._score(choice.get("logprobs"), self._logprobs)
            if thought and isinstance(thought, str):
                yield ReasoningDelta(run=self._run, text=thought, logprobs=fitted(self._waiting, thought))
            if text and isinstance(text, str):
                if self._thinking.over:
                    self.texts.append(text)
                    yield TextDelta(run=self._run, text=text, logprobs=fitted(self._waiting, text))
                else:
                    yield from self._pieces(self._thinking.feed(text))
            for call in calls if isinstance(calls, list) else ():
                self._tool(call)
        if "error" in choice and (fault := fault_of(choice)) is not None:
            raise reported(self._url, fault)
        if reason := choice.get("finish_reason"):
            self._ended(reason)

    def _score(self, told: object, most: int) -> None:
        """The tokens of a chunk wait for their text, which may be held back."""
        if tokens := read(told, most):
            self.scored = True
            self._waiting.extend(tokens)

    def _ended(self, reason: object) -> None:
        """The server says why the answer ends here; SGLang says it with an object."""
        word = str(reason.get("type") if isinstance(reason, dict) else reason).lower()
        if word in _FILTERED:
            raise RequestRefusedError(
                f"The content filter of {place(self._url)} stopped the answer.", next_step="Word the request otherwise."
            )
        if word in _BROKEN:
            raise ServerFailedError(f"{place(self._url)} ended the answer with {word!r}.", next_step="Try again.")
        if self.finish is None:
            self.beats += 1
        self.finish = _REASONS.get(word, "stop")

    def _pieces(self, pieces: Iterator[tuple[bool, str]]) -> Iterator[Event]:
        for thought, text in pieces:
            tokens = fitted(self._waiting, text)
            if thought:
                yield ReasoningDelta(run=self._run, text=text, logprobs=tokens)
            else:
                self.texts.append(text)
                yield TextDelta(run=self._run, text=text, logprobs=tokens)

    def _tool(self, piece: object) -> None:
        """Adds one piece of a tool call; pieces belong together by index, or by coming without an id."""
        if not isinstance(piece, dict):
            return
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        index = piece.get("index")
        known = self._places.get(index) if isinstance(index, int) else self._calls[-1] if self._calls else None
        if known is None or (index is None and piece.get("id")):
            known = {"id": "", "name": "", "arguments": ""}
            self._calls.append(known)
            if isinstance(index, int):
                self._places[index] = known
        known["id"] = known["id"] or str(piece.get("id") or "")
        known["name"] = known["name"] or str(function.get("name") or "")
        arguments = function.get("arguments") or ""
        known["arguments"] += arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()

    def _garbled(self, data: bytes) -> BadResponseError:
        text = data.decode("utf-8", "replace")
        if not self._heard or looks_like_html(text):
            return not_the_protocol(self._url, text)
        return BadResponseError(
            f"{place(self._url)} sent malformed JSON in the midst of the answer.",
            next_step="Try again; if it stays, look at the server's log.",
            details=text[:2000],
        )


class Thinking:
    """Splits thinking in ``<think>`` tags from the answer, wherever the text is cut.

    Only tags at the very start count: an answer may well talk of ``<think>``.
    """

    OPEN, CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"
        self._after_tag = False

    @property
    def over(self) -> bool:
        """Whether all that comes now is the answer."""
        return self._state == "answer" and not self._after_tag

    def feed(self, text: str) -> Iterator[tuple[bool, str]]:
        """Pieces of (is it thinking, text); what could yet become a tag is held back."""
        if self.over:
            yield False, text
            return
        self._held += text
        if self._state == "start":
            begin = self._held.lstrip()
            if begin.startswith(self.OPEN):
                self._state, self._held, self._after_tag = "thinking", begin.removeprefix(self.OPEN), True
            elif not self.OPEN.startswith(begin):
                self._state = "answer"
        if self._state == "thinking":
            self._drop_newlines()
            said, tag, rest = self._held.partition(self.CLOSE)
            if not tag:
                kept = _overlap(said, self.CLOSE)
                said, rest = said[: len(said) - kept], said[len(said) - kept :]
            self._held = rest
            if said:
                yield True, said
            if tag:
                self._state, self._after_tag = "answer", True
        if self._state == "answer":
            self._drop_newlines()
            yield from self.flush()

    def flush(self) -> Iterator[tuple[bool, str]]:
        """What is still held back."""
        out, self._held = self._held, ""
        if out:
            yield self._state == "thinking", out

    def _drop_newlines(self) -> None:
        """Newlines right after a tag belong to the tag."""
        if self._after_tag:
            self._held = self._held.lstrip("\n")
            self._after_tag = not self._held


def _decoded(data: bytes) -> object:
    """The value of a line of JSON. Bytes that are no UTF-8 become U+FFFD: better than to lose the answer."""
    try:
        return msgspec.json.decode(data)
    except UNREADABLE:
        whole = data.decode("utf-8", "replace").encode()
        if whole == data:
            raise
        return msgspec.json.decode(whole)


def _overlap(text: str, tag: str) -> int:
    """Length of the longest end of `text` that begins `tag`."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if text.endswith(tag[:n])), 0)


def _usage(wire: dict[str, Any]) -> Usage:
    prompt = wire.get("prompt_tokens_details") or {}
    completion = wire.get("completion_tokens_details") or {}
    return Usage(
        prompt_tokens=_count(wire, "prompt_tokens"),
        cached_tokens=_count(prompt, "cached_tokens"),
        completion_tokens=_count(wire, "completion_tokens"),
        reasoning_tokens=_count(completion, "reasoning_tokens"),
    )


def _count(wire: object, name: str) -> int | None:
    value = wire.get(name) if isinstance(wire, dict) else None
    return value if isinstance(value, int) and value >= 0 else None


def _rate(given: object) -> float | None:
    return given if isinstance(given, float) and given > 0 else None
