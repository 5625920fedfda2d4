from __future__ import annotations

import json
import struct

import numpy as np

import workbench.builtin as builtin
from workbench.builtin import files


def test_safetensors_come_back_as_written(tmp_path):
    tensors = {
        "a": np.arange(6, dtype=np.float16).reshape(2, 3),
        "b": np.linspace(-1, 1, 5, dtype=np.float32),
    }
    files.write_safetensors(tmp_path / "x.safetensors", tensors)
    back = files.read_safetensors(tmp_path / "x.safetensors")
    assert {name: tensor.dtype for name, tensor in back.items()} == {"a": np.float16, "b": np.float32}
    assert all(np.array_equal(back[name], tensors[name]) for name in tensors)


def test_the_header_tells_shapes_without_reading_weights(tmp_path):
    files.write_safetensors(tmp_path / "x.safetensors", {"a": np.zeros((2, 3), np.float16)})
    assert files.read_header(tmp_path / "x.safetensors")["a"]["shape"] == [2, 3]


def test_safetensors_header_is_padded_and_names_its_extents(tmp_path):
    files.write_safetensors(tmp_path / "x.safetensors", {"a": np.zeros(3, np.float16), "b": np.ones(2, np.float32)})
    data = (tmp_path / "x.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    assert header["b"]["data_offsets"][1] == len(data) - 8 - length


def test_every_weight_is_in_the_gguf_and_only_queries_and_keys_are_reordered():
    config = json.loads((builtin.MODEL / "config.json").read_text())
    tensors = files.read_safetensors(builtin.MODEL / "model.safetensors")
    named = files.gguf_tensors(config, tensors)
    assert len(named) == len(tensors)
    assert np.array_equal(named["blk.0.attn_v.weight"], tensors["model.layers.0.self_attn.v_proj.weight"])
    query = tensors["model.layers.0.self_attn.q_proj.weight"].astype(np.float32)
    half = config["head_dim"] // 2
    assert np.array_equal(named["blk.0.attn_q.weight"][:4], query[[0, half, 1, half + 1]])
    assert {tensor.dtype for tensor in named.values()} == {np.dtype(np.float32)}


def test_gguf_tensors_are_aligned_and_fill_the_file(tmp_path):
    target = tmp_path / "m.gguf"
    builtin.derive(builtin.MODEL, target, "gguf")
    data = target.read_bytes()
    magic, version, tensors, values = struct.unpack("<4sIQQ", data[:24])
    assert (magic, version) == (b"GGUF", 3)
    assert tensors == len(files.read_header(builtin.MODEL / "model.safetensors"))
    assert values > 20
    assert len(data) % files.ALIGNMENT == 0
    weights = 4 * (builtin.info().parameters or 0)
    assert 0 < len(data) - weights < 200_000
