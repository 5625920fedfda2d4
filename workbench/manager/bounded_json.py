"""JSON objects of files that may be hostile: neither their size nor their nesting can cost much. Knows no format."""

from __future__ import annotations

from typing import Any

import msgspec

LONGEST = 1 << 26
"""Bytes of the longest file that is read: the index of the largest models takes a third of it."""
_MOST_PIECES = 3_000_000
"""Lists, objects and elements together; a tensor's entry in a header has about nine."""


def decode(data: bytes) -> dict[str, Any]:
    """A JSON object. Raises `ValueError` for anything else, and for one too long or of too many pieces."""
    if len(data) > LONGEST or sum(data.count(mark) for mark in (b",", b"[", b"{")) > _MOST_PIECES:
        raise ValueError("too long")
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
