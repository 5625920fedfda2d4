"""What every engine checks the same way before it generates. Pure; it knows no framework."""

from __future__ import annotations

import random

import msgspec

from workbench.engines import LoadedModel
from workbench.errors import ContextOverflowError, EmptyPromptError, OptionError, UsageError
from workbench.messages import Image, Message
from workbench.options import GenerationOptions
from workbench.request import Request


def check(request: Request, loaded: LoadedModel) -> None:
    """Refuse what no run could answer.

    Raises `EmptyPromptError`, `UsageError` on pictures for a model that sees none or an answer that cannot be gone
    on with, and `OptionError` on options beyond the model: `top_k` above its vocabulary, `context_length` above what
    was allotted.
    """
    if not request.asked or _blank(request.asked[-1]):
        raise EmptyPromptError("There is nothing to answer.")
    if (begun := request.begun) and (begun.role != "assistant" or begun.tool_calls):
        raise UsageError(
            "Only an answer that asks for no function can be gone on with.", next_step="Send a message instead."
        )
    if not loaded.capabilities.vision and any(isinstance(p, Image) for m in request.messages for p in m.parts):
        raise UsageError(f"{loaded.model} cannot see pictures.", next_step="Choose a model with vision.")
    top_k, context = request.options.top_k, request.options.context_length
    if top_k is not None and top_k > loaded.vocabulary:
        raise OptionError(f"top_k is {top_k:,}, but the vocabulary has only {loaded.vocabulary:,} tokens.")
    if context is not None and context > loaded.context_length:
        raise OptionError(
            f"context_length is {context:,}, but the model was loaded with {loaded.context_length:,} tokens."
        )


def settle(options: GenerationOptions, defaults: GenerationOptions, loaded: LoadedModel) -> GenerationOptions:
    """The options as they will be used: the model's own defaults below, what is asked on top, nothing left open.

    Without a temperature from either, decoding is greedy. Sampling without a seed draws one, so that any
    answer can be repeated. `max_tokens` stays open until the prompt is counted; see `room`.
    """
    used = GenerationOptions(
        temperature=0.0,
        top_p=1.0,
        top_k=0,
        min_p=0.0,
        repetition_penalty=1.0,
        context_length=loaded.context_length,
    )
    used = used.merged(defaults).merged(options)
    if used.temperature and used.seed is None:
        used = msgspec.structs.replace(used, seed=random.SystemRandom().randrange(2**32))
    return used


def room(prompt_tokens: int, options: GenerationOptions) -> int:
    """Tokens that may be generated after a prompt of that length.

    Raises `ContextOverflowError` when not even one fits.
    """
    limit = options.context_length or 0
    if prompt_tokens >= limit:
        over = prompt_tokens - limit + 1
        raise ContextOverflowError(
            f"The prompt has {prompt_tokens:,} tokens, {over:,} too many for a context of {limit:,} "
            "with room for an answer."
        )
    left = limit - prompt_tokens
    return left if options.max_tokens is None else min(left, options.max_tokens)


def _blank(message: Message) -> bool:
    return not any(getattr(part, "text", "x").strip() for part in message.parts)


def allotted(asked: int | None, own: int) -> int:
    """Tokens of context for a load that asked for some, or for the model's own.

    Raises `OptionError` when that is more than the model was made for.
    """
    if asked is not None and asked > own:
        raise OptionError(f"context_length is {asked:,}, but the model was made for {own:,} tokens.")
    return asked or own
