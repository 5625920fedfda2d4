"""The text of the settings file: read, and changed so that what a person wrote in it stays. Knows no disk.

It is read with `tomllib` and changed with tomlkit; what tomlkit makes is read again before anybody relies on it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any

import msgspec

from workbench.options import GenerationOptions
from workbench.store.settings_values import (
    PLACES,
    EndpointSettings,
    Settings,
    Where,
    Wrong,
    checked,
    plain,
    unknown,
)

MOST_BYTES = 256 * 1024
"""A file larger than this is not read."""
LONGEST_LINE = 10_000
"""A line longer than this is none of settings; the reader would take minutes over some of them."""

FRESH = """\
# Settings of the workbench. Edit them here or with wb.settings(): every kernel sees a change at its next step.
# A line that starts with "# name =" shows a default; to change it, take the "# " away and write another value.
# Keys never belong in this file: wb.connect(url, key=..., save=True) puts them into the system keyring.

# The model that answers when none is named: "builtin", "org/repo", "endpoint:model".
# default_model = "builtin"

# The model that answers when the chosen one cannot, and whether it may.
# fallback = "builtin"
# use_fallback = true

# Whether the first prompt that would leave this machine waits for a yes; and the servers that got one for good.
# ask_before_sending = true
# allowed = []

# Folders with models, besides the Hugging Face cache and those of LM Studio, Jan and Ollama.
# model_folders = []

# What loaded models may hold together ("16GB", or bytes); without it, what this machine allows.
# memory_budget = "16GB"

# Seconds after which an unused model is unloaded; "never" keeps it.
# idle_timeout = 900

# Whether chats are kept on this machine, to be found and gone on with later.
# keep_history = true

[downloads]
# Models at once, and connections of all of them together.
# at_once = 2
# connections = 12

# A server that is there from the start; key is "keyring", "none", or "env:NAME" for a variable that holds it.
# [[endpoints]]
# name = "ollama"
# url = "http://localhost:11434/v1"
# model = "llama3"
# key = "none"

# Generation options under a name; wb.GenerationOptions has all of them.
# [presets.precise]
# temperature = 0.0

# Prompts under a name; what stands in braces is filled in when one is used.
# [prompts]
# summary = "Summarise this in {number} sentences: {text}"
"""


class Problem(msgspec.Struct, frozen=True):
    """Something in the settings that a person should know."""

    line: int | None
    """Of the file, from 1; ``None`` where there is no such line."""
    message: str

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"


class Unreadable(Exception):  # it never leaves the store: it becomes a `Problem`
    """The file cannot be used as it is."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def text_of(raw: bytes) -> str:
    """The text of a file's bytes. Raises `Unreadable`."""
    if len(raw) > MOST_BYTES:
        raise Unreadable(Problem(None, f"The file has more than {MOST_BYTES // 1024} KB: these are no settings."))
    for number, line in enumerate(raw.split(b"\n"), 1):
        if len(line) > LONGEST_LINE:
            raise Unreadable(Problem(number, f"The line has more than {LONGEST_LINE} bytes."))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(Problem(raw.count(b"\n", 0, error.start) + 1, "This is no text in UTF-8.")) from None


