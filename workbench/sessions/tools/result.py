"""What a function gave back, as text for a model: JSON where it can be, else its repr. It knows no chat."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any

MOST_SENT = 20_000
"""Characters of a result that a model is sent."""
HEAD_ROWS = 10
"""Rows of a table that a model is sent."""


def text_of(value: Any) -> str:
    """A value as text: a string as it is, a table as its head, anything else as JSON, or as its repr.

    A lone surrogate, which no server takes, becomes a question mark.
    """
    if isinstance(value, str):
        text = value
    elif hasattr(value, "head") and hasattr(value, "shape"):
        text = _table(value)
    else:
        try:
            text = json.dumps(value, ensure_ascii=False, default=_plain)
        except (TypeError, ValueError, RecursionError):
            text = repr(value)
    return text.encode("utf-8", "replace").decode()


def cut(text: str, most: int = MOST_SENT) -> str:
    """The beginning of a text that is too long, and a line that says so."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[cut here: {most:,} of {len(text):,} characters]"


def _table(value: Any) -> str:
    """The first rows of a DataFrame or a Series, and how many there are."""
    rows = value.shape[0]
    columns = f" and {value.shape[1]} columns" if len(value.shape) > 1 else ""
    head = value.head(HEAD_ROWS)
    text = head.to_string() if hasattr(head, "to_string") else str(head)
    return text if rows <= HEAD_ROWS else f"{text}\n[the first {HEAD_ROWS} of {rows:,} rows{columns}]"


def _plain(value: Any) -> Any:
    """What JSON does not know, as something it knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return list(value)
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if hasattr(value, "tolist") and getattr(value, "size", 0) <= MOST_SENT:  # an array, or a number of one
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "head") and hasattr(value, "shape"):
        return _table(value)
    return repr(value)
