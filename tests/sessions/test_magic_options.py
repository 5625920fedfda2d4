from __future__ import annotations

import pytest

from workbench.errors import OptionError, UsageError
from workbench.options import GenerationOptions
from workbench.sessions.magic_options import USAGE, Asked, read


def asked(line: str, **names: str) -> Asked:
    return read(line, lambda text: text.format(**names))


def test_options_come_first_and_the_rest_is_the_prompt_as_written() -> None:
    found = asked("""-m ollama:llama3.2 --system="Be \\"brief\\"." --to answer What's "this" -- and --that?""")
    assert found.prompt == """What's "this" -- and --that?"""
    assert (found.get("model"), found.get("system"), found.get("to")) == ("ollama:llama3.2", 'Be "brief".', "answer")
    assert found.get("schema") is None
    assert asked("-5 + 3 is?").prompt == "-5 + 3 is?"
    assert asked("-- --model is which option?").prompt == "--model is which option?"
    assert asked("  ").prompt == ""


def test_generation_options_have_their_own_types() -> None:
    found = asked("--max-tokens 20 --top_p 0.9 --thinking off --stop '###' --stop end --seed=1 go")
    assert found.options == {"max_tokens": 20, "top_p": 0.9, "thinking": False, "stop": ("###", "end"), "seed": 1}


def test_expressions_fill_values_unless_braces_are_left_alone() -> None:
    assert asked("-m {who} --attach {a} --attach {b} hi", who="x", a="1", b="2").given == {
        "model": ["x"], "attach": ["1", "2"],
    }  # fmt: skip
    assert asked("--raw -m {who} hi").get("model") == "{who}"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--modle x hi", "no option --modle. Did you mean --model"),
        ("-x hi", "no option -x"),
        ("--model", "--model needs a value"),
        ('--system "never closed', "--system needs a value. Text with spaces stands in quotes"),
        ("--model a --model b hi", "--model is given twice"),
        ("hello --model b", "--model stands after the prompt. Options come first"),
        ("--to 3x hi", "--to needs the name of a variable, not '3x'"),
        ("--chat class hi", "--chat needs the name of a variable"),
    ],
)
def test_a_line_that_cannot_be_is_a_clear_sentence(line: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        asked(line)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--temperature hot hi", "--temperature must be a number, not 'hot'"),
        ("--max-tokens 1.5 hi", "--max-tokens must be a whole number"),
        ("--thinking maybe hi", "--thinking is on or off"),
    ],
)
def test_a_value_that_cannot_be_is_a_clear_sentence(line: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        asked(line)


def test_the_usage_names_every_option() -> None:
    for name in GenerationOptions.__struct_fields__:
        assert f"--{name.replace('_', '-')}" in USAGE
    assert "{term}" in USAGE
    assert "{{ and }} are braces" in USAGE
