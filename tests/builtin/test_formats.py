"""The two derived forms, read by the two frameworks: the same prompt, the same ids, the same answers."""

from __future__ import annotations

import json
import urllib.request

import pytest

import workbench.builtin as builtin

mlx_lm = pytest.importorskip("mlx_lm")
xllamacpp = pytest.importorskip("xllamacpp")

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city, naïve",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
TALKS = {
    "one": {"messages": [{"role": "user", "content": "hello"}]},
    "system": {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who are you? 😀"}]
    },
    "reasoning dropped": {
        "messages": [
            {"role": "user", "content": "what is 2 + 3"},
            {"role": "assistant", "content": "<think>\n2 + 3\n</think>\n\n2 + 3 = 5"},
            {"role": "user", "content": "plus 4"},
        ]
    },
    "no thinking": {"messages": [{"role": "user", "content": "what is 7 + 8?"}], "enable_thinking": False},
    "tools": {"messages": [{"role": "user", "content": "weather in Rome?"}], "tools": [WEATHER]},
    "tool result": {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "weather in Oslo?"},
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "1", "content": '{"sky": "clear", "temperature": 3}'},
        ],
        "tools": [WEATHER],
    },
    "story": {"messages": [{"role": "user", "content": "Tell me a long story"}]},
}


@pytest.fixture(scope="module")
def mlx():
    model, tokenizer, *_ = mlx_lm.load(str(builtin.path("safetensors")))
    return model, tokenizer


@pytest.fixture(scope="module")
def server():
    params = xllamacpp.CommonParams()
    params.model.path = str(builtin.path("gguf"))
    params.n_ctx = builtin.CONTEXT_LENGTH
    params.n_parallel = 1
    params.warmup = False
    params.verbosity = 0
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return xllamacpp.Server(params)


def post(server, path, body):
    request = urllib.request.Request(
        server.listening_address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def rendered(tokenizer, talk):
    talk = json.loads(json.dumps(talk))
    for message in talk["messages"]:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    messages = talk.pop("messages")
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **talk)


@pytest.mark.parametrize("name", TALKS)
def test_the_chat_template_renders_the_same_in_both(mlx, server, name):
    talk = dict(TALKS[name])
    ours = rendered(mlx[1], talk)
    if "enable_thinking" in talk:
        talk["chat_template_kwargs"] = {"enable_thinking": talk.pop("enable_thinking")}
    assert post(server, "/apply-template", talk)["prompt"] == ours


@pytest.mark.parametrize("name", TALKS)
def test_greedy_ids_are_the_same_in_both(mlx, server, name):
    model, tokenizer = mlx
    prompt = rendered(tokenizer, TALKS[name])
    ids = tokenizer.encode(prompt, add_special_tokens=False)
    body = {"content": prompt, "add_special": False, "parse_special": True}
    assert post(server, "/tokenize", body)["tokens"] == ids
    ours = [reply.token for reply in mlx_lm.stream_generate(model, tokenizer, ids, max_tokens=120)]
    body = {"prompt": ids, "n_predict": 120, "temperature": 0, "return_tokens": True, "cache_prompt": False}
    theirs = post(server, "/completion", body)["tokens"]
    end = tokenizer.eos_token_id
    assert ours[:1]
    assert [i for i in ours if i != end] == [i for i in theirs if i != end]


def test_earlier_reasoning_is_not_read_again(mlx):
    assert "<think>" not in rendered(mlx[1], TALKS["reasoning dropped"])


def test_turning_thinking_off_gives_an_empty_block(mlx):
    assert rendered(mlx[1], TALKS["no thinking"]).endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert rendered(mlx[1], TALKS["one"]).endswith("<|im_start|>assistant\n")


def test_mlx_lm_knows_its_thinking_and_its_tool_calls(mlx):
    tokenizer = mlx[1]
    assert (tokenizer.think_start, tokenizer.think_end) == ("<think>", "</think>")
    assert tokenizer.has_tool_calling
    assert tokenizer.tool_parser('{"name": "now", "arguments": {}}') == {"name": "now", "arguments": {}}


def test_llama_cpp_knows_its_tool_calls(server):
    body = {**TALKS["tools"], "temperature": 0, "max_tokens": 100}
    message = server.handle_chat_completions(body)["choices"][0]["message"]
    call = message["tool_calls"][0]["function"]
    assert call["name"] == "get_weather"
    assert json.loads(call["arguments"]) == {"city": "Rome"}


def test_llama_cpp_splits_off_its_thinking(server):
    body = {"messages": [{"role": "user", "content": "What is 17 + 25?"}], "temperature": 0, "max_tokens": 200}
    message = server.handle_chat_completions(body)["choices"][0]["message"]
    assert "17 + 25" in message["reasoning_content"]
    assert "<think>" not in message["content"]
    assert "42" in message["content"]


def test_digits_are_single_tokens(mlx):
    tokenizer = mlx[1]
    digits = {tokenizer.encode(str(d), add_special_tokens=False)[0] for d in range(10)}
    assert sum(i in digits for i in tokenizer.encode("12345 and 678", add_special_tokens=False)) == 8


def test_it_stays_itself_near_the_end_of_its_context(mlx):
    model, tokenizer = mlx
    turn = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "Hello! How can I help you?"}]
    for turns in range(150, 10, -5):
        talk = [*turn * turns, {"role": "user", "content": "what is your name"}]
        ids = tokenizer.apply_chat_template(talk, add_generation_prompt=True)
        if len(ids) <= builtin.CONTEXT_LENGTH - 60:
            break
    assert len(ids) > 0.9 * builtin.CONTEXT_LENGTH
    said = "".join(reply.text for reply in mlx_lm.stream_generate(model, tokenizer, ids, max_tokens=50))
    assert "builtin" in said


def test_a_long_story_is_long_and_ends(mlx):
    model, tokenizer = mlx
    ids = tokenizer.apply_chat_template(TALKS["story"]["messages"], add_generation_prompt=True)
    replies = list(mlx_lm.stream_generate(model, tokenizer, ids, max_tokens=1500))
    assert len(replies) > 400
    assert replies[-1].finish_reason == "stop"
