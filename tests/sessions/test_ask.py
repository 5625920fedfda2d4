from __future__ import annotations

import pytest

from workbench.errors import UsageError
from workbench.sessions.ask import fill


def test_variables_fill_their_places() -> None:
    assert fill("Translate {text} into {language}", {"text": "{bonjour}", "language": "English"}) == (
        "Translate {bonjour} into English"
    )


def test_values_become_text() -> None:
    assert fill("{n} + {n}", {"n": 2}) == "2 + 2"


def test_double_braces_stand_for_single_ones() -> None:
    assert fill("Fill {{x}} with {x}", {"x": 1}) == "Fill {x} with 1"


def test_other_braces_are_left_alone() -> None:
    assert fill('{"a": {x}, "b": {}}', {"x": 1}) == '{"a": 1, "b": {}}'


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(UsageError, match="needs a value for language"):
        fill("Translate {text} into {language}", {"text": "bonjour"})


def test_an_unused_variable_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no place for txt.*Did you mean text"):
        fill("Summarise {text}", {"text": "a", "txt": "b"})
    with pytest.raises(UsageError, match=r"no place for temprature.*Did you mean temperature"):
        fill("Hello", {"temprature": 0})
