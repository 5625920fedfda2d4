from __future__ import annotations

import _thread
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from tests.servers.scripted import CUT, DONE, ScriptedServer, data, stream, text
from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say
from workbench.errors import ContextOverflowError, EmptyPromptError, FolderError, UsageError
from workbench.events import Event, Finished, Metrics, TextDelta, Usage
from workbench.request import Request
from workbench.services.registry import Services
from workbench.sessions.comparing.benchmark import Benchmark, benchmark
from workbench.sessions.comparing.benchmark_prompts import marked
from workbench.sessions.comparing.benchmark_prompts import text as made
from workbench.sessions.comparing.benchmark_run import Step


def quiet(step: Step) -> None:
    """Shows nothing."""


def measured(service: ScriptedService, *models: Any, **given: Any) -> Benchmark:
    """A benchmark of scripted models; two of the first's runs are its warm-up."""
    services: Any = ScriptedServices(service)
    return benchmark(
        models or "tiny", services=services, on_progress=quiet, **{"lengths": ("short",), "max_tokens": 8, **given}
    )


def counting(request: Request, cancelled: threading.Event, cached: int = 0) -> Iterator[Event]:
    """Answers with as many prompt tokens as there are words, six around them, and a speed that grows."""
    tokens = len(request.messages[-1].text.split()) + 6
    yield TextDelta(run=request.run, text="x")
    yield Finished(
        run=request.run,
        reason="length",
        usage=Usage(prompt_tokens=tokens, cached_tokens=cached, completion_tokens=8),
        metrics=Metrics(ttft_s=tokens / 100, prefill_tps=100.0, decode_tps=float(tokens), peak_memory=5_000_000),
    )


@pytest.fixture(scope="module")
def builtin() -> Iterator[Benchmark]:
    """The model that ships, measured for real."""
    services = Services()
    yield benchmark("builtin", runs=2, lengths=("short", 200), max_tokens=6, services=services, on_progress=quiet)
    services.close()


def test_the_model_that_ships(builtin: Benchmark) -> None:
    (subject,) = builtin.models
    assert subject.error is None
    assert subject.load_s
    assert subject.load_s > 0
    assert (subject.provider, subject.context_length) == ("local", 2048)
    assert {"python", "workbench", "mlx"} <= set(subject.versions)
    assert [(run.prompt, run.run) for run in builtin.runs] == [
        ("short", 1),
        ("200 tokens", 1),
        ("short", 2),
        ("200 tokens", 2),
    ]
    for run in builtin.runs:
        assert run.error is None
        assert run.ttft_s
        assert run.prefill_tps
        assert run.decode_tps
        assert run.peak_memory
        assert run.cached_tokens is not None
        assert run.cached_tokens <= 12
    assert {abs(run.prompt_tokens - 200) < 40 for run in builtin.runs if run.prompt != "short"} == {True}


def test_its_tables(builtin: Benchmark) -> None:
    frame = builtin.to_frame()
    assert len(frame) == 4
    assert list(frame["prompt"]) == ["short", "200 tokens"] * 2
    summary = builtin.summary()
    assert list(summary["prompt"]) == ["short", "200 tokens"]
    assert (summary["decode_tps_low"] <= summary["decode_tps"]).all()
    assert (summary["decode_tps"] <= summary["decode_tps_high"]).all()
    shown = repr(builtin)
    for word in ("builtin", "prefill tok/s", "200 tokens", "mlx-lm", "python", "cores", "Medians of 2 runs"):
        assert word in shown
        assert word in builtin._repr_html_()
    assert builtin.chart().chart is not None


def test_a_model_in_a_folder_goes_by_its_last_name() -> None:
    service = ScriptedService(counting, models=("/far/away/on/this/disk/tiny.gguf",))
    found = measured(service, "/far/away/on/this/disk/tiny.gguf", runs=1)
    assert "/far" not in repr(found)
    assert "/far" not in found._repr_html_()
    assert found.chart().words.startswith("Time to first token, median seconds: tiny.gguf, short")
    assert found.rows()[0]["model"] == "/far/away/on/this/disk/tiny.gguf"


