"""The comparison: prompts x models x settings, as one object that fills while it runs. Knows no widget and no engine.

Who answers when is its `Sweep`; what has ended is in its `Record`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.commands import Ack, ComparisonCommand
from workbench.errors import ErrorInfo, StateError, UsageError
from workbench.model import ModelInfo
from workbench.sessions.comparing import grid, views
from workbench.sessions.comparing.checks import check_leave, checked_size, resolved
from workbench.sessions.comparing.grid import Options, Prompts
from workbench.sessions.comparing.record import Choices, ColumnLine, Dropped, Record, RowLine, VoteLine
from workbench.sessions.comparing.scorer import ScoreFunction
from workbench.sessions.comparing.scoring import Scoring
from workbench.sessions.comparing.sheet import Sheet, Which
from workbench.sessions.comparing.sweep import Sweep
from workbench.sessions.comparing.values import Cell, CellKey, Price
from workbench.sessions.comparing.vote import Choice, Vote

if TYPE_CHECKING:
    from workbench.services.registry import Services

CLOSE_S = 10.0
"""How long closing waits for what is being answered."""


class Comparison(Sheet):
    """Prompts x models x settings, filling in the background. `compare` makes one.

    cmp = wb.compare(["What is a token?"], ["builtin", "ollama:llama3.2"])
    cmp.wait(60)                        # True once all has ended
    cmp.cell(0, "builtin").text         # one answer
    cmp.to_frame()                      # a pandas frame, one row a cell
    cmp.add_model("lmstudio:qwen3-4b")  # runs only what is new

    A cell that has ended is on the disk at once. `rows` and `columns` are those there are now.
    """

    def __init__(
        self,
        record: Record,
        *,
        services: Services | None = None,
        scorers: ScoreFunction | Iterable[ScoreFunction] = (),
        prices: Mapping[str, Price] | None = None,
        strict: bool = False,
        executor: Executor | None = None,
        force: bool = False,
        replayed: bool = False,
    ) -> None:
        super().__init__(record, replayed=replayed)
        self._services = services
        self._changed = threading.Condition(self.lock)
        self._late: list[CellKey] = []
        self._scoring = Scoring(record, self.lock, executor, self._scored)
        self._scoring.use(scorers)
        self._sweep = Sweep(
            record,
            self.services,
            self.lock,
            tell=self._emit,
            ended=self._ended,
            strict=strict,
            force=force,
            executor=executor,
            prices=dict(prices or {}),
        )
        if record.unreadable:
            message = f"{record.unreadable} lines of {record.path.name} could not be read and were left out."
            self._sweep.trouble = ErrorInfo(kind="FolderError", message=message)
        if replayed:
            record.frozen = True
        self._failed = {key for key in self._keys() if self._status(key) == "failed"}
        self._never = {key for key in self._keys() if self._status(key) is None}

    # What is in it

    @property
    def done(self) -> bool:
        """Whether nothing is asked or scored any more."""
        with self.lock:
            return self._sweep.idle and not self._scoring.left and not self._late

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all has ended and is scored, at most so many seconds; whether it is done.

        An interrupt ends the waiting, not the comparison.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self.done, timeout)

    # What a program does

    def stop(self, row: Which | None = None, column: Which | None = None, cell: Any = None) -> None:
        """Cancel a row, a column, one cell, or without an argument everything. What was written stays.

        A cell is a `Cell`, its key, or its row and column. `rerun` asks for cancelled cells again, and so does
        `compare` with the same name.
        """
        if cell is not None:
            wanted = self._key(cell)
            self._sweep.stop(lambda key: key == wanted)
            return
        row_id = None if row is None else self._row(row).id
        column_id = None if column is None else self._column(column).id
        self._sweep.stop(lambda key: row_id in (None, key.row) and column_id in (None, key.column))

    def resume(self) -> None:
        """Ask for what never ended, or was cancelled; score what is not scored yet."""
        self._check_kept()
        with self.lock:
            self._ask([key for key in self._keys() if self._status(key) in (None, "cancelled")])
            self._to_score([key for key in self._keys() if self._status(key) == "done"])
        self._tell_progress()

    def rerun(
        self,
        *,
        failed: bool = True,
        cells: Iterable[Any] | None = None,
        column: Which | None = None,
        strict: bool = False,
    ) -> int:
        """Ask again for `cells`, or for those that failed, were cancelled, or never ran; how many that are.

        With `strict` one by one while nothing else works, for fair times: without `cells` then also for those that
        were answered together with others. With `column` only for those of one column. An answer is replaced once the
        new one has ended. Raises `StateError` for a replay, and with `strict` while cells are still asked.
        """
        self._check_open()
        if strict and not self._sweep.idle:
            raise StateError(
                "Other cells are still being asked: no time would be fair.",
                next_step="Wait for them (`comparison.wait()`), or stop them, and ask again.",
            )
        if cells is not None:
            keys = [self._key(cell) for cell in cells]
        else:
            keys = [key for key in self._keys() if self._wants_rerun(key, failed=failed, strict=strict)]
        if column is not None:
            of = self._column(column).id
            keys = [key for key in keys if key.column == of]
        check_leave(self.services, {self._record.columns[key.column].model for key in keys})
        self._ask(keys, alone=strict)
        return len(keys)

    def _wants_rerun(self, key: CellKey, *, failed: bool, strict: bool) -> bool:
        status = self._status(key)
        return (failed and status in (None, "failed", "cancelled")) or (strict and self._cell(key).batched)

    def add_prompts(self, prompts: Prompts, *, template: str | None = None, confirm: bool = False) -> None:
        """Add rows; only they run. Raises what `compare` raises."""
        self._check_open()
        check_leave(self.services, {column.model for column in self.columns})
        with self.lock:
            made = grid.rows(prompts, template, before=self.rows)
            checked_size((len(self.rows) + len(made)) * len(self.columns) * self.samples, confirm)
            self._record.add(*[RowLine(row=row) for row in made])
            self._emit([["row", views.row(row)] for row in made])
        ids = {row.id for row in made}
        self._ask([key for key in self._keys() if key.row in ids])

    def add_model(
        self,
        model: str | ModelInfo,
        *,
        options: Options | Iterable[Options] | None = None,
        systems: str | Iterable[str | None] | None = None,
        confirm: bool = False,
    ) -> None:
        """Add a column, or one for each set of options and system prompt; only they run. Raises as `compare`."""
        self._check_open()
        found = resolved(self.services, [model])
        check_leave(self.services, found)
        with self.lock:
            made = grid.columns(found, options, systems, before=self.columns)
            checked_size(len(self.rows) * (len(self.columns) + len(made)) * self.samples, confirm)
            self._record.add(*[ColumnLine(column=column) for column in made])
            self._emit([["state", {"columns": self._column_views()}]])
        ids = {column.id for column in made}
        self._ask([key for key in self._keys() if key.column in ids])

    def remove_prompt(self, row: Which) -> None:
        """Take a row away; what is being answered of it is cancelled."""
        self._check_kept()
        gone = self._row(row).id
        with self.lock:
            self._forget(lambda key: key.row == gone)
            self._record.add(Dropped(id=gone))
            self._emit([["drop", gone]])
        self._tell_progress()

    def remove_model(self, column: Which) -> None:
        """Take a column away; what is being answered of it is cancelled."""
        self._check_kept()
        gone = self._column(column).id
        with self.lock:
            self._forget(lambda key: key.column == gone)
            self._record.add(Dropped(id=gone))
            self._emit([["state", {"columns": self._column_views()}]])
        self._tell_progress()

    def score(self, scorers: ScoreFunction | Iterable[ScoreFunction]) -> None:
        """Score every answer, and those to come, with these scorers too; in the background.

        A scorer that raises fails alone: the cell's `score_errors` say why.
        """
        self._check_kept()
        with self.lock:
            given = self._scoring.use(scorers)
            self._emit([["state", {"scorers": self._scorer_names()}]])
            keys = [key for key in self._keys() if self._status(key) == "done"]
            self._scoring.score(keys, given, again=True)
            self._changed.notify_all()

    def rate(self, cell: Any, rating: int | None) -> None:
        """Keep a person's rating of a cell that has ended; ``None`` takes it back. Raises `StateError` before that."""
        self._check_kept()
        key = self._key(cell)
        if rating is not None and (not isinstance(rating, int) or isinstance(rating, bool)):
            raise UsageError(f"A rating is a whole number, not {rating!r}.")
        with self.lock:
            if self._status(key) is None:
                raise StateError("This cell has not ended.", next_step="Wait for its answer.")
            self._record.add(msgspec.structs.replace(self._record.marks(key), rating=rating))
            self._emit([["patch", str(key), {"rating": rating}]])

    # A blind vote

    def begin_vote(self, seed: int | None = None) -> Vote:
        """Begin a blind vote on the answers there are, two at a time, in place of the one before; it is saved too.

        cmp.begin_vote(seed=7)
        cmp.cast_vote(0)      # the first of the two; or 1, "tie", "bad", "skip"
        cmp.vote.counts()     # how each column did, with its interval

        Raises `UsageError` when no prompt has two answers.
        """
        self._check_kept()
        with self.lock:
            vote = Vote.of(self.cells(), seed=seed, pairs=True)
            self._record.add(VoteLine(vote=vote))
            self._tell_vote()
            return vote

    def cast_vote(self, choice: Choice) -> None:
        """Choose between the two answers of now. Raises `StateError` without a vote, and as `Vote.choose`."""
        self._choose(self._begun().choose(choice))

    def undo_vote(self) -> None:
        """Take the last choice back. Raises `StateError` when there is none."""
        self._choose(self._begun().undo())

    def _begun(self) -> Vote:
        if self.vote is None:
            raise StateError("No vote has begun.", next_step="begin_vote() begins one.")
        return self.vote

    def _choose(self, vote: Vote) -> None:
        self._check_kept()
        with self.lock:
            self._record.add(Choices(choices=vote.choices))
            self._tell_vote()

    def _tell_vote(self) -> None:
        self._emit([["state", {"vote": self._vote_view()}]])

    @classmethod
    def load(cls, path: str | Path, *, services: Services | None = None) -> Comparison:
        """A saved comparison. Nothing runs until it is asked for (`rerun`, `add_prompts`, ...); the file stays as is.

        Raises `FolderError`, and `UsageError` for a file that is no comparison, or of another version.
        """
        return cls(Record.read(path), services=services)

    def replay(self) -> Comparison:
        """The same, answering from the record: no model, key or network is needed. What is not recorded fails."""
        return Comparison(Record.read(self.path), services=self._services, replayed=True)

    def close(self) -> None:
        """Cancel what is going on and let go of the file. What there is can still be read."""
        self.stop()
        with self._changed:
            self._changed.wait_for(lambda: self._sweep.idle, CLOSE_S)
        self._scoring.close()
        self._record.close()

    # What a front end does

    def perform(self, command: ComparisonCommand) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        from workbench.sessions.comparing import asked

        return asked.perform(self, command)

    @property
    def services(self) -> Services:
        """Who can answer: the services of this process, unless it was given its own."""
        if self._services is None:
            from workbench.services.registry import default

            self._services = default()
        return self._services

    # What happens to cells

    def _forget(self, which: Callable[[CellKey], bool]) -> None:
        self._sweep.forget(which)
        self._failed = {key for key in self._failed if not which(key)}
        self._never = {key for key in self._never if not which(key)}

    def _ask(self, keys: list[CellKey], *, alone: bool = False) -> None:
        with self.lock:
            known = [key for key in keys if self._status(key) is not None]
            self._emit([["cell", views.waiting(key)] for key in known])
            self._failed -= set(keys)
            self._never -= set(keys)
            self._sweep.add(keys, alone=alone)
        self._tell_progress()

    def _ended(self, cells: list[Cell]) -> None:
        """Cells have ended; the lock is held."""
        self._failed |= {cell.key for cell in cells if cell.status == "failed"}
        self._to_score([cell.key for cell in cells if cell.status == "done"])
        self._tell_progress()

    def _to_score(self, keys: list[CellKey]) -> None:
        """Have answers scored where they are not yet.

        Scorers that ask a model wait until no cell needs the memory; where cells are asked one by one all wait.
        """
        late = self._scoring.scorers if self._sweep.one_by_one else self._scoring.slow()
        now = {name: each for name, each in self._scoring.scorers.items() if name not in late}
        if late:
            self._late += keys
        self._scoring.score(keys, now)
        if self._sweep.idle:
            waited, self._late = self._late, []
            self._scoring.score(waited, late)

    def _scored(self, key: CellKey) -> None:
        with self.lock:
            marks = self._record.marks(key)
            fields = {"scores": marks.scores, "score_errors": marks.score_errors}
            self._emit([["patch", str(key), msgspec.to_builtins(fields)]])
            self._changed.notify_all()

    def _tell_progress(self) -> None:
        with self.lock:
            self._emit([["state", {"progress": self._progress_view()}]])
            self._changed.notify_all()

    # Small questions

    def _check_open(self) -> None:
        """Raise `StateError` for one that asks no model."""
        if self.replayed:
            raise StateError(
                "This is a replay: it answers from the record and asks no model.",
                next_step="Comparison.load opens the file to go on with it.",
            )
        self._check_kept()

    def _check_kept(self) -> None:
        """Raise `StateError` for one whose changes would not be kept; those of a replay are not meant to be."""
        if self._record.frozen and not self.replayed:
            raise StateError("This comparison is closed.", next_step="wb.compare with its name opens it again.")
