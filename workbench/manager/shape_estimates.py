"""How much a model's KV cache takes when only its family and size are known: from models like it. Reads no file."""

from __future__ import annotations

import math
from itertools import pairwise

from workbench.manager.shapes import CachedLayers, CacheShape

_FAMILIES: dict[str, tuple[tuple[float, int], ...]] = {
    "llama": ((1.1e9, 22528), (1.24e9, 32768), (3.2e9, 114688), (8e9, 131072), (70e9, 327680), (405e9, 516096)),
    "qwen2": ((0.5e9, 12288), (1.5e9, 28672), (3.1e9, 36864), (7.6e9, 57344), (14.8e9, 196608), (32e9, 262144),
              (72e9, 327680)),
    "qwen3": ((0.6e9, 114688), (4e9, 147456), (8.2e9, 147456), (14.8e9, 163840), (32.8e9, 262144)),
    "qwen3moe": ((30.5e9, 98304), (235e9, 192512)),
    "gemma2": ((2.6e9, 106496), (9.2e9, 344064), (27e9, 376832)),
    "gemma3": ((1e9, 26624), (4.3e9, 139264), (12e9, 393216), (27e9, 507904)),
    "mistral": ((7.2e9, 131072), (12e9, 163840), (24e9, 163840), (123e9, 360448)),
    "mixtral": ((47e9, 131072), (141e9, 229376)),
    "phi3": ((3.8e9, 393216), (14e9, 204800)),
    "gptoss": ((21e9, 49152), (117e9, 73728)),
    "deepseekv3": ((671e9, 70272),),
    "glm4moe": ((106e9, 188416), (355e9, 376832)),
    "smollm3": ((3.1e9, 73728),),
}  # fmt: skip
"""Bytes a token of fp16 KV cache by parameters, computed from the config.json of models of these families: layers x
KV heads x head dimension x 4."""
_ALIASES = {
    "deepseekv32": "deepseekv3", "gemma": "gemma2", "gemma3n": "gemma3", "gemma3text": "gemma3", "gemma4": "gemma3",
    "gemma4text": "gemma3", "ministral3": "mistral", "mistral3": "mistral", "phi4": "phi3", "qwen2moe": "qwen2",
    "qwen25": "qwen2", "qwen2vl": "qwen2", "qwen3vl": "qwen3",
}  # fmt: skip
_WINDOWS = {"gemma3": (1024, 6), "gptoss": (128, 2)}
"""Of these families: tokens of the window, and which layer is whole."""


def estimate(architecture: str | None, parameters: float) -> CacheShape:
    """A shape from models of the same family, or of the Llama family, interpolated between their sizes."""
    name = "".join(c for c in (architecture or "").lower() if c.isalnum())
    family = _ALIASES.get(name, name)
    points = _FAMILIES.get(family) or _FAMILIES["llama"]
    token = _interpolated(points, parameters)
    window, every = _WINDOWS.get(family, (None, 1))
    whole = CachedLayers(1, token // every)
    if window is None:
        return CacheShape((whole,), estimated=True)
    return CacheShape((whole, CachedLayers(1, token - token // every, window)), estimated=True)


def _interpolated(points: tuple[tuple[float, int], ...], parameters: float) -> int:
    """Between two sizes by the logarithm of both; beyond the ends in proportion to the square root of the size."""
    first, last = points[0], points[-1]
    if parameters <= first[0] or parameters >= last[0]:
        near = first if parameters <= first[0] else last
        return int(near[1] * math.sqrt(parameters / near[0]))
    for (low, few), (high, many) in pairwise(points):
        if parameters <= high:
            part = math.log(parameters / low) / math.log(high / low)
            return int(few * (many / few) ** part)
    return last[1]
