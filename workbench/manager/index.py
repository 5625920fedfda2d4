"""The models seen on the hub, kept on this disk and searched as one types. Asks the hub only in `Index.refresh`.

    CACHE/models-1.sqlite     the number is the schema's; a file that is damaged is set aside as *.damaged
        models    one row a model: what `columns` needs, the whole `HubModel`, when it was seen
        names     FTS5 with trigrams over the ids
        facts     how many changes there were; how far the last refresh came

Who answers what: SQLite is the store that lasts, shared by all processes (WAL). FTS5 finds names like a misspelt one
(`near`). A search is answered by `workbench.manager.columns`, read from the store once a process and then kept up with
it: a full-text index orders by a score only after it has fetched all it found, and knows no words of one or two
letters; a pass over arrays does either in a few milliseconds. The page that is shown comes from SQLite again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import FolderError
from workbench.manager.index_file import Connection
from workbench.manager.query import SearchQuery
from workbench.model import HubModel
from workbench.store import paths

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.manager.columns import Columns, Row

SCHEMA = 1
PAGE = 50
"""Models read from the store at once."""
_TABLES = """
CREATE TABLE IF NOT EXISTS models (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, change INTEGER NOT NULL, seen REAL NOT NULL,
    columns BLOB NOT NULL, model BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS models_change ON models (change);
CREATE VIRTUAL TABLE IF NOT EXISTS names USING fts5 (id, content='', tokenize='trigram');
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value);
INSERT OR IGNORE INTO facts VALUES ('change', 0);
"""
_PUT = """
INSERT INTO models (id, change, seen, columns, model) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
SET change = excluded.change, seen = excluded.seen, columns = excluded.columns, model = excluded.model
"""
_NEXT_CHANGE = "UPDATE facts SET value = value + 1 WHERE name = 'change' RETURNING value"
_CHANGED = "SELECT key, change, columns FROM models WHERE change > ? ORDER BY change, key"
_MOSTLY_DEAD = 0.3
"""Share of positions that changed since, above which the columns are read anew."""
_KEPT = ("downloads", "likes", "trending", "created", "updated", "licence", "task", "architecture", "context_length",
         "parameters", "active_parameters", "bits", "quantization", "method", "format", "engine")  # fmt: skip
"""What a listing that does not mention it leaves as it was."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(HubModel).decode


class Found(Sequence[HubModel]):
    """What a search of the index found: its length is known, its models are read page by page."""

    def __init__(self, index: Index, columns: Columns, positions: NDArray[np.int64]) -> None:
        self._index, self._columns, self._positions = index, columns, positions
        self._pages: dict[int, list[HubModel]] = {}

    def __len__(self) -> int:
        return len(self._positions)

    def ids(self) -> list[str]:
        """All ids in order, without reading the models."""
        return [self._columns.ids[position] for position in self._positions]

    def holds(self, model_id: str) -> bool:
        """Whether a model is among those found, without reading them."""
        return bool((self._positions == self._columns.positions.get(model_id, -1)).any())

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        at = at + len(self) if at < 0 else at
        if not 0 <= at < len(self):
            raise IndexError(at)
        page, place = divmod(at, PAGE)
        if page not in self._pages:
            positions = self._positions[page * PAGE : (page + 1) * PAGE]
            self._pages[page] = self._index.read(self._columns.keys[positions].tolist())
        return self._pages[page][place]


