from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.scripted import ScriptedServer, reply
from tests.widgets.recorded import Recording, until
from workbench import display
from workbench.services.registry import Services
from workbench.sessions.settings import SettingsSession
from workbench.widgets.settings import SettingsWidget

KEY = "sk-secret-0123456789"
LIST = reply(json.dumps({"object": "list", "data": [{"id": "llama3"}, {"id": "phi4"}]}))


class Panel(Recording, SettingsWidget):
    """The settings."""


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Panel]:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    services = Services()
    widget = Panel(SettingsSession(services=services))
    widget.ask(kind="hello", id=1)
    yield widget
    widget.close()
    services.close()


def test_a_saved_server_becomes_a_row_with_its_test(panel: Panel) -> None:
    with ScriptedServer([LIST]) as server:
        answer = panel.ask(kind="save_server", id=2, url=server.url, name="lab", key=KEY)
        assert answer["data"] == {"name": "lab", "url": server.url}
        until(lambda: panel.shown["rows"] and not panel.shown["rows"][0]["test"]["running"])
        until(lambda: panel.shown["rows"][0]["words"].startswith("2 models, "))
    assert panel.shown["rows"][0]["own_key"]
    panel.ask(kind="remove_server", id=3, name="lab")
    until(lambda: panel.shown["rows"] == [])


def test_the_key_is_in_no_message_and_in_no_trait(panel: Panel) -> None:
    with ScriptedServer([reply('{"error": "no"}', status="401 Unauthorized")]) as server:
        panel.ask(kind="save_server", id=2, url=server.url, name="lab", key=KEY)
        until(lambda: panel.shown["rows"] and not panel.shown["rows"][0]["test"]["running"])
        panel.ask(kind="save_server", id=3, url="no address", name="x", key=KEY)
        panel.ask(kind="save_server", id=4, url=server.url, name=7, key=KEY)
        panel.ask(kind="save_server", id=5, url=server.url, name="y", key=KEY + "\n" + KEY)
    assert KEY not in json.dumps(panel.sent)
    assert KEY not in repr(panel.get_state())
    assert KEY not in repr(display.mimebundle(panel._session))


def test_what_is_set_elsewhere_reaches_the_view(panel: Panel) -> None:
    panel.ask(kind="change_settings", id=2, fields={"use_fallback": False, "memory_budget": 4_000_000_000})
    assert panel.ask(kind="change_settings", id=3, fields={"use_fallback": False})["ok"]
    until(lambda: panel.shown["values"]["use_fallback"] is False)
    panel._session.change(idle_timeout=120)  # type: ignore[attr-defined]  # the session of a settings widget
    until(lambda: panel.shown["values"]["idle_timeout"] == 120)


def test_what_cannot_be_is_answered_with_why(panel: Panel) -> None:
    for number, (kind, more) in enumerate(
        [
            ("save_server", {"url": "no address"}),
            ("test_server", {"name": "none"}),
            ("change_settings", {"fields": {"at_once": -1}}),
            ("add_folder", {"path": "/no/such/folder"}),
            ("import_settings", {"path": "/no/such/file"}),
        ],
        start=2,
    ):
        answer = panel.ask(kind=kind, id=number, **more)
        assert (answer["id"], answer["ok"]) == (number, False)
        assert answer["error"]["message"]


def test_displaying_the_settings_makes_their_widget() -> None:
    assert isinstance(display.widget(SettingsSession(services=Services())), SettingsWidget)
