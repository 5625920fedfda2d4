"""Every way a server or the network can fail, mapped once into the workbench's own errors.

Knows status codes and the shapes error bodies come in; knows no connection and no client.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from workbench.errors import (
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    ContextOverflowError,
    ErrorInfo,
    ModelNotFoundError,
    RateLimitError,
    RequestRefusedError,
    ServerFailedError,
    ServiceError,
    ServiceTimeoutError,
    WorkbenchError,
)
from workbench.services.address import how_to_start, place

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding JSON raises when it is none, or too deep to be any."""
_CHECK_ADDRESS = "Check the address; it usually ends in /v1."
_LONGEST_DETAIL = 2000
_NO_MODEL = ("not found", "does not exist", "not a valid model", "not loaded", "no models loaded", "unknown model")
_PASSING = (502, 503, 504)
_BLIND = re.compile(
    r"(image|vision|multimodal)\b.{0,40}\bnot support|not support.{0,40}\b(image|vision|multimodal)", re.IGNORECASE
)
"""How servers say that a model does not see: llama.cpp, Ollama, vLLM, LM Studio, OpenAI."""
_NO_SECRETS = ("none", "not-needed", "ollama", "lm-studio", "empty", "no-key", "dummy")
"""What people give where no key is needed."""
_STRETCH = 8  # so many characters in a row are nobody's chance


def refused(url: str, status: int, body: str, headers: Mapping[str, str] | None = None) -> WorkbenchError:
    """The error for an answer with an HTTP status that is not 200.

    `body` may be JSON of any of the usual shapes, plain text or a web page. `ServiceError.wait` is set where asking
    again may help: after 429 with a Retry-After, and after 502, 503 and 504.
    """
    value = _json(body)
    fault = fault_of(value)
    if fault is None:
        fault = "" if looks_like_html(body) or value is not None else body.strip().split("\n")[0][:200]
    error = reported(url, fault, status=status, details=body[:_LONGEST_DETAIL])
    asked = retry_after(headers or {})
    if isinstance(error, RateLimitError) and asked is not None:
        error.next_step = f"Try again in {asked:.0f} s."
        error.wait = asked
    elif isinstance(error, ServiceError) and error.wait is not None and asked is not None:
        error.wait = asked
    return error


def reported(url: str, fault: str | dict[str, Any], *, status: int | None = None, details: str = "") -> WorkbenchError:
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
    if _has_no_model(code, facts, words):
        return ModelNotFoundError(says, details=details)
    if _BLIND.search(words):  # llama.cpp says so with status 500
        return RequestRefusedError(says, next_step="Choose a model with vision.", details=details)
    if code in (404, 405):
        what = says if words else f"{where} has no such path."
        return RequestRefusedError(what, next_step=_CHECK_ADDRESS, details=details)
    if code == 429:
        return RateLimitError(
            f"Too many requests, or the quota is used up. {says}",
            next_step="Wait a moment, then try again.",
            details=details,
        )
    if code is not None and 400 <= code < 500 and code != 408:
        return RequestRefusedError(says, next_step="Change the request, or choose another model.", details=details)
    if code is not None and 300 <= code < 400:
        return BadResponseError(f"{where} sends the request elsewhere.", next_step=_CHECK_ADDRESS, details=details)
    error: ServiceError
    if code in (408, 504):
        error = ServiceTimeoutError(f"{where} took too long. {says}", next_step="Try again.", details=details)
    else:
        step = "Try again; if it stays, look at the server's log."
        error = ServerFailedError(says, next_step=step, details=details)
    error.wait = 0.0 if code in _PASSING else None
    return error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, in whatever form (RFC 9110, 10.2.3); ``None`` when it does not."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d*)?", said):
            return float(said) * unit
        if said and name == "retry-after":
            try:
                return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
            except (ValueError, OverflowError):
                return None
    return None


def elsewhere(url: str, origin: str) -> BadResponseError:
    """The error for a redirect to another server, which gets neither the key nor the prompt."""
    return BadResponseError(
        f"{place(url)} sends the request on to {origin}. Nothing was sent there.",
        next_step="If you trust that server, connect to its address instead.",
    )


