"""Between requests, mlx-lm's tokenizer and text: what a template is given, what a token says. Knows no model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from workbench.engines.textstream import byte_level, named_calls
from workbench.messages import plain
from workbench.request import Request


def piece_of(tokenizer: Any, markers: Sequence[str], *, goes_on: bool = False) -> Callable[[int], bytes]:
    """A function from a token to its bytes, for one run's tokens in order.

    Special tokens have none, but for those the delimiters in `markers` are made of. mlx-lm's own
    detokenizer drops a leading space of byte-level tokens, so those are read here. SentencePiece's tokens have a space
    before the first word that means nothing, unless an answer `goes_on`.
    """
    from mlx_lm.tokenizer_utils import BPEStreamingDetokenizer, SPMStreamingDetokenizer

    added = {token: str(name) for token, name in tokenizer.added_tokens_decoder.items()}
    special = {token for token, name in tokenizer.added_tokens_decoder.items() if name.special}
    special.update(tokenizer.all_special_ids)
    hidden = {token for token in special if token not in added or not any(added[token] in m for m in markers)}
    detokenizer = tokenizer.detokenizer  # a new one each time
    if goes_on and isinstance(detokenizer, SPMStreamingDetokenizer):
        detokenizer.trim_space = False
    names = detokenizer.tokenmap if isinstance(detokenizer, BPEStreamingDetokenizer) else None

    def piece(token: int) -> bytes:
        if token in hidden:
            return b""
        if names is None:
            detokenizer.add_token(token)
            return str(detokenizer.last_segment).encode()
        if token in added:
            return str(added[token]).encode()
        return byte_level(names[token]) if token < len(names) else b""

    return piece


def words_of(tokenizer: Any, markers: Sequence[str]) -> Callable[[int], str]:
    """A function from a token to what it says on its own; special tokens and the delimiters in `markers` say nothing.

    Half a character is U+FFFD.
    """
    from mlx_lm.tokenizer_utils import BPEStreamingDetokenizer, SPMStreamingDetokenizer

    added = {token: str(name) for token, name in tokenizer.added_tokens_decoder.items()}
    silent = {token for token, name in tokenizer.added_tokens_decoder.items() if name.special}
    silent |= set(tokenizer.all_special_ids) | {token for token, name in added.items() if name in markers}
    detokenizer = tokenizer.detokenizer
    names = getattr(detokenizer, "tokenmap", ())

    @cache
    def words(token: int) -> str:
        if token in silent:
            return ""
        if token in added:
            return added[token]
        if isinstance(detokenizer, BPEStreamingDetokenizer):
            return byte_level(names[token]).decode(errors="replace") if token < len(names) else ""
        if isinstance(detokenizer, SPMStreamingDetokenizer):
            return bytes(names[token]).decode(errors="replace").replace("\u2581", " ") if token < len(names) else ""
        return str(tokenizer.decode([token]))

    return words


def template_messages(request: Request) -> list[dict[str, Any]]:
    """Messages for a template: the arguments of tool calls as objects, which most templates want."""
    messages: list[dict[str, Any]] = plain(request.asked)
    for message in messages:
        for call in message.get("tool_calls", ()):
            try:
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
            except ValueError:
                continue
    return messages


def parser(parse: Callable[..., Any], request: Request) -> Callable[[str], list[tuple[str, str]]]:
    """One of mlx-lm's tool parsers, its many ways to fail made one."""
    tools = [tool.wire() for tool in request.tools]

    def calls(text: str) -> list[tuple[str, str]]:
        try:
            return named_calls(parse(text, tools))
        except Exception as error:
            raise ValueError(f"not a tool call: {error}") from error

    return calls


def opener(tokenizer: Any) -> int | None:
    """The special token that every message begins with; ``None`` for a template that has no such one."""
    hello = [{"role": "user", "content": "hello"}]
    try:
        asked, asking = (
            tokenizer.apply_chat_template(hello, add_generation_prompt=add, tokenize=False) for add in (False, True)
        )
    except Exception:  # a template that refuses even this will say so when it is used
        return None
    begins = tokenizer.encode(asking.removeprefix(asked), add_special_tokens=False)[:1] if asking != asked else []
    return begins[0] if begins and begins[0] in tokenizer.added_tokens_decoder else None
