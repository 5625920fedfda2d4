"""Answers held to a schema, by the engines that can: the very same grammar in both."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest

from workbench.engines import grammar
from workbench.errors import UsageError
from workbench.events import Failed, Finished, ReasoningDelta, TextDelta
from workbench.messages import assistant, user
from workbench.options import GenerationOptions
from workbench.request import Request, Tool

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 2, "maxItems": 4},
        "home": {
            "type": "object",
            "properties": {"code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}, "own": {"type": "boolean"}},
            "required": ["code", "own"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "age", "tags", "home"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", params=["mlx", "llama_cpp"])
def engine(request, direct):
    return direct(request.param)


def asked(schema, text="Give me a person as JSON.", **more):
    options = GenerationOptions(**({"temperature": 0.0, "max_tokens": 300} | more.pop("options", {})))
    return Request(model="builtin", messages=(user(text),), schema=schema, options=options, **more)


def answered(engine, *requests):
    """What each request's answer is: text, ids of text, ids of thinking, the last event."""
    out = {r.run: ["", [], [], None] for r in requests}
    for event in engine.generate(list(requests)):
        mine = out[event.run]
        if isinstance(event, TextDelta):
            mine[0] += event.text
            mine[1] += event.tokens
        elif isinstance(event, ReasoningDelta):
            mine[2] += event.tokens
        elif isinstance(event, Finished | Failed):
            mine[3] = event
    return [out[r.run] for r in requests]


def test_an_answer_drawn_at_random_meets_its_schema(engine):
    assert engine.loaded.capabilities.schema
    for seed in range(3):
        [(text, _, _, end)] = answered(engine, asked(PERSON, options={"temperature": 1.5, "seed": seed}))
        jsonschema.validate(json.loads(text), PERSON)
        assert (end.reason, end.grammar, end.ignored) == ("stop", True, ())


def test_the_same_greedy_tokens_in_every_engine(direct):
    both = [answered(direct(name), asked(PERSON), asked({"enum": ["yes", 3]})) for name in ("mlx", "llama_cpp")]
    for one, other in zip(*both, strict=True):
        assert one[:3] == other[:3]
        assert one[1]


def test_thinking_stays_free_and_json_follows_it(direct):
    question = "Think about it: what is 2 + 3?"
    seen = []
    for name in ("mlx", "llama_cpp"):
        engine = direct(name)
        [free] = answered(engine, asked(None, question))
        [held] = answered(engine, asked({"type": "integer", "minimum": 0, "maximum": 99}, question))
        assert held[2] == free[2]
        assert json.loads(held[0]) in range(100)
        seen.append(held[:3])
    assert seen[0] == seen[1]


def test_no_thinking_where_none_is_asked_for(engine):
    schema = {"type": "integer", "minimum": 0, "maximum": 99}
    [(text, _, thought, _)] = answered(engine, asked(schema, "what is 2 + 3?", options={"thinking": False}))
    assert json.loads(text) in range(100)
    assert not thought


def test_several_at_once_each_by_its_own_schema(direct):
    engine = direct("mlx")
    requests = [
        asked(PERSON),
        asked(None, "Who are you?"),
        asked({"enum": ["yes", 3]}),
        asked(PERSON, options={"temperature": 1.2, "seed": 4}),
    ]
    together = answered(engine, *requests)
    alone = [answered(engine, request)[0] for request in requests]
    assert [one[:3] for one in together] == [one[:3] for one in alone]
    assert [end.grammar for *_, end in together] == [True, False, True, True]


def test_probabilities_are_told_of_what_may_come(engine):
    [(text, _, _, end)] = answered(engine, asked({"enum": ["yes", "no"]}, options={"logprobs": 5}))
    events = list(engine.generate([asked({"enum": ["yes", "no"]}, options={"logprobs": 5})]))
    tokens = [token for event in events if isinstance(event, TextDelta) for token in event.logprobs]
    assert "".join(token.text for token in tokens) == text
    assert all(math.isfinite(each.logprob) for token in tokens for each in token.alternatives)
    assert end.grammar


def test_a_cut_off_answer_ends_so(engine):
    [(text, _, _, end)] = answered(engine, asked(PERSON, options={"max_tokens": 5}))
    assert (end.reason, end.grammar) == ("length", True)
    assert text.startswith('{"name": "')


def test_a_function_may_be_called_instead(engine):
    tool = Tool(name="now", description="The time.", parameters={"type": "object", "properties": {}})
    [(text, _, _, end)] = answered(engine, asked(PERSON, tools=(tool,)))
    assert end.reason == "tool_calls" or json.loads(text)


def test_what_the_grammar_cannot_say_is_ignored_and_told(engine):
    schema = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
    [(_, _, _, end)] = answered(engine, asked(schema))
    assert (end.grammar, end.ignored) == (False, ("schema",))


def test_an_answer_gone_on_with_is_not_held(engine):
    begun = Request(
        model="builtin",
        messages=(user("Give me a person as JSON."), assistant('{"name": "An')),
        continues=True,
        schema=PERSON,
        options=GenerationOptions(temperature=0.0, max_tokens=8),
    )
    [(_, _, _, end)] = answered(engine, begun)
    assert (end.grammar, end.ignored) == (False, ("schema",))


def test_a_schema_that_no_answer_meets_is_refused(engine):
    [(_, _, _, end)] = answered(engine, asked({"type": "integer", "minimum": 5, "maximum": 2}))
    assert isinstance(end, Failed)
    assert isinstance(end.error.to_error(), UsageError)
    assert "minimum (5) is greater than maximum (2)" in end.error.message


def test_a_schema_that_never_ends_ends_all_the_same(engine):
    node = {"type": "object", "properties": {"c": {"$ref": "#/$defs/n"}}, "required": ["c"]}
    [(_, _, _, end)] = answered(engine, asked({"$defs": {"n": node}, "$ref": "#/$defs/n"}, options={"max_tokens": 40}))
    assert isinstance(end, Finished)


def test_why_a_schema_has_no_grammar():
    assert grammar.fault({}) == ""
    assert grammar.fault(PERSON) == ""
    assert "uniqueItems" in grammar.fault({"type": "array", "uniqueItems": True})
    assert "not present" in grammar.fault({"$ref": "https://example.com/x.json"})
