"""Prompt templates: text with ``{variables}``, kept by name in the settings. Knows no chat and no model.

``{name}`` is a variable, ``{{`` and ``}}`` are braces. Formats (``{name:>8}``, ``{name!r}``, ``{name.part}``) and
braces that stand alone are not allowed: a template says plainly what goes in, and a brace is never lost.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.errors import UsageError
from workbench.store import settings

_PIECE = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")
_NAME = re.compile(r"[^\W\d]\w*")


class Prompt:
    """A prompt with places to fill. `prompt` makes one.

    p = wb.prompt("Translate into {language}: {text}")
    p.variables                                     # ("language", "text")
    wb.ask(p.fill(language="French", text=text))
    p.save("translate")                             # wb.prompt("translate") from now on
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.variables = variables_of(text, strict=True)
        """Names of the places, in the order of the text."""

    def fill(self, **values: Any) -> str:
        """The text with a value in every place, made text by ``str``.

        Raises `UsageError`: a value is missing, or has no place.
        """
        return fill(self.text, values)

    def save(self, name: str) -> None:
        """Keep it under a name, in the settings; one of that name before is replaced.

        Raises `UsageError` on a name that cannot be, and `FolderError` when the settings cannot be written.
        """
        settings.put_prompt(name, self.text)

    def __repr__(self) -> str:
        return f"Prompt({self.text!r})"


def prompt(name_or_text: str) -> Prompt:
    """The prompt kept under a name, or one of this text: a text has a space or a ``{variable}``.

    Raises `UsageError`: there is none of that name (the nearest is named), or the text is no template.
    """
    if name_or_text not in settings.get().prompts and any(c.isspace() or c in "{}" for c in name_or_text):
        return Prompt(name_or_text)
    return Prompt(settings.prompt(name_or_text))


def variables_of(text: str, *, strict: bool = False) -> tuple[str, ...]:
    """Names of the variables, each once, in the order of the text. Raises `UsageError` for no template, if `strict`."""
    names = (_name(match, text) if strict or _is_name(match) else None for match in _PIECE.finditer(text))
    return tuple(dict.fromkeys(name for name in names if name))


def fill(text: str, values: Mapping[str, Any], *, others: Iterable[str] = ()) -> str:
    """A template with a value in every place, made text by ``str``.

    Raises `UsageError`: it is no template, a value is missing, or one has no place; then the nearest variable, or of
    `others` what else could have been meant, is named.
    """
    wanted = variables_of(text, strict=True)
    for name in sorted(values.keys() - set(wanted)):
        near = difflib.get_close_matches(name, [*wanted, *others], 1)
        hint = f"Did you mean {near[0]}?" if near else f"Write {{{name}}} in the prompt, or leave it out."
        raise UsageError(f"The prompt has no place for {name}.", next_step=hint)
    missing = [name for name in wanted if name not in values]
    if missing:
        raise UsageError(
            f"The prompt needs a value for {' and '.join(missing)}; it has places for {', '.join(wanted)}.",
            next_step=f"Give {missing[0]}=..., or write {{{{{missing[0]}}}}} where braces are meant.",
        )
    return _PIECE.sub(lambda match: str(values[match["name"]]) if match["name"] else match[0][0], text)


def _is_name(match: re.Match[str]) -> bool:
    return bool(_NAME.fullmatch(match["name"] or ""))


def _name(match: re.Match[str], text: str) -> str | None:
    """The variable that a piece of a template is; ``None`` for a double brace. Raises `UsageError` for neither."""
    if match[0] in ("{{", "}}"):
        return None
    if _is_name(match):
        return match["name"]
    line = text.count("\n", 0, match.start()) + 1
    if match["name"] is None:
        raise UsageError(
            f"A single {match[0]} stands in line {line} of the prompt.", next_step=f"Write {match[0] * 2} for a brace."
        )
    if re.match(r"\s*[^\W\d]\w*\s*[:!.\[]", match["name"]):
        raise UsageError(
            f"{match[0]} in line {line} of the prompt has a format; a place is only a name.",
            next_step="Format the value before you give it.",
        )
    raise UsageError(
        f"{match[0]} in line {line} of the prompt names no variable.",
        next_step=f"Write {{{{{match['name']}}}}} for braces, or a name such as {{text}}.",
    )
