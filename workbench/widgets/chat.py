"""The chat's bridge to the browser: commands come in, numbered batches of changes go out. It owns no truth."""

from __future__ import annotations

import pathlib
import threading
import time
from typing import Any

import anywidget
import msgspec
import traitlets

from workbench import display
from workbench.commands import Ack, Command, Hello
from workbench.errors import StateError, UsageError
from workbench.sessions.answer import Op
from workbench.sessions.chat import Chat

BATCH_S = 0.033
"""Least time between two batches: Jupyter Server drops comm messages above 1,000 a second."""


def bundle(name: str) -> pathlib.Path:
    """A built file of the front end. Raises `StateError` when it was not built."""
    path = pathlib.Path(__file__).parent / "static" / name
    if not path.is_file():
        raise StateError(
            f"The front end is not built: workbench/widgets/static/{name} is missing.",
            next_step="Run `npm ci && npm run build` in workbench/widgets, or install the package again.",
        )
    return path


class ChatWidget(anywidget.AnyWidget):
    """Draws a `Chat`. Displaying the chat makes it; one serves all views.

    chat = wb.chat()
    chat                  # the widget
    chat.send("Hello")    # the same transcript
    """

    _esm = bundle("chat.js")
    _css = bundle("chat.css")

    chat_id = traitlets.Unicode().tag(sync=True)

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._wake = threading.Condition()
        self._pending: list[Op] = []
        self._seq = 0
        self._sent = 0.0
        self._seen = False
        self._closed = False
        self._flusher: threading.Thread | None = None
        self._unobserve = chat.observe(self._changed)
        super().__init__(chat_id=chat.id)
        # ipykernel sends a front end's message to the shell that last sent on this comm: Stop would wait for the
        # cell that is running. Keep JupyterLab's choice, the comm's own subshell.
        comm = self.comm
        if hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda data, default: default
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"<ChatWidget of {self._chat!r}>"

    @property
    def seen(self) -> bool:
        """Whether a front end ever drew it."""
        return self._seen

    def close(self) -> None:
        """End the bridge; the chat goes on."""
        self._unobserve()
        with self._wake:
            self._closed = True
            self._wake.notify()
        super().close()

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Answer one command. Runs on a thread that all widgets share: it starts work, and never waits for it."""
        try:
            command: Command = msgspec.convert(content, Command)
        except msgspec.ValidationError as error:
            number = content.get("id") if isinstance(content, dict) else None
            wrong = UsageError(f"The front end sent something that is not a command: {error}.").info
            self.send(msgspec.to_builtins(Ack(id=number if isinstance(number, int) else 0, ok=False, error=wrong)))
            return
        self.send(msgspec.to_builtins(self._chat.perform(command)))
        if isinstance(command, Hello):
            self._snapshot()

    def _snapshot(self) -> None:
        with self._chat.lock, self._wake:  # the order in which a change takes them
            self._seen = True
            self._pending.clear()  # the state has them already
            self.send({"kind": "snap", "seq": self._seq, "state": self._chat.view()})

    def _changed(self, op: Op) -> None:
        """Take one change; called under the chat's lock."""
        with self._wake:
            if self._seen:
                self._pending.append(op)
                if len(self._pending) == 1:
                    self._start()
                    self._wake.notify()
        if not self._seen and op[0] == "state" and op[1].get("run", "") is None:
            display.refresh_copy(self._chat)

    def _start(self) -> None:
        if self._flusher is None:
            self._flusher = threading.Thread(target=self._flush, name=f"bridge-{self._chat.id}", daemon=True)
            self._flusher.start()

    def _flush(self) -> None:
        """Send what has gathered, one batch every 33 ms; sleeps while there is nothing."""
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._pending or self._closed)
                due = self._sent + BATCH_S - time.monotonic()
            if due > 0:
                time.sleep(due)
            with self._wake:
                if self._closed:
                    return
                if self._pending:
                    self._seq += 1
                    ops, self._pending = merged(self._pending), []
                    self._sent = time.monotonic()
                    self.send({"kind": "delta", "seq": self._seq, "t": time.time(), "ops": ops})


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
