from __future__ import annotations

import socket
import time

import pytest

from tests.servers.natives import Natives, listed, lm_studio, ollama
from tests.servers.scripted import HANG, ScriptedServer, reply
from workbench.services import discover

KINDS = [
    ({"/props": {"default_generation_settings": {"n_ctx": 1}}}, {}, "llama-server"),
    ({}, {"server": "llama.cpp"}, "llama-server"),
    ({"/v1/models": listed("m", owned_by="vllm", max_model_len=4096), "/version": {"version": "0.11"}}, {}, "vllm"),
    ({"/v1/models": listed("m", owned_by="sglang")}, {}, "sglang"),
    ({"/readyz": {}, "/version": {"version": "v3"}}, {}, "localai"),
    ({"/health": {"status": "ok"}}, {"server": "BaseHTTP/0.6 Python/3.12"}, "mlx-server"),
]


@pytest.mark.parametrize(("answers", "options", "name"), KINDS)
def test_a_server_is_known_by_its_own_addresses(answers, options, name):
    with Natives({"/v1/models": listed("m"), **answers}, **options) as server:
        (found,) = discover.look([server.port])
    assert (found.name, found.models, found.url) == (name, 1, f"http://localhost:{server.port}/v1")


def test_ollama_and_lm_studio_are_found_among_ports_where_nothing_is():
    with ollama() as first, lm_studio() as second, ollama() as third, ScriptedServer([HANG]) as hanging:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            closed = taken.getsockname()[1]
        began = time.monotonic()
        found = discover.look([first.port, closed, second.port, hanging.port, third.port, first.port])
        assert time.monotonic() - began < 3
    assert [(f.name, f.preset, f.models) for f in found] == [
        ("ollama", "ollama", 2),
        ("lmstudio", "lmstudio", 3),
        (f"ollama-{third.port}", "ollama", 2),
    ]
    assert str(found[0]) == f"Ollama at http://localhost:{first.port}/v1: 2 models"


def test_one_that_wants_a_key_is_offered_and_says_so():
    with Natives({}, key="sk-sesame") as server:
        (found,) = discover.look([server.port])
        assert {r["headers"]["authorization"] for r in server.requests} == {"Bearer not-needed"}
    assert found.models is None
    assert "wants a key" in str(found)


@pytest.mark.parametrize("body", ["<html>", '{"status": "ok"}', "5"])
def test_what_is_no_such_server_is_not_offered(body):
    with ScriptedServer([reply(body)]) as server:
        assert discover.look([server.port]) == []


def test_the_real_llama_cpp_is_found_and_wants_its_key(llama_url):
    port = int(llama_url.removesuffix("/v1").rpartition(":")[2])
    (found,) = discover.look([port])
    assert (found.name, found.title, found.models) == ("llama-server", "llama-server", None)
