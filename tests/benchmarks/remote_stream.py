"""What a streamed answer of a server costs: CPU a chunk beside the openai client's own parsing, and the first event.

A server in a process of its own sends the same chunks at 5,000 a second, one write each, to three readers in turn: the
remote service, the openai client with its parsed stream, and bare lines from a socket. CPU is user and system time of
this process, all threads, over a whole answer. The first event is timed from the call, client and imports warm.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import openai
from common import PYTHON, arguments, interleaved, last_line, ratio, spread, table

from workbench.events import TextDelta
from workbench.messages import user
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.remote import RemoteChatService

KEYS = ("cpu_vs_openai", "first_event_extra_ms")
RATE = 5000
WORDS = ["The", " grass", " is", " green", " because", " it", " holds", " chlorophyll", ".", "\n"]
SERVER = """
import contextlib, json, socket, sys, threading, time
rate, words = int(sys.argv[1]), json.loads(sys.argv[2])
facts = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": None}
def line(choice):
    data = ("data: " + json.dumps({**facts, "choices": [choice]}) + "\\n\\n").encode()
    return b"%x\\r\\n%b\\r\\n" % (len(data), data)
lines = [line({"index": 0, "delta": {"content": w}, "logprobs": None, "finish_reason": None}) for w in words]
end = line({"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"})
end += b"e\\r\\ndata: [DONE]\\n\\n\\r\\n0\\r\\n\\r\\n"
kind = b"Content-Type: text/event-stream\\r\\nTransfer-Encoding: chunked\\r\\n"
def answer(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(ConnectionError), connection, connection.makefile("rb") as asked:
        length = 0
        while (head := asked.readline().strip().lower()):
            if head.startswith(b"content-length:"):
                length = int(head.split(b":")[1])
        count = json.loads(asked.read(length))["max_tokens"]
        connection.sendall(b"HTTP/1.1 200 OK\\r\\n" + kind + b"\\r\\n")
        began = time.perf_counter()
        for n in range(count):
            connection.sendall(lines[n % len(lines)])
            if (wait := began + (n + 1) / rate - time.perf_counter()) > 0:
                time.sleep(wait)
        connection.sendall(end)
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
"""


@contextmanager
def server() -> Iterator[str]:
    """The base URL of the server, while it runs."""
    command = [PYTHON, "-c", SERVER, str(RATE), json.dumps(WORDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def ours(service: RemoteChatService, count: int) -> Iterator[str]:
    """Pieces of text as the remote service gives them."""
    request = Request(messages=(user("go"),), model="box:m", options=GenerationOptions(max_tokens=count))
    for event in service.stream(request):
        if isinstance(event, TextDelta):
            yield event.text


def theirs(client: openai.OpenAI, count: int) -> Iterator[str]:
    """Pieces of text as the openai client parses them."""
    for chunk in client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "go"}], stream=True, max_tokens=count
    ):
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


def bare(url: str, count: int) -> Iterator[str]:
    """Pieces of text, from lines read off a socket."""
    parts = urlsplit(url)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "go"}], "max_tokens": count}).encode()
    with socket.create_connection((str(parts.hostname), int(parts.port or 80))) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        with connection.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"data: {"):
                    yield json.loads(line[6:])["choices"][0]["delta"].get("content") or ""


def cpu(pieces: Iterator[str], count: int) -> float:
    """Microseconds of CPU a chunk over a whole answer, whose text is checked."""
    began = time.process_time()
    text = "".join(pieces)
    used = time.process_time() - began
    if text != "".join(WORDS[n % len(WORDS)] for n in range(count)):
        raise SystemExit("The text is not what the server sent.")
    return used / count * 1e6


def first(pieces: Iterator[str]) -> float:
    """Milliseconds to the first piece."""
    began = time.perf_counter()
    next(pieces)
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    """Measure, print a table and the line of figures."""
    smoke = arguments(__doc__).smoke
    count, rounds, firsts = (500, 2, 5) if smoke else (10_000, 7, 61)
    with server() as url:
        service = RemoteChatService(url, name="box")
        client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        for warm in (ours(service, 50), theirs(client, 50), bare(url, 50)):
            "".join(warm)
        mine, parsed, raw = interleaved(
            rounds,
            lambda: cpu(ours(service, count), count),
            lambda: cpu(theirs(client, count), count),
            lambda: cpu(bare(url, count), count),
        )
        early, line = interleaved(firsts, lambda: first(ours(service, 5)), lambda: first(bare(url, 5)))
    table(
        [
            ("remote service, CPU us a chunk", spread(mine)),
            ("openai client's own parsing", spread(parsed)),
            ("bare lines and json.loads", spread(raw)),
            ("first event, ms", spread(early)),
            ("first line of a bare reader, ms", spread(line)),
        ]
    )
    extra = statistics.median(early) - statistics.median(line)
    last_line(cpu_vs_openai=ratio(mine, parsed), first_event_extra_ms=extra)


if __name__ == "__main__":
    main()
