"""A small forward proxy for plain HTTP and for CONNECT, for which every host name is this machine.

    with Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

`proxy.asked` holds the first line of each request and its headers. With `password` it asks for ``user:password``.
"""

from __future__ import annotations

import base64
import contextlib
import selectors
import socket
import threading
from urllib.parse import urlsplit


class Proxy:
    """Listens on a free port of 127.0.0.1."""

    def __init__(self, password: str | None = None) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._password = password
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        for opened in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            head, _, rest = head.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
            self.asked.append((first, headers))
            if self._password and headers.get("proxy-authorization") != _basic(self._password):
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            method, target, version = first.split(" ")
            address = urlsplit(target if "://" in target else f"//{target}")
            with socket.create_connection(("127.0.0.1", address.port or 80)) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    kept = [line for line in lines if not line.lower().startswith("proxy-")]
                    first = f"{method} {address.path} {version}"
                    server.sendall("\r\n".join([first, *kept]).encode() + b"\r\n\r\n" + rest)
                _pump(client, server)


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select():
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]  # both are sockets
                if not data:
                    return
                key.data.sendall(data)


def _basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"user:{password}".encode()).decode()
