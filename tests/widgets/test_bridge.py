from __future__ import annotations

import json
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from workbench.commands import Ack, DownloadsCommand, Hello, PauseDownload
from workbench.errors import StateError
from workbench.widgets import bridge
from workbench.widgets.bridge import Op, SessionWidget, merged


class Table:
    """A session with rows, the smallest there can be."""

    def __init__(self) -> None:
        self.id = "t1"
        self.lock = threading.RLock()
        self.done: list[Any] = []
        self.rows: list[dict[str, Any]] = []
        self._observers: list[Callable[[Op], None]] = []

    def view(self) -> dict[str, Any]:
        with self.lock:
            return {"id": self.id, "rows": [dict(row) for row in self.rows]}

    def observe(self, observer: Callable[[Op], None]) -> Callable[[], None]:
        self._observers.append(observer)
        return self._observers.clear

    def perform(self, command: Any) -> Ack:
        self.done.append(command)
        return Ack(id=command.id, ok=True, data=["here"])

    def put(self, **row: Any) -> None:
        with self.lock:
            self.rows = [each for each in self.rows if each["id"] != row["id"]] + [row]
            for observer in self._observers:
                observer(["row", row])

    def __repr__(self) -> str:
        return f"<Table: {len(self.rows)} rows>"


class Recorded(SessionWidget):
    """The real bridge; what it sends is kept instead of going to a kernel's socket."""

    _esm = "export default {}"
    _command = DownloadsCommand
    _session: Table

    def __init__(self, session: Table) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(session)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append(json.loads(json.dumps(content)))

    def ask(self, content: Any) -> None:
        """As if the front end had sent it."""
        self._handle_custom_msg(content, [])


@pytest.fixture
def widget() -> Iterator[Recorded]:
    made = Recorded(Table())
    yield made
    made.close()


def test_a_command_reaches_the_session_and_its_answer_carries_data(widget: Recorded) -> None:
    widget.ask({"kind": "pause_download", "id": 4, "download": "d1"})
    assert widget._session.done == [PauseDownload(id=4, download="d1")]
    assert widget.sent == [{"kind": "ack", "id": 4, "ok": True, "error": None, "data": ["here"]}]


def test_a_command_of_another_session_is_refused(widget: Recorded) -> None:
    widget.ask({"kind": "send", "id": 5, "text": "Hello"})
    assert widget._session.done == []
    assert (widget.sent[0]["ok"], widget.sent[0]["error"]["kind"]) == (False, "UsageError")


def test_after_hello_come_the_state_and_then_what_changes(widget: Recorded) -> None:
    widget._session.put(id="a", percent=1)
    assert widget.sent == []
    widget.ask({"kind": "hello", "id": 1})
    assert widget._session.done == [Hello(id=1)]
    assert widget.sent[1] == {"kind": "snap", "seq": 0, "state": {"id": "t1", "rows": [{"id": "a", "percent": 1}]}}
    for percent in range(2, 50):
        widget._session.put(id="a", percent=percent)
    end = time.monotonic() + 5
    while not (len(widget.sent) > 2 and widget.sent[-1]["ops"][-1] == ["row", {"id": "a", "percent": 49}]):
        assert time.monotonic() < end, widget.sent
        time.sleep(0.002)
    deltas = widget.sent[2:]
    assert [delta["seq"] for delta in deltas] == list(range(1, len(deltas) + 1))
    assert len(deltas) < 10


def test_its_repr_names_the_session(widget: Recorded) -> None:
    assert repr(widget) == "<Recorded of <Table: 0 rows>>"


def replay(rows: list[dict[str, Any]], ops: list[Op]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The view after these operations, as the front end folds them."""
    state: dict[str, Any] = {}
    for kind, value in ops:
        if kind == "state":
            state |= value
            rows = value.get("rows", rows)
        elif kind == "drop":
            rows = [row for row in rows if row["id"] != value]
        elif any(row["id"] == value["id"] for row in rows):
            rows = [value if row["id"] == value["id"] else row for row in rows]
        else:
            rows = [*rows, value]
    return rows, state


OPS: list[Op] = [
    ["row", {"id": "a", "n": 1}],
    ["state", {"total": 1}],
    ["row", {"id": "b", "n": 1}],
    ["row", {"id": "a", "n": 2}],
    ["state", {"total": 2, "free": 3}],
    ["drop", "a"],
    ["row", {"id": "a", "n": 3}],
    ["row", {"id": "b", "n": 2}],
    ["state", {"rows": [{"id": "b", "n": 9}]}],
    ["row", {"id": "b", "n": 4}],
    ["row", {"id": "c", "n": 1}],
    ["state", {"total": 7}],
]


@pytest.mark.parametrize("count", range(len(OPS) + 1))
def test_merged_operations_leave_the_same_view(count: int) -> None:
    ops = OPS[:count]
    assert replay([], merged(ops)) == replay([], ops)


def test_of_many_changes_of_one_row_or_field_one_is_left() -> None:
    ops: list[Op] = []
    for n in range(20):
        ops += [["row", {"id": "a", "n": n}], ["row", {"id": "b", "n": n}], ["state", {"total": n}]]
    assert merged(ops) == [["row", {"id": "a", "n": 19}], ["row", {"id": "b", "n": 19}], ["state", {"total": 19}]]


def test_a_missing_bundle_says_how_to_build_it(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(bridge, "__file__", str(tmp_path / "bridge.py"))
    with pytest.raises(StateError, match="npm run build"):
        bridge.bundle("chat.js")
