from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices
from tests.widgets.recorded import Recording, until
from workbench import display
from workbench.events import Event, Finished, Metrics, TextDelta, Usage
from workbench.request import Request
from workbench.sessions.comparing.compare import compare
from workbench.sessions.comparing.comparison import Comparison
from workbench.widgets.compare import CompareWidget, merged

PROMPTS = ["How many legs has a spider?", "=1+1"]


class Panel(Recording, CompareWidget):
    """The comparison."""


def answer(request: Request, cancelled: threading.Event) -> Iterator[Event]:
    """What each model says: the second one knows spiders."""
    asked = request.messages[-1].text
    said = "eight legs" if request.model == "other" and "spider" in asked else f"=six <b>legs</b> to {asked}"
    for number, word in enumerate(said.split(" ")):
        yield TextDelta(run=request.run, text=word + " ", tokens=(number,))
    usage = Usage(prompt_tokens=7, completion_tokens=len(said.split()))
    yield Finished(run=request.run, reason="stop", usage=usage, metrics=Metrics(ttft_s=0.01), applied=request.options)


def eight(row: object, reply: object) -> bool:
    """Whether it says eight."""
    return "eight" in getattr(reply, "text", "")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Comparison]:
    """Two prompts by two models, answered and scored."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    services = ScriptedServices(ScriptedService(answer))
    comparison = compare(PROMPTS, ["tiny", "other"], services=services, scorers=[eight], name="spiders")  # type: ignore[arg-type]
    assert comparison.wait(30)
    yield comparison
    comparison.close()


@pytest.fixture
def panel(made: Comparison) -> Iterator[Panel]:
    """The comparison's widget, its first snapshot sent."""
    widget = Panel(made)
    widget.ask(kind="hello", id=1)
    yield widget
    widget.close()


def cell(panel: Panel, row: int, column: int) -> str:
    """Id of a cell in the view."""
    view = panel.sent[-1]["state"] if panel.sent[-1]["kind"] == "snap" else snapshot(panel)
    return f"{view['rows'][row]['id']}:{view['columns'][column]['id']}:0"


def snapshot(panel: Panel) -> dict[str, object]:
    """The whole state, asked for again."""
    panel.ask(kind="hello", id=99)
    state: dict[str, object] = panel.sent[-1]["state"]
    return state


def test_displaying_a_comparison_makes_its_widget(made: Comparison) -> None:
    shown = display.widget(made)
    assert isinstance(shown, CompareWidget)
    assert display.widget(made) is shown
    shown.close()


def test_the_first_look_shows_the_grid(panel: Panel) -> None:
    view = panel.sent[-1]["state"]
    assert [row["prompt"] for row in view["rows"]] == PROMPTS
    assert [column["title"] for column in view["columns"]] == ["tiny", "other"]
    assert {each["status"] for each in view["cells"]} == {"done"}
    assert view["scorers"] == ["eight"]
    assert view["vote"] is None


def test_a_cell_is_asked_again_and_its_pieces_come_as_changes(panel: Panel) -> None:
    id = cell(panel, 0, 1)
    assert panel.ask(kind="rerun_cells", id=2, cells=[id])["ok"]

    def ops() -> list[list[object]]:
        return [op for message in panel.sent for op in message.get("ops", [])]

    until(lambda: any(op[0] == "patch" and op[1] == id and op[2].get("scores") == {"eight": True} for op in ops()))  # type: ignore[attr-defined]
    assert "".join(str(op[2]) for op in ops() if op[0] == "text" and op[1] == id) == "eight legs "


def test_a_difference_is_answered_in_pieces(panel: Panel) -> None:
    data = panel.ask(kind="diff_cells", id=2, first=cell(panel, 0, 0), second=cell(panel, 0, 1))["data"]
    assert "".join(text for op, text in data["pieces"] if op != "-") == "eight legs "
    assert 0 < data["shared"] < 1