def test_saved_and_loaded(builtin: Benchmark, tmp_path: Path) -> None:
    path = builtin.save(tmp_path / "bench.json")
    assert wb.Benchmark.load(path) == builtin
    kept = json.loads(path.read_text())
    assert kept["runs"][0]["model"] == "builtin"
    path.write_text(json.dumps({**kept, "format": 99}))
    with pytest.raises(UsageError, match="newer workbench"):
        Benchmark.load(path)
    for wrong in ("{}", "[1]", "no", "\xff", '{"format": "x"}'):
        path.write_bytes(wrong.encode("latin-1"))
        with pytest.raises(UsageError, match="no saved benchmark"):
            Benchmark.load(path)
    with pytest.raises(FolderError, match="cannot be read"):
        Benchmark.load(tmp_path / "missing.json")
    with pytest.raises(FolderError, match="cannot be written"):
        builtin.save(tmp_path / "missing/bench.json")


def test_no_two_prompts_begin_alike_and_each_has_its_length() -> None:
    service = ScriptedService(counting)
    bench = measured(service, lengths=(20, 40), max_tokens=10, runs=3)
    prompts = [request.messages[-1].text for request in service.requests]
    assert prompts[0] == "Hi"
    assert len({prompt[:14] for prompt in prompts}) == len(prompts) == 2 + 6
    assert [run.prompt_tokens for run in bench.runs] == [pytest.approx(n + 6, abs=3) for n in (20, 40)] * 3
    assert all(request.options.temperature == 0 for request in service.requests)
    assert {request.options.max_tokens for request in service.requests[2:]} == {10}


def test_a_prompt_that_does_not_fit_is_made_shorter_and_one_that_adds_nothing_left_out() -> None:
    service = ScriptedService(counting)  # its context is 100 tokens
    bench = measured(service, lengths=("short", "medium", "long"), max_tokens=10)
    assert {run.prompt for run in bench.runs} == {"short", "medium"}
    assert all((run.prompt_tokens or 0) + 10 <= 100 for run in bench.runs)
    assert bench.models[0].notes == (
        "medium is about 78 tokens, not 512: the context is 100 tokens.",
        "long (2,048 tokens) was left out: the context is 100 tokens.",
    )
    assert "tiny: medium is about 78 tokens" in repr(bench)
    assert [r.prompt for r in measured(service, max_tokens=90).runs] == []


def test_own_prompts_keep_their_names_and_get_a_beginning() -> None:
    service = ScriptedService(counting)
    bench = measured(service, prompts={"capital": "What is the capital?"}, runs=2)
    assert [run.prompt for run in bench.runs] == ["capital", "capital"]
    sent = [request.messages[-1].text for request in service.requests[2:]]
    assert all(text.endswith(") What is the capital?") for text in sent)
    assert len(set(sent)) == 2
    assert {r.prompt for r in measured(service, prompts=["a", "b"]).runs} == {"prompt 1", "prompt 2"}


