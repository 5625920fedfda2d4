"""The settings' bridge: which bundle draws them and what they take. It knows no file and no server."""

from __future__ import annotations

from workbench.commands import SettingsCommand
from workbench.widgets.bridge import SessionWidget, bundle


class SettingsWidget(SessionWidget):
    """Draws a `SettingsSession`: servers, who answers, memory, presets, privacy. Displaying it makes the widget.

    wb.settings()
    """

    _esm = bundle("settings.js")
    _css = bundle("settings.css")
    _command = SettingsCommand
