"""A function runs on a thread of its own, and whatever it does is a result."""

from __future__ import annotations

import contextvars
import dataclasses
import enum
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.sessions.tools.calling import Outcome, Running
from workbench.sessions.tools.result import HEAD_ROWS, MOST_SENT, cut, text_of


def called(call: Any) -> Outcome:
    done = threading.Event()
    running = Running("f", call, contextvars.copy_context(), done.set)
    assert done.wait(20)
    assert running.outcome is not None
    return running.outcome


def test_what_it_gave_back_is_kept_whole_and_sent_cut() -> None:
    outcome = called(lambda: "x" * 10_000_000)
    assert outcome.status == "done"
    assert len(outcome.value) == 10_000_000
    assert outcome.text.startswith("x" * MOST_SENT)
    assert outcome.text.endswith("[cut here: 20,000 of 10,000,000 characters]")


def test_what_it_raised_is_a_short_traceback() -> None:
    def inner() -> None:
        raise KeyError("arm")

    def outer() -> None:
        inner()

    outcome = called(outer)
    assert outcome.status == "failed"
    assert outcome.text.startswith("KeyError: 'arm'\n")
    assert "in inner" in outcome.text
    assert "_run" not in outcome.text
    assert str(Path(__file__).parent) not in outcome.text
    assert isinstance(outcome.value, KeyError)


def test_even_an_exit_is_only_a_failure() -> None:
    def leaves() -> None:
        raise SystemExit(3)

    assert called(leaves).text.startswith("SystemExit: 3")


def test_a_coroutine_is_waited_for() -> None:
    async def later() -> int:
        return 7

    assert called(later).text == "7"


def test_it_sees_the_context_variables_of_whoever_asked() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")
    name.set("Ada")
    assert called(name.get).text == "Ada"


class Colour(enum.Enum):
    red = "r"


@dataclasses.dataclass
class Point:
    x: int
    other: object = None


class Bad:
    def __repr__(self) -> str:
        return "<Bad>"


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("said", "said"),
        (None, "null"),
        ({"a": [1, 2.5, True]}, '{"a": [1, 2.5, true]}'),
        (Point(1, Colour.red), '{"x": 1, "other": "r"}'),
        (Bad(), '"<Bad>"'),
        ({"b": Bad()}, '{"b": "<Bad>"}'),
        (CIRCLE, "[[...]]"),
        (np.float64(0.5), "0.5"),
        (np.arange(3), "[0, 1, 2]"),
        ("\ud800", "?"),
        ({(1, 2): 3}, "{(1, 2): 3}"),
    ],
)
def test_a_result_as_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_a_table_is_its_head() -> None:
    text = text_of(pd.DataFrame({"n": range(2_000_000)}))
    assert text.endswith(f"[the first {HEAD_ROWS} of 2,000,000 rows and 1 columns]")
    assert text.count("\n") == HEAD_ROWS + 1
    assert text_of(pd.Series([1, 2])).split()[:2] == ["0", "1"]


def test_a_short_text_is_not_cut() -> None:
    assert cut("abc", 3) == "abc"
