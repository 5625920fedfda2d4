"""Any object as its text or its picture, and an error as its traceback. Knows no chat."""

from __future__ import annotations

import base64
import html
import json
import re
import traceback
from collections.abc import Mapping
from typing import Any

from workbench.messages import File, Image
from workbench.sessions.attaching import pictures
from workbench.sessions.attaching.attachment import shortened
from workbench.sessions.overflow import CHARACTERS_A_TOKEN

MOST_LINES = 60
"""Lines of a traceback; of a longer one the beginning and, above all, the end."""
LONGEST_MESSAGE = 4000
"""Characters of one line of a traceback, the error's own message among them."""
_TEXTS = ("text/markdown", "text/plain", "text/latex", "application/json", "text/html")
"""Texts of an output, the one that says most in the fewest tokens first."""
_METHODS = {"image/png": "_repr_png_", "image/jpeg": "_repr_jpeg_", "text/markdown": "_repr_markdown_"}
_CELL = re.compile(r'File "[^"]*ipykernel_\d+[/\\]\d+\.py"')
_MACHINERY = re.compile(r'  File "[^"]*[/\\](?:IPython|ipykernel)[/\\][^"]*".*\n(?:    .*\n)*')


def from_object(thing: object, name: str, room: int) -> File | Image:
    """What a cell would show of an object: its picture, or its text of about `room` tokens."""
    bundle = bundle_of(thing)
    for kind in ("image/png", "image/jpeg"):
        if kind in bundle:
            found = bundle[kind]
            return pictures.from_bytes(base64.b64decode(found) if isinstance(found, str) else bytes(found), name)
    said = next((_text(kind, bundle[kind]) for kind in _TEXTS if kind in bundle), None)
    text, note = shortened(pretty(thing) if said is None else said, round(room * CHARACTERS_A_TOKEN))
    return File(name=name, text=text, kind="output", note=note)


def from_error(error: BaseException, name: str) -> File:
    """An error's traceback, with its causes, as far as it can be read."""
    whole = "".join(traceback.format_exception(error))
    text = _CELL.sub('File "<cell>"', _MACHINERY.sub("", whole))
    lines = [shortened(line, LONGEST_MESSAGE)[0] for line in text.rstrip().split("\n")]
    note = ""
    if len(lines) > MOST_LINES:
        head, tail = lines[: MOST_LINES // 4], lines[-(MOST_LINES * 3 // 4) :]
        gone = len(lines) - len(head) - len(tail)
        lines, note = [*head, f"[... {gone:,} lines left out ...]", *tail], f"shortened: {gone:,} lines left out"
    return File(name=name, text="\n".join(lines), kind="error", note=note)


def bundle_of(thing: object) -> Mapping[str, Any]:
    """What an object shows of itself, by media type; empty where it only has a repr."""
    if isinstance(thing, Mapping) and thing and all(isinstance(kind, str) and "/" in kind for kind in thing):
        known = {*_TEXTS, "image/png", "image/jpeg"}
        return thing if known & set(thing) else {}
    if isinstance(thing, type):
        return {}
    found = _asked(thing, "_repr_mimebundle_")
    found = found[0] if isinstance(found, tuple) else found
    bundle = dict(found) if isinstance(found, Mapping) else {}
    for kind, method in _METHODS.items():
        if kind not in bundle and (shown := _asked(thing, method)) is not None:
            bundle[kind] = shown[0] if isinstance(shown, tuple) else shown
    if not bundle and type(thing).__repr__ is object.__repr__ and (shown := _asked(thing, "_repr_html_")):
        bundle["text/html"] = shown
    return bundle


def pretty(thing: object) -> str:
    """An object's repr as a cell shows it; a long sequence is cut by its own printer."""
    if isinstance(thing, str):
        return thing
    try:
        from IPython.lib.pretty import pretty as printed

        return str(printed(thing, max_width=100))  # type: ignore[no-untyped-call]  # it has no types
    except Exception as error:  # a repr is code of others
        return f"<{type(thing).__name__}, whose repr fails: {type(error).__name__}>"


def _asked(thing: object, method: str) -> Any:
    """What a method of display gives; ``None`` where there is none, or it fails."""
    try:
        found = getattr(thing, method, None)
        return found() if callable(found) else None
    except Exception:  # code of others, and its repr is there
        return None


def _text(kind: str, value: Any) -> str:
    if kind == "application/json" and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, indent=1, default=str)
    text = "".join(value) if isinstance(value, list) else str(value)
    if kind == "text/html":
        bare = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]+>", " ", text)
        text = re.sub(r"\s*\n\s*", "\n", re.sub(r"[ \t]+", " ", html.unescape(bare))).strip()
    return text
