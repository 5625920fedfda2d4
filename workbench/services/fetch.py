"""Small JSON answers of servers, asked for with little ado: model lists and what servers tell of themselves.

Knows no protocol beyond HTTP. All requests share one client, so that ten servers cost no more than one; a whole answer
must come in time and stay below a size. Redirects are not followed: a key goes to the server it is for, and no other.
Proxies and certificates of the environment hold for other machines, never for this one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from workbench.errors import BadResponseError, ConnectionFailedError, ServiceTimeoutError
from workbench.services.address import is_here, place
from workbench.services.http_errors import UNREADABLE, not_the_protocol, refused, unreachable
from workbench.services.keys import Key
from workbench.services.presets import NO_KEY

if TYPE_CHECKING:
    import httpx2

LARGEST = 32_000_000
"""Bytes of an answer that is read; 5,000 models with all their facts are a tenth of that."""


def json(url: str, *, key: Key | None = None, body: dict[str, Any] | None = None, seconds: float = 5.0) -> Any:
    """The decoded JSON of one answer: a GET, or a POST of `body`. `seconds` is for all of it.

    The key is sent as far as it is at hand: the keyring is not asked. Raises errors under `ServiceError`, and
    `ModelError` where the server blames the model.
    """
    status, headers, data = answer(url, key=key, body=body, seconds=seconds)
    if status != 200:
        raise refused(url, status, data.decode("utf-8", "replace"), headers)
    try:
        return msgspec.json.decode(data)
    except UNREADABLE:
        raise not_the_protocol(url, data.decode("utf-8", "replace")) from None


def answer(
    url: str, *, key: Key | None = None, body: dict[str, Any] | None = None, seconds: float = 5.0
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of one answer, the key struck out; raises as `json` does, but not for a status."""
    import httpx2

    client = _client(url)
    deadline = time.monotonic() + seconds
    data = bytearray()
    try:
        with client.stream(
            "GET" if body is None else "POST", url, json=body, headers=_headers(key), timeout=seconds
        ) as response:
            for piece in response.iter_bytes():
                data += piece
                if len(data) > LARGEST:
                    raise BadResponseError(f"{place(url)} answered with more than {LARGEST // 10**6} MB.")
                if time.monotonic() > deadline:
                    raise _late(url, seconds)
            return response.status_code, response.headers, _struck(bytes(data), key)
    except httpx2.TimeoutException:
        raise _late(url, seconds) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise unreachable(url, error) from None


def ready() -> None:
    """Have the HTTP client, which takes a moment that no server is to blame for."""
    _client("http://localhost")


def _client(url: str) -> httpx2.Client:
    """The shared client. Raises `ConnectionFailedError` when the environment names what cannot be used."""
    parts = urlsplit(url)
    try:
        with _making:
            return _shared(is_here(parts.hostname or ""), parts.scheme == "https")
    except Exception as error:  # its words could hold the proxy's password
        raise ConnectionFailedError(
            f"The proxy or certificates that the environment names cannot be used ({type(error).__name__}).",
            next_step="Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
        ) from None


_making = threading.Lock()


@cache
def _shared(here: bool, tls: bool) -> httpx2.Client:
    import httpx2

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    verify = httpx2.create_ssl_context() if tls else not here  # SSL_CERT_FILE holds for this machine too
    return httpx2.Client(trust_env=not here, verify=verify, limits=limits, follow_redirects=False)


def _headers(key: Key | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "Connection": "close"}
    secret = key.at_hand() if key is not None else None
    return headers | {"Authorization": f"Bearer {secret or NO_KEY}"}


def _struck(data: bytes, key: Key | None) -> bytes:
    """The bytes without the key: some servers quote it."""
    secret = key.at_hand() if key is not None else None
    return data.replace(secret.encode(), b"(key)") if secret else data


def _late(url: str, seconds: float) -> ServiceTimeoutError:
    return ServiceTimeoutError(
        f"{place(url)} did not answer within {seconds:g} s.", next_step="Check the address and the network."
    )
