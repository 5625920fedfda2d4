from __future__ import annotations

import sys
import threading

import msgspec
import pytest

from workbench import messages
from workbench.engines import LoadSpec, worker
from workbench.engines.scripted import Say, Script, ScriptedEngine
from workbench.engines.wire import Ended, Exit, Generate, Happened, Load, Loaded
from workbench.engines.worker import PeakMemory, Worker
from workbench.events import Failed, Finished, Metrics, TextDelta
from workbench.request import Request


class Forgetful(ScriptedEngine):
    """Says nothing at the end of a run."""

    def _answer(self, request, cancelled):
        yield from (event for event in super()._answer(request, cancelled) if not isinstance(event, Finished))


class Talkative(ScriptedEngine):
    """Ends each run twice, talks on, and about a run that nobody asked for; tells its memory itself."""

    def _answer(self, request, cancelled):
        for event in super()._answer(request, cancelled):
            if isinstance(event, Finished):
                yield msgspec.structs.replace(event, metrics=Metrics(peak_memory=123))
            yield event
            yield msgspec.structs.replace(event, run="nobody")
        yield TextDelta(run=request.run, text="too late")


@pytest.fixture
def events_of(tmp_path, monkeypatch):
    """The events that runs of an engine of this class end up as."""

    def events_of(engine, *requests):
        monkeypatch.setattr(worker, "make_engine", lambda name: engine())
        answers = []

        def answer(given):
            answers.append(given)
            if isinstance(given, Ended):
                own.take(Exit())

        own = Worker("scripted", answer)
        path = Script(answering=(Say("a"), Say("b"))).save(tmp_path / "script.json")
        own.take(Load(call=1, run="l", spec=LoadSpec(model="m", path=str(path))))
        own.take(Generate(call=2, requests=requests))
        own.work()
        assert isinstance(answers[0], Loaded)
        assert answers[-1] == Ended(call=2)
        return [event for answer in answers[1:-1] if isinstance(answer, Happened) for event in answer.events]

    return events_of


def ask(run):
    return Request(messages=(messages.user("hello"),), model="m", run=run)


def test_a_run_that_the_engine_forgets_to_end_fails(events_of):
    events = events_of(Forgetful, ask("r"), ask("q"))
    ends = [event for event in events if isinstance(event, Failed | Finished)]
    assert [(event.run, event.error.kind) for event in ends] == [("r", "EngineError"), ("q", "EngineError")]


def test_nothing_comes_after_the_end_of_a_run_or_of_unknown_ones(events_of):
    events = events_of(Talkative, ask("r"), ask("q"))
    for run in "rq":
        own = [event for event in events if event.run == run]
        assert [event.text for event in own if isinstance(event, TextDelta)] == ["a", "b"]
        assert isinstance(own[-1], Finished)
    assert {event.run for event in events} == {"r", "q"}


def test_memory_that_the_engine_tells_is_believed(events_of):
    assert next(e for e in events_of(Talkative, ask("r")) if isinstance(e, Finished)).metrics.peak_memory == 123


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process reset its mark")
def test_peak_memory_is_that_of_its_own_time():
    big = bytearray(80 * 2**20)
    big[::4096] = b"x" * len(big[::4096])
    del big
    memory = PeakMemory()
    before = memory.read()
    block = bytearray(40 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    during = memory.read()
    del block
    assert 35 * 2**20 < during - before < 60 * 2**20
    assert memory.read() > during - 2**20  # the kernel counts in small lumps


def test_an_engine_is_used_from_one_thread_only(events_of):
    seen = set()

    class Watched(ScriptedEngine):
        def __getattribute__(self, name):
            seen.add(threading.get_ident())
            return super().__getattribute__(name)

    events_of(Watched, ask("r"))
    assert seen == {threading.get_ident()}
