"""Usage as SVG: tokens and time as stacked bars by day, speed as points, one colour a model. Pure.

tokens   ▁ ▃ █        each panel has its own scale and unit,
time     ▁ ▂ ▆        all three the same days
speed      · ·
■ builtin  ■ ollama:llama3.2
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from workbench.store.usage import Day

COLOURS = ("#3b76b8", "#2a8a80", "#7d63b8", "#a8742a", "#b2567a", "#767676")
"""One a model, in the order of their tokens; the last is for all others. 3:1 on white and on near black."""
OTHERS = "others"
GREY = "#757575"
WIDTH, LEFT, RIGHT, PANEL, GAP, TOP, LINE = 640, 64, 8, 84, 40, 26, 20
_INK = 0.72
"""How strong words of second rank are; lines are fainter."""


class Panel(NamedTuple):
    """One measure: its name, what a day of a model counts, how a number is written."""

    name: str
    value: Callable[[Day], float | None]
    words: Callable[[float], str]
    most: Callable[[float], float]
    """The end of the scale for a largest value."""


def picture(rows: Sequence[Day], first: date, last: date, models: Sequence[str], *, alone: bool = False) -> str:
    """The panels and their legend; `models` in the order of their colours. `alone`: not within a page's own colours."""
    span = (last - first).days + 1
    names = [*models[: len(COLOURS) - 1], *([OTHERS] if len(models) >= len(COLOURS) else [])]
    legend, lines = _legend(names)
    height = TOP + len(PANELS) * (PANEL + GAP) + lines * LINE
    drawn = []
    for number, panel in enumerate(PANELS):
        top = TOP + number * (PANEL + GAP)
        drawn.append(_panel(panel, rows, names, first, span, top, bars=number < 2))
    drawn.append(_days(first, span, TOP + len(PANELS) * (PANEL + GAP) - GAP + 14))
    below = f'<g transform="translate(0 {height - lines * LINE + 8})">{legend}</g>'
    label = html.escape(f"Tokens, time and speed by day, {first} to {last}: {', '.join(names)}")
    colour = f' color="{GREY}"' if alone else ' style="max-width:none"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f'{colour} role="img" aria-label="{label}" font-family="system-ui, sans-serif" font-size="11"'
        f' fill="currentColor">{"".join(drawn)}{below}</svg>'
    )


def short(value: float) -> str:
    """950, 12.4k, 3.1M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}"


def duration(seconds: float) -> str:
    """0.4 s, 42 s, 3 min, 2.5 h."""
    if seconds >= 3600:
        return f"{seconds / 3600:.3g} h"
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def ceiling(most: float) -> float:
    """The least of 1, 2, 5 times a power of ten that is not below it; 1 for nothing."""
    if most <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(most))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= most * 0.9999)


def ceiling_of_time(seconds: float) -> float:
    """The same in the unit that `duration` takes."""
    unit = 3600 if seconds > 3600 else 60 if seconds > 60 else 1
    return unit * ceiling(seconds / unit)


def _tokens(row: Day) -> float | None:
    if row.prompt_tokens is None and row.completion_tokens is None:
        return None
    return (row.prompt_tokens or 0) + (row.completion_tokens or 0)


PANELS = (
    Panel("Tokens a day, in and out", _tokens, short, ceiling),
    Panel("Time a day", lambda row: row.seconds, duration, ceiling_of_time),
    Panel("Speed, tokens a second", lambda row: row.decode_tps, lambda value: f"{value:.3g}", ceiling),
)


def _panel(
    panel: Panel, rows: Sequence[Day], names: Sequence[str], first: date, span: int, top: int, *, bars: bool
) -> str:
    """One panel: its title, two lines of its scale, and what each day was; bars are stacked in the order of `names`."""
    known = [(row, value) for row in rows if (value := panel.value(row)) is not None]
    days: dict[date, float] = {}
    for row, value in known:
        days[row.day] = days.get(row.day, 0) + value if bars else max(value, days.get(row.day, 0))
    scale = panel.most(max(days.values(), default=0))
    step = (WIDTH - LEFT - RIGHT) / span
    marks = []
    reached: dict[date, float] = {}
    order = {name: place for place, name in enumerate(names)}
    for row, value in sorted(known, key=lambda pair: order.get(pair[0].model, len(names))):
        place = min(order.get(row.model, len(COLOURS) - 1), len(COLOURS) - 1)
        x = LEFT + (row.day - first).days * step
        title = f"<title>{html.escape(f'{row.day} {row.model}: {panel.words(value)}')}</title>"
        if bars:
            high = PANEL * value / scale
            base = reached.get(row.day, 0.0)
            reached[row.day] = base + high
            inset = min(1.5, step * 0.15)
            marks.append(
                f'<rect x="{x + inset:.1f}" y="{top + PANEL - base - high:.1f}" width="{step - 2 * inset:.1f}"'
                f' height="{high:.1f}" fill="{COLOURS[place]}">{title}</rect>'
            )
        else:
            y = top + PANEL - PANEL * value / scale
            marks.append(f'<circle cx="{x + step / 2:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[place]}">{title}</circle>')
    lines = "".join(_line(top + PANEL - PANEL * part, panel.words(scale * part)) for part in (0.5, 1) if days)
    nothing = "" if days else f'<text x="{LEFT}" y="{top + PANEL / 2}" opacity="{_INK}">not measured</text>'
    title = f'<text x="0" y="{top - 14}" font-weight="600">{panel.name}</text>'
    floor = f'<path d="M{LEFT} {top + PANEL}.5H{WIDTH - RIGHT}" stroke="currentColor" opacity=".45"/>'
    return f"<g>{title}{lines}{nothing}{''.join(marks)}{floor}</g>"


def _line(y: float, words: str) -> str:
    return (
        f'<path d="M{LEFT} {y:.0f}.5H{WIDTH - RIGHT}" stroke="currentColor" opacity=".16"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end" opacity="{_INK}">{words}</text>'
    )


def _days(first: date, span: int, y: float) -> str:
    """A few dates below the panels, the first and the last among them."""
    step = (WIDTH - LEFT - RIGHT) / span
    count = min(span, 5)
    places = sorted({round(i * (span - 1) / max(1, count - 1)) for i in range(count)})
    texts = []
    for at in places:
        day = first + timedelta(days=at)
        x = LEFT + (at + 0.5) * step
        anchor = "start" if x < LEFT + 24 else "end" if x > WIDTH - RIGHT - 24 else "middle"
        x = LEFT if anchor == "start" else WIDTH - RIGHT if anchor == "end" else x
        texts.append(f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" opacity="{_INK}">{day.day} {day:%b}</text>')
    return "".join(texts)


def _legend(names: Sequence[str]) -> tuple[str, int]:
    """Each model's colour and name, in as many lines as they take."""
    parts, x, line = [], 0, 0
    for place, name in enumerate(names):
        shown = name if len(name) <= 48 else f"{name[:47]}…"
        width = 28 + 7 * len(shown)
        if x and x + width > WIDTH:
            x, line = 0, line + 1
        parts.append(
            f'<rect x="{x}" y="{line * LINE}" width="10" height="10" rx="3" fill="{COLOURS[place]}"/>'
            f'<text x="{x + 16}" y="{line * LINE + 9}">{html.escape(shown)}</text>'
        )
        x += width
    return "".join(parts), line + 1
