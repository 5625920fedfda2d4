from __future__ import annotations

import time

import pytest

from tests.servers.natives import Natives, listed, lm_studio, ollama
from tests.services.conftest import KEY
from workbench.services import extras, model_list
from workbench.services.keys import Key, Secret


def filled(server, name="box"):
    key = Key(name, server.url)
    return {model.name: model for model in extras.fill(key, model_list.ask(key))}


def test_ollama_tells_sizes_quantization_contexts_and_what_is_loaded():
    with ollama() as server:
        models = filled(server, "ollama")
    llama, qwen = models["llama3.2:latest"], models["qwen3:4b"]
    assert (llama.size, llama.quantization, llama.format) == (2019393189, "Q4_K_M", "gguf")
    assert (llama.parameters, llama.architecture) == (3212749888, "llama")
    assert llama.capabilities == {"tools"}
    # Loaded, its context is the one it was loaded with: what is longer is dropped in silence.
    assert (llama.status, llama.context_length, llama.note) == ("loaded", 4096, "up to 131,072 tokens")
    assert (qwen.status, qwen.context_length, qwen.note) == ("ready", 40960, "")
    assert (qwen.parameters, qwen.capabilities) == (4_000_000_000, {"tools", "reasoning"})


def test_lm_studio_tells_what_is_loaded_and_the_contexts():
    with lm_studio() as server:
        models = filled(server)
    qwen, vision, embed = models.values()
    assert (qwen.status, qwen.context_length, qwen.note) == ("loaded", 8192, "up to 40,960 tokens")
    assert (qwen.format, qwen.quantization, qwen.architecture) == ("safetensors", "4bit", "qwen3")
    assert qwen.capabilities == {"tools"}
    assert (vision.status, vision.context_length, vision.capabilities) == ("ready", 32768, {"vision"})
    assert embed.capabilities == {"embeddings"}


def test_the_real_llama_cpp_tells_its_context_and_that_it_is_loaded(llama_url):
    key = Key("llama", llama_url, "session", secret=Secret(KEY))
    (model,) = extras.fill(key, model_list.ask(key))
    assert (model.id, model.status, model.format) == ("llama:builtin", "loaded", "gguf")
    assert model.context_length == 2048
    assert model.size
    assert model.parameters


def test_llama_cpps_props_tell_the_context_it_was_started_with():
    props = {"default_generation_settings": {"n_ctx": 2048}, "modalities": {"vision": True}, "is_sleeping": False}
    meta = {"n_ctx_train": 32768, "n_params": 3_400_000, "size": 6_800_000}
    with Natives({"/v1/models": listed("builtin", meta=meta), "/props": props}) as server:
        (model,) = filled(server).values()
    assert (model.status, model.context_length, model.note) == ("loaded", 2048, "up to 32,768 tokens")
    assert (model.parameters, model.size, model.capabilities) == (3_400_000, 6_800_000, {"vision"})


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"/api/tags": {"models": None}, "/api/ps": [], "/props": "no", "/api/v0/models": {"data": [1, {"id": 5}]}},
        {"/api/tags": {"models": [{"name": "a", "details": 3, "size": "big"}]}, "/api/show": {"model_info": []}},
        {"/api/tags": 500, "/api/ps": 401, "/props": {"default_generation_settings": None}},
    ],
)
def test_what_a_server_does_not_tell_is_left_out(answers):
    with Natives({"/v1/models": listed("a", "b"), **answers}) as server:
        models = filled(server)
    assert [(m.id, m.status, m.size, m.context_length) for m in models.values()] == [
        ("box:a", "ready", None, None),
        ("box:b", "ready", None, None),
    ]


def test_a_server_that_hangs_on_its_extras_costs_a_second_at_most():
    with ollama() as server:
        server.delays |= {"/api/ps": 5.0, "/props": 5.0, "/api/v0/models": 5.0}
        began = time.monotonic()
        models = filled(server)
        assert time.monotonic() - began < 2.5
    assert models["llama3.2:latest"].size == 2019393189


def test_only_servers_nearby_are_asked_more(monkeypatch):
    asked = []
    monkeypatch.setattr(extras, "_told", lambda *args: asked.append(args) or {})
    (model,) = model_list_of("a")
    assert extras.fill(Key("openai", "https://api.openai.com/v1"), [model]) == [model]
    assert asked == []


def model_list_of(*names):
    with Natives({"/v1/models": listed(*names)}) as server:
        return model_list.ask(Key("openai", server.url))
