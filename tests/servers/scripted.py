"""A server that plays a script over real sockets: every fault an HTTP server can commit, on demand.

    with ScriptedServer([stream(text("Hel"), text("lo")), CUT]) as server:
        RemoteChatService(server.url)

Each connection plays the same parts in order: bytes are sent, a number is a pause in seconds, `CUT` resets the
connection, `HANG` keeps it open and silent until the client leaves, `FOREVER` repeats the part before it until then.
Further lists of parts are for the second connection, the third and so on; the last is for all after it.
`server.requests` holds what was asked, `server.left` is set when a client left while the server was not done.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from typing import Any

CUT = "cut"
HANG = "hang"
FOREVER = "forever"


class ScriptedServer:
    """Plays `parts` on every connection, on a free port of 127.0.0.1; over TLS when it is given a context."""

    def __init__(
        self,
        parts: list[bytes | float | str],
        *further: list[bytes | float | str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        self.left = threading.Event()
        self._scripts = [parts, *further]
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> ScriptedServer:
        self._threads[0].start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(len(self._threads), len(self._scripts)) - 1]
            thread = threading.Thread(target=self._play, args=(connection, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, connection: socket.socket, script: list[bytes | float | str]) -> None:
        with contextlib.suppress(OSError), self._secured(connection) as connection:
            request = _read(connection)
            if request is None:
                return
            self.requests.append(request)
            for number, part in enumerate(script):
                if isinstance(part, bytes):
                    connection.sendall(part)
                elif part == CUT:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                elif part == HANG:
                    self._hang(connection)
                elif part == FOREVER:
                    self._repeat(connection, script[number - 1])
                else:
                    time.sleep(float(part))

    def _secured(self, connection: socket.socket) -> socket.socket:
        return connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True)

    def _repeat(self, connection: socket.socket, part: bytes | float | str) -> None:
        assert isinstance(part, bytes)
        with contextlib.suppress(OSError):
            while not self._stopping.is_set():
                connection.sendall(part)
        self.left.set()

    def _hang(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        while not self._stopping.is_set():
            try:
                if not connection.recv(1):
                    self.left.set()
                    return
            except TimeoutError:
                continue
            except OSError:
                self.left.set()
                return


def reply(body: str, *, status: str = "200 OK", kind: str = "application/json", headers: str = "") -> bytes:
    """A whole HTTP answer; `headers` are further lines, each ending in a line break."""
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
    return head.encode() + data


def stream(*lines: str, end: bool = True) -> bytes:
    """A chunked event stream of `lines`; without `end` its last chunk is missing."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(more(line) for line in lines) + (b"0\r\n\r\n" if end else b"")


def more(line: str) -> bytes:
    """One more line of an event stream, as a chunk."""
    data = f"{line}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def delta(finish: str | None = None, **fields: object) -> str:
    """The line of one chunk of an answer."""
    return data({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


def text(content: str) -> str:
    """The line of one piece of text."""
    return delta(content=content)


def data(value: object) -> str:
    """An event stream's line."""
    return f"data: {json.dumps(value)}"


DONE = "data: [DONE]"


def _read(connection: socket.socket) -> dict[str, Any] | None:
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            return None
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, path, _ = first.split(" ")
    return {"method": method, "path": path, "headers": headers, "body": json.loads(body) if body else None}
