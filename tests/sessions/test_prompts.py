from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.sessions.prompts import Prompt, fill, prompt
from workbench.store import settings


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


def test_variables_fill_their_places_and_values_are_never_read_as_templates() -> None:
    made = Prompt("Translate {text} into {language}: {text}")
    assert made.variables == ("text", "language")
    assert made.fill(text="{bonjour}", language="English") == "Translate {bonjour} into English: {bonjour}"
    assert fill("{n} + {n}", {"n": 2}) == "2 + 2"


def test_double_braces_stand_for_braces() -> None:
    assert fill('{{"a": {x}, "b": {{}}}}', {"x": 1}) == '{"a": 1, "b": {}}'
    assert Prompt("{{x}}").variables == ()


def test_a_missing_variable_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"value for language; it has places for text, language\. Give language="):
        fill("Translate {text} into {language}", {"text": "bonjour"})


def test_an_unused_variable_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no place for txt.*Did you mean text"):
        fill("Summarise {text}", {"text": "a", "txt": "b"})
    with pytest.raises(UsageError, match=r"no place for temprature.*Did you mean temperature"):
        fill("Hello", {"temprature": 0}, others=("temperature",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{x:>8}", "has a format"),
        ("{x!r}", "has a format"),
        ("{x.real}", "has a format"),
        ("{x[0]}", "has a format"),
        ("{}", "names no variable"),
        ("{0}", "names no variable"),
        ("a\n{ x }", "line 2 of the prompt names no variable"),
        ("for (;;) {", r"A single \{ stands in line 1"),
        ("one } more", r"A single \} stands in line 1"),
    ],
)
def test_what_is_no_template_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Prompt(text)


def test_a_prompt_is_kept_by_name() -> None:
    Prompt("Say {what}.").save("say")
    assert prompt("say").fill(what="it") == "Say it."
    assert prompt("Say {what} twice.").variables == ("what",)
    with pytest.raises(UsageError, match="say"):
        prompt("sya")
    settings.drop_prompt("say")
    with pytest.raises(UsageError):
        prompt("say")
