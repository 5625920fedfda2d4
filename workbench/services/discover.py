"""Which servers run on this machine: the usual ports looked at together, and each server known by its own addresses.

Knows no endpoint that is connected. Nothing is sent but a few GET requests without a key, to this machine only.

    11434 Ollama    1234 LM Studio    8080, 9931 llama-server (LocalAI and mlx_lm.server use 8080 too)
    8000 vLLM       30000 SGLang      1337, 6767 Jan
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec

from workbench.errors import ConnectionFailedError, ServiceTimeoutError, WorkbenchError
from workbench.services import fetch, model_list, presets
from workbench.services.http_errors import UNREADABLE

PORTS = (11434, 1234, 8080, 9931, 8000, 1337, 6767, 30000)
SECONDS = 1.0
"""How long a port may take for each answer."""
_ASKED = ("/v1/models", "/api/version", "/api/v0/models", "/props", "/version", "/readyz", "/get_model_info", "/health")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answers on this machine."""

    name: str
    """What an endpoint of it would be called."""
    title: str
    """What it is, as far as it tells."""
    url: str
    preset: str | None
    """Name of its preset, if it has one."""
    models: int | None
    """How many it offers; ``None`` when it tells nobody without a key."""

    def __str__(self) -> str:
        count = "wants a key" if self.models is None else f"{self.models} model{'' if self.models == 1 else 's'}"
        return f"{self.title} at {self.url}: {count}"

    __repr__ = __str__


def look(ports: Iterable[int] | None = None) -> list[Found]:
    """The OpenAI-compatible servers of this machine, on `PORTS` or on those given, in that order.

    Takes a second or two at most.
    """
    fetch.ready()
    ports = list(dict.fromkeys(PORTS if ports is None else ports))
    with ThreadPoolExecutor(max(1, len(ports)), thread_name_prefix="workbench discover") as pool:
        found = [server for server in pool.map(_look, ports) if server is not None]
    return _named_apart(found)


def _look(port: int) -> Found | None:
    """The server on one port; ``None`` where nothing answers, or not in this protocol."""
    url = f"http://127.0.0.1:{port}"
    try:
        fetch.answer(f"{url}/health", seconds=SECONDS)
    except (ConnectionFailedError, ServiceTimeoutError):
        return None
    with ThreadPoolExecutor(len(_ASKED), thread_name_prefix="workbench discover") as pool:
        said = dict(zip(_ASKED, pool.map(lambda path: _said(url + path), _ASKED), strict=True))
    offered: int | None = None
    try:
        status, headers, body = fetch.answer(f"{url}/v1/models", seconds=SECONDS)
        if status not in (401, 403):
            offered = len(model_list.read(url, status, headers, body)[0])
    except WorkbenchError:
        return None
    name, title = _who(port, said)
    preset = presets.PRESETS.get(name)
    return Found(
        name=name,
        title=preset.title if preset is not None else title,
        url=f"http://localhost:{port}/v1",
        preset=name if preset is not None else None,
        models=offered,
    )


_Said = tuple[int, str, object]
"""Status, the ``Server`` header, the decoded JSON or ``None``."""


def _who(port: int, said: dict[str, _Said]) -> tuple[str, str]:
    """Name and title of a server, from what only it answers; else from its port."""
    entries = _entries(said["/v1/models"][2])
    owners = {str(entry.get("owned_by")) for entry in entries}
    if "llama.cpp" in said["/v1/models"][1] or "default_generation_settings" in _dict(said["/props"]):
        return "llama-server", ""
    if said["/api/v0/models"][0] == 200 and "data" in _dict(said["/api/v0/models"]):
        return "lmstudio", ""
    if "sglang" in owners or "model_path" in _dict(said["/get_model_info"]):
        return "sglang", "SGLang"
    if "vllm" in owners or any("max_model_len" in entry for entry in entries):
        return "vllm", ""
    if "version" in _dict(said["/api/version"]):
        return "ollama", ""
    if said["/readyz"][0] == 200 and said["/version"][0] == 200:
        return "localai", ""
    if "Python" in said["/v1/models"][1] and _dict(said["/health"]).get("status") == "ok":
        return "mlx-server", ""
    if port in (1337, 6767):
        return "jan", ""
    return f"local-{port}", "A server"


def _said(url: str) -> _Said:
    try:
        status, headers, body = fetch.answer(url, seconds=SECONDS)
    except WorkbenchError:
        return 0, "", None
    decoded: object = None
    with suppress(*UNREADABLE):
        decoded = msgspec.json.decode(body)
    return status, headers.get("server", ""), decoded


def _dict(said: _Said) -> dict[str, object]:
    status, _, value = said
    return value if status == 200 and isinstance(value, dict) else {}


def _entries(listing: object) -> list[dict[str, object]]:
    found = listing.get("data") if isinstance(listing, dict) else listing
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _named_apart(found: list[Found]) -> list[Found]:
    """The same, no two of one name: the second of a kind has its port in its name."""
    names: set[str] = set()
    apart = []
    for server in found:
        if server.name in names:
            port = server.url.removesuffix("/v1").rpartition(":")[2]
            server = msgspec.structs.replace(server, name=f"{server.name}-{port}")
        names.add(server.name)
        apart.append(server)
    return apart
