from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import workbench as wb
from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say, until_cancelled
from workbench.commands import (
    AddModels,
    AddPrompts,
    Hello,
    OpenCell,
    RateCell,
    RemoveColumn,
    RemoveRow,
    RerunCells,
    StopCells,
)
from workbench.engines.scripted import Crash, Echo, Say, Script, Wait, Weights
from workbench.errors import (
    ConsentNeededError,
    ContextOverflowError,
    EngineError,
    ModelFilesError,
    ModelNotFoundError,
    StateError,
    UsageError,
)
from workbench.events import Event, Failed, Finished, LoadProgress, TextDelta, Usage
from workbench.request import Request
from workbench.services.registry import Services
from workbench.sessions.answer import Op
from workbench.sessions.comparing.compare import compare
from workbench.sessions.comparing.comparison import Comparison
from workbench.sessions.comparing.values import Cell


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.002)


def scripted(*scripts: Any, prompts: Any = ("one", "two"), models: Any = ("tiny", "other"), **more: Any) -> Any:
    service = ScriptedService(*scripts)
    return compare(list(prompts), list(models), services=ScriptedServices(service), **more), service  # type: ignore[arg-type]


def echo(request: Request, cancelled: threading.Event) -> Iterator[Event]:
    """Says which model was asked what."""
    yield TextDelta(run=request.run, text=f"{request.model}: {request.messages[-1].text}", tokens=(1,))
    usage = Usage(prompt_tokens=1_000_000, cached_tokens=500_000, completion_tokens=1_000_000)
    yield Finished(run=request.run, reason="stop", usage=usage, applied=request.options)


def texts(comparison: Comparison) -> list[str]:
    return [cell.text for cell in comparison.cells()]


class Front:
    """A front end: holds the first view, and applies every operation as the browser will."""

    def __init__(self, comparison: Comparison) -> None:
        self.ops: list[Op] = []
        with comparison.lock:
            self.state = comparison.view()
            self.cells = {cell["id"]: cell for cell in self.state.pop("cells")}
            comparison.observe(self.apply)

    def apply(self, op: Op) -> None:
        self.ops.append(op)
        match op:
            case ["state", fields]:
                self.state |= fields
            case ["row", row]:
                self.state["rows"] = [*(r for r in self.state["rows"] if r["id"] != row["id"]), row]
            case ["drop", row]:
                self.state["rows"] = [r for r in self.state["rows"] if r["id"] != row]
                self.cells = {id: cell for id, cell in self.cells.items() if cell["row"] != row}
            case ["cell", cell]:
                self.cells[cell["id"]] = dict(cell)
            case ["patch", id, fields]:
                self.cells[id].update(fields)
            case [("text" | "reasoning") as kind, id, more]:
                self.cells[id][kind] += more


# The model that ships


def test_prompts_by_models_by_options_on_the_model_that_ships(services: Services) -> None:
    made = compare(
        ["Hello", "What is a token?"], "builtin", options=[{"temperature": 0}, {"temperature": 0, "max_tokens": 3}],
        services=services,
    )  # fmt: skip
    assert made.wait(60)
    assert made.progress == (4, 4, 0.0)
    full, short = made.cell(0, 0), made.cell(0, 1)
    assert full.text
    assert full.text.startswith(short.text)
    assert short.finish == "length"
    assert (full.status, full.batched, full.cost) == ("done", True, None)
    assert full.usage.completion_tokens
    assert full.metrics.ttft_s
    receipt = short.receipt
    assert receipt is not None
    assert (receipt.model, receipt.provider, receipt.asked.max_tokens) == ("builtin", "local", 3)
    assert receipt.applied.temperature == 0
    assert receipt.files["model.safetensors" if receipt.engine == "mlx" else "model.gguf"].startswith("sha256:")
    assert receipt.template is not None
    assert receipt.versions["workbench"] == wb.__version__


