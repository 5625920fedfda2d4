"""The KV cache foreseen from a config is the cache that mlx-lm really fills; headers and estimates beside it."""

from __future__ import annotations

import importlib
import json
import struct
from itertools import pairwise

import pytest

from workbench import builtin
from workbench.manager import gguf_header, shapes
from workbench.manager.shape_estimates import estimate
from workbench.manager.shapes import CachedLayers, CacheShape

DENSE = {
    "hidden_size": 64,
    "num_hidden_layers": 6,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 100,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
}
CONFIGS = {
    "llama": {**DENSE, "model_type": "llama"},
    "llama_windowed": {
        **DENSE,
        "model_type": "llama",
        "sliding_window": 300,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"] * 2,
    },
    "qwen2_whose_window_is_off": {**DENSE, "model_type": "qwen2", "sliding_window": 300, "use_sliding_window": False},
    "qwen3": {**DENSE, "model_type": "qwen3"},
    "phi3_whose_window_mlx_ignores": {**DENSE, "model_type": "phi3", "sliding_window": 300, "head_dim": 16},
    "gemma2_whose_window_mlx_ignores": {
        **DENSE,
        "model_type": "gemma2",
        "sliding_window": 300,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
        "query_pre_attn_scalar": 16,
    },
    "gemma3_text": {**DENSE, "model_type": "gemma3_text", "sliding_window": 300},
    "cohere2": {**DENSE, "model_type": "cohere2", "sliding_window": 300, "layer_norm_eps": 1e-5},
    "gpt_oss": {**DENSE, "model_type": "gpt_oss", "num_local_experts": 4, "num_experts_per_tok": 2},
    "olmo3": {**DENSE, "model_type": "olmo3", "sliding_window": 300},
    "deepseek_v3_with_mla": {
        **DENSE,
        "model_type": "deepseek_v3",
        "num_key_value_heads": 4,
        "kv_lora_rank": 32,
        "q_lora_rank": None,
        "qk_rope_head_dim": 16,
        "qk_nope_head_dim": 16,
        "v_head_dim": 16,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 6,
        "moe_intermediate_size": 64,
    },
    "deepseek_v2_unpacked": {
        **DENSE,
        "model_type": "deepseek_v2",
        "num_key_value_heads": 4,
        "kv_lora_rank": 32,
        "q_lora_rank": None,
        "rope_scaling": {"type": "yarn", "factor": 1.0, "original_max_position_embeddings": 4096},
        "qk_rope_head_dim": 16,
        "qk_nope_head_dim": 16,
        "v_head_dim": 24,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 6,
        "moe_intermediate_size": 64,
    },
    "mamba": {
        "model_type": "mamba",
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "intermediate_size": 128,
        "state_size": 16,
        "conv_kernel": 4,
        "vocab_size": 100,
        "use_bias": False,
        "use_conv_bias": True,
        "time_step_rank": 4,
        "torch_dtype": "float32",
    },
    "mamba2": {
        "model_type": "mamba2",
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "intermediate_size": 128,
        "num_heads": 4,
        "head_dim": 32,
        "state_size": 16,
        "conv_kernel": 4,
        "vocab_size": 100,
        "n_groups": 1,
        "use_bias": False,
        "use_conv_bias": True,
        "time_step_rank": 4,
        "time_step_limit": [0.0, 1.0],
        "layer_norm_epsilon": 1e-5,
        "chunk_size": 64,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    },
    "qwen3_next_hybrid": {
        **DENSE,
        "model_type": "qwen3_next",
        "linear_num_value_heads": 4,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_conv_kernel_dim": 4,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "decoder_sparse_step": 1,
        "shared_expert_intermediate_size": 32,
        "mlp_only_layers": list(range(6)),
        "moe_intermediate_size": 32,
        "partial_rotary_factor": 0.5,
        "full_attention_interval": 3,
    },
    "granitemoehybrid": {
        **DENSE,
        "model_type": "granitemoehybrid",
        "layer_types": ["mamba", "mamba", "attention"] * 2,
        "embedding_multiplier": 1.0,
        "attention_multiplier": 1.0,
        "logits_scaling": 1.0,
        "residual_multiplier": 1.0,
        "mamba_n_heads": 4,
        "mamba_d_head": 32,
        "mamba_proj_bias": False,
        "mamba_d_state": 16,
        "mamba_d_conv": 4,
        "mamba_n_groups": 1,
        "mamba_conv_bias": True,
        "attention_bias": False,
        "shared_intermediate_size": 64,
        "position_embedding_type": "rope",
    },
    "lfm2": {
        **DENSE,
        "model_type": "lfm2",
        "norm_eps": 1e-5,
        "conv_bias": False,
        "conv_L_cache": 3,
        "block_dim": 64,
        "block_ff_dim": 96,
        "block_multiple_of": 32,
        "block_ffn_dim_multiplier": 1.0,
        "block_auto_adjust_ff_dim": False,
        "full_attn_idxs": [2, 5],
    },
    "gemma4_text": {
        **DENSE,
        "model_type": "gemma4_text",
        "sliding_window": 300,
        "layer_types": ["sliding_attention", "full_attention"] * 3,
        "global_head_dim": 32,
        "num_kv_shared_layers": 2,
        "hidden_size_per_layer_input": 0,
        "vocab_size_per_layer_input": 100,
        "enable_moe_block": False,
    },
}


