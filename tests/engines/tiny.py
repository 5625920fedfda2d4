"""Tiny models of each kind of cache, made on the spot: random weights, the shipped tokenizer and chat template.

    llama        every layer can go back
    gemma3_text  sliding windows of 64 tokens beside layers that see everything
    mamba2       a recurrent state, which never goes back
    qwen3_next   recurrent layers beside layers that see everything

They write words that the tokenizer reads back as the tokens they were written with, as trained models do, and never
end an answer by themselves.
"""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import workbench.builtin

WINDOW = 64
CONTEXT = 8192
_COMMON = {
    "vocab_size": 1280,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "bos_token_id": 1,
    "eos_token_id": 3,
}
KINDS = {
    "llama": {"hidden_act": "silu"},
    "gemma3_text": {"sliding_window": WINDOW, "sliding_window_pattern": 2, "query_pre_attn_scalar": 16},
    "mamba2": {
        "num_heads": 4,
        "head_dim": 16,
        "state_size": 16,
        "layer_norm_epsilon": 1e-5,
        "conv_kernel": 4,
        "n_groups": 1,
        "use_bias": False,
        "use_conv_bias": True,
        "time_step_limit": [0.001, 10.0],
        "time_step_rank": "auto",
    },
    "qwen3_next": {
        "linear_num_value_heads": 4,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_conv_kernel_dim": 4,
        "num_experts": 0,
        "num_experts_per_tok": 1,
        "decoder_sparse_step": 1,
        "shared_expert_intermediate_size": 32,
        "mlp_only_layers": [],
        "moe_intermediate_size": 32,
        "partial_rotary_factor": 0.5,
        "full_attention_interval": 2,
    },
}


def make(kind: str, folder: Path, *, seed: int = 0, **shape: object) -> Path:
    """Write a model of a kind to a folder; `shape` changes its config. Gives the folder."""
    import mlx.core as mx
    from mlx.utils import tree_flatten

    config = {"model_type": kind} | _COMMON | KINDS[kind] | shape
    module = importlib.import_module(f"mlx_lm.models.{kind}")
    mx.random.seed(seed)
    model = module.Model(module.ModelArgs.from_dict(config))

    folder.mkdir(parents=True, exist_ok=True)
    shipped = workbench.builtin.path("safetensors")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(Path(shipped) / name, folder / name)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    words = [at for name, at in vocabulary.items() if name[0] == "Ġ" and name[1:].isascii() and name[1:].isalpha()]
    rows = mx.zeros(model.lm_head.weight.shape)
    rows[mx.array(words)] = mx.random.normal((len(words), rows.shape[1]))
    model.lm_head.weight = rows

    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())))
    (folder / "config.json").write_text(json.dumps(config))
    return folder
