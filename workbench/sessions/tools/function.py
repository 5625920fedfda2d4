"""A Python function as a tool: its signature and docstring become what a model reads. It knows no chat and no model."""

from __future__ import annotations

import functools
import inspect
import json
import re
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from workbench.errors import UsageError
from workbench.request import Tool
from workbench.sessions.tools import docstring

ANY = "Any type."
"""What is said of an argument without an annotation."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class Function:
    """A function and what a model is told of it; `fields` is the type that its arguments are checked against."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Raises `UsageError` for what no model could call: no name, no signature, an argument of a foreign class."""
        self.function = function
        self.name = _name(function)
        try:
            self.signature = inspect.signature(function)
        except (TypeError, ValueError):
            raise UsageError(f"The arguments of {self.name} cannot be read.", next_step="Wrap it in a def.") from None
        hints, said = _hints(function), docstring.arguments(function.__doc__)
        fields: list[Any] = []
        described: dict[str, dict[str, Any]] = {}
        for name, parameter in self.signature.parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            kind, words = hints.get(name, Any), said.get(name, "")
            if typing.get_origin(kind) is typing.Annotated:
                kind, *notes = typing.get_args(kind)
                words = words or next((note for note in notes if isinstance(note, str)), "")
            if parameter.default is parameter.empty:
                fields.append((name, kind))
            else:
                fields.append((name, kind | msgspec.UnsetType, msgspec.UNSET))
            described[name] = _about(name not in hints, words, parameter)
        schema = self._schema(fields)
        for name, about in described.items():
            schema["properties"][name] = {**schema["properties"].get(name, {}), **about}
        self.tool = Tool(name=self.name, description=docstring.summary(function.__doc__), parameters=schema)

    def _schema(self, fields: list[Any]) -> dict[str, Any]:
        """JSON schema of the arguments object. Raises `UsageError` naming the argument that no model could write."""
        for field in fields:
            try:
                msgspec.json.schema(msgspec.defstruct("Arguments", [field]), schema_hook=_schema_hook)
            except (TypeError, NameError) as error:
                kind = getattr(field[1], "__name__", str(field[1]))
                raise UsageError(
                    f"{self.name}({field[0]}) takes {kind}, which no model can write.",
                    next_step="Take int, float, str, bool, Literal, Enum, list, dict or a dataclass instead.",
                    details=str(error),
                ) from None
        self.fields = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
        whole = msgspec.json.schema(self.fields, schema_hook=_schema_hook)
        others = whole["$defs"]
        own: dict[str, Any] = others.pop("Arguments")
        found = {"type": "object", "properties": own["properties"], "required": own["required"]}
        return found | ({"$defs": others} if others else {})


def _name(function: Callable[..., Any]) -> str:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    name = getattr(inner, "__name__", "")
    if not callable(function) or not name:
        raise UsageError(f"A tool is a function, not {type(function).__name__}.", next_step="Write it with def.")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name that a model can call.", next_step="Write the function with def, its name in a to z."
        )
    return name


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations; one that cannot be resolved counts as none."""
    while isinstance(function, functools.partial):
        function = function.func
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:
        given = getattr(function, "__annotations__", {})
        return {name: kind for name, kind in given.items() if not isinstance(kind, str)}


def _about(bare: bool, words: str, parameter: inspect.Parameter) -> dict[str, Any]:
    """What the schema says of an argument beside its type."""
    about: dict[str, Any] = {}
    if bare:
        words = f"{words} {ANY}".strip()
    if words:
        about["description"] = words
    if parameter.default not in (parameter.empty, None):
        try:
            json.dumps(parameter.default)
            about["default"] = parameter.default
        except (TypeError, ValueError):
            pass
    return about


def _schema_hook(kind: Any) -> dict[str, Any]:
    """A pydantic model says its own schema."""
    if hasattr(kind, "model_json_schema"):
        found: dict[str, Any] = kind.model_json_schema()
        return found
    raise NotImplementedError
