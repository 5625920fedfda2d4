"""Reads and writes the two weight formats with numpy alone: safetensors (fp16, fp32) and GGUF (fp32).

    safetensors   u64 length of the header | JSON header | tensors, back to back
    GGUF          magic, version, counts | typed key-values | tensor infos | padding | tensors, each aligned to 32

It knows the layout of a Llama with a byte-level BPE tokenizer, and nothing of who made or runs it.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

Tensors: TypeAlias = dict[str, npt.NDArray[Any]]

DTYPES: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
ALIGNMENT = 32
UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9  # GGUF's tags of value types
INT32 = 5
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4  # GGUF's kinds of tokens
MODEL_KEYS = (
    ("token_embd", "model.embed_tokens"),
    ("output_norm", "model.norm"),
)
LAYER_KEYS = (
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
)


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """The tensors a safetensors file names: dtype, shape and offsets of each."""
    with path.open("rb") as file:
        return _header(file)[0]


def read_safetensors(path: Path) -> Tensors:
    """All tensors of a safetensors file, in the dtypes it holds."""
    with path.open("rb") as file:
        header, start = _header(file)
        file.seek(start)
        data = file.read()
    tensors: Tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[first:last], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def write_safetensors(path: Path, tensors: Tensors) -> None:
    """Write fp16 or fp32 tensors as one safetensors file."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor).tobytes())


def write_gguf(
    path: Path, config: dict[str, Any], tokenizer: dict[str, Any], chat_template: str, tensors: Tensors
) -> None:
    """Write a Llama (`config.json`, `tokenizer.json`, its template, fp32 tensors by their hub names) as GGUF."""
    weights = gguf_tensors(config, tensors)
    values = gguf_values(config, tokenizer, chat_template)
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(values)))
        for key, (tag, value) in values.items():
            file.write(_string(key) + struct.pack("<I", tag) + _value(tag, value))
        offset = 0
        for name, tensor in weights.items():
            shape = tensor.shape[::-1]
            file.write(_string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset))
            offset += tensor.nbytes + -tensor.nbytes % ALIGNMENT
        file.write(b"\0" * (-file.tell() % ALIGNMENT))
        for tensor in weights.values():
            file.write(tensor.tobytes() + b"\0" * (-tensor.nbytes % ALIGNMENT))


def gguf_tensors(config: dict[str, Any], tensors: Tensors) -> Tensors:
    """The tensors under their GGUF names; q and k rows reordered for interleaved rotary embeddings."""
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    pairs = [*MODEL_KEYS]
    for layer in range(config["num_hidden_layers"]):
        pairs += [(f"blk.{layer}.{ours}", f"model.layers.{layer}.{theirs}") for ours, theirs in LAYER_KEYS]
    out: Tensors = {}
    for ours, theirs in pairs:
        tensor = tensors[f"{theirs}.weight"]
        n = heads.get(ours.rpartition(".")[2])
        if n:
            rows, columns = tensor.shape
            tensor = tensor.reshape(n, 2, rows // n // 2, columns).swapaxes(1, 2).reshape(rows, columns)
        out[f"{ours}.weight"] = np.ascontiguousarray(tensor, np.float32)
    return out


def gguf_values(config: dict[str, Any], tokenizer: dict[str, Any], chat_template: str) -> dict[str, tuple[int, Any]]:
    """The key-values of the file: (type tag, value) by key."""
    added = {token["content"]: token for token in tokenizer["added_tokens"]}
    ids = tokenizer["model"]["vocab"] | {content: token["id"] for content, token in added.items()}
    tokens = sorted(ids, key=lambda token: int(ids[token]))
    kinds = [(CONTROL if added[t]["special"] else USER_DEFINED) if t in added else NORMAL for t in tokens]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    return {
        "general.architecture": (STRING, "llama"),
        "general.name": (STRING, "builtin"),
        "general.file_type": (UINT32, 0),
        "llama.context_length": (UINT32, config["max_position_embeddings"]),
        "llama.embedding_length": (UINT32, config["hidden_size"]),
        "llama.block_count": (UINT32, config["num_hidden_layers"]),
        "llama.feed_forward_length": (UINT32, config["intermediate_size"]),
        "llama.attention.head_count": (UINT32, config["num_attention_heads"]),
        "llama.attention.head_count_kv": (UINT32, config["num_key_value_heads"]),
        "llama.attention.key_length": (UINT32, config["head_dim"]),
        "llama.attention.value_length": (UINT32, config["head_dim"]),
        "llama.attention.layer_norm_rms_epsilon": (FLOAT32, config["rms_norm_eps"]),
        "llama.rope.dimension_count": (UINT32, config["head_dim"]),
        "llama.rope.freq_base": (FLOAT32, config["rope_theta"]),
        "llama.vocab_size": (UINT32, config["vocab_size"]),
        "tokenizer.ggml.model": (STRING, "gpt2"),
        "tokenizer.ggml.pre": (STRING, "gpt-2"),
        "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens)),
        "tokenizer.ggml.token_type": (ARRAY, (INT32, kinds)),
        "tokenizer.ggml.merges": (ARRAY, (STRING, merges)),
        "tokenizer.ggml.bos_token_id": (UINT32, config["bos_token_id"]),
        "tokenizer.ggml.eos_token_id": (UINT32, config["eos_token_id"]),
        "tokenizer.ggml.padding_token_id": (UINT32, config["pad_token_id"]),
        "tokenizer.ggml.add_bos_token": (BOOL, False),
        "tokenizer.chat_template": (STRING, chat_template),
    }


def _header(file: BinaryIO) -> tuple[dict[str, dict[str, Any]], int]:
    (length,) = struct.unpack("<Q", file.read(8))
    header: dict[str, dict[str, Any]] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(tag: int, value: Any) -> bytes:
    if tag == STRING:
        return _string(value)
    if tag == ARRAY:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(_value(inner, item) for item in items)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[tag], value)
