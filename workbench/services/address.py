"""Addresses of OpenAI-compatible servers: what people paste, made whole. Knows no connection."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

from workbench.errors import UsageError

_KNOWN = {
    11434: ("ollama", "Start it with `ollama serve`."),
    1234: ("lmstudio", "Start it with `lms server start`, or in LM Studio's Developer tab."),
    8000: ("vllm", "Start it with `vllm serve MODEL`."),
    8080: ("local-8080", "Start the server there (llama-server, LocalAI, mlx_lm.server)."),
    1337: ("jan", "Start it in Jan: Settings, Local API Server."),
}
"""Usual ports of local servers: the name to give them, and how to start them."""

_TAILS = ("/chat/completions", "/completions", "/models", "/responses", "/embeddings")


def whole_url(url: str) -> str:
    """A base URL from what was pasted: ``localhost:11434`` becomes ``http://localhost:11434/v1``.

    A missing scheme becomes ``http`` on this machine and its network, ``https`` elsewhere; the path of one
    call is cut off; a missing path becomes ``/v1``. Raises `UsageError` on what is no address, and on one
    with a password inside.
    """
    text = url.strip()
    example = "Write it like http://localhost:11434/v1."
    if not text or any(c.isspace() for c in text):
        raise UsageError(f"{url!r} is not an address.", next_step=example)
    if "://" not in text:
        text = f"{'http' if is_near(urlsplit('//' + text).hostname or '') else 'https'}://{text}"
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        raise UsageError("The port of that address is not a number up to 65535.", next_step=example) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UsageError(f"{url!r} is not an http or https address.", next_step=example)
    if parts.username or parts.password:
        raise UsageError("The address holds a user name or password.", next_step="Give the key with key=... instead.")
    path = parts.path.rstrip("/")
    for tail in _TAILS:
        path = path.removesuffix(tail)
    return urlunsplit((parts.scheme, parts.netloc, path or "/v1", parts.query, ""))


def place(url: str) -> str:
    """Host and port of a base URL, for a sentence: ``localhost:11434``."""
    return urlsplit(url).netloc


def usual_name(url: str) -> str:
    """A name for an endpoint nobody named: ``ollama`` for port 11434 here, else from its host and port."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if is_here(host):
        return _KNOWN[port][0] if port in _KNOWN else f"local-{port}" if port else "local-80"
    words = [w for w in host.split(".") if w not in ("api", "www")]
    name = host.replace(":", "-") if _is_number(host) or not words else words[-2:][0]
    return name if port is None else f"{name}-{port}"


def how_to_start(url: str) -> str:
    """What to do when nothing listens at a base URL."""
    parts = urlsplit(url)
    if is_here(parts.hostname or "") and parts.port in _KNOWN:
        return _KNOWN[parts.port][1]
    return "Start the server, or check the address."


def is_here(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_number(host) and (ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified)


def is_near(host: str) -> bool:
    """This machine or its own network, where servers rarely speak TLS: ``gpu-box``, ``mac.local``, ``192.168.1.5``."""
    if _is_number(host):
        return is_here(host) or ipaddress.ip_address(host).is_private
    return is_here(host) or host.endswith(".local") or "." not in host


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
