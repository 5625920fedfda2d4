"""The model list of a server, asked for lightly: for a list of all, where ten servers answer at once.

Knows no endpoint but by its `Key`, which says its name and address too. The keyring is not asked.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec

from workbench.model import ModelInfo
from workbench.services import fetch, openai_wire
from workbench.services.http_errors import UNREADABLE, not_the_protocol, refused
from workbench.services.keys import Key

SECONDS = 5.0
"""How long a server may take for its list."""
_MOST_PAGES = 50


def ask(key: Key, seconds: float = SECONDS) -> list[ModelInfo]:
    """The models that an endpoint offers now. Raises errors under `ServiceError`."""
    found: dict[str, ModelInfo] = {}
    query: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        page = f"{key.url}/models{f'?{urlencode(query)}' if query else ''}"
        entries, query = read(key.url, *fetch.answer(page, key=key, seconds=seconds))
        for entry in entries:
            info = openai_wire.model(entry, key.name)
            if info is not None:
                found.setdefault(info.id, _priced(info, entry))
        if not query:
            break
    return list(found.values())


def read(url: str, status: int, headers: Any, data: bytes) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The entries of an answer with a list, and the query of its next page; raises errors under `ServiceError`."""
    if status != 200:
        raise refused(url, status, data.decode("utf-8", "replace"), headers)
    entries, query = openai_wire.listed(data, url)
    if not entries and not _says_list(data):
        raise not_the_protocol(url, data.decode("utf-8", "replace"))
    return entries, query


def price(pricing: object) -> str:
    """OpenRouter's prices, which are strings, in US dollars a token: ``"$0.15 in, $0.60 out a million"`` or ``"free"``.

    Empty when they are unknown, or depend.
    """
    try:
        costs = [float(pricing[kind]) * 1e6 for kind in ("prompt", "completion")]  # type: ignore[index]  # it may be
    except (KeyError, TypeError, ValueError):
        return ""
    if min(costs) < 0:
        return ""
    return f"${costs[0]:.2f} in, ${costs[1]:.2f} out a million" if any(costs) else "free"


def _priced(info: ModelInfo, entry: dict[str, Any]) -> ModelInfo:
    note = price(entry.get("pricing"))
    return msgspec.structs.replace(info, note=note) if note else info


def _says_list(data: bytes) -> bool:
    """Whether an answer without entries is a list at all: some health pages answer every path with an object."""
    try:
        value = msgspec.json.decode(data)
    except UNREADABLE:
        return False
    return isinstance(value, list) or bool({"data", "models"} & value.keys()) or value.get("object") == "list"
