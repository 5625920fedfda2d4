"""What a scorer is, and how several are put to one answer. Knows no scorer of its own, no sweep and no screen."""

from __future__ import annotations

import math
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from workbench.errors import UsageError, WorkbenchError
from workbench.sessions.comparing.values import Reply, Row, Score

ScoreFunction: TypeAlias = Callable[[Any, Any], Any]
"""A scorer as a person writes it: called with a `Row` and a `Reply`, gives a number, a truth value or a dict."""


class Scorer(msgspec.Struct, frozen=True):
    """A scorer with a name and its settings, all of which can be seen. Calling it scores one answer."""

    name: str
    """What its column is called."""
    function: Callable[..., Score]
    """Called with the row, the reply, and the settings as keywords."""
    settings: dict[str, Any] = {}

    def __call__(self, row: Row, reply: Reply) -> Score:
        """The score of one answer. Raises whatever the function raises; `apply` turns that into an error beside it."""
        return self.function(row, reply, **self.settings)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.settings.items())})"


def named(scorers: ScoreFunction | Iterable[ScoreFunction]) -> dict[str, ScoreFunction]:
    """The scorers by name: their own, else the function's; a name met again gets a number.

    Raises `UsageError` for what is no scorer: no function, or one of those built in without its brackets.
    """
    found: dict[str, ScoreFunction] = {}
    listed = scorers if isinstance(scorers, Iterable) and not isinstance(scorers, str) else [scorers]
    for scorer in [scorers] if callable(scorers) else listed:
        if not callable(scorer):
            raise UsageError(
                f"{scorer!r} is no scorer.", next_step="Give functions of a row and a reply, or those of wb.scorers."
            )
        name = str(getattr(scorer, "name", None) or getattr(scorer, "__name__", type(scorer).__name__)).strip("<>")
        if getattr(scorer, "__module__", "").startswith(__package__ or "\0") and not isinstance(scorer, Scorer):
            raise UsageError(f"{name} is not a scorer yet.", next_step=f"Write it with brackets: {name}(...).")
        unique, count = name, 1
        while unique in found:
            count += 1
            unique = f"{name} {count}"
        found[unique] = scorer
    return found


def apply(
    scorers: ScoreFunction | Iterable[ScoreFunction] | Mapping[str, ScoreFunction], row: Row, reply: Reply
) -> tuple[dict[str, Score], dict[str, str]]:
    """The scores of one answer by the scorers' names, and the errors of those that gave none.

    Never raises for a scorer, whatever it does: its error is a sentence beside its name. An answer that failed is not
    scored at all: no text is no wrong text.
    """
    scores: dict[str, Score] = {}
    errors: dict[str, str] = {}
    if reply.error is not None:
        return scores, errors
    for name, scorer in (scorers if isinstance(scorers, Mapping) else named(scorers)).items():
        try:
            scores[name] = _checked(scorer(row, reply))
        except WorkbenchError as error:
            errors[name] = str(error)
        except (Exception, SystemExit, CancelledError) as error:
            errors[name] = _sentence(error)
    return scores, errors


def number(score: object) -> float | None:
    """A score as one number: a truth value is 1 or 0, a dict its ``score``; ``None`` where there is none."""
    if isinstance(score, Mapping):
        score = score.get("score")
    score = _unpacked(score)
    return float(score) if isinstance(score, bool | int | float) and math.isfinite(score) else None


def expected_text(row: Row) -> str:
    """What the row expects, as text. Raises `UsageError` when it expects nothing."""
    expected = row.expected
    if expected is None or (isinstance(expected, float) and math.isnan(expected)):
        raise UsageError(
            "The row says nothing of what is expected.",
            next_step="Give the prompts a variable `expected`, or the scorer a value of its own.",
        )
    return str(expected)


def _checked(score: object) -> Score:
    """A scorer's result if it is one, a dict as JSON keeps it. Raises `UsageError` for what is not."""
    if not isinstance(score, Mapping):
        return _checked_number(score)
    kept = {**score, "score": None if score.get("score") is None else _checked_number(score["score"])}
    try:
        return msgspec.json.decode(msgspec.json.encode(kept), type=dict[str, Any])
    except (TypeError, ValueError) as error:
        raise UsageError(f"It gave a dict that JSON cannot hold: {error}.") from None


def _checked_number(score: object) -> float | bool:
    score = _unpacked(score)
    if isinstance(score, bool):
        return score
    if not isinstance(score, int | float):
        raise UsageError(f"It gave {_short(score)}, which is no number, truth value or dict.")
    if not math.isfinite(score):
        raise UsageError(f"It gave {score}, which is no number.")
    return float(score)


def _unpacked(score: object) -> object:
    """A number of numpy as one of Python; all else as it is."""
    return score.item() if hasattr(score, "item") and getattr(score, "shape", None) == () else score


def _sentence(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:  # it cannot say what it is
        return type(error).__name__


def _short(value: object) -> str:
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:59]}…"
