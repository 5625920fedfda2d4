"""Which kind a thing is, and the part of a message that it becomes. Knows no chat."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import EmptyPromptError, FolderError
from workbench.messages import File, Image
from workbench.sessions.attaching import arrays, files, keys, latest, outputs, pictures, tables
from workbench.sessions.attaching.attachment import one_line

if TYPE_CHECKING:
    from workbench.services.registry import Services

_PATH = re.compile(r"[^\s<>|\"'{}()]*\.[A-Za-z]\w{0,7}")
"""What looks like a file's path more than like words."""


def part_of(thing: object, name: str | None, room: int, services: Services | None = None) -> File | Image:
    """What a thing becomes: a `File` of about `room` tokens where it is described, or an `Image`.

    Raises `KeyFoundError` where it holds a key, `FolderError` for a file that cannot be read or is too large,
    `UsageError` for what is neither text nor picture, `EmptyPromptError` for nothing.
    """
    called = one_line(name) if name else None
    keys.check_thing(thing, called or latest.name_of(thing) or f"This {type(thing).__name__}")
    part = _part(thing, called, room, services)
    if isinstance(part, File):
        if not part.text.strip():
            raise EmptyPromptError(f"{part.name} is empty.", next_step="Attach something else.")
        keys.check_text(part.text, part.name, services)
    return part


def _part(thing: Any, name: str | None, room: int, services: Services | None) -> File | Image:
    if isinstance(thing, File | Image):
        return thing
    if isinstance(thing, str) and (name is not None or not _is_path(thing)):
        return File(name=name or "text", text=thing)
    if isinstance(thing, str | os.PathLike):
        path = Path(thing).expanduser()
        return files.from_path(path, name or one_line(path.name), room, services)
    if isinstance(thing, bytes | bytearray | memoryview):
        return files.from_bytes(bytes(thing), name or "data", room, services)
    known = name or latest.name_of(thing)
    if isinstance(thing, BaseException):
        return outputs.from_error(thing, known or type(thing).__name__)
    if tables.is_table(thing):
        return tables.from_frame(thing, known or "table", room, services)
    if (figure := _figure(thing)) is not None:
        return pictures.from_figure(figure, known or "figure")
    if _is_from(thing, "numpy", "ndarray"):
        if arrays.is_picture(thing):
            return pictures.from_array(thing, known or "picture")
        return arrays.from_array(thing, known or "array")
    if _is_from(thing, "PIL", "Image"):
        return pictures.from_picture(thing, known or "picture")
    return outputs.from_object(thing, known or type(thing).__name__, room)


def _is_path(text: str) -> bool:
    """Whether a string means a file. Raises `FolderError` where it looks like one that is not there."""
    if len(text) > 1000 or "\n" in text or not text.strip():
        return False
    try:
        if Path(text).expanduser().exists():
            return True
    except (OSError, ValueError, RuntimeError):
        return False
    if _PATH.fullmatch(text):
        raise FolderError(f"There is no file {text}.", next_step="Check the path; for a text of your own give a name.")
    return False


def _figure(thing: Any) -> Any:
    """The matplotlib figure that a thing is, or is drawn on; ``None`` for others."""
    if "matplotlib" not in sys.modules:
        return None
    if _is_from(thing, "numpy", "ndarray") and thing.dtype == object and thing.size:
        thing = thing.flat[0]  # of several axes the first: they share their figure
    if hasattr(thing, "savefig"):
        return thing
    figure = getattr(thing, "figure", None)
    return figure if hasattr(figure, "savefig") else None


def _is_from(thing: object, package: str, name: str) -> bool:
    """Whether a thing is of a class of that name of a package, which need not be imported for the question."""
    return any(c.__name__ == name and c.__module__.partition(".")[0] == package for c in type(thing).__mro__)
