"""The comparison's bridge: which bundle draws it, what it takes, how its changes become fewer. It knows no run."""

from __future__ import annotations

from workbench import display
from workbench.commands import ComparisonCommand
from workbench.sessions.answer import Op
from workbench.widgets.bridge import SessionWidget, bundle


class CompareWidget(SessionWidget):
    """Draws a `Comparison`. Displaying the comparison makes it; one serves all views.

    cmp = wb.compare(["What is a token?"], ["builtin", "ollama:llama3.2"])
    cmp                           # the grid, filling
    cmp.cell(0, "builtin").text   # the same answer
    """

    _esm = bundle("compare.js")
    _css = bundle("compare.css")
    _command = ComparisonCommand

    def _merged(self, ops: list[Op]) -> list[Op]:
        return merged(ops)

    def _unseen(self, op: Op) -> None:
        """Write the saved copy once all has ended: no front end does it."""
        if op[0] == "state" and not op[1].get("progress", {"running": True})["running"]:
            display.refresh_copy(self._session)


def merged(ops: list[Op]) -> list[Op]:
    """The same changes in fewer operations: pieces of one cell are joined, of a field of the state the last counts.

    Cells are independent of each other and of the state, so each keeps only the order of its own changes.
    """
    out: list[Op] = []
    newest: dict[str, Op] = {}
    """Of each cell and of the state, what changed last."""
    for op in ops:
        kind = op[0]
        if kind in ("row", "drop"):
            out.append(op)
            continue
        of = "" if kind == "state" else op[1]["id"] if kind == "cell" else op[1]
        before = newest.get(of)
        if before is not None and before[0] == kind != "cell":
            more = op[-1]
            before[-1] = before[-1] + more if isinstance(more, str) else {**before[-1], **more}
        else:
            newest[of] = list(op)
            out.append(newest[of])
    return out
