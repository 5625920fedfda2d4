"""A remote service against every fault a server can commit, played over real sockets; and against a real server."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
import urllib.request

import psutil
import pytest

import workbench.builtin
from tests.servers.scripted import CUT, DONE, HANG, ScriptedServer, data, delta, more, reply, stream, text
from tests.services.conftest import KEY
from tests.services.contract import ask, talkative, wait_for
from tests.services.contract import text as text_of
from workbench import errors, messages
from workbench.errors import UsageError, WorkbenchError
from workbench.events import (
    Failed,
    Finished,
    LoadProgress,
    Notice,
    PrefillProgress,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
)
from workbench.options import GenerationOptions
from workbench.request import Request, Tool
from workbench.services.remote import RemoteChatService
from workbench.store import usage

HTML = "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"
STOP = delta(finish="stop")


def answered(*parts, request=None, **service):
    """The events of one request to a server that plays these parts."""
    with ScriptedServer(list(parts)) as server:
        remote = RemoteChatService(server.url, name="box", **{"retries": 0, **service})
        events = list(remote.stream(request or ask("box:m", "hello")))
        remote.close()
    assert [e for e in events if isinstance(e, Finished | Failed)] == events[-1:]
    return events


def failure(*parts, **service):
    end = answered(*parts, **service)[-1]
    assert isinstance(end, Failed)
    assert end.error.message.endswith(".")
    assert end.error.next_step.endswith((".", "!"))
    return end.error


# What servers say in different ways


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thinking_comes_under_either_name(field):
    events = answered(stream(delta(**{field: "Hm."}), delta(content="Hi", **{field: None}), STOP, DONE))
    assert [e.text for e in events if isinstance(e, ReasoningDelta)] == ["Hm."]
    assert text_of(events) == "Hi"


def test_thinking_comes_in_tags_cut_anywhere():
    events = answered(stream(*(text(c) for c in "<think>\nHm <b>.</think>\n\nHi <think>"), STOP, DONE))
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "Hm <b>."
    assert text_of(events) == "Hi <think>"


@pytest.mark.parametrize("choices", [{"choices": []}, {}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}])
def test_usage_comes_with_or_without_choices(choices):
    told = {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 5}}
    end = answered(stream(text("a"), text("b"), STOP, data({"usage": told, **choices}), DONE))[-1]
    assert (end.usage.prompt_tokens, end.usage.completion_tokens, end.usage.cached_tokens) == (7, 2, 5)
    assert end.usage.reasoning_tokens is None


def test_the_speed_is_the_server_s_own_or_that_of_pieces_that_came_one_by_one():
    told = {"usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    end = answered(stream(text("a"), text("b"), STOP, data(told), DONE))[-1]
    assert end.metrics.decode_tps is None or end.metrics.decode_tps <= 100, "all came at once: that is no speed"
    own = {"timings": {"predicted_per_second": 42.5, "prompt_per_second": 900.0}}
    end = answered(stream(text("a"), text("b"), STOP, data({**told, **own}), DONE))[-1]
    assert (end.metrics.decode_tps, end.metrics.prefill_tps) == (42.5, 900.0)
    slow = [stream(text("a"), end=False), 0.1, more(text("b")), more(STOP), more(data(told)), more(DONE), b"0\r\n\r\n"]
    assert 0 < answered(*slow)[-1].metrics.decode_tps <= 20


def test_what_a_run_took_is_kept_without_a_word_of_it(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    told = {"prompt_tokens": 10, "completion_tokens": 2}
    answered(stream(text("secret words"), STOP, data({"usage": told}), DONE))
    wait_for(usage.runs)
    (run,) = usage.runs()
    assert (run.model, run.engine, run.prompt_tokens, run.completion_tokens) == ("box:m", "server", 10, 2)
    assert run.total_s > 0
    assert b"secret" not in b"".join(file.read_bytes() for file in tmp_path.rglob("usage*"))


def test_without_usage_nothing_is_guessed():
    end = answered(stream(text("a"), text("b"), STOP, DONE))[-1]
    assert isinstance(end, Finished)
    assert end.usage.completion_tokens is None
    assert end.metrics.decode_tps is None
    assert end.metrics.ttft_s > 0


def test_done_may_be_missing():
    assert answered(stream(text("Hi"), STOP))[-1].reason == "stop"


def test_an_ended_answer_does_not_wait_for_an_afterword(monkeypatch):
    monkeypatch.setattr("workbench.services.remote._AFTERWORD_TIMEOUT", 0.1)
    events = answered(stream(text("Hi"), STOP, end=False), HANG)
    assert (text_of(events), events[-1].reason) == ("Hi", "stop")


def test_a_connection_reset_after_the_end_does_no_harm():
    events = answered(stream(text("Hi"), STOP, end=False), 0.05, CUT)
    assert (text_of(events), events[-1].reason) == ("Hi", "stop")


def test_comments_are_no_answer_but_may_tell_progress():
    events = answered(stream(": keepalive", ": keepalive 64/128", "event: message", text("Hi"), STOP, DONE))
    assert [(e.done, e.total) for e in events if isinstance(e, PrefillProgress)] == [(64, 128)]
    assert text_of(events) == "Hi"


def test_a_line_may_come_in_pieces_of_single_bytes():
    line = (text("ä😀") + "\n\n" + STOP + "\n\n").encode()
    head = stream(end=False)
    events = answered(head, *(b"1\r\n%c\r\n" % byte for byte in line), b"0\r\n\r\n")
    assert text_of(events) == "ä😀"


def test_lines_end_only_where_lines_end():
    said = "one\u2028two\x85three"
    line = f"data: {json.dumps({'choices': [{'delta': {'content': said}}]}, ensure_ascii=False)}"
    assert text_of(answered(stream(line, STOP, DONE))) == said


def test_a_whole_answer_in_place_of_a_stream_is_taken():
    whole = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}
    events = answered(reply(json.dumps(whole, indent=1)))
    assert (text_of(events), events[-1].usage.completion_tokens) == ("Hi", 1)


def test_tool_calls_are_put_together():
    tools = (Tool(name="weather", parameters={"type": "object"}),)
    request = Request(messages=(messages.user("Weather?"),), model="box:m", tools=tools)
    pieces = [
        {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": '{"ci'}},
        {"index": 0, "function": {"arguments": 'ty":1}'}},
        {"index": 1, "id": "c2", "function": {"name": "weather", "arguments": "{}"}},
    ]
    parts = [stream(*(delta(tool_calls=[p]) for p in pieces), delta(finish="tool_calls"), DONE)]
    with ScriptedServer(parts) as server:
        events = list(RemoteChatService(server.url, name="box").stream(request))
        assert server.requests[0]["body"]["tools"] == [tools[0].wire()]
    calls = [e.call for e in events if isinstance(e, ToolCalled)]
    assert [(c.id, c.name, c.arguments) for c in calls] == [("c1", "weather", '{"city":1}'), ("c2", "weather", "{}")]
    assert events[-1].reason == "tool_calls"


def test_tool_calls_without_an_index_are_told_apart_by_id():
    calls = [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, {"id": "b", "function": {"name": "g"}}]
    events = answered(stream(delta(tool_calls=calls), STOP, DONE))
    assert [(e.call.name, e.call.arguments) for e in events if isinstance(e, ToolCalled)] == [
        ("f", '{"x":1}'),
        ("g", ""),
    ]
    assert events[-1].reason == "tool_calls"


def test_a_server_that_takes_no_tools_answers_without_them_and_it_is_said():
    refused = reply('{"error": {"message": "gemma3 does not support tools", "type": "api_error"}}', status=400)
    request = Request(messages=(messages.user("?"),), model="box:m", tools=(Tool(name="f"),))
    with ScriptedServer([refused], [stream(text("Hi"), STOP, DONE)]) as server:
        events = list(RemoteChatService(server.url, name="box").stream(request))
        assert ["tools" in asked["body"] for asked in server.requests] == [True, False]
    (notice,) = [e for e in events if isinstance(e, Notice)]
    assert notice.code == "option_ignored"
    assert "tools" in notice.message
    assert text_of(events) == "Hi"
    assert events[-1].ignored == ("tools",)


# What servers do wrong


def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (event,) = RemoteChatService(f"http://127.0.0.1:{port}").stream(ask("x:m"))
    assert event.error.kind == "ConnectionFailedError"
    assert event.error.message == f"Nothing listens at 127.0.0.1:{port}."


def test_a_known_server_that_is_not_there_says_how_to_start_it(monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    (event,) = RemoteChatService("localhost:11434").stream(ask("ollama:m"))
    assert event.error.message == "Nothing listens at localhost:11434."
    assert event.error.next_step == "Start it with `ollama serve`."


def test_a_name_that_does_not_resolve():
    (event,) = RemoteChatService("http://no-such-host.invalid/v1").stream(ask("x:m"))
    assert event.error.kind == "ConnectionFailedError"
    assert "no-such-host.invalid" in event.error.message


def test_a_server_that_never_begins_to_answer():
    error = failure(HANG, first_token_timeout=0.2)
    assert error.kind == "ServiceTimeoutError"
    assert "did not begin to answer" in error.message
    assert "0.2 s" in error.message


def test_a_server_that_goes_silent_in_the_midst():
    events = answered(stream(text("Hel"), end=False), HANG, silence_timeout=0.2)
    assert text_of(events) == "Hel"
    assert events[-1].error.kind == "ServiceTimeoutError"
    assert "went silent" in events[-1].error.message


def test_a_slow_reader_is_no_silent_server():
    parts = [stream(text("a"), end=False), more(text("b")), more(STOP), b"0\r\n\r\n"]
    with ScriptedServer(parts) as server:
        events = []
        for event in RemoteChatService(server.url, silence_timeout=0.3).stream(ask("x:m")):
            events.append(event)
            if isinstance(event, TextDelta):
                time.sleep(1.5)  # longer than the patience and the watch's period
    assert (text_of(events), events[-1].reason) == ("ab", "stop")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("401 Unauthorized", '{"error": {"message": "Invalid API Key", "code": 401}}', "AuthenticationError"),
        ("403 Forbidden", '{"detail": "not for you"}', "AuthenticationError"),
        (
            "404 Not Found",
            '{"error": {"message": "model \'m\' not found, try pulling it first"}}',
            "ModelNotFoundError",
        ),
        ("404 Not Found", "404 page not found", "RequestRefusedError"),
        ("400 Bad Request", '{"error": "temperature is too hot"}', "RequestRefusedError"),
        ("422 Unprocessable", '{"detail": [{"loc": ["body"], "msg": "field required"}]}', "RequestRefusedError"),
        (
            "400 Bad Request",
            '{"error": {"message": "This model\'s maximum context length is 4096 tokens.", "code": null}}',
            "ContextOverflowError",
        ),
        ("429 Too Many Requests", '{"error": {"message": "slow down"}}', "RateLimitError"),
        ("500 Internal Server Error", "Internal Server Error", "ServerFailedError"),
        ("500 Internal Server Error", HTML, "ServerFailedError"),
        ("503 Service Unavailable", '{"error": {"message": "Loading model"}}', "ServerFailedError"),
        ("504 Gateway Time-out", HTML, "ServiceTimeoutError"),
        ("200 OK", '{"error": "model is gone"}', "ServerFailedError"),
        ("200 OK", '{"half": ', "BadResponseError"),
        ("200 OK", "[1, 2]", "BadResponseError"),
        ("200 OK", "", "BadResponseError"),
    ],
)
def test_a_refusal_becomes_one_of_our_errors(status, body, kind):
    error = failure(reply(body, status=status))
    assert error.kind == kind
    assert "<" not in error.message
    if body.startswith("{") and '"message"' in body and kind not in ("AuthenticationError",):
        assert json.loads(body)["error"]["message"].rstrip(".") in error.message


def test_a_retry_after_is_passed_on():
    error = failure(reply("{}", status="429 Too Many Requests", headers="Retry-After: 7\r\n"))
    assert "7 s" in error.next_step


def test_a_web_page_says_what_to_check():
    error = failure(reply(HTML, kind="text/html"))
    assert error.kind == "BadResponseError"
    assert "a web page" in error.message
    assert "/v1" in error.next_step


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (data({"error": {"message": "out of memory", "code": 500}}), "ServerFailedError"),
        (data({"error": "out of memory"}), "ServerFailedError"),
        (data({"detail": "out of memory"}), "ServerFailedError"),
        (data({"object": "error", "message": "out of memory", "code": 400}), "RequestRefusedError"),
        ('error: {"message": "out of memory", "code": 503}', "ServerFailedError"),
        ('data: {"choices": [{"del', "BadResponseError"),
        (delta(finish="content_filter"), "RequestRefusedError"),
    ],
)
def test_an_error_in_the_midst_keeps_the_text(line, kind):
    events = answered(stream(text("Hel"), line))
    assert text_of(events) == "Hel"
    assert events[-1].error.kind == kind
    if "memory" in line:
        assert "out of memory" in events[-1].error.message


@pytest.mark.parametrize("ending", [(CUT,), (b"",), (b"5\r\nda",)], ids=["reset", "closed", "half a chunk"])
def test_a_cut_stream_keeps_the_text(ending):
    events = answered(stream(text("Hel"), text("lo"), end=False), 0.05, *ending)
    assert text_of(events) == "Hello"
    assert events[-1].error.kind == "StreamCutError"
    assert events[-1].error.retryable


def test_a_stream_that_ends_without_an_end_is_cut():
    assert failure(stream(text("Hel"))).kind == "StreamCutError"


def test_an_empty_stream_is_no_answer():
    assert failure(stream()).kind == "BadResponseError"


def test_a_connection_closed_without_an_answer():
    error = failure(CUT)
    assert error.kind == "ConnectionFailedError"
    assert "without an answer" in error.message


def test_no_foreign_exception_escapes():
    """Whatever bytes a server answers with, the run ends with an error of our own tree."""
    good = stream(text("Hello"), data({"usage": {"prompt_tokens": 1}}), STOP, DONE)
    odd = [
        b"",
        b"\0" * 40,
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 999 What\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: ::nowhere\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        reply('{"choices": [{"delta": "text"}]}'),
        reply('{"choices": [{"delta": {"content": 5, "tool_calls": [7, {"function": null}]}}]}'),
        reply('{"choices": {"0": null}, "usage": [1]}'),
        reply('{"choices": [{"delta": {"tool_calls": [{"function": "f"}]}}]}'),
        reply('{"timings": {"prompt_per_second": "fast"}, "choices": [{"finish_reason": {"a": 1}}]}'),
        reply("[" * 100_000),
        reply('"\\ud800"'),
        stream("data: " + "\udcff".encode("utf-8", "surrogatepass").decode("latin-1")),
        *(good[:cut] for cut in range(0, len(good), 23)),
    ]
    for answer in odd:
        with ScriptedServer([answer]) as server:
            remote = RemoteChatService(server.url, first_token_timeout=5, retries=0)
            end = list(remote.stream(ask("x:m")))[-1]
            if isinstance(end, Failed):
                assert end.error.kind != "WorkbenchError", answer
                assert issubclass(getattr(errors, end.error.kind), WorkbenchError), answer
            with contextlib.suppress(WorkbenchError):
                remote.models()
            remote.close()


# Listing


@pytest.mark.parametrize(
    ("listing", "names"),
    [
        ({"object": "list", "data": [{"id": "a"}, {"id": "b"}]}, ["a", "b"]),
        ({"data": [{"name": "a"}, {"model": "b"}, {"created": 5}, "c"]}, ["a", "b", "c"]),
        ({"models": [{"name": "a"}]}, ["a"]),
        ([{"id": "a"}], ["a"]),
        ({"object": "list", "data": []}, []),
        ({"object": "list", "data": None}, []),
    ],
)
def test_lists_are_read_in_every_shape(listing, names):
    with ScriptedServer([reply(json.dumps(listing))]) as server:
        models = RemoteChatService(server.url, name="box").models()
        assert server.requests[0]["path"] == "/v1/models"
    assert [(m.id, m.name, m.provider, m.local) for m in models] == [(f"box:{n}", n, "box", False) for n in names]


@pytest.mark.parametrize("body", [HTML, "not json", '{"error": "no"}', "5"])
def test_a_list_that_is_none_is_an_error(body):
    with ScriptedServer([reply(body)]) as server, pytest.raises(errors.ServiceError):
        RemoteChatService(server.url).models()


def test_loading_fails_where_the_server_is_away():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (event,) = RemoteChatService(f"127.0.0.1:{port}").load("x:m", run="l")
    assert isinstance(event, Failed)
    assert event.run == "l"


# What is asked


def test_options_are_sent_by_the_names_servers_know():
    options = GenerationOptions(
        max_tokens=9, temperature=0.5, top_p=0.9, top_k=5, min_p=0.1, repetition_penalty=1.1, stop=("#",), seed=3,
        thinking=False,
    )  # fmt: skip
    with ScriptedServer([stream(text("Hi"), STOP, DONE)]) as server:
        end = list(
            RemoteChatService(server.url, name="box").stream(
                Request(messages=(messages.system("Be."), messages.user("hi")), model="box:org/m:4b", options=options)
            )
        )[-1]
        sent = server.requests[0]
    assert sent["path"] == "/v1/chat/completions"
    assert sent["body"] == {
        "model": "org/m:4b",
        "messages": [{"role": "system", "content": "Be."}, {"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 3,
        "stop": ["#"],
        "top_k": 5,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "repetition_penalty": 1.1,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert end.applied == options
    assert end.ignored == ()


def test_a_schema_is_sent():
    request = Request(messages=(messages.user("hi"),), model="box:m", schema={"type": "object"})
    with ScriptedServer([stream(text("{}"), STOP, DONE)]) as server:
        list(RemoteChatService(server.url, name="box").stream(request))
        sent = server.requests[0]["body"]["response_format"]
    assert sent["json_schema"]["schema"] == {"type": "object"}


def test_what_the_server_did_not_honour_is_said():
    request = ask("box:m", "hi", stop=("lo",), max_tokens=1, context_length=99)
    usage = data({"choices": [], "usage": {"completion_tokens": 2}})
    events = answered(stream(text("Hel"), text("lo"), STOP, usage, DONE), request=request)
    assert set(events[-1].ignored) == {"stop", "max_tokens", "context_length"}
    assert events[-1].applied == GenerationOptions()
    assert [e.code for e in events if isinstance(e, Notice)] == ["option_ignored"]


def test_an_option_the_server_does_not_know_is_left_out_and_said():
    refusal = reply('{"detail": "Unexpected fields in the request: {\'top_k\'}"}', status="422 Unprocessable Entity")
    with ScriptedServer([refusal], [stream(text("Hi"), STOP, DONE)]) as server:
        request = ask("box:m", top_k=5, seed=3)
        events = list(RemoteChatService(server.url, name="box").stream(request))
        assert ["top_k" in r["body"] for r in server.requests] == [True, False]
    assert [e.message for e in events if isinstance(e, Notice)] == ["top_k was ignored: box does not know it."]
    assert (text_of(events), events[-1].ignored) == ("Hi", ("top_k",))
    assert events[-1].applied == GenerationOptions(seed=3)


def test_a_value_the_server_refuses_is_no_unknown_option():
    refusal = reply('{"error": "top_k must be at least 1"}', status="400 Bad Request")
    assert failure(refusal, request=ask("box:m", top_k=5)).kind == "RequestRefusedError"


def test_without_a_model_the_first_offered_is_asked():
    with ScriptedServer([reply('{"data": [{"id": "only"}]}')]) as server:
        list(RemoteChatService(server.url, name="box").stream(ask("box:")))
        assert server.requests[-1]["body"]["model"] == "only"


def test_the_key_goes_to_the_server_and_nowhere_else(caplog, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of-another-server")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-mine")
    caplog.set_level(logging.DEBUG)
    said = json.dumps({"error": {"message": f"bad key {KEY}"}})
    with ScriptedServer([reply(said, status="400 Bad Request")]) as server:
        remote = RemoteChatService(server.url, key=KEY, name="box")
        end = list(remote.stream(ask("box:m")))[-1]
        with pytest.raises(WorkbenchError) as raised:
            remote.models()
        assert [r["headers"]["authorization"] for r in server.requests] == [f"Bearer {KEY}"] * 2
        list(RemoteChatService(server.url).stream(ask("x:m")))
        assert "of-another-server" not in str(server.requests)
        assert "org-of-mine" not in str(server.requests)
    assert "bad key" in end.error.message
    shown = [repr(remote), str(vars(raised.value)), str(raised.value), repr(end), caplog.text]
    assert not [s for s in shown if KEY in s]


@pytest.mark.parametrize("key", ["kлюч", "two words", "line\nbreak"])
def test_a_key_that_no_header_takes_is_refused_at_once(key):
    with pytest.raises(UsageError):
        RemoteChatService("http://localhost:1", key=key)


@pytest.mark.parametrize("name", ["a/b", "a:b", "", "local", "two words"])
def test_a_name_that_would_break_model_ids_is_refused(name):
    with pytest.raises(UsageError):
        RemoteChatService("http://localhost:1", name=name)


# Cancelling


def test_cancelling_before_the_answer_closes_the_connection():
    with ScriptedServer([HANG]) as server:
        remote = RemoteChatService(server.url)
        request = ask("x:m")
        events = []
        thread = threading.Thread(target=lambda: events.extend(remote.stream(request)))
        thread.start()
        assert wait_for(lambda: server.requests)
        started = time.monotonic()
        remote.cancel(request.run)
        thread.join(5)
        assert time.monotonic() - started < 1
        assert server.left.wait(5)
    assert [e.reason for e in events] == ["cancelled"]


def test_leaving_the_iterator_closes_the_connection():
    with ScriptedServer([stream(text("a"), end=False), HANG]) as server:
        iterator = RemoteChatService(server.url).stream(ask("x:m"))
        assert next(iterator).text == "a"
        iterator.close()
        assert server.left.wait(5)


def test_closing_the_service_ends_its_runs():
    with ScriptedServer([stream(text("a"), end=False), HANG]) as server:
        remote = RemoteChatService(server.url)
        iterator = remote.stream(ask("x:m"))
        next(iterator)
        threading.Thread(target=remote.close).start()
        assert next(iterator).reason == "cancelled"


def test_cancelling_one_service_leaves_the_other_alone():
    silent = [stream(text("a"), end=False), HANG]
    slow = [stream(text("b"), end=False), 0.3, more(STOP), b"0\r\n\r\n"]
    with ScriptedServer(silent) as one, ScriptedServer(slow) as two:
        first, second = RemoteChatService(one.url), RemoteChatService(two.url)
        same = ask("x:m")
        going, other = first.stream(same), second.stream(same)
        next(going), next(other)
        first.cancel(same.run)
        assert next(going).reason == "cancelled"
        assert next(other).reason == "stop"


def _metric(url, name):
    request = urllib.request.Request(url.removesuffix("v1") + "metrics", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request) as response:
        return int(next(line for line in response.read().decode().split("\n") if line.startswith(name)).split()[1])


def test_a_real_server_stops_working_when_cancelled(llama):
    options = talkative(llama, "llama:builtin")
    before = _metric(llama.url, "llamacpp:n_decode_total")
    request = ask("llama:builtin", **options)
    for event in llama.stream(request):
        if isinstance(event, TextDelta):
            llama.cancel(request.run)
    assert event.reason == "cancelled"
    assert wait_for(lambda: _metric(llama.url, "llamacpp:requests_processing") == 0)
    assert _metric(llama.url, "llamacpp:n_decode_total") - before < 300  # it would have gone on for 400 at least


def test_a_real_server_says_by_how_many_tokens_a_prompt_is_too_long(llama):
    (event,) = llama.stream(ask("llama:builtin", "hello " * 5000))
    assert "more than the context of 2,048" in event.error.message
    assert isinstance(event.error.to_error(), errors.ContextOverflowError)


def test_a_real_server_refuses_a_wrong_key(llama_url):
    service = RemoteChatService(llama_url, key="wrong")
    (event,) = service.stream(ask("x:builtin"))
    assert event.error.kind == "AuthenticationError"


def test_a_real_server_is_ready(llama):
    (event,) = llama.load("llama:builtin")
    assert isinstance(event, LoadProgress)
    assert event.seconds > 0


def test_mlx_lm_server_stops_working_when_cancelled(mlx):
    model = f"mlx:{workbench.builtin.path('safetensors').resolve()}"
    (server,) = [p for p in psutil.Process().children() if "mlx_lm" in p.cmdline()]
    request = ask(model, **talkative(mlx, model), max_tokens=20_000)
    busy = None
    for event in mlx.stream(request):
        if isinstance(event, TextDelta) and busy is None:
            busy = server.cpu_percent(interval=0.2)
            mlx.cancel(request.run)
    assert event.reason == "cancelled"
    assert busy > 20
    assert wait_for(lambda: server.cpu_percent(interval=0.2) < busy / 4)  # it would have gone on for a minute
