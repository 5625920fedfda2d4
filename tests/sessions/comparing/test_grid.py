from __future__ import annotations

from typing import Any

import numpy
import pandas
import pytest

from workbench.errors import EmptyPromptError, OptionError, UsageError
from workbench.messages import assistant, system, user
from workbench.options import GenerationOptions
from workbench.sessions.comparing import grid


class Talk:
    """Something with messages, as a chat has."""

    messages = (system("Be brief."), user("Hello"), assistant("Hi"), user("And you?"), assistant("Fine."))


def test_prompts_may_be_strings_conversations_chats_and_variables() -> None:
    made = grid.rows(["Hello", [system("Be kind."), user("Bye")], Talk(), {"prompt": "1 + 1?", "expected": 2}])
    assert [row.prompt for row in made] == ["Hello", "Bye", "And you?", "1 + 1?"]
    assert [row.index for row in made] == [0, 1, 2, 3]
    assert [message.role for message in made[2].messages] == ["system", "user", "assistant", "user"]
    assert made[3].expected == 2
    assert made[0].variables == {}
    assert made[0].expected is None


@pytest.mark.parametrize("prompts", ["Hello", user("Hello"), [user("Hello")], {"prompt": "Hello"}])
def test_one_prompt_needs_no_list(prompts: object) -> None:
    assert [row.prompt for row in grid.rows(prompts)] == ["Hello"]


def test_a_frame_fills_a_template_and_keeps_what_the_template_does_not_name() -> None:
    frame = pandas.DataFrame({"word": ["cat", "dog"], "expected": ["Katze", "Hund"], "n": [1, 2]})
    made = grid.rows(frame, "German for {word}, as {{json}}?")
    assert [row.prompt for row in made] == ["German for cat, as {json}?", "German for dog, as {json}?"]
    assert made[1].variables == {"word": "dog", "expected": "Hund", "n": 2}
    assert type(made[1].variables["n"]) is int


@pytest.mark.parametrize("value", [None, float("nan"), pandas.NA])
def test_a_missing_variable_names_its_row_and_itself(value: object) -> None:
    with pytest.raises(UsageError, match=r"Row 1 has no value for word\. It has: word, other\."):
        grid.rows([{"word": "cat", "other": 1}, {"word": value, "other": 1}], "German for {word}?")


def test_an_empty_prompt_and_no_prompts_are_refused() -> None:
    with pytest.raises(EmptyPromptError, match="Prompt 1 is empty"):
        grid.rows(["Hello", "  "])
    with pytest.raises(EmptyPromptError, match="There are no prompts"):
        grid.rows([])
    with pytest.raises(EmptyPromptError, match="Prompt 0 is empty"):
        grid.rows([[assistant("Hi")]])
    with pytest.raises(UsageError, match="Prompt 0 is list, which is no prompt"):
        grid.rows([[1, 2]])


def test_ids_are_made_of_content_and_duplicates_are_told_apart() -> None:
    made = grid.rows(["Hello", "Bye", "Hello", "Hello"])
    assert len({row.id for row in made}) == 4
    assert [made[2].id, made[3].id] == [f"{made[0].id}-2", f"{made[0].id}-3"]
    assert [row.id for row in grid.rows(["Hello", "Bye", "Hello", "Hello"])] == [row.id for row in made]
    more = grid.rows("Hello", before=made)
    assert (more[0].id, more[0].index) == (f"{made[0].id}-4", 4)


def test_columns_are_models_by_options_by_systems() -> None:
    cold, warm = GenerationOptions(temperature=0), {"temperature": 1.0, "seed": 7}
    made = grid.columns(["a", "b"], [cold, warm], [None, "Be brief."])
    assert [column.index for column in made] == list(range(8))
    assert [column.title for column in made[:4]] == [
        "a, temperature 0",
        "a, temperature 0, “Be brief.”",
        "a, temperature 1.0, seed 7",
        "a, temperature 1.0, seed 7, “Be brief.”",
    ]
    assert made[3].options == GenerationOptions(temperature=1.0, seed=7)
    assert made[7].system == "Be brief."
    assert len({column.id for column in made}) == 8


def test_the_same_model_twice_has_two_titles() -> None:
    made = grid.columns(["builtin", "builtin"])
    assert [column.title for column in made] == ["builtin", "builtin (2)"]
    assert made[0].id != made[1].id
    assert grid.columns(["builtin"], before=made)[0].title == "builtin (3)"


def test_a_title_is_the_end_of_the_model_s_id_unless_two_end_alike() -> None:
    made = grid.columns(["mlx-community/Qwen3-4B-4bit", "/models/tiny", "openrouter:meta/llama", "a/same", "b/same"])
    assert [column.title for column in made] == ["Qwen3-4B-4bit", "tiny", "openrouter:meta/llama", "a/same", "b/same"]


def test_bad_options_and_no_models_are_refused() -> None:
    with pytest.raises(OptionError, match="Did you mean temperature"):
        grid.columns(["a"], {"temprature": 0})
    with pytest.raises(UsageError, match="There are no models"):
        grid.columns([])


def test_a_column_s_system_prompt_takes_the_place_of_the_row_s() -> None:
    row = grid.rows([[system("Be kind."), user("Hello")]])[0]
    plain, brief = grid.columns(["a"], None, [None, "Be brief."])
    assert [message.text for message in grid.messages_of(row, plain)] == ["Be kind.", "Hello"]
    assert [message.text for message in grid.messages_of(row, brief)] == ["Be brief.", "Hello"]


def test_a_seed_counts_up_with_the_samples() -> None:
    column = grid.columns(["a"], {"seed": 2**32 - 1})[0]
    assert [grid.options_of(column, sample).seed for sample in range(3)] == [2**32 - 1, 0, 1]
    assert grid.options_of(grid.columns(["a"])[0], 2).seed is None


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        (5, "Prompt 0 is int"),
        (None, "Prompt 0 is missing"),
        (["one", float("nan")], "Prompt 1 is missing"),
        ([b"one"], "Prompt 0 is bytes"),
        (["half \ud83d"], "half a character"),
        (pandas.DataFrame([["a", "b"]], columns=["prompt", "prompt"]), "several columns named prompt"),
    ],
)
def test_what_is_no_prompt_is_said(prompts: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        grid.rows(prompts)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"options": 5}, "5 is no set of options"),
        ({"options": [{}, 5]}, "5 is no set of options"),
        ({"options": []}, "options is empty"),
        ({"systems": []}, "systems is empty"),
        ({"systems": ["brief", 1]}, "A system prompt is a text"),
    ],
)
def test_settings_that_are_none_are_said(given: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        grid.columns(["a"], **given)


def test_arrays_and_other_odd_values_of_a_frame_come_along() -> None:
    odd = {"prompt": "a", "array": numpy.array([1, 2]), "small": numpy.int8(3), "none": pandas.NA, "bytes": b"x"}
    (row,) = grid.rows(pandas.DataFrame([odd]))
    assert row.variables == {"prompt": "a", "array": [1, 2], "small": 3, "none": None, "bytes": "b'x'"}
