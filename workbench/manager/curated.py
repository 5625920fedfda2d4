"""A short list of models worth a first look, with a reason for each. Knows no network and no machine.

Ids, sizes, licences and context lengths were read from the hub's listings and model cards in August 2026. A size is
exact where the listing's bytes were seen; one that was seen rounded, or computed, is marked as estimated. What no
source stated is left out. `with_seen` puts the numbers of a newer listing in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from workbench.manager import hub_facts
from workbench.model import HubModel

DEFAULT = "mlx-community/Llama-3.2-3B-Instruct-4bit"
"""The one to take when nothing else is known."""
_GB = 1_000_000_000


class Curated(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the list."""

    model: HubModel
    reason: str
    """One sentence for a person: what it is good for, and what it is not."""
    default: bool = False


def entries() -> tuple[Curated, ...]:
    """The list; the default first, then from small to large."""
    return _ENTRIES


def with_seen(found: Iterable[Curated], seen: Mapping[str, HubModel]) -> tuple[Curated, ...]:
    """The list with what a listing of the hub told since: its numbers and dates, and its size unless only estimated.

    `seen` is by the repository's id. A GGUF repository's size is taken only if it is that of the same quantization.
    """
    return tuple(msgspec.structs.replace(entry, model=_newer(entry.model, seen)) for entry in found)


def _newer(model: HubModel, seen: Mapping[str, HubModel]) -> HubModel:
    repo = model.id.partition(":")[0]
    newer = seen.get(repo)
    if newer is None:
        return model
    names = ("downloads", "likes", "trending", "created", "updated", "revision", "quality", "gated", "tags")
    fields: dict[str, Any] = {name: getattr(newer, name) for name in names}
    for name in ("licence", "context_length", "architecture", "task"):
        fields[name] = getattr(newer, name) or getattr(model, name)
    if newer.size and not newer.estimated and newer.quantization == model.quantization:
        parameters = newer.parameters or model.parameters
        fields |= {"size": newer.size, "estimated": False, "parameters": parameters, "bits": newer.bits or model.bits}
    return msgspec.structs.replace(model, **fields)


def _mlx(
    repo: str,
    base: str,
    size: float,
    reason: str,
    *,
    parameters: float | None = None,
    context: int | None = None,
    licence: str | None = None,
    architecture: str | None = None,
    task: str = "text-generation",
    exact: bool = False,
    active: float | None = None,
) -> Curated:
    """An entry of mlx-community; `size` in bytes."""
    return _entry(
        {
            "id": f"mlx-community/{repo}",
            "tags": ["mlx", "safetensors", f"base_model:quantized:{base}"],
            "pipeline_tag": task,
            "cardData": {"license": licence},
            "config": {"model_type": architecture, "max_position_embeddings": context},
        },
        reason,
        size=round(size),
        estimated=not exact,
        parameters=parameters,
        active=active,
    )


def _gguf(model_id: str, base: str, size: int, reason: str, **facts: Any) -> Curated:
    """A GGUF file, named by its quantization as the file's name writes it; its bytes were seen."""
    repo, _, quantization = model_id.partition(":")
    listing = {
        "id": repo,
        "tags": ["gguf", f"base_model:quantized:{base}"],
        "pipeline_tag": "text-generation",
        "cardData": {"license": facts["licence"]},
        "gguf": {"architecture": facts["architecture"], "context_length": facts["context"]},
        "siblings": [{"rfilename": f"model.{quantization}.gguf", "size": size}],
    }
    entry = _entry(listing, reason, size=size, estimated=False, parameters=facts["parameters"])
    return msgspec.structs.replace(entry, model=msgspec.structs.replace(entry.model, id=model_id))


def _entry(
    listing: dict[str, Any],
    reason: str,
    *,
    size: int,
    estimated: bool,
    parameters: float | None,
    active: float | None = None,
) -> Curated:
    """An entry; without `parameters` and `active` the name tells them, rounded."""
    model = hub_facts.model(listing)
    model = msgspec.structs.replace(
        model,
        size=size,
        estimated=estimated,
        parameters=round(parameters) if parameters else model.parameters,
        active_parameters=round(active) if active else model.active_parameters,
        bits=round(8 * size / parameters, 2) if parameters else model.bits,
    )
    return Curated(model=model, reason=reason, default=model.id == DEFAULT)


