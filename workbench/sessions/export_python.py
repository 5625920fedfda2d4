"""A conversation as a Python program that asks it again. What a model wrote stands in comments only. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.sessions import export_tree, export_words

if TYPE_CHECKING:
    from workbench.store.history_values import StoredChat, StoredMessage


def python(chat: StoredChat, messages: Sequence[StoredMessage], *, answers: bool = True) -> str:
    """The path shown as a program: the chat, then each question with the model and options it was asked with.

    Every text is a literal. Files and pictures that came along are named in comments, and with `answers` what was
    answered then.
    """
    path = export_tree.shown(chat, messages)
    model = next((message.model for message in path if message.model), chat.model)
    blocks = [_head(chat), "import workbench as wb", _beginning(chat, model)]
    for number, message in enumerate(path):
        answer = path[number + 1] if number + 1 < len(path) and path[number + 1].role == "assistant" else None
        if message.role == "user":
            if answer is not None and answer.model and answer.model != model:
                model = answer.model
                blocks.append(f"chat.model = {literal(model)}")
            blocks.append(_question(chat, message, answer))
        elif message.role == "system":
            blocks.append(_comment("Said to the model here:", export_words.said(message)))
        elif answers:
            blocks.append("\n#\n".join(_answer(message)))
    return "\n\n".join(blocks) + "\n"


def literal(text: str) -> str:
    """A string of Python: with three quotes where it has several lines, so that it reads as it was written."""
    if "\n" not in text:
        return f'"{_escaped(text).replace(chr(34), chr(92) + chr(34))}"'
    body = re.sub(r'"(?=""|\Z)', r"\"", _escaped(text))
    return f'"""\\\n{body}"""'


def _head(chat: StoredChat) -> str:
    title = _escaped(export_words.title(chat)).replace('"', '\\"')
    when = export_words.when(chat.created)
    return f'"""{title}\n\nA conversation of {when}. Run this, and its questions are asked again.\n"""'


def _beginning(chat: StoredChat, model: str | None) -> str:
    given = [literal(model)] if model else []
    given += [f"system={literal(chat.system)}"] if chat.system else []
    return f"chat = wb.chat({', '.join([*given, *_keywords(chat.options.given())])})"


def _question(chat: StoredChat, message: StoredMessage, answer: StoredMessage | None) -> str:
    """The question as it is asked, with what came along, and the options of its answer that are not the chat's."""
    shared = chat.options.given()
    own = {} if answer is None else answer.options.given()
    own = {name: value for name, value in own.items() if shared.get(name) != value}
    if answer is not None and (shape := export_words.shape_of(answer)) is not None:
        own["schema"] = shape.schema
    files = [f"the file {file.name} ({len(file.text):,} characters)" for file in export_words.files(message)]
    pictures = [f"the picture {image.name or image.media_type}" for image in export_words.images(message)]
    came = [_comment(f"With it came {each}: give it as attach=[...]") for each in (*files, *pictures)]
    asked = f"reply = chat.send({', '.join([literal(export_words.said(message)), *_keywords(own)])})"
    return "\n".join([*came, asked, "print(reply.result())"])


def _answer(message: StoredMessage) -> Iterator[str]:
    """What was answered, as comments: who and how, what was called, what was said, how it ended."""
    edited = ", edited by hand" if message.edited else ""
    yield _comment(f"{export_words.who(message)} answered{edited}:")
    for spoken in export_words.spoken(message):
        yield _comment(f"{spoken[0]}: {spoken[1]}" if isinstance(spoken, tuple) else spoken.text)
    if ending := export_words.ending(message):
        yield _comment(ending)


def _comment(*texts: str) -> str:
    lines = [line for text in texts for line in _escaped(text, code=False).split("\n")]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _keywords(given: dict[str, object]) -> list[str]:
    return [f"{name}={value!r}" for name, value in given.items()]


def _escaped(text: str, *, code: bool = True) -> str:
    """Text in which every character that cannot be seen is spelled out; in code a backslash is doubled as well."""
    doubled = text.replace("\\", "\\\\") if code else text
    return re.sub(r"[^\n]", lambda found: _visible(found[0]), doubled)


def _visible(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
