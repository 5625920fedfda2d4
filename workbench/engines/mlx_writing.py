"""One answer of MLX on its way: what was asked of it, and its tokens as events. Knows no model and no cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from workbench.engines.meter import Meter
from workbench.engines.mlx_chances import Chances
from workbench.engines.mlx_grammar import Held
from workbench.engines.textstream import TextStream, Utf8
from workbench.events import Event, FinishReason
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.tokens import Token

PENALTY_WINDOW = 64
"""Tokens a repetition penalty looks back on, the prompt included; llama.cpp's own number."""


class Writing:
    """An answer and how far it is: `ids` are the tokens of its prompt, `generated` what came since."""

    def __init__(
        self,
        request: Request,
        ids: list[int],
        *,
        options: GenerationOptions,
        limit: int,
        ends: set[int],
        stream: TextStream,
        piece: Callable[[int], bytes],
        meter: Meter,
        vocabulary: int,
        ignored: tuple[str, ...],
        chances: Chances | None = None,
        grammar: Held | None = None,
    ) -> None:
        self.run = request.run
        self.ids = ids
        self.generated: list[int] = []
        self.reason: FinishReason | None = None
        """Why it has ended; ``None`` while it goes on."""
        self.sampler = Sampler(options, vocabulary) if options.temperature else None
        """``None`` for greedy decoding, mlx-lm's own way."""
        self.processors: list[Callable[[Any, Any], Any]] = _processors(options, ids)
        if grammar is not None:
            self.processors.append(grammar)
        self._grammar = grammar
        self._meter = meter
        self._meter.prompt = len(ids)
        self._counted = False
        self._limit = limit
        self._ends = ends
        self._stream = stream
        self._piece = piece
        self._utf8 = Utf8()
        self._chances = chances
        self._unsaid: list[Token] = []
        """Tokens with their probabilities whose text is not known yet."""
        self._applied = msgspec.structs.replace(options, max_tokens=limit)
        self._ignored = ignored

    @property
    def tokens(self) -> list[int]:
        """All its tokens until now, the prompt's first."""
        return self.ids + self.generated

    @property
    def left(self) -> int:
        """Tokens that may still be generated."""
        return self._limit - len(self.generated)

    def held(self, tokens: int) -> None:
        """So many tokens of its prompt need not be read; only the first time counts, not when it was put off since."""
        if not self._counted:
            self._meter.cached, self._counted = tokens, True

    def put_off(self) -> None:
        """It goes on later, from the last token it has."""
        if self.sampler is not None:
            self.sampler.back_to(len(self.generated))
        if self._grammar is not None:
            self._grammar.back_to(self.generated)

    def take(self, token: int, logprobs: Any) -> Iterator[Event]:
        """The next token, with the log-probabilities of its place; sets `reason` where it is the last."""
        self.generated.append(token)
        yield from self._meter.generated(len(self.generated))
        if token in self._ends:
            self.reason = "stop"
            return
        text, tokens = self._utf8.feed(token, self._piece(token))
        if self._chances is not None:
            self._unsaid.append(self._chances.of(token, logprobs))
        yield from self._stream.feed(text, tokens, logprobs=self._said(text) if tokens else ())
        if self._stream.stopped:
            self.reason = "stop"
        elif not self.left:
            self.reason = "length"

    def close(self, *, peak_memory: int, batch: int | None = None) -> Iterator[Event]:
        """What was held back, then the run's end. Of one that has no reason yet it is that it was cancelled."""
        stream = self._stream
        self.reason = self.reason or "cancelled"
        held = self._grammar is not None and not self._grammar.fault
        broken = self._grammar is not None and not held
        yield from stream.feed("", self._utf8.close(), logprobs=self._said(""))
        yield from stream.close()
        yield self._meter.finished(
            "tool_calls" if stream.called and self.reason == "stop" else self.reason,
            reasoning_tokens=stream.reasoning_tokens,
            peak_memory=peak_memory,
            applied=self._applied,
            ignored=(*self._ignored, "schema") if broken else self._ignored,
            batch=batch,
            grammar=held,
        )

    def _said(self, text: str) -> tuple[Token, ...]:
        """The tokens of a text that is complete now: the last of them completed it."""
        tokens, self._unsaid = self._unsaid, []
        return (*tokens[:-1], *(msgspec.structs.replace(token, text=text) for token in tokens[-1:]))


class Sampler:
    """mlx-lm's sampling with random numbers of the run's own, so that runs side by side do not take each other's."""

    def __init__(self, options: GenerationOptions, vocabulary: int) -> None:
        import mlx.core as mx

        self._top_p, self._min_p, self._top_k = options.top_p or 1.0, options.min_p or 0.0, options.top_k or 0
        self._vocabulary = vocabulary
        self._sharpness = 1 / (options.temperature or 1.0)
        self._key = self._before = mx.random.key(options.seed or 0)
        self._drawn = 0

    def __call__(self, logprobs: Any) -> Any:
        """A token for each row."""
        import mlx.core as mx
        from mlx_lm.sample_utils import apply_min_p, apply_top_k, apply_top_p

        if self._top_p < 1:
            logprobs = apply_top_p(logprobs, self._top_p)
        if self._min_p:
            logprobs = apply_min_p(logprobs, self._min_p)
        if 0 < self._top_k < self._vocabulary:
            logprobs = apply_top_k(logprobs, self._top_k)
        self._before = self._key
        self._key, this = mx.random.split(self._key)
        self._drawn += 1
        return mx.random.categorical(logprobs * self._sharpness, key=this)

    def back_to(self, count: int) -> None:
        """Only so many tokens were used: what was drawn ahead, one at most, will be drawn again."""
        if self._drawn > count:
            self._key, self._drawn = self._before, count


def _processors(options: GenerationOptions, prompt: list[int]) -> list[Callable[[Any, Any], Any]]:
    """A repetition penalty, where there is one."""
    import mlx.core as mx
    from mlx_lm.sample_utils import make_repetition_penalty

    if options.repetition_penalty in (None, 1):
        return []
    penalise = make_repetition_penalty(options.repetition_penalty, PENALTY_WINDOW)
    before = mx.array(prompt[-PENALTY_WINDOW:-1], dtype=mx.int32)  # tokens begin at the prompt's last, or before
    return [lambda tokens, logits: penalise(mx.concatenate([before, tokens.astype(mx.int32)]), logits)]
