"""``%ask`` and ``%%ask``: a prompt as a line or a cell of a notebook. Knows no widget; IPython is there already.

    %ask What is a token?
    %ask --model ollama:llama3.2 --to answer Summarise {report}

    %%ask --system "You are a careful reviewer." --temperature 0
    What is wrong with this?
    {inspect.getsource(f)}

expressions.py      what stands in braces
magic_options.py    the line: options and prompt

A shell gets the magic with `import workbench`, so what this needs is imported when something is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.sessions.chat import Chat
    from workbench.sessions.magic_options import Asked
    from workbench.sessions.reply import Reply

NAME = "ask"
_BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_PYTHON = ("", "python", "py", "python3", "ipython")


def register(shell: Any, *, over: bool = True) -> None:
    """Give an IPython shell the magic. Without `over` one of that name that is there already stays."""
    from IPython.core.magic import needs_local_scope, no_var_expand

    there = shell.magics_manager.magics
    if not over and (NAME in there["line"] or NAME in there["cell"]):
        return

    def ask(line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Reply | None:
        """Ask a language model: the line, or the cell, is the prompt. ``%ask --help`` shows the options."""
        return perform(shell, line, cell, local_ns)

    shell.register_magic_function(no_var_expand(needs_local_scope(ask)), "line_cell", NAME)
    for key in (f"%{NAME}", f"%%{NAME}"):
        shell.set_hook("complete_command", _completed, str_key=key)


def perform(shell: Any, line: str, cell: str | None, local: Mapping[str, Any] | None) -> Reply | None:
    """Ask what a line and the cell below it say, and write the answer into the cell's output as it comes.

    Gives the `Reply`; ``None`` where only the usage is shown. Raises IPython's own `UsageError`, which is shown as a
    sentence without a traceback, for all that is wrong before something is sent; and for a run that failed, where
    there is no notebook to show that, or its answer was to go somewhere.
    """
    from IPython.core.error import UsageError as Misuse

    from workbench.errors import WorkbenchError

    try:
        return _perform(shell, line, cell, local)
    except WorkbenchError as error:
        raise Misuse(str(error)) from error


def _perform(shell: Any, line: str, cell: str | None, local: Mapping[str, Any] | None) -> Reply | None:
    from workbench import display
    from workbench.sessions import expressions
    from workbench.sessions.magic_options import USAGE, read

    def filled(text: str) -> str:
        return expressions.fill(text, shell.user_ns, local, _keep_keys)

    asked = read(line, filled)
    prompt = "\n".join(part for part in (asked.prompt, (cell or "").strip("\n")) if part.strip())
    if "help" in asked.given or not prompt.strip():
        print(USAGE)
        return None
    reply = _send(shell, asked, prompt if "raw" in asked.given else filled(prompt), local)
    display.stream(reply)
    reply._shown_in = display.cell_number()
    if to := asked.get("to"):
        shell.user_ns[to] = reply.result() if asked.get("schema") is None else reply.value
    if "cell" in asked.given:
        _to_cell(shell, reply.result())
    return reply


def _send(shell: Any, asked: Asked, prompt: str, local: Mapping[str, Any] | None) -> Reply:
    from workbench.options import make_options
    from workbench.sessions import expressions
    from workbench.sessions.ask import ask

    make_options(**asked.options)  # what is wrong with them is said before a chat is made
    given: dict[str, Any] = dict(asked.options)
    if schema := asked.get("schema"):
        given["schema"] = expressions.value(schema, shell.user_ns, local)
    if attached := asked.given.get("attach"):
        given["attach"] = [_attached(each, shell, local) for each in attached]
    if tools := asked.given.get("tool"):
        given["tools"] = [expressions.value(each, shell.user_ns, local) for each in tools]
        given["allow"] = "allow" in asked.given
    model, system, name = asked.get("model"), asked.get("system"), asked.get("chat")
    if name is None:
        return ask(prompt, model=model, system=system, **given)
    return _chat(shell, name, model, system).send(prompt, **given)


def _keep_keys(written: str, value: Any, text: str) -> None:
    """Raise `KeyFoundError` where an expression would send a key."""
    from workbench.services import registry
    from workbench.sessions.attaching import keys

    keys.check_thing(value, written)
    keys.check_text(text, written, registry.default())


def _attached(written: str, shell: Any, local: Mapping[str, Any] | None) -> Any:
    """The value of an expression, or a file of that name."""
    from workbench.sessions import expressions

    first, file = re.split(r"\W", written, maxsplit=1)[0], Path(written).expanduser()
    if first not in {*shell.user_ns, *(local or ())} and file.is_file():
        return file
    return expressions.value(written, shell.user_ns, local)


def _chat(shell: Any, name: str, model: str | None, system: str | None) -> Chat:
    """The chat in that variable, as it is wanted now; a new one when there is nothing."""
    from workbench.errors import UsageError
    from workbench.sessions.chat import Chat, chat

    found = shell.user_ns.get(name)
    if found is None:
        found = shell.user_ns[name] = chat(model, system=system)
    elif not isinstance(found, Chat):
        raise UsageError(f"{name} is a {type(found).__name__}, not a chat.", next_step="Choose another name.")
    else:
        if model is not None and model != found.model:
            found.model = model
        if system is not None and system != found.system:
            found.system = system
    return found


def _to_cell(shell: Any, text: str) -> None:
    """Put the Python of an answer into the next cell, as every front end of Jupyter can."""
    blocks = [code.strip("\n") for language, code in _BLOCK.findall(text) if language.strip().lower() in _PYTHON]
    if not blocks:
        print("The answer has no Python for a new cell.")
        return
    shell.set_next_input("\n\n".join(blocks), replace=False)


def _completed(shell: Any, event: Any) -> list[str]:
    """What can stand at the cursor: an option, or after --model one of the models that are known now."""
    from workbench.sessions.magic_options import GENERATION, OPTIONS

    before: str = event.text_until_cursor
    wanted = re.search(r"(?:--model|-m)(?:=|\s+)(\S*)$", before)
    if wanted is None:
        return [f"--{name}" for name in (*OPTIONS, *GENERATION)] if event.symbol.startswith("-") else []
    from workbench.services import registry

    head = wanted[1].removesuffix(event.symbol)  # a completion begins after the last : or =
    known = [model.id for model in registry.default().listing().models]
    return [id.removeprefix(head) for id in known if id.startswith(head)]
