from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from workbench.errors import EmptyPromptError, ModelNotFoundError, ModelTooBigError, OptionError, UsageError
from workbench.services.registry import Services
from workbench.sessions.ask import ask, fill


def test_a_model_that_does_not_fit_is_refused_and_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    services = Services()
    monkeypatch.setattr("workbench.services.registry.default", lambda: services)
    monkeypatch.setenv("WORKBENCH_MEMORY", "10 MB")
    try:
        with pytest.raises(ModelTooBigError, match=r"weights .* KV cache for .* models may take 0.01 GB here"):
            ask("Hello").result(30)
        forced = ask("Hello", force=True, temperature=0.0)
        assert forced.result(60)
        assert "was forced" in forced.notes[0].message
    finally:
        services.close()


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


ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = """
import workbench as wb
reply = wb.ask("Hello", temperature=0)
print(reply.result(60))
print(*wb.ask("Say {what}", what="Hello", temperature=0, max_tokens=3), sep="")
"""


def run(*arguments: str, source: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments], input=source, capture_output=True, text=True, timeout=120, cwd=ROOT, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_ask_works_in_an_unguarded_script_and_from_standard_input(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{SCRIPT}")
    lines = run(str(path)).splitlines()
    assert len(lines) >= 2
    assert lines[0]
    assert run("-", source=SCRIPT).splitlines() == lines


def test_ask_answers_from_the_model_that_ships(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.services.registry.default", lambda: services)
    assert ask("Hello", temperature=0).result(60) == ask("{greeting}", greeting="Hello", temperature=0).result(60)
    assert ask("Hello {name}", temperature=0, max_tokens=2).result(60)  # no variables: the braces are text


def test_ask_refuses_bad_input_at_once() -> None:
    with pytest.raises(EmptyPromptError):
        ask(" ")
    with pytest.raises(OptionError, match="seed"):
        ask("Hello", seed=-1)
    with pytest.raises(ModelNotFoundError, match="'builtin'"):
        ask("Hello", model="biultin")
    with pytest.raises(UsageError, match="Did you mean max_tokens"):
        ask("Hello", max_token=5)
