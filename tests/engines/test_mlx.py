"""MLX: what is its own. What it shares with other engines is in the contract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading

import pytest

from tests.engines.contract import STORY, WEATHER, answer, ask, ids, text
from workbench import messages
from workbench.engines import LoadSpec, make_engine
from workbench.engines.mlx import _pieces
from workbench.errors import EngineMissingError, ModelFilesError, OptionError, StateError
from workbench.events import ReasoningDelta, TextDelta
from workbench.messages import ToolCall
from workbench.options import GenerationOptions
from workbench.request import Request


@pytest.fixture
def folder(tmp_path, spec_for):
    """A copy of the shipped model that a test may damage."""
    return shutil.copytree(spec_for("mlx").path, tmp_path / "model")


def load(folder, **more):
    engine = make_engine("mlx")
    steps = list(engine.load(LoadSpec(model="a/model", path=str(folder), **more), lambda: False))
    return engine, steps


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture(scope="module")
def subject(direct):
    return direct("mlx")


def test_weights_are_counted_as_they_come(subject):
    done = [d for d, _ in subject.progress]
    assert done == sorted(set(done))
    assert done[0] == 0
    assert subject.progress[-1] == (subject.loaded.weights, subject.loaded.weights)
    assert len(done) >= 10
    assert subject.loaded.parameters * 4 == subject.loaded.weights


def test_a_gibibyte_is_at_least_ten_steps():
    class Array:
        def __init__(self, nbytes):
            self.nbytes = nbytes

    layer = [Array(n * 2**20) for n in (8, 8, 4, 4, 22, 22, 22)]
    pieces = list(_pieces(layer * 12, 64 * 2**20))
    assert len(pieces) >= 10
    assert sum(len(p) for p in pieces) == 12 * len(layer)


def test_a_load_can_be_cancelled(folder):
    engine, seen = make_engine("mlx"), []
    for done, total in engine.load(LoadSpec(model="m", path=str(folder)), lambda: len(seen) >= 3):
        seen.append((done, total))
    assert len(seen) == 3
    with pytest.raises(StateError):
        _ = engine.loaded


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: os.truncate(f / "model.safetensors", 5_000_000), "incomplete"),
        (lambda f: os.truncate(f / "model.safetensors", 0), "read"),
        (lambda f: (f / "model.safetensors").write_text("<html>" + "x" * 999), "header"),
        (lambda f: (f / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"), "header"),
        (lambda f: (f / "model.safetensors").unlink(), "safetensors"),
        (lambda f: (f / "config.json").unlink(), "config.json"),
        (lambda f: (f / "config.json").write_text("{"), "cannot load"),
        (lambda f: edit(f / "config.json", model_type="unheard_of"), "unheard_of"),
        (lambda f: edit(f / "config.json", num_hidden_layers=9), "Missing"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "tokenizer.json"),
        (lambda f: [(f / n).unlink() for n in ("tokenizer.json", "tokenizer_config.json")], "tokenizer"),
    ],
)
def test_files_that_cannot_be_used_are_named(folder, damage, said):
    damage(folder)
    with pytest.raises(ModelFilesError, match=said):
        load(folder)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ModelFilesError, match="no model folder"):
        load(tmp_path / "nowhere")


def test_the_context_asked_for_is_what_is_allowed(folder):
    engine, _ = load(folder, context_length=300)
    assert engine.loaded.context_length == 300
    with pytest.raises(OptionError, match="made for 2,048"):
        load(folder, context_length=4096)


def test_the_cache_of_buffers_is_capped(folder):
    import mlx.core as mx

    before = mx.set_cache_limit(0)
    load(folder, cache_limit=3 * 2**20)
    assert mx.set_cache_limit(before) == 3 * 2**20


def test_a_model_without_a_template_cannot_chat(folder):
    edit(folder / "tokenizer_config.json", chat_template=None)
    for file in folder.glob("chat_template*"):
        file.unlink()
    engine, _ = load(folder)
    (failed,) = engine.generate([ask("hello")], lambda run: False)
    assert failed.error.kind == "ModelFilesError"
    assert "no chat template" in failed.error.message


def test_a_template_that_refuses_says_why(folder):
    edit(folder / "tokenizer_config.json", chat_template="{{ raise_exception('roles must alternate') }}")
    engine, _ = load(folder)
    (failed,) = engine.generate([ask("hello")], lambda run: False)
    assert failed.error.kind == "UsageError"
    assert "roles must alternate" in failed.error.message


def test_a_template_that_opens_the_thinking_makes_all_of_it_thinking(folder):
    opening = "{% for m in messages %}{{ m['content'] }}{% endfor %}<|im_start|>assistant\n<think>\n"
    edit(folder / "tokenizer_config.json", chat_template=opening)
    engine, _ = load(folder)
    events = list(engine.generate([ask(STORY, max_tokens=10)], lambda run: False))
    assert any(isinstance(e, ReasoningDelta) for e in events)
    assert "</think>" in "".join(e.text for e in events if isinstance(e, TextDelta)) or text(events) == ""


def test_what_a_template_cannot_do_is_reported_as_ignored(folder):
    plain = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    edit(folder / "tokenizer_config.json", chat_template=plain)
    engine, _ = load(folder)
    request = Request(
        messages=(messages.user("hello"),),
        model="m",
        tools=(WEATHER,),
        schema={"not": {"type": "object"}},  # no grammar holds that
        options=GenerationOptions(thinking=True, max_tokens=3),
    )
    *_, end = engine.generate([request], lambda run: False)
    assert end.ignored == ("schema", "thinking", "tools")
    assert "weather" not in engine.render(request)


def test_generation_config_gives_the_defaults(folder):
    edit(folder / "generation_config.json", do_sample=True, temperature=0.7, top_k=20, top_p=0.8)
    engine, _ = load(folder)
    *_, end = engine.generate([ask(STORY, max_tokens=3)], lambda run: False)
    assert (end.applied.temperature, end.applied.top_k, end.applied.top_p) == (0.7, 20, 0.8)
    *_, end = engine.generate([ask(STORY, max_tokens=3, temperature=0)], lambda run: False)
    assert end.applied.temperature == 0


@pytest.mark.parametrize(
    ("said", "temperature"),
    [({"do_sample": False, "temperature": 0.7}, 0.0), ({"top_k": 50}, 1.0), ({"temperature": "hot"}, 0.0)],
)
def test_a_generation_config_that_says_less(folder, said, temperature):
    edit(folder / "generation_config.json", **said)
    engine, _ = load(folder)
    *_, end = engine.generate([ask(STORY, max_tokens=3)], lambda run: False)
    assert end.applied.temperature == temperature


@pytest.mark.parametrize("said", [" a leading space", "naïve 😀 日本\n", "x</think>y"])
def test_tokens_are_read_back_as_they_were_written(subject, said):
    from workbench.engines.mlx_text import piece_of
    from workbench.engines.textstream import Utf8

    tokenizer = subject.engine._tokenizer
    piece, utf8 = piece_of(tokenizer, ("<think>", "</think>")), Utf8()
    shown = [utf8.feed(t, piece(t)) for t in tokenizer.encode(said, add_special_tokens=False)]
    assert "".join(s for s, _ in shown) == said


def test_the_first_space_of_what_goes_on_is_not_lost():
    from mlx_lm.tokenizer_utils import SPMStreamingDetokenizer, TokenizerWrapper
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    from workbench.engines.mlx_text import piece_of

    words = Tokenizer(models.WordLevel({"▁one": 0, "▁two": 1, "s": 2}, unk_token="s"))
    tokenizer = TokenizerWrapper(PreTrainedTokenizerFast(tokenizer_object=words), SPMStreamingDetokenizer)
    begins, goes_on = piece_of(tokenizer, ()), piece_of(tokenizer, (), goes_on=True)
    assert [begins(token) for token in (0, 1, 2)] == [b"one", b" two", b"s"]
    assert [goes_on(token) for token in (0, 1, 2)] == [b" one", b" two", b"s"]


def test_a_special_token_in_the_middle_is_not_shown(subject):
    from workbench.engines.mlx_text import piece_of

    piece = piece_of(subject.engine._tokenizer, ("<think>", "</think>"))
    assert piece(subject.engine._tokenizer.encode("<|im_start|>", add_special_tokens=False)[0]) == b""


def test_arguments_of_tool_calls_reach_the_template_as_objects(subject):
    called = messages.Message("assistant", (ToolCall("1", "weather", '{"city":"Paris"}'),))
    result = messages.Message("tool", (messages.ToolResult("1", "sunny"),))
    prompt = subject.render(Request(messages=(messages.user("weather?"), called, result), model="m"))
    assert '{"city": "Paris"}' in prompt
    assert "sunny" in prompt


def test_it_loads_again_after_unloading(folder):
    engine, _ = load(folder)
    first = ids(list(engine.generate([ask("hello", max_tokens=10)], lambda run: False)))
    engine.unload()
    with pytest.raises(StateError):
        engine.render(ask("hello"))
    list(engine.load(LoadSpec(model="m", path=str(folder)), lambda: False))
    assert ids(list(engine.generate([ask("hello", max_tokens=10)], lambda run: False))) == first


def test_a_failure_of_the_framework_is_an_event_and_the_next_run_is_well(subject, monkeypatch):
    before = ids(answer(subject, ask("hello", max_tokens=10)))
    with monkeypatch.context() as patch:
        patch.setattr(subject.engine, "_model", lambda *a, **k: 1 / 0)
        (*_, failed) = answer(subject, ask(STORY))
    assert failed.error.kind == "EngineError"
    assert "ZeroDivisionError" in failed.error.message
    assert ids(answer(subject, ask("hello", max_tokens=10))) == before


@pytest.mark.parametrize(("system", "machine", "said"), [("win32", "AMD64", "Windows"), ("darwin", "x86_64", "Intel")])
def test_a_machine_without_mlx_gets_one_clear_sentence(monkeypatch, system, machine, said):
    import platform

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(EngineMissingError, match=said):
        make_engine("mlx")


def test_a_thread_ends_its_streams_itself_and_the_main_thread_does_not(monkeypatch):
    import mlx.core as mx

    from workbench.engines.mlx import _end_streams_with_this_thread

    ended, began = [], []
    monkeypatch.setattr(mx, "clear_streams", lambda: ended.append(threading.get_ident()))

    def work():
        began.append(threading.get_ident())
        _end_streams_with_this_thread()
        _end_streams_with_this_thread()
        assert not ended

    _end_streams_with_this_thread()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == began


IN_A_THREAD = """
import sys, threading
from workbench.engines import LoadSpec, make_engine
from workbench.messages import user
from workbench.options import GenerationOptions
from workbench.request import Request

def work():
    engine = make_engine("mlx")
    list(engine.load(LoadSpec(model="m", path=sys.argv[1]), lambda: False))
    ask = Request(messages=(user("hello"),), model="m", options=GenerationOptions(max_tokens=5))
    *_, end = engine.generate([ask], lambda run: False)
    print(end.reason)
    engine.unload()

for _ in range(2):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""


def test_threads_that_used_it_end_without_aborting_the_process(spec_for):
    ended = subprocess.run(
        [sys.executable, "-c", IN_A_THREAD, spec_for("mlx").path], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() in (["length"] * 2, ["stop"] * 2)
