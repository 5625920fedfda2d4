"""What an answer is worth: plain functions `(row, reply) -> float | bool | dict`. They know no sweep and no screen.

    wb.compare(prompts, models, scorers=[wb.scorers.exact(), wb.scorers.contains("Paris"), brevity])

    def brevity(row, reply):
        return 1 / (1 + len(reply.text))

`row` has `prompt`, `variables` and `expected` (the variable of that name, else ``None``); `reply` has `text`,
`reasoning`, `usage`, `metrics` and `error`. A dict says more than a number: its ``score`` is the number (or ``None``
where there is none), the rest explains it. Those built in can be pickled, so they run in other processes too.

    scorer.py        what a scorer is, and how several are put to one answer
    scorers.py       those that look at the text
    similarity.py    the one that asks an embedding model
    judge.py         the one that asks a language model
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from workbench.errors import UsageError
from workbench.sessions.comparing.judge import judge
from workbench.sessions.comparing.scorer import Scorer, apply, expected_text, named, number
from workbench.sessions.comparing.similarity import similarity
from workbench.sessions.comparing.values import Reply, Row, Score
from workbench.sessions.structured import fitting

__all__ = [
    "Scorer",
    "apply",
    "contains",
    "exact",
    "json_valid",
    "judge",
    "named",
    "number",
    "numeric",
    "regex",
    "schema_valid",
    "similarity",
]

_NUMBER = re.compile(
    r"(?<![\w.])(?:(?<![\w.)])[-+\u2212])?"  # a sign, but not the dash of "5-7"
    r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(\s?%)?"
)


def exact(expected: str | None = None, *, strip: bool = True, case: bool = True) -> Scorer:
    """Whether the answer is exactly what is expected: the row's `expected`, or the text given here.

    `strip` leaves out white space around both; without `case`, capital and small letters are the same.
    """
    return Scorer("exact", _exact, {"expected": expected, "strip": strip, "case": case})


def regex(pattern: str, *, full: bool = False, case: bool = True) -> Scorer:
    """Whether a regular expression (Python's `re`) is found in the answer; with `full` it must match all of it.

    Raises `UsageError` on a pattern that is none.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(f"The pattern {pattern!r} cannot be read: {error}.") from None
    return Scorer("regex", _regex, {"pattern": pattern, "full": full, "case": case})


def contains(*texts: str, mode: Literal["all", "any"] = "all", case: bool = False) -> Scorer:
    """Whether the answer contains all of the texts, or any; without texts, what the row expects (one, or a list).

    Capital and small letters are the same, unless `case` is set. Raises `UsageError` on an empty text.
    """
    if mode not in ("all", "any"):
        raise UsageError(f"mode must be 'all' or 'any', not {mode!r}.")
    if not all(isinstance(text, str) and text for text in texts):
        raise UsageError("contains needs texts, none of them empty.", next_step='Write contains("Paris", "France").')
    return Scorer("contains", _contains, {"texts": texts, "mode": mode, "case": case})


def json_valid(*, fenced: bool = False) -> Scorer:
    """Whether the whole answer is JSON (RFC 8259: no NaN, no comments).

    With `fenced`, one JSON block in a Markdown fence is taken out of the text around it first.
    """
    return Scorer("json_valid", _json_valid, {"fenced": fenced})


def schema_valid(schema: dict[str, Any], *, fenced: bool = False) -> Scorer:
    """Whether the answer is JSON that meets a JSON schema: a dict whose ``why`` says what does not.

    `fenced` is as for `json_valid`. References to other documents are not followed. Raises `UsageError` on a schema
    that is none.
    """
    fitting.check_schema(schema)
    return Scorer("schema_valid", _schema_valid, {"schema": schema, "fenced": fenced})


def numeric(expected: float | None = None, *, absolute: float = 0.0, relative: float = 1e-9) -> Scorer:
    """Whether the last number of the answer is the expected one, within a tolerance.

    The difference may be `absolute`, or `relative` times the larger of the two, whichever is more. Numbers are read as
    English writes them: 1,234.5, 1e3, -7. A per cent sign may be there or not: 12% stands for 12 and for 0.12. What is
    expected is this number, or the row's `expected`. Raises `UsageError` on a negative tolerance.
    """
    if absolute < 0 or relative < 0:
        raise UsageError("A tolerance is never negative.")
    return Scorer("numeric", _numeric, {"expected": expected, "absolute": absolute, "relative": relative})


def _exact(row: Row, reply: Reply, *, expected: str | None, strip: bool, case: bool) -> bool:
    texts = [expected_text(row) if expected is None else str(expected), reply.text]
    if strip:
        texts = [text.strip() for text in texts]
    if not case:
        texts = [text.casefold() for text in texts]
    return texts[0] == texts[1]


def _regex(row: Row, reply: Reply, *, pattern: str, full: bool, case: bool) -> bool:
    compiled = re.compile(pattern, re.NOFLAG if case else re.IGNORECASE)
    return (compiled.fullmatch(reply.text) if full else compiled.search(reply.text)) is not None


def _contains(row: Row, reply: Reply, *, texts: tuple[str, ...], mode: str, case: bool) -> bool:
    if not texts:
        texts = tuple(map(str, row.expected)) if isinstance(row.expected, list | tuple) else (expected_text(row),)
    within = reply.text if case else reply.text.casefold()
    found = ((text if case else text.casefold()) in within for text in texts)
    return all(found) if mode == "all" else any(found)


def _json_valid(row: Row, reply: Reply, *, fenced: bool) -> bool:
    try:
        _json(reply.text, fenced)
    except ValueError:
        return False
    return True


def _schema_valid(row: Row, reply: Reply, *, schema: dict[str, Any], fenced: bool) -> Score:
    try:
        value = _json(reply.text, fenced)
    except ValueError as error:
        return {"score": False, "why": f"It is no JSON: {error}."}
    why = fitting.mismatch(schema, value)
    return {"score": False, "why": why} if why else {"score": True}


def _numeric(row: Row, reply: Reply, *, expected: float | None, absolute: float, relative: float) -> bool:
    wanted = _last_number(expected_text(row) if expected is None else str(expected))
    if wanted is None:
        raise UsageError(f"What the row expects is no number: {row.expected!r}.")
    found = _last_number(reply.text)
    if found is None:
        return False
    (value, percent), (target, target_percent) = found, wanted
    scales = (1.0,) if percent == target_percent else (1.0, 0.01) if percent else (1.0, 100.0)
    return any(math.isclose(value * scale, target, rel_tol=relative, abs_tol=absolute) for scale in scales)


def _last_number(text: str) -> tuple[float, bool] | None:
    """The last number of a text, and whether a per cent sign follows it."""
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    last = found[-1]
    digits = last[0].removesuffix(last[1] or "").replace(",", "").replace("\u2212", "-")
    return float(digits), last[1] is not None


def _json(text: str, fenced: bool) -> Any:
    """The value a text is; raises ValueError."""
    return fitting.read(fitting.fenced(text) if fenced else text)
