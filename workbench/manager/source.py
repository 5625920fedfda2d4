"""Where one file's bytes come from: the hub's address, and the signed address of its file host. Knows no disk.

    GET {endpoint}/ORG/REPO/resolve/COMMIT/FILE   with the person's token
        302 Location: https://cdn.../...          no token goes there; valid for a while, then 403: asked for anew
        200, 206                                  a small file: the hub sends it itself

Through the session of `huggingface_hub`, so its proxies and certificates hold here too. A failure that may pass (a
reset, silence, 429, 5xx) is tried again from the byte where it stopped, each time after a longer wait; one that will
not pass raises an error of `workbench.errors`.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from workbench.errors import DownloadError, HubError, OfflineError, WorkbenchError
from workbench.manager import hub, hub_errors

if TYPE_CHECKING:
    import httpx2

REDIRECTS = 5
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Statuses that may be others a moment later."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a transfer puts up with a server. Times in seconds."""

    connect: float = 10.0
    """For a connection."""
    stall: float = 15.0
    """Without a byte, before the connection is given up for a new one."""
    tries: int = 8
    """In a row without a byte, before the download fails."""
    wait: float = 0.25
    """Before the second try; doubled for each one after."""
    longest_wait: float = 10.0
    server_wait: float = 300.0
    """The most a server may ask to wait (the hub counts requests over five minutes)."""


class StoppedError(Exception):
    """The transfer was paused or cancelled."""


class NoRangesError(Exception):
    """The server sends the whole file whatever part is asked for: read it from one place only."""


