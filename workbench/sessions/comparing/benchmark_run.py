"""The measuring itself: one model after another, one run after another. Knows no table and no screen.

For each model: load it anew (local ones), warm it up with two short runs, then all prompts in turn, as often as asked;
unload it. Every prompt begins with a word of its own, so no cache knows more of it than the chat template's first
tokens; where a server's cache held more all the same, the run counts for neither prefill nor time to first token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import msgspec

from workbench.errors import ErrorInfo, WorkbenchError
from workbench.events import Failed
from workbench.messages import new_id, user
from workbench.model import ModelInfo, is_remote
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services import ChatService
from workbench.services.registry import Services
from workbench.sessions.answer import Answer
from workbench.sessions.comparing import receipts
from workbench.sessions.comparing.benchmark_prompts import LENGTHS, TOKENS_PER_WORD, marked, text
from workbench.sessions.comparing.checks import check_leave
from workbench.sessions.comparing.whole_answer import whole_answer

MARGIN = 0.95
"""Share of the context that a prompt may fill: its tokens are estimated before."""
LEAST = 16
"""Tokens of a prompt below which nothing is measured."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model that was measured. ``None`` means unknown."""

    model: str
    provider: str = ""
    """``"local"``, or the endpoint's name."""
    engine: str | None = None
    quantization: str | None = None
    size: int | None = None
    """Bytes of weights."""
    revision: str | None = None
    context_length: int | None = None
    load_s: float | None = None
    """Seconds from nothing to ready: a new process, its framework, the weights (the system may have them in its
    cache). ``None`` for servers: loading is their business.
    """
    versions: dict[str, str] = {}
    """Of Python, the workbench, and what computed."""
    notes: tuple[str, ...] = ()
    """What was done otherwise than asked: a prompt made shorter to fit, say."""
    error: ErrorInfo | None = None
    """Why nothing, or not all, was measured."""


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run. Every number is measured, or ``None``."""

    model: str
    prompt: str
    """Name of the prompt: ``"short"``."""
    run: int
    """From 1."""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    ttft_s: float | None = None
    """Seconds to the first token; ``None`` too where a cache had read the prompt before."""
    prefill_tps: float | None = None
    """Prompt tokens a second; ``None`` too where a cache had read them before."""
    decode_tps: float | None = None
    total_s: float | None = None
    peak_memory: int | None = None
    """Bytes; of MLX its own buffers, of other engines their process's memory."""
    note: str = ""
    """What makes it differ from the others, in sentences."""
    error: ErrorInfo | None = None


