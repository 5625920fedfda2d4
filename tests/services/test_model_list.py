from __future__ import annotations

import json
import time

import pytest

from tests.servers.natives import Natives, listed
from tests.servers.scripted import CUT, HANG, ScriptedServer, reply
from workbench import errors
from workbench.services import fetch, model_list
from workbench.services.keys import Key, Secret


def key_of(url, text=None):
    return Key("box", url, "session" if text else "none", secret=Secret(text) if text else None)


def test_what_openrouter_tells_is_in_the_list():
    data = [
        {
            "id": "openai/gpt-4o-mini",
            "context_length": 128000,
            "pricing": {"prompt": "0.00000015", "completion": "0.0000006"},
            "architecture": {"input_modalities": ["text", "image"]},
        },
        {"id": "meta/llama:free", "pricing": {"prompt": "0", "completion": "0"}},
        {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "odd", "pricing": {"prompt": None}},
    ]
    with Natives({"/v1/models": {"data": data}}) as server:
        mini, free, auto, odd = model_list.ask(key_of(server.url))
    assert (mini.context_length, mini.note) == (128000, "$0.15 in, $0.60 out a million")
    assert mini.capabilities == {"vision"}
    assert (free.note, auto.note, odd.note) == ("free", "", "")


def test_the_pages_of_a_list_are_read_and_a_model_named_twice_is_there_once():
    with Natives({"/v1/models": listed("a", "b")}) as server:
        server.answers["/v1/models"] = {**listed("a", "b"), "links": {"next": "/v1/models?offset=2"}}
        models = model_list.ask(key_of(server.url))
        assert server.paths()[:2] == ["/v1/models", "/v1/models?offset=2"]
        assert len(server.paths()) <= 50, "a list that goes in circles ends"
    assert [m.name for m in models] == ["a", "b"]


@pytest.mark.parametrize(
    ("parts", "kind", "words"),
    [
        ([reply("<!doctype html><p>hi", kind="text/html")], errors.BadResponseError, "a web page"),
        ([reply('{"status": "ok"}')], errors.BadResponseError, "not the OpenAI protocol"),
        ([reply("Ollama is running", kind="text/plain")], errors.BadResponseError, "not the OpenAI protocol"),
        ([reply("404 page not found", status="404 Not Found")], errors.ServiceError, "says"),
        ([reply("{}", status="401 Unauthorized")], errors.AuthenticationError, "refused the key"),
        ([reply("", status="302 Found", headers="Location: http://evil.example/\r\n")], errors.ServiceError, "else"),
        ([CUT], errors.ConnectionFailedError, "closed the connection"),
    ],
)
def test_what_is_no_list_says_why(parts, kind, words):
    with ScriptedServer(parts) as server, pytest.raises(kind, match=words) as raised:
        model_list.ask(key_of(server.url))
    assert raised.value.next_step


def test_a_server_that_is_silent_or_never_ends_is_left_in_time():
    endless = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b'{"data": ['
    dripping = [endless, *[part for _ in range(40) for part in (b" ", 0.1)]]
    for parts in ([HANG], dripping):
        began = time.monotonic()
        with ScriptedServer(parts) as server, pytest.raises(errors.ServiceTimeoutError):
            model_list.ask(key_of(server.url), seconds=0.5)
        assert time.monotonic() - began < 6


def test_an_answer_without_end_is_left_at_a_size(monkeypatch):
    monkeypatch.setattr(fetch, "LARGEST", 100_000)
    with ScriptedServer([reply(" " * 500_000)]) as server, pytest.raises(errors.BadResponseError, match="more than"):
        model_list.ask(key_of(server.url))


def test_a_list_of_5000_models_is_read_at_once():
    with ScriptedServer([reply(json.dumps(listed(*(f"org/model-{i}" for i in range(5000)))))]) as server:
        model_list.ask(key_of(server.url))
        began = time.monotonic()
        models = model_list.ask(key_of(server.url))
        assert time.monotonic() - began < 1
    assert len(models) == 5000


def test_the_key_is_sent_and_a_server_that_quotes_it_is_not_repeated():
    body = json.dumps({"error": {"message": "Incorrect API key provided: sk-sesame."}})
    with ScriptedServer([reply(body, status="401 Unauthorized")]) as server:
        with pytest.raises(errors.AuthenticationError) as raised:
            model_list.ask(key_of(server.url, "sk-sesame"))
        assert server.requests[0]["headers"]["authorization"] == "Bearer sk-sesame"
    assert "sk-sesame" not in repr(raised.value.info)


def test_a_redirect_never_carries_the_key_elsewhere():
    with ScriptedServer([reply(json.dumps(listed("a")))]) as other:
        away = reply("", status="307 Temporary Redirect", headers=f"Location: {other.url}/models\r\n")
        with ScriptedServer([away]) as server, pytest.raises(errors.ServiceError):
            model_list.ask(key_of(server.url, "sk-sesame"))
        assert other.requests == []


@pytest.mark.parametrize(
    ("variable", "value"), [("SSL_CERT_FILE", "/nowhere/ca.pem"), ("HTTPS_PROXY", "nonsense://user:sesame@host")]
)
def test_what_the_environment_names_and_cannot_be_used_is_told(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    fetch._shared.cache_clear()
    with pytest.raises(errors.ConnectionFailedError, match="that the environment names") as raised:
        model_list.ask(key_of("https://nowhere.example/v1"))
    assert "sesame" not in repr(raised.value.info)
    fetch._shared.cache_clear()
