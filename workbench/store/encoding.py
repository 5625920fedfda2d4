"""JSON of values that hold what a model or a person wrote. Knows no file and no database."""

from __future__ import annotations

from typing import Any

import msgspec


def encoded(value: object) -> bytes:
    """A value as JSON; half a character (a lone surrogate), as some models write, becomes a question mark."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(msgspec.to_builtins(value)))


def whole(text: str) -> str:
    """A text with question marks in the place of half characters: UTF-8 has none."""
    return text.encode("utf-8", "replace").decode()


def _mended(value: Any) -> Any:
    if isinstance(value, dict):
        return {_mended(key): _mended(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(inner) for inner in value]
    return whole(value) if isinstance(value, str) else value
