"""Generated tokens to events: characters over token borders, stop strings, thinking, tool calls.

Pure: it knows no engine, no tokenizer and no clock, so every engine that uses it behaves alike.

The rule for token ids: a token rides with the delta that carries its first visible character. Tokens that
lie wholly in a delimiter, a stop string, or a tool call that could be read are in no delta; nor are newlines
right after a delimiter. Every other token fed is in exactly one. Tokens with their probabilities go the same way, their
texts cut to what of them is delivered, as far as that is known by then.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from workbench.events import ReasoningDelta, TextDelta, ToolCalled
from workbench.messages import Message, ToolCall, new_id
from workbench.tokens import Token

THINK = ("<think>", "</think>")
"""Delimiters of thinking where a model does not say otherwise."""
TOOL = ("<tool_call>", "</tool_call>")
"""Delimiters of a tool call, Hermes and Qwen style."""

Delta = TextDelta | ReasoningDelta | ToolCalled


class Utf8:
    """Bytes of one token after another to whole characters; half a character waits for its other half."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting: list[int] = []

    def feed(self, token: int, piece: bytes) -> tuple[str, tuple[int, ...]]:
        """The text that is complete now, and the ids of the tokens behind it."""
        self._waiting.append(token)
        text = self._decoder.decode(piece)
        if not text:
            return "", ()
        # When a character is still half there, its token began in this text and rides with it.
        tokens, self._waiting = tuple(self._waiting), []
        return text, tokens

    def close(self) -> tuple[int, ...]:
        """Ids whose bytes never became a character; the bytes are dropped."""
        tokens, self._waiting = tuple(self._waiting), []
        return tokens


def byte_level(name: str) -> bytes:
    """The bytes of a byte-level token's name, in which every byte is written as a visible character."""
    return bytes(_BYTES[c] for c in name) if all(c in _BYTES for c in name) else name.encode()


def _byte_alphabet() -> dict[str, int]:
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in visible]
    return {chr(b): b for b in visible} | {chr(256 + i): b for i, b in enumerate(others)}


_BYTES = _byte_alphabet()


class _Group(NamedTuple):
    """What was fed at once, as far as it waits: where its text lies in the buffer, and the tokens behind it."""

    start: int
    end: int
    ids: tuple[int, ...]
    total: int
    """How many tokens there were, whether their ids are known or not."""
    logprobs: tuple[Token, ...]


