"""A tiny projector: random weights through which the shipped model takes pictures, as a CLIP model and a projection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGUFWriter

SIDE, PATCH, WIDTH, INNER, HEADS = 28, 14, 16, 32, 2
PICTURE_TOKENS = (SIDE // PATCH) ** 2
"""Tokens that each picture takes."""


def save_projector(path: Path, width: int = 256) -> Path:
    """Write one for a model of that embedding width; llama.cpp's own names, as its converter writes them."""
    random = np.random.default_rng(0)
    out = GGUFWriter(path, "clip")
    out.add_type("mmproj")
    out.add_bool("clip.has_vision_encoder", True)
    out.add_bool("clip.use_gelu", True)
    out.add_string("clip.projector_type", "mlp")
    out.add_file_type(0)
    numbers = {
        "image_size": SIDE, "patch_size": PATCH, "embedding_length": WIDTH, "feed_forward_length": INNER,
        "projection_dim": width, "block_count": 1, "attention.head_count": HEADS,
    }  # fmt: skip
    for name, number in numbers.items():
        out.add_uint32(f"clip.vision.{name}", number)
    out.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    for name in ("image_mean", "image_std"):
        out.add_array(f"clip.vision.{name}", [0.5, 0.5, 0.5])

    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (WIDTH, 3, PATCH, PATCH),
        "v.class_embd": (WIDTH,),
        "v.position_embd.weight": (PICTURE_TOKENS + 1, WIDTH),
        "mm.0.weight": (width, WIDTH),
        "mm.2.weight": (width, width),
        "v.blk.0.ffn_up.weight": (INNER, WIDTH),
        "v.blk.0.ffn_down.weight": (WIDTH, INNER),
    }
    shapes |= {f"v.blk.0.{name}.weight": (WIDTH, WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_out")}
    shapes |= {f"{name}.weight": (WIDTH,) for name in ("v.pre_ln", "v.blk.0.ln1", "v.blk.0.ln2")}
    biases = {name.replace(".weight", ".bias"): shape[:1] for name, shape in shapes.items() if ".weight" in name}
    for name, shape in (shapes | {n: s for n, s in biases.items() if not n.endswith("embd.bias")}).items():
        out.add_tensor(name, (random.standard_normal(shape) * 0.1).astype("float32"))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path
