"""A local service's lines, loads and evictions, mostly over scripted engines in real host processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing

import msgspec
import psutil
import pytest

from tests.services.contract import ask, text, wait_for
from workbench import builtin
from workbench.engines import hosts
from workbench.engines.scripted import Crash, Fail, Say, Script, Wait, Weights
from workbench.errors import EngineError, EngineMissingError, ModelFilesError
from workbench.events import Failed, Finished, LoadProgress, Notice, Queued, TextDelta
from workbench.manager import inventory, machine
from workbench.manager.fit import PROGRAM, fit
from workbench.services import local as module
from workbench.services import room
from workbench.services.local import LocalChatService
from workbench.store import settings, usage

HOST_BYTES = PROGRAM["json"] + 10_000
"""What a scripted model is counted for, its file included."""
TALK = Script(answering=(Say("word ", times=2000, rate=100),))
QUICK = Script(answering=(Say("Hello "), Say("there")))


@pytest.fixture
def scripted(tmp_path):
    """Makes a model that plays a script; gives its id."""

    def make(name, script=QUICK):
        return str(script.save(tmp_path / f"{name}.json"))

    return make


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes local services with a register of their own."""
    monkeypatch.setattr(module, "_register", lambda: tmp_path / "hosts")
    made = []

    def make_service(**options):
        made.append(LocalChatService(**options))
        return made[-1]

    yield make_service
    for service in made:
        service.close()
    assert hosts.live(tmp_path / "hosts") == []


def start(service, request):
    """A run on a thread of its own: its events as they come, and the thread."""
    events = []
    thread = threading.Thread(target=lambda: [events.append(e) for e in service.stream(request)])
    thread.start()
    return events, thread


def begun(service, request):
    """The same, once text came."""
    events, thread = start(service, request)
    assert wait_for(lambda: text(events))
    return events, thread


def end(service, model, **options):
    return list(service.stream(ask(model, **options)))[-1]


def status(service, model):
    return next((m.status for m in service.models() if m.id == model), None)


def test_a_model_is_loaded_when_asked_and_stays(make, scripted):
    service, model = make(), scripted("a", Script(loading=(Weights(bytes=1000),), answering=QUICK.answering))
    first, second = (list(service.stream(ask(model))) for _ in range(2))
    progress = [e for e in first if isinstance(e, LoadProgress)]
    assert [e.done for e in progress] == sorted(e.done for e in progress)
    assert progress[-1].done == progress[-1].total == 1000
    assert first[-1].metrics.load_s == progress[-1].seconds > 0
    assert text(first) == text(second) == "Hello there"
    assert not any(isinstance(e, LoadProgress) for e in second)
    assert second[-1].metrics.load_s is None
    assert status(service, model) == "loaded"


def test_runs_wait_their_turn_and_are_told_their_place(make, scripted):
    service, model = make(), scripted("a", TALK)
    requests = [ask(model) for _ in range(3)]
    going, first = begun(service, requests[0])
    waiting, second = start(service, requests[1])
    assert wait_for(lambda: waiting)
    last, third = start(service, requests[2])
    assert wait_for(lambda: last)
    assert [e.position for e in waiting] == [1]
    assert [e.position for e in last] == [2]
    service.cancel(requests[0].run)
    assert wait_for(lambda: text(waiting))
    assert [e.position for e in last] == [2, 1]
    for request, thread in zip(requests[1:], (second, third), strict=True):
        service.cancel(request.run)
        thread.join(10)
    first.join(10)
    assert [events[-1].reason for events in (going, waiting, last)] == ["cancelled"] * 3
    assert not any(isinstance(e, TextDelta) for e in last[:2])


def ends(events, requests):
    """How each run ended; each did once."""
    last = [[e for e in events if e.run == r.run and isinstance(e, Finished | Failed)] for r in requests]
    return [end.reason if isinstance(end, Finished) else end.error.kind for (end,) in last]


