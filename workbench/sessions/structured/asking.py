"""What a model is told of the schema of its answer, and of an answer that does not fit. Pure; it knows no chat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from workbench.messages import Message, Text, assistant, user

TRIES = 3
"""Times a model is asked at most."""
_LONGEST_QUOTE = 4_000
"""Most characters of an answer that does not fit which its model is shown again."""


def with_schema(messages: Sequence[Message], schema: dict[str, Any]) -> tuple[Message, ...]:
    """The messages with a line at the end of the last one of a person: answer with JSON of this schema."""
    line = f"\n\nAnswer with JSON only, of this JSON schema: {json.dumps(schema, ensure_ascii=False)}"
    told = list(messages)
    at = next((at for at in reversed(range(len(told))) if told[at].role == "user"), None)
    if at is not None:
        told[at] = msgspec.structs.replace(told[at], parts=(*told[at].parts, Text(line)))
    return tuple(told)


def asked_again(text: str, why: str) -> tuple[Message, ...]:
    """An answer that does not fit, and what is said to it."""
    quoted = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    said = (assistant(quoted),) if quoted.strip() else ()
    return (*said, user(f"That does not fit the schema: {why}. Answer again, with the corrected JSON only."))
