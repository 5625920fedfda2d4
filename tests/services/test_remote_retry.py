"""Requests that fail in passing are sent again, before the first token only, and nobody has to wait for it."""

from __future__ import annotations

import json
import threading
import time
from email.utils import formatdate

import pytest

from tests.servers.scripted import CUT, DONE, ScriptedServer, data, delta, reply, stream, text
from tests.services.contract import ask
from tests.services.contract import text as text_of
from workbench.events import Finished, Notice
from workbench.services.http_errors import retry_after
from workbench.services.remote import RemoteChatService
from workbench.sessions.answer import Answer

ANSWER = [stream(text("Hi"), delta(finish="stop"), DONE)]
BUSY = reply('{"error": "busy"}', status="503 Service Unavailable")


def limited(seconds):
    return reply('{"error": "slow down"}', status="429 Too Many Requests", headers=f"Retry-After: {seconds}\r\n")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("workbench.services.remote._FIRST_BACKOFF", 0.01)


def played(*scripts, **service):
    """The events, and how often the server was asked."""
    with ScriptedServer(*scripts) as server:
        events = list(RemoteChatService(server.url, name="box", **service).stream(ask("box:m")))
        return events, len(server.requests)


@pytest.mark.parametrize(
    "first",
    [
        [CUT],
        [b""],
        [BUSY],
        [reply("", status="502 Bad Gateway")],
        [reply("<html>", status="504 Gateway Time-out")],
        [limited(0)],
        [stream(data({"error": {"message": "no provider", "code": 502}}))],
        [stream(": ping", data({"error": {"message": "no provider", "code": 503}}))],
    ],
)
def test_what_failed_in_passing_is_sent_again(first):
    events, asked = played(first, ANSWER)
    assert (text_of(events), events[-1].reason, asked) == ("Hi", "stop", 2)
    notices = [e for e in events if isinstance(e, Notice)]
    assert {n.code for n in notices} == {"retry"}
    assert notices[0].message.endswith("Trying again in 1 s.")
    assert notices[-1].seconds == 0


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (reply("no", status="500 Internal Server Error"), "ServerFailedError"),
        (reply('{"error": "no"}', status="400 Bad Request"), "RequestRefusedError"),
        (reply('{"error": "no"}', status="401 Unauthorized"), "AuthenticationError"),
        (reply('{"error": "quota"}', status="429 Too Many Requests"), "RateLimitError"),
        (limited(4000), "RateLimitError"),
        (stream(data({"error": {"message": "no", "code": 500}})), "ServerFailedError"),
        (stream(text("Hel"), data({"error": {"message": "no", "code": 503}})), "ServerFailedError"),
    ],
)
def test_what_did_not_is_not(first, kind):
    events, asked = played([first], ANSWER)
    assert (events[-1].error.kind, asked) == (kind, 1)


def test_after_the_first_token_nothing_is_sent_again():
    events, asked = played([stream(text("Hel"), end=False), 0.05, CUT], ANSWER)
    assert (text_of(events), events[-1].error.kind, asked) == ("Hel", "StreamCutError", 1)


def test_nobody_there_is_told_at_once():
    with ScriptedServer(ANSWER) as server:
        url = server.url
    (event,) = RemoteChatService(url).stream(ask("x:m"))
    assert "Nothing listens" in event.error.message


def test_trying_again_has_an_end():
    events, asked = played([BUSY], retries=3)
    assert (events[-1].error.kind, asked) == ("ServerFailedError", 4)
    assert played([BUSY], retries=0)[1] == 1


def test_the_server_s_wait_is_kept_to_and_counted_down():
    began = time.monotonic()
    events, asked = played([limited(2)], ANSWER)
    assert 2 <= time.monotonic() - began < 5
    assert asked == 2
    assert [e.seconds for e in events if isinstance(e, Notice)] == [2, 1, 0]
    answer = Answer("box:m", ask("box:m").options)
    shown = []
    for event in events:
        answer.fold(event)
        shown.append([n["message"].split(".")[-2].strip() for n in answer.view()["notes"]])
    assert shown[:3] == [["Trying again in 2 s"], ["Trying again in 1 s"], ["It was tried again"]]


def test_a_cancel_ends_the_wait_at_once():
    with ScriptedServer([limited(60)]) as server:
        remote, request = RemoteChatService(server.url), ask("x:m")
        began = 0.0
        for event in remote.stream(request):
            if isinstance(event, Notice):
                began = time.monotonic()
                threading.Timer(0.05, remote.cancel, [request.run]).start()
        assert time.monotonic() - began < 0.5
        assert isinstance(event, Finished)
        assert event.reason == "cancelled"
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_waits_come_in_several_forms(headers, seconds):
    assert retry_after(headers) == seconds


def test_a_wait_may_be_a_date():
    assert 25 < retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)}) <= 30
    assert retry_after({"retry-after": formatdate(0)}) == 0


def test_the_retried_answer_is_all_there_is():
    """Nothing of the first try is left in the second: no thought, no usage."""
    usage = data({"choices": [], "usage": {"completion_tokens": 9}})
    first = [stream(usage, data({"error": {"message": "no", "code": 503}}))]
    events, _ = played(first, ANSWER)
    assert events[-1].usage.completion_tokens is None
    assert json.dumps(text_of(events)) == '"Hi"'
