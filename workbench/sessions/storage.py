"""The library for places without its widget: text, plain HTML with the storage picture, a frame. Pure."""

from __future__ import annotations

import html as escape_html
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.sessions.download_rows import size as gb

if TYPE_CHECKING:
    import pandas

COLOURS = ("#2f6fed", "#c2410c", "#0f766e", "#9333ea", "#a16207", "#be185d")
"""One a source, in their order; the legend names each."""
UNKNOWN = "\u2013"
COLUMNS = ("model", "source", "size", "last used", "runs", "verified", "state")
_BAR = 40


def text(view: dict[str, Any]) -> str:
    """The sums, a bar of where the bytes are, and one line a model."""
    rows = [COLUMNS, *(_cells(row) for row in view["rows"])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    marks = "#*+=o~"
    bar = "".join(
        marks[i % len(marks)] * round(_BAR * source["bytes"] / view["total"])
        for i, source in enumerate(view["sources"])
        if view["total"]
    )
    legend = ", ".join(
        f"{marks[i % len(marks)]} {source['name']} {gb(source['bytes'])}" for i, source in enumerate(view["sources"])
    )
    return "\n".join([_sum(view), f"[{bar}] {legend}", "", *lines, *_notes(view)])


def html(view: dict[str, Any]) -> str:
    """The same as HTML without a script or a style sheet; every text is escaped."""
    parts = [
        f'<span title="{_safe(source["name"])}" style="display:inline-block;height:12px;'
        f'background:{COLOURS[i % len(COLOURS)]};width:{100 * source["bytes"] / view["total"]:.2f}%"></span>'
        for i, source in enumerate(view["sources"])
        if view["total"]
    ]
    legend = "".join(
        f'<span style="margin-right:16px"><span style="display:inline-block;width:10px;height:10px;'
        f'background:{COLOURS[i % len(COLOURS)]}"></span> {_safe(source["name"])} <b>{gb(source["bytes"])}</b></span>'
        for i, source in enumerate(view["sources"])
    )
    label = ", ".join(f"{source['name']} {gb(source['bytes'])}" for source in view["sources"])
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in _cells(row)) + "</tr>" for row in view["rows"]
    )
    notes = "".join(f"<p>{_safe(note)}</p>" for note in _notes(view))
    return (
        f'<div class="wb-static" data-wb-library="{_safe(view["id"])}"><p><b>{_safe(_sum(view))}</b></p>'
        f'<div role="img" aria-label="{_safe(label)}" style="white-space:nowrap;line-height:0">{"".join(parts)}</div>'
        f"<p>{legend}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}</div>"
    )


def frame(rows: Sequence[dict[str, Any]]) -> pandas.DataFrame:
    """One row a model; sizes in bytes, times in seconds since 1970."""
    import pandas

    flat = [{**row, "verified": row["verified"]["state"], "verified_at": row["verified"]["at"]} for row in rows]
    return pandas.DataFrame(flat)


def _sum(view: dict[str, Any]) -> str:
    count = len(view["rows"])
    words = f"{gb(view['total'])} in {count} model{'' if count == 1 else 's'}"
    twice = f", {gb(view['twice'])} stored twice" if view["twice"] else ""
    return f"{words}{twice}; {gb(view['disk']['free'])} of {gb(view['disk']['total'])} free"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    verified = row["verified"]
    states = {"never": "not yet", "ok": "ok", "differs": verified["message"], "failed": verified["message"]}
    state = [row["status"], *([f"also in {', '.join(row['also_in'])}"] if row["also_in"] else [])]
    state += ["current"] if row["current"] else []
    state += ["update available"] if row["update"] else []
    return (
        row["name"],
        row["source"],
        gb(row["size"]),
        _ago(row["last_used"]),
        str(row["runs"]),
        states.get(verified["state"], f"{verified['percent'] or 0:.0f} %"),
        ", ".join(state),
    )


def _notes(view: dict[str, Any]) -> list[str]:
    notes = [f"{source['name']}: {source['note']}" for source in view["sources"] if source["note"]]
    return [*notes, *([f"{view['notice']['message']} {view['notice']['next_step']}"] if view["notice"] else [])]


def _ago(at: float | None) -> str:
    if at is None:
        return "never here"
    days = int((time.time() - at) // 86_400)
    return "today" if days <= 0 else "yesterday" if days == 1 else f"{days} days ago"


def _safe(text: str) -> str:
    return escape_html.escape(str(text))
