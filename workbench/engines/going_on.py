"""A prompt that ends in the middle of an answer, for a model that goes on with it. Pure: it knows no engine."""

from __future__ import annotations

from collections.abc import Callable

from workbench.engines.textstream import opens_thinking
from workbench.messages import Message


def gone_on(prompt: str, begun: Message, think: tuple[str, str]) -> str:
    """A prompt that asks for an answer, with what is written of that answer behind it, its thinking included.

    That is how the prompt stood when the answer was broken off, so the model goes on from the next character. (A
    template's own way to write an earlier answer may strip it, and drops its thinking.) Thinking without text goes
    on as thinking.
    """
    inside = opens_thinking(prompt, think)
    if not begun.reasoning:
        closing = f"{think[1]}\n\n" if inside and begun.text else ""
        return prompt + closing + begun.text
    thought = begun.reasoning if inside else f"{think[0]}\n{begun.reasoning}"
    if not begun.text:
        return prompt + thought
    newline = "" if thought.endswith("\n") else "\n"
    return f"{prompt}{thought}{newline}{think[1]}\n\n{begun.text}"


def tokens_of(prompt: str, begun: Message | None, encode: Callable[[str], list[int]]) -> list[int]:
    """Token ids of a rendered prompt, the end of a begun answer read as it was written.

    Many tokenizers read newlines otherwise where nothing follows them, and then the model goes on otherwise.
    """
    written = "" if begun is None else begun.text or begun.reasoning
    if written != written.rstrip():
        followed, alone = encode(f"{prompt}a"), encode("a")
        if followed[-1:] == alone[-1:]:
            return followed[:-1]
    return encode(prompt)
