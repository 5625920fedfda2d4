"""What a person gives as `schema`, and the object it becomes. Knows no chat and no model.

dict                                   a JSON schema: the value is what JSON gives
pydantic's models                      by pydantic's own schema and validation
dataclasses, TypedDicts, Structs,      by msgspec's
NamedTuples, list[...], Literal, ...
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from workbench.errors import UsageError
from workbench.events import Finished
from workbench.messages import Shape
from workbench.sessions.structured.fitting import check_schema, found, mismatch
from workbench.sessions.structured.narrowed import narrowed

LARGEST = 64 * 1024
"""Most bytes of a schema, as JSON."""
_LONGEST_WHY = 300


class Fit(NamedTuple):
    """What an answer is by its schema."""

    value: Any
    why: str
    """What does not fit; empty where all does."""
    by_schema: bool
    """Whether the schema itself is met, whatever the type says."""


class Wanted:
    """A shape that an answer is asked in. `name` is for a person, `schema` for checking, `sent` for engines."""

    def __init__(self, name: str, schema: dict[str, Any], make: Callable[[Any], Any] | None = None) -> None:
        self.name = name
        self.schema = schema
        self.sent: dict[str, Any] = narrowed(schema)
        self._make = make

    @property
    def shape(self) -> Shape:
        """What is kept of it with an answer that has not ended."""
        return Shape(name=self.name, schema=self.schema)

    def fit(self, text: str) -> Fit:
        """The object in a text, or what does not fit."""
        try:
            value = found(text)
        except ValueError as error:
            return Fit(None, f"it is no JSON ({error})", False)
        if why := mismatch(self.schema, value):
            return Fit(None, why, False)
        if self._make is None:
            return Fit(value, "", True)
        try:
            return Fit(self._make(value), "", True)
        except Exception as error:  # a type's own checks may raise anything
            return Fit(None, _reason(error), True)


def wanted(schema: Any) -> Wanted:
    """What is meant by a `schema`.

    Raises `UsageError` for what is no schema and no type that has one, for a schema of more than 64 KB, and for one
    that refers to another document: nothing is fetched.
    """
    if isinstance(schema, Mapping):
        title = schema.get("title")
        made = Wanted(title if isinstance(title, str) else "", _plain(schema))
    elif hasattr(schema, "model_json_schema"):
        made = _of_pydantic(schema)
    else:
        made = _of_msgspec(schema)
    check_schema(made.schema)
    _check_references(made.schema)
    return made


def looked_at(shape: Shape, fit: Fit, end: Finished) -> Shape:
    """What is known of an answer's shape at its end."""
    why = fit.why
    if why and end.reason == "length":
        why = f"it was cut off at {end.usage.completion_tokens or 'the most'} tokens"
    held = end.grammar and (fit.by_schema or end.reason == "length")
    return msgspec.structs.replace(shape, enforced="grammar" if held else "checked", valid=not why, error=why)


def kept(shape: Shape) -> Wanted:
    """The same from what was kept with an answer; its value is what JSON gives."""
    return Wanted(shape.name, shape.schema)


def _of_pydantic(model: Any) -> Wanted:
    try:
        schema = model.model_json_schema()
    except Exception as error:
        raise UsageError(f"{model.__name__} has no JSON schema: {error}.") from None
    return Wanted(model.__name__, _plain(schema), model.model_validate)


def _of_msgspec(kind: Any) -> Wanted:
    try:
        schema = msgspec.json.schema(kind)
        if not schema:
            raise TypeError("it says nothing of its fields")
    except Exception as error:
        raise UsageError(
            f"{kind!r} cannot be a schema: {str(error).splitlines()[0].rstrip('.:')}.",
            next_step="Give a JSON schema as a dict, a pydantic model, a dataclass, a TypedDict or a msgspec.Struct.",
        ) from None
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    return Wanted(name, _plain(schema), lambda value: msgspec.convert(value, kind))


def _reason(error: Exception) -> str:
    """What a type says of a value that it does not take, in one line; pydantic's first fault, and where it is."""
    errors = getattr(error, "errors", None)
    if callable(errors) and (found := errors()):
        where = ".".join(str(step) for step in found[0]["loc"])
        return f"{where}: {found[0]['msg']}"[:_LONGEST_WHY]
    return " ".join(str(error).split())[:_LONGEST_WHY] or type(error).__name__


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a schema, as JSON has it."""
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"The schema is no JSON: {error}.", next_step="Write it with plain values.") from None
    if len(text) > LARGEST:
        raise UsageError(
            f"The schema has {len(text):,} bytes; at most {LARGEST:,} can be asked for.",
            next_step="Ask for fewer fields at a time.",
        )
    plain: dict[str, Any] = json.loads(text)
    return plain


def _check_references(node: Any) -> None:
    if isinstance(node, dict):
        for name in ("$ref", "$dynamicRef"):
            if isinstance(at := node.get(name), str) and not at.startswith("#"):
                raise UsageError(
                    f"The schema refers to another document ({at}), which is not fetched.",
                    next_step='Put what it refers to under "$defs", and write "#/$defs/...".',
                )
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _check_references(value)
