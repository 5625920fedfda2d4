"""The bridge of chats side by side: which bundle draws them, how their changes become fewer. It knows no run."""

from __future__ import annotations

from workbench import display
from workbench.commands import PanesCommand
from workbench.sessions.answer import Op
from workbench.sessions.panes import Panes
from workbench.widgets import bridge, chat
from workbench.widgets.bridge import SessionWidget, bundle


class PanesWidget(SessionWidget):
    """Draws `Panes`: the chats, and one composer. Displaying them makes it; one serves all views.

    panes = wb.panes(["builtin", "ollama:llama3.2"])
    panes                   # the widget
    panes.send("Hello")     # the same transcripts
    """

    _esm = bundle("panes.js")
    _css = bundle("panes.css")
    _command = PanesCommand
    _session: Panes

    def __init__(self, panes: Panes) -> None:
        super().__init__(panes)

    def _merged(self, ops: list[Op]) -> list[Op]:
        return merged(ops)

    def _unseen(self, op: Op) -> None:
        """Write the saved copy once all have answered: no front end does it."""
        if op[0] == "pane" and op[2][0] == "state" and op[2][1].get("run", "") is None and not self._session.busy:
            display.refresh_copy(self._session)


def merged(ops: list[Op]) -> list[Op]:
    """The same changes in fewer operations: those of each chat as a chat's are, of the names the last.

    The chats are independent of each other, until one comes or goes.
    """
    out: list[Op] = []
    panes: dict[str, list[Op]] = {}
    others: list[Op] = []

    def flush() -> None:
        out.extend(bridge.merged(others))
        out.extend(["pane", pane, op] for pane, gathered in panes.items() for op in chat.merged(gathered))
        panes.clear()
        others.clear()

    for op in ops:
        if op[0] == "pane":
            panes.setdefault(op[1], []).append(op[2])
            continue
        if op[0] != "state":
            flush()
        others.append(op)
    flush()
    return out
