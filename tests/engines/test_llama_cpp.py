"""llama.cpp: what is its own. What it shares with other engines is in the contract."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import struct
import time

import pytest

from tests.engines.contract import WEATHER, answer, ask, text
from workbench import messages
from workbench.engines import LoadSpec, llama_cpp, make_engine
from workbench.engines.llama_cpp import RESERVED_CONTEXT, _header, _parts
from workbench.errors import ModelFilesError, OptionError, StateError
from workbench.events import ReasoningDelta, TextDelta, ToolCalled
from workbench.options import GenerationOptions
from workbench.request import Request

SHORT = GenerationOptions(max_tokens=12)


@pytest.fixture
def file(tmp_path, spec_for):
    """A copy of the shipped model that a test may damage."""
    return shutil.copy(spec_for("llama_cpp").path, tmp_path / "model.gguf")


@pytest.fixture(scope="module")
def subject(direct):
    return direct("llama_cpp")


def load(path, **more):
    engine = make_engine("llama_cpp")
    list(engine.load(LoadSpec(model="a/model", path=str(path), **more), lambda: False))
    return engine


def gguf(path, *pairs, version=3):
    """A file with a GGUF header of strings and whole numbers, and nothing after it."""

    def name(said):
        return struct.pack("<Q", len(said)) + said.encode()

    def value(v):
        return struct.pack("<I", 8) + name(v) if isinstance(v, str) else struct.pack("<II", 4, v)

    body = b"".join(name(key) + value(v) for key, v in pairs)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs)) + body)
    return path


def test_the_file_is_counted_as_it_is_read(subject, spec_for):
    done = [d for d, _ in subject.progress]
    assert done == sorted(set(done))
    assert len(done) >= 10
    assert subject.progress[-1][0] == subject.progress[-1][1]
    assert subject.loaded.weights == subject.loaded.parameters * 4
    assert subject.loaded.context_length == 2048


def test_a_gibibyte_is_at_least_ten_steps(tmp_path):
    large = tmp_path / "large.gguf"
    with large.open("wb") as file:
        file.truncate(2**30)
    steps = list(llama_cpp._read_through([large], llama_cpp.READ_PIECE))
    assert len(steps) >= 10
    assert sum(steps) == 2**30


def test_a_load_can_be_cancelled(file):
    engine, seen = make_engine("llama_cpp"), []
    for step in engine.load(LoadSpec(model="m", path=str(file)), lambda: len(seen) >= 3):
        seen.append(step)
    assert len(seen) == 3
    with pytest.raises(StateError):
        _ = engine.loaded


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: f.write_bytes(f.read_bytes()[:5_000_000]), "cannot load"),
        (lambda f: f.write_bytes(f.read_bytes()[:100]), "header"),
        (lambda f: f.write_bytes(b""), "not a GGUF"),
        (lambda f: f.write_text("<html>" + "x" * 999), "not a GGUF"),
        (lambda f: f.write_text("version https://git-lfs.github.com/spec/v1\n"), "not a GGUF"),
        (lambda f: f.unlink(), "cannot be read"),
        (lambda f: gguf(f, ("general.architecture", "unheard_of")), "cannot load"),
        (lambda f: gguf(f, version=1), "version 1"),
    ],
)
def test_files_that_cannot_be_used_are_named(file, damage, said):
    damage(file)
    with pytest.raises(ModelFilesError, match=said):
        load(file)


def test_the_context_comes_from_the_file(tmp_path):
    header = (("general.architecture", "llama"), ("general.file_type", 7), ("llama.context_length", 131_072))
    assert _header(gguf(tmp_path / "a.gguf", *header)) == (131_072, 7)
    assert _header(gguf(tmp_path / "b.gguf", ("general.architecture", "llama"))) == (RESERVED_CONTEXT, None)


def test_the_context_asked_for_is_what_is_allowed(file):
    assert load(file, context_length=300).loaded.context_length == 300
    with pytest.raises(OptionError, match="made for 2,048"):
        load(file, context_length=4096)


def test_a_model_in_parts_is_one_model(tmp_path):
    whole = [tmp_path / f"m-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    for part in whole:
        part.touch()
    assert _parts(whole[0]) == whole
    assert _parts(tmp_path / "single.gguf") == [tmp_path / "single.gguf"]
    whole[1].unlink()
    with pytest.raises(ModelFilesError, match="3 files, of which 2"):
        _parts(whole[0])


def test_the_port_opens_only_for_the_engine(subject):
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        connection = http.client.HTTPConnection(subject.engine._address)
        connection.request("POST", "/completion", json.dumps({"prompt": "x", "n_predict": 1}), headers)
        response = connection.getresponse()
        assert response.status == 401
        assert response.getheader("Access-Control-Allow-Origin") != "*"
        connection.close()


def test_unloading_closes_the_port(file):
    engine = load(file)
    address = engine._address
    engine.unload()
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection(address).connect()
    with pytest.raises(StateError):
        _ = engine.loaded


@pytest.fixture
def made_to_say(subject, monkeypatch):
    """Makes the model write what a test needs, token by token of its own choice."""
    plain = llama_cpp._completion

    def say(text, *history, **options):
        grammar = f"root ::= {json.dumps(text, ensure_ascii=False)}"
        monkeypatch.setattr(llama_cpp, "_completion", lambda *a: plain(*a) | {"grammar": grammar})
        return answer(subject, ask("well?", *history, **options))

    return say


@pytest.mark.parametrize("said", [" é😀 Ωx", "日本語 naïve", "👩‍👩‍👧"])
def test_a_character_of_several_tokens_is_whole(made_to_say, said):
    events = made_to_say(said)
    assert text(events) == said
    assert not any("\ufffd" in e.text for e in events if isinstance(e, TextDelta))
    assert events[-1].usage.completion_tokens > len(said.replace("\u200d", ""))


def test_the_tokens_of_a_character_are_found_where_it_has_one_spelling(subject):
    spelled = tuple(subject.engine._ask("POST", "/tokenize", {"content": "日"})["tokens"])
    assert len(spelled) > 1
    assert subject.engine._ids("日", spelled[-1:], len(spelled)) == spelled
    assert subject.engine._ids("日", spelled[-1:], len(spelled) + 1) == spelled[-1:]


def test_thinking_is_told_from_the_answer(made_to_say):
    events = made_to_say("<think>\nhm 😀</think>\n\nyes")
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "hm 😀"
    assert text(events) == "yes"
    reasoned = [t for e in events if isinstance(e, ReasoningDelta) for t in e.tokens]
    assert 0 < len(reasoned) <= events[-1].usage.reasoning_tokens < events[-1].usage.completion_tokens


def test_a_tool_call_is_an_event(made_to_say):
    called = '<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich"}}\n</tool_call>'
    *_, event, end = made_to_say(called, tools=(WEATHER,))
    assert isinstance(event, ToolCalled)
    assert (event.call.name, json.loads(event.call.arguments)) == ("weather", {"city": "Zürich"})
    assert end.reason == "tool_calls"


def test_a_schema_no_grammar_holds_is_reported_as_ignored(subject):
    asked = {"messages": (messages.user("well?"),), "model": "m", "options": GenerationOptions(max_tokens=20)}
    assert answer(subject, Request(**asked, schema={"type": "object"}))[-1].ignored == ()
    assert answer(subject, Request(**asked, schema={"not": {"type": "object"}}))[-1].ignored == ("schema",)


def test_a_cancel_is_heard_while_the_server_is_silent():
    """A piece of a prompt may take long on a large model; who cancels need not wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "{}:{}".format(*silent.getsockname())
        started = time.perf_counter()
        connection = llama_cpp._Connection(address, lambda: time.perf_counter() - started > 0.1)
        connection.request("GET", "/")
        with pytest.raises(llama_cpp._CancelledError):
            connection.getresponse()
        assert time.perf_counter() - started < 0.3
        connection.close()


