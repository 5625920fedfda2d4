"""What was measured when models ran: one row a run, local or of a server, kept. Knows no model's files and no engine.

    DATA/usage.sqlite3            table runs; several kernels read and write it at once (WAL)
    DATA/usage.damaged-N.sqlite3  one that could not be read, set aside at the Unix time N

A row holds numbers and names, never a word of what was asked or answered. Nothing here ever stops a chat: a database
that is locked or cannot be written loses the row, with a line in the log.
"""

from __future__ import annotations

import logging
import sqlite3
import statistics
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from workbench.events import Finished
from workbench.store import paths

RECENT = 20
"""Runs of a model that its figures are made of: the newest."""
TIMED_TOKENS = 16
"""Tokens a run must have written for its speed to count: of fewer, chance decides."""
BUSY_SECONDS = 2.0
"""How long a reader or writer waits for another."""
_Number = TypeVar("_Number", int, float)
_MIGRATIONS = (
    (
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY, model TEXT NOT NULL, engine TEXT NOT NULL, at REAL NOT NULL, load_s REAL,
            ttft_s REAL, prefill_tps REAL, decode_tps REAL, prompt_tokens INTEGER, completion_tokens INTEGER,
            peak_memory INTEGER, weights INTEGER, context_length INTEGER)""",
        "CREATE INDEX runs_of_model ON runs (model, at)",
    ),
    (
        "ALTER TABLE runs ADD COLUMN cached_tokens INTEGER",
        "ALTER TABLE runs ADD COLUMN total_s REAL",
        "CREATE INDEX runs_by_time ON runs (at)",
    ),
)
"""What brings a database from version N to N + 1; SQLite's ``user_version`` counts them."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One finished run. ``None`` means: not measured."""

    model: str
    """Model id."""
    engine: str
    """What computed; ``server`` for a run that a connected server answered."""
    at: float
    """When it ended, Unix time."""
    load_s: float | None = None
    """Seconds that loading the model took, for this run or before it."""
    ttft_s: float | None = None
    prefill_tps: float | None = None
    decode_tps: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    peak_memory: int | None = None
    """In bytes; see `workbench.events.Metrics`."""
    weights: int | None = None
    """Bytes of weights in memory."""
    context_length: int | None = None
    """Tokens of context that were allotted."""
    cached_tokens: int | None = None
    """Prompt tokens taken from a cache."""
    total_s: float | None = None
    """Seconds from the request to the end, loading left out."""

    @property
    def tokens(self) -> int:
        """Tokens its cache held at the end."""
        return (self.prompt_tokens or 0) + (self.completion_tokens or 0)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A model's figures from its newest runs, all of one engine and of the same weights; medians, but for memory."""

    runs: int
    """All runs there ever were."""
    last_used: float
    """Unix time."""
    engine: str
    load_s: float | None = None
    ttft_s: float | None = None
    prefill_tps: float | None = None
    decode_tps: float | None = None
    peak_memory: int | None = None
    """The most bytes that any of them held."""
    peak_tokens: int = 0
    """Tokens in the cache of that run."""
    peak_context: int | None = None
    """Tokens of context allotted in that run."""
    weights: int | None = None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day of one model; a sum is ``None`` when none of its runs told."""

    day: date
    """By this machine's clock."""
    model: str
    runs: int
    prompt_tokens: int | None = None
    """Cached ones included."""
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    """From request to end, summed."""
    decode_tps: float | None = None
    """Median tokens a second of the runs that wrote `TIMED_TOKENS` or more."""


_remembered: tuple[object, dict[str, Measured]] = (None, {})


def note_run(run: Run) -> bool:
    """Keep a run; whether it could be. Takes a few milliseconds, up to two seconds when others write."""
    names = ", ".join(Run.__struct_fields__)
    places = ", ".join("?" * len(Run.__struct_fields__))
    try:
        with closing(_open()) as database, database:
            database.execute(f"INSERT INTO runs ({names}) VALUES ({places})", msgspec.structs.astuple(run))
    except (sqlite3.Error, OSError) as error:
        logging.getLogger(__name__).warning("A run of %s was not noted: %s", run.model, error)
        return False
    return True


def note(event: Finished, *, model: str, engine: str, **facts: float | int | None) -> None:
    """Keep what a run measured, on a thread of its own: no answer waits for the disk. `facts` are fields of `Run`."""
    known: dict[str, float | int | None] = {
        "load_s": event.metrics.load_s,
        "ttft_s": event.metrics.ttft_s,
        "prefill_tps": event.metrics.prefill_tps,
        "decode_tps": event.metrics.decode_tps,
        "total_s": event.metrics.total_s,
        "peak_memory": event.metrics.peak_memory,
        "prompt_tokens": event.usage.prompt_tokens,
        "cached_tokens": event.usage.cached_tokens,
        "completion_tokens": event.usage.completion_tokens,
        **facts,
    }
    run = Run(model=model, engine=engine, at=time.time(), **known)  # type: ignore[arg-type]  # by the fields' types
    threading.Thread(target=note_run, args=(run,), name="workbench usage").start()


def measured(model: str) -> Measured | None:
    """What was measured of a model here; ``None`` when it never ran."""
    return all().get(model)


def all() -> dict[str, Measured]:
    """What was measured of every model that ran here, by id. Read again only when something was written."""
    global _remembered
    try:
        stamp = _stamp()
        if _remembered[0] != stamp:
            _remembered = (stamp, _summaries())
    except (sqlite3.Error, OSError) as error:
        _warn_once(f"The measurements could not be read: {error}")
        return {}
    return _remembered[1]


def runs(model: str | None = None) -> list[Run]:
    """The runs there were, the newest first; of one model, or of all. Raises `sqlite3.Error`, `OSError`."""
    names = ", ".join(Run.__struct_fields__)
    with closing(_open()) as database:
        rows = database.execute(
            f"SELECT {names} FROM runs WHERE ?1 IS NULL OR model = ?1 ORDER BY at DESC, id DESC", (model,)
        )
        return [_run(row) for row in rows]


def days(since: float, model: str | None = None) -> list[Day]:
    """What ran since that Unix time, by day and model, the oldest day first; empty when it cannot be read."""
    names = ", ".join(Run.__struct_fields__)
    if not _file().exists():
        return []
    try:
        with closing(_open()) as database:
            rows = database.execute(
                f"SELECT {names} FROM runs WHERE at >= ?1 AND (?2 IS NULL OR model = ?2)", (since, model)
            )
            found = [_run(row) for row in rows]
    except (sqlite3.Error, OSError) as error:
        _warn_once(f"The measurements could not be read: {error}")
        return []
    by: dict[tuple[date, str], list[Run]] = {}
    for run in found:
        by.setdefault((date.fromtimestamp(run.at), run.model), []).append(run)
    return [_day(day, name, by[day, name]) for day, name in sorted(by)]


def _day(day: date, model: str, found: list[Run]) -> Day:
    return Day(
        day=day,
        model=model,
        runs=len(found),
        prompt_tokens=_sum(run.prompt_tokens for run in found),
        cached_tokens=_sum(run.cached_tokens for run in found),
        completion_tokens=_sum(run.completion_tokens for run in found),
        seconds=_sum(run.total_s for run in found),
        decode_tps=_median(run.decode_tps for run in found if (run.completion_tokens or 0) >= TIMED_TOKENS),
    )


def _sum(values: Iterable[_Number | None]) -> _Number | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


@cache
def _warn_once(words: str) -> None:
    logging.getLogger(__name__).warning(words)


def _summaries() -> dict[str, Measured]:
    names = ", ".join(Run.__struct_fields__)
    recent = f"""SELECT {names}, count FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY model ORDER BY at DESC, id DESC) AS place,
        COUNT(*) OVER (PARTITION BY model) AS count FROM runs) WHERE place <= ? ORDER BY model, place"""
    if not _file().exists():
        return {}
    found: dict[str, list[Run]] = {}
    counts: dict[str, int] = {}
    with closing(_open()) as database:
        for *row, count in database.execute(recent, (RECENT,)):
            run = _run(row)
            found.setdefault(run.model, []).append(run)
            counts[run.model] = count
    return {model: _summary(rows, counts[model]) for model, rows in found.items()}


def _summary(newest_first: list[Run], count: int) -> Measured:
    newest = newest_first[0]
    alike = [run for run in newest_first if (run.engine, run.weights) == (newest.engine, newest.weights)]
    peak = max(alike, key=lambda run: run.peak_memory or 0)
    return Measured(
        runs=count,
        last_used=newest.at,
        engine=newest.engine,
        load_s=_median(run.load_s for run in alike),
        ttft_s=_median(run.ttft_s for run in alike),
        prefill_tps=_median(run.prefill_tps for run in alike),
        decode_tps=_median(run.decode_tps for run in alike if (run.completion_tokens or 0) >= TIMED_TOKENS),
        peak_memory=peak.peak_memory,
        peak_tokens=peak.tokens,
        peak_context=peak.context_length,
        weights=newest.weights,
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _run(row: Iterable[object]) -> Run:
    return Run(**dict(zip(Run.__struct_fields__, row, strict=True)))  # type: ignore[arg-type]  # by the table's types


def _open() -> sqlite3.Connection:
    """A connection to the database at its newest version; a damaged one is set aside and begun anew."""
    file = _file()
    before = file.stat().st_ino if file.exists() else None
    try:
        return _connect(file)
    except sqlite3.OperationalError:
        raise  # locked, or it cannot be written: nothing is wrong with it
    except sqlite3.DatabaseError as error:
        if file.exists() and file.stat().st_ino == before:  # else another kernel has set it aside meanwhile
            aside = file.with_name(f"usage.damaged-{time.time():.0f}.sqlite3")
            file.rename(aside)
            for companion in ("-wal", "-shm"):
                file.with_name(file.name + companion).unlink(missing_ok=True)
            logging.getLogger(__name__).warning("The measurements were damaged (%s); they are now %s", error, aside)
        return _connect(file)


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=BUSY_SECONDS)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        if _version(database) < len(_MIGRATIONS):
            with database:
                database.execute("BEGIN IMMEDIATE")
                for version in range(_version(database), len(_MIGRATIONS)):
                    for statement in _MIGRATIONS[version]:
                        database.execute(statement)
                database.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _stamp() -> object:
    """Changes whenever the database does."""
    found = []
    file = _file()
    for name in (file, f"{file}-wal"):
        try:
            facts = Path(name).stat()
            found.append((str(name), facts.st_ino, facts.st_size, facts.st_mtime_ns))
        except FileNotFoundError:
            found.append((str(name), 0, 0, 0))
    return tuple(found)


def _file() -> Path:
    return paths.data_dir() / "usage.sqlite3"
