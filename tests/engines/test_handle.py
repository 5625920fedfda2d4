"""What every handle promises, on a thread and on a process alike."""

from __future__ import annotations

import threading
import time

import pytest

from workbench import messages
from workbench.engines import LoadSpec
from workbench.engines.hosted import HostedEngine
from workbench.engines.inprocess import InProcessEngine
from workbench.engines.scripted import Fail, Need, Prefill, Say, Script, Wait, Weights
from workbench.errors import EngineError, EngineMissingError, ModelFilesError, StateError
from workbench.events import Failed, Finished, LoadProgress, PrefillProgress, TextDelta
from workbench.messages import Image
from workbench.request import Request

FOREVER = 60.0


@pytest.fixture(params=[HostedEngine, InProcessEngine])
def start(request, tmp_path):
    """Starts an engine; given a script, loads it too."""
    handles = []

    def start(script=None, engine="scripted"):
        handles.append(request.param(engine))
        if script is not None:
            list(handles[-1].load(spec_of(script, tmp_path), "load"))
        return handles[-1]

    yield start
    for handle in handles:
        handle.close(1)


def spec_of(script, folder):
    return LoadSpec(model="m", path=str(script.save(folder / "script.json")))


def ask(text="hello there"):
    return Request(messages=(messages.user(text),), model="m")


def answering(*steps):
    return Script(answering=steps)


