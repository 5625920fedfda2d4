"""Downloads as rows, text and plain HTML: what a screen draws and a notebook saves. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from workbench.transfer import Progress

RUNNING = ("starting", "downloading", "verifying")
_WORDS = {
    "queued": "waiting",
    "starting": "asking the hub",
    "downloading": "downloading",
    "verifying": "verifying",
    "paused": "paused",
    "done": "done and verified",
    "failed": "failed",
    "cancelled": "cancelled",
}
_BAR = 20


def row(progress: Progress, format: str | None, quantization: str | None) -> dict[str, Any]:
    """One download as JSON-ready values."""
    repo = progress.model.partition(":")[0].partition("@")[0]
    author, _, name = repo.rpartition("/")
    return {
        "id": progress.id,
        "model": progress.model,
        "name": f"{name}, {quantization}" if quantization else name,
        "author": author or None,
        "format": format,
        "status": progress.status,
        "done": progress.done,
        "total": progress.total,
        "kept": progress.kept,
        "percent": progress.percent,
        "speed": progress.speed,
        "seconds_left": progress.seconds_left,
        "elapsed": progress.elapsed,
        "position": progress.position,
        "shared": progress.shared,
        "note": progress.note,
        "error": msgspec.to_builtins(progress.error),
        "path": progress.path,
        "files": [msgspec.to_builtins(file) for file in progress.files],
    }


def summary(rows: Iterable[dict[str, Any]], free: int | None) -> dict[str, Any]:
    """The totals over rows: of what runs and waits; paused and failed ones count when nothing else is left."""
    rows = list(rows)
    going = [r for r in rows if r["status"] in RUNNING or r["status"] == "queued"]
    counted = [r for r in (going or rows) if r["total"] is not None and r["status"] != "cancelled"]
    done, total = sum(r["done"] for r in counted), sum(r["total"] for r in counted)
    speed = sum(r["speed"] or 0 for r in rows) or None
    left = sum(r["total"] - r["done"] for r in rows if r["total"] is not None and r["status"] not in ("cancelled",))

    def count(*statuses: str) -> int:
        return sum(r["status"] in statuses for r in rows)

    return {
        "total": {
            "done": done,
            "total": total if counted else None,
            "percent": 100 * done / total if total else None,
            "speed": speed,
            "seconds_left": (total - done) / speed if speed else None,
        },
        "counts": {
            "running": count(*RUNNING),
            "waiting": count("queued"),
            "paused": count("paused"),
            "failed": count("failed"),
            "done": count("done"),
        },
        "disk": {"free": free, "after": None if free is None else free - left},
    }


def line(progress: Progress) -> str:
    """One download in a line of text, with a bar."""
    percent = progress.percent
    filled = round(_BAR * (percent or 0) / 100)
    words = [f"{progress.model} [{'#' * filled}{'.' * (_BAR - filled)}]"]
    if percent is not None:
        words.append(f"{percent:.0f} %")
    words.append(_WORDS[progress.status])
    if progress.total is not None and progress.status != "done":
        words.append(f"{size(progress.done)} of {size(progress.total)}")
    elif progress.total is not None:
        words.append(size(progress.total))
    if progress.speed:
        words.append(f"{size(int(progress.speed))}/s")
    if progress.seconds_left is not None:
        words.append(f"{duration(progress.seconds_left)} left")
    words += [text for text in (progress.note, progress.error.message if progress.error else "") if text]
    return f"{words[0]} {', '.join(words[1:])}"


def html_copy(id: str, progresses: Sequence[Progress]) -> str:
    """The static copy for a notebook without a kernel: a line each, every text escaped."""
    lines = "".join(f"<li>{html.escape(line(p))}</li>" for p in progresses)
    body = f"<ul>{lines}</ul>" if lines else "<p>Nothing is being downloaded.</p>"
    return f'<div class="wb-static" data-wb-downloads="{html.escape(id)}">{body}</div>'


def size(count: int) -> str:
    """Bytes for a person: ``"1.9 GB"``."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= one:
            return f"{count / one:.1f} {unit}"
    return f"{count} B"


def duration(seconds: float) -> str:
    """Seconds for a person: ``"1 min 9 s"``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