def read_of(engine, conversation):
    """Tokens of a conversation's prompt that were read, what was taken from the server's cache, and the answer."""
    events = answer(Running(engine), Request(messages=tuple(conversation), model="m", options=SHORT))
    usage = events[-1].usage
    return usage.prompt_tokens - usage.cached_tokens, usage.cached_tokens, text(events)


class Running:
    def __init__(self, engine):
        self.generate = lambda requests: engine.generate(requests, lambda run: False)


def test_what_the_server_read_is_not_read_again(file):
    engine, cold = load(file), load(file, cache_budget=0)
    story, greeting = [messages.user("tell me a story " * 30)], [messages.user("hello there how are you " * 20)]
    for chat in (story, greeting):
        chat.append(messages.assistant(read_of(engine, chat)[2]))
    for turn in range(3):  # two chats in turn, each growing
        for chat in (story, greeting):
            chat.append(messages.user(f"and then, number {turn}? "))
            read, cached, said = read_of(engine, chat)
            assert read < 40 < cached
            assert said == read_of(cold, chat)[2]
            chat.append(messages.assistant(said))
    assert read_of(engine, greeting[:-1])[0] == 1  # the same again
    edited = [*greeting[:2], messages.user("something else")]
    read, cached, said = read_of(engine, edited)
    assert read < 40 < cached
    assert said == read_of(cold, edited)[2]


def test_a_failure_of_the_server_is_an_event(file):
    engine = load(file)
    engine._key = "wrong"
    (failed,) = engine.generate([ask("hello")], lambda run: False)
    assert failed.error.kind == "EngineError"
    engine._address = "127.0.0.1:9"
    (failed,) = engine.generate([ask("hello")], lambda run: False)
    assert "does not answer" in failed.error.message