def test_a_vote_hides_the_names_until_it_is_asked_for_them(panel: Panel, made: Comparison) -> None:
    assert panel.ask(kind="begin_vote", id=2)["ok"]
    ballot = snapshot(panel)["vote"]["ballot"]  # type: ignore[index]
    assert set(ballot) == {"row", "texts"}
    assert len(ballot["texts"]) == 2
    for number, choice in enumerate((0, "bad", "skip"), 3):
        answer = panel.ask(kind="cast_vote", id=number, choice=choice)
    assert answer["error"]["kind"] == "StateError"  # there were two pairs
    assert panel.ask(kind="undo_vote", id=9)["ok"]
    assert made.vote is not None
    assert made.vote.choices == (0,)


def test_a_vote_is_saved_with_the_comparison(panel: Panel, made: Comparison, tmp_path: Path) -> None:
    panel.ask(kind="begin_vote", id=2)
    panel.ask(kind="cast_vote", id=3, choice=1)
    assert made.vote is not None
    loaded = Comparison.load(made.save(tmp_path / "saved.jsonl"))
    assert loaded.vote == made.vote
    again = Comparison.load(made.path)
    assert again.vote == made.vote
    assert sum(count.wins for count in again.vote.counts()) == 1


def test_exports_hold_every_cell_and_nothing_that_acts(panel: Panel) -> None:
    files = {
        format: panel.ask(kind="export_cells", id=2, format=format)["data"]
        for format in ("csv", "json", "html", "markdown")
    }
    assert [file["name"] for file in files.values()] == ["spiders.csv", "spiders.json", "spiders.html", "spiders.md"]
    lines = list(csv.DictReader(io.StringIO(files["csv"]["text"])))
    assert [line["score.eight"] for line in lines] == ["False", "True", "False", "False"]
    assert lines[0]["text"].startswith("'=six")
    assert lines[2]["prompt"] == "'=1+1"
    cells = json.loads(files["json"]["text"])["cells"]
    assert cells[1]["text"] == "eight legs "
    assert cells[1]["receipt"]["model"] == "other"
    assert "&lt;b&gt;legs" in files["html"]["text"]
    assert "<script" not in files["html"]["text"]
    assert "### other" in files["markdown"]["text"]
    assert "eight 1" in files["markdown"]["text"]


def test_an_export_holds_what_is_shown(panel: Panel) -> None:
    view = snapshot(panel)
    row, column = view["rows"][1]["id"], view["columns"][1]["id"]  # type: ignore[index]
    data = panel.ask(kind="export_cells", id=2, format="json", rows=[row], columns=[column])["data"]
    assert [each["key"]["column"] for each in json.loads(data["text"])["cells"]] == [column]


def test_what_cannot_be_is_answered_with_why(panel: Panel) -> None:
    assert panel.ask(kind="open_cell", id=2, cell="nothing")["error"]["kind"] == "UsageError"
    assert panel.ask(kind="cast_vote", id=3, choice=0)["error"]["kind"] == "StateError"
    assert panel.ask(kind="export_cells", id=4, format="pdf")["error"]["kind"] == "UsageError"


def test_changes_of_one_cell_are_joined_and_keep_their_order() -> None:
    ops = [
        ["cell", {"id": "a", "text": ""}],
        ["text", "a", "o"],
        ["text", "b", "x"],
        ["state", {"progress": 1}],
        ["text", "a", "ne"],
        ["patch", "a", {"tokens": 1}],
        ["patch", "a", {"tokens": 2, "status": "done"}],
        ["state", {"progress": 2}],
        ["text", "b", "y"],
        ["cell", {"id": "a", "text": "again"}],
        ["drop", "r"],
    ]
    assert merged(ops) == [
        ["cell", {"id": "a", "text": ""}],
        ["text", "a", "one"],
        ["text", "b", "xy"],
        ["state", {"progress": 2}],
        ["patch", "a", {"tokens": 2, "status": "done"}],
        ["cell", {"id": "a", "text": "again"}],
        ["drop", "r"],
    ]
    assert ops[1] == ["text", "a", "o"]
