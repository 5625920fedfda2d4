from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.widgets.recorded import Recording, until
from workbench import display
from workbench.messages import Text
from workbench.sessions.history import HistorySession
from workbench.store import history as store
from workbench.store.history import StoredChat, StoredMessage
from workbench.widgets.history import HistoryWidget


class Panel(Recording, HistoryWidget):
    """The history."""


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Panel]:
    """A history of two chats."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    kept, now = store.default(), time.time()
    for id, text in (("a", "Where do rivers end?"), ("b", "How long do eggs boil?")):
        kept.put_chat(StoredChat(id=id, title=text, created=now, updated=now, head=f"{id}1"))
        kept.put_message(
            StoredMessage(id=f"{id}1", chat=id, parent=None, role="user", created=now, parts=(Text(text),))
        )
    assert kept.flush(30)
    widget = Panel(HistorySession())
    widget.ask(kind="hello", id=1)
    yield widget
    widget.close()
    kept.close()


def row(panel: Panel, id: str) -> dict[str, object]:
    return next(each for each in panel.shown["rows"] if each["id"] == id)


def test_the_first_look_shows_what_is_kept(panel: Panel, tmp_path: Path) -> None:
    assert {each["id"] for each in panel.shown["rows"]} == {"a", "b"}
    assert panel.shown["path"].startswith(str(tmp_path))
    assert panel.shown["size"] > 0
    assert panel.shown["keep"] is True


def test_a_search_is_answered_with_what_it_found(panel: Panel) -> None:
    (group,) = panel.ask(kind="search_chats", id=2, words="riv")["data"]
    assert group["chat"]["id"] == "a"
    assert ["rivers", True] in group["hits"][0]["snippet"]


def test_names_pins_and_tags_reach_the_row(panel: Panel) -> None:
    assert panel.ask(kind="rename_chat", id=2, chat="a", title="Rivers")["ok"]
    assert panel.ask(kind="pin_chat", id=3, chat="a", pinned=True)["ok"]
    assert panel.ask(kind="tag_chat", id=4, chat="a", tags=["geo"])["ok"]
    until(
        lambda: (
            (row(panel, "a")["title"], row(panel, "a")["pinned"], row(panel, "a")["tags"]) == ("Rivers", True, ["geo"])
        )
    )
    until(lambda: panel.shown["tags"] == [{"name": "geo", "count": 1}])


def test_a_plan_is_shown_kept_and_executed(panel: Panel) -> None:
    assert panel.ask(kind="plan_delete_chats", id=2, chats=["a", "b"])["ok"]
    until(lambda: panel.shown["plan"])
    assert [chat["id"] for chat in panel.shown["plan"]["chats"]] == ["a", "b"]
    panel.ask(kind="drop_plan", id=3)
    until(lambda: panel.shown["plan"] is None)
    panel.ask(kind="plan_delete_chats", id=4, chats=["a"])
    until(lambda: panel.shown["plan"])
    assert panel.ask(kind="execute_plan", id=5, plan=panel.shown["plan"]["id"])["ok"]
    until(lambda: [each["id"] for each in panel.shown["rows"]] == ["b"])
    assert not store.default().exists("a")


def test_what_cannot_be_is_answered_with_why(panel: Panel) -> None:
    assert panel.ask(kind="export_chat", id=2, chat="gone", format="json")["error"]["kind"] == "ChatNotFoundError"
    assert panel.ask(kind="export_chat", id=3, chat="a", format="pdf")["error"]["kind"] == "UsageError"
    assert panel.ask(kind="execute_plan", id=4, plan="old")["error"]["kind"] == "StateError"
    assert panel.ask(kind="plan_delete_chats", id=5, chats=["gone"])["ok"]
    until(lambda: panel.shown["notice"] and panel.shown["notice"]["kind"] == "ChatNotFoundError")


def test_displaying_a_history_makes_its_widget() -> None:
    assert isinstance(display.widget(HistorySession()), HistoryWidget)
