"""A blind vote: answers in shuffled order without names, choices, counts with an interval. Knows no sweep, no screen.

    vote = Vote.of(comparison.cells(), seed=7)
    while (ballot := vote.ballot) is not None:
        texts = [comparison.cell(ballot.row, column, ballot.sample).text for column in ballot.columns]
        vote = vote.choose(0)                # the first wins; or "tie", or "skip"
    vote.counts()                            # names are shown now

A vote is a value: choosing and undoing give a new one, and msgspec writes and reads it as JSON.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from itertools import combinations
from typing import Any, Literal, TypeAlias

import msgspec

from workbench.errors import StateError, UsageError
from workbench.sessions.comparing.values import Cell

Z_95 = 1.959963984540054
"""Quantile of the normal distribution for an interval of 95 %."""

Choice: TypeAlias = int | Literal["tie", "bad", "skip"]
"""Which answer of a ballot wins, by its place, or none: equally good, equally bad (a tie too), or not to be said."""


class Ballot(msgspec.Struct, frozen=True):
    """The answers to one prompt, in the order they are shown: A, B, C, ..."""

    row: str
    sample: int
    columns: tuple[str, ...]
    """Ids of their columns; not to be shown before the choice."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How one column did."""

    column: str
    wins: int
    ties: int
    losses: int
    rate: float | None
    """Share of the ballots it won, 0 to 1; a tie of n is 1/n of a win. ``None`` before the first."""
    low: float | None
    high: float | None
    """The 95 % confidence interval of the rate, by Wilson."""
    chance: float | None
    """The rate that answers of equal worth would have: one half where two are shown."""


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """A blind vote as far as it has gone."""

    seed: int
    """What the order was shuffled with."""
    ballots: tuple[Ballot, ...]
    choices: tuple[Choice, ...] = ()
    """One for each ballot so far."""

    @classmethod
    def of(cls, cells: Iterable[Cell], *, seed: int | None = None, pairs: bool = False) -> Vote:
        """A vote on these answers: one ballot for each prompt and sample with at least two that ended well.

        With `pairs` one for each two of those answers instead: never more than two are shown. The same `seed` gives
        the same order; without one it is drawn. Raises `UsageError` when no two answers can be
        set side by side.
        """
        together: dict[tuple[str, int], list[str]] = {}
        for cell in cells:
            if cell.status == "done" and cell.text.strip():
                together.setdefault((cell.key.row, cell.key.sample), []).append(cell.key.column)
        seed = random.SystemRandom().randrange(2**32) if seed is None else seed
        chance = random.Random(seed)
        ballots = []
        for (row, sample), columns in together.items():
            if len(columns) > 1:
                shown = combinations(columns, 2) if pairs else [tuple(columns)]
                ballots += [Ballot(row, sample, tuple(chance.sample(each, len(each)))) for each in shown]
        if not ballots:
            raise UsageError(
                "No two answers to one prompt are there to choose from.",
                next_step="Wait for more cells, or compare at least two models.",
            )
        chance.shuffle(ballots)
        return cls(seed=seed, ballots=tuple(ballots))

    @property
    def ballot(self) -> Ballot | None:
        """The one to be chosen from now; ``None`` when all are done."""
        return None if self.done else self.ballots[len(self.choices)]

    @property
    def done(self) -> bool:
        """Whether every ballot has its choice."""
        return len(self.choices) >= len(self.ballots)

    def choose(self, choice: Choice) -> Vote:
        """The vote with a choice for the ballot of now: the winner's place in it, ``"tie"``, ``"bad"`` or ``"skip"``.

        Raises `StateError` when all are done, and `UsageError` on a place that is not there.
        """
        ballot = self.ballot
        if ballot is None:
            raise StateError("Every ballot has its choice.", next_step="Look at the counts, or take back the last.")
        places = range(len(ballot.columns))
        whole = isinstance(choice, int) and not isinstance(choice, bool)
        if choice not in ("tie", "bad", "skip") and not (whole and choice in places):
            raise UsageError(f"{choice!r} is no choice.", next_step=f"Give 0 to {places[-1]}, 'tie', 'bad' or 'skip'.")
        return msgspec.structs.replace(self, choices=(*self.choices, choice))

    def undo(self) -> Vote:
        """The vote without its last choice. Raises `StateError` when there is none."""
        if not self.choices:
            raise StateError("There is no choice to take back.")
        return msgspec.structs.replace(self, choices=self.choices[:-1])

    def counts(self) -> list[Count]:
        """How each column did, the best first; skipped ballots do not count."""
        columns = sorted({column for ballot in self.ballots for column in ballot.columns})
        return sorted((self._count(column) for column in columns), key=lambda c: (-(c.rate or 0.0), c.column))

    def to_rows(self) -> list[dict[str, Any]]:
        """The counts as plain rows, for a frame: ``pandas.DataFrame(vote.to_rows())``."""
        return [msgspec.structs.asdict(count) for count in self.counts()]

    def _count(self, column: str) -> Count:
        wins = ties = losses = 0
        won = expected = 0.0
        for ballot, choice in zip(self.ballots, self.choices, strict=False):
            if choice == "skip" or column not in ballot.columns:
                continue
            expected += 1 / len(ballot.columns)
            if choice in ("tie", "bad"):
                ties, won = ties + 1, won + 1 / len(ballot.columns)
            elif ballot.columns[int(choice)] == column:
                wins, won = wins + 1, won + 1
            else:
                losses += 1
        shown = wins + ties + losses
        low, high = wilson(won, shown) if shown else (None, None)
        return Count(
            column=column,
            wins=wins,
            ties=ties,
            losses=losses,
            rate=won / shown if shown else None,
            low=low,
            high=high,
            chance=expected / shown if shown else None,
        )


def wilson(successes: float, trials: int, z: float = Z_95) -> tuple[float, float]:
    """The confidence interval of a share, 95 % by default: `successes` of `trials`, of which there is at least one.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209-212. Unlike the textbook's interval it stays within 0 to 1 and
    holds for a few trials.
    """
    share = successes / trials
    middle = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)
