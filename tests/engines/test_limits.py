"""What every engine checks before it generates."""

from __future__ import annotations

import pytest

from workbench import messages
from workbench.engines import Capabilities, LoadedModel
from workbench.engines.limits import allotted, check, room, settle
from workbench.errors import ContextOverflowError, EmptyPromptError, OptionError, UsageError
from workbench.messages import File, Image, Message, ToolResult
from workbench.options import GenerationOptions
from workbench.request import Request

MODEL = LoadedModel(model="m", engine="mlx", capabilities=Capabilities(), context_length=100, vocabulary=50, weights=1)


def ask(*conversation, **options):
    return Request(messages=conversation, model="m", options=GenerationOptions(**options))


@pytest.mark.parametrize(
    "last",
    [
        messages.user("hi"),
        messages.user("", File("a.txt", "x")),
        Message("tool", (ToolResult("1", ""),)),
    ],
)
def test_what_says_something_passes(last):
    check(ask(last, top_k=50, context_length=100), MODEL)


@pytest.mark.parametrize("conversation", [(), (messages.user("hi"), messages.user(" \n"))])
def test_what_says_nothing_does_not(conversation):
    with pytest.raises(EmptyPromptError):
        check(ask(*conversation), MODEL)


def test_pictures_need_a_model_that_sees():
    with pytest.raises(UsageError, match="cannot see"):
        check(ask(messages.user("what?", Image(b"x"))), MODEL)


@pytest.mark.parametrize(("option", "said"), [({"top_k": 51}, "only 50 tokens"), ({"context_length": 101}, "100")])
def test_options_beyond_the_model(option, said):
    with pytest.raises(OptionError, match=said):
        check(ask(messages.user("hi"), **option), MODEL)


def test_what_is_asked_goes_before_what_the_model_wants_and_nothing_stays_open():
    used = settle(GenerationOptions(top_p=0.5), GenerationOptions(temperature=0.3, top_p=0.9), MODEL)
    assert (used.temperature, used.top_p, used.top_k, used.min_p, used.repetition_penalty) == (0.3, 0.5, 0, 0.0, 1.0)
    assert used.context_length == 100


def test_a_seed_is_drawn_only_where_one_is_needed():
    assert settle(GenerationOptions(), GenerationOptions(), MODEL).seed is None
    assert settle(GenerationOptions(temperature=1), GenerationOptions(), MODEL).seed is not None
    assert settle(GenerationOptions(temperature=1, seed=0), GenerationOptions(), MODEL).seed == 0


@pytest.mark.parametrize(("prompt", "most", "left"), [(10, None, 90), (10, 5, 5), (98, 50, 2), (99, None, 1)])
def test_room_for_an_answer(prompt, most, left):
    assert room(prompt, GenerationOptions(max_tokens=most, context_length=100)) == left


@pytest.mark.parametrize(("prompt", "over"), [(100, "1 too many"), (1_100, "1,001 too many")])
def test_no_room_for_an_answer(prompt, over):
    with pytest.raises(ContextOverflowError, match=over):
        room(prompt, GenerationOptions(context_length=100))


def test_the_context_of_a_load():
    assert allotted(None, 100) == 100
    assert allotted(60, 100) == 60
    with pytest.raises(OptionError, match="made for 100"):
        allotted(101, 100)
