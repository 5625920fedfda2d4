"""The bridge of the picker on its own: which bundle draws it and what it takes. It knows no model."""

from __future__ import annotations

from workbench import display
from workbench.commands import PickerCommand
from workbench.widgets.bridge import Op, SessionWidget, bundle


class ModelPickerWidget(SessionWidget):
    """Draws a `ModelPicker`: one row, and the list below it. Displaying it makes the widget.

    picker = wb.picker()
    picker                      # the widget
    picker.model                # what was chosen
    """

    _esm = bundle("model_picker.js")
    _css = bundle("model_picker.css")
    _command = PickerCommand

    def _changed(self, op: Op) -> None:
        super()._changed(op)
        if "model" in op[1] and op[1]["model"] and op[1]["model"]["status"] != "loading":
            display.refresh_copy(self._session)
