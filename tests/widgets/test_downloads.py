from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.hub import Hub, HubServer, mlx_repo
from tests.widgets.recorded import Recording, until
from workbench import display
from workbench.sessions.downloads import Download, Downloads
from workbench.widgets.downloads import DownloadsWidget, DownloadWidget

MODEL = "mlx-community/Qwen3-4B-4bit"


class Panel(Recording, DownloadsWidget):
    """All downloads."""


class One(Recording, DownloadWidget):
    """One download."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with HubServer(Hub([mlx_repo(MODEL, weights=2_000_000)])) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
        monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
        yield server.hub


@pytest.fixture
def show(hub: Hub) -> Iterator[Callable[[type[Any], Any], Any]]:
    made: list[Any] = []

    def build(kind: type[Any], session: Any) -> Any:
        made.append(kind(session))
        made[-1].ask(kind="hello", id=1)
        return made[-1]

    yield build
    for widget in made:
        widget.close()


def test_the_panel_follows_a_download_to_its_end(show: Callable[..., Panel]) -> None:
    downloads = Downloads()
    panel = show(Panel, downloads)
    assert panel.shown["rows"] == []
    downloads.start(MODEL).result(20)
    until(lambda: panel.shown["counts"]["done"] == 1)
    (row,) = panel.shown["rows"]
    assert (row["model"], row["status"], row["percent"]) == (MODEL, "done", 100.0)
    assert {file["status"] for file in row["files"]} == {"done"}


def test_commands_do_what_the_methods_do(show: Callable[..., Panel], hub: Hub) -> None:
    hub.bps = 200_000
    downloads = Downloads()
    panel = show(Panel, downloads)
    download = downloads.start(MODEL)
    until(lambda: download.progress.done > 0)
    assert panel.ask(kind="pause_download", id=2, download=download.id)["ok"]
    until(lambda: panel.shown["rows"][0]["status"] == "paused")
    hub.bps = 0
    assert panel.ask(kind="resume_download", id=3, download=None)["ok"]
    download.result(20)
    assert panel.ask(kind="clear_finished", id=4)["ok"]
    until(lambda: panel.shown["rows"] == [])


def test_two_widgets_of_one_download_show_the_same(show: Callable[..., Any]) -> None:
    downloads = Downloads()
    panel = show(Panel, downloads)
    download = downloads.start(MODEL)
    one = show(One, download)
    download.result(20)
    until(lambda: one.shown["rows"][0]["status"] == "done" and panel.shown["rows"][0]["status"] == "done")
    assert one.shown["rows"] == panel.shown["rows"]
    assert (one.single, panel.single) == (True, False)


def test_a_command_that_cannot_be_is_answered_with_why(show: Callable[..., Panel]) -> None:
    panel = show(Panel, Downloads())
    gone = panel.ask(kind="pause_download", id=2, download="nobody")
    assert (gone["ok"], gone["error"]["kind"]) == (False, "StateError")
    assert panel.ask(kind="send", id=3, text="hello")["error"]["kind"] == "UsageError"


def test_displaying_either_makes_its_widget(hub: Hub) -> None:
    downloads = Downloads()
    download = downloads.start(MODEL)
    assert isinstance(download, Download)
    assert isinstance(display.widget(downloads), DownloadsWidget)
    assert not isinstance(display.widget(downloads), DownloadWidget)
    assert isinstance(display.widget(download), DownloadWidget)
    download.result(20)
