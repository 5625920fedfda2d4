"""A comparison's rows, columns and cells as a screen draws them: JSON-ready values. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from workbench.events import Notice
from workbench.sessions.answer import Answer
from workbench.sessions.comparing.grid import in_words
from workbench.sessions.comparing.values import Cell, CellKey, Column, Progress, Row
from workbench.sessions.comparing.vote import Vote

SHOWN = 2000
"""Characters of a prompt, or of a finished cell's text, that a view holds."""


def row(row: Row) -> dict[str, Any]:
    """A row; `before` is the number of messages that stand before its prompt."""
    return {
        "id": row.id,
        "index": row.index,
        "prompt": row.prompt[:SHOWN],
        "before": len(row.messages) - 1,
        "variables": row.variables,
    }


def column(column: Column) -> dict[str, Any]:
    """A column; `words` are its options in a line."""
    return {
        "id": column.id,
        "index": column.index,
        "model": column.model,
        "title": column.title,
        "options": column.options.given(),
        "words": in_words(column.options),
        "system": column.system,
    }


def progress(progress: Progress, failed: int, *, running: bool) -> dict[str, Any]:
    """How far it is."""
    return {**progress._asdict(), "failed": failed, "running": running}


def waiting(key: CellKey) -> dict[str, Any]:
    """A cell that waits; the fields of the others lie over it."""
    return {
        "id": str(key),
        "row": key.row,
        "column": key.column,
        "sample": key.sample,
        "status": "waiting",
        "text": "",
        "reasoning": "",
        "cut": False,
        "error": None,
        "usage": {},
        "metrics": {},
        "finish": None,
        "notes": [],
        "cost": None,
        "scores": {},
        "score_errors": {},
        "rating": None,
        "batched": False,
    }


def live(key: CellKey, answer: Answer, *, batched: bool) -> dict[str, Any]:
    """A cell that is being answered: the view of its answer, and what cells have beside."""
    return {**waiting(key), **answer.view(), "batched": batched}


def ended(cell: Cell) -> dict[str, Any]:
    """A cell that has ended; a long text is cut (`cut` says so): the whole one is asked for."""
    return {
        **waiting(cell.key),
        "status": cell.status,
        "text": cell.text[:SHOWN],
        "reasoning": cell.reasoning[:SHOWN],
        "cut": len(cell.text) > SHOWN or len(cell.reasoning) > SHOWN,
        "error": msgspec.to_builtins(cell.error),
        "usage": msgspec.to_builtins(cell.usage),
        "metrics": msgspec.to_builtins(cell.metrics),
        "finish": cell.finish,
        "notes": [note(each) for each in cell.notes],
        "cost": cell.cost,
        "scores": cell.scores,
        "score_errors": cell.score_errors,
        "rating": cell.rating,
        "batched": cell.batched,
    }


def vote(vote: Vote, texts: list[str]) -> dict[str, Any]:
    """A blind vote: the answers to choose from now, without their names, and the counts so far."""
    ballot = vote.ballot
    return {
        "done": len(vote.choices),
        "total": len(vote.ballots),
        "counted": sum(choice != "skip" for choice in vote.choices),
        "ballot": None if ballot is None else {"row": ballot.row, "texts": texts},
        "counts": [msgspec.structs.asdict(count) for count in vote.counts()],
    }


def note(note: Notice) -> dict[str, Any]:
    """A notice."""
    return {"code": note.code, "message": note.message, "model": note.model}
