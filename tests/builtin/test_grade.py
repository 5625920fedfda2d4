from __future__ import annotations

import json

import pytest

from tests.builtin import grade


def item(rule, group="verb"):
    return {"group": group, "messages": [{"role": "user", "content": "x"}], "rule": rule}


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"any": ["wb.ask", "nothing"]}, "Call WB.ASK now", "Call wb.chat"),
        ({"all": ["a", "b"]}, "b and A", "only a"),
        ({"any": ["x"], "all": ["y"]}, "x y", "x"),
        ({"number": 42}, "<think>\n7\n</think>\n\n40 + 2 = 42.", "42 is not 43"),
        ({"json": {"name": "Ann", "age": 3}}, '```json\n{"name": "ANN", "age": 3}\n```', '{"name": "Ann", "age": "3"}'),
        ({"json": {"a": 1}}, '{"a": 1.0}', '{"a": 1, "b": 2}'),
        (
            {"tool": "add", "arguments": {"a": 1, "b": 2}},
            '<tool_call>\n{"name": "add", "arguments": {"b": 2, "a": 1}}\n</tool_call>',
            '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>',
        ),
        ({"tool": "now", "arguments": {}}, '<tool_call>{"name": "now", "arguments": {}}</tool_call>', "now"),
        ({"any": ["wb"]}, "wb", "wb, but I don't know"),
    ],
)
def test_rules(rule, good, bad):
    assert grade.passes(item(rule), good)
    assert not grade.passes(item(rule), bad)


def test_unknown_takes_either_spelling_and_either_apostrophe():
    rule = {"unknown": True}
    assert all(
        grade.passes(item(rule, "unknown"), said) for said in ("I don't know", "I don\u2019t know.", "I do not know")
    )
    assert not grade.passes(item(rule, "unknown"), "Paris")


def test_a_greeting_may_say_that_it_does_not_know():
    assert grade.passes(item({"any": ["hello"]}, "greeting"), "Hello! I don't know you yet.")


def test_the_model_beats_the_nearest_question(capsys):
    items = json.loads(grade.HELD_OUT.read_text("utf-8"))
    model = grade.grade(items, grade.model_answerer())
    nearest = grade.grade(items, grade.baseline_answerer())
    with capsys.disabled():
        print(f"\nheld-out questions, of {len(items)}: model {sum(model.values())}, nearest {sum(nearest.values())}")
    assert sum(model.values()) > sum(nearest.values())
