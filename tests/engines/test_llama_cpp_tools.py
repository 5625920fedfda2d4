"""Calls of functions that llama.cpp itself reads, as it does for templates whose format is not read here."""

from __future__ import annotations

import json

import msgspec
import pytest

from workbench import messages
from workbench.engines.llama_cpp_tools import Chunks
from workbench.events import Finished, ReasoningDelta, TextDelta, ToolCalled
from workbench.options import GenerationOptions
from workbench.request import Request, Tool

pytest.importorskip("xllamacpp")

ADD = Tool(
    name="add",
    description="Add two numbers.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)


def asked(**options):
    asks = (messages.user("use the tool to add 3 and 4"),)
    given = GenerationOptions(temperature=0.0, **options)
    return Request(messages=asks, model="builtin", tools=(ADD,), options=given)


def run(subject, request, cancelled=lambda run: False):
    return list(subject.engine.generate([request], cancelled))


@pytest.fixture
def parsing(direct, monkeypatch):
    """The model that ships, its calls read by llama.cpp."""
    subject = direct("llama_cpp")
    monkeypatch.setattr(subject.engine, "_parses", True)
    return subject


def test_llama_cpp_reads_the_call_that_we_read(parsing, monkeypatch):
    theirs = run(parsing, asked(logprobs=2))
    monkeypatch.setattr(parsing.engine, "_parses", False)
    ours = run(parsing, asked())
    found = [[e.call for e in events if isinstance(e, ToolCalled)] for events in (theirs, ours)]
    assert [(c.name, json.loads(c.arguments)) for c in found[0]] == [("add", {"a": 3, "b": 4})]
    assert [(c.name, json.loads(c.arguments)) for c in found[1]] == [("add", {"a": 3, "b": 4})]
    end = theirs[-1]
    assert isinstance(end, Finished)
    assert end.reason == "tool_calls"
    assert end.ignored == ("logprobs",)
    assert end.usage.prompt_tokens == ours[-1].usage.prompt_tokens
    assert end.usage.completion_tokens is not None
    assert end.usage.completion_tokens > 10


def test_text_comes_as_it_is_written(parsing):
    call = messages.ToolCall("1", "add", '{"a": 3, "b": 4}')
    done = messages.Message("assistant", (call, messages.ToolResult("1", "7")))
    request = asked()
    events = run(parsing, msgspec.structs.replace(request, messages=(*request.messages, done)))
    assert sum(isinstance(e, TextDelta) for e in events) > 2
    assert "7" in "".join(e.text for e in events if isinstance(e, TextDelta))
    assert not any(isinstance(e, ToolCalled) for e in events)
    assert events[-1].reason == "stop"


def test_a_call_that_the_limit_cuts_off_is_no_call(parsing):
    events = run(parsing, asked(max_tokens=12))
    assert not any(isinstance(e, ToolCalled) for e in events)
    assert "".join(e.text for e in events if isinstance(e, TextDelta)).startswith("add({")
    assert (events[-1].reason, events[-1].usage.completion_tokens) == ("length", 12)


def test_it_can_be_stopped(parsing):
    assert run(parsing, asked(), lambda run: True)[-1].reason == "cancelled"


def test_pieces_of_calls_are_put_together():
    chunks = Chunks("r")
    deltas = [
        {"role": "assistant", "content": None},
        {"reasoning_content": "hm"},
        {"content": "Let me see."},
        {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": "{"}}]},
        {"tool_calls": [{"index": 1, "function": {"name": "g", "arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
    ]
    events = [e for d in deltas for e in chunks.read({"choices": [{"delta": d}]})]
    assert [type(e) for e in events] == [ReasoningDelta, TextDelta]
    list(chunks.read({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}))
    assert chunks.reason == "tool_calls"
    assert [(e.call.name, e.call.arguments) for e in chunks.calls()] == [("f", "{}"), ("g", "{}")]