def test_several_requests_are_one_stream_and_one_place_in_line(make, scripted):
    service, model = make(), scripted("a", TALK)
    first = ask(model)
    _, going = begun(service, first)
    requests, events = [ask(model) for _ in range(3)], []
    thread = threading.Thread(target=lambda: [events.append(e) for e in service.stream_many(requests)])
    thread.start()
    assert wait_for(lambda: len(events) == 3)
    assert [(e.run, e.position) for e in events] == [(r.run, 1) for r in requests]
    last, third = start(service, ask(model))
    assert wait_for(lambda: last)
    assert last[0].position == 2
    service.cancel(requests[1].run)
    assert wait_for(lambda: any(isinstance(e, Finished) and e.run == requests[1].run for e in events))
    service.cancel(first.run)
    for request in requests:
        assert request is requests[1] or wait_for(lambda run=request.run: text(e for e in events if e.run == run))
        service.cancel(request.run)
    thread.join(15)
    assert ends(events, requests) == ["cancelled"] * 3
    assert not any(isinstance(e, TextDelta) for e in events if e.run == requests[1].run)
    service.cancel(last[0].run)
    for each in (going, third):
        each.join(15)


def test_the_first_of_several_is_told_of_the_load_and_all_of_its_failure(make, scripted, tmp_path):
    service = make()
    model = scripted("a", Script(loading=(Weights(bytes=1000),), answering=QUICK.answering))
    requests = [ask(model) for _ in range(3)]
    events = list(service.stream_many(requests))
    assert ends(events, requests) == ["stop"] * 3
    assert {e.run for e in events if isinstance(e, LoadProgress)} == {requests[0].run}
    assert [e.metrics.load_s is None for e in events if isinstance(e, Finished)] == [False, True, True]
    bad = scripted("bad", Script(loading=(Fail("It is damaged."),)))
    requests = [ask(bad) for _ in range(2)]
    assert ends(list(service.stream_many(requests)), requests) == ["EngineError"] * 2
    requests = [ask(model), ask(bad)]
    assert ends(list(service.stream_many(requests)), requests) == ["UsageError"] * 2
    assert list(service.stream_many([])) == []


def test_several_can_be_cancelled_while_their_model_loads(make, scripted):
    service = make()
    model = scripted("slow", Script(loading=(Weights(bytes=1000, seconds=1),), answering=QUICK.answering))
    requests, events = [ask(model) for _ in range(3)], []
    for event in service.stream_many(requests):
        events.append(event)
        if isinstance(event, LoadProgress) and len(events) == 1:
            service.cancel(requests[0].run)
            service.cancel(requests[2].run)
    assert ends(events, requests) == ["cancelled", "stop", "cancelled"]
    assert events[-1].run == requests[1].run
    service.unload()
    requests = [ask(model) for _ in range(2)]
    stream = service.stream_many(requests)
    assert isinstance(next(stream), LoadProgress)
    for request in requests:
        service.cancel(request.run)
    assert ends(list(stream), requests) == ["cancelled"] * 2
    assert status(service, model) is None


def test_leaving_several_early_cancels_all(make, scripted):
    service, model = make(), scripted("a", TALK)
    with closing(service.stream_many([ask(model), ask(model)])) as stream:
        next(e for e in stream if isinstance(e, TextDelta))
    assert end(service, scripted("b")).reason == "stop"
    assert wait_for(lambda: not any(place.line for place in service._places.values()))


def test_a_real_model_answers_several_at_the_same_time(make, tmp_path):
    service, asked = make(engine="mlx"), ("hello", "who are you?", "what can you do?", "tell me a story")
    requests = [ask("builtin", said, max_tokens=30, temperature=0.0) for said in asked]
    before = len(usage.all())
    events = list(service.stream_many(requests))
    assert set(ends(events, requests)) <= {"stop", "length"}
    assert {e.metrics.batch for e in events if isinstance(e, Finished)} == {4}
    assert len(usage.all()) == before
    for request in requests:
        again = ask("builtin", request.messages[0].text, max_tokens=30, temperature=0.0)
        assert text(service.stream(again)) == text(e for e in events if e.run == request.run)


