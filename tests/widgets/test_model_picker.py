from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.widgets.recorded import until
from tests.widgets.test_chat import Recorded
from workbench import display
from workbench.services.registry import Services
from workbench.sessions.picker import ModelPicker
from workbench.widgets.model_picker import ModelPickerWidget


class Kept(ModelPickerWidget):
    """The real bridge; what it sends is kept."""

    send = Recorded.send
    ask = Recorded.ask
    of = Recorded.of

    def __init__(self, picker: ModelPicker) -> None:
        self.sent: list[dict[str, object]] = []
        self.times: list[float] = []
        super().__init__(picker)


@pytest.fixture
def widget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kept]:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    services = Services()
    made = Kept(ModelPicker(services=services))
    yield made
    made.close()
    services.close()


def test_it_shows_the_model_and_what_there_is(widget: Kept) -> None:
    widget.ask({"kind": "hello", "id": 1})
    assert widget.of("snap")[0]["state"]["model"]["id"] == "builtin"
    widget.ask({"kind": "list_models", "id": 2})
    until(lambda: any(op[1].get("models") for delta in widget.of("delta") for op in delta["ops"]))


def test_what_it_cannot_take_is_refused_in_words(widget: Kept) -> None:
    widget.ask({"kind": "send", "id": 1, "text": "Hello"})
    assert not widget.of("ack")[-1]["ok"]
    widget.ask({"kind": "choose_model", "id": 2, "model": "nobody"})
    assert "nobody" in widget.of("ack")[-1]["error"]["message"]


def test_a_picker_finds_its_widget() -> None:
    assert display.WIDGETS["ModelPicker"] == f"{ModelPickerWidget.__module__}:{ModelPickerWidget.__name__}"
