"""The contract, put to each engine in this process; and the engines compared."""

from __future__ import annotations

from functools import partial

import pytest

from tests.engines.contract import (
    QUESTIONS,
    STORY,
    EngineContract,
    answer,
    ask,
    ids,
    long_prompt,
    longest,
    scored,
    text,
)
from workbench import messages


@pytest.fixture(scope="module", params=["mlx", "llama_cpp"])
def start(request, direct):
    return partial(direct, request.param)


@pytest.fixture(scope="module")
def subject(start):
    return start()


class TestEngines(EngineContract):
    def test_a_run_cancelled_before_its_start_generates_nothing(self, subject):
        request = ask(STORY)
        subject.cancel(request.run)
        (*_, end) = answer(subject, request)
        assert (end.reason, end.usage.completion_tokens) == ("cancelled", 0)


@pytest.fixture(scope="module")
def both(direct):
    return direct("mlx"), direct("llama_cpp")


@pytest.mark.parametrize("question", [*QUESTIONS, "What is 17 + 25?", "thanks 😀", "ä ö 日本"])
def test_greedy_tokens_are_the_same_under_every_engine(both, question):
    mlx, llama_cpp = (answer(subject, ask(question, max_tokens=80)) for subject in both)
    assert ids(mlx) == ids(llama_cpp)
    assert text(mlx) == text(llama_cpp)
    assert mlx[-1].usage.prompt_tokens == llama_cpp[-1].usage.prompt_tokens
    assert mlx[-1].usage.completion_tokens == llama_cpp[-1].usage.completion_tokens
    assert mlx[-1].usage.reasoning_tokens == llama_cpp[-1].usage.reasoning_tokens
    assert mlx[-1].reason == llama_cpp[-1].reason


@pytest.mark.parametrize("question", [*QUESTIONS[:3], "thanks 😀"])
def test_probabilities_are_the_same_under_every_engine(both, question):
    mlx, llama_cpp = (scored(answer(subject, ask(question, max_tokens=80, logprobs=3))) for subject in both)
    assert [(t.id, t.text) for t in mlx] == [(t.id, t.text) for t in llama_cpp]
    told = [(ours, theirs) for ours, theirs in zip(mlx, llama_cpp, strict=True) if theirs.logprob is not None]
    assert len(told) > len(mlx) / 2
    for ours, theirs in told:
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-2)
        chances = [a.logprob for a in theirs.alternatives]
        assert [a.logprob for a in ours.alternatives] == pytest.approx(chances, abs=1e-2)


@pytest.mark.parametrize(
    "options", [{"repetition_penalty": 1.3}, {"max_tokens": 7}, {"stop": (" the",)}, {"thinking": False}]
)
def test_options_mean_the_same_under_every_engine(both, options):
    request = ask(longest(both[0]), **{"max_tokens": 60, **options})
    mlx, llama_cpp = (answer(subject, request) for subject in both)
    assert ids(mlx) == ids(llama_cpp)
    assert text(mlx) == text(llama_cpp)
    assert mlx[-1].applied == llama_cpp[-1].applied


def test_a_long_prompt_is_read_the_same_under_every_engine(both):
    said = long_prompt(both[0], 900)
    mlx, llama_cpp = (ids(answer(subject, ask(said, max_tokens=40))) for subject in both)
    assert mlx == llama_cpp


def test_prompts_are_rendered_the_same_under_every_engine(both):
    request = ask("go on", messages.system("Be brief."), messages.user("hi"), messages.assistant("Hello 😀"))
    assert both[0].render(request) == both[1].render(request)
    assert both[0].count_tokens(request) == both[1].count_tokens(request)
