"""A conversation as a file: Markdown, JSON, HTML, a notebook, a program. It knows no open chat and no database.

export.py             which format, the file's name, writing it
export_tree.py        which messages: the path shown, the other branches
export_words.py       who said it, when, what was measured: the words all formats share
export_markdown.py    Markdown with front matter
export_html.py        one page for a browser, without a script
export_notebook.py    a notebook whose first code cell goes on with the conversation
export_python.py      a program that asks it again
export_json.py        the whole tree, and reading it back
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from workbench.errors import FolderError, UsageError

if TYPE_CHECKING:
    from workbench.store.history_values import StoredChat, StoredMessage

Format: TypeAlias = Literal["markdown", "json", "html", "notebook", "python"]
SUFFIXES: dict[str, Format] = {
    ".md": "markdown", ".json": "json", ".html": "html", ".ipynb": "notebook", ".py": "python",
}  # fmt: skip
"""The suffix of a file that is written, and what goes into it."""
MEDIA_TYPES: dict[Format, str] = {
    "markdown": "text/markdown",
    "json": "application/json",
    "html": "text/html",
    "notebook": "application/x-ipynb+json",
    "python": "text/x-python",
}
_LONGEST_NAME = 60


def export(
    chat: StoredChat,
    messages: Sequence[StoredMessage],
    format: str = "markdown",
    *,
    branches: bool = False,
    code_cells: bool = False,
    answers: bool = True,
) -> str:
    """The conversation as text in one of five formats: ``markdown``, ``json``, ``html``, ``notebook``, ``python``.

    Markdown, HTML, a notebook and Python hold the path that is shown; with `branches` the first two list the other
    branches after it. JSON is the whole tree. With `code_cells` Python blocks of answers become cells of a notebook
    that can be run; else nothing that a model wrote can run by itself. Python is a program that asks the questions
    again; without `answers` it leaves out the comments that say what was answered. Raises `UsageError` for another
    format.
    """
    match checked(format):
        case "markdown":
            from workbench.sessions.export_markdown import markdown

            return markdown(chat, messages, branches=branches)
        case "html":
            from workbench.sessions.export_html import html

            return html(chat, messages, branches=branches)
        case "notebook":
            from workbench.sessions.export_notebook import notebook

            return notebook(chat, messages, code_cells=code_cells)
        case "python":
            from workbench.sessions.export_python import python

            return python(chat, messages, answers=answers)
        case "json":
            from workbench.sessions.export_json import dumped

            return dumped([(chat, messages)])


def checked(format: str) -> Format:
    """The format of that name. Raises `UsageError`, which names them all."""
    for known in get_args(Format):
        if format == known:
            return known  # type: ignore[no-any-return]  # get_args knows no types
    raise UsageError(f"There is no format {format!r}.", next_step=f"Choose one of {', '.join(get_args(Format))}.")


def format_of(path: str | os.PathLike[str], format: str | None = None) -> Format:
    """The format for a file: the one given, else by its suffix. Raises `UsageError`, which names them all."""
    if format is not None:
        return checked(format)
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{Path(path).name!r} does not say which format it is to be.",
            next_step=f"End it in one of {', '.join(SUFFIXES)}, or give a format: {', '.join(get_args(Format))}.",
        )
    return SUFFIXES[suffix]


def file_name(title: str, format: Format) -> str:
    """A name for the file of a chat with that title: words that every file system takes."""
    words = re.sub(r"[^\w.-]+", "-", title.casefold()).strip("-._")[:_LONGEST_NAME].rstrip("-._")
    suffix = next(suffix for suffix, known in SUFFIXES.items() if known == format)
    return f"{words or 'chat'}{suffix}"


def write(text: str, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write an export into a file; returns its path. Raises `FolderError` where it is there already."""
    file = Path(path).expanduser()
    try:
        with file.open("w" if overwrite else "x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    except FileExistsError:
        raise FolderError(
            f"{file} is there already.", next_step="Choose another name, or write `overwrite=True`."
        ) from None
    except OSError as error:
        raise FolderError(
            f"{file} cannot be written: {error.strerror or error}.", next_step="Choose another folder."
        ) from None
    return file
