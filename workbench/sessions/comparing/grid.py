"""Rows and columns out of what a person gives: prompts, templates, models, options. Knows no service and no run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from workbench.errors import EmptyPromptError, UsageError
from workbench.messages import Message
from workbench.messages import user as user_message
from workbench.model import is_remote
from workbench.options import GenerationOptions, make_options
from workbench.sessions.comparing.values import Column, Row
from workbench.sessions.prompts import fill, variables_of

Prompts: TypeAlias = Any
"""A string, a sequence of messages, something with ``.messages`` (a chat), a mapping of variables; or many of them, or
a pandas frame, each row of which is such a mapping."""
Options: TypeAlias = GenerationOptions | Mapping[str, Any]


def rows(prompts: Prompts, template: str | None = None, *, before: Sequence[Row] = ()) -> list[Row]:
    """The rows of these prompts, after those there are `before`.

    Raises `UsageError` (a variable is missing: the row and the name are said) and `EmptyPromptError`.
    """
    if template is not None and not isinstance(template, str):
        raise UsageError(f"A template is a text, not {template!r}.")
    taken = {row.id for row in before}
    first = max((row.index for row in before), default=-1) + 1
    made: list[Row] = []
    for number, prompt in enumerate(_each(prompts)):
        messages, variables = _messages(prompt, template, number)
        if not any(message.text.strip() for message in messages[-1:]):
            raise EmptyPromptError(f"Prompt {number} is empty.", next_step="Write something, or leave it out.")
        content = [[message.role, msgspec.to_builtins(message.parts)] for message in messages]
        try:
            row_id = _unique(_digest([content, variables]), taken)
        except UnicodeEncodeError:
            raise UsageError(
                f"Prompt {number} holds half a character (a lone surrogate).", next_step="Remove it."
            ) from None
        taken.add(row_id)
        made.append(Row(id=row_id, index=first + number, messages=messages, variables=variables))
    if not made and not before:
        raise EmptyPromptError("There are no prompts.", next_step="Give at least one.")
    return made


def columns(
    models: Sequence[str],
    options: Options | Iterable[Options] | None = None,
    systems: str | Iterable[str | None] | None = None,
    *,
    before: Sequence[Column] = (),
) -> list[Column]:
    """One column for each model with each set of options and each system prompt, after those there are `before`.

    Raises `OptionError`.
    """
    sets = [_options(each) for each in _listed(options, (GenerationOptions, Mapping), "options")]
    prompts = _listed(systems, str, "systems")
    for prompt in prompts:
        if prompt is not None and not isinstance(prompt, str):
            raise UsageError(f"A system prompt is a text, not {prompt!r}.")
    taken, titles = {column.id for column in before}, {column.title for column in before}
    first = max((column.index for column in before), default=-1) + 1
    made: list[Column] = []
    names = short_names([*(column.model for column in before), *models])
    for model in models:
        for given in sets:
            for system in prompts:
                column_id = _unique(_digest([model, given.given(), system]), taken)
                words = [names[model]]
                words += [in_words(given)] if len(sets) > 1 and given.given() else []
                words += [f"“{system[:24]}”"] if len(prompts) > 1 and system else []
                title = _unique(", ".join(words), titles, " ({})")
                taken.add(column_id)
                titles.add(title)
                made.append(
                    Column(
                        id=column_id, index=first + len(made), model=model, options=given, system=system, title=title
                    )
                )
    if not made and not before:
        raise UsageError("There are no models.", next_step='Give at least one: models=["builtin"].')
    return made


def messages_of(row: Row, column: Column) -> tuple[Message, ...]:
    """What is sent for a cell: the row's messages with the column's system prompt, if it has one."""
    if column.system is None:
        return row.messages
    from workbench.messages import system as system_message

    return (system_message(column.system), *(m for m in row.messages if m.role != "system"))


def options_of(column: Column, sample: int) -> GenerationOptions:
    """The options of a sample: a seed counts up, or all samples would be the same."""
    seed = column.options.seed
    if seed is None or sample == 0:
        return column.options
    return msgspec.structs.replace(column.options, seed=(seed + sample) % 2**32)


def short_names(models: Sequence[str]) -> dict[str, str]:
    """What each model is called in a title: the end of its id, unless another model's ends alike."""
    short = {model: model if is_remote(model) else model.rpartition("/")[2] for model in models}
    count = Counter(short.values())
    return {model: name if count[name] == 1 else model for model, name in short.items()}


