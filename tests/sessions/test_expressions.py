from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import UsageError
from workbench.sessions.expressions import fill, value

NAMES: dict[str, Any] = {"x": 3.14159, "d": {"a:b": 1, "}": 2}, "words": ["one", "two"], "width": 8, "report": "text"}


@pytest.mark.parametrize(
    "text",
    [
        "no braces",
        "{x} {x!r} {x:.2f} {x!s:>9} {x:{width}.1f}",
        "{d['a:b']} {d['}']} { {1: 2}[1] } {', '.join(words)}",
        "{{x}} {{}} {{{width}}}",
        "{x if words else 0} {x != 3} {[w for w in words]} {(lambda a: a + 1)(width)}",
    ],
)
def test_a_text_is_filled_as_an_f_string_is(text: str) -> None:
    names = dict(NAMES)
    assert fill(text, names) == eval("f" + repr(text.replace("'", '"')), names)


def test_an_expression_may_go_over_several_lines_and_sees_local_names_first() -> None:
    assert fill("a\n{sum([\n  1,\n  two,\n])}\nb", {"two": 5}, {"two": 2}) == "a\n3\nb"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("line\n{reprt}", r"no variable 'reprt', which \{reprt\} in line 2 needs. Did you mean report"),
        ("{unheard_of + 1}", r"no variable 'unheard_of', which \{unheard_of \+ 1\} in line 1 needs. Define it first"),
        ("{1 / 0}", r"\{1 / 0\} in line 1 raises ZeroDivisionError: division by zero"),
        ("{x:%%}", "raises ValueError"),
        ("a } b", "In line 1 the brace of “} b” belongs to no expression. Write }} for a brace"),
        ("f() {\n return 1;\n}", "Write {{ for a brace"),
        ('{"a": 5}', "belongs to no expression"),
        ("x^{2}", "belongs to no expression"),
        ("{}", "belongs to no expression"),
        ("{ " + "a} " * 5000, "raises|belongs to no expression|no variable 'a'"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        fill(text, dict(NAMES))


def test_nothing_is_evaluated_when_a_brace_is_wrong_further_down() -> None:
    seen: list[int] = []
    with pytest.raises(UsageError):
        fill("{seen.append(1)} and {", {"seen": seen})
    assert seen == []


def test_the_value_of_one_expression() -> None:
    assert value("words[0]", dict(NAMES)) == "one"
    with pytest.raises(UsageError, match=r"^There is no variable 'wrds'\. Did you mean words"):
        value("wrds", dict(NAMES))
    with pytest.raises(UsageError, match="is no Python expression"):
        value("a b", dict(NAMES))
