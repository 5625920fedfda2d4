"""A conversation as Markdown with front matter. What a model wrote cannot act in it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from workbench.sessions import export_tree, export_words
from workbench.sessions.transcript import safe_markdown, spelled

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

    from workbench.store.history_values import StoredChat, StoredMessage

LONGEST_LINE = 20_000
"""A text with a longer line is shown as it is: reading that as Markdown could take minutes."""
_AFTER = "what comes after"


def markdown(chat: StoredChat, messages: Sequence[StoredMessage], *, branches: bool = False) -> str:
    """Front matter, then the messages of the path shown; with `branches` the others after it, each with its place."""
    path = export_tree.shown(chat, messages)
    parts = [_front_matter(chat, path), f"# {one_line(export_words.title(chat))}"]
    if chat.system:
        parts += ["## System", prose(chat.system)]
    parts += [message_markdown(message) for message in path]
    for number, branch in enumerate(export_tree.branches(chat, messages) if branches else (), 1):
        first = one_line(" ".join(export_words.said(branch.instead_of).split())[:80])
        parts += ["---", f"# Branch {number}", f"*In place of “{first}”:*"]
        parts += [message_markdown(message) for message in branch.messages]
    return "\n\n".join(parts) + "\n"


def message_markdown(message: StoredMessage) -> str:
    """One message: who, what was measured, what was thought, said, attached, and how it ended."""
    facts = " · ".join(export_words.facts(message) + export_words.settings(message))
    parts = [f"## {one_line(export_words.who(message))}", f"*{one_line(facts)}*"]
    parts += [f"> {one_line(note.message)}" for note in message.notes]
    if thought := export_words.thought(message):
        parts += ["<details><summary>Thinking</summary>", prose(thought), "</details>"]
    parts += [f"*Picture: {one_line(image.name or image.media_type)}*" for image in export_words.images(message)]
    for file in export_words.files(message):
        parts += [f"*File: {one_line(file.name)}*", fenced(file.text)]
    for spoken in export_words.spoken(message):
        if isinstance(spoken, tuple):
            parts += [f"*{one_line(spoken[0])}*", fenced(spoken[1])]
        elif spoken.text:
            parts.append(prose(spoken.text))
    if ending := export_words.ending(message):
        parts.append(f"> **{one_line(ending)}**")
    return "\n\n".join(parts)


def prose(text: str) -> str:
    """Markdown that cannot act, with its last block of code closed: nothing after it becomes part of it."""
    if any(len(line) > LONGEST_LINE for line in text.split("\n")):
        return fenced(text)
    safe = safe_markdown(text).strip("\n")
    blocks = _blocks().parse(f"{safe}\n\n{_AFTER}")
    fence = next((block.markup for block in blocks if block.type == "fence" and _AFTER in block.content), "")
    return f"{safe}\n{fence}" if fence else safe


def fenced(text: str) -> str:
    """A block of code that no text inside can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{spelled(text, code=True)}\n{fence}"


def one_line(text: str) -> str:
    """Words as they are, in one line: no mark of Markdown counts in them."""
    return re.sub(r"([\\`*_\[\]<>#|~$&])", r"\\\1", spelled(" ".join(text.split())))


def _front_matter(chat: StoredChat, path: Sequence[StoredMessage]) -> str:
    """YAML whose values are written as JSON, which it includes: no text can end it or add a field."""
    facts = {
        "title": export_words.title(chat),
        "model": chat.model,
        "models": export_words.models(path),
        "created": export_words.stamp(chat.created),
        "updated": export_words.stamp(chat.updated),
        "messages": len(path),
        "tags": list(chat.tags),
        "options": chat.options.given(),
    }
    return "\n".join(
        ["---", *(f"{name}: {_json(of)}" for name, of in facts.items() if of not in (None, [], {})), "---"]
    )


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


@cache
def _blocks() -> MarkdownIt:
    """Reads where blocks begin and end, and nothing inside them."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark")
    reader.core.ruler.enableOnly(["normalize", "block"])
    return reader
