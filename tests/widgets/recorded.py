"""A real bridge whose messages are kept instead of going to a kernel's socket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any


class Recording:
    """Mix it into a widget, first: `sent` holds every message as the front end would get it."""

    sent: list[dict[str, Any]]

    def __init__(self, session: Any) -> None:
        self.sent = []
        super().__init__(session)  # type: ignore[call-arg]  # the widget it is mixed into

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append(json.loads(json.dumps(content)))

    def ask(self, **content: Any) -> dict[str, Any]:
        """As if the front end had sent it; returns the answer."""
        self._handle_custom_msg(content, [])  # type: ignore[attr-defined]
        return next(m for m in reversed(self.sent) if m["kind"] == "ack")

    @property
    def shown(self) -> dict[str, Any]:
        """The view as a front end has it: the last snapshot with the changes after it."""
        sent = list(self.sent)
        at = max(i for i, message in enumerate(sent) if message["kind"] == "snap")
        view = dict(sent[at]["state"])
        rows = {row["id"]: row for row in view["rows"]}
        for message in sent[at + 1 :]:
            for kind, value in message.get("ops", []):
                if kind == "row":
                    rows[value["id"]] = value
                elif kind == "drop":
                    rows.pop(value)
                else:
                    view |= value
        return {**view, "rows": list(rows.values())}


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition; fails when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
