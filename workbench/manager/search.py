"""A search for models: the hub's answer and the local index, merged into one list. Knows no widget.

The hub is asked first; what it lists goes into the index, and the index answers. So filters and order mean the same
online and offline, and what the hub cannot filter by (bits, fits this machine, ...) is filtered all the same.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, overload

import msgspec

from workbench.errors import GatedModelError, HubError, ModelError, WorkbenchError
from workbench.manager import hub, index, inventory
from workbench.manager.index import Index
from workbench.manager.query import TASKS, SearchQuery
from workbench.model import HubModel, Status

if TYPE_CHECKING:
    import pandas

HUB_PAGE = 100
"""Models the hub is asked for at once."""
SHOWN = 20
"""Rows of a printed table."""
COLUMNS = ("id", "parameters", "quantization", "size", "downloads", "licence", "status")
UNKNOWN = "\u2013"
_HUB_FORMATS = {"mlx", "gguf", "onnx", "safetensors"}
"""Formats that are tags of the hub."""
_HUB_SORTS = {
    "quality": "downloads",
    "trending": "trendingScore",
    "downloads": "downloads",
    "likes": "likes",
    "newest": "createdAt",
    "size": "downloads",
}


class Results(Sequence[HubModel]):
    """What a search found: as long as what is known so far; further pages of the hub are fetched when they are read.

    A list that reads well: as text, as a table in a notebook, as a pandas frame.
    """

    def __init__(
        self,
        query: SearchQuery,
        where: Index,
        *,
        answered: bool,
        pages: Iterator[hub.Page] | None,
        error: WorkbenchError | None,
        statuses: Callable[[], Mapping[str, Status]],
    ) -> None:
        self.query = query
        self.error = error
        """Why the hub did not answer; ``None`` when it did, or was not asked."""
        self.source: Literal["hub", "index"] = "hub" if answered else "index"
        """Whether the hub answered, or only the local index did."""
        self.as_of = time.time() if answered else where.as_of
        """When the facts were the hub's, in Unix seconds; ``None`` for an empty index."""
        self._index, self._pages, self._statuses = where, pages, statuses()
        self._found = where.search(query)
        self._later: list[HubModel] = []
        """What further pages brought: at the end, so that no row moves that was read already."""

    def __len__(self) -> int:
        return len(self._found) + len(self._later)

    @overload
    def __getitem__(self, at: int) -> HubModel: ...
    @overload
    def __getitem__(self, at: slice) -> list[HubModel]: ...
    def __getitem__(self, at: int | slice) -> HubModel | list[HubModel]:
        """A row, or rows; of rows beyond those known the hub is asked for more."""
        if isinstance(at, slice):
            self._know(at.stop if at.stop is not None else at.start or 0)
            return [self._row(i) for i in range(*at.indices(len(self)))]
        self._know(at + 1)
        return self._row(range(len(self))[at])

    def __iter__(self) -> Iterator[HubModel]:
        at = 0
        while at < len(self) or self.more():
            yield self._row(at)
            at += 1

    @property
    def complete(self) -> bool:
        """Whether the hub has no further page for this search, or cannot be asked."""
        return self._pages is None

    @property
    def note(self) -> str:
        """A word on where this comes from, for a person."""
        if self.source == "hub":
            return "from the hub"
        seen = "nothing was seen of it yet" if self.as_of is None else f"as seen {_ago(time.time() - self.as_of)}"
        index = f"from the local index, {seen}"
        return index if self.error is None else f"{index}. {self.error.message.rstrip('.')}"

    @property
    def suggestions(self) -> list[str]:
        """Ids like the words that were asked for, where these are misspelt."""
        return self._index.near(self.query.text, 3) if len(self.query.text) > 3 else []

    def more(self) -> bool:
        """Fetch further pages of the hub until one brings a row; whether one did."""
        while self._pages is not None:
            try:
                page = next(self._pages, None)
            except HubError as error:
                self.error, page = error, None
            if page is None:
                self._pages = None
                return False
            self._index.add(page.models)
            known = {model.id for model in self._later}
            fresh = (m for m in page.models if m.id not in known and not self._found.holds(m.id))
            new = [model for model in fresh if self.query.matches(model)]
            self._later += new
            if new:
                return True
        return False

    def to_frame(self) -> pandas.DataFrame:
        """One row a model known so far, one column a field of `HubModel`; sizes in bytes. Needs pandas."""
        import pandas

        rows = [msgspec.structs.asdict(self._row(i)) for i in range(len(self))]
        return pandas.DataFrame(rows, columns=list(HubModel.__struct_fields__))

    def __repr__(self) -> str:
        rows = [COLUMNS, *(_cells(model) for model in self._shown())]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, self._foot()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(model)) + "</tr>"
            for model in self._shown()
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"{table}<p>{html.escape(self._foot())}</p>"

    def _shown(self) -> list[HubModel]:
        return [self._row(i) for i in range(min(len(self), SHOWN))]

    def _foot(self) -> str:
        more = "" if self.complete else " so far"
        count = f"{len(self):,} model{'' if len(self) == 1 else 's'}{more}"
        shown = f"The first {SHOWN} of {count}" if len(self) > SHOWN else count
        near = self.suggestions if not len(self) else []
        return f"{shown}; {self.note}." + (f" Did you mean {' or '.join(near)}?" if near else "")

    def _row(self, at: int) -> HubModel:
        model = self._found[at] if at < len(self._found) else self._later[at - len(self._found)]
        status = self._statuses.get(model.id)
        return model if status is None else msgspec.structs.replace(model, status=status)

    def _know(self, count: int) -> None:
        while len(self) < count and self.more():
            pass


