"""The chat's widget: the bridge with a chat's own changes, and the copy that is saved with the notebook."""

from __future__ import annotations

from workbench import display
from workbench.commands import Command
from workbench.sessions.answer import Op
from workbench.sessions.chat import Chat
from workbench.widgets.bridge import SessionWidget, bundle


class ChatWidget(SessionWidget):
    """Draws a `Chat`. Displaying the chat makes it; one serves all views.

    chat = wb.chat()
    chat                  # the widget
    chat.send("Hello")    # the same transcript
    """

    _esm = bundle("chat.js")
    _css = bundle("chat.css")
    _command = Command
    _session: Chat

    def __init__(self, chat: Chat) -> None:
        super().__init__(chat)

    def _merged(self, ops: list[Op]) -> list[Op]:
        return merged(ops)

    def _unseen(self, op: Op) -> None:
        """Write the saved copy at the end of each turn: no front end does it."""
        if op[0] == "state" and op[1].get("run", "") is None:
            display.refresh_copy(self._session)


def merged(ops: list[Op]) -> list[Op]:
    """The same changes in fewer operations: neighbours of one kind and message become one."""
    out: list[Op] = []
    pieces: list[str] = []
    for op in ops:
        last = out[-1] if out else None
        kind = op[0]
        if last is not None and last[0] == kind:
            if kind in ("text", "reasoning") and last[1] == op[1]:
                pieces.append(op[2])
                continue
            if kind == "patch" and last[1] == op[1]:
                last[2] = {**last[2], **op[2]}
                continue
            if kind == "state":
                last[1] = {**last[1], **op[1]}
                continue
        _join(out, pieces)
        out.append(list(op))
        if kind in ("text", "reasoning"):
            pieces.append(op[2])
    _join(out, pieces)
    return out


def _join(out: list[Op], pieces: list[str]) -> None:
    if pieces:
        out[-1][2] = "".join(pieces)
        pieces.clear()
