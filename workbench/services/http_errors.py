"""Every way a server or the network can fail, mapped once into the workbench's own errors.

Knows status codes and the shapes error bodies come in; knows no connection and no client.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from workbench.errors import (
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    ContextOverflowError,
    ModelNotFoundError,
    RateLimitError,
    RequestRefusedError,
    ServerFailedError,
    ServiceTimeoutError,
    WorkbenchError,
)
from workbench.services.address import how_to_start, place

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding JSON raises when it is none, or too deep to be any."""
_CHECK_ADDRESS = "Check the address; it usually ends in /v1."
_LONGEST_DETAIL = 2000


def refused(url: str, status: int, body: str, headers: Mapping[str, str] | None = None) -> WorkbenchError:
    """The error for an answer with an HTTP status that is not 200.

    `body` may be JSON of any of the usual shapes, plain text or a web page.
    """
    value = _json(body)
    fault = fault_of(value)
    if fault is not None:
        return reported(url, fault, status=status, details=body[:_LONGEST_DETAIL], headers=headers)
    words = "" if looks_like_html(body) or value is not None else body.strip().split("\n")[0][:200]
    return reported(url, words, status=status, details=body[:_LONGEST_DETAIL], headers=headers)


def reported(
    url: str,
    fault: str | dict[str, Any],
    *,
    status: int | None = None,
    details: str = "",
    headers: Mapping[str, str] | None = None,
) -> WorkbenchError:
    """The error for what a server says went wrong, in a body or in the midst of a stream.

    `status` is the HTTP status; ``None`` in the midst of a stream, where the fault may name one itself.
    """
    facts = fault if isinstance(fault, dict) else {"message": fault}
    words = str(facts.get("message") or "").strip()
    where = place(url)
    code = status or _status(facts)
    says = f"{where} says: {words.rstrip('.')}." if words else f"{where} answered with {code or 'an error'}, no reason."

    if _is_overflow(facts, words):
        return ContextOverflowError(_overflow(facts, says), details=details)
    if code in (401, 403):
        return AuthenticationError(
            f"{where} refused the key." if code == 401 else f"{where} does not allow this. {says}",
            next_step="Pass the right key: wb.connect(url, key=...).",
            details=details or words,
        )
    if code == 404 and "model" in words.lower():
        return ModelNotFoundError(says, details=details)
    if code in (404, 405):
        what = says if words else f"{where} has no such path."
        return RequestRefusedError(what, next_step=_CHECK_ADDRESS, details=details)
    if code == 429:
        wait = (headers or {}).get("retry-after", "")
        when = f"Try again in {wait} s." if wait.isdigit() else "Wait a moment, then try again."
        return RateLimitError(f"Too many requests, or the quota is used up. {says}", next_step=when, details=details)
    if code in (408, 504):
        return ServiceTimeoutError(f"{where} took too long. {says}", next_step="Try again.", details=details)
    if code is not None and 400 <= code < 500:
        return RequestRefusedError(says, next_step="Change the request, or choose another model.", details=details)
    if code is not None and 300 <= code < 400:
        return BadResponseError(f"{where} sends the request elsewhere.", next_step=_CHECK_ADDRESS, details=details)
    return ServerFailedError(says, next_step="Try again; if it stays, look at the server's log.", details=details)


def unreachable(url: str, error: BaseException) -> WorkbenchError:
    """The error for a request that got no answer: refused, unknown name, bad certificate, hung up."""
    where = place(url)
    cause = _root(error)
    if isinstance(cause, ConnectionRefusedError):
        return ConnectionFailedError(f"Nothing listens at {where}.", next_step=how_to_start(url))
    if isinstance(cause, socket.gaierror):
        return ConnectionFailedError(
            f"The name of {where} does not resolve.", next_step="Check the address and the network."
        )
    if isinstance(cause, ssl.SSLError):
        return ConnectionFailedError(
            f"{where} does not speak TLS as it should.",
            next_step="Check its certificate, or whether the address begins with http:// instead.",
            details=str(cause),
        )
    if isinstance(cause, OSError) and not isinstance(cause, ConnectionError):
        return ConnectionFailedError(
            f"{where} cannot be reached: {cause.strerror or cause}.", next_step="Check the address and the network."
        )
    return ConnectionFailedError(
        f"{where} closed the connection without an answer.",
        next_step="Try again; if it stays, look at the server's log.",
        details=str(error),
    )


def not_the_protocol(url: str, body: str) -> BadResponseError:
    """The error for an answer that is no OpenAI-compatible one: a web page, malformed JSON, something else."""
    what = "a web page" if looks_like_html(body) else "something that is not the OpenAI protocol" if body else "nothing"
    return BadResponseError(
        f"{place(url)} answered with {what}.", next_step=_CHECK_ADDRESS, details=body[:_LONGEST_DETAIL]
    )


def fault_of(value: object) -> str | dict[str, Any] | None:
    """What a decoded JSON value says went wrong: ``error``, ``detail`` or vLLM's shape; ``None`` for no error."""
    if not isinstance(value, dict):
        return None
    for key in ("error", "detail"):
        fault = value.get(key)
        if isinstance(fault, dict):
            return fault
        if fault:
            return fault if isinstance(fault, str) else msgspec.json.encode(fault).decode()
    return value if value.get("object") == "error" else None


def looks_like_html(body: str) -> bool:
    """Whether text is a web page."""
    return body.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<head", "<?xml"))


def _json(body: str) -> object:
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        return None


def _status(facts: dict[str, Any]) -> int | None:
    """The HTTP status a fault in the midst of a stream names, if it does."""
    for key in ("code", "status", "status_code"):
        value = facts.get(key)
        if isinstance(value, int | str) and str(value).isdigit() and 300 <= int(value) < 600:
            return int(value)
    return None


def _is_overflow(facts: dict[str, Any], words: str) -> bool:
    names = (facts.get("type"), facts.get("code"))
    if "exceed_context_size_error" in names or "context_length_exceeded" in names:
        return True
    low = words.lower()
    about = any(w in low for w in ("context length", "context size", "context window"))
    return about and any(w in low for w in ("exceed", "maximum", "too long", "larger than", "longer than"))


def _overflow(facts: dict[str, Any], says: str) -> str:
    prompt, limit = facts.get("n_prompt_tokens"), facts.get("n_ctx")
    if isinstance(prompt, int) and isinstance(limit, int):
        over = prompt - limit
        return f"The prompt has {prompt:,} tokens, {over:,} more than the context of {limit:,}."
    return says


def _root(error: BaseException) -> BaseException:
    """The deepest cause that is an `OSError`, else the error itself."""
    found, seen = error, error
    while (deeper := seen.__cause__ or seen.__context__) is not None:
        seen = deeper
        if isinstance(seen, OSError):
            found = seen
    return found
