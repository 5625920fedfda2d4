"""A conversation as a notebook, format 4.5: the first code cell goes on with it, the rest is to be read. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.sessions import export_tree, export_words
from workbench.sessions.export_markdown import message_markdown, one_line, prose

if TYPE_CHECKING:
    from workbench.store.history_values import StoredChat, StoredMessage

_PYTHON = re.compile(r"^```(?:python|py|ipython)[^\n`]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL | re.IGNORECASE)


def notebook(chat: StoredChat, messages: Sequence[StoredMessage], *, code_cells: bool = False) -> str:
    """The path shown as a notebook. With `code_cells` Python blocks of answers are cells as well; none has been run."""
    path = export_tree.shown(chat, messages)
    sources: list[tuple[str, str]] = [("markdown", _head(chat, path)), ("code", going_on(chat, path))]
    if chat.system:
        sources.append(("markdown", f"## System\n\n{prose(chat.system)}"))
    for message in path:
        sources.append(("markdown", message_markdown(message)))
        if code_cells and message.role == "assistant":
            sources += [("code", block.strip("\n")) for block in _PYTHON.findall(export_words.said(message))]
    whole = {
        "cells": [_cell(number, kind, source) for number, (kind, source) in enumerate(sources)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def going_on(chat: StoredChat, path: Sequence[StoredMessage]) -> str:
    """Python that makes a chat with these messages; every text in it is a literal."""
    given = [f"system={chat.system!r}"] if chat.system else []
    given += [f"{name}={value!r}" for name, value in chat.options.given().items()]
    lines = [f"    ({m.role!r}, {_read(m)!r})," for m in path if m.role in ("user", "assistant")]
    arguments = ", ".join([*([repr(chat.model)] if chat.model else []), "messages=messages", *given])
    return "\n".join(
        ["import workbench as wb", "", "messages = [", *lines, "]", f"chat = wb.chat({arguments})", "chat"]
    )


def _read(message: StoredMessage) -> str:
    """What was said, with the text of what came with it; pictures are left out."""
    return "".join(f"File {f.name}:\n{f.text}\n\n" for f in export_words.files(message)) + export_words.said(message)


def _head(chat: StoredChat, path: Sequence[StoredMessage]) -> str:
    facts = [
        f"**Model:** {one_line(', '.join(export_words.models(path)) or chat.model or 'none')}",
        f"**Begun:** {export_words.when(chat.created)}, **last change:** {export_words.when(chat.updated)}",
    ]
    if options := export_words.options(chat.options):
        facts.append(f"**Options:** {one_line(', '.join(options))}")
    if chat.tags:
        facts.append(f"**Tags:** {one_line(', '.join(chat.tags))}")
    listed = "\n".join(f"- {fact}" for fact in facts)
    return f"# {one_line(export_words.title(chat))}\n\n{listed}\n\nRun the next cell to go on with this conversation."


def _cell(number: int, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind, "id": f"m{number:04}", "metadata": {}, "source": source.splitlines(keepends=True),
    }  # fmt: skip
    return cell | {"execution_count": None, "outputs": []} if kind == "code" else cell
