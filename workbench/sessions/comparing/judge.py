"""A language model as the judge of answers: its question, and the reading of its verdict. Knows no sweep, no screen."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import UsageError
from workbench.messages import user
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.sessions.answer import Answer
from workbench.sessions.comparing.checks import check_leave
from workbench.sessions.comparing.scorer import Scorer
from workbench.sessions.comparing.values import Reply, Row, Score
from workbench.sessions.comparing.whole_answer import whole_answer
from workbench.sessions.prompts import fill, variables_of

if TYPE_CHECKING:
    from workbench.services.registry import Services

PROMPT = """You judge an answer. Be strict and fair; length is no merit.

<question>
{prompt}
</question>
{reference}
<answer>
{reply}
</answer>

Say in one or two sentences what is right and what is wrong with the answer. Then end with one line:
{form}"""
"""What a judge is asked, unless it is given a prompt of its own."""
REFERENCE = """
This is the reference; an answer may say the same in other words:
<reference>
{expected}
</reference>
"""
"""What {reference} stands for where the row says what is expected; else it is empty."""
OPTIONS = GenerationOptions(temperature=0.0, max_tokens=2048)
_NUMBER = r"[-+]?\d+(?:\.\d+)?"


def judge(
    model: str,
    *,
    prompt: str = PROMPT,
    scale: tuple[float, float] | tuple[str, ...] = (1, 5),
    options: GenerationOptions = OPTIONS,
    services: Services | None = None,
) -> Scorer:
    """A language model judges the answer; the prompt and the model are in the scorer's `settings` and in every score.

        wb.scorers.judge("ollama:qwen3:8b")
        wb.scorers.judge("builtin", scale=("wrong", "right"), prompt="Is this polite? {reply} {form}")

    `prompt` may hold {prompt}, {reply} (it must), {form} (how to write the verdict), {reference} (what is expected,
    where the row says it) and the row's own variables. `scale` is the lowest and the highest number, or words from the
    worst to the best: then the score is 0 to 1, the worst word 0. The score is a dict: ``score``, ``words`` (all that
    the judge said), ``model``, ``prompt``, ``usage``. A verdict that cannot be read, or lies outside the scale, is
    ``None`` with a ``why``: never 0.

    Raises `UsageError` on a prompt without {reply} or a scale that is none. What goes wrong while judging is the
    cell's error; among it `ConsentNeededError`, before anything leaves this machine.
    """
    if "reply" not in variables_of(prompt, strict=True):
        raise UsageError("The judge's prompt has no place for {reply}.", next_step="Write {reply} where it belongs.")
    _check_scale(scale)
    settings = {"model": model, "prompt": prompt, "scale": scale, "options": options, "services": services}
    return Scorer("judge", _judge, settings)


def verdict(words: str, scale: tuple[float, float] | tuple[str, ...]) -> dict[str, Any]:
    """The score in a judge's words: ``score``, and with it ``verdict`` (a word) or ``why`` (there is none).

    It is read from the last ``Score: N`` (or ``Verdict: WORD``, for a scale of words), else from an answer that is
    nothing but the number or the word. Markdown around it and ``N/5`` are fine.
    """
    plain = re.sub(r"[*_`\"'#]", "", words).strip()
    if isinstance(scale[0], str):
        names = "|".join(re.escape(str(word)) for word in sorted(map(str, scale), key=len, reverse=True))
        found = re.findall(rf"\bverdict\s*[:=]\s*({names})\b", plain, re.I)
        found = found or re.findall(rf"\A({names})\.?\Z", plain, re.I)
        if not found:
            return {"score": None, "why": f"The judge's words hold no line {_form(scale)!r}."}
        place = [str(word).casefold() for word in scale].index(found[-1].casefold())
        return {"score": place / (len(scale) - 1), "verdict": scale[place]}
    found = re.findall(rf"\bscore\s*[:=]\s*({_NUMBER})", plain, re.I)
    found = found or re.findall(rf"\A({_NUMBER})(?:\s*(?:/|of|out of)\s*{_NUMBER})?\.?\Z", plain)
    if not found:
        return {"score": None, "why": f"The judge's words hold no line {_form(scale)!r}."}
    low, high = scale
    value = float(found[-1])
    if not float(low) <= value <= float(high):
        return {"score": None, "why": f"The judge said {value:g}, which is outside {low:g} to {high:g}."}
    return {"score": value}


def _judge(
    row: Row,
    reply: Reply,
    *,
    model: str,
    prompt: str,
    scale: tuple[float, float] | tuple[str, ...],
    options: GenerationOptions,
    services: Any,
) -> Score:
    values = {**row.variables, "prompt": row.prompt, "reply": reply.text, "form": _form(scale)}
    values["reference"] = "" if row.expected is None else fill(REFERENCE, {"expected": row.expected})
    filled = fill(prompt, {name: values[name] for name in variables_of(prompt, strict=True) if name in values})
    answer = _ask(services, model, filled, options)
    told = {"words": answer.text, "model": answer.model, "prompt": filled, "usage": msgspec.to_builtins(answer.usage)}
    found = verdict(answer.text, scale)
    if found["score"] is None and answer.finish == "length":
        found["why"] += f" It was cut off after {answer.usage.completion_tokens} tokens."
    return {**found, **told}


def _ask(services: Services | None, model: str, prompt: str, options: GenerationOptions) -> Answer:
    """The whole answer of a model to one message. Raises the run's error."""
    from workbench.services import registry

    known = services or registry.default()
    service, info = known.resolve(model)
    check_leave(known, [info.id])
    answer = whole_answer(service, Request(messages=(user(prompt),), model=info.id, options=options))
    if answer.error is not None:
        raise answer.error.to_error()
    return answer


def _form(scale: tuple[float, float] | tuple[str, ...]) -> str:
    """How the verdict is to be written."""
    if isinstance(scale[0], str):
        return f"Verdict: one of {', '.join(map(str, scale))}"
    low, high = scale
    return f"Score: a number from {low:g} (worst) to {high:g} (best)"


def _check_scale(scale: tuple[float, float] | tuple[str, ...]) -> None:
    numbers = [x for x in scale if isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)]
    words = {x.casefold() for x in scale if isinstance(x, str) and x.strip()}
    if len(numbers) == len(scale) == 2 and numbers[0] < numbers[1]:
        return
    if len(words) != len(scale) or len(scale) < 2:
        raise UsageError(
            f"{scale!r} is no scale.", next_step='Write scale=(1, 5), or words from worst to best: ("wrong", "right").'
        )
