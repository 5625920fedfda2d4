"""The tidy table of a comparison, and what is read off it. Knows no run; pandas is imported when it is asked for."""

from __future__ import annotations

import html as escape_html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.sessions.comparing.grid import in_words
from workbench.sessions.comparing.scorer import number
from workbench.sessions.comparing.values import Cell, Column, Progress, Row

if TYPE_CHECKING:
    import pandas

LOWER_IS_BETTER = ("ttft_s", "total_s", "cost", "peak_memory")
COLUMNS = (
    "row", "prompt", "column", "model", "options", "system", "sample", "status", "finish", "text", "reasoning",
    "ttft_s", "decode_tps", "prefill_tps", "total_s", "prompt_tokens", "cached_tokens", "completion_tokens",
    "peak_memory", "cost", "batched", "error", "rating",
)  # fmt: skip
MOST_SHOWN = 12
"""Prompts that the text and the static copy show."""


def tidy(
    cells: Iterable[Cell], rows: Mapping[str, Row], columns: Mapping[str, Column], scorers: Sequence[str]
) -> pandas.DataFrame:
    """One row a cell; times in seconds, rates in tokens a second, memory in bytes, costs in US dollars."""
    import pandas

    names = [*COLUMNS, *(f"score.{name}" for name in scorers)]
    lines = [flat(cell, rows[cell.key.row], columns[cell.key.column], scorers) for cell in cells]
    return pandas.DataFrame(lines, columns=names)


def pivot(frame: pandas.DataFrame, value: str) -> pandas.DataFrame:
    """One row a prompt (and sample, where there are several), one column a column, in their order.

    Raises `UsageError` for a value that the frame does not have.
    """
    _check(frame, value)
    order = list(dict.fromkeys(frame["column"]))
    index = ["row", "prompt", "sample"] if frame["sample"].nunique() > 1 else ["row", "prompt"]
    return frame.pivot(index=index, columns="column", values=value)[order].rename_axis(columns=None)


def best(frame: pandas.DataFrame, by: str | None, scorers: Sequence[str]) -> pandas.DataFrame:
    """One row a prompt: the one column that is best by a number, and that number; a tie has none.

    `by` is a column of the frame or a scorer's name; without one the first scorer counts, else the ratings. The mean
    over samples counts. Raises `UsageError` when there is nothing to go by.
    """
    import pandas

    if by is None:
        by = f"score.{scorers[0]}" if scorers else "rating"
    elif by in scorers:
        by = f"score.{by}"
    _check(frame, by)
    numbers = frame.assign(value=pandas.to_numeric(frame[by].map(number), errors="coerce"))
    if numbers["value"].notna().sum() == 0:
        raise UsageError(
            f"No cell has a {by} yet.",
            next_step='Give scorers=[...], rate some cells, or say what counts: best("decode_tps").',
        )
    means = numbers.groupby(["row", "prompt", "column"], sort=False)["value"].mean().dropna().reset_index()
    of_each = means.groupby(["row", "prompt"], sort=False)["value"]
    top = means[means["value"] == of_each.transform("min" if by in LOWER_IS_BETTER else "max")]
    tied = top.duplicated(["row", "prompt"], keep=False)
    out = top.assign(column=top["column"].mask(tied, None)).drop_duplicates(["row", "prompt"])
    return out.rename(columns={"value": by}).reset_index(drop=True)


def text(rows: Sequence[Row], columns: Sequence[Column], cells: Mapping[tuple[str, str], Cell], title: str) -> str:
    """A few prompts with their answers, a line each."""
    lines = [title]
    for row in rows[:MOST_SHOWN]:
        lines.append(f"{row.index}  {_short(row.prompt, 100)}")
        lines += [f"   {column.title}: {_answer(cells.get((row.id, column.id)))}" for column in columns]
    if len(rows) > MOST_SHOWN:
        lines.append(f"and {len(rows) - MOST_SHOWN} more prompts; .to_frame() has all")
    return "\n".join(lines)


def html(
    rows: Sequence[Row], columns: Sequence[Column], cells: Mapping[tuple[str, str], Cell], title: str, id: str
) -> str:
    """The same as plain HTML: what is saved with a notebook. Every text is escaped."""
    head = "".join(f"<th>{_safe(column.title)}</th>" for column in columns)
    body = "".join(
        f"<tr><td>{_safe(_short(row.prompt, 300))}</td>"
        + "".join(f"<td>{_safe(_answer(cells.get((row.id, column.id)), 300))}</td>" for column in columns)
        + "</tr>"
        for row in rows[:MOST_SHOWN]
    )
    more = f"<p>and {len(rows) - MOST_SHOWN} more prompts</p>" if len(rows) > MOST_SHOWN else ""
    return (
        f'<div class="wb-static" data-wb-comparison="{_safe(id)}"><p><b>{_safe(title)}</b></p>'
        f"<table><thead><tr><th>Prompt</th>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
    )


def title(progress: Progress, failed: int, *, name: str | None, replayed: bool) -> str:
    """How far it is, in a line: ``Comparison 'x': 7 of 12, about 41 s left, 1 failed``."""
    words = f"Comparison{f' {name!r}' if name else ''}: {progress}"
    return words + (f", {failed} failed" if failed else "") + (", a replay of what was recorded" if replayed else "")


def flat(cell: Cell, row: Row, column: Column, scorers: Sequence[str]) -> dict[str, Any]:
    """One cell as a row of the table, by the names of `COLUMNS` and its scores."""
    usage, metrics = cell.usage, cell.metrics
    made = {
        "row": row.index,
        "prompt": row.prompt,
        "column": column.title,
        "model": column.model,
        "options": in_words(column.options),
        "system": column.system,
        "sample": cell.key.sample,
        "status": cell.status,
        "finish": cell.finish,
        "text": cell.text,
        "reasoning": cell.reasoning,
        "ttft_s": metrics.ttft_s,
        "decode_tps": metrics.decode_tps,
        "prefill_tps": metrics.prefill_tps,
        "total_s": metrics.total_s,
        "prompt_tokens": usage.prompt_tokens,
        "cached_tokens": usage.cached_tokens,
        "completion_tokens": usage.completion_tokens,
        "peak_memory": metrics.peak_memory,
        "cost": cell.cost,
        "batched": cell.batched,
        "error": cell.error.message if cell.error else None,
        "rating": cell.rating,
    }
    for name in scorers:
        given = cell.scores.get(name)
        made[f"score.{name}"] = given.get("score") if isinstance(given, dict) else given
    return made


def _check(frame: pandas.DataFrame, name: str) -> None:
    if name not in frame.columns:
        raise UsageError(f"The frame has no column {name!r}.", next_step=f"It has: {', '.join(frame.columns)}.")


def _answer(cell: Cell | None, most: int = 120) -> str:
    if cell is None or cell.status == "waiting":
        return "\u2013"
    if cell.error is not None:
        return f"failed: {cell.error.message}"
    return _short(cell.text, most) or cell.status


def _short(words: str, most: int) -> str:
    line = " ".join(words.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _safe(words: str) -> str:
    return escape_html.escape(words)
