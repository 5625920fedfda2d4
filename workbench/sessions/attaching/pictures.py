"""Pictures: figures, Pillow's images, arrays and encoded bytes, shrunk and written anew. Knows no chat.

Writing anew leaves out what else a file holds (where a photo was taken, say), and finds a damaged one here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.errors import FolderError, StateError, UsageError
from workbench.messages import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

LONGEST_SIDE = 1568
"""Pixels of the longest side that is sent: models shrink what is larger."""
MOST_BYTES = 50 * 2**20
"""Of a picture's file."""
MOST_PIXELS = 80_000_000
"""Of a picture that is opened: a file of a few bytes can claim a picture of gigabytes."""
MOST_SENT = 4 * 2**20
"""Bytes above which a picture is sent as JPEG, whatever it was."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
"""What is opened; what is sent is PNG or JPEG, which every model with vision takes."""
_MAGIC = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
_JPEG = {"quality": 90, "optimize": True}


def format_of(data: bytes) -> str | None:
    """The format of an encoded picture by its first bytes; ``None`` for what is none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"avif"):
        return "HEIC"
    return next((name for magic, name in _MAGIC.items() if data.startswith(magic)), None)


def from_bytes(data: bytes, name: str) -> Image:
    """An encoded picture. Raises `UsageError` for another format, `FolderError` for a damaged or too large one."""
    check_size(len(data), name)
    format = format_of(data)
    if format not in FORMATS:
        raise UsageError(
            f"{name} is a picture in a format that models do not take ({format or 'unknown'}).",
            next_step="Save it as PNG or JPEG, and attach that.",
        )
    pillow = _pillow()
    with _readable(name), pillow.open(io.BytesIO(data), formats=FORMATS) as picture:
        return from_picture(picture, name)


def check_size(size: int, name: str) -> None:
    """Raise `FolderError` for a file of more bytes than a picture may have."""
    if size > MOST_BYTES:
        raise _too_large(name, f"{size / 2**20:,.0f} MB; at most {MOST_BYTES >> 20} MB are opened")


def from_picture(picture: Picture, name: str) -> Image:
    """A Pillow image, shrunk where its longest side is above `LONGEST_SIDE`; of several frames the first."""
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise _too_large(name, f"it has more than {MOST_PIXELS // 10**6} million pixels")
    if not width or not height:
        raise UsageError(f"{name} has no pixels.", next_step="Attach a picture of at least one pixel.")
    frames, photo = getattr(picture, "n_frames", 1), picture.format in ("JPEG", "WEBP")
    with _readable(name):
        drawn = _upright(picture)
        width, height = (height, width) if (drawn.width > drawn.height) != (width > height) else (width, height)
        drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        data, media_type = _encoded(drawn, photo=photo)
    whole = _pixels(width, height)
    notes = [whole if drawn.size == (width, height) else f"shrunk from {whole} to {_pixels(*drawn.size)}"]
    if frames > 1:
        notes.append(f"the first of {frames} frames")
    return Image(data=data, media_type=media_type, name=name, note="; ".join(notes))


def from_figure(figure: Any, name: str) -> Image:
    """A matplotlib figure, as it is drawn now."""
    out = io.BytesIO()
    try:
        figure.savefig(out, format="png", bbox_inches="tight")
    except Exception as error:  # its drawing runs code of others
        raise StateError(f"{name} could not be drawn: {error}.", next_step="Show it in a cell to see why.") from error
    return from_bytes(out.getvalue(), name)


def from_array(array: Any, name: str) -> Image:
    """An array of bytes, height by width by 3 or 4."""
    return from_picture(_pillow().fromarray(array), name)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Says what is wrong with a picture that cannot be read."""
    try:
        yield
    except (UsageError, FolderError):
        raise
    except (MemoryError, _pillow().DecompressionBombError):
        raise _too_large(name, f"it has more than {MOST_PIXELS // 10**6} million pixels") from None
    except Exception as error:  # Pillow raises a dozen kinds on damaged files
        raise FolderError(
            f"{name} is damaged: its picture cannot be read to the end.",
            next_step="Save it again, and attach that.",
            details=f"{type(error).__name__}: {error}",
        ) from None


def _upright(picture: Picture) -> Picture:
    """The picture as a person sees it, in one of the modes that PNG and JPEG know; a large photo is read smaller."""
    from PIL import ImageOps

    if picture.format == "JPEG":
        picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    return ImageOps.exif_transpose(_drawable(picture))


def _drawable(picture: Picture) -> Picture:
    if picture.mode.startswith("I;16"):
        return picture.point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in ("L", "RGB", "RGBA"):
        return picture.copy()
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _encoded(picture: Picture, *, photo: bool) -> tuple[bytes, str]:
    out = io.BytesIO()
    picture.info.clear()
    if not (photo and picture.mode in ("L", "RGB")):
        picture.save(out, "PNG", optimize=True)
        if len(out.getvalue()) <= MOST_SENT:
            return out.getvalue(), "image/png"
        out = io.BytesIO()
    ground = _pillow().new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    ground.save(out, "JPEG", **_JPEG)
    return out.getvalue(), "image/jpeg"


def _pixels(width: int, height: int) -> str:
    return f"{width:,} by {height:,} pixels"


def _too_large(name: str, why: str) -> FolderError:
    return FolderError(f"{name} is too large: {why}.", next_step="Make it smaller, and attach that.")


def _pillow() -> Any:
    try:
        from PIL import Image as pillow
    except ImportError:
        raise UsageError(
            "Pictures need the package pillow, which is not installed.", next_step="Run: pip install pillow"
        ) from None
    return pillow