def filled(config, tokens):
    """Bytes of a real prompt cache after so many tokens: most of them as a prompt, the last ones one by one."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.models.cache import make_prompt_cache

    module = importlib.import_module(f"mlx_lm.models.{config['model_type']}")
    model = module.Model(module.ModelArgs.from_dict(config))
    cache = make_prompt_cache(model)
    for piece in (tokens - 2, 1, 1):
        model(mx.zeros((1, piece), mx.int32), cache=cache)
        mx.eval([part.state for part in cache])
    arrays = tree_flatten([allotted(part) for part in cache])
    return sum(array.nbytes for _, array in arrays if isinstance(array, mx.array))


def allotted(part):
    """The arrays a layer's cache holds, the places not used yet among them."""
    if hasattr(part, "caches"):
        return [allotted(inner) for inner in part.caches]
    return [part.keys, part.values] if hasattr(part, "keys") else part.cache


@pytest.mark.parametrize("tokens", [40, 1100])
@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_foreseen_is_what_a_real_cache_holds(name, tokens):
    config = CONFIGS[name]
    shape = shapes.from_config(config)
    # Until its window is full, mlx-lm's rotating cache may be a step ahead.
    ahead = sum(x.count * x.token * shapes.STEP for x in shape.layers if x.window and tokens < x.window)
    assert not shape.estimated
    assert 0 <= filled(config, tokens) - shape.bytes(tokens) <= ahead


@pytest.mark.parametrize("tokens", [40, 700])
def test_a_model_on_this_disk_is_read(tokens):
    """The shipped model, loaded as mlx-lm loads it."""
    import mlx.core as mx
    from mlx_lm.models.cache import make_prompt_cache
    from mlx_lm.utils import load_model

    model, _ = load_model(builtin.path("safetensors"))
    cache = make_prompt_cache(model)
    model(mx.zeros((1, tokens), mx.int32), cache=cache)
    mx.eval([part.state for part in cache])
    assert shapes.read(builtin.path("safetensors")).bytes(tokens) == sum(
        part.keys.nbytes + part.values.nbytes for part in cache
    )


def test_a_gguf_file_says_the_same_as_its_config():
    assert shapes.read(builtin.path("gguf")) == shapes.read(builtin.path("safetensors"))


@pytest.mark.parametrize(
    ("name", "config", "bytes_a_token"),
    [
        ("Llama 3.1 8B", (32, 32, 8, 128, "llama"), 131072),
        ("Llama 3.2 3B", (28, 24, 8, 128, "llama"), 114688),
        ("Llama 3.2 1B", (16, 32, 8, 64, "llama"), 32768),
    ],
)
def test_published_figures(name, config, bytes_a_token):
    keys = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "model_type")
    shape = shapes.from_config(dict(zip(keys, config, strict=True)))
    assert shape.bytes(1024) == 1024 * bytes_a_token


def test_the_text_part_of_a_model_that_sees_is_read():
    inner = {k: v for k, v in CONFIGS["gemma3_text"].items() if k not in ("head_dim", "num_attention_heads")}
    outer = {"model_type": "gemma3", "vision_config": {"num_hidden_layers": 27}, "text_config": inner}
    shape = shapes.from_config(outer)
    assert shape.layers == (CachedLayers(5, 2 * 2 * 256 * 4, 300), CachedLayers(1, 2 * 2 * 256 * 4))


def test_layers_may_differ_in_their_heads():
    shape = shapes.from_config(
        {"model_type": "openelm", "num_transformer_layers": 2, "num_hidden_layers": 2, "head_dim": 64,
         "num_kv_heads": [3, 5]}
    )  # fmt: skip
    assert shape.bytes(256) == 256 * (3 + 5) * 2 * 64 * 2


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_hidden_layers": 4},
        {"num_hidden_layers": "many", "head_dim": 4, "num_attention_heads": 2},
        {"num_hidden_layers": True, "head_dim": 4},
        {"num_hidden_layers": 4, "hidden_size": -1, "num_attention_heads": 0},
        {"text_config": [1, 2]},
    ],
)
def test_a_config_that_does_not_say_gives_nothing(config):
    assert shapes.from_config(config) is None


