"""The library's bridge: which bundle draws it and what it takes. It knows no file."""

from __future__ import annotations

from workbench.commands import LibraryCommand
from workbench.widgets.bridge import SessionWidget, bundle


class LibraryWidget(SessionWidget):
    """Draws a `Library`: storage, models, what can be done with them. Displaying it makes the widget.

    lib = wb.library()
    lib                                    # the widget
    lib.verify("builtin")                  # the same row says so
    """

    _esm = bundle("library.js")
    _css = bundle("library.css")
    _command = LibraryCommand
