from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from workbench.errors import EmptyPromptError, ModelNotFoundError, ModelTooBigError, OptionError, UsageError
from workbench.services.registry import Services
from workbench.sessions.ask import ask


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