_ENTRIES = (
    _mlx(
        "Llama-3.2-3B-Instruct-4bit",
        "meta-llama/Llama-3.2-3B-Instruct",
        1_807_496_278,
        "Quick, polite and small enough for every Mac with Apple silicon: the one to start with.",
        parameters=3.21e9,
        context=131_072,
        licence="llama3.2",
        architecture="llama",
        exact=True,
    ),
    _gguf(
        "TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF:Q4_K_M",
        "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        668_788_096,
        "The smallest file here that chats: good to try a download or llama.cpp, weak at facts.",
        parameters=1.1e9,
        context=2048,
        licence="apache-2.0",
        architecture="llama",
    ),
    _mlx(
        "Llama-3.2-1B-Instruct-4bit",
        "meta-llama/Llama-3.2-1B-Instruct",
        695_283_921,
        "Answers at once, even on 8 GB: for short rewrites and simple questions, not for facts.",
        parameters=1.24e9,
        context=131_072,
        licence="llama3.2",
        architecture="llama",
        exact=True,
    ),
    _mlx(
        "DeepSeek-R1-Distill-Qwen-1.5B-4bit",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        999_820_288,
        "The cheapest way to watch a model think; at this size the thoughts often go wrong.",
        parameters=1.78e9,
        context=131_072,
        licence="mit",
        architecture="qwen2",
    ),
    _mlx(
        "DeepSeek-R1-Distill-Qwen-1.5B-8bit",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        1_888_291_840,
        "The same model with twice the bits: slower, and nearer to the original; compare the two.",
        parameters=1.78e9,
        context=131_072,
        licence="mit",
        architecture="qwen2",
    ),
    _mlx(
        "Qwen3-4B-Instruct-2507-4bit",
        "Qwen/Qwen3-4B-Instruct-2507",
        2.28 * _GB,
        "Newer than the Llamas of its size; answers without thinking first, in many languages, and takes long texts.",
        parameters=4.02e9,
        context=262_144,
        licence="apache-2.0",
        architecture="qwen3",
    ),
    _gguf(
        "microsoft/Phi-3-mini-4k-instruct-gguf:q4",
        "microsoft/Phi-3-mini-4k-instruct",
        2_393_231_072,
        "Microsoft's own GGUF: reasons well for its size, but reads only about 4,000 tokens.",
        parameters=3.82e9,
        context=4096,
        licence="mit",
        architecture="phi3",
    ),
    _mlx(
        "Meta-Llama-3.1-8B-Instruct-4bit",
        "meta-llama/Llama-3.1-8B-Instruct",
        4_517_404_672,
        "A dependable all-rounder that much has been written about; comfortable from 16 GB.",
        parameters=8.03e9,
        context=131_072,
        licence="llama3.1",
        architecture="llama",
    ),
    _mlx(
        "DeepSeek-R1-Distill-Llama-8B-4bit",
        "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
        4_517_404_672,
        "Thinks aloud before it answers: better at sums and puzzles, slower at everything.",
        parameters=8.03e9,
        context=131_072,
        licence="mit",
        architecture="llama",
    ),
    _mlx(
        "Qwen3-8B-4bit",
        "Qwen/Qwen3-8B",
        4.6 * _GB,
        "Thinks when asked to and answers straight when not, in many languages.",
        parameters=8.19e9,
        context=40_960,
        licence="apache-2.0",
        architecture="qwen3",
    ),
    _mlx(
        "gemma-4-e4b-it-4bit",
        "google/gemma-4-E4B-it",
        5_216_992_212,
        "Google's small model, made for laptops; its weights can see, but the chat here sends text only.",
        context=131_072,
        licence="apache-2.0",
        architecture="gemma4",
        task="image-text-to-text",
        exact=True,
    ),
    _mlx(
        "Ministral-3-8B-Instruct-2512-4bit",
        "mistralai/Ministral-3-8B-Instruct-2512",
        5.6 * _GB,
        "Mistral's small model, with a context that takes a whole book.",
        context=262_144,
    ),
    _mlx(
        "Qwen3.5-9B-4bit",
        "Qwen/Qwen3.5-9B",
        5_950_062_560,
        "A newer Qwen that still runs on 16 GB, with little else open.",
        context=262_144,
        exact=True,
    ),
    _mlx(
        "gemma-3-12b-it-4bit",
        "google/gemma-3-12b-it",
        8.07 * _GB,
        "Google's middle size of the generation before, in many languages; wants 24 GB to be comfortable.",
        context=131_072,
        licence="gemma",
        architecture="gemma3",
        task="image-text-to-text",
    ),
    _mlx(
        "phi-4-4bit",
        "microsoft/phi-4",
        8.3 * _GB,
        "Microsoft's 14 billion parameters, trained for reasoning and mathematics; a short context.",
        parameters=14.7e9,
        context=16_384,
        architecture="phi3",
    ),
    _mlx(
        "gpt-oss-20b-MXFP4-Q8",
        "openai/gpt-oss-20b",
        12.1 * _GB,
        "OpenAI's open model: reasons and calls tools, and is quick because few of its weights work at a time.",
        parameters=20.9e9,
        active=3.6e9,
        context=131_072,
        licence="apache-2.0",
        architecture="gpt_oss",
    ),
    _mlx(
        "Mistral-Small-3.2-24B-Instruct-2506-4bit",
        "mistralai/Mistral-Small-3.2-24B-Instruct-2506",
        13.3 * _GB,
        "Mistral's middle size, all of it at work for every token: slower than a mixture; wants 24 GB or more.",
        context=131_072,
    ),
    _mlx(
        "gemma-4-26b-a4b-it-4bit",
        "google/gemma-4-26B-A4B-it",
        15_608_614_044,
        "A mixture of experts: the memory of a large model, nearly the speed of a small one; wants 32 GB.",
        context=262_144,
        licence="apache-2.0",
        architecture="gemma4",
        task="image-text-to-text",
    ),
    _mlx(
        "GLM-4.7-Flash-4bit",
        "zai-org/GLM-4.7-Flash",
        16.9 * _GB,
        "A mixture of experts made for programming and tools; wants 32 GB.",
        context=202_752,
        licence="mit",
    ),
    _mlx(
        "Qwen3.6-35B-A3B-4bit",
        "Qwen/Qwen3.6-35B-A3B",
        20_401_929_952,
        "The largest here, yet quick: 3 of its 35 billion parameters work per token; wants 32 GB.",
        context=262_144,
        exact=True,
    ),
)
