"""Whether a model fits this machine: all it needs against what models may take. Knows no engine.

    weights    bytes of the files; without them parameters x bits / 8
    KV cache   what `workbench.manager.shapes` reads or estimates, for the context length asked
    overhead   the host's program and its buffers: the constants below, until a run here measured it

A model that ran here has its measured memory and speed in place of the estimates.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from workbench import builtin
from workbench.manager import machine as machines
from workbench.manager import shape_estimates, shapes
from workbench.manager.machine import Machine
from workbench.manager.shapes import CacheShape
from workbench.model import ModelInfo
from workbench.store import usage
from workbench.store.usage import Measured

Verdict: TypeAlias = Literal["fits", "tight", "too big", "unknown"]
"""fits: up to 85 % of what models may take; tight: up to all of it; unknown: neither size nor parameters are known."""

TIGHT = 0.85
"""Share of the usable memory above which a model that fits is called tight."""
CONTEXT = 8192
"""Tokens of context counted where none are asked for; the cache of mlx-lm grows with what is said."""
GGUF_CONTEXT = 16_384
"""The same for GGUF files: llama.cpp reserves it when it loads."""
PROGRAM = {"safetensors": 350_000_000, "gguf": 60_000_000, "json": 20_000_000}
"""Bytes of a host without its model, by format. Measured as a host's memory less weights and cache: mlx-lm 339 to
354 MB, llama.cpp 48 to 60 MB, a script 20 MB."""
BUFFERS = 256 * 2**20
"""Most bytes of buffers beside the cache: mlx-lm may keep so much freed memory (`LoadSpec.cache_limit`)."""
BUFFERS_SHARE = 0.3
"""The same for small models, as a share of their weights: measured 0.27 of 15 MB."""
DENSE_SHARE, SPARSE_SHARE = 0.7, 0.4
"""Share of the memory's bandwidth that generating reaches, for dense models and mixtures of experts; runs published
for Apple chips reach 0.55 to 0.93, and 0.37."""
SPEED_CONTEXT = 2048
"""Tokens in the cache for which a speed is expected."""


class Fit(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """What a model needs here. Sizes in bytes; all 0 when the verdict is ``"unknown"``."""

    verdict: Verdict
    weights: int
    kv_cache: int
    overhead: int
    total: int
    usable: int
    """What models may take on this machine."""
    context: int
    """Tokens the cache was counted for: those asked for, at most the model's own."""
    estimated: bool
    """Whether weights or cache come from models like it rather than from its own files and runs."""
    measured: Measured | None = None
    """What earlier runs here showed; it is part of the figures."""
    decode_tps: float | None = None
    """Tokens a second: measured where it ran here, else expected from the memory's bandwidth; ``None``: unknown."""

    @property
    def share(self) -> float:
        """Part of the usable memory that it needs; above 1 it is too big."""
        return self.total / self.usable

    @property
    def speed_measured(self) -> bool:
        """Whether `decode_tps` was measured here."""
        return self.measured is not None and self.measured.decode_tps is not None

    def breakdown(self) -> tuple[tuple[str, int], ...]:
        """The parts, as name and bytes, in the order a picture shows them."""
        cache = f"KV cache for {self.context:,} tokens"
        return ("weights", self.weights), (cache, self.kv_cache), ("overhead", self.overhead)

    def __str__(self) -> str:
        if self.verdict == "unknown":
            return "unknown: neither its size nor its parameters are known"
        parts = ", ".join(f"{name} {gb(size)}" for name, size in self.breakdown())
        how = "; estimated" if self.estimated else ""
        return f"{self.verdict}: {gb(self.total)} of {gb(self.usable)} GB ({parts}{how}){self._ran()}"

    __repr__ = __str__

    def _ran(self) -> str:
        """What earlier runs here showed, in words."""
        ran = self.measured
        if ran is None:
            return ""
        words = [
            "" if ran.load_s is None else f"loads in {ran.load_s:.1f} s",
            "" if ran.ttft_s is None else f"first token after {ran.ttft_s:.2f} s",
            "" if ran.decode_tps is None else f"{ran.decode_tps:.0f} tokens/s",
        ]
        said = ", ".join(word for word in words if word)
        return f"; measured here: {said}" if said else ""


