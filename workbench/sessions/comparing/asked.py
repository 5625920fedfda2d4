"""What a front end asks of a comparison, done. It knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

import msgspec

from workbench.commands import (
    Ack,
    AddModels,
    AddPrompts,
    BeginVote,
    CastVote,
    ComparisonCommand,
    DiffCells,
    ExportCells,
    Hello,
    OpenCell,
    RateCell,
    ReadCopy,
    RemoveColumn,
    RemoveRow,
    RerunCells,
    StopCells,
    UndoVote,
)
from workbench.errors import UsageError, describe
from workbench.sessions.comparing.values import CellKey

if TYPE_CHECKING:
    from workbench.sessions.comparing.comparison import Comparison


def perform(made: Comparison, command: ComparisonCommand) -> Ack:
    """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
    try:
        data = _do(made, command)
    except Exception as error:
        return Ack(id=command.id, ok=False, error=describe(error))
    return Ack(id=command.id, ok=True, data=data)


def _do(made: Comparison, command: ComparisonCommand) -> Any:
    """Do it; gives the data of the answer."""
    match command:
        case Hello():
            pass
        case StopCells():
            made.stop(command.row, command.column, None if command.cell is None else _key(command.cell))
        case RerunCells():
            cells = None if command.cells is None else [_key(cell) for cell in command.cells]
            made.rerun(cells=cells, column=command.column, strict=command.strict)
        case OpenCell():
            return msgspec.to_builtins(made.cell(*_key(command.cell)))
        case RateCell():
            made.rate(_key(command.cell), command.rating)
        case AddPrompts():
            made.add_prompts(command.prompts)
        case AddModels():
            for model in command.models:
                made.add_model(model)
        case RemoveRow():
            made.remove_prompt(command.row)
        case RemoveColumn():
            made.remove_model(command.column)
        case DiffCells():
            return made.diff(_key(command.first), _key(command.second))._asdict()
        case BeginVote():
            made.begin_vote()
        case CastVote():
            made.cast_vote(command.choice)
        case UndoVote():
            made.undo_vote()
        case ExportCells():
            return made.exported(command.format, rows=command.rows, columns=command.columns)
        case ReadCopy():
            return {"html": made.html(), "text": repr(made)}
        case _:
            assert_never(command)


def _key(cell: str) -> CellKey:
    """A cell's key from its id in a view."""
    try:
        row, column, sample = cell.split(":")
        return CellKey(row, column, int(sample))
    except ValueError:
        raise UsageError(f"{cell!r} is no cell.") from None
