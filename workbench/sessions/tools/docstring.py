"""What a docstring says of a function and of its arguments: Google, NumPy and Sphinx style. Pure."""

from __future__ import annotations

import inspect
import re

_HEADS = (
    "args", "arguments", "parameters", "params", "keyword args", "keyword arguments", "other parameters", "returns",
    "return", "yields", "raises", "examples", "example", "notes", "note", "see also", "references", "attributes",
)  # fmt: skip
_OF_ARGUMENTS = _HEADS[:7]
_GOOGLE = re.compile(r"^(\s*)\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?$")
_SPHINX = re.compile(r"^:(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_FIELD = re.compile(r"^:\w+[^:]*:")


def summary(doc: str | None) -> str:
    """What the function does: the text before the first section, its lines joined within a paragraph."""
    kept: list[str] = []
    lines = inspect.cleandoc(doc or "").split("\n")
    for at, line in enumerate(lines):
        if _heading(lines, at) or _FIELD.match(line):
            break
        kept.append(line)
    paragraphs = "\n".join(kept).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def arguments(doc: str | None) -> dict[str, str]:
    """What is said of each argument, by name."""
    lines = inspect.cleandoc(doc or "").split("\n")
    found: dict[str, list[str]] = {}
    section = current = ""
    depth = 0
    at = 0
    while at < len(lines):
        line, indent = lines[at], len(lines[at]) - len(lines[at].lstrip())
        if heading := _heading(lines, at):
            section, style = heading
            current = ""
            at += 2 if style == "numpy" else 1
            numpy = style == "numpy"
            depth = 0
            continue
        if sphinx := _SPHINX.match(line):
            current, section, depth = sphinx[1], "", 0
            found[current] = [sphinx[2]]
        elif _FIELD.match(line):
            current = ""
        elif section in _OF_ARGUMENTS and line.strip():
            entry = _NUMPY.match(line) if numpy else _GOOGLE.match(line)
            starts = entry is not None and (indent == 0 if numpy else depth in (0, indent))
            if starts and entry is not None and numpy:
                names = [name.strip() for name in entry[1].split(",")]
                texts: list[str] = []
                found.update(dict.fromkeys(names, texts))
                current = names[0]
            elif starts and entry is not None:
                current, depth = entry[2], indent
                found[current] = [entry[3]]
            elif current:
                found[current].append(line.strip())
        elif current and line.strip() and indent:
            found[current].append(line.strip())
        at += 1
    return {name: " ".join(" ".join(texts).split()) for name, texts in found.items() if any(texts)}


def _heading(lines: list[str], at: int) -> tuple[str, str] | None:
    """A section that begins here, and the style it is written in."""
    line = lines[at]
    name = line.strip().rstrip(":").lower()
    if name not in _HEADS or line != line.lstrip():
        return None
    if line.rstrip().endswith(":"):
        return name, "google"
    below = lines[at + 1].strip() if at + 1 < len(lines) else ""
    return (name, "numpy") if len(below) >= 3 and set(below) == {"-"} else None
