"""One question, one answer. Knows no transcript: it asks a chat of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from workbench.options import GenerationOptions, make_options
from workbench.sessions.chat import Chat
from workbench.sessions.prompts import fill
from workbench.sessions.reply import Reply


def ask(
    prompt: str,
    *,
    model: str | None = None,
    system: str | None = None,
    force: bool = False,
    fallback: bool | None = None,
    attach: Any = (),
    tools: Iterable[Callable[..., Any]] | None = None,
    allow: bool = False,
    schema: Any = None,
    **options_and_variables: Any,
) -> Reply:
    """Ask one question; returns the `Reply` at once. In a notebook, as the end of a cell, it writes itself there.

        wb.ask("What is a token?")
        wb.ask("Summarise {text}", text=report, model="ollama:llama3.2").result()
        for piece in wb.ask("Count to ten", temperature=0, max_tokens=50):
            print(piece, end="")
        wb.ask("Give me a city as JSON.", schema=City).value     # an object: City is a dataclass, say

    `prompt` is what to ask. `model` is a model id, as `models` lists them; without one the model that ships
    inside answers. `system` tells it how to behave. `force` loads a local model even if it does not fit this
    machine's memory. `fallback` says whether another model may answer when this one is not available (the reply's
    `notes` say so); ``None`` leaves that to the settings. `attach` is a thing, or a list of things, that goes with
    the question (a frame, a figure, a file), as `Chat.attach` takes them. `tools` are functions that the model may
    call: with `allow` at once, else after `Reply.allow_call`. With a `schema` (a dataclass, a pydantic model, a JSON
    schema) the answer is an object, `Reply.value`. Keywords with the name of a generation option (max_tokens,
    temperature, top_p, top_k, min_p, repetition_penalty, stop, seed, context_length, thinking, logprobs) are options;
    all others fill ``{name}`` in the prompt. With no variables given, braces are left alone; with some, ``{{`` and
    ``}}`` stand for braces (see `workbench.sessions.prompts`). What is asked so is not kept in the history.
    Raises at once: `EmptyPromptError`, `OptionError`, `ModelNotFoundError` (the nearest id is named), `UsageError`
    (a variable is missing, or not in the prompt), `ConsentNeededError` (it would leave this machine, and nobody has
    allowed that). What goes wrong later is the reply's `error`, and
    `Reply.result` raises it.
    """
    names = GenerationOptions.__struct_fields__
    options = {k: v for k, v in options_and_variables.items() if k in names}
    variables = {k: v for k, v in options_and_variables.items() if k not in names}
    made = make_options(**options)
    text = fill(prompt, variables, others=names) if variables else prompt
    return Chat(model, system=system, options=made, force=force, fallback=fallback, private=True).send(
        text, attach=attach, tools=tools, allow=allow, schema=schema
    )