def test_a_host_that_dies_fails_what_it_answered_and_the_next_gets_a_new_one(make, scripted):
    service, model = make(), scripted("a", Script(answering=(Say("one "), Wait(0.2), Crash())))
    requests = [ask(model) for _ in range(2)]
    events = list(service.stream_many(requests))
    assert ends(events, requests) == ["HostCrashedError"] * 2
    assert [text(e for e in events if e.run == r.run) for r in requests] == ["one "] * 2
    assert [e.metrics.load_s is None for e in events if isinstance(e, Failed)] == [False] * 2


def test_a_queued_run_can_be_cancelled_and_the_line_moves_on(make, scripted):
    service, model = make(), scripted("a", TALK)
    requests = [ask(model) for _ in range(2)]
    _, first = begun(service, requests[0])
    waiting, second = start(service, requests[1])
    assert wait_for(lambda: waiting)
    service.cancel(requests[1].run)
    second.join(5)
    assert [type(e) for e in waiting] == [Queued, Finished]
    assert waiting[-1].reason == "cancelled"
    assert first.is_alive()
    service.cancel(requests[0].run)
    first.join(5)


def test_a_load_can_be_cancelled(make, scripted):
    service = make()
    model = scripted("slow", Script(loading=(Weights(bytes=1000, seconds=5),)))
    request = ask(model)
    started = None
    for event in service.stream(request):
        if isinstance(event, LoadProgress) and started is None:
            assert status(service, model) == "loading"
            started = time.monotonic()
            service.cancel(request.run)
    assert event.reason == "cancelled"
    assert time.monotonic() - started < 5
    assert status(service, model) is None
    assert end(service, scripted("slow")).reason == "stop"


def test_leaving_while_loading_ends_the_host(make, scripted, tmp_path):
    service = make()
    model = scripted("slow", Script(loading=(Weights(bytes=1000, seconds=5),)))
    with closing(service.stream(ask(model))) as stream:
        next(e for e in stream if isinstance(e, LoadProgress))
        (record,) = hosts.live(tmp_path / "hosts")
    assert wait_for(lambda: not psutil.pid_exists(record.pid))
    assert hosts.live(tmp_path / "hosts") == []


def test_an_explicit_load_of_what_is_answering_cancels_the_run_first(make, scripted):
    service, model = make(), scripted("a", TALK)
    going, thread = begun(service, ask(model))
    events = list(service.load(model, run="l"))
    thread.join(5)
    assert going[-1].reason == "cancelled"
    assert events[-1].seconds is not None
    assert {e.run for e in events} == {"l"}
    assert status(service, model) == "loaded"


def test_an_explicit_load_of_what_is_loading_waits_for_it(make, scripted):
    service = make()
    model = scripted("a", Script(loading=(Weights(bytes=1000, seconds=0.5),), answering=TALK.answering))
    request = ask(model)
    going, thread = start(service, request)
    assert wait_for(lambda: status(service, model) == "loading")
    events = list(service.load(model))
    assert [e.seconds for e in events] == [0.0]
    assert wait_for(lambda: text(going))
    service.cancel(request.run)
    thread.join(5)
    assert going[-1].reason == "cancelled"


def test_unloading_cancels_the_run_and_ends_the_process(make, scripted, tmp_path):
    service, model = make(), scripted("a", TALK)
    other = scripted("b")
    assert end(service, other).reason == "stop"
    going, thread = begun(service, ask(model))
    (record,) = [h for h in hosts.live(tmp_path / "hosts") if h.model == model]
    service.unload(model)
    thread.join(5)
    assert going[-1].reason == "cancelled"
    assert not psutil.pid_exists(record.pid)
    assert (status(service, model), status(service, other)) == (None, "loaded")
    service.unload()
    assert status(service, other) is None
    assert end(service, other).reason == "stop"


