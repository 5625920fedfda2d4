from __future__ import annotations

import json
from collections import Counter

import pytest

import workbench as wb
from tests.builtin import grade
from workbench.sessions.advice import AdviceList
from workbench.sessions.browser import Browser
from workbench.sessions.downloads import Download, Downloads
from workbench.sessions.jobs import Job
from workbench.sessions.library import Library


def item(rule, group="verb"):
    return {"group": group, "messages": [{"role": "user", "content": "x"}], "rule": rule}


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"any": ["wb.ask", "nothing"]}, "Call WB.ASK now", "Call wb.chat"),
        ({"all": ["a", "b"]}, "b and A", "only a"),
        ({"any": ["x"], "all": ["y"]}, "x y", "x"),
        (
            {"any": [".pause"], "only": ["wb.downloads", ".pause"]},
            "WB.downloads()[0].pause()",
            "Call wb.download().pause()",
        ),
        ({"any": ["wb.library"], "only": ["wb.library"]}, "`wb.library` says it.", "wb.library().verify('a')"),
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


def test_the_held_out_questions_are_counted_as_written_down():
    items = json.loads(grade.HELD_OUT.read_text("utf-8"))
    assert len(items) == len({item["id"] for item in items}) == 116
    assert len({item["messages"][-1]["content"].lower() for item in items}) == 116
    sizes = Counter(item["group"] for item in items)
    assert list(sizes) == list(grade.GROUPS)
    notes = (grade.HERE / "QUESTIONS.md").read_text("utf-8")
    assert "`questions.json` holds 116 questions" in notes
    assert all(f"{group} {size}" in notes for group, size in sizes.items())


def models_items():
    items = json.loads(grade.HELD_OUT.read_text("utf-8"))
    return [pytest.param(item, id=item["id"]) for item in items if item["group"] == grade.MODELS]


@pytest.mark.parametrize("item", models_items())
def test_a_wrong_verb_fails_a_right_answer(item):
    rule = item["rule"]
    needed = " ".join(rule.get("all", ()))
    assert all(grade.passes(item, f"{part} {needed}") for part in rule["any"])
    assert not grade.passes(item, needed)
    right = f"{rule['any'][0]} {needed}"
    verbs = {f"wb.{verb}" for verb in wb.__all__ if verb.islower()}
    for verb in verbs - set(rule["only"]):
        assert not grade.passes(item, f"{right}, {verb}()"), verb


@pytest.mark.parametrize("item", models_items())
def test_what_a_rule_allows_exists(item):
    homes = (AdviceList, Browser, Download, Downloads, Job, Library)
    for name in item["rule"]["only"]:
        home, method = name.split(".")
        assert method in wb.__all__ if home else any(hasattr(kind, method) for kind in homes), name


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
