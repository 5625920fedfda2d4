"""Texts to measure with: of a given length, and each with a beginning of its own. Knows no model."""

from __future__ import annotations

import random

LENGTHS = {"short": 64, "medium": 512, "long": 2048}
"""About how many tokens a prompt has, by its name."""
TOKENS_PER_WORD = 1.3
"""Taken where nothing was counted; of English with a large vocabulary."""
_TASK = "Write a long story about all this."
_TEXT = """
apple boat bread bridge brother candle castle child city cloud coat corn dance dawn desert door dream eagle earth
evening farm father field fire fish flower forest friend garden glass gold grass green harbour hill home horse house
island king lake lamp land leaf letter light market milk moon morning mother mountain music night ocean old paper queen
quiet rain red river road rock school sea ship silver sister snow song spring star stone storm summer sun table tall
tree village water wind window winter wood young
"""
_WORDS = _TEXT.split()


def text(words: int, seed: str) -> str:
    """So many words: the seed, then always the same of nothing in particular, and a task that takes many words."""
    chance = random.Random(0)
    parts = [f"Notes {seed}:"]
    left = words - len(_TASK.split()) - 2
    while left > 0:
        length = min(left, chance.randrange(6, 15))
        parts.append(f"{' '.join(chance.choices(_WORDS, k=length)).capitalize()}.")
        left -= length
    return " ".join([*parts, _TASK])


def marked(prompt: str, seed: str) -> str:
    """A prompt of the person's own, with a beginning of its own, so that no cache knows it."""
    return f"({seed}) {prompt}"
