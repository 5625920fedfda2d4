"""How much a model's KV cache takes, read from its config.json or GGUF header. Knows no engine, only how they allot.

    full attention    2 x KV heads x head dimension x bytes a token and layer, for every token
    sliding window    the same, up to the window
    MLA               (kv_lora_rank + qk_rope_head_dim) x bytes a token and layer
    recurrent layers  one state, however long the context

What a config says that is not understood here counts as full attention: rather too much than too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from workbench.errors import ModelFilesError
from workbench.manager import gguf_header

Kind: TypeAlias = Literal["full", "window", "state", "none"]
"""What a layer keeps: every token, the last ones, a state of fixed size, nothing (or what another layer keeps)."""

STEP = 256
"""Tokens by which engines let a cache grow: mlx-lm's ``KVCache.step``, llama.cpp's padding of a context."""
MOST_LAYERS = 4096
"""More layers than any model has: a file that names more is not believed."""
WINDOW_SPARE = 128
"""Tokens beyond its window that llama.cpp keeps in a sliding layer: the piece of a prompt it reads at once."""

_NAMED: dict[str, Kind] = {
    "full_attention": "full",
    "attention": "full",
    "hybrid": "full",
    "sliding_attention": "window",
    "chunked_attention": "window",
    "local_attention": "window",
    "linear_attention": "state",
    "mamba": "state",
    "mamba2": "state",
    "conv": "state",
    "recurrent": "state",
    "mlp": "none",
    "moe": "none",
}
"""The names in `layer_types` and its like."""
_WINDOWED = {
    "afmoe": None, "cohere2": 4, "exaone4": 4, "exaone_moe": None, "gemma3": 6, "gemma3_text": 6, "gemma3n": None,
    "gemma3n_text": None, "gemma4": 5, "gemma4_text": 5, "gpt_oss": 2, "iquestcoder": None, "laguna": None,
    "llama": None, "llama4": 4, "llama4_text": 4, "mellum": None, "ministral3": None, "mistral": None,
    "mistral3": None, "olmo3": 4, "recurrent_gemma": None, "step3p5": None,
}  # fmt: skip
"""The `model_type` to which mlx-lm gives windowed caches, and which layer has a whole one (every sixth, say) where the
config does not list them. Others get whole caches there even if their config names a window: gemma2, phi3, qwen2."""
_RECURRENT = {"mamba", "mamba2", "falcon_mamba", "rwkv7"}
_UNPACKED = {"deepseek_v2", "minicpm3"}
"""They have MLA, but mlx-lm keeps their keys and values unpacked."""
_GGUF_WINDOWED = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gemma4": 6, "gpt-oss": 2, "cohere2": 4, "olmo2": 4, "exaone4": 4,
    "llama4": 4,
}  # fmt: skip
"""GGUF architectures with windowed layers in llama.cpp, and which layer is whole. Their files seldom say it."""
_GGUF_RECURRENT = {"mamba", "mamba2", "rwkv6", "rwkv7", "arwkv7"}
_DEFAULTS: dict[str, dict[str, int]] = {
    "gemma3": {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256},
    "gemma3_text": {"head_dim": 256},
    "gpt_oss": {"head_dim": 64, "sliding_window": 128},
}
"""What a config may leave out, because the architecture says it."""


class CachedLayers(msgspec.Struct, frozen=True):
    """Layers alike in what they keep."""

    count: int
    token: int
    """Bytes a token in one layer."""
    window: int | None = None
    """Most tokens kept; ``None`` for all."""


class CacheShape(msgspec.Struct, frozen=True):
    """What a model keeps of the tokens it has read."""

    layers: tuple[CachedLayers, ...]
    state: int = 0
    """Bytes that do not grow: the states of recurrent layers."""
    estimated: bool = False
    """Whether it was derived from models like this one, not read from the model's own files."""

    def bytes(self, context: int) -> int:
        """Bytes held once `context` tokens were read."""
        tokens = -(-context // STEP) * STEP
        grown = sum(layer.count * layer.token * min(tokens, layer.window or tokens) for layer in self.layers)
        return grown + self.state


def read(path: Path) -> CacheShape | None:
    """The shape of a model folder or GGUF file, remembered until the file changes; ``None`` when it does not say."""
    source = path / "config.json" if path.is_dir() else path
    try:
        facts = source.stat()
        key = (source, facts.st_mtime_ns, facts.st_size)
        if key not in _read:
            _read[key] = _shape_of(source)
        return _read[key]
    except (OSError, ValueError, ModelFilesError, msgspec.DecodeError):
        return None


_read: dict[tuple[Path, int, int], CacheShape | None] = {}


def _shape_of(source: Path) -> CacheShape | None:
    if source.name == "config.json":
        return from_config(msgspec.json.decode(source.read_bytes(), type=dict[str, Any]))
    return from_gguf(gguf_header.read(source, tensors=False))  # whatever its name: Ollama's files have no ending


def from_config(config: Mapping[str, Any]) -> CacheShape | None:
    """The shape that a config.json describes, as mlx-lm allots it; ``None`` when it lacks layers or heads."""
    text = config.get("text_config") or config.get("llm_config")
    facts: dict[str, Any] = {**config, **text} if isinstance(text, dict) else dict(config)
    family = str(facts.get("model_type") or "")
    if isinstance(text, dict) and family not in _WINDOWED:
        family = str(config.get("model_type") or family)
    facts = {**_DEFAULTS.get(family, {}), **facts}
    layers = _number(facts, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    if layers is None or layers > MOST_LAYERS:
        return None
    kinds = _kinds(facts, family, layers)[: layers - (_number(facts, "num_kv_shared_layers") or 0)]
    width = 4 if str(facts.get("dtype") or facts.get("torch_dtype")) == "float32" else 2
    state = kinds.count("state") * _state(facts, width)
    if "full" not in kinds and "window" not in kinds:
        return CacheShape((), state)
    tokens = _token_sizes(facts, family, layers, width)
    if tokens is None:
        return None
    if kinds.count("full") == layers and (family == "falcon_h1" or "hybrid" in _list(facts.get("layer_types"))):
        state = layers * _state(facts, width)  # its layers have both
    window = _number(facts, "attention_window_size", "attention_chunk_size", "sliding_window", "sliding_window_size")
    return CacheShape(_grouped(zip(kinds, tokens, strict=False), window), state)


def from_gguf(header: gguf_header.Header) -> CacheShape | None:
    """The shape that a GGUF header describes, as llama.cpp allots it; ``None`` when it lacks layers or heads."""
    family = header.fact("general.architecture", str)
    layers = header.fact("{arch}.block_count", int)
    if not family or not layers or not 0 < layers <= MOST_LAYERS:
        return None
    if family in _GGUF_RECURRENT:
        return CacheShape((), layers * _gguf_state(header))
    width = 4 if header.fact("general.file_type", int) == 0 else 2
    rank = header.fact("{arch}.attention.kv_lora_rank", int)
    if rank and header.fact("{arch}.attention.key_length_mla", int):
        token = (rank + (header.fact("{arch}.rope.dimension_count", int) or 0)) * width
        return CacheShape((CachedLayers(layers, token),))
    heads = _per_layer(header, "{arch}.attention.head_count", layers)
    kv_heads = _per_layer(header, "{arch}.attention.head_count_kv", layers) or heads
    embedding = header.fact("{arch}.embedding_length", int)
    default = embedding // max(heads) if embedding and heads and max(heads) else None
    keys = header.fact("{arch}.attention.key_length", int) or default
    values = header.fact("{arch}.attention.value_length", int) or keys
    if not kv_heads or not keys or not values:
        return None
    window = header.fact("{arch}.attention.sliding_window", int)
    kinds = _gguf_kinds(header, family, layers, window)
    tokens = [n * (keys + values) * width for n in kv_heads]
    interval = header.fact("{arch}.full_attention_interval", int)
    for i in range(layers):
        if not kv_heads[i] or (interval and (i + 1) % interval):
            kinds[i] = "state"
    reach = None if window is None else -(-(window + WINDOW_SPARE) // STEP) * STEP
    state = kinds.count("state") * _gguf_state(header)
    return CacheShape(_grouped(zip(kinds, tokens, strict=True), reach), state)


def _kinds(facts: Mapping[str, Any], family: str, layers: int) -> list[Kind]:
    """What each layer keeps."""
    if family in _RECURRENT:
        return ["state"] * layers
    named = facts.get("layer_types") or facts.get("layers_block_type") or facts.get("block_types")
    pattern = facts.get("hybrid_override_pattern")
    every = _number(facts, "full_attention_interval", "layer_group_size")
    kinds: list[Kind]
    if isinstance(named, list) and named:
        kinds = [_NAMED.get(str(named[i % len(named)]), "full") for i in range(layers)]
    elif isinstance(pattern, str) and pattern:  # nemotron_h: M for Mamba, * for attention, - for neither
        kinds = ["state" if c == "M" else "full" if c == "*" else "none" for c in pattern]
    elif isinstance(facts.get("full_attn_idxs"), list):
        kinds = ["full" if i in facts["full_attn_idxs"] else "state" for i in range(layers)]
    elif isinstance(facts.get("linear_attn_config"), dict):  # kimi_linear counts its layers from 1
        whole = _list(facts["linear_attn_config"].get("full_attn_layers"))
        kinds = ["full" if i + 1 in whole else "state" for i in range(layers)]
    elif _number(facts, "attn_layer_period"):
        period, offset = facts["attn_layer_period"], facts.get("attn_layer_offset", 0)
        kinds = ["full" if i % period == offset else "state" for i in range(layers)]
    elif every:
        last = layers // every * every if "layer_group_size" in facts else layers
        kinds = ["full" if (i + 1) % every == 0 or i >= last else "state" for i in range(layers)]
    else:
        kinds = _patterned(facts, family, layers)
    if family == "recurrent_gemma":
        kinds = ["window" if kind == "full" else kind for kind in kinds]
    return kinds if family in _WINDOWED else ["full" if kind == "window" else kind for kind in kinds]


def _patterned(facts: Mapping[str, Any], family: str, layers: int) -> list[Kind]:
    """A whole layer after so many windowed ones."""
    pattern = facts.get("sliding_window_pattern")
    if isinstance(pattern, str) and pattern:  # exaone4: "LLLG"
        return ["full" if pattern[i % len(pattern)] == "G" else "window" for i in range(layers)]
    every = (_number(facts, "sliding_window_pattern") or _WINDOWED.get(family)) if family in _WINDOWED else None
    return ["window" if every and (i + 1) % every else "full" for i in range(layers)]


def _token_sizes(facts: Mapping[str, Any], family: str, layers: int, width: int) -> list[int] | None:
    """Bytes a token in each layer."""
    rank, rope = _number(facts, "kv_lora_rank"), _number(facts, "qk_rope_head_dim")
    heads = _number(facts, "num_attention_heads", "n_head", "n_heads", "num_heads")
    hidden = _number(facts, "hidden_size", "n_embd", "d_model", "dim", "model_dim")
    if rank and rope and family not in _UNPACKED:
        return [(rank + rope) * width] * layers
    if rank and rope and heads:
        keys, values = (_number(facts, "qk_nope_head_dim") or 0) + rope, _number(facts, "v_head_dim")
        values = values or (hidden or 0) // heads
        return [heads * (keys + values) * width] * layers
    head = _number(facts, "head_dim", "attention_head_dim") or (hidden // heads if hidden and heads else None)
    if head is None:
        return None
    listed = facts.get("num_key_value_heads") or facts.get("num_kv_heads")
    if isinstance(listed, list) and len(listed) == layers and all(isinstance(n, int) for n in listed):
        return [2 * n * head * width for n in listed]
    kv_heads = _number(facts, "num_key_value_heads", "num_kv_heads", "n_kv_heads", "n_head_kv")
    kv_heads = kv_heads or (1 if facts.get("multi_query") else heads)
    if kv_heads is None:
        return None
    sizes = [2 * kv_heads * head * width] * layers
    wide = _number(facts, "global_head_dim")  # gemma4: its whole layers have heads of another size
    if wide:
        alike = facts.get("attention_k_eq_v") and _number(facts, "num_global_key_value_heads")
        whole = 2 * (alike or kv_heads) * wide * width
        kinds = _kinds(facts, family, layers)
        sizes = [whole if kind == "full" else size for kind, size in zip(kinds, sizes, strict=False)]
    return sizes


def _state(facts: Mapping[str, Any], width: int) -> int:
    """Bytes of one recurrent layer's state: the convolution's last inputs, and what they were folded into."""
    heads, head = _number(facts, "linear_num_value_heads"), _number(facts, "linear_value_head_dim")
    if heads and head:  # a gated delta net; its state is in 32 bits
        keys = _number(facts, "linear_key_head_dim") or head
        mixed = 2 * (_number(facts, "linear_num_key_heads") or heads) * keys + heads * head
        return ((_number(facts, "linear_conv_kernel_dim") or 4) - 1) * mixed * width + heads * head * keys * 4
    hidden = _number(facts, "hidden_size", "d_model") or 0
    kernel = _number(facts, "conv_kernel", "mamba_d_conv", "d_conv", "conv_L_cache") or 4
    size = _number(facts, "state_size", "mamba_d_state", "ssm_state_size", "d_state") or 0
    heads, head = (
        _number(facts, "mamba_n_heads", "mamba_num_heads", "num_heads"),
        _number(facts, "mamba_d_head", "mamba_head_dim", "head_dim"),
    )
    if size and heads and head:  # Mamba 2
        groups = _number(facts, "mamba_n_groups", "n_groups") or 1
        return ((kernel - 1) * (heads * head + 2 * groups * size) + heads * head * size) * width
    expand = _number(facts, "mamba_expand", "expand") or 2
    named = ("d_inner", "intermediate_size") if "state_size" in facts else ("d_inner",)
    inner = _number(facts, *named) or expand * hidden
    return ((kernel - 1) * (inner if size else hidden) + inner * size) * width


def _gguf_kinds(header: gguf_header.Header, family: str, layers: int, window: int | None) -> list[Kind]:
    pattern = header.values.get(f"{family}.attention.sliding_window_pattern")
    if window and isinstance(pattern, list) and len(pattern) == layers:
        return ["window" if windowed else "full" for windowed in pattern]
    every = (pattern if isinstance(pattern, int) and pattern > 0 else None) or _GGUF_WINDOWED.get(family)
    return ["window" if window and every and (i + 1) % every else "full" for i in range(layers)]


def _gguf_state(header: gguf_header.Header) -> int:
    """llama.cpp keeps recurrent states in 32 bits."""
    inner, size = header.fact("{arch}.ssm.inner_size", int), header.fact("{arch}.ssm.state_size", int)
    kernel = header.fact("{arch}.ssm.conv_kernel", int) or header.fact("{arch}.shortconv.l_cache", int)
    groups = header.fact("{arch}.ssm.group_count", int) or 0
    inner = inner or header.fact("{arch}.embedding_length", int) or 0
    return ((max(1, kernel or 1) - 1) * (inner + 2 * groups * (size or 0)) + inner * (size or 0)) * 4


def _per_layer(header: gguf_header.Header, name: str, layers: int) -> list[int]:
    """A number for each layer, whether the file gives one for all or a list."""
    listed, one = header.fact(name, list), header.fact(name, int)
    if isinstance(listed, list) and len(listed) == layers and all(isinstance(n, int) for n in listed):
        return listed
    return [one] * layers if one is not None else []


def _grouped(layers: Iterable[tuple[Kind, int]], window: int | None) -> tuple[CachedLayers, ...]:
    """Layers alike counted together."""
    counts: dict[tuple[int, int | None], int] = {}
    for kind, token in layers:
        if kind in ("full", "window"):
            key = (token, window if kind == "window" else None)
            counts[key] = counts.get(key, 0) + 1
    return tuple(CachedLayers(count, token, reach) for (token, reach), count in counts.items())


def _number(facts: Mapping[str, Any], *names: str) -> int | None:
    """The first of these that is a positive whole number."""
    for name in names:
        value = facts.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
