"""How likely MLX's model held each token, and what else it might have written. Knows no request and no run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from workbench.tokens import Alternative, Token


class Chances:
    """Reads the probabilities of tokens: of the one that was taken, and of so many of the likeliest.

    They are the log-softmax of the logits before temperature, top-p, top-k and min-p, so they say what the model held,
    not what was left to be drawn from; a repetition penalty and a grammar count. mlx-lm computes them in the weights'
    precision; here they are made to sum to one in fp32. `words` gives what a token says on its own.
    """

    def __init__(self, most: int, words: Callable[[int], str]) -> None:
        self._most = most
        self._words = words

    def of(self, token: int, logprobs: Any) -> Token:
        """A token, its text still to be known; `logprobs` are those of its place, an array over the vocabulary."""
        import mlx.core as mx

        logprobs = logprobs.astype(mx.float32)
        logprobs = logprobs - mx.logsumexp(logprobs)
        if not self._most:
            return Token(token, "", float(logprobs[token].item()))
        most = min(self._most, logprobs.size)
        likeliest = mx.argpartition(-logprobs, most - 1)[:most]
        ids = mx.concatenate([likeliest, mx.array([token], dtype=likeliest.dtype)])
        chances = logprobs[ids]
        mx.eval(ids, chances)
        found: list[tuple[Any, Any]] = list(zip(chances.tolist(), ids.tolist(), strict=True))  # type: ignore[arg-type]  # lists of numbers
        own, _ = found.pop()
        alternatives = tuple(
            Alternative(other, self._words(other), chance)
            for chance, other in sorted(found, reverse=True)
            if chance > -math.inf  # what a grammar does not allow
        )
        return Token(token, "", own, alternatives)
