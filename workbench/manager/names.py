"""What a model's name says of its size and its quantization: the last resort, when no file and no metadata does.

    Qwen3-30B-A3B-Instruct-2507-4bit-DWQ
          |   |                 |    `-- method
          |   |                 `------- bits and quantization
          |   `------------------------- active parameters
          `----------------------------- parameters

Versions (``v0.3``, ``3.1``), dates (``2507``, ``0528``) and context lengths (``128k``, ``1M``) are not sizes. What a
name leaves open stays ``None``. Knows no file and no hub.
"""

from __future__ import annotations

import re

import msgspec

from workbench.manager import quantizations

_UNITS = {"m": 10**6, "b": 10**9, "t": 10**12}
_BEFORE, _AFTER = r"(?<![a-z0-9.])", r"(?![a-z0-9])"
_NUMBER = r"(\d{1,4}(?:\.\d{1,3})?)"
_SIZE = re.compile(rf"(?:(?<![a-z0-9._])(\d_\d)|{_BEFORE}{_NUMBER})([mbt]){_AFTER}")
_ACTIVE = re.compile(rf"{_BEFORE}a{_NUMBER}([mb]){_AFTER}")
_EFFECTIVE = re.compile(rf"{_BEFORE}e{_NUMBER}b{_AFTER}")
_EXPERTS_OF = re.compile(rf"{_BEFORE}(\d+)x(\d+(?:\.\d+)?)b{_AFTER}")
_EXPERTS = re.compile(rf"{_BEFORE}\d+e{_AFTER}")
_TOGETHER = {("8", "7"): (46_700_000_000, 12_900_000_000), ("8", "22"): (141_000_000_000, 39_000_000_000)}
"""Total and active parameters as Mistral published them. The experts share all but their feed-forward layers, so the
product of the two numbers is too much; of other products the total is unknown."""
_CONTEXTS = {1_000_000, 2_000_000, 4_000_000, 10_000_000}
"""A lone ``1M`` is as often a context length as a size."""


class NameFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a name says. ``None`` means: it does not say."""

    parameters: int | None = None
    """All of them, as rounded in the name."""
    active_parameters: int | None = None
    """Used per token, where that is fewer; of Gemma's ``E4B`` the effective ones."""
    bits: float | None = None
    """Nominal bits a weight: 4 for ``Q4_K_M``; its scales come on top."""
    quantization: str | None = None
    """``"4bit"``, ``"Q4_K_M"``, ``"MXFP4"``; also ``"bf16"``, ``"fp16"`` where the name tells that apart."""
    method: str | None = None
    """``"dwq"``, ``"k-quant"``, ``"mxfp4"``, ``"awq"``, ..."""


def read(name: str) -> NameFacts:
    """What the last part of a model id, or a file's name, says.

    A name with two sizes that contradict each other says none.
    """
    last = name.rpartition("/")[2]
    lower = last.lower()
    total, active = _sizes(lower)
    found = quantizations.in_name(last)
    return NameFacts(
        parameters=total,
        active_parameters=active,
        bits=found.bits,
        quantization=found.name,
        method=found.method,
    )


def _sizes(name: str) -> tuple[int | None, int | None]:
    """Total and active parameters of a name in lower case."""
    if product := _EXPERTS_OF.search(name):
        return _TOGETHER.get((product[1], product[2]), (None, None))
    sizes = {unit: list[int]() for unit in _UNITS}
    for underscored, plain, unit in _SIZE.findall(name):
        if size := round(float((underscored or plain).replace("_", ".")) * _UNITS[unit]):
            sizes[unit].append(size)
    small = [size for size in sizes["m"] if size not in _CONTEXTS]
    found = sorted(set(sizes["b"] or sizes["t"] or small))
    if _EXPERTS.search(name):  # 17B-16E: what is active, and the number of experts
        return None, found[0] if len(found) == 1 else None
    if len(found) == 2 and "moe" in name:  # OLMoE-1B-7B
        return found[1], found[0]
    total = found[0] if len(found) == 1 else None
    if marked := _ACTIVE.search(name):
        return total, round(float(marked[1]) * _UNITS[marked[2]]) or None
    if effective := _EFFECTIVE.search(name):
        return None, round(float(effective[1]) * 10**9) or None
    return total, None