class Wire:
    """The connections of one download: told to stop, they break off at once."""

    def __init__(self, patience: Patience, note: Callable[[str], None]) -> None:
        self.patience = patience
        self.note = note
        """Told in a few words what is waited for; ``""`` when bytes come again."""
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._open: set[httpx2.Response] = set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Break off every connection; what waits wakes up. Nothing is sent or received afterwards."""
        self._stop.set()
        with self._lock:
            for response in self._open:
                _shut(response)

    def sleep(self, seconds: float) -> None:
        """Wait, unless stopped: then raise `StoppedError`."""
        if self._stop.wait(seconds):
            raise StoppedError

    @contextmanager
    def get(self, url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
        """One request; the body is still to be read. Raises `StoppedError` and what the HTTP library raises."""
        import httpx2
        from huggingface_hub import get_session

        if self.stopped:
            raise StoppedError
        patience = self.patience
        timeout = httpx2.Timeout(patience.stall, connect=patience.connect, pool=None)
        with get_session().stream("GET", url, headers=headers, timeout=timeout, follow_redirects=False) as response:
            with self._lock:
                self._open.add(response)
            try:
                if self.stopped:
                    raise StoppedError
                yield response
            finally:
                with self._lock:
                    self._open.discard(response)


class Source:
    """One file of a repository at one commit."""

    def __init__(self, wire: Wire, repo: str, commit: str, path: str, size: int) -> None:
        self.repo = repo
        self.size = size
        self._wire = wire
        self._url = f"{hub.endpoint()}/{repo}/resolve/{quote(commit, safe='')}/{quote(path)}"
        self._found: str | None = None
        self._lock = threading.Lock()

    def read(self, start: int, stop: int, *, whole: bool = False) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`, in the order they come, however often it takes to get them.

        Raises `NoRangesError` where the server sends all of the file for a part of it (with `whole`, what comes
        before `start` is read and dropped instead); `StoppedError`; `OfflineError`, `GatedModelError`, `HubError` or
        `DownloadError`.
        """
        at, failures = start, 0
        while at < stop:
            try:
                with self._response(at, stop) as response:
                    skip = self._before(response, at, stop, whole)
                    for data in response.iter_raw():
                        if self._wire.stopped:
                            raise StoppedError
                        data, skip = data[skip : skip + stop - at], max(0, skip - len(data))
                        if not data:
                            continue
                        yield data
                        at += len(data)
                        if failures:
                            failures = 0
                            self._wire.note("")
                        if at == stop:
                            return
                raise DownloadError("The server ended before all was sent.")
            except (StoppedError, NoRangesError):
                raise
            except Exception as error:
                failures += 1
                self._wait_after(error, failures)

    @contextmanager
    def _response(self, start: int, stop: int) -> Iterator[httpx2.Response]:
        """A good response with these bytes, from the signed address while that holds."""
        wanted = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        with ExitStack() as stack:
            response = None
            with self._lock:  # the first asks where the file is, the others wait for the answer
                if self._found is None:
                    self._found, response = self._resolve(stack, wanted)
                url = self._found
            if response is None:
                response = stack.enter_context(self._wire.get(url, self._headers(url, wanted)))
            if response.status_code in (401, 403, 404, 410) and not self._ours(url):
                self._found = None
                raise DownloadError(f"The address of the file is no longer good ({response.status_code}).")
            if response.status_code >= 400:
                from huggingface_hub import hf_raise_for_status

                response.read()
                hf_raise_for_status(response)
            yield response

    def _resolve(self, stack: ExitStack, wanted: dict[str, str]) -> tuple[str, httpx2.Response]:
        """Ask the hub; where it leads, and what is sent from there."""
        url = self._url
        for _ in range(REDIRECTS):
            response = stack.enter_context(self._wire.get(url, self._headers(url, wanted)))
            if response.status_code not in (301, 302, 303, 307, 308):
                return url, response
            response.read()
            url = urljoin(url, response.headers["Location"])
        raise HubError("The hub leads in a circle.", next_step="Try again in a minute.")

    def _ours(self, url: str) -> bool:
        return _origin(url) == _origin(self._url)

    def _headers(self, url: str, wanted: dict[str, str]) -> dict[str, str]:
        """The token goes to the hub, and nowhere else."""
        return {**hub.headers(), **wanted} if self._ours(url) else wanted

    def _before(self, response: httpx2.Response, start: int, stop: int, whole: bool) -> int:
        """How many bytes come before those asked for: 0, unless the server sends all of the file."""
        if response.status_code == 200:
            length = response.headers.get("Content-Length")
            if length is not None and int(length) != self.size:
                raise DownloadError(
                    f"Something else than the file was sent: {int(length):,} bytes instead of {self.size:,}.",
                    next_step="Check whether a proxy or a login page is in the way, then download again: it goes on.",
                )
            if not whole and (start, stop) != (0, self.size):
                raise NoRangesError
            return start
        said = re.match(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if said is None or int(said[1]) != start or said[2] not in ("*", str(self.size)):
            raise DownloadError("The server sent another part of the file than was asked for.")
        return 0

    def _wait_after(self, error: Exception, failures: int) -> None:
        """Wait as long as is right after so many failures in a row, or raise what this one means."""
        if self._wire.stopped:
            raise StoppedError from None
        patience = self._wire.patience
        status = getattr(getattr(error, "response", None), "status_code", None)
        ours = error if isinstance(error, WorkbenchError) else hub_errors.mapped(error, self.repo)
        passing = isinstance(ours, (OfflineError, DownloadError)) or status in PASSING
        if ours is None or not passing or not ours.retryable or failures >= patience.tries:
            raise ours or error
        wait = min(patience.wait * 2 ** (failures - 1), patience.longest_wait)
        asked = getattr(ours, "wait", None)
        if asked is not None:
            wait = max(wait, min(asked, patience.server_wait))
            self._wire.note(f"the server asks to wait {wait:.0f} s")
        elif failures > 1 or status is not None:
            self._wire.note("no answer, trying again" if status is None else f"the server failed ({status})")
        self._wire.sleep(wait)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _shut(response: httpx2.Response) -> None:
    """End a connection under a thread that is reading from it: closing alone would not wake it."""
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if isinstance(connection, socket.socket):
        with suppress(OSError):  # it may be closed by now
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
