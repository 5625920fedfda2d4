from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.hub import Hub, HubServer, gguf, mlx_repo
from tests.widgets.recorded import Recording, until
from workbench import display
from workbench.sessions.downloads import Downloads
from workbench.sessions.library import Library
from workbench.widgets.library import LibraryWidget

MODEL = "mlx-community/Qwen3-4B-4bit"


class Panel(Recording, LibraryWidget):
    """The library."""


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Panel]:
    """A library with a downloaded model beside the one that ships."""
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "person").mkdir()
    with HubServer(Hub([mlx_repo(MODEL, weights=2_000_000)])) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        Downloads().start(MODEL).result(20)
        widget = Panel(Library())
        widget.ask(kind="hello", id=1)
        until(lambda: len(widget.shown["rows"]) == 2)
        yield widget
        widget.close()


def status(panel: Panel, field: str) -> Callable[[], object]:
    return lambda: next(row for row in panel.shown["rows"] if row["id"] == MODEL)[field]


def test_the_first_look_shows_what_is_on_disk(panel: Panel) -> None:
    assert {row["id"] for row in panel.shown["rows"]} == {"builtin", MODEL}
    assert panel.shown["total"] == sum(row["size"] for row in panel.shown["rows"])
    assert {source["name"] for source in panel.shown["sources"]} >= {"Hugging Face cache", "built in"}


def test_verify_runs_behind_and_its_outcome_reaches_the_row(panel: Panel) -> None:
    assert panel.ask(kind="verify_models", id=2, models=[MODEL])["ok"]
    until(lambda: status(panel, "verified")()["state"] == "ok")  # type: ignore[index]


def test_a_plan_is_shown_kept_and_executed(panel: Panel, tmp_path: Path) -> None:
    assert panel.ask(kind="plan_delete", id=2, models=[MODEL])["ok"]
    until(lambda: panel.shown["plan"])
    assert panel.shown["plan"]["frees"] > 2_000_000
    panel.ask(kind="drop_plan", id=3)
    until(lambda: panel.shown["plan"] is None)
    panel.ask(kind="plan_delete", id=4, models=[MODEL])
    until(lambda: panel.shown["plan"])
    assert panel.ask(kind="execute_plan", id=5, plan=panel.shown["plan"]["id"])["ok"]
    until(lambda: [row["id"] for row in panel.shown["rows"]] == ["builtin"])
    assert not list((tmp_path / "huggingface/hub").glob("models--*"))


def test_the_picker_sees_folders_and_an_import_becomes_a_row(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "person/tiny-Q4_K_M.gguf").write_bytes(gguf("tiny", 300_000, seed="picker"))
    seen = panel.ask(kind="look_into", id=2)["data"]
    assert [file["name"] for file in seen["files"]] == ["tiny-Q4_K_M.gguf"]
    assert panel.ask(kind="import_model", id=3, path=seen["files"][0]["path"], mode="copy")["ok"]
    until(lambda: len(panel.shown["rows"]) == 3)


def test_what_cannot_be_is_answered_with_why(panel: Panel, tmp_path: Path) -> None:
    missing = panel.ask(kind="look_into", id=2, path=str(tmp_path / "nowhere"))
    assert (missing["ok"], missing["error"]["kind"]) == (False, "FolderError")
    assert panel.ask(kind="verify_models", id=3, models=["no/such"])["error"]["kind"] == "ModelNotFoundError"
    assert panel.ask(kind="execute_plan", id=4, plan="old")["error"]["kind"] == "StateError"


def test_displaying_a_library_makes_its_widget() -> None:
    assert isinstance(display.widget(Library()), LibraryWidget)