def test_a_hostile_config_costs_nothing():
    huge = {"num_hidden_layers": 10**12, "num_attention_heads": 8, "head_dim": 128}
    assert shapes.from_config(huge) is None
    odd = {**DENSE, "model_type": [], "layer_types": [None, {}], "sliding_window": "wide", "dtype": 7}
    assert shapes.from_config(odd).bytes(256) == 6 * 256 * 2 * 2 * 16 * 2


def test_a_gguf_file_is_read_whatever_its_name(tmp_path):
    blob = tmp_path / "sha256-0123"
    blob.symlink_to(builtin.path("gguf"))
    assert shapes.read(blob) == shapes.read(builtin.path("gguf"))


def test_files_that_are_no_model_are_no_shape(tmp_path):
    (tmp_path / "config.json").write_text("[1")
    (tmp_path / "model.gguf").write_bytes(b"GGUF but not really")
    assert shapes.read(tmp_path) is None
    assert shapes.read(tmp_path / "model.gguf") is None
    (tmp_path / "empty").write_bytes(b"")
    assert shapes.read(tmp_path / "empty") is None
    assert shapes.read(tmp_path / "nothing") is None


def test_a_changed_file_is_read_again(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**DENSE, "model_type": "llama"}))
    before = shapes.read(tmp_path).bytes(256)
    file.write_text(json.dumps({**DENSE, "model_type": "llama", "num_hidden_layers": 12}))
    assert shapes.read(tmp_path).bytes(256) == 2 * before


def gguf(family, **values):
    facts = {f"{family}.{k.replace('__', '.')}": v for k, v in values.items()}
    return gguf_header.Header({"general.architecture": family, **facts}, None, None)


def test_a_gguf_header_with_windowed_layers():
    facts = gguf(
        "gemma3", block_count=12, embedding_length=1152, attention__head_count=4, attention__head_count_kv=1,
        attention__key_length=256, attention__value_length=256, attention__sliding_window=512,
    )  # fmt: skip
    assert shapes.from_gguf(facts).layers == (CachedLayers(10, 1024, 768), CachedLayers(2, 1024))


def test_a_gguf_header_with_recurrent_layers():
    facts = gguf(
        "granitehybrid", block_count=3, embedding_length=64, attention__head_count=4,
        attention__head_count_kv=[0, 0, 2], ssm__inner_size=128, ssm__state_size=16, ssm__conv_kernel=4,
        ssm__group_count=1,
    )  # fmt: skip
    shape = shapes.from_gguf(facts)
    assert shape.layers == (CachedLayers(1, 2 * 2 * 16 * 2),)
    assert shape.state == 2 * (3 * (128 + 32) + 128 * 16) * 4


def test_a_gguf_file_that_lists_its_layers_is_read(tmp_path):
    """Two numbers a layer for 40 layers, as hybrid models write them."""

    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    def number(key, value):
        return text(key) + struct.pack("<II", 4, value)

    def numbers(key, values):
        return text(key) + struct.pack(f"<IIQ{len(values)}I", 9, 4, len(values), *values)

    entries = [
        text("general.architecture") + struct.pack("<I", 8) + text("jamba"),
        number("jamba.block_count", 40),
        number("jamba.embedding_length", 256),
        number("jamba.attention.head_count", 4),
        numbers("jamba.attention.head_count_kv", [2 if i % 8 == 4 else 0 for i in range(40)]),
    ]
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + b"".join(entries) + bytes(64))
    assert shapes.read(file).layers == (CachedLayers(5, 2 * 2 * 64 * 2),)


def test_a_gguf_header_with_mla():
    facts = gguf(
        "deepseek2", block_count=27, attention__head_count=16, attention__kv_lora_rank=512,
        attention__key_length_mla=192, rope__dimension_count=64,
    )  # fmt: skip
    assert shapes.from_gguf(facts).bytes(256) == 256 * 27 * 576 * 2


def test_estimates_stay_near_what_configs_say():
    known = {("llama", 8.03e9): 131072, ("qwen3", 4.02e9): 147456, ("Qwen3-MoE", 30.5e9): 98304}
    for (family, parameters), token in known.items():
        shape = estimate(family, parameters)
        assert shape.estimated
        assert shape.bytes(1024) == pytest.approx(1024 * token, rel=0.02)
    assert estimate(None, 8e9) == estimate("llama", 8e9)
    assert estimate("gemma3_text", 4.3e9).bytes(65536) < estimate("gemma2", 4.3e9).bytes(65536) / 3


def test_a_larger_model_never_needs_a_smaller_cache_by_much():
    sizes = [10**8 * 2**n for n in range(13)]
    for family in ("llama", "qwen2", "gemma3", "unheard-of"):
        tokens = [estimate(family, size).bytes(256) for size in sizes]
        assert all(after > 0.9 * before for before, after in pairwise(tokens))


def test_the_states_of_recurrent_layers_do_not_grow():
    shape = CacheShape((), 5000)
    assert shape.bytes(1) == shape.bytes(10**6) == 5000
