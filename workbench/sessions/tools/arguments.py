"""The arguments that a model wrote, read and checked against a function's signature. Knows no chat."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from workbench.errors import UsageError
from workbench.sessions.tools.function import Function


def read(function: Function, written: str | dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What to call the function with, by position and by name. `written` is JSON, or what it says.

    Raises `UsageError` with a sentence that tells a model what is wrong with them.
    """
    given = parsed(written) if isinstance(written, str) else written
    try:
        found = msgspec.convert(given, function.fields, strict=False, dec_hook=_made)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise UsageError(f"{function.name} was not called: {_words(str(error))}. {_signature(function)}") from None
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for name, parameter in function.signature.parameters.items():
        value = getattr(found, name, msgspec.UNSET)
        if value is msgspec.UNSET:
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            args.append(value)
        else:
            kwargs[name] = value
    return tuple(args), kwargs


def parsed(written: str) -> dict[str, Any]:
    """The object that a JSON text says; an empty one is no arguments. Raises `UsageError`."""
    if not written.strip():
        return {}
    try:
        found = json.loads(written)
        if isinstance(found, str):  # written twice over, as some servers do
            found = json.loads(found)
    except ValueError as error:
        raise UsageError(f"The arguments are not JSON ({error}). Send one JSON object.") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UsageError(f"The arguments are {_kind(found)}. Send one JSON object with an entry for each argument.")
    return found


def _made(kind: type, value: Any) -> Any:
    """A pydantic model checks its own."""
    if hasattr(kind, "model_validate"):
        return kind.model_validate(value)
    return value


def _words(error: str) -> str:
    """The sentence of msgspec with the argument's name in front."""
    error = error.replace("Object contains unknown field", "there is no argument")
    error = error.replace("Object missing required field", "the argument is missing:")
    if found := re.search(r" - at `\$\.?(.*?)`$", error):
        where = f"{found[1]}: " if found[1] else ""
        error = f"{where}{error[: found.start()]}"
    error = error.replace("Expected", "expected", 1)
    return " ".join(error.replace("`", "").split())


def _signature(function: Function) -> str:
    names = ", ".join(f"{name}: {_type(schema)}" for name, schema in function.tool.parameters["properties"].items())
    return f"Its arguments are ({names})."


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(map(json.dumps, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    return str(schema.get("type", "any"))


def _kind(value: Any) -> str:
    return {list: "a list", bool: "a boolean"}.get(type(value), "a number")
