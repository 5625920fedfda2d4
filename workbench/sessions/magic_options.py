"""The line of ``%ask``: options, then a prompt. Knows no shell and asks nobody."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from workbench.errors import OptionError, UsageError
from workbench.options import GenerationOptions

GENERATION = tuple(name.replace("_", "-") for name in GenerationOptions.__struct_fields__)
"""Generation options as the line writes them."""
OPTIONS = {
    "model": "who answers, such as builtin or ollama:llama3.2; without it, the model of the settings",
    "system": "how it is to behave",
    "schema": "a variable with a JSON schema, a dataclass or a pydantic model: the answer becomes such an object",
    "to": "the variable that gets the answer: its text, with --schema the object",
    "attach": "a variable (a table, a figure, an image, ...) or a file that goes along; may be given several times",
    "tool": "a function that the model may call; may be given several times",
    "allow": "what it calls runs without asking first",
    "chat": "the chat in that variable goes on; a new one is kept there",
    "cell": "the answer's Python goes into a new cell below, not run",
    "raw": "leave braces alone",
    "help": "show this",
}
"""What each option of the magic itself does."""
FLAGS = ("allow", "cell", "raw", "help")
SHORT = {"m": "model", "s": "system", "h": "help"}
REPEATED = ("attach", "tool", "stop")
USAGE = f"""%ask [options] prompt      a prompt in one line
%%ask [options]            the cell is the prompt; words in this line come before it

Expressions in braces are evaluated as in an f-string; {{{{ and }}}} are braces. Options come first:

{"".join(f"  --{name:<9} {words}{chr(10)}" for name, words in OPTIONS.items())}
-m, -s and -h are short for --model, --system and --help. Generation options:
{", ".join(f"--{name}" for name in GENERATION)}

  %ask -m ollama:llama3.2 --to answer What is {{term}}?
  %%ask --system "Be brief." --temperature 0
"""
_OPTION = re.compile(r"\s*(?P<dashes>--?)(?P<name>[A-Za-z][\w-]*)(?:=|(?=\s)|$)")
_VALUE = re.compile(
    r"""\s*(?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'|(?P<bare>[^\s"']\S*))(?=\s|$)"""
)
_ON = {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}


class Asked(NamedTuple):
    """What a line asks for."""

    prompt: str
    """As written: nothing is filled in."""
    options: dict[str, Any]
    """Generation options, by their own names."""
    given: dict[str, list[str]]
    """The magic's own options, by name; a flag has no values."""

    def get(self, name: str) -> str | None:
        """The value of an option; ``None`` when it was not given."""
        return self.given[name][-1] if self.given.get(name) else None


def read(line: str, filled: Callable[[str], str]) -> Asked:
    """The options at the start of a line, and the rest as the prompt. `filled` fills expressions into values.

    Raises `UsageError` and `OptionError`: an unknown option (the nearest is named), a value that is missing or wrong.
    """
    raw: dict[str, list[str]] = {}
    at = 0
    while found := _OPTION.match(line, at):
        name = _known(found["dashes"], found["name"])
        at = found.end()
        values = raw.setdefault(name, [])
        if name in FLAGS:
            continue
        value = _VALUE.match(line, at)
        if value is None:
            raise UsageError(f"--{name} needs a value.", next_step='Text with spaces stands in quotes: "Be brief."')
        values.append(_plain(value))
        if len(values) > 1 and name not in REPEATED:
            raise UsageError(f"--{name} is given twice.")
        at = value.end()
    rest = line[at:].strip()
    if rest == "--" or rest.startswith("-- "):
        prompt = rest[2:].lstrip()
    else:
        prompt = rest
        _check_order(rest)
    if "raw" not in raw:
        raw = {name: [filled(value) for value in values] for name, values in raw.items()}
    own = {name: values for name, values in raw.items() if name in OPTIONS}
    options = {name: values for name, values in raw.items() if name not in OPTIONS}
    for name in ("to", "chat"):
        for variable in own.get(name, ()):
            _check_variable(name, variable)
    return Asked(prompt, {n.replace("-", "_"): _option(n, values) for n, values in options.items()}, own)


def _known(dashes: str, written: str) -> str:
    name = SHORT.get(written) if dashes == "-" else written.replace("_", "-")
    if name in OPTIONS or name in GENERATION:
        return name
    near = difflib.get_close_matches(written, [*OPTIONS, *GENERATION], 1)
    hint = f"Did you mean --{near[0]}?" if near else "%ask --help shows all."
    after = "Write -- before a prompt that begins with a dash."
    raise UsageError(f"%ask has no option {dashes}{written}.", next_step=f"{hint} {after}")


def _plain(value: re.Match[str]) -> str:
    quoted = value["double"] if value["double"] is not None else value["single"]
    return value["bare"] if quoted is None else re.sub(r"\\([\\\"'])", r"\1", quoted).replace("\\n", "\n")


def _check_order(prompt: str) -> None:
    """An option after the prompt would be sent as words."""
    late = re.search(rf"(?:^|\s)--(?:{'|'.join([*OPTIONS, *GENERATION])})(?=[\s=]|$)", prompt)
    if late:
        name = late[0].strip()
        raise UsageError(
            f"{name} stands after the prompt.",
            next_step=f"Options come first. If the model is to read {name}, write -- before the prompt.",
        )


def _check_variable(option: str, name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"--{option} needs the name of a variable, not {name!r}.")


def _option(name: str, values: list[str]) -> Any:
    """A generation option's value. Raises `OptionError`."""
    if name == "stop":
        return tuple(values)
    (text,) = values
    fields = {field.name: field.type for field in msgspec.structs.fields(GenerationOptions)}
    kind = fields[name.replace("-", "_")]
    if kind == bool | None:
        if text.lower() not in _ON:
            raise OptionError(f"--{name} is on or off, not {text!r}.")
        return _ON[text.lower()]
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        words = "a whole number" if kind == int | None else "a number"
        raise OptionError(f"--{name} must be {words}, not {text!r}.") from None
