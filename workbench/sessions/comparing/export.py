"""A comparison as a file: CSV, JSON, one HTML page, Markdown. What a model wrote cannot act in any of them. Pure."""

from __future__ import annotations

import csv
import html as escape_html
import io
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from workbench.errors import UsageError
from workbench.sessions.comparing import frame
from workbench.sessions.comparing.grid import in_words
from workbench.sessions.comparing.scorer import number
from workbench.sessions.comparing.values import Cell, Column, Row
from workbench.sessions.export_html import POLICY, rendered
from workbench.sessions.export_markdown import one_line, prose
from workbench.sessions.transcript import spelled

MEDIA_TYPES = {"csv": "text/csv", "json": "application/json", "html": "text/html", "markdown": "text/markdown"}
_SUFFIXES = {"markdown": "md"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would compute."""
_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1f1f1f, #e4e4e4); --bg: light-dark(#fff, #1c1c1c); }
body { margin: 0; padding: 24px; background: var(--bg); color: var(--ink); font: 14px/1.55 system-ui, sans-serif; }
h1 { font-size: 20px; margin: 0 0 4px; } .facts { color: color-mix(in srgb, var(--ink) 68%, var(--bg)); font-size: 12px;
  margin: 0 0 8px; } table { border-collapse: collapse; table-layout: fixed; min-width: 100%; }
table.grid > * > tr > * { border: 1px solid color-mix(in srgb, var(--ink) 18%, var(--bg)); padding: 10px;
  vertical-align: top; text-align: left; width: 320px; overflow-wrap: anywhere; unicode-bidi: isolate; }
table.grid > * > tr > :first-child { width: 200px; } thead th { position: sticky; top: 0; background: var(--bg); }
pre { white-space: pre-wrap; font-size: 12px; } code { font-family: ui-monospace, Menlo, Consolas, monospace; }
.failed { color: light-dark(#b71c1c, #ef9a9a); } p { margin: 0 0 8px; }
"""


class Facts(NamedTuple):
    """What goes into a file: rows and columns in their order, and their cells row by row."""

    id: str
    name: str | None
    rows: Sequence[Row]
    columns: Sequence[Column]
    cells: Sequence[Cell]
    scorers: Sequence[str]
    replayed: bool


def file(facts: Facts, format: str) -> dict[str, str]:
    """A file's ``name``, ``text`` and ``media_type``. Raises `UsageError` on a format that there is not."""
    write = {"csv": as_csv, "json": as_json, "html": as_html, "markdown": as_markdown}.get(format)
    if write is None:
        raise UsageError(f"There is no export as {format!r}.", next_step=f"There are: {', '.join(MEDIA_TYPES)}.")
    words = re.sub(r"[^\w.-]+", "-", (facts.name or "comparison").casefold()).strip("-._")
    name = f"{words or 'comparison'}.{_SUFFIXES.get(format, format)}"
    return {"name": name, "text": write(facts), "media_type": MEDIA_TYPES[format]}


def as_csv(facts: Facts) -> str:
    """One line a cell, with the columns of `Comparison.to_frame`.

    A text that a spreadsheet would compute as a formula gets an apostrophe before it.
    """
    out = io.StringIO()
    names = [*frame.COLUMNS, *(f"score.{name}" for name in facts.scorers)]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    rows, columns = _by_id(facts)
    for cell in facts.cells:
        flat = frame.flat(cell, rows[cell.key.row], columns[cell.key.column], facts.scorers)
        writer.writerow({name: _inert(value) for name, value in flat.items()})
    return out.getvalue()


def as_json(facts: Facts) -> str:
    """Rows, columns and cells with all that is known of them, receipts among it."""
    cells = [{**msgspec.to_builtins(cell), "key": cell.key._asdict()} for cell in facts.cells]
    whole = {
        "format": "workbench comparison",
        "id": facts.id,
        "name": facts.name,
        "replayed": facts.replayed,
        "rows": msgspec.to_builtins(facts.rows),
        "columns": [{**msgspec.to_builtins(column), "options": column.options.given()} for column in facts.columns],
        "cells": cells,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def as_html(facts: Facts) -> str:
    """The grid as one page, in the colours of the reader's system: no script, nothing fetched."""
    heads = "".join(
        f'<th>{_safe(column.title)}<div class="facts">{_safe(_settings(column))}</div></th>' for column in facts.columns
    )
    cells = _by_place(facts)
    lines = []
    for row in facts.rows:
        answers = "".join(
            f"<td>{''.join(_html_cell(cell, facts.scorers) for cell in cells[row.id, column.id])}</td>"
            for column in facts.columns
        )
        lines.append(f'<tr><th><div class="facts">{row.index + 1}</div>{_safe(row.prompt)}</th>{answers}</tr>')
    title = _safe(_title(facts))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p class="facts">{_safe(_about(facts))}</p><table class="grid"><thead><tr><th>Prompt</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></body></html>\n"
    )


def as_markdown(facts: Facts) -> str:
    """Each prompt as a heading, below it each answer with what was measured."""
    parts = [f"# {one_line(_title(facts))}", f"*{one_line(_about(facts))}*"]
    cells = _by_place(facts)
    for row in facts.rows:
        parts += [f"## {row.index + 1}", prose(row.prompt)]
        for column in facts.columns:
            for cell in cells[row.id, column.id]:
                sample = f", sample {cell.key.sample + 1}" if len(cells[row.id, column.id]) > 1 else ""
                measured = " · ".join(facts_of(cell, facts.scorers))
                parts.append(f"### {one_line(column.title + sample)}")
                parts += [f"*{one_line(measured)}*"] if measured else []
                if cell.error is not None:
                    parts.append(f"> **{one_line(cell.error.message)}**")
                parts += [prose(cell.text)] if cell.text else []
    return "\n\n".join(parts) + "\n"


def facts_of(cell: Cell, scorers: Sequence[str]) -> list[str]:
    """What is known of a cell beside its text, in a few words each."""
    metrics, usage = cell.metrics, cell.usage
    words: list[str] = [] if cell.status == "done" else [cell.status]
    for name in scorers:
        if (score := number(cell.scores.get(name))) is not None:
            words.append(f"{name} {score:g}")
    words += [f"rated {cell.rating}"] if cell.rating is not None else []
    words += [f"first token {metrics.ttft_s:.2f} s"] if metrics.ttft_s is not None else []
    words += [f"{metrics.decode_tps:.1f} tok/s"] if metrics.decode_tps is not None else []
    words += [f"{usage.completion_tokens} tokens"] if usage.completion_tokens is not None else []
    words += [f"${cell.cost:.4g}"] if cell.cost is not None else []
    return [*words, "batched: its times are no fair measure"] if cell.batched else words


def _html_cell(cell: Cell, scorers: Sequence[str]) -> str:
    measured = f'<div class="facts">{_safe(" · ".join(facts_of(cell, scorers)))}</div>'
    failed = f'<p class="failed">{_safe(cell.error.message)}</p>' if cell.error is not None else ""
    return f"{measured}{failed}{rendered(cell.text)}"


def _by_id(facts: Facts) -> tuple[dict[str, Row], dict[str, Column]]:
    return {row.id: row for row in facts.rows}, {column.id: column for column in facts.columns}


def _by_place(facts: Facts) -> dict[tuple[str, str], list[Cell]]:
    places: dict[tuple[str, str], list[Cell]] = {(r.id, c.id): [] for r in facts.rows for c in facts.columns}
    for cell in facts.cells:
        places[cell.key.row, cell.key.column].append(cell)
    return places


def _title(facts: Facts) -> str:
    return facts.name or f"{len(facts.rows)} prompts by {len(facts.columns)} models"


def _about(facts: Facts) -> str:
    ended = sum(cell.ended for cell in facts.cells)
    words = f"{ended} of {len(facts.cells)} cells"
    return f"{words}, a replay of what was recorded" if facts.replayed else words


def _settings(column: Column) -> str:
    return ", ".join(words for words in (column.model, in_words(column.options), column.system) if words)


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _safe(text: str) -> str:
    return escape_html.escape(spelled(text))
