"""One token of an answer with its probability: frozen values, from an engine to the screen. They know no engine."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec


class Alternative(msgspec.Struct, frozen=True, array_like=True):
    """A token that could have stood in a place."""

    id: int | None
    """``None`` where a server names no ids."""
    text: str
    """Empty for a special token, an end of the turn for example; half a character is U+FFFD."""
    logprob: float
    """Natural logarithm of its probability, at temperature 1 and before anything was filtered out."""

    @property
    def probability(self) -> float:
        """0 to 1."""
        return math.exp(self.logprob)

    @property
    def sayable(self) -> bool:
        """Whether it is text that an answer could go on from."""
        return bool(self.text) and "\ufffd" not in self.text


class Token(msgspec.Struct, frozen=True, array_like=True):
    """A token that was written. The texts of an answer's tokens, joined, are the answer."""

    id: int | None
    """``None`` where a server names no ids."""
    text: str
    """What it adds to the text; empty for the first half of a character."""
    logprob: float | None
    """Natural logarithm of its probability, as for `Alternative`; ``None`` where the engine did not say."""
    alternatives: tuple[Alternative, ...] = ()
    """The likeliest tokens of its place, itself among them if it is one, likeliest first."""
    thinking: bool = False
    """Whether it is thought, not said."""

    @property
    def probability(self) -> float | None:
        """0 to 1; ``None`` where the engine did not say."""
        return None if self.logprob is None else math.exp(self.logprob)


def perplexity(tokens: Iterable[Token]) -> float | None:
    """Two for a text whose every token was as uncertain as a coin's toss, and so on: ``exp(-mean(logprob))``.

    ``None`` where no probability is known.
    """
    known = [token.logprob for token in tokens if token.logprob is not None]
    return math.exp(-sum(known) / len(known)) if known else None


def written(tokens: Iterable[Token]) -> str:
    """The text of tokens."""
    return "".join(token.text for token in tokens)
