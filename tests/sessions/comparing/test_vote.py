from __future__ import annotations

import msgspec
import pytest

from workbench.errors import StateError, UsageError
from workbench.sessions.comparing.values import Cell, CellKey
from workbench.sessions.comparing.vote import Vote, wilson


def cells(rows: int, columns: str = "ab", samples: int = 1) -> list[Cell]:
    return [
        Cell(key=CellKey(f"r{row}", column, sample), status="done", text=f"{column} says {row}")
        for row in range(rows)
        for column in columns
        for sample in range(samples)
    ]


def always(vote: Vote, column: str) -> Vote:
    while (ballot := vote.ballot) is not None:
        vote = vote.choose(ballot.columns.index(column))
    return vote


def test_the_order_is_shuffled_and_the_seed_s() -> None:
    vote = Vote.of(cells(40), seed=1)
    assert vote == Vote.of(cells(40), seed=1)
    assert vote != Vote.of(cells(40), seed=2)
    assert {ballot.columns for ballot in vote.ballots} == {("a", "b"), ("b", "a")}
    assert [ballot.row for ballot in vote.ballots] != [f"r{row}" for row in range(40)]
    assert len(Vote.of(cells(3, samples=2)).ballots) == 6


def test_counts_of_two() -> None:
    vote = always(Vote.of(cells(10), seed=1), "a")
    best, other = vote.counts()
    assert vote.done
    assert (best.column, best.wins, best.losses, best.rate, best.chance) == ("a", 10, 0, 1.0, 0.5)
    assert (best.low, best.high) == (pytest.approx(0.7225, abs=1e-4), pytest.approx(1))
    assert (other.wins, other.losses, other.rate) == (0, 10, 0.0)
    assert vote.to_rows()[0]["column"] == "a"


def test_a_tie_is_shared_and_a_skip_does_not_count() -> None:
    vote = Vote.of(cells(3, "abcd"), seed=1).choose("tie").choose("skip")
    assert all((c.ties, c.wins, c.losses, c.rate, c.chance) == (1, 0, 0, 0.25, 0.25) for c in vote.counts())
    assert not vote.done


def test_before_the_first_choice_nothing_is_known() -> None:
    assert all((c.rate, c.low, c.high, c.chance) == (None, None, None, None) for c in Vote.of(cells(2)).counts())


def test_undo_and_wrong_choices() -> None:
    vote = Vote.of(cells(1), seed=1)
    for wrong in (2, -1, True, "a", None, 0.0):
        with pytest.raises(UsageError, match="is no choice"):
            vote.choose(wrong)  # type: ignore[arg-type]
    with pytest.raises(StateError, match="no choice to take back"):
        vote.undo()
    done = vote.choose(0)
    assert done.undo() == vote
    with pytest.raises(StateError, match="Every ballot has its choice"):
        done.choose(0)


def test_answers_that_are_not_there_are_left_out() -> None:
    some = cells(2)
    some[0] = msgspec.structs.replace(some[0], status="failed")
    assert len(Vote.of(some).ballots) == 1
    with pytest.raises(UsageError, match="No two answers"):
        Vote.of(some[:2])
    with pytest.raises(UsageError, match="No two answers"):
        Vote.of([])


def test_a_vote_survives_json() -> None:
    vote = Vote.of(cells(3), seed=5).choose(1).choose("tie")
    assert msgspec.json.decode(msgspec.json.encode(vote), type=Vote) == vote
    assert msgspec.convert(msgspec.to_builtins(vote), Vote) == vote


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
