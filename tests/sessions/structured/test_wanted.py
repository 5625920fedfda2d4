from __future__ import annotations

import dataclasses
import enum
import typing

import msgspec
import pytest

from workbench.errors import UsageError
from workbench.sessions.structured.narrowed import narrowed
from workbench.sessions.structured.wanted import LARGEST, kept, wanted


@dataclasses.dataclass
class City:
    name: str
    people: int
    twins: list[City] = dataclasses.field(default_factory=list)


class Kind(enum.Enum):
    town = "town"
    village = "village"


class Place(typing.TypedDict):
    kind: Kind
    at: tuple[float, float]


class Point(msgspec.Struct):
    x: typing.Annotated[float, msgspec.Meta(ge=0)]
    y: float = 0.0


def person():
    pydantic = pytest.importorskip("pydantic")

    class Person(pydantic.BaseModel):
        name: str = pydantic.Field(max_length=5)
        age: int

        @pydantic.field_validator("age")
        @classmethod
        def of_age(cls, age: int) -> int:
            if age < 18:
                raise ValueError("not of age")
            return age

    return Person


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (City, '{"name": "Rom", "people": 3, "twins": [{"name": "Paris", "people": 2}]}', None),
        (Place, '{"kind": "town", "at": [1, 2]}', {"kind": Kind.town, "at": (1.0, 2.0)}),
        (Point, '{"x": 1}', Point(1.0)),
        (list[int], "[1, 2]", [1, 2]),
        (typing.Literal["yes", "no"], '"yes"', "yes"),
        ({"type": "object", "title": "Thing"}, '{"a": 1}', {"a": 1}),
    ],
)
def test_what_a_schema_may_be(schema, text, value):
    asked = wanted(schema)
    fit = asked.fit(text)
    assert fit.why == ""
    assert fit.value == (City("Rom", 3, [City("Paris", 2)]) if schema is City else value)
    assert kept(asked.shape).fit(text).why == ""


def test_a_pydantic_model_checks_by_its_own_rules():
    asked = wanted(person())
    assert asked.name == "Person"
    assert asked.fit('{"name": "Ann", "age": 20}').value.age == 20
    young = asked.fit('{"name": "Ann", "age": 2}')
    assert young.why == "age: Value error, not of age"
    assert young.by_schema
    long = asked.fit('{"name": "Annabel", "age": 20}')
    assert "$.name" in long.why
    assert not long.by_schema


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (3, "cannot be a schema"),
        (object, "cannot be a schema"),
        ("object", "cannot be a schema"),
        (lambda: 1, "cannot be a schema"),
        ({"type": "inty"}, "The schema is none"),
        ({"type": "object", "properties": [1]}, "The schema is none"),
        ({"const": {1, 2}}, "no JSON"),
        ({"const": float("nan")}, "no JSON"),
        ({"enum": ["x" * LARGEST]}, "at most 65,536"),
        ({"$ref": "https://example.com/a.json"}, "not fetched"),
        ({"properties": {"a": {"items": {"$ref": "other.json#/a"}}}}, "not fetched"),
    ],
)
def test_what_is_no_schema_is_refused_at_once(schema, says):
    with pytest.raises(UsageError, match=says):
        wanted(schema)


def test_a_schema_that_holds_itself_is_refused():
    schema: dict[str, object] = {}
    schema["items"] = schema
    with pytest.raises(UsageError):
        wanted(schema)


def test_a_recursive_schema_is_taken():
    tree = {"$defs": {"n": {"type": "object", "properties": {"c": {"items": {"$ref": "#/$defs/n"}}}}}}
    asked = wanted(tree | {"$ref": "#/$defs/n"})
    assert asked.fit('{"c": [{"c": []}]}').why == ""
    assert asked.fit('{"c": [{"c": [3]}]}').why == "$.c[0].c[0]: 3 is not of type 'object'"


def test_what_is_sent_is_closed_and_bounded():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "type": {"type": "integer", "minimum": 0}}}
    sent = narrowed(schema)
    assert sent["additionalProperties"] is False
    assert sent["properties"]["a"] == {"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1}
    assert sent["properties"]["type"] == {"type": "integer", "minimum": 0}
    assert "additionalProperties" not in schema


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [{"type": "integer", "properties": {}}]},
        {"type": "object", "properties": {"a": True}, "additionalProperties": {"type": "string"}},
        {"allOf": [{"properties": {"a": True}}, {"properties": {"b": True}}]},
        {"$defs": {"a": {"properties": {"a": True}}}, "allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": True}}]},
        {"properties": {"a": True}, "anyOf": [{"properties": {"b": True}}]},
    ],
)
def test_what_cannot_be_closed_is_sent_as_it_is(schema):
    assert narrowed(schema) == schema