class Index:
    """One index file. Safe for several threads and processes: what one adds, all others find at their next search.

    Every method raises `FolderError` when the file cannot be used.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._reader, self._writer = Connection(self.path, _TABLES), Connection(self.path, _TABLES)
        self._updating = threading.Lock()
        self._columns: tuple[tuple[int, int], int, Columns] | None = None
        """State of the file they were read at, the last change in them, and the columns."""

    def __len__(self) -> int:
        return len(self.columns())

    def search(self, query: SearchQuery) -> Found:
        """All models that match, in order; its first page costs a few milliseconds."""
        columns = self.columns()
        return Found(self, columns, columns.search(query))

    def counts(self, query: SearchQuery, field: str) -> dict[str, int]:
        """How many matches have each value of a field of `columns.TEXTS`: ``format``, ``author``, ..."""
        return self.columns().counts(query, field)

    def add(self, models: Iterable[HubModel]) -> None:
        """Keep these models; one that is here already is replaced, but for what the new listing does not mention."""
        new = {model.id: msgspec.structs.replace(model, status="hub", path=None, note="") for model in models}
        if new:
            self._writer.run(lambda connection: _write(connection, new))
        if self._columns is not None:
            self.columns(wait=True)  # here rather than at the next keystroke

    def read(self, keys: Sequence[int]) -> list[HubModel]:
        """The models of these keys, in their order."""
        marks = ",".join("?" * len(keys))
        asked = f"SELECT key, model FROM models WHERE key IN ({marks})"
        found = self._reader.run(lambda c: {key: _decode(data) for key, data in c.execute(asked, keys)})
        return [found[key] for key in keys if key in found]

    def get(self, model_id: str) -> HubModel | None:
        """The model of this id, if it was ever seen."""
        return next(iter(self._reader.run(lambda connection: _by_ids(connection, [model_id]))), None)

    def near(self, model_id: str, count: int = 50) -> list[str]:
        """Ids that share the most runs of three letters with this one, best first."""
        text = model_id.lower()[:200].replace("\0", " ")
        asked = " OR ".join('"' + text[i : i + 3].replace('"', '""') + '"' for i in range(len(text) - 2))
        if not asked:
            return []
        found = "SELECT rowid, rank FROM names WHERE names MATCH ? ORDER BY rank LIMIT ?"
        named = f"SELECT id FROM models JOIN ({found}) AS best ON key = best.rowid ORDER BY best.rank, id"
        return [name for (name,) in self._reader.run(lambda c: c.execute(named, (asked, count)).fetchall())]

    @property
    def as_of(self) -> float | None:
        """When a model was last seen on the hub, in Unix seconds; ``None`` for an empty index."""
        newest = "SELECT seen FROM models ORDER BY change DESC LIMIT 1"
        return next((seen for (seen,) in self._reader.run(lambda c: c.execute(newest).fetchall())), None)

    def fact(self, name: str) -> Any:
        """What was noted under this name; ``None`` for nothing."""
        asked = "SELECT value FROM facts WHERE name = ?"
        return next((value for (value,) in self._reader.run(lambda c: c.execute(asked, (name,)).fetchall())), None)

    def note(self, name: str, value: str | float | None) -> None:
        """Keep a value under a name, for every process."""
        self._writer.run(lambda c: c.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value)))

    def refresh(
        self, on_progress: Callable[[Any], None] = lambda _: None, cancelled: Callable[[], bool] = lambda: False
    ) -> int:
        """Fetch the hub's listings into this index: see `workbench.manager.catalogue.refresh`."""
        from workbench.manager import catalogue  # it asks the hub, whose client remembers here what it saw

        return catalogue.refresh(self, on_progress, cancelled)

    def close(self) -> None:
        """Give the file back; the next call opens it again."""
        self._reader.close()
        self._writer.close()

    def columns(self, *, wait: bool = False) -> Columns:
        """The columns, up to date with the file.

        While another thread brings them up to date, those of a moment before, unless asked to `wait`: a keystroke
        does not wait for a page of a refresh.
        """
        state, known = self._reader.run(self._state), self._columns
        if known is not None and known[0] == state:
            return known[2]
        if not self._updating.acquire(blocking=wait or known is None):
            assert known is not None
            return known[2]
        try:
            self._columns = self._updated(state)
            return self._columns[2]
        finally:
            self._updating.release()

    def _updated(self, state: tuple[int, int]) -> tuple[tuple[int, int], int, Columns]:
        from workbench.manager import columns

        (opened, _), change, before = self._columns or ((0, 0), 0, columns.Columns())
        if opened != state[0] or before.dead > _MOSTLY_DEAD * len(before.ids) + 1000:
            change, before = 0, columns.Columns()
        keys, rows, change = self._reader.run(lambda connection: _changed(connection, change))
        return state, change, before.extended(keys, rows) if rows else before

    def _state(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """Which file it is, and a number that changes with each change by another connection."""
        return self._reader.opened, int(connection.execute("PRAGMA data_version").fetchone()[0])


def default() -> Index:
    """The index of this person."""
    return _at(paths.cache_dir() / f"models-{SCHEMA}.sqlite")


def remember(models: Iterable[HubModel]) -> None:
    """Add models to the index of this person; that it cannot be written is no failure of the caller."""
    with suppress(FolderError, OSError):
        default().add(models)


def near(model_id: str, count: int = 50) -> list[str]:
    """Ids of this person's index like this one; none when it cannot be read."""
    with suppress(FolderError, OSError):
        return default().near(model_id, count)
    return []


@cache
def _at(path: Path) -> Index:
    return Index(path)


def _write(connection: sqlite3.Connection, new: dict[str, HubModel]) -> None:
    """One change: all of these models or none."""
    from workbench.manager import columns

    connection.execute("BEGIN IMMEDIATE")
    try:
        (change,) = connection.execute(_NEXT_CHANGE).fetchone()
        (last,) = connection.execute("SELECT ifnull(max(key), 0) FROM models").fetchone()
        merged = new | {before.id: _merged(new[before.id], before) for before in _by_ids(connection, list(new))}
        rows = [(m.id, change, time.time(), _encode(columns.row(m)), _encode(m)) for m in merged.values()]
        connection.executemany(_PUT, rows)
        connection.execute("INSERT INTO names (rowid, id) SELECT key, id FROM models WHERE key > ?", (last,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _changed(connection: sqlite3.Connection, since: int) -> tuple[list[int], list[Row], int]:
    """Keys and rows of what changed after a change, and the number of the last one."""
    from workbench.manager import columns

    found = connection.execute(_CHANGED, (since,)).fetchall()
    decode = msgspec.msgpack.Decoder(columns.Row).decode
    return [key for key, _, _ in found], [decode(data) for _, _, data in found], found[-1][1] if found else since


def _by_ids(connection: sqlite3.Connection, ids: Sequence[str]) -> list[HubModel]:
    found = []
    for at in range(0, len(ids), 500):
        some = ids[at : at + 500]
        marks = ",".join("?" * len(some))
        found += connection.execute(f"SELECT model FROM models WHERE id IN ({marks})", some).fetchall()
    return [_decode(data) for (data,) in found]


def _merged(new: HubModel, before: HubModel) -> HubModel:
    """The new facts, and those of before that the new listing lacks; a size read from files beats an estimate."""
    kept = {name: getattr(before, name) for name in _KEPT if getattr(new, name) is None}
    if before.size is not None and (new.size is None or (new.estimated and not before.estimated)):
        kept |= {"size": before.size, "estimated": before.estimated}
    return msgspec.structs.replace(new, **kept)
