from __future__ import annotations

import time

import pytest

from workbench import messages
from workbench.engines import LoadSpec, make_engine
from workbench.engines.scripted import (
    Call,
    Echo,
    Fail,
    Prefill,
    Print,
    Say,
    Script,
    ScriptedEngine,
    Think,
    Wait,
    Weights,
)
from workbench.errors import ModelFilesError, StateError
from workbench.events import Finished, PrefillProgress, ReasoningDelta, TextDelta, ToolCalled
from workbench.options import GenerationOptions
from workbench.request import Request


def request(text="hello there", **options):
    return Request(messages=(messages.user(text),), model="s", options=GenerationOptions(**options))


def play(tmp_path, *steps, asked=None, cancelled=lambda run: False):
    engine = loaded(tmp_path, Script(answering=steps))
    return list(engine.generate([asked or request()], cancelled))


def loaded(tmp_path, script):
    engine = make_engine("scripted")
    spec = LoadSpec(model="s", path=str(script.save(tmp_path / "script.json")))
    list(engine.load(spec, lambda: False))
    return engine


def test_steps_become_events_in_their_order(tmp_path):
    events = play(tmp_path, Prefill(tokens=20), Think("Hm. "), Say("Hi ", times=2), Call("add", '{"a": 1}'))
    kinds = [type(event) for event in events if not isinstance(event, PrefillProgress)]
    assert kinds[1:] == [ReasoningDelta, TextDelta, TextDelta, ToolCalled, Finished]
    assert [event.done for event in events if isinstance(event, PrefillProgress)] == list(range(0, 21, 2))
    assert events[-1].reason == "tool_calls"
    assert events[-1].usage.completion_tokens == 3
    assert events[-1].usage.reasoning_tokens == 1


def test_echo_says_what_was_said(tmp_path):
    events = play(tmp_path, Echo(), asked=request("one two  three"))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "one two  three"


def test_a_rate_is_kept(tmp_path):
    started = time.perf_counter()
    play(tmp_path, Say("x", times=20, rate=200))
    assert 0.1 <= time.perf_counter() - started < 0.4


def test_max_tokens_ends_the_answer_and_other_options_are_told_as_ignored(tmp_path):
    finished = play(tmp_path, Say("x", times=9), asked=request(max_tokens=4, seed=1, stop=("y",)))[-1]
    assert (finished.reason, finished.usage.completion_tokens) == ("length", 4)
    assert finished.ignored == ("stop", "seed")
    assert finished.applied == GenerationOptions(max_tokens=4)


@pytest.mark.parametrize("steps", [(Wait(30),), (Say("x", times=2, rate=0.01),), (Prefill(tokens=9, seconds=30),)])
def test_every_step_that_waits_hears_a_cancel(tmp_path, steps):
    started = time.perf_counter()
    events = play(tmp_path, *steps, cancelled=lambda run: time.perf_counter() - started > 0.05)
    assert time.perf_counter() - started < 1
    assert events[-1].reason == "cancelled"


def test_loading_shows_its_steps_and_ends_early_when_cancelled(tmp_path):
    path = Script(loading=(Weights(bytes=1000, pieces=10),)).save(tmp_path / "script.json")
    engine = ScriptedEngine()
    asked = iter([False] * 7 + [True] * 99)
    steps = list(engine.load(LoadSpec(model="s", path=str(path)), lambda: next(asked)))
    assert 1 <= len(steps) < 10
    assert all(total == 1000 for _, total in steps)
    assert list(engine.load(LoadSpec(model="s", path=str(path)), lambda: False))[-1] == (1000, 1000)
    assert engine.loaded.weights == 1000


def test_a_failure_is_the_frameworks_own(tmp_path):
    with pytest.raises(RuntimeError, match="out of luck"):
        play(tmp_path, Fail("out of luck"))


def test_printing_goes_where_it_says(tmp_path, capsys):
    play(tmp_path, Print("to out"), Print("to err", "stderr"))
    assert capsys.readouterr() == ("to out\n", "to err\n")


@pytest.mark.parametrize(
    "content", ["", "<html>", '{"answering": [{"do": "dance"}]}', '{"answering": [{"do": "say"}]}']
)
def test_what_is_no_script_is_refused(tmp_path, content):
    path = tmp_path / "script.json"
    path.write_text(content)
    with pytest.raises(ModelFilesError, match="is no script"):
        list(ScriptedEngine().load(LoadSpec(model="s", path=str(path)), lambda: False))


def test_nothing_works_before_a_load_or_after_an_unload(tmp_path):
    engine = loaded(tmp_path, Script())
    assert engine.count_tokens(request()) == 3
    assert engine.render(request()) == "user: hello there"
    engine.unload()
    with pytest.raises(StateError):
        _ = engine.loaded
    with pytest.raises(StateError):
        list(engine.generate([request()], lambda run: False))


def test_an_answer_is_gone_on_with_where_it_broke_off(tmp_path):
    begun = messages.assistant("Hi H", reasoning="Hm. ")
    asked = Request(messages=(messages.user("hello"), begun), model="s", continues=True)
    events = play(tmp_path, Think("Hm. "), Say("Hi ", times=3), asked=asked)
    assert [event.text for event in events if isinstance(event, TextDelta | ReasoningDelta)] == ["i ", "Hi "]
    (echo,) = [e.text for e in play(tmp_path, Echo(), asked=asked) if isinstance(e, TextDelta)]
    assert echo == "o"
