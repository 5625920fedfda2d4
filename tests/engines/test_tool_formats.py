"""The formats in which models write calls of functions, as mlx-lm reads them: each from text, cut anywhere."""

from __future__ import annotations

import importlib
import json

import pytest

from workbench import messages
from workbench.engines.textstream import TextStream
from workbench.events import TextDelta, ToolCalled
from workbench.request import Request, Tool

pytest.importorskip("mlx_lm")
mlx_text = importlib.import_module("workbench.engines.mlx_text")

ADD = Tool(
    name="add",
    description="Add two numbers.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
ONE = [("add", {"a": 3, "b": 4})]
FORMATS = {
    "hermes": ("json_tools", '<tool_call>\n{"name": "add", "arguments": {"a": 3, "b": 4}}\n</tool_call>'),
    "mistral": ("mistral", '[TOOL_CALLS][{"name": "add", "arguments": {"a": 3, "b": 4}}]'),
    "mistral, newer": ("mistral", '[TOOL_CALLS]add[ARGS]{"a": 3, "b": 4}'),
    "qwen3 coder": (
        "qwen3_coder",
        "<tool_call>\n<function=add>\n<parameter=a>\n3\n</parameter>\n<parameter=b>\n4\n</parameter>\n"
        "</function>\n</tool_call>",
    ),
    "glm 4": (
        "glm47",
        "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>3</arg_value>\n"
        "<arg_key>b</arg_key>\n<arg_value>4</arg_value>\n</tool_call>",
    ),
    "kimi k2": (
        "kimi_k2",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.add:0<|tool_call_argument_begin|>"
        '{"a": 3, "b": 4}<|tool_call_end|><|tool_calls_section_end|>',
    ),
    "minimax m2": (
        "minimax_m2",
        '<minimax:tool_call>\n<invoke name="add">\n<parameter name="a">3</parameter>\n'
        '<parameter name="b">4</parameter>\n</invoke>\n</minimax:tool_call>',
    ),
    "liquid": ("pythonic", "<|tool_call_start|>[add(a=3, b=4)]<|tool_call_end|>"),
    "function gemma": ("function_gemma", "<start_function_call>call:add{a:3,b:4}<end_function_call>"),
    "gemma 4": ("gemma4", "<|tool_call>call:add{a:3,b:4}<tool_call|>"),
    "longcat": (
        "longcat",
        "<longcat_tool_call>add\n<longcat_arg_key>a</longcat_arg_key>\n<longcat_arg_value>3</longcat_arg_value>\n"
        "<longcat_arg_key>b</longcat_arg_key>\n<longcat_arg_value>4</longcat_arg_value>\n</longcat_tool_call>",
    ),
}


def stream_of(module: str) -> TextStream:
    """A stream that reads calls as mlx-lm's parser of that name does."""
    format = importlib.import_module(f"mlx_lm.tool_parsers.{module}")
    request = Request(messages=(messages.user("?"),), model="m", tools=(ADD,))
    return TextStream(
        request.run,
        tool=(format.tool_call_start, format.tool_call_end or ""),
        parse=mlx_text.parser(format.parse_tool_call, request),
    )


def fed(stream: TextStream, text: str, size: int):
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    events = [event for piece in pieces for event in stream.feed(piece)]
    return [*events, *stream.close()]


def calls(events):
    return [(e.call.name, json.loads(e.call.arguments)) for e in events if isinstance(e, ToolCalled)]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("name", FORMATS)
def test_a_call_in_the_format_of(name: str, size: int) -> None:
    module, written = FORMATS[name]
    events = fed(stream_of(module), f"Let me see.{written}", size)
    assert calls(events) == ONE
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Let me see."


@pytest.mark.parametrize("name", FORMATS)
def test_a_call_that_is_cut_off_is_text(name: str) -> None:
    module, written = FORMATS[name]
    cut = written[: len(written) * 2 // 3]
    events = fed(stream_of(module), cut, 5)
    assert calls(events) == []
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == cut


def test_every_format_that_mlx_lm_reads_is_tried() -> None:
    import pkgutil

    import mlx_lm.tool_parsers

    there = {module.name for module in pkgutil.iter_modules(mlx_lm.tool_parsers.__path__)}
    untried = {"kimi_k3", "laguna", "minicpm5", "muse_spark"}  # models too large for a laptop, or like one above
    assert there - untried == {module for module, _ in FORMATS.values()}