def test_a_loop_over_many_prompts_loads_each_local_model_once(tmp_path: Path) -> None:
    services = Services()
    loaded = Weights(bytes=1000)
    models = [str(Script(loading=(loaded,), answering=(Echo(),)).save(tmp_path / f"{name}.json")) for name in "abc"]
    try:
        made = compare([f"prompt {n}" for n in range(5)], models, samples=2, services=services)
        front = Front(made)
        assert made.wait(120)
    finally:
        services.close()
    assert texts(made) == [f"prompt {n}" for n in range(5) for _ in models for _ in range(2)]
    assert sum(cell.metrics.load_s is not None for cell in made.cells()) <= 3
    done = [op[1] for op in front.ops if op[0] == "cell"]
    columns = [cell["column"] for cell in done if cell["status"] != "waiting"]
    assert len([a for a, b in itertools.pairwise(columns) if a != b]) <= 2, "one model after another"


def test_a_model_that_does_not_load_fails_its_column_and_others_go_on(tmp_path: Path) -> None:
    services = Services()
    broken = tmp_path / "broken.json"
    broken.write_text("no script")
    dies = str(Script(loading=(Weights(bytes=10), Crash())).save(tmp_path / "dies.json"))
    good = str(Script(answering=(Echo(),)).save(tmp_path / "good.json"))
    try:
        made = compare(["one", "two", "three"], [str(broken), dies, good], services=services)
        assert made.wait(120)
    finally:
        services.close()
    kinds = [made.cell(row, column).error.kind for row in range(3) for column in (0, 1)]  # type: ignore[union-attr]
    assert kinds == ["ModelFilesError", "HostCrashedError"] * 3
    assert [made.cell(row, 2).text for row in range(3)] == ["one", "two", "three"]


def test_a_host_that_dies_in_the_midst_fails_one_cell(tmp_path: Path) -> None:
    services = Services()
    dies = str(Script(answering=(Say("some "), Wait(0.2), Crash())).save(tmp_path / "dies.json"))
    try:
        made = compare(["one", "two"], dies, services=services)
        assert made.wait(120)
    finally:
        services.close()
    assert [(cell.status, cell.text) for cell in made.cells()] == [("failed", "some ")] * 2


# What is asked, and what comes of it


def test_it_returns_at_once_and_fills_while_it_runs() -> None:
    made, service = scripted(until_cancelled("so ", "far"), prompts=["one"], models=["tiny"])
    assert isinstance(made, Comparison)
    until(lambda: made.cell(0, 0).text == "so far")
    assert made.cell(0, 0).status == "writing"
    assert not made.done
    assert not made.wait(0.01)
    assert made.progress == (0, 1, None)
    made.stop()
    assert made.wait(20)
    assert (made.cell(0, 0).status, made.cell(0, 0).text) == ("cancelled", "so far")
    assert len(service.requests) == 1


def test_each_cell_is_asked_what_its_row_and_column_say() -> None:
    made, service = scripted(echo, systems=["Be brief."], options={"temperature": 0.5, "seed": 4}, samples=2)
    assert made.wait(20)
    assert texts(made) == [f"{m}: {p}" for p in ("one", "two") for m in ("tiny", "other") for _ in range(2)]
    first = service.requests[0]
    assert [(m.role, m.text) for m in first.messages] == [("system", "Be brief."), ("user", "one")]
    assert [request.options.seed for request in service.requests[:2]] == [4, 5]
    assert made.cell(0, "tiny", 1).receipt.asked.seed == 5  # type: ignore[union-attr]
    assert made.cell(0, "tiny", 1).receipt.seed == 5  # type: ignore[union-attr]


def test_a_price_makes_a_cost() -> None:
    made, _ = scripted(echo, prompts=["one"], prices={"tiny": (2, 8, 1), "other": (2, 8)})
    assert made.wait(20)
    assert [cell.cost for cell in made.cells()] == [9.5, 10.0]


def test_a_failure_is_in_its_place_and_keeps_the_text_before_it() -> None:
    made, _ = scripted(say("fine"), fail(ContextOverflowError("Too long by 3 tokens."), "so "), say("fine"))
    assert made.wait(20)
    failed = made.cell(1, 0)
    assert (failed.status, failed.text) == ("failed", "so ")
    assert failed.error is not None
    assert failed.error.kind == "ContextOverflowError"
    assert [cell.status for cell in made.cells()] == ["done", "done", "failed", "done"]


