"""Charts of a comparison or a benchmark, from tidy rows: one row an answer. Knows no sweep; each gives a `Picture`.

`frame` is what `Comparison.to_frame` gives, or a list of dicts with the same names. What is missing is left out; where
nothing is left, the picture is a sentence that says what is missing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from workbench.errors import UsageError
from workbench.sessions.comparing.grid import short_names
from workbench.sessions.comparing.picture import CATEGORIES, Picture
from workbench.sessions.comparing.scorer import number
from workbench.sessions.comparing.vote import Z_95, wilson

if TYPE_CHECKING:
    from workbench.sessions.comparing.benchmark_run import Run

Rows: TypeAlias = list[dict[str, Any]]

KINDS = ("quality_speed", "first_token", "speed", "scores")
"""The charts of a comparison, by name."""
WIDTH = 460
"""Pixels of the field inside the axes: with labels and legend it fits a notebook's page."""
ROW = 34
"""Pixels of a model's line."""
MOST_PROMPTS = 40
"""Prompts that a heat map shows."""
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")


def draw(frame: Any, kind: str, score: str | None = None) -> Picture:
    """One of the charts below, by its name. Raises `UsageError` on another name."""
    match kind:
        case "quality_speed":
            return quality_speed(frame, score)
        case "first_token":
            return first_token(frame)
        case "speed":
            return speed(frame)
        case "scores":
            return scores(frame, score)
    raise UsageError(f"There is no chart {kind!r}.", next_step=f"There are: {', '.join(KINDS)}.")


def quality_speed(frame: Any, score: str | None = None) -> Picture:
    """Quality against speed: a point a column, the mean score over the median tokens a second.

    The lines are the 95 % interval of the mean, and the middle half of the speeds. `score` is a scorer's name, or
    ``"rating"``; without one, the first there is. Raises `UsageError` on a score that is not there.
    """
    rows = _rows(frame)
    name, field = _score(rows, score)
    points: Rows = []
    for column, of in _by(rows, "column").items():
        scores, speeds = _numbers(of, field), _numbers(of, "decode_tps")
        if scores and speeds:
            low, high = _interval(scores)
            slow, fast = _quartiles(speeds)
            point = {"column": column, "score": statistics.fmean(scores), "low": low, "high": high}
            point |= {"speed": statistics.median(speeds), "slow": slow, "fast": fast, "answers": len(scores)}
            points.append(point)
    if not points:
        return Picture(None, f"No model has both a {name} and a speed yet.")
    alt = _altair()
    color = _color(alt, "column", [p["column"] for p in points], legend=_legend(alt, [p["column"] for p in points]))
    shape = alt.Shape("column:N", scale=alt.Scale(domain=[p["column"] for p in points], range=_SHAPES))
    base = alt.Chart(alt.Data(values=points))
    x = {"title": "Decode speed (tokens/s, median and middle half)", "scale": alt.Scale(zero=True, nice=True)}
    y = {"title": f"{name} (mean, 95 % interval)", "scale": _score_scale(alt, points)}
    tooltip = [alt.Tooltip("column:N", title="model"), *_tips(alt, "score", "low", "high", "speed", "answers")]
    chart = alt.layer(
        base.mark_rule(opacity=0.6, size=2).encode(
            x=alt.X("slow:Q", **x), x2="fast:Q", y=alt.Y("score:Q", **y), color=color
        ),
        base.mark_rule(opacity=0.6, size=2).encode(
            x=alt.X("speed:Q", **x), y=alt.Y("low:Q", **y), y2="high:Q", color=color
        ),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            x=alt.X("speed:Q", **x), y=alt.Y("score:Q", **y), color=color, shape=shape, tooltip=tooltip
        ),
    )
    count = _batched([row for row in rows if number(row.get("decode_tps")) is not None])
    note = f"{count} answers were batched: their speed is not comparable" if count else ""
    chart = chart.properties(width=WIDTH, height=300, title=_title(alt, f"{name} against speed", note))
    said = "; ".join(f"{p['column']}: {p['score']:.2f} at {p['speed']:,.1f} tokens/s" for p in points)
    return Picture(chart, f"{name} against decode speed. {said}.")


def first_token(frame: Any) -> Picture:
    """Time to first token by column: every answer, the median, the middle half. Batched answers are left out."""
    rows = _rows(frame)
    alone = [row for row in rows if row.get("batched") is not True]
    if not _numbers(alone, "ttft_s") and _numbers(rows, "ttft_s"):
        words = "All answers were batched, so their times to first token are not comparable."
        return Picture(None, f"{words} Compare with strict=True.")
    count = _batched(rows)
    note = f"{count} batched answers are left out: they shared their wait" if count else ""
    return _spread(alone, "ttft_s", "Time to first token", "seconds", note, columns=list(_by(rows, "column")))


def speed(frame: Any) -> Picture:
    """Tokens a second by column: every answer, the median, the middle half. Batched answers are hollow."""
    rows = _rows(frame)
    count = _batched(rows)
    note = f"{count} answers were batched (hollow): not comparable with the others" if count else ""
    return _spread(rows, "decode_tps", "Decode speed", "tokens/s", note)


