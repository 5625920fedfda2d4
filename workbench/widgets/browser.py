"""The model browser's widget: the bridge with the browser's commands."""

from __future__ import annotations

from workbench.commands import BrowserCommand
from workbench.sessions.browser import Browser
from workbench.widgets.bridge import SessionWidget, bundle


class BrowserWidget(SessionWidget):
    """Draws a `Browser`. Displaying the browser makes it; one serves all views.

    b = wb.browse("qwen 4bit")
    b                      # the widget
    b.search("llama 3b")   # the widget follows
    """

    _esm = bundle("browser.js")
    _css = bundle("browser.css")
    _command = BrowserCommand
    _session: Browser

    def __init__(self, browser: Browser) -> None:
        super().__init__(browser)
