"""The one hook by which a session shows its widget: looked up by name, so that sessions import no widget."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.sessions.reply import Reply

WIDGETS = {
    "Browser": "workbench.widgets.browser:BrowserWidget",
    "Chat": "workbench.widgets.chat:ChatWidget",
    "Comparison": "workbench.widgets.compare:CompareWidget",
    "Download": "workbench.widgets.downloads:DownloadWidget",
    "Downloads": "workbench.widgets.downloads:DownloadsWidget",
    "HistorySession": "workbench.widgets.history:HistoryWidget",
    "Library": "workbench.widgets.library:LibraryWidget",
    "ModelPicker": "workbench.widgets.model_picker:ModelPickerWidget",
    "Panes": "workbench.widgets.panes:PanesWidget",
    "SettingsSession": "workbench.widgets.settings:SettingsWidget",
}
"""Widget of each session class: module and name."""

STREAM_EVERY_S = 0.1


def widget(session: Any) -> Any:
    """The one widget of a session, made on first use: all views of it share its state."""
    shown = getattr(session, "_widget", None)
    if shown is None or shown.comm is None:
        name = next(WIDGETS[cls.__name__] for cls in type(session).__mro__ if cls.__name__ in WIDGETS)
        module, _, attribute = name.partition(":")
        shown = session._widget = getattr(importlib.import_module(module), attribute)(session)
    return shown


def mimebundle(session: Any) -> dict[str, Any]:
    """What a session's widget puts into an output, by MIME type."""
    data: dict[str, Any] = widget(session)._repr_mimebundle_()[0]
    return data


def show(session: Any) -> None:
    """Display a session: its widget, and an output of its own for the copy that is saved with the notebook.

    Where there is no notebook, its text.
    """
    if not in_notebook():
        print(repr(session))
        return
    ipython = _ipython()
    ipython.display(mimebundle(session), raw=True)
    ipython.display(_copy(session), raw=True, display_id=_copy_id(session))


def refresh_copy(session: Any) -> None:
    """Write the saved copy anew, from the kernel: for notebooks that no front end looks at."""
    if in_notebook():
        _ipython().update_display(_copy(session), raw=True, display_id=_copy_id(session))


def stream(reply: Reply) -> None:
    """Display an answer while it is written; returns at its end. An interrupt cancels the run, and is raised."""
    if not in_notebook():
        for piece in reply:
            print(piece, end="", flush=True)
        print()
        return
    handle = _ipython().display(reply._repr_mimebundle_(), raw=True, display_id=True)
    shown = reply.partial
    try:
        while not reply.wait(STREAM_EVERY_S):
            if reply.partial != shown:
                shown = reply.partial
                handle.update(reply._repr_mimebundle_(), raw=True)
    finally:
        handle.update(reply._repr_mimebundle_(), raw=True)


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def cell_number() -> int | None:
    """Number of the cell that IPython runs now; ``None`` outside of it."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return getattr(get_ipython(), "execution_count", None)


def _ipython() -> Any:
    return importlib.import_module("IPython.display")


def _copy(session: Any) -> dict[str, str]:
    return {"text/html": session.html(), "text/plain": repr(session)}


def _copy_id(session: Any) -> str:
    return f"wb-{session.id}"