def search(
    query: SearchQuery,
    *,
    online: bool = True,
    where: Index | None = None,
    statuses: Callable[[], Mapping[str, Status]] | None = None,
) -> Results:
    """Models that match, best first. The hub is asked for its first page; when it cannot be, the index answers alone.

    `online=False` asks only the index, within milliseconds. `statuses` tells which models are here (by default: those
    the inventory knows are ``"ready"``). Raises `ModelNotFoundError` and `GatedModelError` for one repository asked
    for by its address, and `FolderError` when the index cannot be used.
    """
    where = index.default() if where is None else where
    pages: Iterator[hub.Page] | None = None
    error: WorkbenchError | None = None
    if online:
        try:
            pages = _asked(query, where)
        except HubError as refused:
            if query.exact and isinstance(refused, GatedModelError):
                raise
            error = refused
    answered = online and error is None
    return Results(query, where, answered=answered, pages=pages, error=error, statuses=statuses or here)


def here() -> dict[str, Status]:
    """Status of the repositories on this disk, by id."""
    try:
        found = inventory.local_models()
    except ModelError:
        return {}
    return statuses_of((model.id, model.status) for model in found)


def statuses_of(models: Iterator[tuple[str, Status]]) -> dict[str, Status]:
    """Status by repository: the best of its models (a GGUF repository holds several)."""
    order: Sequence[Status] = ("failed", "down", "hub", "ready", "loading", "loaded")
    found: dict[str, Status] = {}
    for model_id, status in models:
        repo = model_id.partition(":")[0].partition("@")[0]
        found[repo] = max(found.get(repo, status), status, key=order.index)
    return found


def _asked(query: SearchQuery, where: Index) -> Iterator[hub.Page] | None:
    """The hub's further pages, if there are any; its first is in the index when this returns."""
    if query.exact is not None:
        where.add([hub.info(query.exact, query.revision, timeout=hub.QUICK).model])
        return None
    pages = [hub.list_models(**terms, limit=HUB_PAGE, timeout=hub.QUICK) for terms in listings(query)]
    first = [next(page) for page in pages]
    where.add(model for page in first for model in page.models)
    return chain.from_iterable(pages) if any(page.next for page in first) else None


def listings(query: SearchQuery) -> list[dict[str, Any]]:
    """What of a query the hub can be asked, as arguments of `hub.list_models`, one listing each.

    It cannot count parameters: those it lists for packed weights are too few. Without words or a format it is asked
    for what runs here.
    """
    formats = query.format if set(query.format) <= _HUB_FORMATS else ()
    if not query.text and not query.author and not query.format:
        formats = ("mlx", "gguf")
    common = {
        "search": query.text or None,
        "author": query.author[0] if len(query.author) == 1 else None,
        "task": _pipeline_tag(query),
        "gated": query.gated,
        "sort": _HUB_SORTS[query.sort],
    }
    kinds: list[tuple[str, ...]] = [(name,) for name in formats] or [()]
    return [common | {"tags": (*kind, *query.tags)} for kind in kinds]


def _pipeline_tag(query: SearchQuery) -> str | None:
    """The one pipeline tag that means the task; several, or none, are left to the index."""
    if len(query.task) != 1 or query.task[0] == "conversational":
        return None
    meant = TASKS.get(query.task[0], frozenset(query.task))
    return next(iter(meant)) if len(meant) == 1 else None


def _cells(model: HubModel) -> tuple[str, ...]:
    size = UNKNOWN if model.size is None else f"{'~' if model.estimated else ''}{_short(model.size, 'B')}"
    return (
        model.id,
        UNKNOWN if model.parameters is None else _short(model.parameters),
        model.quantization or UNKNOWN,
        size,
        UNKNOWN if model.downloads is None else f"{model.downloads:,}",
        model.licence or UNKNOWN,
        model.status,
    )


def _short(number: int, unit: str = "") -> str:
    """``3.2B`` parameters, ``1.8 GB``."""
    names = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")) if unit else ((10**9, "B"), (10**6, "M"), (10**3, "k"))
    for factor, name in names:
        if number >= factor:
            return f"{number / factor:.1f}{' ' if unit else ''}{name}"
    return f"{number} {unit}".rstrip()


def _ago(seconds: float) -> str:
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if count := int(seconds // length):
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