def test_runs_that_a_cache_helped_do_not_count_for_prefill() -> None:
    def cached(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        return counting(request, cancelled, cached=30)

    service = ScriptedService(counting, counting, counting, cached, counting)
    bench = measured(service, runs=3)
    assert [run.ttft_s is None for run in bench.runs] == [False, True, False]
    assert bench.runs[1].prefill_tps is None
    assert bench.runs[1].decode_tps
    assert "30 of" in bench.runs[1].note
    assert "because a cache had read their prompt: 1." in repr(bench)
    (row,) = bench.rows()
    assert row["runs"] == 3
    assert row["prefill_tps"] == 100.0


def test_a_model_that_fails_has_its_error_in_its_place() -> None:
    service = ScriptedService(counting)
    bench = measured(service, "gone", "tiny", runs=1)
    assert bench.models[0].error
    assert "There is no model 'gone'" in bench.models[0].error.message
    assert [run.model for run in bench.runs] == ["tiny"]
    assert [row["error"] is None for row in bench.rows()] == [False, True]
    assert "gone: There is no model 'gone'" in repr(bench)
    service.load_error = ContextOverflowError("It does not load.").info
    assert measured(service).models[0].error == service.load_error


def test_a_run_that_fails_is_not_tried_again_and_the_others_go_on() -> None:
    service = ScriptedService(counting, counting, fail(ContextOverflowError("Too long.")), counting)
    bench = measured(service, prompts=["a", "b"], runs=3)
    assert [(run.prompt, run.error is None) for run in bench.runs] == [
        ("prompt 1", False),
        ("prompt 2", True),
        ("prompt 2", True),
        ("prompt 2", True),
    ]
    assert "tiny, prompt 1: Too long." in repr(bench)
    assert bench.rows()[0]["error"] == "Too long."


def test_an_interrupt_keeps_what_is_measured() -> None:
    stopped = threading.Event()

    def interrupted(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        try:
            _thread.interrupt_main()
            while not cancelled.wait(0.01):
                yield TextDelta(run=request.run, text="x")
        finally:
            stopped.set()

    bench = measured(ScriptedService(counting, counting, counting, interrupted), "tiny", "other", runs=3)
    assert bench.stopped
    assert stopped.is_set()
    assert [run.run for run in bench.runs] == [1]
    assert bench.models[0].load_s is not None
    assert "It was interrupted" in repr(bench)


def test_the_model_is_loaded_anew_and_unloaded_at_the_end() -> None:
    done: list[tuple[str, str | None]] = []

    class Watched(ScriptedService):
        def load(self, model: str, *, run: str | None = None, force: bool = False) -> Iterator[Event]:
            done.append(("load", model))
            return super().load(model, run=run, force=force)

        def unload(self, model: str | None = None) -> None:
            done.append(("unload", model))

    service = Watched(counting)
    bench = measured(service, "tiny", service.models()[0], force=True)
    assert [subject.model for subject in bench.models] == ["tiny"]
    assert done == [("unload", "tiny"), ("load", "tiny"), ("unload", "tiny")]


def test_progress_is_told_from_code() -> None:
    steps: list[Step] = []
    services: Any = ScriptedServices(ScriptedService(say("a")))
    benchmark("tiny", runs=2, lengths=("short",), max_tokens=8, services=services, on_progress=steps.append)
    assert [step.done for step in steps] == [0, 0, 0, 1, 2]
    assert {step.total for step in steps} == {2}
    assert steps[2].words == "tiny: short, run 1 of 2"
    assert [step.ended for step in steps] == [False] * 4 + [True]


def test_progress_is_one_line_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stderr", shown := Terminal())
    services: Any = ScriptedServices(ScriptedService(say("a")))
    benchmark("tiny", runs=1, lengths=("short",), max_tokens=8, services=services)
    assert shown.getvalue().count("\n") == 1
    assert "1 of 1 runs, done after" in shown.getvalue()


def chunks(prompt_tokens: int) -> bytes:
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": 2}
    return stream(text("a"), text("b"), data({"choices": [], "usage": usage}), DONE)


def test_a_server_s_model_has_what_can_be_known() -> None:
    services = Services()
    with ScriptedServer([chunks(9)], [chunks(73)], [chunks(74)]) as server:
        services.connect(server.url, name="far")
        bench = benchmark("far:big", lengths=("short",), runs=2, services=services, on_progress=quiet)
        assert len(server.requests) == 4
    (subject,) = bench.models
    assert (subject.load_s, subject.engine, subject.error) == (None, None, None)
    for run in bench.runs:
        assert run.ttft_s
        assert (run.prompt_tokens, run.completion_tokens, run.prefill_tps, run.peak_memory) == (74, 2, None, None)
    assert "\u2013" in repr(bench)
    services.close()


def test_a_server_that_breaks_off_and_one_that_nobody_allowed() -> None:
    services = Services()
    with ScriptedServer([chunks(9)], [chunks(73)], [stream(text("a"), end=False), CUT], [chunks(74)]) as server:
        services.connect(server.url, name="far")
        services.connect("https://api.example/v1", name="paid")
        bench = benchmark(["far:big", "paid:big"], prompts=["x", "y"], runs=1, services=services, on_progress=quiet)
    assert [run.error is None for run in bench.runs] == [False, True]
    assert bench.models[1].error
    assert bench.models[1].error.kind == "ConsentNeededError"
    services.close()


def test_arguments_that_are_none() -> None:
    for given, words in (
        ({"models": []}, "No model is named"),
        ({"runs": 0}, "runs must be"),
        ({"runs": True}, "runs must be"),
        ({"max_tokens": 0}, "max_tokens must be"),
        ({"lengths": ("tall",)}, "'tall' is no length"),
        ({"lengths": (0,)}, "0 is no length"),
        ({"lengths": ()}, "No length is named"),
    ):
        with pytest.raises(UsageError, match=words):
            benchmark(**{"models": "builtin", **given})
    for prompts in ([], [" "], {"a": ""}, ""):
        with pytest.raises(EmptyPromptError):
            benchmark("builtin", prompts)


def test_made_texts() -> None:
    for words in (16, 49, 400):
        assert len(made(words, "seed").split()) == words
    assert made(50, "a") == made(50, "a") != made(50, "b")
    assert marked("Hello", "a1") == "(a1) Hello"
