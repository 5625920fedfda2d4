"""An answer that goes another way at one of its tokens, and what a screen draws of them. Knows no chat, no model."""

from __future__ import annotations

from typing import Any

from workbench.errors import UsageError
from workbench.sessions.answer import Answer
from workbench.tokens import Alternative, Token, written

DIGITS = 6
"""A screen's probabilities are rounded to so many."""


def beginning(answer: Answer, index: int, alternative: int | str) -> Answer:
    """What the other answer begins with: all that stands before a token, then the alternative in its place.

    `alternative` is an index into the token's alternatives, or any text. Raises `UsageError` where there is no such
    token or alternative, or none that can be written.
    """
    if answer.calls:
        raise UsageError("An answer that called functions cannot go another way.", next_step="Ask for it again.")
    if not answer.scored:
        raise UsageError(
            "This answer's tokens are not known.", next_step="Ask again with logprobs=5, then branch the new answer."
        )
    if not 0 <= index < len(answer.scored):
        raise UsageError(f"There is no token {index}: this answer has {len(answer.scored):,}, counted from 0.")
    token = answer.scored[index]
    chosen = _chosen(token, alternative)
    rest = written(each for each in answer.scored[index:] if each.thinking == token.thinking)
    said = answer.reasoning if token.thinking else answer.text
    if not said.endswith(rest):
        raise UsageError("This answer's tokens are not those of its text.", next_step="Ask again with logprobs=5.")
    said = said.removesuffix(rest) + chosen.text
    other = Answer(answer.model, answer.options)
    other.thoughts = [said] if token.thinking else list(answer.thoughts)
    other.pieces = [] if token.thinking else [said]
    other.reasoning_s = answer.reasoning_s
    other.scored = [*answer.scored[:index], chosen]
    return other


def cannot(model: str) -> str:
    """Why an answer of a model on a server that cannot continue one goes no other way."""
    return f"{model} cannot continue an answer that is begun: its server only takes whole messages."


def tokens_view(answer: Answer) -> list[dict[str, Any]]:
    """An answer's tokens as the front end reads them; probabilities are 0 to 1.

    ``{"text", "p" (or None), "thinking", "chosen": index among the others or -1, "others": [[text, p], ...]}``
    """
    return [
        {
            "text": token.text,
            "p": None if token.probability is None else round(token.probability, DIGITS),
            "thinking": token.thinking,
            "chosen": _place(token),
            "others": [[other.text, round(other.probability, DIGITS)] for other in token.alternatives],
        }
        for token in answer.scored
    ]


def _chosen(token: Token, alternative: int | str) -> Token:
    """The alternative in the place of a token."""
    others = token.alternatives
    if isinstance(alternative, str):
        found = next((other for other in others if other.text == alternative), Alternative(None, alternative, 0.0))
        known = found in others
    elif 0 <= alternative < len(others):
        found, known = others[alternative], True
    else:
        raise UsageError(f"There is no alternative {alternative}: this token has {len(others)}, counted from 0.")
    if not found.sayable:
        why = "is half a character" if found.text else "ends the answer, or is no text"
        raise UsageError(f"That alternative {why}: nothing can follow it.", next_step="Choose another one.")
    return Token(found.id, found.text, found.logprob if known else None, others, token.thinking)


def _place(token: Token) -> int:
    """Which of its alternatives a token is; -1 for none of them."""
    own = token.id, token.logprob
    return next((at for at, other in enumerate(token.alternatives) if (other.id, other.logprob) == own), -1)
