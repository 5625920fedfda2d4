"""What is said to an OpenAI-compatible server and what its model list says. Knows no connection.

Standard options go by their names, the others by all the names that servers know them by. Most servers ignore what
they do not know; some refuse it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from workbench.errors import BadResponseError, WorkbenchError
from workbench.messages import plain
from workbench.model import ModelInfo
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.address import place
from workbench.services.http_errors import UNREADABLE, fault_of, not_the_protocol, reported

LONGEST_ANSWER = 256 * 2**20
"""Bytes of one answer, far beyond any real one: where reading a server that never ends is given up."""
LONGEST_LIST = 64 * 2**20


_EXTRAS = {
    "top_k": ("top_k",),
    "min_p": ("min_p",),
    "repetition_penalty": ("repeat_penalty", "repetition_penalty"),
    "thinking": ("chat_template_kwargs",),
}
"""Options that are not in the standard, and the fields they are sent in."""
_SCHEMA = ("response_format", "response format", "schema", "grammar", "structured output")
_STRANGE = ("unexpected", "unknown", "unrecognized", "unsupported", "not supported", "not permitted", "extra")


def strange(error: WorkbenchError, options: GenerationOptions) -> list[str]:
    """The options that a server refuses because it does not know them: transformers serve and OpenAI do so. OpenAI's
    reasoning models refuse to tell probabilities, others to tell so many.
    """
    said = f"{error.message} {error.details}".lower()
    if "logprobs" in options.given() and "logprobs" in said:
        return ["logprobs"]
    if not any(word in said for word in _STRANGE):
        return []
    return [o for o, fields in _EXTRAS.items() if o in options.given() and any(f in said for f in fields)]


def refuses_schema(error: WorkbenchError, request: Request) -> bool:
    """Whether a server refuses a request for its schema: it knows none, or not all that is in this one."""
    said = f"{error.message} {error.details}".lower()
    return request.schema is not None and any(word in said for word in _SCHEMA)


def refuses_tools(error: WorkbenchError) -> bool:
    """Whether a server refuses a request for the tools in it: Ollama for models that have no template for them, vLLM
    and llama.cpp where they were started without.
    """
    said = f"{error.message} {error.details}".lower()
    return "tool" in said and any(word in said for word in ("support", "require", "not enabled", "unknown", "unrecog"))


def body(request: Request, url: str, model: str) -> dict[str, Any]:
    """The arguments of the client's `chat.completions.create` for the server at a base URL."""
    options = request.options
    said: dict[str, Any] = {
        "model": model,
        "messages": plain(request.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    # OpenAI's newer models refuse max_tokens; several local servers know nothing else.
    longest = "max_completion_tokens" if place(url) == "api.openai.com" else "max_tokens"
    standard: dict[str, Any] = {
        longest: options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "seed": options.seed,
        "stop": list(options.stop) or None,
        "logprobs": None if options.logprobs is None else True,
        "top_logprobs": None if options.logprobs is None else max(1, options.logprobs),  # llama.cpp's tells none for 0
    }
    extra: dict[str, Any] = {
        "top_k": options.top_k,
        "min_p": options.min_p,
        "repeat_penalty": options.repetition_penalty,  # llama.cpp's name for it
        "repetition_penalty": options.repetition_penalty,  # that of vLLM and mlx_lm.server
        "chat_template_kwargs": None if options.thinking is None else {"enable_thinking": options.thinking},
    }
    said |= {k: v for k, v in standard.items() if v is not None}
    if given := {k: v for k, v in extra.items() if v is not None}:
        said["extra_body"] = given
    if request.tools:
        said["tools"] = [t.wire() for t in request.tools]
    if request.schema is not None:
        said["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.schema, "strict": _is_strict(request.schema)},
        }
    return said


def pieces(response: Any, url: str, limit: int) -> Iterator[bytes]:
    """The bytes of a response as they come, in UTF-8; a JSON body comes whole and on one line.

    Raises `BadResponseError` past `limit` bytes.
    """
    http = response.http_response
    came = _limited(http.iter_bytes() if "content-encoding" in http.headers else http.iter_raw(), url, limit)
    kind, charset = http.headers.get("content-type", "").lower(), http.charset_encoding
    if charset and _is_foreign(charset):
        decoder = codecs.getincrementaldecoder(charset)("replace")
        came = (decoder.decode(piece).encode() for piece in came)
    if "application/json" in kind:
        yield b"".join(came).replace(b"\n", b" ") + b"\n"
    else:
        yield from came


def listed(data: bytes, url: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The entries of a page of a model list, in whatever shape; and the query of the next page, if there is one.

    Raises errors under `ServiceError` when it is no list.
    """
    try:
        value = msgspec.json.decode(data)
    except UNREADABLE:
        raise not_the_protocol(url, data.decode("utf-8", "replace")) from None
    if (fault := fault_of(value)) is not None:
        raise reported(url, fault)
    found = next((value[k] for k in ("data", "models") if k in value), None) if isinstance(value, dict) else value
    found = [] if found is None and isinstance(value, dict) else found
    if not isinstance(found, list):
        raise not_the_protocol(url, data.decode("utf-8", "replace"))
    links = value.get("links") if isinstance(value, dict) else None
    following = links.get("next") if isinstance(links, dict) else None
    query = dict(parse_qsl(urlsplit(following).query)) if isinstance(following, str) else {}
    return [e if isinstance(e, dict) else {"id": e} for e in found], query


def model(entry: dict[str, Any], provider: str) -> ModelInfo | None:
    """What an entry of a model list tells; ``None`` for one without a name."""
    names = (entry.get(k) for k in ("id", "name", "model"))
    name = next((n for n in names if isinstance(n, str) and n), None)
    if name is None:
        return None
    found = entry.get("meta")
    meta: dict[str, Any] = found if isinstance(found, dict) else {}
    length = meta.get("n_ctx") or meta.get("n_ctx_train") or entry.get("max_model_len") or entry.get("context_length")
    shape = entry.get("architecture")
    takes = shape.get("input_modalities") if isinstance(shape, dict) else None
    return ModelInfo(
        id=f"{provider}:{name}",
        name=name,
        provider=provider,
        context_length=length if isinstance(length, int) else None,
        parameters=meta.get("n_params") if isinstance(meta.get("n_params"), int) else None,
        size=meta.get("size") if isinstance(meta.get("size"), int) else None,
        capabilities=frozenset({"vision"}) if isinstance(takes, list) and "image" in takes else frozenset(),
    )


def _is_strict(schema: Any) -> bool:
    """Whether every object of a schema is closed and all its fields are required: OpenAI holds only such to it."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    fields = schema.get("properties")
    if isinstance(fields, dict):
        required = schema.get("required")
        if schema.get("additionalProperties") is not False or set(required or ()) != set(fields):
            return False
    return all(map(_is_strict, schema.values()))


def _limited(data: Iterator[bytes], url: str, limit: int) -> Iterator[bytes]:
    left = limit
    for piece in data:
        left -= len(piece)
        if left < 0:
            raise BadResponseError(
                f"{place(url)} did not end: it was left after {limit >> 20} MiB.",
                next_step="Look at the server; it may repeat itself.",
            )
        yield piece


def _is_foreign(charset: str) -> bool:
    """Whether it is an encoding that is known here, and not UTF-8."""
    try:
        return codecs.lookup(charset).name not in ("utf-8", "ascii")
    except LookupError:
        return False
