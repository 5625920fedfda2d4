"""Runs a function on a thread of its own, with a time limit and a size limit. It knows no chat and no model.

A thread cannot be ended from outside: a function whose time is up goes on in the background, and nobody hears it.
"""

from __future__ import annotations

import contextvars
import inspect
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from workbench.messages import CallEnd
from workbench.sessions.tools.result import cut, text_of

FRAMES = 3
"""Innermost lines of a traceback that a model is sent."""


class Outcome(NamedTuple):
    """How a call ended."""

    status: CallEnd
    text: str
    """What the model is sent."""
    value: Any = None
    """What the function gave back, whole; its exception, if it raised."""
    seconds: float | None = None


class Running:
    """A call that goes on. `done` is called on its thread when it ends; `outcome` is ``None`` until then."""

    def __init__(
        self,
        name: str,
        call: Callable[[], Any],
        context: contextvars.Context,
        done: Callable[[], None],
    ) -> None:
        self.outcome: Outcome | None = None
        self.began = time.monotonic()
        self._call = call
        self._done = done
        context = context.copy()  # each call one of its own: none can be entered twice
        threading.Thread(target=context.run, args=(self._run,), name=f"tool-{name}", daemon=True).start()

    @property
    def seconds(self) -> float:
        """How long it has been going."""
        return round(time.monotonic() - self.began, 3)

    def late(self, limit: float) -> Outcome:
        """How a call ended whose time is up."""
        return Outcome("timeout", f"No result after {limit:g} s: the function was given up.", seconds=self.seconds)

    def _run(self) -> None:
        try:
            value = self._call()
            if inspect.iscoroutine(value):
                import asyncio

                value = asyncio.run(value)
            self.outcome = Outcome("done", cut(text_of(value)), value, self.seconds)
        except BaseException as error:  # whatever it raises, SystemExit too, is its result
            self.outcome = Outcome("failed", cut(text_of(_told(error))), error, self.seconds)
        self._done()


def _told(error: BaseException) -> str:
    """An exception and the innermost lines that led to it, without this folder's own; of files only the names."""
    own = Path(__file__).parent
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent != own][-FRAMES:]
    where = "".join(
        f"\n  {Path(f.filename).name}, line {f.lineno}, in {f.name}: {f.line or ''}".rstrip() for f in frames
    )
    try:
        words = str(error)
    except Exception:  # an exception whose words fail
        words = "it has no words"
    name = type(error).__name__
    return f"{name}: {words}{where}" if words else f"{name}{where}"