def test_an_idle_model_is_unloaded_in_time(make, scripted, tmp_path):
    service, model = make(idle_timeout=0.3), scripted("a")
    assert end(service, model).reason == "stop"
    (record,) = hosts.live(tmp_path / "hosts")
    assert wait_for(lambda: not psutil.pid_exists(record.pid))
    assert wait_for(lambda: status(service, model) is None)
    assert end(service, model).reason == "stop"


def test_the_settings_say_when_a_model_is_idle(make, scripted, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(module, "LOOK_S", 0.1)
    settings.change(idle_timeout=None)
    service, model = make(), scripted("a")
    assert end(service, model).reason == "stop"
    settings.change(idle_timeout=900)
    assert end(service, model).reason == "stop"
    assert status(service, model) == "loaded"
    settings.change(idle_timeout=1)
    assert wait_for(lambda: not hosts.live(tmp_path / "hosts"))
    assert status(service, model) is None


def test_a_model_at_work_is_not_idle(make, scripted):
    service = make(idle_timeout=0.2)
    model = scripted("a", Script(answering=(Say("a"), Wait(1.0), Say("b"))))
    events = list(service.stream(ask(model)))
    assert (text(events), events[-1].reason) == ("ab", "stop")


def test_a_host_that_crashes_fails_its_run_and_the_next_send_starts_another(make, scripted):
    service = make()
    model = scripted("a", Script(answering=(Say("Hel"), Wait(0.2), Crash("SIGSEGV"))))
    events = list(service.stream(ask(model)))
    assert text(events) == "Hel"
    assert events[-1].error.kind == "HostCrashedError"
    assert "SIGSEGV" in events[-1].error.message
    scripted("a", QUICK)
    assert end(service, model).reason == "stop"


@pytest.mark.parametrize("moment", ["answering", "idle"])
def test_a_killed_host_is_replaced(make, scripted, tmp_path, moment):
    service, model = make(), scripted("a", TALK if moment == "answering" else QUICK)
    events, thread = begun(service, ask(model))
    if moment == "idle":
        thread.join(5)
    (record,) = hosts.live(tmp_path / "hosts")
    os.kill(record.pid, signal.SIGKILL)
    thread.join(5)
    assert wait_for(lambda: status(service, model) is None)
    if moment == "answering":
        assert events[-1].error.kind == "HostCrashedError"
        assert "SIGKILL" in events[-1].error.message
    assert text(events)
    scripted("a", QUICK)
    assert end(service, model).reason == "stop"
    (after,) = hosts.live(tmp_path / "hosts")
    assert after.pid != record.pid


def test_a_load_that_fails_is_told_and_leaves_no_host(make, scripted, tmp_path):
    service = make()
    model = scripted("a", Script(loading=(Fail("no such layer"),)))
    (event,) = service.stream(ask(model))
    assert isinstance(event, Failed)
    assert "no such layer" in event.error.message + event.error.details
    assert hosts.live(tmp_path / "hosts") == []
    scripted("a", QUICK)
    assert end(service, model).reason == "stop"


def test_another_model_makes_the_first_leave_when_both_do_not_fit(make, scripted, tmp_path):
    service = make(memory_budget=int(1.5 * HOST_BYTES))
    one, two = scripted("one"), scripted("two")
    end(service, one)
    events = list(service.stream(ask(two)))
    (notice,) = [e for e in events if isinstance(e, Notice)]
    assert (notice.code, notice.model) == ("evicted", one)
    assert [type(e) for e in events].index(Notice) < [type(e) for e in events].index(LoadProgress)
    assert (status(service, one), status(service, two)) == (None, "loaded")
    assert [h.model for h in hosts.live(tmp_path / "hosts")] == [two]


def test_models_that_fit_together_stay_together_and_the_longest_unused_leaves(make, scripted):
    service = make(memory_budget=int(2.5 * HOST_BYTES))
    one, two, three = (scripted(name) for name in ("one", "two", "three"))
    for model in (one, two, one):
        assert not any(isinstance(e, Notice) for e in service.stream(ask(model)))
    end(service, three)
    assert [status(service, m) for m in (one, two, three)] == ["loaded", None, "loaded"]


def test_a_send_waits_for_the_run_that_holds_the_memory(make, scripted):
    service = make(memory_budget=int(1.5 * HOST_BYTES))
    one, two = scripted("one", TALK), scripted("two")
    request = ask(one)
    _, first = begun(service, request)
    waiting, second = start(service, ask(two))
    assert wait_for(lambda: waiting)
    assert isinstance(waiting[0], Queued)
    assert first.is_alive()
    service.cancel(request.run)
    second.join(10)
    assert [type(e) for e in waiting].count(Finished) == 1
    assert any(isinstance(e, Notice) for e in waiting)


def test_an_explicit_load_does_not_wait_for_the_run_that_holds_the_memory(make, scripted):
    service = make(memory_budget=int(1.5 * HOST_BYTES))
    one, two = scripted("one", TALK), scripted("two")
    going, thread = begun(service, ask(one))
    events = list(service.load(two))
    thread.join(5)
    assert going[-1].reason == "cancelled"
    assert isinstance(events[-1], LoadProgress)
    assert status(service, two) == "loaded"


def test_the_memory_of_other_kernels_counts(make, scripted, tmp_path):
    service, model = make(memory_budget=int(2.5 * HOST_BYTES)), scripted("a")
    elsewhere = hosts.record(os.getpid(), model="their-model", engine="mlx", size=2 * HOST_BYTES)
    hosts.add(tmp_path / "hosts", elsewhere)
    (event,) = service.stream(ask(model))
    assert event.error.kind == "ModelTooBigError"
    assert "their-model" in event.error.message
    hosts.remove(tmp_path / "hosts", elsewhere)
    assert end(service, model).reason == "stop"


def test_two_services_see_each_other(make, scripted):
    budget = int(2.5 * HOST_BYTES)
    mine, yours = make(memory_budget=budget), make(memory_budget=budget)
    end(mine, scripted("one"))
    end(yours, scripted("two"))
    events = list(mine.stream(ask(scripted("three"))))
    assert [e.model for e in events if isinstance(e, Notice)] == [scripted("one")]
    assert status(yours, scripted("two")) == "loaded"


def test_a_model_beyond_the_budget_is_refused_before_it_is_loaded(make, scripted):
    service = make(memory_budget=HOST_BYTES // 2)
    (event,) = service.stream(ask(scripted("a")))
    assert event.error.kind == "ModelTooBigError"
    assert "needs about 0.02 GB (weights " in event.error.message
    assert "models may take 0.01 GB here" in event.error.message
    assert "force=True" in event.error.next_step


def test_a_model_beyond_the_budget_is_loaded_when_forced(make, scripted, tmp_path):
    service, model, other = make(memory_budget=HOST_BYTES // 2), scripted("a"), scripted("b")
    (refused,) = service.load(model)
    assert refused.error.kind == "ModelTooBigError"
    events = list(service.load(model, force=True))
    (notice,) = [e for e in events if isinstance(e, Notice)]
    assert "does not fit, and was forced: it needs about 0.02 GB" in notice.message
    assert isinstance(events[-1], LoadProgress)
    assert end(service, model).reason == "stop"
    forced = msgspec.structs.replace(ask(other), force=True)
    assert list(service.stream(forced))[-1].reason == "stop"
    assert [h.model for h in hosts.live(tmp_path / "hosts")] == [other]


def test_force_does_not_wait_for_the_memory_of_other_kernels(make, scripted, tmp_path):
    service, model = make(memory_budget=int(2.5 * HOST_BYTES)), scripted("a")
    elsewhere = hosts.record(os.getpid(), model="their-model", engine="mlx", size=2 * HOST_BYTES)
    hosts.add(tmp_path / "hosts", elsewhere)
    assert list(service.load(model))[-1].error.kind == "ModelTooBigError"
    assert isinstance(list(service.load(model, force=True))[-1], LoadProgress)
    hosts.remove(tmp_path / "hosts", elsewhere)


def test_a_tight_fit_loads_and_says_so(make, scripted):
    service = make(memory_budget=int(1.1 * HOST_BYTES))
    events = list(service.stream(ask(scripted("a"))))
    (notice,) = [e for e in events if isinstance(e, Notice)]
    assert notice.code == "note"
    assert "is a tight fit: it needs about 0.02 GB (weights " in notice.message
    assert events[-1].reason == "stop"


def test_the_context_asked_for_counts(make):
    model = str(builtin.path("safetensors"))
    short, long = (fit(make().find(model), tokens).total for tokens in (256, 2048))
    service = make(memory_budget=(short + long) // 2)
    (event,) = service.stream(ask(model, context_length=2048))
    assert event.error.kind == "ModelTooBigError"
    assert "KV cache for 2,048 tokens" in event.error.message
    assert end(service, model, max_tokens=2, context_length=256).reason == "length"


def test_what_this_machine_gives_is_the_budget(make, scripted, monkeypatch):
    monkeypatch.setenv("WORKBENCH_MEMORY", "15 MB")
    (event,) = make().stream(ask(scripted("a")))
    assert "models may take 0.015 GB here" in event.error.message


@pytest.mark.parametrize("engine", ["mlx", "llama_cpp"])
def test_what_a_run_measured_is_kept(make, scripted, tmp_path, monkeypatch, engine):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    service = make(engine=engine)
    request = ask("builtin", temperature=0.0, max_tokens=30)
    finished = list(service.stream(request))[-1]
    assert wait_for(lambda: usage.measured("builtin"))
    (kept,) = usage.runs("builtin")
    list(service.stream(ask("builtin", max_tokens=2)))
    assert wait_for(lambda: len(usage.runs("builtin")) == 2)
    assert usage.runs("builtin")[0].load_s > 0  # the model was loaded before, and that took so long
    assert (kept.engine, kept.context_length) == (engine, 2048)
    assert (kept.load_s, kept.ttft_s) == (finished.metrics.load_s, finished.metrics.ttft_s)
    assert (kept.completion_tokens, kept.peak_memory) == (
        finished.usage.completion_tokens,
        finished.metrics.peak_memory,
    )
    assert kept.weights > 10**7
    assert abs(kept.at - time.time()) < 60


def test_a_played_script_is_no_measurement(make, scripted, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    service = make()
    assert end(service, scripted("a")).reason == "stop"
    assert not any(thread.name == "workbench usage" for thread in threading.enumerate())
    assert usage.all() == {}


def test_a_database_nobody_can_write_stops_no_answer(make, tmp_path, monkeypatch):
    service = make(engine="mlx")
    assert end(service, "builtin", max_tokens=2).reason == "length"
    (tmp_path / "home").write_text("not a folder")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    assert end(service, "builtin", max_tokens=2).reason == "length"


def test_two_models_answer_at_once(make, scripted):
    service = make()
    requests = [ask(scripted(name, TALK)) for name in ("one", "two")]
    answers = [begun(service, request) for request in requests]
    assert all(thread.is_alive() for _, thread in answers)
    service.cancel(requests[0].run)
    answers[0][1].join(5)
    length = len(answers[1][0])
    assert wait_for(lambda: len(answers[1][0]) > length)
    service.cancel(requests[1].run)
    answers[1][1].join(5)


def test_broken_files_never_reach_a_host(make, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HostedEngine", lambda engine: pytest.fail("a host was started"))
    folder = tmp_path / "model"
    folder.mkdir()
    for file in builtin.path("safetensors").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    service = make()
    (event,) = service.stream(ask(str(folder)))
    assert event.error.kind == "ModelFilesError"
    assert "truncated" in event.error.message
    with pytest.raises(ModelFilesError):
        service.find(str(folder))


@pytest.mark.parametrize("engine", ["mlx", "llama_cpp"])
def test_the_shipped_model_runs_on_the_engine_named(make, engine):
    service = make(engine=engine)
    assert service.find("builtin").engine == engine
    events = list(service.stream(ask("builtin", max_tokens=3)))
    assert text(events)
    (info,) = [m for m in service.models() if m.id == "builtin"]
    assert (info.engine, info.status, info.context_length) == (engine, "loaded", 2048)


def test_files_choose_their_engine_and_refuse_another(make):
    folder, file = (str(builtin.path(format)) for format in ("safetensors", "gguf"))
    assert make().find(folder).engine == "mlx"
    assert make().find(file).engine == "llama_cpp"
    (event,) = make(engine="mlx").stream(ask(file))
    assert isinstance(event.error.to_error(), EngineError)
    with pytest.raises(EngineMissingError):
        make(engine="abacus")


def test_an_engine_that_is_not_installed_is_said_in_the_list(make, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    service = make()
    (info,) = [m for m in service.models() if m.id == "builtin"]
    assert info.status == "failed"
    assert "not installed" in info.note
    (event,) = service.stream(ask("builtin"))
    assert event.error.kind == "EngineMissingError"


def test_the_context_asked_for_is_what_is_loaded(make):
    service = make()
    events = list(service.stream(ask("builtin", max_tokens=2, context_length=512)))
    assert events[-1].applied.context_length == 512
    assert next(m for m in service.models() if m.id == "builtin").context_length == 512


def test_tokens_are_counted_once_the_model_is_there(make, scripted):
    service, model = make(), scripted("a")
    request = ask(model, "one two three")
    assert service.count_tokens(request) is None
    assert service.render(request) is None
    list(service.load(request.model))
    assert service.render(request) == "user: one two three"
    assert service.count_tokens(request) == 4


def test_what_a_model_has_read_is_saved_and_restored_by_another_host(make, tmp_path):
    file = tmp_path / "chat.cache"
    request = ask("builtin", "tell me a story " * 20, max_tokens=4)
    first = make()
    assert first.save_cache(request, file) == 0  # it is not in memory, and not loaded for this
    list(first.stream(request))
    saved = first.save_cache(request, file)
    assert saved > 60
    first.close()
    second = make()
    assert second.restore_cache("builtin", tmp_path / "nowhere") == 0
    assert second.count_tokens(request) is None  # nor is it loaded for a file that is not there
    assert second.restore_cache("builtin", file) == saved
    assert list(second.stream(request))[-1].usage.cached_tokens == saved - 1
    file.write_bytes(file.read_bytes()[:-1])
    assert second.restore_cache("builtin", file) == 0
    assert end(second, "builtin").reason in ("stop", "length")


def test_what_may_be_kept_is_a_context_or_a_share_of_the_memory():
    need = fit(inventory.find("builtin"), machine=machine.this())
    assert room.cache_budget(need) == int(room.CACHE_SHARE * need.usable)
    long = msgspec.structs.replace(need, kv_cache=need.usable)
    assert room.cache_budget(long) == need.usable


def test_a_run_answered_nowhere_is_an_event(make):
    (event,) = make().stream(ask("/no/such/folder"))
    assert event.error.kind == "ModelNotFoundError"


def test_no_thread_stays_behind(make, scripted):
    before = set(threading.enumerate())
    service = make()
    end(service, scripted("a"))
    service.close()
    assert wait_for(lambda: set(threading.enumerate()) <= before)
