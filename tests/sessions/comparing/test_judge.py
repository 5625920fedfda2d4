from __future__ import annotations

from typing import Any

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say
from workbench.errors import ServerFailedError, UsageError
from workbench.messages import user
from workbench.options import GenerationOptions
from workbench.services.registry import Services
from workbench.sessions.comparing.judge import PROMPT, judge, verdict
from workbench.sessions.comparing.scorer import apply
from workbench.sessions.comparing.values import Reply, Row

ROW = Row(id="r", index=0, messages=(user("Capital of France?"),), variables={"expected": "Paris", "tone": "polite"})


def judged(service: ScriptedService, row: Row = ROW, **settings: Any) -> tuple[Any, str]:
    """The score and the error of one judgement."""
    scorer = judge("tiny", services=ScriptedServices(service), **settings)  # type: ignore[arg-type]
    scores, errors = apply([scorer], row, Reply(text="It is {reply} Paris."))
    return scores.get("judge"), errors.get("judge", "")


def test_the_judge_is_asked_with_question_answer_and_reference() -> None:
    service = ScriptedService(say("Right and brief.", "\n\n", "Score: 5"))
    score, error = judged(service)
    assert error == ""
    asked = service.requests[0].messages[-1].text
    assert score == {
        "score": 5.0,
        "words": "Right and brief.\n\nScore: 5",
        "model": "tiny",
        "prompt": asked,
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "cached_tokens": None, "reasoning_tokens": None},
    }
    for part in ("Capital of France?", "It is {reply} Paris.", "<reference>\nParis\n", "from 1 (worst) to 5 (best)"):
        assert part in asked
    assert service.requests[0].options.temperature == 0


def test_without_a_reference_none_is_spoken_of() -> None:
    service = ScriptedService(say("Score: 3"))
    assert judged(service, Row(id="r", index=0, messages=(user("Hi"),)))[0]["score"] == 3
    assert "reference" not in service.requests[0].messages[-1].text


def test_a_prompt_of_one_s_own_takes_the_row_s_variables() -> None:
    service = ScriptedService(say("Verdict: right"))
    score, _ = judged(service, prompt="Is this {tone}? {reply} {form}", scale=("wrong", "right"))
    assert service.requests[0].messages[-1].text == "Is this polite? It is {reply} Paris. Verdict: one of wrong, right"
    assert (score["score"], score["verdict"]) == (1.0, "right")


def test_what_judges_is_seen() -> None:
    scorer = judge("ollama:qwen3", prompt="{reply}")
    assert scorer.settings["model"] == "ollama:qwen3"
    assert scorer.settings["prompt"] == "{reply}"
    assert judge("builtin").settings["prompt"] == PROMPT


@pytest.mark.parametrize(
    ("words", "score"),
    [
        ("Score: 4", 4),
        ("Good.\n**Score:** 4.5", 4.5),
        ("Score: 2 at first.\n**Score: 4/5**", 4),
        ("4", 4),
        (" 4/5. ", 4),
        ("4 out of 5", 4),
        ('{"score": 3}', 3),
        ("score = 1", 1),
    ],
)
def test_verdicts_that_can_be_read(words: str, score: float) -> None:
    assert verdict(words, (1, 5)) == {"score": score}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("I cannot say.", "hold no line"),
        ("", "hold no line"),
        ("There are 3 mistakes in 5 lines.", "hold no line"),
        ("Score: 7", "said 7, which is outside 1 to 5"),
        ("Score: -2", "said -2, which is outside"),
    ],
)
def test_a_verdict_that_cannot_be_read_is_none_with_the_reason(words: str, why: str) -> None:
    found = verdict(words, (1, 5))
    assert found["score"] is None
    assert why in found["why"]


def test_verdicts_in_words() -> None:
    scale = ("wrong", "partly right", "right")
    assert verdict("Hm.\nVerdict: Partly right", scale) == {"score": 0.5, "verdict": "partly right"}
    assert verdict("**right**", scale) == {"score": 1.0, "verdict": "right"}
    assert verdict("Verdict: WRONG.", scale) == {"score": 0.0, "verdict": "wrong"}
    assert verdict("Verdict: one of wrong, partly right, right", scale)["score"] is None
    assert verdict("It is not right.", scale)["score"] is None


def test_a_judge_that_is_cut_off_says_so() -> None:
    score, _ = judged(ScriptedService(say("Well", "...", reason="length")))
    assert score["score"] is None
    assert "cut off after 2 tokens" in score["why"]
    assert score["words"] == "Well..."


def test_a_judge_that_fails_is_an_error() -> None:
    score, error = judged(ScriptedService(fail(ServerFailedError("The server broke."), "Sco")))
    assert score is None
    assert error == "The server broke."
    assert (
        "There is no model 'gone'"
        in apply(
            [judge("gone", services=ScriptedServices(ScriptedService()))],  # type: ignore[arg-type]
            ROW,
            Reply(text="x"),
        )[1]["judge"]
    )


def test_nothing_leaves_this_machine_unasked() -> None:
    services = Services()
    services.connect("https://far.example/v1", name="far")
    assert "nobody has allowed yet" in apply([judge("far:big", services=services)], ROW, Reply(text="x"))[1]["judge"]
    services.close()


def test_bad_prompts_and_scales() -> None:
    with pytest.raises(UsageError, match=r"no place for \{reply\}"):
        judge("builtin", prompt="Is it good?")
    for scale in ((5, 1), (1, 2, 3), ("one",), ("a", "A"), (1, "b"), (float("nan"), 2), ()):
        with pytest.raises(UsageError, match="is no scale"):
            judge("builtin", scale=scale)  # type: ignore[arg-type]
    _, error = judged(ScriptedService(say("Score: 1")), prompt="{reply} {mood}")
    assert "needs a value for mood" in error


def test_the_model_that_ships_can_be_asked(services: Services) -> None:
    short = GenerationOptions(max_tokens=8)
    scores, errors = apply([judge("builtin", services=services, options=short)], ROW, Reply(text="Paris"))
    assert errors == {}
    assert scores["judge"]["words"]  # type: ignore[index]
