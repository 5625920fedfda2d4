"""The bridge of a session to the browser: commands come in, numbered batches of changes go out. It owns no truth.

    front end                                     kernel
    {"kind": "hello", "id": 1}          ->        Session.perform(command) -> Ack
                                        <-        {"kind": "ack", "id": 1, "ok": true, "error": null, "data": null}
                                        <-        {"kind": "snap", "seq": 7, "state": Session.view()}
    {"kind": "pause_download", ...}     ->        the same, without a snapshot
                                        <-        {"kind": "delta", "seq": 8, "t": 1.5e9, "ops": [op, ...]}

A change is an operation on the view, a list:

    ["state", {"field": value, ...}]    these fields have these values now
    ["row", {"id": ..., ...}]           this row of `view["rows"]`, whole; a new id goes to the end
    ["drop", id]                        that row is gone

Other sessions may have words of their own, as a chat has.
"""

from __future__ import annotations

import pathlib
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import anywidget
import msgspec
import traitlets

from workbench.commands import Ack, Hello
from workbench.errors import StateError, UsageError

BATCH_S = 0.033
"""Least time between two batches: Jupyter Server drops comm messages above 1,000 a second."""

Op = list[Any]
"""One change of a session's view, as it travels."""


class Session(Protocol):
    """What a notebook holds, as its bridge sees it."""

    id: str

    @property
    def lock(self) -> threading.RLock:
        """Held while the session changes and tells of it."""

    def view(self) -> dict[str, Any]:
        """The whole state, as JSON-ready values."""

    def observe(self, observer: Callable[[Op], None], /) -> Callable[[], None]:
        """Tell of every change, under `lock`, on any thread; returns what ends it."""

    def perform(self, command: Any, /) -> Ack:
        """Do what a front end asks: answers at once, never raises."""


def bundle(name: str) -> pathlib.Path:
    """A built file of the front end. Raises `StateError` when it was not built."""
    path = pathlib.Path(__file__).parent / "static" / name
    if not path.is_file():
        raise StateError(
            f"The front end is not built: workbench/widgets/static/{name} is missing.",
            next_step="Run `npm ci && npm run build` in workbench/widgets, or install the package again.",
        )
    return path


class SessionWidget(anywidget.AnyWidget):
    """Draws a session. Displaying the session makes it; one serves all views.

    class LibraryWidget(SessionWidget):
        _esm = bundle("library.js")
        _css = bundle("library.css")
        _command = LibraryCommand
    """

    _command: ClassVar[Any]
    """The union of commands that the session takes."""

    session_id = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session) -> None:
        self._session = session
        self._wake = threading.Condition()
        self._pending: list[Op] = []
        self._seq = 0
        self._sent = 0.0
        self._seen = False
        self._closed = False
        self._flusher: threading.Thread | None = None
        self._unobserve = session.observe(self._changed)
        super().__init__(session_id=session.id)
        # ipykernel sends a front end's message to the shell that last sent on this comm: Stop would wait for the
        # cell that is running. Keep JupyterLab's choice, the comm's own subshell.
        comm = self.comm
        if hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda data, default: default
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._session!r}>"

    @property
    def seen(self) -> bool:
        """Whether a front end ever drew it."""
        return self._seen

    def close(self) -> None:
        """End the bridge; the session goes on."""
        self._unobserve()
        with self._wake:
            self._closed = True
            self._wake.notify()
        super().close()

    def _merged(self, ops: list[Op]) -> list[Op]:
        """The same changes in fewer operations."""
        return merged(ops)

    def _unseen(self, op: Op) -> None:
        """A change that no front end is there to see; called under the session's lock."""

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Answer one command. Runs on a thread that all widgets share: it starts work, and never waits for it."""
        try:
            command = msgspec.convert(content, self._command)
        except msgspec.ValidationError as error:
            number = content.get("id") if isinstance(content, dict) else None
            wrong = UsageError(f"The front end sent something that is not a command: {error}.").info
            self.send(msgspec.to_builtins(Ack(id=number if isinstance(number, int) else 0, ok=False, error=wrong)))
            return
        self.send(msgspec.to_builtins(self._session.perform(command)))
        if isinstance(command, Hello):
            self._snapshot()

    def _snapshot(self) -> None:
        with self._session.lock, self._wake:  # the order in which a change takes them
            self._seen = True
            self._pending.clear()  # the state has them already
            self.send({"kind": "snap", "seq": self._seq, "state": self._session.view()})

    def _changed(self, op: Op) -> None:
        """Take one change; called under the session's lock."""
        with self._wake:
            if self._seen:
                self._pending.append(op)
                if len(self._pending) == 1:
                    self._start()
                    self._wake.notify()
        if not self._seen:
            self._unseen(op)

    def _start(self) -> None:
        if self._flusher is None:
            self._flusher = threading.Thread(target=self._flush, name=f"bridge-{self._session.id}", daemon=True)
            self._flusher.start()

    def _flush(self) -> None:
        """Send what has gathered, one batch every 33 ms; sleeps while there is nothing."""
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._pending or self._closed)
                due = self._sent + BATCH_S - time.monotonic()
            if due > 0:
                time.sleep(due)
            with self._session.lock, self._wake:  # a change that is being made is told whole
                if self._closed:
                    return
                if self._pending:
                    self._seq += 1
                    ops, self._pending = self._merged(self._pending), []
                    self._sent = time.monotonic()
                    self.send({"kind": "delta", "seq": self._seq, "t": time.time(), "ops": ops})


def merged(ops: list[Op]) -> list[Op]:
    """The same changes of fields and rows in fewer operations: of one field or row the last value counts.

    State and rows are independent of each other, unless the state brings all rows anew.
    """
    out: list[Op] = []
    places: dict[tuple[str, str], int] = {}
    for op in ops:
        kind, value = op
        if kind == "state" and "rows" in value:
            places.clear()
        key = (kind, value["id"] if kind == "row" else "")
        if kind == "drop":
            places.pop(("row", value), None)
        elif key in places:
            before = out[places[key]]
            before[1] = value if kind == "row" else {**before[1], **value}
            continue
        places[key] = len(out)
        out.append(list(op))
    return out