def said(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def soon(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


class Background:
    """Pulls an iterator on a thread."""

    def __init__(self, events):
        self.events = []
        self.thread = threading.Thread(target=self._pull, args=(events,), daemon=True)
        self.thread.start()

    def _pull(self, events):
        for event in events:
            self.events.append(event)

    def wait_for(self, kind):
        soon(lambda: any(isinstance(event, kind) for event in self.events))

    def join(self, seconds=5.0):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "it never ended"
        return self.events


def test_a_model_is_loaded_asked_and_let_go(start, tmp_path):
    handle = start()
    assert handle.alive
    assert handle.loaded is None
    script = Script(loading=(Weights(bytes=1000, seconds=0.05),), context_length=99)
    steps = list(handle.load(spec_of(script, tmp_path), "l"))
    assert [step.done for step in steps] == [*range(100, 1001, 100), 1000]
    assert {(step.run, step.model, step.total) for step in steps} == {("l", "m", 1000)}
    assert [step.seconds for step in steps[:-1]] == [None] * 10
    assert steps[-1].seconds == handle.loaded.seconds >= 0.05
    assert (handle.loaded.engine, handle.loaded.context_length) == ("scripted", 99)

    request = ask("one two three")
    events = list(handle.generate([request]))
    assert said(events) == "one two three"
    assert {event.run for event in events} == {request.run}
    assert isinstance(events[-1], Finished)
    assert events[-1].usage.prompt_tokens == handle.count_tokens(request) == 4
    assert handle.render(request) == "user: one two three"

    handle.close()
    handle.close()
    assert not handle.alive


def test_the_repr_is_the_same_every_time(start):
    handle = start(Script())
    assert repr(handle) == f"{type(handle).__name__}('scripted', model='m', alive=True)"


def test_peak_memory_is_measured_where_the_engine_does_not_tell(start):
    peak = list(start(Script()).generate([ask()]))[-1].metrics.peak_memory
    assert peak is None or 2**20 < peak < 2**34


def test_several_requests_at_once_each_end_once(start):
    requests = [ask(f"number {number}") for number in range(3)]
    events = list(start(Script()).generate(requests))
    for number, request in enumerate(requests):
        own = [event for event in events if event.run == request.run]
        assert said(own) == f"number {number}"
        assert [type(event) for event in own].count(Finished) == 1


def test_everything_crosses_the_border_whole(start):
    text = 'Ünï "quoted" \\ \n\u2028 \U0001f600 \x00 ' + "long " * 100_000
    request = Request(messages=(messages.user(text, Image(bytes(range(256)) * 8000)),), model="m")
    assert said(start(Script()).generate([request])) == text


def test_a_run_is_cancelled_in_the_middle(start):
    handle, request = start(answering(Say("x ", times=100_000, rate=200))), ask()
    run = Background(handle.generate([request]))
    run.wait_for(TextDelta)
    started = time.perf_counter()
    handle.cancel(request.run)
    events = run.join()
    assert time.perf_counter() - started < 0.3
    assert events[-1].reason == "cancelled"
    assert said(events) == "x " * events[-1].usage.completion_tokens


def test_a_run_that_waits_its_turn_is_cancelled_without_being_begun(start):
    handle, first, second = start(answering(Say("x ", times=100_000, rate=200))), ask(), ask()
    going = Background(handle.generate([first]))
    going.wait_for(TextDelta)
    waiting = Background(handle.generate([second]))
    soon(lambda: second.run in handle._calls.generating())
    handle.cancel(second.run)
    handle.cancel("unknown")
    handle.cancel(first.run)
    assert waiting.join() == [Finished(run=second.run, reason="cancelled")]
    assert going.join()[-1].reason == "cancelled"


def test_counting_waits_behind_a_run(start):
    handle, request = start(answering(Say("x ", times=30, rate=100))), ask()
    run = Background(handle.generate([request]))
    run.wait_for(TextDelta)
    assert handle.count_tokens(request) == 3
    assert isinstance(run.join(0.5)[-1], Finished)


def test_leaving_the_iterator_cancels_the_run(start):
    handle = start(answering(Say("x ", times=100_000, rate=200)))
    events = handle.generate([ask()])
    next(event for event in events if isinstance(event, TextDelta))
    events.close()
    started = time.perf_counter()
    assert handle.count_tokens(ask()) == 3
    assert time.perf_counter() - started < 0.5


def test_a_load_is_cancelled_and_the_handle_still_serves(start, tmp_path):
    handle = start()
    slow = Script(loading=(Weights(bytes=6000, seconds=FOREVER, pieces=6000),))
    load = Background(handle.load(spec_of(slow, tmp_path), "l"))
    load.wait_for(LoadProgress)
    started = time.perf_counter()
    handle.cancel("l")
    assert load.join()[-1] == Finished(run="l", reason="cancelled")
    assert time.perf_counter() - started < 0.5
    assert handle.loaded is None
    assert list(handle.load(spec_of(Script(), tmp_path), "l"))[-1].seconds is not None
    assert handle.alive


def test_a_load_cancels_the_run_that_is_going(start, tmp_path):
    handle = start(answering(Say("x ", times=100_000, rate=200)))
    run = Background(handle.generate([ask()]))
    run.wait_for(TextDelta)
    list(handle.load(spec_of(answering(Say("new")), tmp_path), "l2"))
    assert run.join()[-1].reason == "cancelled"
    assert said(handle.generate([ask()])) == "new"


def test_closing_ends_runs_as_cancelled_and_later_ones_too(start):
    handle = start(answering(Prefill(tokens=10, seconds=FOREVER)))
    run = Background(handle.generate([ask()]))
    run.wait_for(PrefillProgress)
    started = time.perf_counter()
    handle.close()
    assert run.join()[-1].reason == "cancelled"
    assert time.perf_counter() - started < 1
    assert not handle.alive
    request = ask()
    assert list(handle.generate([request])) == [Finished(run=request.run, reason="cancelled")]
    with pytest.raises(StateError, match="closed"):
        handle.count_tokens(request)


def test_a_foreign_exception_is_mapped_and_keeps_its_traceback(start):
    handle = start(answering(Say("some "), Fail("out of luck")))
    events = list(handle.generate([ask()]))
    assert said(events) == "some "
    assert isinstance(events[-1], Failed)
    assert events[-1].error.kind == "EngineError"
    assert "RuntimeError: out of luck" in events[-1].error.message
    assert "Traceback" in events[-1].error.details
    assert handle.alive


def test_a_load_that_fails_raises_and_leaves_nothing_loaded(start, tmp_path):
    handle = start(Script())
    with pytest.raises(ModelFilesError, match="is no script"):
        list(handle.load(LoadSpec(model="m", path=str(tmp_path / "nothing")), "l"))
    with pytest.raises(EngineError, match="no memory for that"):
        list(handle.load(spec_of(Script(loading=(Fail("no memory for that"),)), tmp_path), "l"))
    assert handle.loaded is None
    [failed] = handle.generate([ask()])
    assert failed.error.kind == "StateError"
    with pytest.raises(StateError, match="No model is loaded"):
        handle.render(ask())


def test_an_unknown_engine_names_the_ones_there_are(start, tmp_path):
    with pytest.raises(EngineMissingError, match=r"no engine 'nonsense'.*llama_cpp, mlx"):
        list(start(engine="nonsense").load(spec_of(Script(), tmp_path), "l"))


def test_a_missing_package_is_named_with_the_way_to_install_it(start, tmp_path):
    script = Script(loading=(Need("not_installed_anywhere.inside"),))
    with pytest.raises(EngineMissingError, match="pip install not-installed-anywhere"):
        list(start().load(spec_of(script, tmp_path), "l"))


def test_calls_from_many_threads_do_not_mix(start):
    handle = start(Script())
    requests = [ask(f"thread {number} says {'so ' * number}") for number in range(8)]
    runs = [Background(handle.generate([request])) for request in requests]
    counts = [handle.count_tokens(request) for request in requests]
    for request, run, count in zip(requests, runs, counts, strict=True):
        assert said(run.join()) == request.messages[0].text
        assert count == len(request.messages[0].text.split()) + 1


def test_waiting_steps_of_a_load_hear_a_cancel_too(start, tmp_path):
    handle = start()
    load = Background(handle.load(spec_of(Script(loading=(Wait(FOREVER),)), tmp_path), "l"))
    soon(lambda: handle._calls.loading(1))
    handle.cancel("l")
    assert load.join() == [Finished(run="l", reason="cancelled")]


def test_a_prompt_is_counted_and_shown_while_an_answer_is_written(start):
    engine = start(answering(Say("word ", times=6000, rate=100)))
    request = ask("one two three")
    run = Background(engine.generate([request]))
    run.wait_for(TextDelta)
    assert engine.count_tokens(request) == 4
    assert engine.render(request) == "user: one two three"
    assert not any(isinstance(event, Finished) for event in run.events)
    engine.cancel(request.run)
    assert run.join()[-1].reason == "cancelled"


def test_an_engine_that_keeps_nothing_saves_and_restores_nothing(start, tmp_path):
    engine = start(answering(Say("hi")))
    assert engine.save_cache(ask(), tmp_path / "x") == 0
    assert engine.restore_cache(tmp_path / "x") == 0
