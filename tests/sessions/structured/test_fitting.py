from __future__ import annotations

import pytest

from workbench.messages import assistant, user
from workbench.sessions.structured.asking import asked_again, with_schema
from workbench.sessions.structured.fitting import found, mismatch


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (" \n [1, 2]\n", [1, 2]),
        ('"x"', "x"),
        ('Here it is:\n\n```json\n{"a": 1}\n```\nAs you asked.', {"a": 1}),
        ('First `{}`.\n```\nno json\n```\n```\n{"b": 2}\n```', {"b": 2}),
        ('Sure! {"a": [1, {"b": 2}]} is the answer, not [1].', {"a": [1, {"b": 2}]}),
        ('I think {so} that {"a": "}"}', {"a": "}"}),
    ],
)
def test_json_is_found(text, value):
    assert found(text) == value


@pytest.mark.parametrize("text", ["", "no", '{"a": ', "NaN", "[" * 100_000, '```json\n{"a"\n```'])
def test_what_is_no_json_raises_value_error(text):
    with pytest.raises(ValueError, match=r"Expecting|no JSON number|deeply|Unterminated"):
        found(text)


def test_why_a_value_does_not_fit():
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"enum": [1, 2]}}}}
    assert mismatch(schema, {"a": [1]}) == ""
    assert mismatch(schema, {"a": [1, 3]}) == "$.a[1]: 3 is not one of [1, 2]"
    assert "which is not in it" in mismatch({"$ref": "#/$defs/none"}, 1)
    assert mismatch({"$ref": "https://example.com/x"}, 1).startswith("the schema refers to")


def test_what_a_model_is_told():
    told = with_schema([user("Which?"), assistant("Who?"), user("You.")], {"type": "integer"})
    assert told[2].text == 'You.\n\nAnswer with JSON only, of this JSON schema: {"type": "integer"}'
    assert told[0].text == "Which?"
    bad, again = asked_again("three", "it is no JSON")
    assert (bad.role, bad.text, again.role) == ("assistant", "three", "user")
    assert "it is no JSON" in again.text
    assert len(asked_again("  ", "it is empty")) == 1
