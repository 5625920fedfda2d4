from __future__ import annotations

from typing import Any

import pandas
import pytest

from workbench.errors import ErrorInfo, UsageError
from workbench.events import Metrics, Usage
from workbench.sessions.comparing import frame, grid
from workbench.sessions.comparing.values import Cell, CellKey

ROWS = grid.rows(["one", "two", "three"])
COLUMNS = grid.columns(["a", "b"], {"temperature": 0})


def cell(row: int, column: int, sample: int = 0, **fields: Any) -> Cell:
    return Cell(key=CellKey(ROWS[row].id, COLUMNS[column].id, sample), status="done", **fields)


def table(*cells: Cell, scorers: tuple[str, ...] = ("quality",)) -> pandas.DataFrame:
    return frame.tidy(cells, {row.id: row for row in ROWS}, {column.id: column for column in COLUMNS}, scorers)


def test_one_row_a_cell_with_what_was_measured() -> None:
    made = table(
        cell(
            0,
            1,
            text="Hi",
            usage=Usage(prompt_tokens=3, cached_tokens=1, completion_tokens=2),
            metrics=Metrics(ttft_s=0.5, decode_tps=9.0, peak_memory=10),
            cost=0.25,
            batched=True,
            rating=4,
            finish="length",
            scores={"quality": {"score": 0.5, "why": "short"}},
        ),
        cell(1, 0, error=ErrorInfo(kind="StateError", message="It failed.")),
    )
    assert list(made.columns) == [*frame.COLUMNS, "score.quality"]
    first, second = made.to_dict("records")
    assert first["row"] == 0
    assert (first["prompt"], first["column"], first["model"], first["options"]) == ("one", "b", "b", "temperature 0")
    assert (first["ttft_s"], first["decode_tps"], first["peak_memory"], first["cost"]) == (0.5, 9.0, 10, 0.25)
    assert (first["cached_tokens"], first["batched"], first["rating"]) == (1, True, 4)
    assert first["finish"] == "length"
    assert first["score.quality"] == 0.5
    assert second["error"] == "It failed."
    assert pandas.isna(second["score.quality"])


def test_a_pivot_keeps_the_order_and_tells_samples_apart() -> None:
    made = frame.pivot(table(cell(0, 1, text="b1"), cell(0, 0, text="a1"), cell(1, 0, text="a2")), "text")
    assert list(made.columns) == ["b", "a"]
    assert list(made["a"]) == ["a1", "a2"]
    sampled = frame.pivot(table(cell(0, 0, text="x"), cell(0, 0, 1, text="y")), "text")
    assert list(sampled["a"]) == ["x", "y"]
    with pytest.raises(UsageError, match="no column 'txt'"):
        frame.pivot(table(cell(0, 0)), "txt")


def test_the_best_of_a_row_is_the_single_one_and_a_tie_has_none() -> None:
    made = table(
        cell(0, 0, scores={"quality": 1.0}, metrics=Metrics(ttft_s=0.5), rating=1),
        cell(0, 1, scores={"quality": 0.5}, metrics=Metrics(ttft_s=0.1), rating=5),
        cell(1, 0, scores={"quality": True}),
        cell(1, 1, scores={"quality": {"score": 1}}),
        cell(2, 0, scores={"quality": 0.0}),
        cell(2, 0, 1, scores={"quality": 1.0}),
        cell(2, 1, scores={"quality": 0.75}),
    )
    assert list(frame.best(made, None, ("quality",))["column"].fillna("a tie")) == ["a", "a tie", "b"]
    assert list(frame.best(made, "quality", ("quality",))["score.quality"]) == [1.0, 1.0, 0.75]
    assert list(frame.best(made, "ttft_s", ())["column"]) == ["b"], "of times the least"
    assert list(frame.best(made, None, ())["column"]) == ["b"], "without scorers the ratings"


def test_nothing_to_go_by_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"No cell has a rating yet\. Give scorers"):
        frame.best(table(cell(0, 0), scorers=()), None, ())
    with pytest.raises(UsageError, match="no column 'charm'"):
        frame.best(table(cell(0, 0)), "charm", ())
