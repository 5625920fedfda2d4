"""The history's bridge: which bundle draws it and what it takes. It knows no database."""

from __future__ import annotations

from workbench.commands import HistoryCommand
from workbench.widgets.bridge import SessionWidget, bundle


class HistoryWidget(SessionWidget):
    """Draws a `HistorySession`: search, chats, tags, export, deletion. Displaying it makes the widget.

    wb.history()
    """

    _esm = bundle("history.js")
    _css = bundle("history.css")
    _command = HistoryCommand
