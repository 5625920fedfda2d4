"""`compare`: makes a comparison of what a person gives, or goes on with the one of that name. Knows no run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import msgspec

from workbench.errors import UsageError
from workbench.messages import new_id
from workbench.model import ModelInfo
from workbench.sessions.comparing import grid
from workbench.sessions.comparing.checks import check_executor, check_leave, checked_size, listed, priced, resolved
from workbench.sessions.comparing.comparison import Comparison
from workbench.sessions.comparing.grid import Options, Prompts
from workbench.sessions.comparing.receipts import versions
from workbench.sessions.comparing.record import ColumnLine, Dropped, Head, Line, Record, RowLine
from workbench.sessions.comparing.scorer import ScoreFunction, named
from workbench.sessions.comparing.values import Column, Row

if TYPE_CHECKING:
    from workbench.services.registry import Services

_open: WeakValueDictionary[str, Comparison] = WeakValueDictionary()
"""Those with a name that are open in this process."""


def compare(
    prompts: Prompts,
    models: str | ModelInfo | Sequence[str | ModelInfo],
    *,
    options: Options | Iterable[Options] | None = None,
    systems: str | Iterable[str | None] | None = None,
    samples: int = 1,
    template: str | None = None,
    scorers: ScoreFunction | Iterable[ScoreFunction] = (),
    prices: Mapping[str, Sequence[float]] | None = None,
    strict: bool = False,
    executor: Executor | None = None,
    name: str | None = None,
    force: bool = False,
    confirm: bool = False,
    replay: str | Path | None = None,
    services: Services | None = None,
) -> Comparison:
    """Ask several models the same, side by side; returns the `Comparison` at once, its cells fill in the background.

        wb.compare(["What is a token?", "Why is the sky blue?"], ["builtin", "ollama:llama3.2"])
        wb.compare(frame, models, template="Translate: {text}", scorers=[wb.scorers.exact()])
        wb.compare(prompts, models, options=[{"temperature": 0}, {"temperature": 1}], samples=3, name="heat")

    `prompts` are strings, conversations (sequences of `Message`, or chats), or the rows of a pandas frame or a list of
    dicts, whose values fill ``{name}`` in the `template`. The columns are `models` x `options` (`GenerationOptions` or
    dicts of them) x `systems` (system prompts, in the place of those in the prompts); each cell is answered `samples`
    times, a seed counting up. `scorers` are functions of a row and a reply. `prices` are US dollars a million tokens
    by model id: prompt, completion, and cached prompt if that differs.
    Cells of one local model run together, models one after another; those of servers meanwhile, four at once each, or
    as many as a server bears. `strict` runs all one by one instead, for fair times. With an `executor` (of
    `concurrent.futures`, or Dask's ``client.get_executor()``) its workers ask the servers and run the scorers; keys of
    the servers go with the tasks. With a `name` it is kept under that: the same name goes on where it was, also after
    a killed kernel, and asks only what is new; without one it is kept for 30 days, the newest 50 longer. `force` loads
    models that do not fit this machine. More than 2,000 cells need `confirm`. With `replay`, a file that
    `Comparison.save` wrote, no model is asked.
    Raises at once: `UsageError` (a variable of the template is missing: the row and the name are said; the name is no
    name), `EmptyPromptError`, `OptionError`, `ModelNotFoundError`, `ConsentNeededError` (prompts would leave this
    machine, and nobody has allowed that), `StateError` (another process has that name open). What goes wrong later is
    in the cells.
    """
    if services is None:
        from workbench.services.registry import default

        services = default()
    if not isinstance(samples, int) or samples < 1:
        raise UsageError(f"samples must be a whole number of at least 1, not {samples!r}.")
    named(scorers)
    check_executor(executor)
    asked, costs = listed(models), priced(prices)
    rows = grid.rows(prompts, template)
    if replay is not None:
        record = Record.read(replay)
        columns = grid.columns([m.id if isinstance(m, ModelInfo) else m for m in asked], options, systems)
        record.show(rows, columns, samples)
        return Comparison(record, services=services, scorers=scorers, replayed=True)
    record = _record(name, samples)
    try:
        found = resolved(services, asked, known={column.model for column in record.columns.values()})
        costs |= {id: costs[m] for m, id in zip(asked, found, strict=True) if isinstance(m, str) and m in costs}
        columns = grid.columns(found, options, systems)
        checked_size(len(rows) * len(columns) * samples, confirm)
        check_leave(services, found)
        record.add(*_changes(record, rows, columns, samples))
        made = Comparison(
            record,
            services=services,
            scorers=scorers,
            prices=costs,
            strict=strict,
            executor=executor,
            force=force,
        )
    except BaseException:
        record.close()
        raise
    if name is not None:
        _open[name] = made
    made.resume()
    return made


def _record(name: str | None, samples: int) -> Record:
    """The record of that name, or a new one; one that this process has open is closed first."""
    if name is not None:
        if (before := _open.pop(name, None)) is not None:
            before.close()
        if (known := Record.take_up(name)) is not None:
            return known
    head = Head(id=new_id(), name=name, workbench=versions(None)["workbench"], created=time.time(), samples=samples)
    return Record.begin(head)


def _changes(record: Record, rows: list[Row], columns: list[Column], samples: int) -> list[Line]:
    """The lines that make a record's grid this one. Rows and columns are the same by their ids, made of content."""
    lines: list[Line] = []
    if record.head.samples != samples:
        lines.append(msgspec.structs.replace(record.head, samples=samples))
    there = {row.id for row in rows} | {column.id for column in columns}
    lines += [Dropped(id=gone) for gone in (*record.rows, *record.columns) if gone not in there]
    lines += [RowLine(row=row) for row in rows if not _same(record.rows.get(row.id), row)]
    lines += [ColumnLine(column=c) for c in columns if record.columns.get(c.id) != c]
    return lines


def _same(before: Row | None, now: Row) -> bool:
    """Whether a row is where it was; its messages are the same, but for their own ids."""
    return before is not None and before.index == now.index