def in_words(options: GenerationOptions) -> str:
    """Options as a short line: ``temperature 0, seed 7``."""
    return ", ".join(f"{name} {value}" for name, value in options.given().items())


def _each(prompts: Prompts) -> Iterator[Any]:
    """The prompts one by one."""
    if isinstance(prompts, str | Mapping | Message) or hasattr(prompts, "messages"):
        yield prompts
    elif hasattr(prompts, "to_dict") and hasattr(prompts, "columns"):  # a pandas frame
        twice = [str(name) for name, count in Counter(prompts.columns).items() if count > 1]
        if twice:
            raise UsageError(
                f"The frame has several columns named {', '.join(twice)}.",
                next_step="Give each a name of its own: frame.columns = [...].",
            )
        yield from prompts.to_dict("records")
    elif not isinstance(prompts, Iterable):
        raise _no_prompt(prompts, 0)
    else:
        found = list(prompts)
        if found and all(isinstance(each, Message) for each in found):  # one conversation
            yield found
        else:
            yield from found


def _messages(prompt: Any, template: str | None, number: int) -> tuple[tuple[Message, ...], dict[str, Any]]:
    """The messages of one prompt, and its variables if it has any."""
    if isinstance(prompt, Mapping):
        variables = {str(name): _plain(value) for name, value in prompt.items()}
        return (user_message(_filled(template or "{prompt}", variables, number)),), variables
    if isinstance(prompt, str):
        if template is None:
            return (user_message(prompt),), {}
        variables = {"prompt": prompt}
        return (user_message(_filled(template, variables, number)),), variables
    listed = [prompt] if isinstance(prompt, Message) else getattr(prompt, "messages", prompt)
    found = list(listed) if isinstance(listed, Iterable) else [listed]
    if not all(isinstance(message, Message) for message in found):
        raise _no_prompt(prompt, number)
    while found and found[-1].role == "assistant":  # what is to be answered comes last
        found.pop()
    return tuple(found), {}


def _no_prompt(given: Any, number: int) -> UsageError:
    missing = given is None or _plain(given) is None
    return UsageError(
        f"Prompt {number} is {'missing' if missing else f'{type(given).__name__}, which is no prompt'}.",
        next_step="Give a string, messages, a chat, or variables with a template.",
    )


def _filled(template: str, variables: dict[str, Any], number: int) -> str:
    wanted = variables_of(template, strict=True)
    for name in sorted(wanted):
        if variables.get(name) is None:
            raise UsageError(
                f"Row {number} has no value for {name}.",
                next_step=f"It has: {', '.join(variables) or 'nothing'}. Write {{{{{name}}}}} for plain braces.",
            )
    return fill(template, {name: variables[name] for name in wanted})


def _plain(value: Any) -> Any:
    """A value as JSON has it; a missing one of pandas is ``None``."""
    to_list = getattr(value, "tolist", None)
    if callable(to_list):  # a number of numpy, an array
        value = to_list()
    if isinstance(value, float) and value != value:
        return None
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _options(given: Options | None) -> GenerationOptions:
    if not isinstance(given, GenerationOptions | Mapping | None):
        raise UsageError(f"{given!r} is no set of options.", next_step="Write a dict: {'temperature': 0}.")
    return given if isinstance(given, GenerationOptions) else make_options(**(given or {}))


def _listed(given: Any, one: Any, name: str) -> list[Any]:
    """What is given as a list. Raises `UsageError` on an empty one, which would leave no column."""
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, one) else [given]
    if not listed:
        raise UsageError(f"{name} is empty.", next_step="Leave it out, or give at least one.")
    return listed


def _digest(content: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:12]


def _unique(name: str, taken: set[str], form: str = "-{}") -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = name + form.format(number)
    return found
