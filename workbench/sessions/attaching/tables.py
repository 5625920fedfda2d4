"""Tables as text: their shape, each column's type and statistics, the first rows. Knows no chat.

A large one is described from every n-th row, and the text says so; the whole of it is never copied.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import UsageError
from workbench.messages import File
from workbench.sessions.attaching import keys
from workbench.sessions.overflow import CHARACTERS_A_TOKEN

if TYPE_CHECKING:
    from workbench.services.registry import Services

MOST_VALUES = 500_000
"""Values that are looked at for the statistics; of a table with more, every n-th row."""
MOST_COLUMNS = 200
"""Columns that are looked at; further ones are counted."""
MOST_ROWS = 20
"""First rows that are shown, as far as there is room."""
LONGEST_CELL = 60
"""Characters of a cell that are shown."""
FRAMES = ("pandas", "polars", "pyarrow")
"""The packages whose tables are known."""
_COLUMNS_SHARE = 0.6
"""The part of the room that the list of columns may take."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a table, whoever made it."""

    what: str
    """``"pandas DataFrame"``, say."""
    rows: int
    width: int
    """Columns in all."""
    step: int
    """The sample has every n-th row; 1: it has all."""
    columns: tuple[tuple[str, str, list[Any]], ...]
    """Name, type, values of the sample."""
    head: list[Sequence[Any]]
    """The first rows, as wide as `columns`."""


def is_table(thing: object) -> bool:
    """Whether it is a frame or a series of a package that is known here; imports none."""
    roots = {base.__module__.partition(".")[0] for base in type(thing).__mro__}
    return bool(roots & set(FRAMES)) and (hasattr(thing, "iloc") or hasattr(thing, "slice"))


def from_frame(thing: Any, name: str, room: int, services: Services | None = None) -> File:
    """A frame or a series as text of about `room` tokens."""
    root = next(r for base in type(thing).__mro__ if (r := base.__module__.partition(".")[0]) in FRAMES)
    what = f"{root} {type(thing).__name__}"
    if type(thing).__name__ == "LazyFrame":
        raise UsageError(f"{name} is a LazyFrame: it has no rows yet.", next_step="Attach what .collect() gives.")
    if "Series" in type(thing).__name__:
        thing = thing.to_frame()
    table = _pandas(thing, what) if root == "pandas" else _other(thing, what)
    return described(table, name, room, services)


def from_csv(text: str, name: str, room: int, services: Services | None = None) -> File:
    """A CSV file's text: whole where there is room, else described. Raises `UsageError` where it is no table."""
    if len(text) <= room * CHARACTERS_A_TOKEN:
        keys.check_text(text, name, services)
        return File(name=name, text=text, kind="table", note="whole")
    try:
        dialect: Any = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    lines = text.count("\n") + 1
    rows = csv.reader(io.StringIO(text, newline=""), dialect)
    try:
        names = next(rows, [])
        step = _step(lines, len(names))
        head: list[Sequence[Any]] = []
        sample: list[list[str]] = []
        count = 0
        for row in rows:
            if not row:
                continue
            if count < MOST_ROWS:
                head.append(row[:MOST_COLUMNS])
            if count % step == 0:
                sample.append(row)
            count += 1
    except csv.Error as error:
        raise UsageError(f"{name} is no table: {error}.", next_step="Attach it as text, under another name.") from None
    columns = []
    for at, column in enumerate(names[:MOST_COLUMNS]):
        kind, values = _typed([row[at] if at < len(row) else "" for row in sample])
        columns.append((column, kind, values))
    table = Table(what="CSV file", rows=count, width=len(names), step=step, columns=tuple(columns), head=head)
    return described(table, name, room, services)


def described(table: Table, name: str, room: int, services: Services | None = None) -> File:
    """A table as text of about `room` tokens: its columns, then as many of the first rows as there is room for."""
    names = [column for column, _, _ in table.columns]
    keys.check_rows(names, table.head, name, services)
    characters = round(room * CHARACTERS_A_TOKEN)
    sampled = table.step > 1
    every = f"from every {_nth(table.step)} row"
    title = f"A table of {_count(table.rows, 'row')} and {_count(table.width, 'column')} ({table.what})."
    lines = [title, "", f"Columns, with statistics {every}:" if sampled else "Columns:"]
    left = round(characters * _COLUMNS_SHARE)
    shown = 0
    for column, kind, values in table.columns:
        line = f"- {column}: {kind}{''.join(f', {fact}' for fact in _facts(values, sampled))}"
        left -= len(line)
        if left < 0 and shown:
            break
        lines.append(line)
        shown += 1
    if shown < table.width:
        lines.append(f"- and {_count(table.width - shown, 'more column')}")
    body, rows = _rows(names[:shown], table.head, characters - sum(map(len, lines)))
    if rows:
        lines += ["", "All rows:" if rows == table.rows else f"The first {_count(rows, 'row')}:", body]
    notes = [f"{_count(table.rows, 'row')} of {_count(table.width, 'column')}"]
    if rows < table.rows:
        notes.append(f"the first {_count(rows, 'row')} and a description" + (f" {every}" if sampled else ""))
    if shown < table.width:
        notes.append(f"{shown:,} of {table.width:,} columns")
    return File(name=name, text="\n".join(lines).rstrip(), kind="table", note="; ".join(notes))


