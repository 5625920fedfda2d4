"""Foreign encodings and model lists, as servers send them."""

from __future__ import annotations

import json

import pytest

from tests.servers.scripted import DONE, ScriptedServer, data, delta, reply, stream, text
from tests.services.contract import ask
from tests.services.contract import text as text_of
from workbench import errors
from workbench.services.remote import RemoteChatService

SAID = "Grüße, señor ½"


def encoded(body, charset, kind):
    raw = body.encode(charset)
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw


def heard(answer):
    with ScriptedServer([answer]) as server:
        return list(RemoteChatService(server.url, name="box", retries=0).stream(ask("box:m")))


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "utf-16", "UTF-16LE", "no-such-charset"])
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_a_declared_encoding_is_honoured(charset, kind):
    whole = {"choices": [{"message": {"content": SAID}, "finish_reason": "stop"}]}
    line = json.dumps(whole, ensure_ascii=False)
    body = line if kind == "application/json" else f"data: {line}\n\n{DONE}\n\n"
    used = "utf-8" if charset == "no-such-charset" else charset
    events = heard(encoded(body, used, f"{kind}; charset={charset}"))
    assert (text_of(events), events[-1].reason) == (SAID, "stop")


def test_bytes_that_are_no_text_do_not_lose_the_answer():
    line = f"data: {json.dumps({'choices': [{'delta': {'content': 'né'}}]}, ensure_ascii=False)}\n\n"
    body = line + delta(finish="stop") + "\n\n"
    events = heard(encoded(body, "latin-1", "text/event-stream"))
    assert (text_of(events), events[-1].reason) == ("n\ufffd", "stop")


def test_a_byte_order_mark_is_no_text():
    events = heard(encoded("\ufeff" + text("Hi") + "\n\n" + delta(finish="stop"), "utf-8", "text/event-stream"))
    assert text_of(events) == "Hi"


def test_an_error_in_a_foreign_encoding_is_read():
    raw = json.dumps({"error": "zu heiß"}, ensure_ascii=False).encode("utf-16")
    head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-16\r\n"
    (end,) = heard(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
    assert "zu heiß" in end.error.message


# Model lists


def test_a_list_in_pages_is_read_to_its_end():
    first = {"data": [{"id": "a", "context_length": 4096}], "links": {"next": "/v1/models?offset=1&limit=1"}}
    last = {"data": [{"id": "b"}], "links": {"next": None}}
    with ScriptedServer([reply(json.dumps(first))], [reply(json.dumps(last))]) as server:
        models = RemoteChatService(server.url).models()
        assert [r["path"] for r in server.requests] == ["/v1/models", "/v1/models?offset=1&limit=1"]
    assert [(m.name, m.context_length) for m in models] == [("a", 4096), ("b", None)]


def test_pages_without_end_are_left():
    page = {"data": [{"id": "a"}], "links": {"next": "/v1/models?offset=1"}}
    with ScriptedServer([reply(json.dumps(page))]) as server:
        assert 1 < len(RemoteChatService(server.url).models()) <= 50


def test_a_list_of_five_thousand():
    listing = {"data": [{"id": f"org/model-{n}", "created": n, "description": "x" * 500} for n in range(5000)]}
    with ScriptedServer([reply(json.dumps(listing))]) as server:
        assert len(RemoteChatService(server.url).models()) == 5000


def test_a_list_beyond_measure_is_refused(monkeypatch):
    monkeypatch.setattr("workbench.services.openai_wire.LONGEST_LIST", 1 << 20)
    long = reply(json.dumps({"data": [{"id": "x" * 2_000_000}]}))
    with ScriptedServer([long]) as server, pytest.raises(errors.BadResponseError, match="1 MiB"):
        RemoteChatService(server.url).models()


# A model that went between listing and sending


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("404 Not Found", {"error": {"message": 'model "m" not found, try pulling it first', "type": "api_error"}}),
        ("404 Not Found", {"error": {"message": "The model `m` does not exist.", "type": "NotFoundError"}}),
        ("404 Not Found", {"error": {"message": "No endpoints found for m.", "code": 404}}),
        ("400 Bad Request", {"error": {"message": "m is not a valid model ID", "code": 400}}),
        ("400 Bad Request", {"error": {"message": "No models loaded. Please load a model."}}),
        ("400 Bad Request", {"error": {"message": "gone", "code": "model_not_found"}}),
        ("404 Not Found", {"detail": "Model m was not found"}),
    ],
)
def test_a_model_that_vanished_is_named_as_such(status, body):
    (end,) = heard(reply(json.dumps(body), status=status))
    assert end.error.kind == "ModelNotFoundError"
    assert "wb.models()" in end.error.next_step


@pytest.mark.parametrize(
    ("word", "reason"),
    [("eos", "stop"), ("MAX_TOKENS", "length"), ("end_turn", "stop"), ({"type": "length"}, "length"), (7, "stop")],
)
def test_the_end_has_many_names(word, reason):
    end = heard(stream(text("Hi"), data({"choices": [{"delta": {}, "finish_reason": word}]}), DONE))[-1]
    assert end.reason == reason


@pytest.mark.parametrize(
    ("word", "kind"),
    [("error", "ServerFailedError"), ("abort", "ServerFailedError"), ("SAFETY", "RequestRefusedError")],
)
def test_some_ends_are_failures(word, kind):
    events = heard(stream(text("Hi"), delta(finish=word), DONE))
    assert (text_of(events), events[-1].error.kind) == ("Hi", kind)


def test_an_error_inside_a_choice_is_one():
    choice = {"delta": {}, "error": {"message": "provider fell over", "code": 500}}
    assert "fell over" in heard(stream(text("Hi"), data({"choices": [choice]}), DONE))[-1].error.message
