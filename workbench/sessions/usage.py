"""What models were used over time: tokens, time, speed, as a picture, a table and a frame. It knows no engine.

usage.py            what a notebook holds
usage_picture.py    the same as SVG
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from workbench.errors import UsageError
from workbench.sessions.usage_picture import duration, picture, short
from workbench.store import usage as store
from workbench.store.usage import Day

if TYPE_CHECKING:
    import pandas

MOST_DAYS = 3660
UNKNOWN = "\u2013"
HEADS = ("model", "runs", "tokens in", "from cache", "tokens out", "time", "speed")


class Total(NamedTuple):
    """What one model did in all; a sum is ``None`` when none of its runs told."""

    model: str
    runs: int
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    seconds: float | None
    decode_tps: float | None
    """Mean of the days' medians, each counted as often as it had runs; tokens a second."""


class UsageView:
    """What models were used since a day, as it was when this was made. `usage` makes one; displaying it draws it.

    used = wb.usage(days=7)
    used                      # a picture: tokens, time and speed by day and model
    used.rows[-1]             # the newest day of a model; times in seconds
    used.total                # one row a model
    used.to_frame()
    """

    def __init__(self, days: int, model: str | None = None) -> None:
        self.days = days
        """How many days, today included."""
        self.model = model
        """Only this model's; ``None``: all."""
        self.today = date.today()
        """The last day."""
        since = datetime.combine(self.first, datetime.min.time()).timestamp()
        self.rows: list[Day] = store.days(since, model)
        """One row a day and model, the oldest day first. A sum is ``None`` when none of the runs told."""

    @property
    def first(self) -> date:
        """The first day."""
        return self.today - timedelta(days=self.days - 1)

    @property
    def total(self) -> list[Total]:
        """One row a model, the one with the most tokens first."""
        names = dict.fromkeys(row.model for row in self.rows)
        totals = [_total(name, [row for row in self.rows if row.model == name]) for name in names]
        return sorted(totals, key=lambda row: (-_tokens(row), row.model))

    def to_frame(self) -> pandas.DataFrame:
        """One row a day and model: tokens, `seconds` from request to end, `decode_tps` in tokens a second."""
        import pandas

        frame = pandas.DataFrame([msgspec.structs.asdict(row) for row in self.rows], columns=Day.__struct_fields__)
        frame["day"] = pandas.to_datetime(frame["day"])
        return frame

    def svg(self) -> str:
        """The picture as a file of its own: grey words and colours that are read on light and on dark ground."""
        return picture(self.rows, self.first, self.today, [row.model for row in self.total], alone=True)

    def html(self) -> str:
        """The picture in the colours of the page, and a table of sums; every text is escaped."""
        if not self.rows:
            return f"<p>{self._head()} {_NOTHING}</p>"
        drawn = picture(self.rows, self.first, self.today, [row.model for row in self.total])
        head = "".join(f'<th style="text-align:{"left" if i == 0 else "right"}">{h}</th>' for i, h in enumerate(HEADS))
        body = "".join(_row_html(_cells(row)) for row in self.total)
        return (
            f'<div class="wb-static"><p><b>{self._head()}</b></p>'
            f'<div style="max-width:720px;overflow-x:auto">{drawn}</div>'
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def __repr__(self) -> str:
        if not self.rows:
            return f"{self._head()} {_NOTHING}"
        rows = [HEADS, *(_cells(row) for row in self.total)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
        lines = ["  ".join(_aligned(cell, i, widths[i]) for i, cell in enumerate(row)).rstrip() for row in rows]
        return "\n".join([self._head(), *lines])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        data = {"text/html": self.html(), "text/plain": repr(self)}
        return {**data, "image/svg+xml": self.svg()} if self.rows else data

    def _head(self) -> str:
        span = "Today." if self.days == 1 else f"The last {self.days} days."
        runs = sum(row.runs for row in self.rows)
        counted = f" {runs:,} run{'' if runs == 1 else 's'}." if runs else ""
        return f"{html.escape(self.model)}. {span}{counted}" if self.model else f"{span}{counted}"


_NOTHING = "Nothing ran. What models answer from now on is counted here."


def usage(days: int = 30, model: str | None = None) -> UsageView:
    """What models were used in the last days, today included: tokens, time and speed by day and model.

        wb.usage()                        # a picture of 30 days
        wb.usage(7, "builtin").rows       # numbers
        wb.usage(365).to_frame()          # for pandas

    Every run is counted, local or of a server, in every notebook of this person, private chats too: a row holds the
    model's id, tokens and times, and never a word of what was asked or answered. So it is kept whether or not chats
    are kept. Raises `UsageError` for a number of days that cannot be.
    """
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise UsageError(f"days must be a whole number from 1 to {MOST_DAYS}, not {days!r}.")
    return UsageView(days, model)


def _total(model: str, rows: Sequence[Day]) -> Total:
    timed = [row for row in rows if row.decode_tps is not None]
    weight = sum(row.runs for row in timed)
    return Total(
        model,
        sum(row.runs for row in rows),
        _sum([row.prompt_tokens for row in rows]),
        _sum([row.cached_tokens for row in rows]),
        _sum([row.completion_tokens for row in rows]),
        None if all(row.seconds is None for row in rows) else math.fsum(row.seconds or 0 for row in rows),
        math.fsum((row.decode_tps or 0) * row.runs for row in timed) / weight if weight else None,
    )


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _tokens(row: Total) -> int:
    return (row.prompt_tokens or 0) + (row.completion_tokens or 0)


def _cells(row: Total) -> tuple[str, ...]:
    counts = (row.prompt_tokens, row.cached_tokens, row.completion_tokens)
    return (
        row.model,
        f"{row.runs:,}",
        *(UNKNOWN if count is None else short(count) for count in counts),
        UNKNOWN if row.seconds is None else duration(row.seconds),
        UNKNOWN if row.decode_tps is None else f"{row.decode_tps:.1f} tok/s",
    )


def _row_html(cells: Sequence[str]) -> str:
    name, *numbers = map(html.escape, cells)
    return f'<tr><td style="text-align:left">{name}</td>' + "".join(f"<td>{n}</td>" for n in numbers) + "</tr>"


def _aligned(cell: str, column: int, width: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