def test_what_no_other_prompt_would_mend_fails_the_rest_of_the_column_unasked() -> None:
    made, service = scripted(fail(ModelFilesError("The weights are truncated.")), say("fine"), prompts="abcd")
    assert made.wait(20)
    assert [made.cell(row, "tiny").error.message for row in range(4)] == ["The weights are truncated."] * 4  # type: ignore[union-attr]
    assert [made.cell(row, "other").text for row in range(4)] == ["fine"] * 4
    assert len(service.requests) == 5


def test_an_engine_that_fails_while_loading_fails_its_column() -> None:
    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield LoadProgress(run=request.run, model=request.model, done=1, total=2)
        yield Failed(run=request.run, error=EngineError("It could not be loaded.").info)

    made, service = scripted(script, models=["tiny"], prompts="abc")
    assert made.wait(20)
    assert len(service.requests) == 1
    assert made._title().endswith("3 failed")


def test_a_service_that_raises_or_breaks_off_fails_its_cell_only() -> None:
    def raises(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        raise RuntimeError("oh")
        yield

    def breaks_off(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield TextDelta(run=request.run, text="half")

    made, _ = scripted(breaks_off, models=["tiny"], prompts=["one"])
    assert made.wait(20)
    assert made.cell(0, 0).error.kind == "StreamCutError"  # type: ignore[union-attr]
    made, _ = scripted(raises, models=["tiny"], prompts=["one"])
    assert made.wait(20)
    assert "RuntimeError: oh" in made.cell(0, 0).error.message  # type: ignore[union-attr]


def test_an_unknown_model_is_said_at_once_and_leaves_no_file() -> None:
    with pytest.raises(ModelNotFoundError):
        scripted(models=["tiny", "nobody"], name="x")
    made, _ = scripted(say("ok"), name="x")
    assert made.wait(20)


def test_very_many_cells_are_asked_about_first() -> None:
    with pytest.raises(UsageError, match=r"10,000 cells.*`confirm=True`"):
        scripted(prompts=[f"p{n}" for n in range(5000)])
    made, _ = scripted(say("ok"))
    with pytest.raises(UsageError, match="confirm=True"):
        made.add_prompts([f"p{n}" for n in range(5000)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"samples": 0}, "samples"),
        ({"scorers": [3]}, "no scorer"),
        ({"scorers": None}, "no scorer"),
        ({"prices": {"tiny": 3}}, "3 is no price of tiny"),
        ({"prices": {"tiny": ("3", "4")}}, "no price of tiny"),
        ({"executor": "dask"}, r"client\.get_executor"),
        ({"name": 5}, "cannot be named"),
        ({"template": 5}, "A template is a text"),
    ],
)
def test_bad_arguments_are_refused_at_once(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        scripted(**given)


def test_one_model_that_is_none_is_said() -> None:
    with pytest.raises(UsageError, match="None is no model"):
        compare(["one"], None, services=ScriptedServices(ScriptedService()))  # type: ignore[arg-type]


def test_ten_thousand_cells_keep_their_texts_on_the_disk() -> None:
    text = "x" * 20_000
    process = psutil.Process()
    before = process.memory_info().rss
    made, _ = scripted(say(text), prompts=[f"p{n}" for n in range(5000)], confirm=True)
    assert made.wait(300)
    held = process.memory_info().rss - before
    assert made.progress.finished == 10_000
    assert made.path.stat().st_size > 200_000_000
    assert held < 100_000_000, f"{held:,} bytes held for 200 MB of text"
    assert made.cell(4999, 1).text == text
    assert len(made.view()["cells"][0]["text"]) < 5000


# Stop, run again, more, less


def test_one_cell_a_column_and_all_can_be_stopped() -> None:
    made, service = scripted(until_cancelled("a"), say("done"), prompts="abc", models=["tiny", "other"])
    until(lambda: made.cell(0, "tiny").text)
    made.stop(cell=(1, "tiny"))
    assert made.cell(1, "tiny").status == "cancelled"
    made.stop(column="other")
    assert [made.cell(row, "other").status for row in range(3)] == ["cancelled"] * 3
    made.stop(row=0)
    assert made.wait(20)
    assert [made.cell(row, "tiny").status for row in range(3)] == ["cancelled", "cancelled", "done"]
    assert made.cell(0, "tiny").text == "a"
    assert len(service.requests) == 2


def test_rerun_asks_for_what_failed_or_was_cancelled() -> None:
    made, service = scripted(say("one"), fail(ContextOverflowError("Too long.")), say("now"), models=["tiny"])
    assert made.wait(20)
    assert made.rerun() == 1
    assert made.wait(20)
    assert texts(made) == ["one", "now"]
    assert made.rerun() == 0
    assert made.rerun(cells=[made.cell(0, 0)]) == 1
    assert made.wait(20)
    assert texts(made) == ["now", "now"]
    assert len(service.requests) == 4


def test_a_cell_that_runs_again_shows_no_old_answer_meanwhile() -> None:
    made, _ = scripted(say("old"), until_cancelled("new"), prompts=["one"], models=["tiny"])
    assert made.wait(20)
    made.rate((0, 0), 5)
    made.rerun(cells=[(0, 0)])
    until(lambda: made.cell(0, 0).text == "new")
    made.stop()
    assert made.wait(20)
    assert (made.cell(0, 0).text, made.cell(0, 0).rating) == ("new", None)


def test_new_prompts_and_models_run_only_what_is_new() -> None:
    made, service = scripted(echo, models=["tiny"])
    assert made.wait(20)
    made.add_prompts(["three"])
    assert made.wait(20)
    assert len(service.requests) == 3
    made.add_model("other", options=[{"temperature": 0}, {"temperature": 1}])
    assert made.wait(20)
    assert [c.title for c in made.columns] == ["tiny", "other, temperature 0", "other, temperature 1"]
    assert len(service.requests) == 9
    assert made.cell(2, 2).text == "other: three"


def test_a_row_and_a_column_can_be_taken_away_while_they_run() -> None:
    made, _ = scripted(until_cancelled("a"), say("b"), prompts="abc")
    until(lambda: made.cell(0, "tiny").text)
    front = Front(made)
    made.remove_prompt(0)
    made.remove_model("other")
    assert made.wait(20)
    assert [row.prompt for row in made.rows] == ["b", "c"]
    assert texts(made) == ["b", "b"]
    assert made.progress == (2, 2, 0.0)
    assert [column["title"] for column in front.state["columns"]] == ["tiny"]
    with pytest.raises(UsageError, match="no row"):
        made.cell(0, 0)


# Scores and ratings


def test_scorers_score_each_answer_and_one_that_raises_fails_alone() -> None:
    def length(row: Any, reply: Any) -> float:
        return len(reply.text)

    def broken(row: Any, reply: Any) -> float:
        raise ValueError("it is broken")

    made, _ = scripted(say("four"), fail(ContextOverflowError("Too long.")), models=["tiny"], scorers=[length, broken])
    assert made.wait(20)
    good, failed = made.cells()
    assert good.scores == {"length": 4.0}
    assert "it is broken" in good.score_errors["broken"]
    assert failed.scores == {}
    made.score(lambda row, reply: {"score": True, "why": row.prompt})
    assert made.wait(20)
    assert made.cell(0, 0).scores["lambda"] == {"score": True, "why": "one"}
    assert Comparison.load(made.path).cell(0, 0).scores["length"] == 4.0


def test_a_scorer_that_asks_a_model_waits_for_the_end() -> None:
    class Judge:
        name = "judge"
        settings = {"model": "builtin"}  # noqa: RUF012

        def __call__(self, row: Any, reply: Any) -> bool:
            return made._sweep.idle

    made, _ = scripted(echo, prompts=["one"], models=["tiny"])
    assert made.wait(20)
    made, _ = scripted(echo, prompts="abcdef", scorers=Judge())
    assert made.wait(20)
    assert [cell.scores["judge"] for cell in made.cells()] == [True] * 12


def test_a_rating_is_kept_and_can_be_taken_back() -> None:
    made, _ = scripted(say("a"), until_cancelled("b"), models=["tiny"])
    until(lambda: made.cell(0, 0).ended)
    made.rate((0, 0), 4)
    with pytest.raises(StateError, match="has not ended"):
        made.rate((1, 0), 4)
    made.stop()
    assert made.wait(20)
    assert Comparison.load(made.path).cell(0, 0).rating == 4
    made.rate(made.cell(0, 0), None)
    assert made.cell(0, 0).rating is None
    with pytest.raises(UsageError, match="whole number"):
        made.rate((0, 0), "good")  # type: ignore[arg-type]


# Kept, gone on with, replayed


def test_the_same_name_goes_on_and_asks_only_what_is_new() -> None:
    made, first = scripted(echo, name="x")
    assert made.wait(20)
    made.rate((0, "tiny"), 2)
    again, second = scripted(echo, name="x", prompts=["zero", "two", "one"])
    assert again.wait(20)
    assert [request.messages[-1].text for request in second.requests] == ["zero", "zero"]
    assert texts(again) == [f"{m}: {p}" for p in ("zero", "two", "one") for m in ("tiny", "other")]
    assert again.cell(2, "tiny").rating == 2
    assert len(first.requests) == 4
    with pytest.raises(StateError, match="closed"):
        made.rerun()
    assert made.cell(0, 0).text == "tiny: one"


def test_a_named_comparison_that_still_runs_is_stopped_and_taken_over() -> None:
    made, _ = scripted(say("one"), until_cancelled("two"), models=["tiny"], name="x")
    until(lambda: made.cell(1, 0).text)
    again, service = scripted(say("new"), models=["tiny"], name="x")
    assert again.wait(20)
    assert texts(again) == ["one", "new"]
    assert len(service.requests) == 1
    assert made.done


KILLED = """
import sys
import workbench as wb
made = wb.compare([f"prompt {n}" for n in range(6)], sys.argv[1], name="killed")
while made.progress.finished < 3:
    made.wait(0.01)
print("three", flush=True)
made.wait(60)
"""


def test_a_killed_process_loses_only_what_was_running(tmp_path: Path) -> None:
    model = str(Script(answering=(Wait(0.3), Echo())).save(tmp_path / "slow.json"))
    with subprocess.Popen([sys.executable, "-c", KILLED, model], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "three\n"
        child.send_signal(signal.SIGKILL)
    kept = Comparison.load(Path(os.environ["WORKBENCH_HOME"]) / "data/comparisons/killed.jsonl")
    before = [cell for cell in kept.cells() if cell.status == "done"]
    assert 3 <= len(before) < 6
    services = Services()
    try:
        made = compare([f"prompt {n}" for n in range(6)], model, name="killed", services=services)
        assert made.wait(60)
    finally:
        services.close()
    assert texts(made) == [f"prompt {n}" for n in range(6)]
    ends = {cell.key: cell.receipt.at for cell in made.cells() if cell.receipt}
    assert all(cell.receipt and ends[cell.key] == cell.receipt.at for cell in before), "they were not asked again"


def test_a_saved_comparison_is_loaded_and_gone_on_with(tmp_path: Path) -> None:
    made, _ = scripted(echo)
    assert made.wait(20)
    saved = made.save(tmp_path / "saved.jsonl")
    size = saved.stat().st_size
    service = ScriptedService(echo)
    loaded = Comparison.load(saved, services=ScriptedServices(service))  # type: ignore[arg-type]
    assert texts(loaded) == texts(made)
    assert loaded.done
    loaded.add_prompts("three")
    assert loaded.wait(20)
    assert len(service.requests) == 2
    assert loaded.cell(2, "other").text == "other: three"
    assert saved.stat().st_size == size


def test_a_replay_answers_with_no_model_and_says_so(tmp_path: Path) -> None:
    made, _ = scripted(echo, scorers=[lambda row, reply: len(reply.text)])
    assert made.wait(20)
    replay = made.replay()
    assert texts(replay) == texts(made)
    assert replay.cell(0, 0) == made.cell(0, 0)
    assert "a replay of what was recorded" in repr(replay)
    assert replay.view()["replayed"] is True
    with pytest.raises(StateError, match="This is a replay"):
        replay.add_prompts("three")
    saved = made.save(tmp_path / "saved.jsonl")
    nobody = ScriptedServices()
    again = compare(["two", "new"], ["tiny", "gone"], replay=saved, services=nobody)  # type: ignore[arg-type]
    assert again.wait(0)
    assert again.cell(0, "tiny").text == "tiny: two"
    assert "not in the record" in again.cell(1, "tiny").error.message  # type: ignore[union-attr]
    assert "not in the record" in again.cell(0, "gone").error.message  # type: ignore[union-attr]
    again.score(lambda row, reply: True)
    assert again.wait(20)
    assert again.cell(0, "tiny").scores["lambda"] is True
    assert [row["prompt"] for row in again.view()["rows"]] == ["two", "new"]


def test_a_disk_that_takes_no_more_loses_no_answer(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk; it is this process's own, so another runs it."""
    code = f"""
import resource, signal
from tests.sessions.scripted import ScriptedService, ScriptedServices, say
from workbench.errors import FolderError
from workbench.sessions.comparing.compare import compare
from workbench.sessions.comparing.comparison import Comparison

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
services = ScriptedServices(ScriptedService(say("one"), say("x" * 5000), say("three \\ud800")))
made = compare(["a"], "tiny", services=services, name="full", scorers=[lambda row, reply: len(reply.text)])
assert made.wait(20)
size = made.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2500, resource.RLIM_INFINITY))
made.add_prompts(["b"])
assert made.wait(20)
assert len(made.path.read_bytes().splitlines()) == 6, "no half line is left"
assert made.cell(1, 0).text == "x" * 5000
assert list(made.to_frame()["score.lambda"]) == [3, 5000]
assert "too large" in made.view()["notice"]["message"], made.view()["notice"]
try:
    made.rate((0, 0), 3)
except FolderError:
    print("told")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
elsewhere = made.save({str(tmp_path / "elsewhere.jsonl")!r})
assert Comparison.load(elsewhere).cell(1, 0).text == "x" * 5000
made.add_prompts(["c"])
assert made.wait(20)
assert made.view()["notice"] is None
made.close()
again = compare(["a", "b", "c"], "tiny", services=services, name="full")
assert again.done
print([len(cell.text) for cell in again.cells()], again.cell(2, 0).text, again.cell(1, 0).scores)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["told", "[3, 5000, 7] three ? {'lambda': 5000.0}"], done.stderr


def test_a_closed_one_is_read_and_no_more() -> None:
    made, _ = scripted(say("ok"))
    assert made.wait(20)
    made.close()
    made.stop()
    made.close()
    assert texts(made) == ["ok"] * 4
    assert len(made.to_frame()) == 4
    for change in (
        lambda: made.rate((0, 0), 3),
        lambda: made.score(len),
        lambda: made.remove_prompt(0),
        lambda: made.remove_model(0),
        lambda: made.begin_vote(),
        lambda: made.add_prompts("x"),
        lambda: made.add_model("tiny"),
        lambda: made.rerun(),
        lambda: made.resume(),
    ):
        with pytest.raises(StateError, match="is closed"):
            change()
    assert len(made.rows) == 2


# Leave to leave this machine


def test_nothing_is_asked_before_the_person_allowed_it() -> None:
    here, away = ScriptedService(echo), ScriptedService(echo, name="away", models=("m",), url="https://far.example/v1")
    services = ScriptedServices(here, away)
    with pytest.raises(ConsentNeededError, match=r"far\.example"):
        compare(["one"], ["tiny", "away:m"], services=services)  # type: ignore[arg-type]
    made = compare(["one"], ["tiny"], services=services)  # type: ignore[arg-type]
    with pytest.raises(ConsentNeededError):
        made.add_model("away:m")
    assert made.wait(20)
    assert away.requests == []
    assert len(made.columns) == 1


# What a front end sees


def test_the_changes_make_the_same_state_as_a_new_view() -> None:
    made, _ = scripted(until_cancelled("a"), fail(ContextOverflowError("Too long.")), say("b", "c"), prompts="abc")
    until(lambda: made.cell(0, "tiny").text)
    front = Front(made)
    made.stop(row=0)
    made.add_prompts("d")
    made.score(lambda row, reply: 1)
    assert made.wait(20)
    made.rate((2, 0), 3)
    fresh = Front(made)
    assert front.state == fresh.state
    for id, cell in fresh.cells.items():
        assert {name: front.cells[id].get(name) for name in cell} == cell, id


def test_commands_do_what_methods_do_and_never_raise() -> None:
    made, service = scripted(say("x" * 5000), models=["tiny"])
    assert made.wait(20)
    front = Front(made)
    first = f"{made.rows[0].id}:{made.columns[0].id}:0"
    assert len(front.cells[first]["text"]) < 5000
    assert front.cells[first]["cut"] is True
    opened = made.perform(OpenCell(id=1, cell=first))
    assert len(opened.data["text"]) == 5000
    assert opened.data["receipt"]["model"] == "tiny"
    assert made.perform(RateCell(id=2, cell=first, rating=4)).ok
    assert front.cells[first]["rating"] == 4
    assert made.perform(Hello(id=3)).ok
    assert made.perform(AddPrompts(id=4, prompts=["three"])).ok
    assert made.perform(AddModels(id=5, models=["other"])).ok
    assert made.wait(20)
    assert len(service.requests) == 6
    assert made.perform(RerunCells(id=6, cells=[first])).ok
    assert made.wait(20)
    assert made.perform(RerunCells(id=7)).ok
    assert made.perform(StopCells(id=8)).ok
    assert made.perform(RemoveRow(id=9, row=made.rows[0].id)).ok
    assert made.perform(RemoveColumn(id=10, column=made.columns[1].id)).ok
    assert made.progress == (2, 2, 0.0)
    wrong = made.perform(OpenCell(id=11, cell="nothing"))
    assert not wrong.ok
    assert wrong.error is not None
    assert made.perform(RemoveRow(id=12, row="gone")).error.kind == "UsageError"  # type: ignore[union-attr]


def test_an_observer_can_leave() -> None:
    made, _ = scripted(say("a"))
    assert made.wait(20)
    seen: list[Op] = []
    leave = made.observe(seen.append)
    leave()
    made.rate((0, 0), 1)
    assert seen == []


def test_it_reads_well_as_text_and_as_html() -> None:
    made, _ = scripted(say("<b>bold</b>"), prompts=[f"prompt {n}" for n in range(20)], models=["tiny"], name="x")
    assert made.wait(20)
    shown = repr(made)
    assert shown.startswith("Comparison 'x': 20 of 20\n0  prompt 0\n   tiny: <b>bold</b>")
    assert shown.endswith("and 8 more prompts; .to_frame() has all")
    assert "&lt;b&gt;bold&lt;/b&gt;" in made._repr_html_()
    assert "<b>bold" not in made.html()


def test_two_cells_are_set_against_each_other_by_words() -> None:
    made, _ = scripted(echo, prompts=["say so"])
    assert made.wait(20)
    assert repr(made.diff((0, 0), made.cell(0, "other"))) == "[-tiny-]{+other+}: say so"


def test_a_column_is_found_by_its_model_too() -> None:
    made, _ = scripted(echo, models=["tiny"], options=[{"temperature": 0}, {"temperature": 1}])
    assert made.wait(20)
    assert made.cell(0, "tiny").key.column == made.columns[0].id


def test_a_cell_is_found_by_place_id_title_and_itself() -> None:
    made, _ = scripted(echo)
    assert made.wait(20)
    row, column = made.rows[1], made.columns[1]
    found = {made.cell(r, c).text for r in (1, row.id, row) for c in (1, "other", column.id, column)}
    assert found == {"other: two"}
    with pytest.raises(UsageError, match="There are: tiny, other"):
        made.cell(0, "nobody")
    with pytest.raises(UsageError, match="no sample 1"):
        made.cell(0, 0, 1)
    assert isinstance(made.cells()[0], Cell)