def fit(
    model: ModelInfo,
    context: int | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    machine: Machine | None = None,
) -> Fit:
    """Whether a model fits, with so many tokens of context (without a number `CONTEXT`, at most the model's own).

    `config` is its config.json, where it is at hand; of a model on this disk the files are read, once.
    `machine` is another machine to ask for.
    """
    here = machine or machines.this()
    tokens = context or (GGUF_CONTEXT if model.format == "gguf" else CONTEXT)
    if model.context_length is not None and model.context_length < tokens:
        tokens = model.context_length
    weights, parameters = model.size, model.parameters
    estimated = getattr(model, "estimated", False) or weights is None
    if weights is None and parameters is not None:
        weights = int(parameters * _stored_bits(model) / 8)
    if weights is None:
        return Fit(
            verdict="unknown", weights=0, kv_cache=0, overhead=0, total=0, usable=here.usable, context=tokens,
            estimated=True,
        )  # fmt: skip
    measured = None if model.status == "hub" else usage.measured(model.id)
    if measured is not None and model.engine not in (None, measured.engine):
        measured = None
    shape = _shape(model, config, weights)
    overhead = PROGRAM.get(model.format or "", PROGRAM["safetensors"]) + min(BUFFERS, int(weights * BUFFERS_SHARE))
    if measured is not None and measured.peak_memory and measured.weights:
        weights, overhead = measured.weights, _measured_overhead(measured, shape)
    kv_cache = shape.bytes(tokens)
    total = weights + kv_cache + overhead
    return Fit(
        verdict="fits" if total <= TIGHT * here.usable else "tight" if total <= here.usable else "too big",
        weights=weights,
        kv_cache=kv_cache,
        overhead=overhead,
        total=total,
        usable=here.usable,
        context=tokens,
        estimated=estimated or shape.estimated,
        measured=measured,
        decode_tps=_speed(model, weights, shape, here, measured),
    )


def _shape(model: ModelInfo, config: Mapping[str, Any] | None, weights: int) -> CacheShape:
    found = shapes.from_config(config) if config is not None else None
    path = model.path or (builtin.MODEL if model.id == builtin.ID else None)
    if found is None and path is not None:
        found = shapes.read(Path(path))
    if found is not None:
        return found
    if model.format == "json":
        return CacheShape(())
    return shape_estimates.estimate(model.architecture, model.parameters or 8 * weights / _stored_bits(model))


def _stored_bits(model: ModelInfo) -> float:
    """Bits a weight with the scales of its quantization; a whole number of bits is taken to lack them."""
    bits = model.bits
    if bits is None:
        return 16.0
    return bits + 0.5 if bits < 16 and bits == int(bits) else bits


def _measured_overhead(measured: Measured, shape: CacheShape) -> int:
    """What a run held beside weights and cache. MLX counts its own buffers: its program comes on top."""
    if measured.engine == "llama_cpp":
        held = (measured.weights or 0) + shape.bytes(measured.peak_context or measured.peak_tokens)
        return max(0, (measured.peak_memory or 0) - held)
    held = (measured.weights or 0) + shape.bytes(measured.peak_tokens)
    return PROGRAM["safetensors"] + max(0, (measured.peak_memory or 0) - held)


def _speed(model: ModelInfo, weights: int, shape: CacheShape, here: Machine, measured: Measured | None) -> float | None:
    """Each token reads the weights in use and the cache once."""
    if measured is not None and measured.decode_tps is not None:
        return measured.decode_tps
    if here.bandwidth is None:
        return None
    sparse = model.active_parameters is not None and model.parameters is not None
    part = model.active_parameters / model.parameters if sparse else 1.0  # type: ignore[operator]  # sparse says so
    read = weights * part + shape.bytes(SPEED_CONTEXT)
    return here.bandwidth * (SPARSE_SHARE if part < 1 else DENSE_SHARE) / read


def gb(size: int) -> str:
    """Gigabytes for a sentence: one digit after the point, of less than 0.05 the first two that are not zero."""
    return f"{size / 1e9:.1f}" if size >= 5e7 or not size else f"{size / 1e9:.2g}"
