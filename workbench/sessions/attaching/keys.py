"""Keys and passwords are never sent: what holds one is refused, and said where. Knows no kind of attachment.

Looked for are the values of keys that are known here (of endpoints, of the environment), the shapes of keys that
services give out, and values beside a name that means a secret. The words of an error never hold the value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.errors import KeyFoundError

if TYPE_CHECKING:
    from workbench.services.registry import Services

SHORTEST = 8
"""Characters of the shortest value of the environment that is looked for: shorter ones are words of any text."""
_SHAPES = (
    ("a private key", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")),
    ("an API key (sk-...)", re.compile(r"\b[sr]k[-_](?:proj-|ant-|or-v1-|svcacct-|live_|test_)?[A-Za-z0-9_-]{16,}")),
    ("a Hugging Face token (hf_...)", re.compile(r"\bhf_[A-Za-z0-9]{16,}")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{16,}")),
    ("an AWS key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a Google key", re.compile(r"\bAIza[\w-]{30,}")),
    ("a Slack token", re.compile(r"\bxox[abeprs]-[\w-]{10,}")),
    ("a bearer token", re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}")),
    ("an address with a password", re.compile(r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@]{3,}@")),
)
_NAME = r"[A-Za-z0-9_.-]*(?:api[_-]?key|access[_-]?key|private[_-]?key|secret(?:[_-]?key)?|passw(?:or)?d|token)"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_NAMED = re.compile(
    rf"(?<![A-Za-z0-9_.-])(?P<name>{_NAME})[\"']?\s*(?::|=>?)\s*"
    r"(?:(?P<quote>[\"'])(?P<quoted>[^\"'\n]*)(?P=quote)|(?P<bare>[^\s\"',;]+))",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(
    r"[<>{}()\[\]\s]|^(?:your|my|the|some)[-_]|^(?:x+|\*+|\.+|none|null|true|false|changeme)$", re.IGNORECASE
)
_SECRET_FILES = (".netrc", "_netrc", ".pgpass", ".git-credentials", "credentials.json", "id_rsa", "id_ed25519")
_HOLDERS = (
    "workbench.services.keys",
    "workbench.services.registry",
    "workbench.store.settings",
    "workbench.sessions.settings",
)


def check_thing(thing: object, name: str) -> None:
    """Raise `KeyFoundError` for what exists to hold keys: the environment, the settings, a keyring."""
    modules = {base.__module__ for base in type(thing).__mro__}
    if thing is os.environ or isinstance(thing, type(os.environ)):
        raise KeyFoundError(f"{name} is the environment, which holds keys; it is not sent.")
    if any(module.startswith(_HOLDERS) or module.partition(".")[0] == "keyring" for module in modules):
        raise KeyFoundError(f"{name} is where keys are kept; it is not sent.", next_step="Attach something else.")


def check_file(name: str) -> None:
    """Raise `KeyFoundError` for a file whose very name says that it holds passwords."""
    if name.lower() in _SECRET_FILES:
        raise KeyFoundError(f"{name} is a file of passwords or keys; it is not sent.", next_step="Attach another file.")


def check_text(text: str, name: str, services: Services | None = None) -> None:
    """Raise `KeyFoundError`, which says in which line, where a text holds a key."""
    for secret, whose in known(services):
        at = text.find(secret)
        if at >= 0:
            raise _found(name, text, at, whose)
    for what, shape in _SHAPES:
        if match := shape.search(text):
            raise _found(name, text, match.start(), what)
    for match in _NAMED.finditer(text):
        if _is_value(match):
            raise _found(name, text, match.start(), f"a value of {match['name']}")


def check_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], name: str, services: Services | None) -> None:
    """The same for a table: a column, or the cell to the left, may be what names a secret."""
    for number, row in enumerate(rows, 1):
        cells = ["" if cell is None else str(cell) for cell in row]
        check_text("\n".join(cells), f"Row {number} of {name}", services)
        named = [*zip(columns, cells, strict=False), *pairwise(cells)]
        for label, cell in named:
            if _SECRET_NAME.fullmatch(label) and not _NO_VALUE.search(cell) and _strong(label, cell, bare=False):
                raise KeyFoundError(f"Row {number} of {name} holds a value of {label}; it is not sent.")


def known(services: Services | None) -> Iterator[tuple[str, str]]:
    """Keys that are known here, and whose each is; the keyring is not asked."""
    for endpoint in services.endpoints if services is not None else ():
        secret = services.key(endpoint).at_hand()  # type: ignore[union-attr]  # it is there
        if secret and len(secret) >= SHORTEST:
            yield secret, f"the key of {endpoint}"
    for variable, value in os.environ.items():
        if _SECRET_NAME.fullmatch(variable) and len(value.strip()) >= SHORTEST:
            yield value.strip(), f"the value of {variable}"


def _is_value(match: re.Match[str]) -> bool:
    bare = match["bare"] is not None
    value = match["bare"] if bare else match["quoted"]
    return bool(value) and not _NO_VALUE.search(value) and _strong(match["name"], value, bare=bare)


def _strong(name: str, value: str, *, bare: bool) -> bool:
    """Whether a value beside a name that means a secret looks like one, and not like a word or a variable."""
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    if name.lower().endswith("token"):  # tokenizers have tokens too
        return mixed and len(value) >= 12
    return len(value) >= 6 and (mixed or not bare or name.isupper())


def _found(name: str, text: str, at: int, what: str) -> KeyFoundError:
    line = f"line {text.count(chr(10), 0, at) + 1} of {name}" if "\n" in text else name
    return KeyFoundError(f"{line[0].upper()}{line[1:]} holds {what}; it is not sent.")