def scores(frame: Any, score: str | None = None) -> Picture:
    """Scores by prompt: a heat map, a row a prompt, a column a model; several samples are one mean.

    Of many prompts those are shown on which the models differ most. `score` is as for `quality_speed`.
    """
    rows = _rows(frame)
    name, field = _score(rows, score)
    columns = list(_by(rows, "column"))
    prompts: list[tuple[str, dict[str, float | None]]] = []
    for index, (_, of) in enumerate(_by(rows, "row").items(), 1):
        means = {}
        for column in columns:
            found = _numbers([row for row in of if row["column"] == column], field)
            means[column] = statistics.fmean(found) if found else None
        prompts.append((f"{index}  {_short(of[0].get('prompt'), 44)}", means))
    known = [mean for _, means in prompts for mean in means.values() if mean is not None]
    if not known:
        return Picture(None, f"There is no {name} yet.")
    shown = _most_different(prompts)
    low, high = (0.0, 1.0) if min(known) >= 0 and max(known) <= 1 else (min(known), max(known))
    cells = []
    for prompt, means in shown:
        for column, mean in means.items():
            text = "\u2013" if mean is None else f"{mean:.2f}".rstrip("0").rstrip(".")
            ink = "#838383" if mean is None else "#ffffff" if (mean - low) > 0.84 * (high - low) else "#000000"
            cells.append({"prompt": prompt, "column": column, "score": mean, "text": text, "ink": ink})
    alt = _altair()
    base = alt.Chart(alt.Data(values=cells)).encode(
        x=alt.X(
            "column:N",
            sort=columns,
            title=None,
            axis=alt.Axis(orient="top", ticks=False, domain=False, labelAngle=-30 if len(columns) > 3 else 0),
        ),
        y=alt.Y(
            "prompt:N",
            sort=[prompt for prompt, _ in shown],
            title=None,
            axis=alt.Axis(labelLimit=300, ticks=False, domain=False),
        ),
        tooltip=["prompt:N", "column:N", "score:Q"],
    )
    scale = alt.Scale(domain=[low, high], range=["#eaf1f9", "#2f6299"])
    heat = (
        base.transform_filter("isValid(datum.score)")
        .mark_rect()
        .encode(color=alt.Color("score:Q", scale=scale, legend=alt.Legend(title=name, gradientLength=120)))
    )
    text = base.mark_text(fontSize=12).encode(text="text:N", color=alt.Color("ink:N", scale=None))
    note = f"the {len(shown)} of {len(prompts)} prompts on which they differ most" if len(shown) < len(prompts) else ""
    chart = (
        alt.layer(heat, text)
        .resolve_scale(color="independent")
        .properties(
            width=max(120, min(WIDTH, 110 * len(columns))),
            height=24 * len(shown),
            title=_title(alt, f"{name} by prompt", note),
        )
    )
    total = {column: [mean for _, m in prompts if (mean := m[column]) is not None] for column in columns}
    said = "; ".join(f"{column}: {statistics.fmean(found):.2f} on average" for column, found in total.items() if found)
    return Picture(chart, f"{name} by prompt. {said}.")


def benchmark(runs: Sequence[Run], where: str) -> Picture:
    """Time to first token, prefill and decode speed by model and prompt: every run, its median, the middle half."""
    names = short_names(list(dict.fromkeys(run.model for run in runs)))
    rows = [msgspec.structs.asdict(run) | {"column": names[run.model]} for run in runs]
    parts, said = [], []
    for field, title, unit in (
        ("ttft_s", "Time to first token", "seconds"),
        ("prefill_tps", "Prefill speed", "tokens/s"),
        ("decode_tps", "Decode speed", "tokens/s"),
    ):
        picture = _spread(rows, field, title, unit, "", group="prompt")
        said.append(picture.words)
        if picture.chart is not None:
            parts.append(picture.chart)
    if not parts:
        return Picture(None, "Nothing was measured.")
    alt = _altair()
    return Picture(alt.vconcat(*parts).properties(title=_title(alt, "Benchmark", where)), " ".join(said))


