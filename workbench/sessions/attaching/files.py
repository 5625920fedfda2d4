"""Files as parts of a message: text whole, notebooks as their cells, CSV as a table, pictures. Knows no chat."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import FolderError, UsageError
from workbench.messages import File, Image
from workbench.sessions.attaching import keys, pictures, tables
from workbench.sessions.attaching.attachment import shortened

if TYPE_CHECKING:
    from workbench.services.registry import Services

MOST_TEXT = 2 * 2**20
"""Bytes of a text file: more would fill the context of any model."""
MOST_TABLE = 50 * 2**20
"""Bytes of a CSV file, which is described."""
LONGEST_OUTPUT = 2000
"""Characters of one output of a notebook's cell."""
_TABLES = (".csv", ".tsv")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def from_path(path: Path, name: str, room: int, services: Services | None = None) -> File | Image:
    """A file. Raises `FolderError` where it cannot be read, and what `from_bytes` raises."""
    keys.check_file(path.name)
    try:
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no file" if path.exists() else "not there"
            raise FolderError(f"{path} is {what}.", next_step="Attach the files one by one.")
        with path.open("rb") as file:
            size, start = path.stat().st_size, file.read(16)
            check_size(size, start, name, path.suffix)
            data = start + file.read()
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error.strerror or error}.", next_step="Check the path.") from None
    return from_bytes(data, name, room, services, suffix=path.suffix)


def from_bytes(
    data: bytes, name: str, room: int, services: Services | None = None, *, suffix: str = ""
) -> File | Image:
    """A file's content. Raises `FolderError` where it is too large, `UsageError` where it is neither text nor picture,
    and `KeyFoundError`.
    """
    suffix = (suffix or Path(name).suffix).lower()
    check_size(len(data), data[:16], name, suffix)
    if pictures.format_of(data) is not None:
        return pictures.from_bytes(data, name)
    text, note = decoded(data, name)
    if suffix in _TABLES:
        return tables.from_csv(text, name, room, services)
    if suffix == ".ipynb":
        text, note = notebook(text, name)
    keys.check_text(text, name, services)
    return File(name=name, text=text, note=note)


def check_size(size: int, start: bytes, name: str, suffix: str) -> None:
    """Raise `FolderError` for more bytes than a file of its kind may have; `start` are its first ones."""
    if pictures.format_of(start) is not None:
        return pictures.check_size(size, name)
    table = suffix.lower() in _TABLES
    most = MOST_TABLE if table or suffix.lower() == ".ipynb" else MOST_TEXT
    if size > most:
        raise FolderError(
            f"{name} has {size / 2**20:,.1f} MB; at most {most >> 20} MB are attached.",
            next_step="Read it with pandas, and attach the frame."
            if table
            else "Attach the part that matters as text.",
        )
    return None


def decoded(data: bytes, name: str) -> tuple[str, str]:
    """The text of a file, and what to say of how it was read. Raises `UsageError` where it is binary."""
    encoding = next((found for bom, found in _BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        text, note = data.decode(encoding), ""
    except UnicodeDecodeError:
        text, note = data.decode("latin-1"), "not UTF-8: read as Latin-1"
    strange = sum(c < " " and c not in "\t\n\r\f\x1b" for c in text[:4096])
    if "\0" in text or strange > len(text[:4096]) / 100 or (note and strange):
        raise UsageError(f"{name} is not text.", next_step=_what_to_do(data, name))
    return text.replace("\r\n", "\n"), note


def notebook(text: str, name: str) -> tuple[str, str]:
    """A notebook's cells as text, with the text of their outputs, and what to say of it."""
    try:
        whole = json.loads(text)
        parts = [_cell(number, cell) for number, cell in enumerate(whole["cells"], 1)]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UsageError(f"{name} is no notebook.", next_step="Save it again, and attach that.") from None
    cells = f"{len(parts):,} cell{'' if len(parts) == 1 else 's'}"
    return "\n\n".join(part for part in parts if part), f"{cells}; pictures left out"


def _cell(number: int, cell: dict[str, Any]) -> str:
    source = _joined(cell["source"]).strip()
    if cell["cell_type"] != "code":
        return source
    outputs = [shortened(_output(output), LONGEST_OUTPUT)[0] for output in cell.get("outputs", ())]
    said = "".join(f"\nOutput:\n```\n{output.rstrip()}\n```" for output in outputs if output.strip())
    return f"Cell {number}:\n```python\n{source}\n```{said}" if source or said else ""


def _output(output: dict[str, Any]) -> str:
    match output.get("output_type"):
        case "stream":
            return _joined(output.get("text", ""))
        case "error":
            return f"{output.get('ename')}: {output.get('evalue')}"
        case _:
            return _joined(output.get("data", {}).get("text/plain", ""))


def _joined(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)


def _what_to_do(data: bytes, name: str) -> str:
    if data.startswith(b"%PDF"):
        return "Copy its text and attach that, or attach a picture of the page."
    if data.startswith(b"PK") and name.lower().endswith((".xlsx", ".docx", ".pptx", ".odt", ".ods")):
        return "Save it as text or CSV; a sheet can be read with pandas, and the frame attached."
    if data.startswith((b"PK", b"\x1f\x8b", b"7z")):
        return "Unpack it, and attach the files that matter."
    if name.lower().endswith(".parquet"):
        return "Read it with pandas, and attach the frame."
    return "Text files, notebooks, CSV and pictures (PNG, JPEG, WebP, GIF) can be attached."
