"""The openai client of one server, made so that key and prompt reach that server and no other. Knows no chat.

Redirects are followed within the server's own origin only. Proxies come from the usual environment variables, except
for this machine's own servers; certificates from SSL_CERT_FILE and SSL_CERT_DIR, else from the system.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workbench.errors import BadResponseError, ConnectionFailedError, ServiceTimeoutError, WorkbenchError
from workbench.services.address import is_here, place
from workbench.services.exchange import Exchange, SilentError
from workbench.services.http_errors import elsewhere, refused, unreachable

if TYPE_CHECKING:
    import httpx2
    import openai

_HEADERS = {"Connection": "close"}  # one connection a request: closing it cancels that run and no other
_LONGEST_REFUSAL = 1 << 20
_WRITE_TIMEOUT = 60.0
_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid")
_PLAIN_HEADERS = {
    "accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host", "user-agent",
    "x-stainless-raw-response",  # the client reads it again
}  # fmt: skip


def make(url: str, key: str | None, connect_timeout: float) -> openai.OpenAI:
    """A client for a base URL that asks once and waits as long as its exchange does.

    Raises `ConnectionFailedError` when the environment names a proxy or a certificate that cannot be used.
    """
    import openai

    parts = urlsplit(url)
    here = is_here(parts.hostname or "")
    timeout = openai.Timeout(None, connect=connect_timeout, write=_WRITE_TIMEOUT, pool=connect_timeout)
    hooks: dict[str, list[Callable[..., None]]] = {"request": [partial(_going, url)], "response": [partial(_came, url)]}
    verify = _trusted() if parts.scheme == "https" or not here else False
    try:
        http = openai.DefaultHttpxClient(timeout=timeout, trust_env=not here, verify=verify, event_hooks=hooks)
    except Exception as error:  # its words could hold the proxy's password
        raise ConnectionFailedError(
            f"The proxy that the environment names cannot be used ({type(error).__name__}).",
            next_step="Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.",
        ) from None
    return openai.OpenAI(base_url=url, api_key=key or "none", max_retries=0, timeout=timeout, http_client=http)


def chat(client: openai.OpenAI, body: dict[str, Any]) -> Any:
    """The raw response to a chat's request; it has to be closed."""
    return client.chat.completions.with_streaming_response.create(**body, extra_headers=_HEADERS).__enter__()


def models(client: openai.OpenAI, query: dict[str, str]) -> Any:
    """The raw response to the request for a page of the model list; it has to be closed."""
    return client.models.with_streaming_response.list(extra_query=query, extra_headers=_HEADERS).__enter__()


def mapped(url: str, error: BaseException, limit: str, connected_to: str = "") -> WorkbenchError:
    """The one place where the client's exceptions become ours; `limit` says in what time it should have answered."""
    import openai

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, WorkbenchError):  # ours, raised inside the client
            return cause
        if type(cause).__name__ == "TooManyRedirects":
            return BadResponseError(f"{place(url)} sends the request in circles.", next_step="Check the address.")
        cause = cause.__cause__
    if isinstance(error, openai.APITimeoutError | SilentError):
        return ServiceTimeoutError(
            f"{place(url)} did not answer {limit}.", next_step="Check the address and the network."
        )
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
        return BadResponseError(f"{place(url)}: {error.message}", next_step="Look at the server's log.")
    return unreachable(url, error, connected_to)


def is_telling(error: Exception) -> bool:
    """Whether an error says itself what happened, unlike a transport's in the midst of an answer."""
    import openai

    return isinstance(error, WorkbenchError | openai.OpenAIError)


def _trusted() -> Any:
    """The certificates to trust."""
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise ConnectionFailedError(
            f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {error.strerror or error}.",
            next_step="Let it name a file in PEM format, or unset it; then connect again.",
        ) from None


def _going(url: str, request: httpx2.Request) -> None:
    """Called with each request on its way, those of redirects included."""
    parts, to = urlsplit(url), request.url
    if _origin(parts.scheme, parts.hostname, parts.port) != _origin(to.scheme, to.host, to.port):
        raise elsewhere(url, f"{to.scheme}://{to.netloc.decode('ascii', 'replace')}")
    if parts.hostname != "api.openai.com":  # what the environment adds for OpenAI is no other server's matter
        for name in set(request.headers) - _PLAIN_HEADERS:
            del request.headers[name]
    exchange: Exchange = Exchange.here.exchange
    request.extensions["trace"] = exchange.traced
    exchange.begin()


def _came(url: str, response: httpx2.Response) -> None:
    """Called with the headers of each response; a refusal is read here, up to a limit, and raised."""
    exchange: Exchange = Exchange.here.exchange
    ids = (response.headers.get(name) for name in _REQUEST_IDS)
    exchange.request_id = next((i for i in ids if i), "")[:200]
    if response.status_code < 300 or response.has_redirect_location:
        return
    said = bytearray()
    try:
        for piece in response.iter_bytes():
            said += piece
            if len(said) > _LONGEST_REFUSAL:
                break
    except Exception:
        said += b" ..."  # what came says enough
    text = bytes(said).decode(response.charset_encoding or "utf-8", "replace")
    raise refused(url, response.status_code, text, response.headers)


def _origin(scheme: str, host: str | None, port: int | None) -> tuple[str, str | None, int]:
    return scheme, host, port or (443 if scheme == "https" else 80)
