"""A comparison as it can be read: its grid, its cells, its tables, its view. Knows no run, but what it has come to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from workbench.errors import ErrorInfo, UsageError
from workbench.sessions.answer import Op
from workbench.sessions.comparing import charts, export, frame, views
from workbench.sessions.comparing.diff import Difference
from workbench.sessions.comparing.record import Record
from workbench.sessions.comparing.scoring import Scoring
from workbench.sessions.comparing.sweep import Sweep
from workbench.sessions.comparing.values import Cell, CellKey, Column, Progress, Row
from workbench.sessions.comparing.vote import Vote

if TYPE_CHECKING:
    import pandas

    from workbench.sessions.comparing.picture import Picture

UNRECORDED = ErrorInfo(
    kind="StateError",
    message="This cell is not in the record that is replayed.",
    next_step="Run the comparison once with its models, and save it.",
    retryable=False,
)
Observer: TypeAlias = Callable[[Op], None]
Which: TypeAlias = "int | str | Row | Column"
"""A row or column: the thing, its id, its place from 0; a column's title, or its model (the first one's)."""


class Sheet:
    """Base of a comparison: what is in it, as a program, a table or a screen reads it."""

    _sweep: Sweep
    _scoring: Scoring

    def __init__(self, record: Record, *, replayed: bool) -> None:
        self.id = record.head.id
        self.name = record.head.name
        self.lock = threading.RLock()
        """Held while the state changes and while observers are told."""
        self.replayed = replayed
        """Whether it answers from what was recorded: no model is asked."""
        self._record = record
        self._observers: list[Observer] = []
        self._failed: set[CellKey] = set()
        self._never: set[CellKey] = set()
        """Cells that were never asked: of one that was loaded before it was through."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The prompts, in their order."""
        with self.lock:
            return tuple(sorted(self._record.rows.values(), key=lambda row: row.index))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The models with their settings, in their order."""
        with self.lock:
            return tuple(sorted(self._record.columns.values(), key=lambda column: column.index))

    @property
    def samples(self) -> int:
        """Answers a cell of the grid has."""
        return self._record.head.samples

    @property
    def vote(self) -> Vote | None:
        """The blind vote as far as it has gone; ``None`` before `begin_vote`."""
        return self._record.vote

    @property
    def path(self) -> Path:
        """The file it is kept in."""
        return self._record.path

    def cell(self, row: Which, column: Which, sample: int = 0) -> Cell:
        """One cell as it is now. Raises `UsageError` when there is none such."""
        key = CellKey(self._row(row).id, self._column(column).id, sample)
        if not 0 <= sample < self.samples:
            raise UsageError(f"There is no sample {sample}.", next_step=f"There are {self.samples}, from 0.")
        return self._cell(key)

    def cells(self) -> list[Cell]:
        """All cells as they are now, row by row."""
        return [self._cell(key) for key in self._keys()]

    @property
    def progress(self) -> Progress:
        """Cells that have ended, cells in all, and the seconds left as far as they can be told."""
        with self.lock:
            total = len(self._record.rows) * len(self._record.columns) * self.samples
            left = len(self._sweep.waiting) + len(self._sweep.live) + len(self._never)
            return Progress(total - left, total, self._sweep.seconds_left)

    def to_frame(self) -> pandas.DataFrame:
        """One row a cell: ids of its place, the answer, what was measured, a column ``score.NAME`` a scorer.

        Times are seconds, rates tokens a second, memory bytes, costs US dollars; unknown is missing, never zero.
        `finish` is ``"length"`` where an answer was cut off at `max_tokens`.
        Where `batched` is true other cells were answered at the same time: `ttft_s` and the rates are no fair measure.
        """
        cells = (self._cell(key) for key in self._keys())
        return frame.tidy(cells, self._record.rows, self._record.columns, self._scorer_names())

    def pivot(self, value: str = "text") -> pandas.DataFrame:
        """One row a prompt, one column a column; `value` is a column of `to_frame`."""
        return frame.pivot(self.to_frame(), value)

    def best(self, by: str | None = None) -> pandas.DataFrame:
        """The best column of each prompt by a scorer or a column of `to_frame`; a tie has none.

        Without `by` the first scorer counts, else the ratings. Of times, costs and memory the least is best.
        """
        return frame.best(self.to_frame(), by, self._scorer_names())

    def diff(self, first: Any, second: Any) -> Difference:
        """How the text of one cell becomes that of another, by words; a cell is a `Cell`, its key, or row and column.

        cmp.diff((0, "builtin"), (0, "ollama:llama3.2"))
        """
        before, after = (self.cell(*self._key(cell)).text for cell in (first, second))
        return Difference.of(before, after)

    def chart(self, kind: str = "quality_speed", score: str | None = None) -> Picture:
        """A chart of the cells as they are now, drawn by JupyterLab with no network; `Picture.save` writes a file.

        `kind` is ``"quality_speed"``, ``"scores"`` (by prompt), ``"first_token"`` or ``"speed"``; `score` is a scorer's
        name or ``"rating"``, else the first that has numbers. Raises `UsageError` on another word.
        """
        return charts.draw(self.to_frame(), kind, score)

    def save(self, path: str | Path) -> Path:
        """Write it to a file: the grid, and every cell that has ended. `Comparison.load` reads it.

        Raises `FolderError`.
        """
        with self.lock:
            return self._record.save(path, self._keys())

    def exported(
        self, format: str, *, rows: Iterable[Which] | None = None, columns: Iterable[Which] | None = None
    ) -> dict[str, str]:
        """As a file of ``"csv"``, ``"json"``, ``"html"`` or ``"markdown"``: its ``name``, ``text`` and ``media_type``.

        `rows` and `columns` are those that are in it, in that order; without them all. Raises `UsageError`.
        """
        chosen = [self._row(row) for row in rows] if rows is not None else self.rows
        shown = [self._column(column) for column in columns] if columns is not None else self.columns
        cells = [
            self._cell(CellKey(row.id, column.id, n)) for row in chosen for column in shown for n in range(self.samples)
        ]
        facts = export.Facts(self.id, self.name, chosen, shown, cells, self._scorer_names(), self.replayed)
        return export.file(facts, format)

    # What a front end does

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values; cells that wait are left out, long texts cut."""
        with self.lock:
            return {
                "id": self.id,
                "name": self.name,
                "rows": [views.row(row) for row in self.rows],
                "columns": self._column_views(),
                "samples": self.samples,
                "cells": [view for key in self._keys() if (view := self._cell_view(key)) is not None],
                "progress": self._progress_view(),
                "scorers": self._scorer_names(),
                "strict": self._sweep.strict,
                "replayed": self.replayed,
                "vote": self._vote_view(),
                "notice": msgspec.to_builtins(self._sweep.trouble),
            }

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, in order, as an operation on `view`; returns what ends it.

        ``["cell", {...}]`` is a cell anew, ``["patch", id, {...}]`` some of its fields, ``["text", id, more]`` and
        ``["reasoning", id, more]`` more of its answer; ``["row", {...}]``, ``["drop", id]`` and ``["state", {...}]``
        are rows and fields. The observer is called under `lock`, on any thread, and must not block.
        """
        with self.lock:
            self._observers.append(observer)
        return partial(self._unobserve, observer)

    def html(self) -> str:
        """The beginning of the grid as plain HTML, every text escaped."""
        return frame.html(self.rows, self.columns, self._shown(), self._title(), self.id)

    def __repr__(self) -> str:
        return frame.text(self.rows, self.columns, self._shown(), self._title())

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)

    def _repr_html_(self) -> str:
        return self.html()

    # Small questions

    def _emit(self, ops: Iterable[Op]) -> None:
        for op in ops:
            for observer in tuple(self._observers):
                observer(op)

    def _unobserve(self, observer: Observer) -> None:
        with self.lock:
            if observer in self._observers:
                self._observers.remove(observer)

    def _keys(self) -> list[CellKey]:
        columns, samples = self.columns, range(self.samples)
        return [CellKey(row.id, column.id, n) for row in self.rows for column in columns for n in samples]

    def _status(self, key: CellKey) -> str | None:
        """How a cell has ended; ``None`` for one that has not."""
        with self.lock:
            if key in self._sweep.waiting or key in self._sweep.live:
                return None
            return self._record.status(key) or ("failed" if self.replayed else None)

    def _cell(self, key: CellKey) -> Cell:
        with self.lock:
            if (live := self._sweep.live.get(key)) is not None:
                return live.cell()
            if key in self._sweep.waiting:
                return Cell(key=key)
            return self._record.cell(key) or self._not_there(key)

    def _not_there(self, key: CellKey) -> Cell:
        return Cell(key=key, status="failed", error=UNRECORDED) if self.replayed else Cell(key=key)

    def _cell_view(self, key: CellKey) -> dict[str, Any] | None:
        """A cell as a screen draws it; ``None`` for one that waits."""
        live = self._sweep.live.get(key)
        if live is not None:
            return live.view()
        cell = self._cell(key)
        return None if cell.status == "waiting" else views.ended(cell)

    def _column_views(self) -> list[dict[str, Any]]:
        return [views.column(column) for column in self.columns]

    def _progress_view(self) -> dict[str, Any]:
        return views.progress(self.progress, len(self._failed), running=not self._sweep.idle)

    def _vote_view(self) -> dict[str, Any] | None:
        vote = self.vote
        if vote is None:
            return None
        ballot, texts = vote.ballot, []
        if ballot is not None:
            texts = [self._cell(CellKey(ballot.row, column, ballot.sample)).text for column in ballot.columns]
        return views.vote(vote, texts)

    def _scorer_names(self) -> list[str]:
        """Scorers in use, and those that scored it before."""
        with self.lock:
            return list(dict.fromkeys([*self._scoring.scorers, *self._record.scorers]))

    def _title(self) -> str:
        return frame.title(self.progress, len(self._failed), name=self.name, replayed=self.replayed)

    def _shown(self) -> dict[tuple[str, str], Cell]:
        rows = self.rows[: frame.MOST_SHOWN]
        return {(row.id, c.id): self._cell(CellKey(row.id, c.id, 0)) for row in rows for c in self.columns}

    def _row(self, which: Which) -> Row:
        if isinstance(which, str) and which in self._record.rows:
            return self._record.rows[which]
        for row in self.rows:
            if which in (row.id, row.index) or which == row:
                return row
        raise UsageError(f"There is no row {which!r}.", next_step=f"There are {len(self.rows)}, from 0.")

    def _column(self, which: Which) -> Column:
        columns = self.columns
        for column in columns:
            if which in (column.id, column.index, column.title) or which == column:
                return column
        for column in columns:
            if which == column.model:
                return column
        raise UsageError(
            f"There is no column {which!r}.", next_step=f"There are: {', '.join(c.title for c in columns)}."
        )

    def _key(self, cell: Any) -> CellKey:
        if isinstance(cell, Cell):
            return cell.key
        row, column, *sample = cell
        return CellKey(self._row(row).id, self._column(column).id, *sample)
