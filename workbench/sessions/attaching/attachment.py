"""An attachment: parts of a message to come, and how a screen shows them. Knows no chat."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec

from workbench.messages import File, Image, Message, Part
from workbench.sessions.overflow import CHARACTERS_A_TOKEN

Kind: TypeAlias = Literal["table", "image", "file", "output", "error"]
THUMB = 240
"""Longest side of the small picture that stands for a picture, in pixels."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with the next message."""

    id: str
    part: File | Image
    model: str | None = None
    """Id of the model whose tokenizer counted its tokens; ``None``: they are estimated."""

    @property
    def kind(self) -> Kind:
        """``"table"``, ``"image"``, ``"file"``, ``"output"`` or ``"error"``."""
        return "image" if isinstance(self.part, Image) else self.part.kind

    @property
    def name(self) -> str:
        """What it is called."""
        return self.part.name

    @property
    def parts(self) -> tuple[File | Image, ...]:
        """What of it goes into the message."""
        return (self.part,)

    @property
    def tokens(self) -> int | None:
        """How many it takes; estimated where `model` is ``None``, and ``None`` for a picture: each model differs."""
        return None if isinstance(self.part, Image) else tokens_of(self.part)

    @property
    def note(self) -> str:
        """What a person should know of it: that it was shrunk, or is not whole."""
        return self.part.note

    def __repr__(self) -> str:
        tokens = "" if self.tokens is None else f", {'' if self.model else 'about '}{self.tokens:,} tokens"
        note = f": {self.note}" if self.note else ""
        return f"<Attachment {self.id} {self.kind} {self.name!r}{tokens}{note}>"

    def view(self, model: str) -> dict[str, Any]:
        """As the front end reads it, while that model is chosen."""
        return part_view(self.part, self.id) | {"about": self.model != model}


def tokens_of(part: File) -> int:
    """Tokens of a file: as they were counted, else estimated."""
    return round(len(part.text) / CHARACTERS_A_TOKEN) if part.tokens is None else part.tokens


def part_view(part: File | Image, id: str) -> dict[str, Any]:
    """A part of a message as the front end reads it; ``about`` says that its tokens were estimated."""
    picture = isinstance(part, Image)
    return {
        "id": id,
        "kind": "image" if isinstance(part, Image) else part.kind,
        "name": part.name,
        "tokens": None if isinstance(part, Image) else tokens_of(part),
        "about": not picture and part.tokens is None,  # type: ignore[union-attr]  # it is a file then
        "note": part.note,
        "thumb": thumb(part) if isinstance(part, Image) else None,
    }


def files_view(message: Message) -> list[dict[str, Any]]:
    """What came with a message, as the front end reads it."""
    return [part_view(part, f"{message.id}-{number}") for number, part in enumerate(attached(message.parts))]


def attached(parts: Iterable[Part]) -> tuple[File | Image, ...]:
    """Those parts of a message that came with its text."""
    return tuple(part for part in parts if isinstance(part, File | Image))


@lru_cache(maxsize=256)
def thumb(image: Image) -> str | None:
    """A small picture of a picture, as a data URL; ``None`` where it cannot be drawn."""
    try:
        from PIL import Image as pillow

        with pillow.open(io.BytesIO(image.data), formats=("PNG", "JPEG")) as picture:
            picture.draft("RGB", (THUMB, THUMB))
            picture.thumbnail((THUMB, THUMB))
            out = io.BytesIO()
            kind, mode = ("PNG", "RGBA") if picture.has_transparency_data else ("JPEG", "RGB")
            picture.convert(mode).save(out, kind, quality=75, optimize=True)
    except Exception:  # not installed, or from elsewhere and damaged: the name stands alone
        return None
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


def shortened(text: str, most: int) -> tuple[str, str]:
    """A text of at most about `most` characters, its middle left out where it is longer; and what to say of that."""
    if len(text) <= most:
        return text, ""
    head, tail = text[: most * 2 // 3], text[-(most // 3) :]
    gone = len(text) - len(head) - len(tail)
    cut = f"{head}\n[... {gone:,} characters left out ...]\n{tail}"
    return cut, f"shortened: {gone:,} of {len(text):,} characters left out"


def one_line(text: str, most: int = 60) -> str:
    """A text as a name: one line, not long, no control characters."""
    line = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
