"""What the model browser shows, from the index and what is on this machine: rows, states, choices. Holds no state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from workbench.manager import fit, query
from workbench.manager.index import Index
from workbench.manager.query import SearchQuery
from workbench.model import HubModel, ModelInfo

MOST_CHOICES = 60
"""Values of a filter that are offered."""
NOWHERE: dict[str, Any] = {
    "status": "hub",
    "percent": None,
    "done": 0,
    "total": None,
    "speed": None,
    "seconds_left": None,
    "error": None,
    "download": None,
    "update": False,
    "note": "",
}
"""The state of a model that is not on this machine."""
_DOWNLOAD_FIELDS = ("status", "percent", "done", "total", "speed", "seconds_left", "error", "note")
_NOT_SET = ("text", "exact", "revision", "sort", "context")


def row(model: HubModel, here: ModelInfo | None, state: dict[str, Any], context: int | None) -> dict[str, Any]:
    """One model as JSON-ready values; `here` is the same as it is on this machine."""
    need = fit.fit(here or model, context)
    known = need.verdict != "unknown"
    return {
        "id": model.id,
        "name": model.id.rpartition("/")[2],
        "author": model.author or model.id.rpartition("/")[0] or None,
        "size": model.size,
        "estimated": model.estimated,
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "quantization": model.quantization,
        "format": model.format,
        "architecture": model.architecture,
        "capabilities": sorted(model.capabilities),
        "downloads": model.downloads,
        "likes": model.likes,
        "gated": model.gated is not None,
        "fit": {
            "verdict": need.verdict,
            "total": need.total if known else None,
            "share": need.share if known else None,
        },
        "speed": need.decode_tps if need.speed_measured else None,
        "state": state,
    }


def repository(model_id: str) -> str:
    """The repository of an id, without revision and quantization."""
    return model_id.partition(":")[0].partition("@")[0]


def local_state(model: ModelInfo, update: bool) -> dict[str, Any]:
    """The state of a model that is on this machine."""
    status = {"failed": "broken"}.get(model.status, model.status)
    return {**NOWHERE, "status": status, "update": update, "note": model.note}


def download_state(download: dict[str, Any]) -> dict[str, Any]:
    """The state of a model on its way, from its row among the downloads."""
    return {**NOWHERE, **{name: download[name] for name in _DOWNLOAD_FIELDS}, "download": download["id"]}


def choices(index: Index, asked: SearchQuery, field: str) -> list[dict[str, Any]]:
    """What a filter can be set to, and how many models of this query each value has, this filter aside."""
    bare = _without(asked, field, f"exclude_{field}s")
    named = {"format": ("mlx", *query.FORMATS), "size_class": tuple(query.SIZE_CLASSES), "task": tuple(query.TASKS)}
    named["quantization"] = tuple(name.lower() for name in query.QUANTIZATIONS)
    if field in named:

        def counted(asked: SearchQuery, value: str) -> int:
            return len(index.search(msgspec.structs.replace(asked, **{field: (value,)})))

        there = [value for value in named[field] if counted(SearchQuery(), value)]
        return [{"value": value, "count": counted(bare, value)} for value in there or named[field]]
    now, all_there_are = index.counts(bare, field), index.counts(SearchQuery(), field)
    ranked = sorted(all_there_are, key=lambda value: (-now.get(value, 0), -all_there_are[value], value))
    return [{"value": value, "count": now.get(value, 0)} for value in ranked[:MOST_CHOICES]]


def loosen(index: Index, asked: SearchQuery) -> list[dict[str, Any]]:
    """Of a query that finds nothing: how many there are without one of its filters or words, most first."""
    ways: list[dict[str, Any]] = []
    for field in msgspec.to_builtins(asked):
        if field not in _NOT_SET:
            ways.append({"field": field, "word": None, "count": len(index.search(_without(asked, field)))})
    words = asked.text.split()
    if len(words) > 1 and not asked.exact:
        for word in words:
            rest = " ".join(other for other in words if other != word)
            count = len(index.search(msgspec.structs.replace(asked, text=rest)))
            ways.append({"field": "text", "word": word, "count": count})
    return sorted(ways, key=lambda way: -way["count"])


def text(models: Iterable[HubModel], total: int) -> str:
    """The first models as lines of text."""
    lines = []
    for model in models:
        lines.append(f"  {model.id}  {size(model)}  {fit.fit(model).verdict}")
    more = [f"  ... {total - len(lines):,} more"] if total > len(lines) else []
    return "\n".join([*lines, *more])


def size(model: HubModel) -> str:
    """A model's size for a person; empty when unknown."""
    return "" if model.size is None else f"{fit.gb(model.size)} GB"


def _without(asked: SearchQuery, *fields: str) -> SearchQuery:
    defaults = {f.name: f.default for f in msgspec.structs.fields(SearchQuery)}
    return msgspec.structs.replace(asked, **{field: defaults[field] for field in fields if field in defaults})
