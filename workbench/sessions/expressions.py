"""Text with ``{expressions}``, filled as an f-string is. Knows no shell, no prompt and no model.

``{name}``, ``{df.head()!r}`` and ``{score:.2f}`` are evaluated, ``{{`` and ``}}`` are braces. Everything is read before
anything is evaluated: a text with a mistake in it evaluates nothing.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from workbench.errors import UsageError

_BRACE = re.compile(r"\{\{|\}\}|[{}]")
_AFTER = re.compile(r"!(?P<conversion>[rsa])(?=:|\s*$)|:")
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"": lambda value: value, "r": repr, "s": str, "a": ascii}
_LONGEST = 1000
"""Most characters of an expression: a brace that stands alone in a long text is found out soon."""


class Field(NamedTuple):
    """One ``{...}`` of a text."""

    written: str
    """As it stands in the text, with its braces."""
    code: str
    conversion: str
    """``r``, ``s``, ``a`` or nothing."""
    format: str
    """What stands after the colon; it may have fields of its own."""
    line: int
    """Where it stands, from 1."""


Seen: TypeAlias = Callable[[str, Any, str], None]
"""Told of each expression filled in: how it is written, its value, the text that it becomes. It may raise."""


def fill(text: str, names: dict[str, Any], local: Mapping[str, Any] | None = None, seen: Seen | None = None) -> str:
    """The text with the value of every expression in its place. `local` names go before `names`.

    Raises `UsageError`: a brace stands alone, a name is not there (it is named, and the nearest), or an expression
    raises something.
    """
    pieces = _pieces(text)
    return "".join(piece if isinstance(piece, str) else _formatted(piece, names, local, seen) for piece in pieces)


def value(code: str, names: dict[str, Any], local: Mapping[str, Any] | None = None) -> Any:
    """The value of one expression. Raises `UsageError`, as `fill`."""
    if not _is_expression(code):
        raise UsageError(f"{code!r} is no Python expression.", next_step="Write the name of a variable.")
    return _evaluated(code, f"`{code}`", names, local)


def _pieces(text: str) -> list[str | Field]:
    pieces: list[str | Field] = []
    at = 0
    while brace := _BRACE.search(text, at):
        pieces.append(text[at : brace.start()])
        at = brace.end()
        if brace[0] == "{":
            field, at = _field(text, at)
            pieces.append(field)
        elif brace[0] == "}":
            raise _alone(text, brace.start())
        else:
            pieces.append(brace[0][0])
    return [*pieces, text[at:]]


def _field(text: str, start: int) -> tuple[Field, int]:
    """The field that begins after an opening brace, and where it ends: at the first brace that makes it one."""
    line = text.count("\n", 0, start) + 1
    for brace in re.finditer("}", text[start : start + _LONGEST]):
        parts = _parts(text[start : start + brace.start()])
        if parts is not None:
            end = start + brace.end()
            return Field(text[start - 1 : end], *parts, line), end
    raise _alone(text, start - 1)


def _parts(inside: str) -> tuple[str, str, str] | None:
    """Expression, conversion and format; ``None`` when it is not (yet) a whole field."""
    if _is_expression(inside):
        return inside.strip(), "", ""
    for after in _AFTER.finditer(inside):
        code, rest = inside[: after.start()], inside[after.end() :]
        if not _is_expression(code):
            continue
        format = rest.strip().removeprefix(":") if after["conversion"] else rest
        whole = format.count("{") == format.count("}")
        return (code.strip(), after["conversion"] or "", format) if whole else None
    return None


def _is_expression(code: str) -> bool:
    try:
        tree = ast.parse(f"({code.strip()}\n)", mode="eval")  # in parentheses it may go over several lines
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    empty = isinstance(tree.body, ast.Tuple) and not tree.body.elts and "(" not in code
    return not empty and not isinstance(
        tree.body, ast.NamedExpr | ast.Constant
    )  # x^{2} and {"a": 1} mean something else


def _formatted(field: Field, names: dict[str, Any], local: Mapping[str, Any] | None, seen: Seen | None) -> str:
    where = f"{field.written} in line {field.line}"
    found = _evaluated(field.code, where, names, local)
    format_of = fill(field.format, names, local)
    try:
        text = format(_CONVERSIONS[field.conversion](found), format_of)
    except Exception as error:
        raise _raised(where, error) from error
    if seen is not None:
        seen(field.written, found, text)
    return text


def _evaluated(code: str, where: str, names: dict[str, Any], local: Mapping[str, Any] | None) -> Any:
    try:
        return eval(f"({code}\n)", names, {} if local is None else local)
    except NameError as error:
        known = {*names, *(local or ())}
        near = difflib.get_close_matches(error.name or "", [name for name in known if name[0] != "_"], 1)
        hint = f"Did you mean {near[0]}?" if near else "Define it first; {{ and }} stand for braces."
        needed = "" if where == f"`{error.name}`" else f", which {where} needs"
        raise UsageError(f"There is no variable {error.name!r}{needed}.", next_step=hint) from error
    except Exception as error:
        raise _raised(where, error) from error


def _raised(where: str, error: Exception) -> UsageError:
    words = f"{type(error).__name__}: {error}".rstrip(": ")
    return UsageError(f"{where} raises {words}.", next_step="Mend it, or write {{ and }} where braces are meant.")


def _alone(text: str, at: int) -> UsageError:
    line = text.count("\n", 0, at) + 1
    begun = " ".join(text[at : at + 40].split())
    return UsageError(
        f"In line {line} the brace of “{begun}” belongs to no expression.",
        next_step=f"Write {text[at] * 2} for a brace, or --raw to leave all braces alone.",
    )