def _pandas(frame: Any, what: str) -> Table:
    rows, width = frame.shape
    part = frame.iloc[:, :MOST_COLUMNS]
    step = _step(rows, part.shape[1])
    sample, head = part.iloc[::step], part.iloc[:MOST_ROWS]
    if type(frame.index).__name__ != "RangeIndex":  # then it tells something
        named = [name or ("index" if at == 0 else f"level {at}") for at, name in enumerate(frame.index.names)]
        sample, head = (p.reset_index(names=named, allow_duplicates=True) for p in (sample, head))
        width += len(named)
    labels = [" / ".join(map(str, n)) if isinstance(n, tuple) else str(n) for n in sample.columns]
    columns = [(label, str(sample.dtypes.iloc[at]), sample.iloc[:, at].tolist()) for at, label in enumerate(labels)]
    return Table(what=what, rows=rows, width=width, step=step, columns=tuple(columns), head=head.values.tolist())


def _other(frame: Any, what: str) -> Table:
    """A polars frame, or a pyarrow table."""
    rows, width = frame.shape
    polars = hasattr(frame, "gather_every")
    names = list(frame.columns if polars else frame.column_names)[:MOST_COLUMNS]
    part = frame.select(names)
    step = _step(rows, len(names))
    sample = part.gather_every(step) if polars else part.take(list(range(0, rows, step)))
    values: Callable[[Any, str], list[Any]]
    values = (lambda f, n: f[n].to_list()) if polars else (lambda f, n: f[n].to_pylist())
    kinds = {n: str(part.schema[n] if polars else part.schema.field(n).type) for n in names}
    head = part.slice(0, MOST_ROWS)
    first = list(zip(*(values(head, n) for n in names), strict=True))
    columns = tuple((n, kinds[n], values(sample, n)) for n in names)
    return Table(what=what, rows=rows, width=width, step=step, columns=columns, head=[list(row) for row in first])


def _step(rows: int, columns: int) -> int:
    return max(1, -(-rows * max(1, columns) // MOST_VALUES))


def _facts(values: list[Any], sampled: bool) -> list[str]:
    """What is said of a column's values."""
    there = [value for value in values if not _missing(value)]
    facts = []
    if len(there) < len(values):
        gone = len(values) - len(there)
        facts.append(f"{gone / len(values):.1%} missing" if sampled else f"{gone:,} missing")
    if not there:
        return facts
    if all(isinstance(value, bool) for value in there):
        return [*facts, f"true in {sum(there) / len(there):.1%}"]
    if all(isinstance(value, int | float) for value in there):
        spread = f", std {_number(statistics.pstdev(map(float, there)))}" if len(there) > 1 else ""
        middle = f"median {_number(statistics.median(there))}, mean {_number(statistics.fmean(there))}"
        return [*facts, f"min {_number(min(there))}, {middle}, max {_number(max(there))}{spread}"]
    try:
        counts = Counter(there)
    except TypeError:  # lists and such
        return facts
    if hasattr(there[0], "isoformat"):
        return [*facts, f"{_cell(min(there))} to {_cell(max(there))}"]
    value, times = counts.most_common(1)[0]
    if times == 1:
        return [*facts, "all different"]
    return [*facts, f"{len(counts):,} distinct", f"most often {_cell(value)} ({times / len(there):.1%})"]


def _rows(names: list[str], head: list[Sequence[Any]], room: int) -> tuple[str, int]:
    """The first rows as CSV, as many as there is room for, and how many that are."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    text, count = "", 0
    for row in head:
        writer.writerow([_cell(value) for value in row[: len(names)]])
        if out.tell() > room and count:
            break
        text, count = out.getvalue(), count + 1
    return text.rstrip("\n"), count


def _cell(value: Any) -> str:
    if _missing(value):
        return ""
    text = _number(value) if isinstance(value, float) else " ".join(str(value).split()).removesuffix(" 00:00:00")
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _missing(value: Any) -> bool:
    if isinstance(value, float):
        return value != value
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _number(value: float) -> str:
    if isinstance(value, int) or 1e5 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.6g}"


def _typed(texts: Iterable[str]) -> tuple[str, list[Any]]:
    """A column of a CSV file as numbers where all of it is, and what it is then called; empty cells are missing."""
    cells = [text.strip() or None for text in texts]
    there = [cell for cell in cells if cell is not None]
    for kind, read in (("whole number", int), ("number", float)):
        try:
            if there:
                found = {cell: read(cell) for cell in set(there)}
                return kind, [None if cell is None else found[cell] for cell in cells]
        except ValueError:
            continue
    return "text", list(cells)


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _nth(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
