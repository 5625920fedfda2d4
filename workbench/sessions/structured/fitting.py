"""The JSON in a text, and whether it fits a JSON schema. Knows no chat; nothing is ever fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from workbench.errors import UsageError

_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*(?:json)?[ \t]*\n(.*?)^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE | re.I
)
"""A block of code in Markdown; its text is the second group."""
_LONGEST_WHY = 300
_OPENINGS = re.compile(r"[{\[]")
_MOST_OPENINGS = 100
"""Places in a text where JSON is looked for."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise `UsageError` on what is no JSON schema."""
    import jsonschema

    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except (jsonschema.SchemaError, TypeError, AttributeError) as error:
        raise UsageError(f"The schema is none: {getattr(error, 'message', error)}.") from None


def mismatch(schema: Mapping[str, Any], value: Any) -> str:
    """Where a value does not meet a schema, and why; empty where it does.

    References to other documents are not followed: what cannot be resolved does not fit.
    """
    import jsonschema
    import referencing

    validator = jsonschema.validators.validator_for(schema)(schema, registry=referencing.Registry())
    try:
        worst = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except referencing.exceptions.Unresolvable as error:
        return f"the schema refers to {error.ref!r}, which is not in it"
    except RecursionError:
        return "it is nested too deeply to be checked"
    return "" if worst is None else f"{worst.json_path}: {worst.message}"[:_LONGEST_WHY]


def read(text: str) -> Any:
    """The value that a whole text is, by RFC 8259: no NaN, no comments. Raises `ValueError`."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def fenced(text: str) -> str:
    """The text of the one block of code in it; the text itself where there is none, or more."""
    blocks = _FENCE.findall(text)
    return blocks[0][1] if len(blocks) == 1 else text


def found(text: str) -> Any:
    """The JSON in a text: all of it, the last block of code that is JSON, else the longest that stands in the prose.

    Raises `ValueError` where there is none.
    """
    try:
        return read(text)
    except ValueError as error:
        whole = error
    for block in reversed(_FENCE.findall(text)):
        try:
            return read(block[1])
        except ValueError:
            continue
    decoder = json.JSONDecoder(parse_constant=_no_number)
    longest, value, until = 0, None, 0
    for opening in list(_OPENINGS.finditer(text))[:_MOST_OPENINGS]:
        at = opening.start()
        if at < until:
            continue
        try:
            this, until = decoder.raw_decode(text, at)
        except RecursionError:
            break
        except ValueError:
            continue
        if until - at > longest:
            longest, value = until - at, this
    if not longest:
        raise whole
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