def _spread(
    rows: Rows,
    field: str,
    title: str,
    unit: str,
    note: str,
    *,
    group: str | None = None,
    columns: Sequence[str] = (),
) -> Picture:
    """A line a column (and a band a group in it): points, the middle half as a bar, the median as a tick.

    Lines stand as `columns` says, else as the rows come.
    """
    rows = [row for row in rows if number(row.get(field)) is not None]
    if not rows:
        return Picture(None, f"No {title[0].lower()}{title[1:]} is known yet.")
    there = _by(rows, "column")
    columns = [column for column in columns or there if column in there]
    groups = list(_by(rows, group)) if group else []
    points: Rows = []
    bars: Rows = []
    for column in columns:
        of = there[column]
        for name, part in (_by(of, group) if group else {column: of}).items():
            values = _numbers(part, field)
            low, high = _quartiles(values)
            here = {"column": column, "group": name}
            bars.append(here | {"low": low, "median": statistics.median(values), "high": high, "answers": len(values)})
            points += [
                here | {"value": v, "batched": r.get("batched") is True} for r, v in zip(part, values, strict=True)
            ]
    alt = _altair()
    y = {"y": alt.Y("column:N", sort=columns, title=None)}
    legend = None
    if len(groups) > 1:
        y["yOffset"] = alt.YOffset("group:N", sort=groups)
        legend = _legend(alt, groups)
    color = _color(alt, "group", groups or columns, legend=legend)
    x = {"title": f"{title} ({unit})", "scale": alt.Scale(zero=True, nice=True)}
    filled = alt.condition("datum.batched", alt.value("transparent"), color)
    tooltip = [alt.Tooltip("column:N", title="model"), *(["group:N"] if group else [])]
    spread = alt.Chart(alt.Data(values=bars))
    chart = alt.layer(
        spread.mark_bar(opacity=0.3, height=10).encode(x=alt.X("low:Q", **x), x2="high:Q", color=color, **y),
        alt.Chart(alt.Data(values=points))
        .mark_point(size=34, opacity=0.8, strokeWidth=1.5)
        .encode(x=alt.X("value:Q", **x), stroke=color, fill=filled, tooltip=[*tooltip, *_tips(alt, "value")], **y),
        spread.mark_tick(thickness=3, height=18, opacity=1).encode(
            x=alt.X("median:Q", **x),
            color=color,
            tooltip=[*tooltip, *_tips(alt, "median", "low", "high", "answers")],
            **y,
        ),
    ).properties(width=WIDTH, height=ROW * len(columns) * max(1, len(groups) * 0.7), title=_title(alt, title, note))
    named = (f"{b['column']}{', ' + b['group'] if group else ''} {b['median']:,.3g}" for b in bars)
    return Picture(chart, f"{title}, median {unit}: {'; '.join(named)}.")


def _altair() -> Any:
    import altair

    return altair


def _rows(frame: Any) -> Rows:
    """The rows of a pandas frame, or dicts, each with its column's name."""
    rows = frame.to_dict("records") if hasattr(frame, "to_dict") else [dict(row) for row in frame]
    return [row | {"column": str(row.get("column", row.get("model", "?")))} for row in rows]


def _by(rows: Rows, field: str) -> dict[str, Rows]:
    """Rows by the value of a field, in the order they come."""
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(str(row.get(field)), []).append(row)
    return found


def _score(rows: Rows, score: str | None) -> tuple[str, str]:
    """Name and field of a score; the first that has numbers when none is named."""
    fields = list(dict.fromkeys(field for row in rows for field in row if field.startswith("score.")))
    names = {field.removeprefix("score."): field for field in fields} | {"rating": "rating"}
    if score is None:
        score = next((name for name, field in names.items() if _numbers(rows, field)), next(iter(names)))
    if score not in names:
        raise UsageError(f"There is no score {score!r}.", next_step=f"There are: {', '.join(names)}.")
    return score, names[score]


def _numbers(rows: Rows, field: str) -> list[float]:
    return [found for row in rows if (found := number(row.get(field))) is not None]


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Between which the middle half lies."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of a mean: Wilson's for truth values, the normal one for numbers."""
    mean = statistics.fmean(values)
    if set(values) <= {0.0, 1.0}:
        return wilson(sum(values), len(values))
    reach = Z_95 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return mean - reach, mean + reach


def _most_different(prompts: list[tuple[str, dict[str, float | None]]]) -> list[tuple[str, dict[str, float | None]]]:
    """At most `MOST_PROMPTS` of them, in their order."""

    def range_of(means: dict[str, float | None]) -> float:
        known = [mean for mean in means.values() if mean is not None]
        return max(known) - min(known) if known else -1.0

    first = sorted(range(len(prompts)), key=lambda index: -range_of(prompts[index][1]))[:MOST_PROMPTS]
    return [prompts[index] for index in sorted(first)]


def _score_scale(alt: Any, points: Rows) -> Any:
    """0 to 1 for scores that lie there, else what holds all."""
    inside = all(p["low"] >= 0 and p["high"] <= 1 for p in points)
    return alt.Scale(domain=[0, 1]) if inside else alt.Scale(zero=False, nice=True, padding=10)


def _legend(alt: Any, names: Sequence[str]) -> Any:
    columns = 2 if max(map(len, names)) > 16 else 4
    return alt.Legend(title=None, orient="bottom", columns=columns, symbolOpacity=1)


def _color(alt: Any, field: str, names: Sequence[str], legend: Any) -> Any:
    colors = [CATEGORIES[index % len(CATEGORIES)] for index in range(len(names))]
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=list(names), range=colors), legend=legend)


def _tips(alt: Any, *fields: str) -> list[Any]:
    return [alt.Tooltip(f"{field}:Q", format=",.4~g") for field in fields]


def _title(alt: Any, title: str, note: str) -> Any:
    return alt.TitleParams(title, subtitle=note) if note else alt.TitleParams(title)


def _batched(rows: Rows) -> int:
    return sum(row.get("batched") is True for row in rows)


def _short(text: object, most: int) -> str:
    words = " ".join(str(text or "").split())
    return words if len(words) <= most else f"{words[: most - 1]}…"
