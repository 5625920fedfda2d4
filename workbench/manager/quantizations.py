"""What a quantization is called, how it is made, and how many bits it stores a weight. Knows no file and no hub.

4bit, 8bit        MLX and others: bits a weight, a scale (and a bias) for each group of 32 to 128
Q4_K_M, IQ4_XS    llama.cpp's; UD- before it means unsloth's own mixture
MXFP4, NVFP4      4-bit floats that share a scale
bf16, fp16        not quantized: the name by which people choose that variant
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

_START, _END = r"(?<![a-z0-9.])", r"(?![a-z0-9])"
_GGUF = re.compile(
    r"(?<![a-z0-9])(?:ud-|d)?(?:i?q\d_(?:k(?:_(?:xs|s|m|l|xl|p))?|0(?:_\d_\d)?|1|xxs|xs|s|m|l|nl)|tq\d_\d)" + _END
)
_FLOAT4 = re.compile(rf"(?<![a-z0-9])(mxfp4_moe|mxfp4|mxfp8|nvfp4){_END}")
_MIXED = re.compile(r"mixed[-_](\d)[-_](\d)")
_BIT = re.compile(rf"{_START}(\d{{1,2}}(?:\.\d+)?)[-_ ]?bits?(?![a-z])")
_BPW = re.compile(rf"{_START}([1-8](?:\.\d+)?)[-_ ]?bpw{_END}")
_OTHER = re.compile(rf"(?<![a-z0-9])(w([1-8])a\d+|int([48])|fp([48])|q([1-8])f(?:16|32)(?:_\d)?|q([1-8])){_END}")
_PLAIN = re.compile(rf"(?<![a-z0-9])(bf16|fp16|f16|float16|fp32|f32|float32){_END}")
_METHODS = {
    "dwq": "dwq", "awq": "awq", "gptq": "gptq", "qat": "qat", "bnb": "bitsandbytes", "hqq": "hqq", "aqlm": "aqlm",
    "exl2": "exl2", "exl3": "exl3",
}  # fmt: skip
_METHOD = re.compile(rf"(?<![a-z0-9])({'|'.join(_METHODS)}){_END}")
_STORED = {
    "IQ1_S": 2.0042, "IQ1_M": 2.1460, "IQ2_XXS": 2.3824, "IQ2_XS": 2.5882, "IQ2_S": 2.7403, "IQ2_M": 2.9294,
    "IQ3_XXS": 3.2548, "IQ3_XS": 3.4977, "IQ3_S": 3.6606, "IQ3_M": 3.7628, "IQ4_XS": 4.4597, "IQ4_NL": 4.6818,
    "Q2_K_S": 2.9697, "Q2_K": 3.1593, "Q3_K_S": 3.6429, "Q3_K_M": 3.9960, "Q3_K_L": 4.2979, "Q4_K_S": 4.6672,
    "Q4_K_M": 4.8944, "Q5_K_S": 5.5704, "Q5_K_M": 5.7036, "Q6_K": 6.5633, "Q8_0": 8.5008, "Q4_0": 4.5, "Q4_1": 5.0,
    "Q5_0": 5.5, "Q5_1": 6.0, "MXFP4": 4.25, "MXFP8": 8.25, "NVFP4": 4.5, "bf16": 16.0, "fp16": 16.0, "f16": 16.0,
    "fp32": 32.0, "f32": 32.0,
}  # fmt: skip
"""Bits a weight with scales: those of llama.cpp as its quantize tool's README gives them for Llama 3.1 8B (of the
oldest four, by their blocks), the 4-bit floats by their groups."""


class Quantization(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a quantization; all ``None`` for none, or none known."""

    name: str | None = None
    bits: float | None = None
    """Nominal: 4 for ``Q4_K_M``."""
    stored: float | None = None
    """Bits a weight with its scales: 4.5 for MLX's 4 bits in groups of 64."""
    method: str | None = None


def in_name(text: str) -> Quantization:
    """The quantization that a model's or a file's name tells."""
    lower = text.lower()
    found = _named(lower)
    if method := _METHOD.search(lower):
        known = _METHODS[method[1]]
        return msgspec.structs.replace(found, name=found.name or method[1].upper(), method=known)
    return found


def in_config(facts: Mapping[str, Any]) -> Quantization:
    """What ``quantization`` or ``quantization_config`` of a config.json says: MLX's, or that of another tool."""
    method, mode = facts.get("quant_method"), facts.get("mode")
    bits, group = _positive(facts.get("bits"), 32), _positive(facts.get("group_size"), 4096)
    if isinstance(method, str) and method:
        if method == "bitsandbytes":
            bits = 4 if facts.get("load_in_4bit") is True else 8 if facts.get("load_in_8bit") is True else None
        if method in ("mxfp4", "nvfp4", "fp8"):
            return Quantization(
                name=method.upper(), bits=float(method[-1]), stored=_STORED.get(method.upper()), method=method
            )
        return Quantization(name=f"{bits}bit" if bits else method, bits=bits, method=method)
    if bits is None:
        return Quantization()
    if isinstance(mode, str) and mode != "affine":
        return Quantization(name=mode.upper(), bits=bits, stored=_STORED.get(mode.upper()), method=mode)
    return Quantization(name=f"{bits}bit", bits=bits, stored=bits + 32 / (group or 64), method="affine")


def mlx_default(named: Quantization) -> Quantization:
    """What a name such as ``4bit`` means of an MLX repository: affine, in groups of 64, as mlx-lm converts."""
    if named.bits is None or named.name != f"{named.bits:.0f}bit" or named.bits > 8:
        return Quantization()
    return in_config({"bits": int(named.bits)})


def _named(lower: str) -> Quantization:
    if matches := _GGUF.findall(lower):
        name = matches[-1].upper()
        digit = re.search(r"\d", name)
        return Quantization(
            name=name, bits=float(digit[0]) if digit else None, stored=_STORED.get(name), method=_family(name)
        )
    if found := _FLOAT4.search(lower):
        name, plain = found[1].upper(), found[1].partition("_")[0]
        return Quantization(name=name, bits=float(plain[-1]), stored=_STORED[plain.upper()], method=plain)
    if found := _MIXED.search(lower):
        return Quantization(name=f"mixed_{found[1]}_{found[2]}", method="mixed")
    if found := _BIT.search(lower):
        return (
            Quantization(name=f"{found[1]}bit", bits=float(found[1])) if 0 < float(found[1]) <= 32 else Quantization()
        )
    if found := _BPW.search(lower):
        return Quantization(name=f"{found[1]}bpw", bits=float(found[1]), stored=float(found[1]))
    if found := _OTHER.search(lower):
        name = found[1] if found[1].startswith(("int", "q")) and found[6] is None else found[1].upper()
        return Quantization(name=name, bits=float(next(bits for bits in found.groups()[1:] if bits)))
    if found := _PLAIN.search(lower):
        name = found[1].replace("float", "fp")
        return Quantization(name=name, bits=_STORED[name], stored=_STORED[name])
    return Quantization()


def _family(name: str) -> str | None:
    """How llama.cpp's people call the kind."""
    if name.startswith("D"):  # a mixture of MLX's own that borrows the names
        return None
    if "IQ" in name:
        return "i-quant"
    if name.startswith("TQ"):
        return "ternary"
    return "k-quant" if "_K" in name else "legacy"


def _positive(value: object, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most else None
