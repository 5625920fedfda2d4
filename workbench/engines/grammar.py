"""A JSON schema as the grammar that an answer is held to, in llguidance's notation. Knows no model and no framework.

MLX reads it through that library, llama.cpp has the library inside, so both hold an answer to the very same grammar:

    start: thought? (answer | calls)        thinking, where a model thinks; then JSON, or calls of functions

JSON is written as Python's `json.dumps` writes it. With white space left free, a model may write it without end.
Sources of the notation: llguidance, docs/syntax.md and docs/json_schema.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from workbench.engines.textstream import TextStream
from workbench.errors import UsageError
from workbench.request import Request

_SPACING = {"x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}}
_TERMINALS = "free: /(?s:.*)/\ngap: /\\n{0,2}/\n"


def fault(schema: dict[str, Any]) -> str:
    """Why no grammar holds an answer to a schema; empty where one does.

    Raises `UsageError` where the schema contradicts itself: no answer meets it.
    """
    try:
        from llguidance import LLMatcher
    except ImportError:
        return "the package llguidance is not installed"
    said = LLMatcher.validate_grammar(f"start: {_json(schema)}\n")
    if not said or said.startswith("WARNING"):
        return ""
    why = said.partition("JSON schema: ")[2].partition("\n   1 |")[0].strip() or said.splitlines()[0]
    if why.startswith("Unsatisfiable"):
        raise UsageError(
            f"No answer can meet the schema: {why.partition(': ')[2]}.", next_step="Correct the schema, and ask again."
        )
    return why.replace("\n", " ")


def written(request: Request, stream: TextStream, encode: Callable[[str], list[int]]) -> str | None:
    """The grammar of a request's answer, whose text `stream` splits; ``None`` where none holds it.

    `encode` gives the tokens of a delimiter. Where thinking or a call of a function may come, it is free between its
    delimiters, if these are one token each. Thinking that the prompt has opened must end so.
    """
    if request.schema is None or request.continues or fault(request.schema):
        return None
    thought, call = _marks(stream.think, encode), _marks(stream.tool, encode)
    said = "(answer | call+)" if call else "answer"
    if stream.opens:
        if thought is None:
            return None
        said = f"free {thought[1]} gap {said}"
    elif thought and request.options.thinking is not False:
        said = f"({thought[0]} free {thought[1]} gap)? {said}"
    calls = f"call: {call[0]} free {call[1]} gap\n" if call else ""
    return f"%llguidance {{}}\nstart: {said}\nanswer: {_json(request.schema)}\n{calls}{_TERMINALS}"


def _json(schema: dict[str, Any]) -> str:
    return f"%json {json.dumps(schema | _SPACING)}"


def _marks(pair: tuple[str, str] | None, encode: Callable[[str], list[int]]) -> tuple[str, str] | None:
    """Two delimiters as tokens; ``None`` where one of them is not one token. An end may be empty."""
    begin, end = (encode(mark) if mark else [] for mark in pair or ("", ""))
    if len(begin) != 1 or len(end) > 1:
        return None
    return f"<[{begin[0]}]>", f"<[{end[0]}]>" if end else ""
