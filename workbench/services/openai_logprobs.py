"""What OpenAI-compatible servers tell of a token's probability. Knows no connection and no event.

With a chunk comes ``{"content": [{"token": " Hi", "bytes": [32, 72, 105], "logprob": -0.1, "top_logprobs": [...]}]}``;
llama.cpp's server adds an ``id``. mlx_lm.server and transformers serve tell nothing in a stream.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from workbench.tokens import Alternative, Token


def read(logprobs: object, most: int) -> list[Token]:
    """The tokens of a chunk, with at most so many alternatives each; what is malformed is left out."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return [_token(each, most) for each in content if _is_told(each)] if isinstance(content, list) else []


def fitted(waiting: deque[Token], text: str) -> tuple[Token, ...]:
    """The tokens behind a piece of text, each with its share of it, off the queue; those of tags fall away."""
    taken: list[Token] = []
    at, other = 0, None
    while waiting and at < len(text):
        other = waiting.popleft()
        found = text.find(other.text, at) if other.text else -1
        if found >= 0:
            end = found + len(other.text)
            taken.append(msgspec.structs.replace(other, text=text[at:end]))
            at = end
    if at < len(text) and (last := taken.pop() if taken else other) is not None:
        taken.append(msgspec.structs.replace(last, text=(last.text if at else "") + text[at:]))
    return tuple(taken)


def _token(entry: dict[str, Any], most: int) -> Token:
    others = entry.get("top_logprobs")
    told = [each for each in others if _is_told(each)] if isinstance(others, list) else []
    alternatives = [Alternative(_id(each), _text(each), float(each["logprob"])) for each in told]
    likeliest = tuple(sorted(alternatives, key=lambda other: -other.logprob)[:most])
    return Token(_id(entry), _text(entry), float(entry["logprob"]), likeliest)


def _is_told(entry: object) -> bool:
    """Whether it is a token with a probability."""
    if not isinstance(entry, dict):
        return False
    logprob = entry.get("logprob")
    return isinstance(logprob, int | float) and logprob <= 0


def _id(entry: dict[str, Any]) -> int | None:
    found = entry.get("id")
    return found if isinstance(found, int) else None


def _text(entry: dict[str, Any]) -> str:
    data, name = entry.get("bytes"), entry.get("token")
    if isinstance(data, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in data):
        return bytes(data).decode(errors="replace")
    return name if isinstance(name, str) else ""