class TextStream:
    """Splits one run's text into events.

    `stop` strings end the answer; in thinking and tool calls they mean nothing. `think` and `tool` are
    pairs of delimiters (``None``: look for none; an empty tool end: until the text ends). `thinking` starts
    inside a thinking block, for templates that open it in the prompt; `after` is what of the answer is written
    already: nothing is trimmed from what follows it. `parse` reads a tool call's text into
    pairs of name and arguments, and raises `ValueError` on what it cannot read: then the text is delivered
    as it was written.
    """

    def __init__(
        self,
        run: str,
        *,
        stop: Iterable[str] = (),
        think: tuple[str, str] | None = THINK,
        tool: tuple[str, str] | None = None,
        thinking: bool = False,
        after: str = "",
        parse: Callable[[str], list[tuple[str, str]]] | None = None,
    ) -> None:
        self.stopped = False
        """Whether a stop string has ended the answer."""
        self.called = False
        """Whether a tool was called."""
        self.reasoning_tokens = 0
        self.delimiters: tuple[str, ...] = (think or ()) + (tool or ())
        """The strings looked for, stop strings aside."""
        self.think = think
        self.tool = tool
        self.opens = thinking
        """Whether the prompt has opened a thinking block."""
        self._run = run
        self._parse = parse or parse_calls
        self._state = "reasoning" if thinking else "text"
        self._buffer = ""
        self._groups: list[_Group] = []  # in buffer order
        self._after_delimiter = thinking and not after
        # In each state, the strings that end it and the state they lead to.
        self._markers: dict[str, dict[str, str]] = {"text": dict.fromkeys(stop, "stop"), "reasoning": {}, "tool": {}}
        if think:
            self._markers["text"][think[0]] = "reasoning"
            self._markers["reasoning"][think[1]] = "text"
        if tool:
            self._markers["text"][tool[0]] = "tool"
            self._markers["reasoning"][tool[0]] = "tool"
        if tool and tool[1]:
            self._markers["tool"][tool[1]] = "text"

    def feed(
        self,
        text: str,
        tokens: tuple[int, ...] = (),
        count: int | None = None,
        logprobs: tuple[Token, ...] = (),
    ) -> list[Delta]:
        """More text and the tokens behind it; `count` where there were more tokens than ids are known."""
        if self.stopped:
            return []
        start = len(self._buffer)
        self._buffer += text
        count = len(tokens) if count is None else count
        self._groups.append(_Group(start, len(self._buffer), tokens, count, logprobs))
        return self._drain()

    def close(self) -> list[Delta]:
        """The text has ended: what was held back."""
        if self.stopped:
            return []
        whole = self._state == "tool" and self.tool is not None and not self.tool[1]
        out = self._end_tool("") if whole else []  # a call without its end was cut off: half of it must not be run
        return out + self._emit(len(self._buffer), last=True)

    def _drain(self) -> list[Delta]:
        out: list[Delta] = []
        while not self.stopped:
            if self._after_delimiter:
                self._drop(len(self._buffer) - len(self._buffer.lstrip("\n")))
                self._after_delimiter = not self._buffer
            found = _earliest(self._buffer, self._markers[self._state])
            if found is None:
                if self._state != "tool":
                    out += self._emit(len(self._buffer) - _held(self._buffer, self._markers[self._state]))
                return out
            at, marker = found
            if self._state == "tool":
                out += self._end_tool(marker)
                continue
            out += self._emit(at)
            state = self._markers[self._state][marker]
            if state == "stop":
                self.stopped = True
                return out
            if state != "tool":
                self._drop(len(marker))
                self._after_delimiter = True
            self._state = state
        return out

    def _emit(self, end: int, *, last: bool = False) -> list[Delta]:
        """Deliver the buffer up to `end`."""
        taken = [g for g in self._groups if g.start < end or last]
        tokens = tuple(t for g in taken for t in g.ids)
        logprobs = tuple(t for g in taken for t in g.logprobs)
        text = self._buffer[:end]
        self._groups = [g for g in self._groups if g not in taken]
        self._cut(end)
        if self._state == "reasoning":
            self.reasoning_tokens += sum(g.total for g in taken)
        if not text and not tokens:
            return []
        if self._state == "reasoning":
            return [ReasoningDelta(run=self._run, text=text, tokens=tokens, logprobs=logprobs)]
        return [TextDelta(run=self._run, text=text, tokens=tokens, logprobs=logprobs)]

    def _drop(self, length: int) -> None:
        """Forget the first characters, and the tokens wholly in them."""
        kept = [g for g in self._groups if g.end > length or g.start == g.end == length]
        self._groups = [g if g.start >= length else _without(g, length - g.start) for g in kept]
        self._cut(length)

    def _cut(self, length: int) -> None:
        self._buffer = self._buffer[length:]
        self._groups = [
            g._replace(start=max(0, g.start - length), end=g.end - length) for g in self._groups if g.end >= length
        ]

    def _end_tool(self, marker: str) -> list[Delta]:
        """The tool call is complete: the buffer starts with its start delimiter."""
        assert self.tool is not None
        opening = len(self.tool[0])
        end = self._buffer.find(marker, opening) if marker else len(self._buffer)
        inside, whole = self._buffer[opening:end], end + len(marker)
        self._state = "text"
        try:
            calls = self._parse(inside)
        except ValueError:
            return self._emit(whole)
        self._drop(whole)
        self.called = True
        self._after_delimiter = True
        return [ToolCalled(run=self._run, call=ToolCall(new_id(), name, arguments)) for name, arguments in calls]


def _without(group: _Group, length: int) -> _Group:
    """The same, the first characters of its tokens' texts gone."""
    left = []
    for token in group.logprobs:
        left.append(msgspec.structs.replace(token, text=token.text[length:]))
        length = max(0, length - len(token.text))
    return group._replace(logprobs=tuple(left))


def parse_calls(text: str) -> list[tuple[str, str]]:
    """Name and arguments (as JSON) of ``{"name": ..., "arguments": {...}}``, or of a list of such objects.

    Raises `ValueError` on anything else.
    """
    return named_calls(json.loads(text))


def named_calls(value: object) -> list[tuple[str, str]]:
    """The same from a parsed object or list. Raises `ValueError` where one has no name."""
    calls = []
    for call in value if isinstance(value, list) else [value]:
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            raise ValueError("a tool call needs a name")
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        calls.append((call["name"], text))
    return calls


def think_pair(template: str) -> tuple[str, str]:
    """The delimiters of thinking a chat template speaks of; `THINK` where it speaks of none."""
    for pair in (THINK, ("<longcat_think>", "</longcat_think>"), ("<|think:start|>", "<|think:end|>")):
        if all(mark in template for mark in pair):
            return pair
    return THINK


def opens_thinking(prompt: str, think: tuple[str, str], begun: Message | None = None) -> bool:
    """Whether a rendered prompt ends inside a thinking block: its template opened one, or a begun answer broke off."""
    broken_off = begun is not None and bool(begun.reasoning) and not begun.text
    return broken_off or prompt.rstrip().endswith(think[0])


def _earliest(text: str, markers: Iterable[str]) -> tuple[int, str] | None:
    """Where the marker that ends first starts, and the marker; so that chunk borders make no difference."""
    found = [(at + len(m), at, m) for m in markers if (at := text.find(m)) >= 0]
    return min(found)[1:] if found else None


def _held(text: str, markers: Iterable[str]) -> int:
    """How many characters at the end may be the start of a marker."""
    return max((k for m in markers for k in range(1, min(len(m), len(text) + 1)) if text.endswith(m[:k])), default=0)
