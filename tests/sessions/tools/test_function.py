"""A Python function as a model reads it."""

from __future__ import annotations

import dataclasses
import enum
import functools
from typing import Annotated, Any, Literal

import pydantic
import pytest

from workbench.errors import UsageError
from workbench.sessions.tools import arguments
from workbench.sessions.tools.function import ANY, Function
from workbench.sessions.tools.offer import functions


class Unit(enum.Enum):
    celsius = "C"
    fahrenheit = "F"


@dataclasses.dataclass
class Place:
    name: str
    height: float = 0.0


class Order(pydantic.BaseModel):
    item: str
    count: int = 1


def google(city: str, days: int = 3, unit: Unit = Unit.celsius) -> str:
    """The weather forecast.

    Asked of a service far away.

    Args:
        city: Where; the name
            of a town.
        days (int): How many days.
        unit: What to measure in.

    Returns:
        Words.
    """
    return f"{city} {days} {unit.value}"


def numpy(path: str, pattern: str | None = None) -> list[str]:
    """Read a log.

    Parameters
    ----------
    path : str
        The file.
    pattern : str, optional
        What lines must hold.

    Returns
    -------
    list of str
    """
    return [path]


def sphinx(a: float, b: float) -> float:
    """Add two numbers.

    :param a: the first
    :param float b: the second,
        which comes last
    :returns: the sum
    """
    return a + b


def everything(
    kind: Literal["x", "y"],
    many: list[int],
    named: dict[str, float],
    place: Place,
    either: int | str,
    said: Annotated[bool, "whether it was said"],
    order: Order,
    flag: bool = False,
) -> None:
    """All of it."""


def bare(a, b=2):  # type: ignore[no-untyped-def]
    return a, b


@pytest.mark.parametrize(
    ("function", "summary", "words"),
    [
        (
            google,
            "The weather forecast.\n\nAsked of a service far away.",
            {"city": "Where; the name of a town.", "days": "How many days.", "unit": "What to measure in."},
        ),
        (numpy, "Read a log.", {"path": "The file.", "pattern": "What lines must hold."}),
        (sphinx, "Add two numbers.", {"a": "the first", "b": "the second, which comes last"}),
    ],
)
def test_a_docstring_is_read(function: Any, summary: str, words: dict[str, str]) -> None:
    tool = Function(function).tool
    assert tool.description == summary
    assert {name: about["description"] for name, about in tool.parameters["properties"].items()} == words


def test_types_and_defaults_become_a_schema() -> None:
    schema = Function(google).tool.parameters
    assert schema["required"] == ["city"]
    assert schema["properties"]["city"]["type"] == "string"
    assert schema["properties"]["days"] == {"type": "integer", "description": "How many days.", "default": 3}
    assert schema["$defs"]["Unit"]["enum"] == ["C", "F"]

    schema = Function(everything).tool.parameters
    fields = schema["properties"]
    assert fields["kind"]["enum"] == ["x", "y"]
    assert fields["many"] == {"type": "array", "items": {"type": "integer"}}
    assert fields["named"]["additionalProperties"] == {"type": "number"}
    assert {each["type"] for each in fields["either"]["anyOf"]} == {"integer", "string"}
    assert fields["said"] == {"type": "boolean", "description": "whether it was said"}
    assert schema["$defs"]["Place"]["properties"]["name"] == {"type": "string"}
    assert "item" in fields["order"]["properties"]
    assert schema["required"] == ["kind", "many", "named", "place", "either", "said", "order"]


def test_an_argument_without_annotation_may_be_anything_and_says_so() -> None:
    fields = Function(bare).tool.parameters["properties"]
    assert fields["a"] == {"description": ANY}
    assert fields["b"] == {"description": ANY, "default": 2}
    assert arguments.read(Function(bare), '{"a": [1]}') == ((), {"a": [1]})


def test_arguments_become_what_the_function_takes() -> None:
    written = (
        '{"kind": "x", "many": ["1", 2.0], "named": {"a": 1}, "place": {"name": "Rome"}, "either": "no",'
        ' "said": true, "order": {"item": "tea"}}'
    )
    _, given = arguments.read(Function(everything), written)
    assert given["many"] == [1, 2]
    assert given["place"] == Place("Rome")
    assert given["order"] == Order(item="tea")
    assert "flag" not in given
    assert arguments.read(Function(google), '{"city": "Rome", "unit": "F"}')[1]["unit"] is Unit.fahrenheit
    assert arguments.read(Function(pow_of), '{"base": 2, "exponent": 3}') == ((2,), {"exponent": 3})
    assert arguments.read(Function(sphinx), '"{\\"a\\": 1, \\"b\\": 2}"')[1] == {"a": 1.0, "b": 2.0}


def pow_of(base: int, /, exponent: int, *rest: int, **more: int) -> int:
    return base**exponent


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('{"a": "much", "b": 1}', "a: expected float, got str"),
        ('{"a": 1}', "the argument is missing: b"),
        ('{"a": 1, "b": 2, "c": 3}', "there is no argument c"),
        ("a=1", "not JSON"),
        ("[1, 2]", "a list"),
        ("", "missing"),
    ],
)
def test_arguments_that_do_not_fit_are_explained_to_the_model(written: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        arguments.read(Function(sphinx), written)
    assert words in str(caught.value)
    if written.startswith("{"):
        assert "(a: number, b: number)" in str(caught.value)


class Foreign:
    pass


def takes_foreign(table: Foreign) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda a: a, "no name that a model can call"),
        (takes_foreign, "takes_foreign(table) takes Foreign"),
        (3, "A tool is a function, not int"),
        ("add", "A tool is a function, not str"),
    ],
)
def test_what_no_model_could_call_is_said_at_once(function: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Function(function)
    assert words in str(caught.value)


def test_two_tools_of_one_name() -> None:
    def sphinx() -> None:
        pass

    with pytest.raises(UsageError, match="two tools of the name sphinx"):
        functions([globals()["sphinx"], sphinx])
    assert list(functions([google, google])) == ["google"]


def test_methods_and_partials_are_functions_too() -> None:
    class Log:
        def read(self, lines: int) -> int:
            return lines

    assert Function(Log().read).tool.parameters["required"] == ["lines"]
    assert Function(functools.partial(google, "Rome")).tool.parameters["required"] == []