def read(text: str) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings of a text, and what in it is no setting. Raises `Unreadable`, which names the line."""
    data = _parsed(text)
    try:
        found = checked(data)
    except Wrong as wrong:
        raise Unreadable(Problem(line_of(text, wrong.where), wrong.message)) from None
    return found, tuple(Problem(line_of(text, where), message) for where, message in unknown(data))


def changed(text: str, fields: dict[str, Any]) -> str:
    """The text with these fields of `Settings` set; comments and all else in it stay.

    Raises `Unreadable` when the text is no TOML, or would not say what it should afterwards.
    """
    before = _parsed(text)
    wanted = {PLACES[field]: _with_strangers(before, field, plain(field, value)) for field, value in fields.items()}
    text, left = _uncommented(text, wanted)
    if not left:
        return text
    from workbench.store import settings_edit

    # Where a change in its place goes wrong, what stands there is taken out first.
    for steps in ([left], [dict.fromkeys(left), left]):
        draft = text
        try:
            for step in steps:
                draft = settings_edit.changed(draft, step)
            after = _parsed(draft)
        except Exception:  # tomlkit fails in many ways on TOML that nobody writes
            continue
        kept = _spelt(_rest(after, wanted)) == _spelt(_rest(before, wanted))
        if kept and all(_spelt(_at(after, where)) == _spelt(value) for where, value in wanted.items()):
            return draft
    raise Unreadable(Problem(None, "The file is written in a way that cannot be changed from here without harm."))


def line_of(text: str, where: Where) -> int | None:
    """The line on which the value at a place begins, or else the table around it; ``None`` when there is neither."""
    best, line = 0, None
    for number, path in _statements(text):
        shared = next(
            (i for i, (a, b) in enumerate(zip(path, where, strict=False)) if a != b), min(len(path), len(where))
        )
        if shared > best and shared == min(len(path), len(where)):
            best, line = shared, number
    return line


def _statements(text: str) -> list[tuple[int, Where]]:
    """Every header and every ``key = value`` of a text that is TOML: its line, and the place it names."""
    found: list[tuple[int, Where]] = []
    table: Where = ()
    counts: dict[Where, int] = {}
    lines, start = text.split("\n"), 0
    for number in range(len(lines)):
        if number - start > 1000:
            break  # nobody's settings: it is not worth the time
        statement = "\n".join(lines[start : number + 1])
        try:
            data = tomllib.loads(statement)
        except (ValueError, RecursionError):
            continue  # it goes on in the next line
        first, start = start + 1, number + 1
        if not data:
            continue
        header = statement.lstrip().startswith("[")
        path: Where = () if header else table
        value: Any = data
        while (
            isinstance(value, dict) and len(value) == 1 and (header or path == table or "." in statement.split("=")[0])
        ):
            key, value = next(iter(value.items()))
            path = (*path, key)
        if header and value == [{}]:
            counts[path] = counts.get(path, -1) + 1
            path = (*path, counts[path])
        if header:
            table = path
        found.append((first, path))
    return found


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words, _, place = str(error).partition(" (at ")
        number = re.match(r"line (\d+)", place)
        line = int(number[1]) if number else max(1, text.rstrip("\n").count("\n") + 1)
        raise Unreadable(Problem(line, f"This is no TOML: {words[:1].lower()}{words[1:200]}.")) from None
    except (ValueError, RecursionError):
        raise Unreadable(Problem(None, "The file holds a value that no setting has.")) from None


def _with_strangers(data: dict[str, Any], field: str, value: Any) -> Any:
    """A value to be written, with the keys that stand in its tables now and are nothing to us."""
    there = data.get(field)
    if field == "endpoints" and isinstance(there, list) and value:
        known = {table.get("name"): _strangers(table, EndpointSettings) for table in there if isinstance(table, dict)}
        return [{**endpoint, **known.get(endpoint["name"], {})} for endpoint in value]
    if field == "presets" and isinstance(there, dict) and value:
        known = {name: _strangers(table, GenerationOptions) for name, table in there.items()}
        return {name: {**options, **known.get(name, {})} for name, options in value.items()}
    return value


def _strangers(table: object, kind: type[msgspec.Struct]) -> dict[str, Any]:
    there = table if isinstance(table, dict) else {}
    return {key: value for key, value in there.items() if key not in kind.__struct_fields__}


def _at(data: dict[str, Any], where: Where) -> Any:
    value: Any = data
    for key in where:
        value = value.get(str(key)) if isinstance(value, dict) else None
    return value


def _rest(data: dict[str, Any], places: Iterable[Where]) -> dict[str, Any]:
    """Everything but what stands at these places."""
    rest = {}
    for key, value in data.items():
        if isinstance(value, dict):
            value = {inner: kept for inner, kept in value.items() if (key, inner) not in places}
        if (key,) not in places and value != {}:
            rest[key] = value
    return rest


def _spelt(value: Any) -> str:
    """A value as text: equal for equal values of the same types, whatever the order of their keys."""
    if isinstance(value, dict):
        return f"{{{', '.join(sorted(f'{key!r}: {_spelt(inner)}' for key, inner in value.items()))}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_spelt, value))}]"
    return repr(value)


def _uncommented(text: str, wanted: dict[Where, Any]) -> tuple[str, dict[Where, Any]]:
    """Put values in the place of their commented defaults; what has none is left over."""
    left = {}
    for where, value in wanted.items():
        draft = text
        if value is not None and not isinstance(value, dict) and _at(_parsed(text), where) is None:
            draft = _with_line(text, str(where[-1]), value)
        try:
            done = draft != text and _spelt(_at(_parsed(draft), where)) == _spelt(value)
        except Unreadable:
            done = False
        if done:
            text = draft
        else:
            left[where] = value
    return text, left


def _with_line(text: str, key: str, value: Any) -> str:
    import tomlkit

    line = f"{key} = {tomlkit.item(value).as_string()}"
    return re.sub(rf"^# *{key} *=[^\r\n]*", lambda _: line, text, count=1, flags=re.MULTILINE)
