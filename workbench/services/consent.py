"""Whether a prompt may leave this machine: once asked, kept in the settings. Knows no screen and no connection.

A server of this machine (loopback) needs no leave. Another one needs it once: for one message, for this process, or
for good (`workbench.store.settings`, ``allowed``). Leave is for an origin: scheme, host and port.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from workbench.errors import ConsentNeededError
from workbench.services.address import is_here, place
from workbench.store import settings

_USUAL_PORTS = {"http": 80, "https": 443}
_allowed_now: set[str] = set()
"""Origins allowed until this process ends."""


def origin(url: str) -> str:
    """Scheme, host and port of an address; a usual port is left out: ``https://api.openai.com``."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    name = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _USUAL_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{name}{port}"


def needed(url: str) -> bool:
    """Whether the person must be asked before a prompt goes to this address."""
    if is_here(urlsplit(url).hostname or ""):
        return False
    asked = settings.get()
    return asked.ask_before_sending and origin(url) not in {*_allowed_now, *map(origin, asked.allowed)}


def allow(url: str, *, always: bool = False) -> None:
    """Let prompts go to the server of this address: until this process ends, or `always`."""
    _allowed_now.add(origin(url))
    if always:
        settings.edit(lambda now: {"allowed": tuple(dict.fromkeys((*now.allowed, origin(url))))})


def forget(url: str) -> None:
    """Ask again before prompts go to the server of this address."""
    _allowed_now.discard(origin(url))
    settings.edit(lambda now: {"allowed": tuple(each for each in now.allowed if origin(each) != origin(url))})


def check(url: str) -> None:
    """Raise `ConsentNeededError` if the person must be asked before a prompt goes to this address."""
    if needed(url):
        raise ConsentNeededError(
            f"The message would leave this machine, to {place(url)}, which nobody has allowed yet.",
            next_step=f"Allow it: `wb.connect({url!r}, allow=True)`. Or choose a local model.",
        )
