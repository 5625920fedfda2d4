"""The downloads panel's bridge: which bundle draws it and what it takes. It knows no file and no hub."""

from __future__ import annotations

import traitlets

from workbench import display
from workbench.commands import DownloadsCommand
from workbench.widgets.bridge import Op, SessionWidget, bundle

RESTS = ("paused", "done", "failed", "cancelled")
"""Where a download stays for a while: the copy in the notebook is written anew."""


class DownloadsWidget(SessionWidget):
    """Draws a `Downloads`: the sum of all, and a row each. Displaying it makes the widget.

    wb.downloads()
    """

    _esm = bundle("downloads.js")
    _css = bundle("downloads.css")
    _command = DownloadsCommand

    single = traitlets.Bool(False).tag(sync=True)
    """Whether it is the one download of a cell."""

    def _changed(self, op: Op) -> None:
        super()._changed(op)
        if op[0] == "row" and op[1]["status"] in RESTS:
            display.refresh_copy(self._session)


class DownloadWidget(DownloadsWidget):
    """Draws a `Download`: its row, with its files open.

    wb.download("mlx-community/Qwen3-4B-4bit")
    """

    single = traitlets.Bool(True).tag(sync=True)