def unreachable(url: str, error: BaseException, connected_to: str = "") -> WorkbenchError:
    """The error for a request that got no answer: refused, unknown name, bad certificate, hung up.

    `connected_to` is the host and port of the connection, where that is known; a proxy is named by it.
    """
    where, check = place(url), "Check the address and the network."
    proxy = connected_to if connected_to and connected_to != _with_port(url) else ""
    if proxy:
        where, check = f"The proxy {proxy}", "Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."
    if (said := _said_by_proxy(error)) is not None:
        return ConnectionFailedError(f"The proxy to {place(url)} answered {said}.", next_step=check)
    cause = _root(error)
    if isinstance(cause, ConnectionRefusedError):
        there = where if not proxy else f"the address of the proxy, {proxy}"
        return ConnectionFailedError(f"Nothing listens at {there}.", next_step=check if proxy else how_to_start(url))
    if isinstance(cause, socket.gaierror):
        return ConnectionFailedError(f"The name of {proxy or where} does not resolve.", next_step=check)
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = (cause.verify_message or cause.reason or "no reason").rstrip(".")
        step = "If it is yours, set SSL_CERT_FILE to the file of its certificate (PEM), then connect again."
        if "mismatch" in why:  # it is another server's
            step = "Check the address: the name in it must be one that the certificate is for."
        return ConnectionFailedError(
            f"The certificate of {place(url)} is not trusted: {why}.", next_step=step, details=str(cause)
        )
    if isinstance(cause, ssl.SSLError):
        return ConnectionFailedError(
            f"{place(url)} does not speak TLS as it should.",
            next_step="Check its certificate, or whether the address begins with http:// instead.",
            details=str(cause),
        )
    if isinstance(cause, OSError) and not isinstance(cause, ConnectionError):
        return ConnectionFailedError(f"{where} cannot be reached: {cause.strerror or cause}.", next_step=check)
    failed = ConnectionFailedError(
        f"{where} closed the connection without an answer.",
        next_step="Try again; if it stays, look at the server's log.",
        details=str(error),
    )
    failed.wait = 0.0
    return failed


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


def without_key(error: ErrorInfo, key: str | None) -> ErrorInfo:
    """The error with the key struck out wherever a server quotes it: whole, masked, or a stretch of it."""
    if not key or key.lower() in _NO_SECRETS:
        return error
    words = {f: _struck(getattr(error, f), key) for f in ("message", "next_step", "details")}
    return msgspec.structs.replace(error, **words)


def looks_like_html(body: str) -> bool:
    """Whether text is a web page."""
    return body.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<head", "<?xml"))


def _struck(text: str, key: str) -> str:
    text = text.replace(key, "(key)").replace(quote(key, safe=""), "(key)")
    at = 0
    while len(key) >= 2 * _STRETCH and at + _STRETCH <= len(text):
        end = at + _STRETCH
        if text[at:end] in key:
            while end < len(text) and text[at : end + 1] in key:
                end += 1
            text = f"{text[:at]}(key){text[end:]}"
        at += 1
    return re.sub(r"[\w-]*\*{3,}[\w-]*", "(key)", text)


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


def _has_no_model(code: int | None, facts: dict[str, Any], words: str) -> bool:
    """Whether the server lacks the model: it went between listing and sending, say."""
    if "model_not_found" in (facts.get("type"), facts.get("code")):
        return True
    low = words.lower()
    gone = "model" in low and (code == 404 or any(w in low for w in _NO_MODEL))
    return code in (400, 404) and (gone or "no endpoints found" in low)


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


def _with_port(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _said_by_proxy(error: BaseException) -> str | None:
    """What a proxy answered instead of connecting: ``407 Proxy Authentication Required``."""
    cause: BaseException | None = error
    while cause is not None and type(cause).__name__ != "ProxyError":
        cause = cause.__cause__
    return None if cause is None else str(cause).strip().rstrip(".") or "with an error"


def _root(error: BaseException) -> BaseException:
    """The deepest cause that is an `OSError`, else the error itself."""
    found, seen = error, error
    while (deeper := seen.__cause__ or seen.__context__) is not None:
        seen = deeper
        if isinstance(seen, OSError):
            found = seen
    return found
