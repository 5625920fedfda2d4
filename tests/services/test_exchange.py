"""Connecting and waiting: every moment can be ended, and has its limit."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from tests.servers.scripted import FOREVER, HANG, ScriptedServer, delta, more, stream, text
from tests.services.contract import ask, wait_for
from tests.services.contract import text as text_of
from workbench.events import Failed, Finished
from workbench.services.remote import RemoteChatService

PING = more(": ping")


@pytest.fixture
def nobody():
    """The address of a port whose queue is full: connecting there takes for ever."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(20):
            waiting = opened.enter_context(socket.socket())
            waiting.settimeout(0.2)
            try:
                waiting.connect(listener.getsockname())
            except TimeoutError:
                break
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def in_thread(iterator):
    events = []
    thread = threading.Thread(target=lambda: events.extend(iterator))
    thread.start()
    return events, thread


def cancelled(remote, run, thread):
    """Seconds from a cancel to the end."""
    started = time.monotonic()
    remote.cancel(run)
    thread.join(10)
    return time.monotonic() - started


def test_a_cancel_while_connecting_takes_effect_at_once(nobody):
    remote, request = RemoteChatService(nobody), ask("x:m")
    events, thread = in_thread(remote.stream(request))
    assert wait_for(lambda: remote._runs[request.run].exchange.connected_to)
    assert cancelled(remote, request.run, thread) < 0.3
    assert [e.reason for e in events] == ["cancelled"]


def test_a_cancel_while_a_name_is_looked_up_takes_effect_at_once(monkeypatch):
    asked, answer = threading.Event(), threading.Event()
    real = socket.getaddrinfo

    def slow(*args, **kwargs):
        asked.set()
        answer.wait(10)
        return real("127.0.0.1", *args[1:], **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with ScriptedServer([HANG]) as server:
        remote, request = RemoteChatService(f"http://localhost:{server.port}/v1"), ask("x:m")
        events, thread = in_thread(remote.stream(request))
        assert asked.wait(5)
        assert cancelled(remote, request.run, thread) < 0.3
        answer.set()  # the connection that comes too late asks nothing
        assert wait_for(lambda: not any(t.name == "workbench-remote" for t in threading.enumerate()))
        assert server.requests == []
    assert [e.reason for e in events] == ["cancelled"]


def test_a_cancel_during_the_handshake_takes_effect_at_once():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        remote, request = RemoteChatService(f"https://127.0.0.1:{mute.getsockname()[1]}/v1"), ask("x:m")
        events, thread = in_thread(remote.stream(request))
        connection, _ = mute.accept()
        with connection:
            assert cancelled(remote, request.run, thread) < 0.3
    assert [e.reason for e in events] == ["cancelled"]


def test_a_load_is_cancelled_while_connecting(nobody):
    remote = RemoteChatService(nobody)
    events, thread = in_thread(remote.load("x:m", run="l"))
    assert wait_for(lambda: "l" in remote._runs)
    assert cancelled(remote, "l", thread) < 0.3
    assert [type(e) for e in events] == [Finished]


def test_connecting_has_its_own_limit(nobody):
    started = time.monotonic()
    (event,) = RemoteChatService(nobody, connect_timeout=0.3).stream(ask("x:m"))
    assert time.monotonic() - started < 2
    assert event.error.kind == "ServiceTimeoutError"
    assert "within 0.3 s" in event.error.message


def test_a_handshake_that_never_ends_counts_as_connecting():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/v1"
        (event,) = RemoteChatService(url, connect_timeout=0.3).stream(ask("x:m"))
    assert event.error.kind == "ServiceTimeoutError"


def test_a_list_that_never_comes_has_a_limit(monkeypatch):
    monkeypatch.setattr("workbench.services.remote._LISTING_TIMEOUT", 0.3)
    for parts in ([HANG], [stream(end=False), more(" "), FOREVER]):
        with ScriptedServer(parts) as server:
            (event,) = RemoteChatService(server.url).load("x:m")
            assert isinstance(event, Failed)
            assert event.error.kind == "ServiceTimeoutError"
            assert server.left.wait(5)


@pytest.mark.parametrize(
    ("parts", "said", "words"),
    [
        ([stream(end=False), PING, FOREVER], "", "did not begin to answer"),
        ([stream(text("Hi"), end=False), PING, FOREVER], "Hi", "went silent"),
    ],
)
def test_pings_are_no_answer(parts, said, words):
    with ScriptedServer(parts) as server:
        remote = RemoteChatService(server.url, first_token_timeout=0.3, silence_timeout=0.3)
        events = list(remote.stream(ask("x:m")))
        assert server.left.wait(5)
    assert text_of(events) == said
    assert words in events[-1].error.message


def test_pings_after_the_end_are_not_waited_for(monkeypatch):
    monkeypatch.setattr("workbench.services.remote._AFTERWORD_TIMEOUT", 0.2)
    with ScriptedServer([stream(text("Hi"), delta(finish="stop"), end=False), PING, FOREVER]) as server:
        events = list(RemoteChatService(server.url).stream(ask("x:m")))
    assert (text_of(events), events[-1].reason) == ("Hi", "stop")


def test_a_server_that_never_ends_is_left(monkeypatch):
    monkeypatch.setattr("workbench.services.openai_wire.LONGEST_ANSWER", 1 << 20)
    with ScriptedServer([stream(text("a"), end=False), more(text("b" * 1000)), FOREVER]) as server:
        events = list(RemoteChatService(server.url).stream(ask("x:m")))
        assert server.left.wait(5)
    assert 900_000 < len(text_of(events)) < 1 << 20
    assert "1 MiB" in events[-1].error.message
