"""A request on its way to a server, which can be ended at any moment. Knows no client and no chat.

No call of a socket can be woken while it looks up a name or connects. So a request is opened on a thread of its own,
which then watches over the time the answer may take; whoever asked waits for news, and a cancel is news too.
"""

from __future__ import annotations

import math
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

_WATCH_PERIOD = 1.0
_PACE = 0.01
_RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # linger for no time


class CancelledError(Exception):
    """The run was cancelled; never leaves the services."""


class SilentError(Exception):
    """Patience with the server ran out; never leaves the services."""


class Run:
    """What a cancel ends: the exchanges of one run, one after the other."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.started = time.perf_counter()
        """When the last request went out, on `time.perf_counter`'s clock."""
        self.exchange = Exchange(self, math.inf, math.inf)
        """The last one, or one that never went out."""

    def cancel(self) -> None:
        """From any thread: end the exchange, whatever it waits for."""
        self.cancelled.set()
        self.exchange.hang_up()

    @contextmanager
    def opened(self, call: Callable[[], Any], *, connect: float, answer: float) -> Iterator[Any]:
        """The response that `call` opens; leaving closes it.

        It has `connect` seconds to reach the server, then `answer` seconds until `Exchange.expect` says otherwise.
        Raises `CancelledError`, `SilentError`, and what `call` raises.
        """
        self.exchange = exchange = Exchange(self, connect, answer)
        opening: Future[Any] = Future()
        threading.Thread(target=exchange.open, args=(call, opening), name="workbench-remote", daemon=True).start()
        try:
            exchange.wait(opening)
            yield opening.result()
        except BaseException:
            exchange.hang_up()
            raise
        finally:
            exchange.end()
            opening.add_done_callback(_close)


class Exchange:
    """One request and its response. The patience with it is in seconds."""

    here = threading.local()
    """On the thread that opens a request, `here.exchange` is its exchange."""

    def __init__(self, run: Run, connect: float, answer: float) -> None:
        self.silent = False
        """Whether patience ran out."""
        self.sent = False
        """Whether the server was reached, and asked."""
        self.answered = False
        """Whether the server began its answer, headers included."""
        self.hurried = False
        """Whether pieces may be read a few milliseconds late, several at a time: all but the first."""
        self.connected_to = ""
        """Host and port of the connection: the server's own, or a proxy's."""
        self.request_id = ""
        """What the server calls this request; empty when it does not say."""
        self._run = run
        self._connect = connect
        self._answer = answer
        self._deadline = math.inf
        self._socket: socket.socket | None = None
        self._news = threading.Event()
        self._over = threading.Event()

    def open(self, call: Callable[[], Any], opening: Future[Any]) -> None:
        """Open it on this thread, then watch over it until its end."""
        Exchange.here.exchange = self
        try:
            opening.set_result(call())
        except BaseException as error:
            opening.set_exception(error)
        self._news.set()
        while not self._over.wait(min(self._left(), _WATCH_PERIOD)):
            if not self._left():
                self.silent = True
                self.hang_up()
                return

    def wait(self, opening: Future[Any]) -> None:
        """Until it is opened."""
        while not opening.done():
            if self._run.cancelled.is_set():
                raise CancelledError
            if not self._left():
                self.silent = True
                self.hang_up()
                raise SilentError
            self._news.wait(None if self._deadline == math.inf else self._left())
            self._news.clear()

    def expect(self, seconds: float) -> None:
        """Something is due within that many seconds."""
        self._deadline = time.perf_counter() + seconds

    def rest(self) -> None:
        """Nothing is due: something came, and whoever reads it may take their time."""
        self._deadline = math.inf

    def end(self) -> None:
        """Nobody waits for it any more."""
        self._over.set()

    def hang_up(self) -> None:
        """Wake whoever waits. A reader is woken by a shutdown; a close from another thread would not do it.

        The server is told by a reset when the socket is closed: one that sends all the time would not notice less.
        """
        self._news.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def begin(self) -> None:
        """Called when the request is ready to go."""
        self._run.started = time.perf_counter()
        self.expect(self._connect)
        self._news.set()

    def traced(self, name: str, info: dict[str, Any]) -> None:
        """Called by the transport as the request goes on."""
        if name.endswith("connect_tcp.started"):
            self.connected_to = f"{info['host']}:{info['port']}"
        elif name.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            self._socket = stream.get_extra_info("socket")
            stream.read = self._paced(stream)
            if self._over.is_set() or self._run.cancelled.is_set():
                self.hang_up()
        elif name.endswith("send_request_headers.started"):
            self.sent, self.answered = True, False  # a proxy is asked first, and answers too
            self.expect(self._answer)
            self._news.set()
        elif name.endswith("receive_response_headers.complete"):
            self.answered = True

    def _paced(self, stream: Any) -> Callable[..., bytes]:
        """The stream's `read`; in a hurry it leaves a few milliseconds between two reads that have to wait.

        Waking up for each of 5,000 pieces a second costs more than reading them.
        """
        read, last = stream.read, 0.0

        def paced(most: int, timeout: float | None = None) -> bytes:
            nonlocal last
            left = last + _PACE - time.perf_counter()
            if self.hurried and left > 0 and not stream.get_extra_info("is_readable"):
                self._run.cancelled.wait(left)
            data: bytes = read(most, timeout)
            last = time.perf_counter()
            return data

        return paced

    def _left(self) -> float:
        return max(0.0, self._deadline - time.perf_counter())


def _close(opening: Future[Any]) -> None:
    if opening.exception() is None:
        opening.result().close()
