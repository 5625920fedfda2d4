"""Holds an answer of MLX to a grammar: llguidance says which tokens may come next. Knows no request and no text."""

from __future__ import annotations

from typing import Any


def vocabulary_of(tokenizer: Any, size: int) -> Any:
    """A tokenizer of mlx-lm as llguidance reads it, which takes a second for a large one; ``None`` where it cannot.

    `size` is the model's number of token ids, which may be more than the tokenizer's.
    """
    from llguidance.hf import from_tokenizer

    inner = getattr(tokenizer, "_tokenizer", tokenizer)
    try:
        return from_tokenizer(inner, n_vocab=max(size, len(inner)), eos_token=sorted(tokenizer.eos_token_ids))
    except (ValueError, AttributeError):  # not one of the fast tokenizers
        return None


class Held:
    """One answer's place in its grammar, and mlx-lm's logits processor for it: what may not come is minus infinity."""

    def __init__(self, grammar: str, vocabulary: Any) -> None:
        from llguidance import LLMatcher

        self._matcher = LLMatcher(vocabulary, grammar, log_level=0)
        self._begun = False
        """Whether the last token of what comes next is one of the answer's."""

    @property
    def fault(self) -> str:
        """Why it holds the answer no longer; empty while it does."""
        return str(self._matcher.get_error())

    def __call__(self, tokens: Any, logits: Any) -> Any:
        """The logits, shape (1, vocabulary), of what follows the tokens; the answer's last one ends them."""
        import mlx.core as mx
        import numpy as np

        if self._begun:
            self._matcher.consume_token(int(tokens[-1].item()))
        self._begun = True
        mask = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_error():
            return logits
        may = np.unpackbits(mask, bitorder="little", count=logits.shape[-1]).astype(bool)
        return mx.where(mx.array(may), logits, mx.array(-float("inf"), dtype=logits.dtype))

    def back_to(self, generated: list[int]) -> None:
        """Go back to where the answer had these tokens; the last of them, or the prompt's, is given again."""
        self._matcher.reset()
        self._matcher.consume_tokens(generated[:-1])
        self._begun = bool(generated)