class Step(NamedTuple):
    """How far a benchmark is."""

    done: int
    total: int
    words: str
    """What is done now."""
    ended: bool = False
    """Whether nothing more will come."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be measured."""

    models: tuple[str, ...]
    lengths: dict[str, int]
    """Tokens of the prompts to make, by name."""
    prompts: dict[str, str]
    """The person's own prompts, by name; they take the place of those made."""
    runs: int
    max_tokens: int
    force: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the prompts."""
        return list(self.prompts or self.lengths)

    @property
    def total(self) -> int:
        """Runs in all."""
        return len(self.models) * len(self.names) * self.runs


class _Warm(NamedTuple):
    """What the warm-up found out."""

    around: int
    """Tokens that the chat template puts around a message."""
    per_word: float


def measure(plan: Plan, services: Services, tell: Callable[[Step], None]) -> Iterator[Subject | Run]:
    """What is known of each model, and each run as it ends. A model met again replaces what was known of it.

    Never raises for a model: its error is in its `Subject`, a run's in its `Run`.
    """
    seen: set[str] = set()
    for number, model in enumerate(plan.models):
        before = number * len(plan.names) * plan.runs

        def told(done: int, words: str, before: int = before, model: str = model) -> None:
            tell(Step(before + done, plan.total, f"{model}: {words}"))

        subject = Subject(model=model)
        try:
            service, info = services.resolve(model)
            if info.id in seen:
                continue
            seen.add(info.id)
            subject = _described(info)
            check_leave(services, [info.id])
            for known in _measured(plan, services, service, subject, told):
                if isinstance(known, Subject):
                    subject = known
                yield known
        except WorkbenchError as error:
            yield msgspec.structs.replace(subject, error=error.info)


def _measured(
    plan: Plan, services: Services, service: ChatService, subject: Subject, told: Callable[[int, str], None]
) -> Iterator[Subject | Run]:
    """One model and its runs. Raises what loading and warming up raise."""
    model, local = subject.model, not is_remote(subject.model)
    try:
        if local:
            told(0, "loading")
            seconds = _loaded(service, model, plan.force)
            subject = msgspec.structs.replace(_described(services.resolve(model)[1]), load_s=seconds)
            yield subject
        told(0, "warming up")
        warm = _warmed(service, model, plan)
        words, notes = _words(plan, subject.context_length, warm)
        yield msgspec.structs.replace(subject, notes=notes)
        failed: set[str] = set()
        for number in range(plan.runs):
            for place, name in enumerate([*plan.prompts, *words]):
                if name in failed:
                    continue
                told(number * len(plan.names) + place, f"{name}, run {number + 1} of {plan.runs}")
                seed = new_id()
                prompt = marked(plan.prompts[name], seed) if name in plan.prompts else text(words[name], seed)
                run = _run(service, Run(model=model, prompt=name, run=number + 1), prompt, plan, warm.around)
                if run.error is not None:
                    failed.add(name)  # the same again would fail the same way
                yield run
    finally:
        if local:
            service.unload(model)


def _loaded(service: ChatService, model: str, force: bool) -> float:
    """Load a model anew; the seconds it took. Raises the error it failed with."""
    service.unload(model)
    started = time.perf_counter()
    with closing(service.load(model, force=force)) as events:  # type: ignore[type-var]  # it is a generator
        for event in events:
            if isinstance(event, Failed):
                raise event.error.to_error()
    return time.perf_counter() - started


def _warmed(service: ChatService, model: str, plan: Plan) -> _Warm:
    """Two short runs that do not count, the second with a text as it will come. Raises the error they failed with."""
    words = LENGTHS["short"]
    tiny = _answered(service, model, "Hi", 2, plan.force)
    usual = _answered(service, model, text(words, new_id()), min(plan.max_tokens, 16), plan.force)
    for answer in (tiny, usual):
        if answer.error is not None:
            raise answer.error.to_error()
    around, both = tiny.usage.prompt_tokens, usual.usage.prompt_tokens
    if around is None or both is None or both <= around:
        return _Warm(around or 0, TOKENS_PER_WORD)
    return _Warm(around, (both - around) / words)


def _words(plan: Plan, context: int | None, warm: _Warm) -> tuple[dict[str, int], tuple[str, ...]]:
    """How many words each prompt to make has for this model, and what is said about those that do not fit."""
    if plan.prompts:
        return {}, ()
    words: dict[str, int] = {}
    notes: list[str] = []
    room = None if context is None else int((context - plan.max_tokens - warm.around) * MARGIN)
    for name, tokens in plan.lengths.items():
        fits = tokens if room is None else min(tokens, room)
        if fits < LEAST or any(fits <= plan.lengths[other] < tokens for other in words):
            notes.append(f"{name} ({tokens:,} tokens) was left out: the context is {context:,} tokens.")
            continue
        if fits < tokens:
            notes.append(f"{name} is about {fits:,} tokens, not {tokens:,}: the context is {context:,} tokens.")
        words[name] = max(LEAST, round(fits / warm.per_word))
    return words, tuple(notes)


def _run(service: ChatService, run: Run, prompt: str, plan: Plan, around: int) -> Run:
    """One run, measured."""
    answer = _answered(service, run.model, prompt, plan.max_tokens, plan.force)
    usage, metrics = answer.usage, answer.metrics
    cached = usage.cached_tokens or 0
    notes = []
    fresh = cached <= around
    if not fresh:
        notes.append(f"{cached:,} of {usage.prompt_tokens or 0:,} prompt tokens came from a cache: no prefill counts.")
    if answer.ignored:
        notes.append(f"It ignored {', '.join(answer.ignored)}.")
    if answer.finish == "stop":
        notes.append(f"It stopped by itself after {usage.completion_tokens} tokens.")
    return msgspec.structs.replace(
        run,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        ttft_s=metrics.ttft_s if fresh else None,
        prefill_tps=metrics.prefill_tps if fresh else None,
        decode_tps=metrics.decode_tps,
        total_s=metrics.total_s,
        peak_memory=metrics.peak_memory,
        note=" ".join(notes),
        error=answer.error,
    )


def _answered(service: ChatService, model: str, prompt: str, max_tokens: int, force: bool) -> Answer:
    """The whole answer to one prompt, greedy."""
    options = GenerationOptions(max_tokens=max_tokens, temperature=0.0)
    return whole_answer(service, Request(messages=(user(prompt),), model=model, options=options, force=force))


def _described(info: ModelInfo) -> Subject:
    return Subject(
        model=info.id,
        provider=info.provider,
        engine=info.engine,
        quantization=info.quantization,
        size=info.size,
        revision=info.revision,
        context_length=info.context_length,
        versions=receipts.versions(info.engine if info.local else None),
    )
