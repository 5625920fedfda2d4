"""A model of the hub, read from its entry in the hub's own JSON: a listing's or a repository's. Asks no network.

    {"id", "author", "sha", "downloads", "likes", "trendingScore", "createdAt", "lastModified", "gated", "private",
     "tags": ["mlx", "license:mit", "base_model:quantized:ORG/REPO", ...], "pipeline_tag", "library_name",
     "cardData": {"license", "base_model", ...}, "config": {"model_type", "architectures", "quantization_config"},
     "safetensors": {"parameters": {DTYPE: elements}, "total"}, "gguf": {"total", "architecture", "context_length"},
     "siblings": [{"rfilename", "size"}], "usedStorage"}

Any of it may be missing, and none of it is trusted: a field of a wrong type counts as missing. What the repository's
files and metadata say goes first, its name last; unknown stays ``None``.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any, Literal

import msgspec

from workbench.manager import files, hub_weights, names, quantizations
from workbench.manager.hub_weights import GgufFile, Weights
from workbench.manager.quantizations import Quantization
from workbench.model import HubModel

_LARGEST = 2**53
_TASKS = {
    "text-generation", "text2text-generation", "image-text-to-text", "any-to-any", "text-to-image",
    "image-to-text", "image-to-image", "image-classification", "object-detection", "image-segmentation",
    "zero-shot-image-classification", "mask-generation", "depth-estimation", "feature-extraction",
    "sentence-similarity", "text-ranking", "image-feature-extraction", "translation", "summarization",
    "question-answering", "visual-question-answering", "document-question-answering", "fill-mask",
    "text-classification", "token-classification", "zero-shot-classification", "automatic-speech-recognition",
    "text-to-speech", "text-to-audio", "audio-classification", "audio-text-to-text", "audio-to-audio",
    "text-to-video", "image-to-video", "video-text-to-text", "video-classification",
}  # fmt: skip
_SEES = {"image-text-to-text", "any-to-any", "image-to-text", "visual-question-answering", "video-text-to-text"}
_EMBEDS = {"sentence-similarity", "feature-extraction", "image-feature-extraction"}
_TAGGED = {
    "tool-calling": "tools", "function-calling": "tools", "tool-use": "tools", "function_calling": "tools",
    "reasoning": "reasoning", "thinking": "reasoning", "embeddings": "embeddings",
}  # fmt: skip
_FAMILIES = {
    r"deepseek-r1|qwq|magistral|phi-4(-mini)?-reasoning|-thinking\b": {"reasoning"},
    r"gpt-oss": {"reasoning", "tools"},
}
"""Names whose models do it by their makers' own account."""
_ARCHITECTURE = re.compile(
    r"(llama|mistral|mixtral|ministral|qwen|gemma|phi|phimoe|deepseek|gpt_oss|gpt_neox|gpt_bigcode|gpt2|glm|chatglm|"
    r"cohere|granite|granitemoe|olmo|olmoe|smollm|lfm|nemotron|falcon|mamba|exaone|internlm|minicpm|stablelm|starcoder|"
    r"bert|roberta|modernbert|whisper|kimi|ernie|hunyuan|bitnet|jamba|minimax|mimo)(\d\w*|_(?!cpp)\w+)?",
    re.ASCII,
)
"""Tags that are a config's ``model_type``; ``llama-3``, ``llama.cpp`` and ``llamafile`` are none."""
_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx")
_GENERATES = ("ForCausalLM", "LMHeadModel")


def model(listing: dict[str, Any]) -> HubModel:
    """One entry of the hub's JSON as a value; never raises, whatever the fields hold. `quality` is left ``None``.

    A GGUF repository of many quantizations is described by the one that its bare id means: Q4_K_M, else the nearest
    to four bits.
    """
    listing = _dict(listing)
    model_id = _text(listing.get("id")) or _text(listing.get("modelId")) or ""
    tags, card, config = _strings(listing.get("tags")), _dict(listing.get("cardData")), _dict(listing.get("config"))
    gguf = _dict(listing.get("gguf"))
    parents, quantized = _parents(tags, card, listing.get("baseModels"))
    named, original = names.read(model_id), names.read(quantized or "")
    sizes = hub_weights.file_sizes(listing.get("siblings"))
    format = hub_weights.format_of(sizes, tags, model_id)
    offered = hub_weights.gguf_files(sizes) if format == "gguf" else []
    mlx = format == "safetensors" and "mlx" in (*tags, listing.get("library_name"))
    chosen = offered[0].quantization if offered else _quantization(config, model_id, mlx)
    weights = _weights(listing, format, sizes, offered, chosen, named.parameters or original.parameters)
    task = _task(listing, tags, config, gguf)
    return HubModel(
        id=model_id,
        name=model_id.rpartition("/")[2],
        provider="local",
        engine="mlx" if mlx else "llama_cpp" if format == "gguf" else None,
        format=format,
        parameters=weights.parameters,
        active_parameters=named.active_parameters or original.active_parameters,
        bits=weights.bits,
        quantization=chosen.name,
        method=chosen.method,
        architecture=_architecture(config, gguf, tags),
        context_length=_context(config, gguf),
        size=weights.size,
        capabilities=_capabilities(task, tags, config, gguf, (model_id, *parents)),
        revision=_text(listing.get("sha")),
        licence=_licence(card, tags),
        status="hub",
        author=_text(listing.get("author")) or model_id.rpartition("/")[0] or None,
        task=task,
        tags=tags,
        base_models=parents,
        downloads=_count(listing.get("downloads")),
        likes=_count(listing.get("likes")),
        trending=_number(listing.get("trendingScore")),
        created=_date(listing.get("createdAt")),
        updated=_date(listing.get("lastModified")),
        gated=_gate(listing.get("gated")),
        private=listing.get("private") is True,
        quantizations=tuple(dict.fromkeys(file.quantization.name for file in offered if file.quantization.name)),
        estimated=weights.estimated,
    )


def _weights(
    listing: dict[str, Any],
    format: str | None,
    sizes: dict[str, int | None],
    offered: list[GgufFile],
    chosen: Quantization,
    nominal: int | None,
) -> Weights:
    used = _count(listing.get("usedStorage")) or None
    if format == "gguf":
        gguf = _dict(listing.get("gguf"))
        file = offered[0] if offered else GgufFile(quantization=chosen, size=None)
        if file.size is None and sum(name.endswith(".gguf") for name in sizes) == 1:  # the one the hub has parsed
            file = msgspec.structs.replace(file, size=_count(gguf.get("totalFileSize")) or None)
        found = hub_weights.of_gguf(file, _count(gguf.get("total")) or None, nominal=nominal)
        used = None if len(offered) > 1 else used
    elif format == "safetensors":
        stated, block = _stated(_dict(listing.get("config"))), _dict(listing.get("safetensors"))
        if not block.get("parameters") and chosen.bits in (None, 16, 32):
            nominal = _count(block.get("total")) or nominal
        found = hub_weights.of_safetensors(
            sizes,
            _dict(block.get("parameters")),
            chosen,
            group=_count(stated.get("group_size")) or 64,
            mixed=chosen.method == "mixed" or any(isinstance(value, dict) for value in stated.values()),
            nominal=nominal,
            used=used,
        )
    else:
        found = Weights(parameters=nominal, bits=chosen.stored or chosen.bits)
    if found.size is None and used:
        return msgspec.structs.replace(found, size=used, estimated=True)
    return found


def _stated(config: dict[str, Any]) -> dict[str, Any]:
    """What the config says of its quantization; its strings made writable."""
    facts = _dict(config.get("quantization")) or _dict(config.get("quantization_config"))
    return {key: _text(value) if isinstance(value, str) else value for key, value in facts.items()}


def _quantization(config: dict[str, Any], model_id: str, mlx: bool) -> Quantization:
    """What the config says, else the name; the name adds the method that a config cannot tell."""
    stated = quantizations.in_config(_stated(config))
    named = quantizations.in_name(model_id.rpartition("/")[2])
    if stated.name is None and mlx:
        stated = quantizations.mlx_default(named)
    if stated.name is None:
        return named
    return (
        msgspec.structs.replace(stated, method=named.method) if stated.method == "affine" and named.method else stated
    )


def _parents(tags: tuple[str, ...], card: dict[str, Any], base: Any) -> tuple[tuple[str, ...], str | None]:
    """What it was made from, and of that the model it is a quantization of."""
    found, quantized = list[str](), None
    base_model = card.get("base_model")
    found += _strings([base_model] if isinstance(base_model, str) else base_model)
    for entry in _list(_dict(base).get("models")):
        if parent := _text(_dict(entry).get("id")):
            found.append(parent)
            if _dict(base).get("relation") == "quantized":
                quantized = parent
    for tag in tags:
        if tag.startswith("base_model:"):
            relation, _, parent = tag.removeprefix("base_model:").rpartition(":")
            found.append(parent)
            if relation == "quantized":
                quantized = parent
    return tuple(dict.fromkeys(parent for parent in found if parent)), quantized


def _task(listing: dict[str, Any], tags: tuple[str, ...], config: dict[str, Any], gguf: dict[str, Any]) -> str | None:
    for field in (listing.get("pipeline_tag"), _dict(listing.get("transformersInfo")).get("pipeline_tag")):
        if task := _text(field):
            return task
    if tagged := next((tag for tag in tags if tag in _TASKS), None):
        return tagged
    if "sentence-transformers" in (*tags, listing.get("library_name")):
        return "sentence-similarity"
    generates = any(name.endswith(_GENERATES) for name in _strings(config.get("architectures")))
    return "text-generation" if generates or "conversational" in tags or _template(config, gguf) else None


def _capabilities(
    task: str | None, tags: tuple[str, ...], config: dict[str, Any], gguf: dict[str, Any], ids: tuple[str, ...]
) -> frozenset[str]:
    found = set(files.template_capabilities(_template(config, gguf)))
    found |= {"vision"} if task in _SEES else {"embeddings"} if task in _EMBEDS else set()
    found |= {_TAGGED[tag.lower()] for tag in tags if tag.lower() in _TAGGED}
    for pattern, does in _FAMILIES.items():
        if any(re.search(pattern, name.lower()) for name in ids):
            found |= does
    return frozenset(found)


def _template(config: dict[str, Any], gguf: dict[str, Any]) -> str:
    tokenizer = _dict(config.get("tokenizer_config")).get("chat_template")
    for value in (gguf.get("chat_template"), config.get("chat_template_jinja"), tokenizer):
        if value:
            return value if isinstance(value, str) else repr(value)
    return ""


def _architecture(config: dict[str, Any], gguf: dict[str, Any], tags: tuple[str, ...]) -> str | None:
    stated = _text(config.get("model_type")) or _text(gguf.get("architecture"))
    return stated or next((tag for tag in tags if _ARCHITECTURE.fullmatch(tag)), None)


def _context(config: dict[str, Any], gguf: dict[str, Any]) -> int | None:
    text = _dict(config.get("text_config"))
    values = [gguf.get("context_length"), *(facts.get(key) for facts in (config, text) for key in _CONTEXT_KEYS)]
    return next((length for value in values if (length := _count(value))), None)


def _licence(card: dict[str, Any], tags: tuple[str, ...]) -> str | None:
    stated = next(iter(_strings(card.get("license"))), None) or _text(card.get("license"))
    tagged = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)
    licence = stated or tagged or None
    return _text(card.get("license_name")) or licence if licence == "other" else licence


def _gate(value: Any) -> Literal["auto", "manual"] | None:
    if value == "auto":
        return "auto"
    return "manual" if value == "manual" or value is True else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    """A string that can be written as UTF-8; ``None`` for anything else, and for an empty one."""
    return (value.encode("utf-8", "replace").decode() or None) if isinstance(value, str) else None


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(text for item in _list(value) if (text := _text(item)))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST else None


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) <= _LARGEST and math.isfinite(value) else None


def _date(value: Any) -> str | None:
    text = _text(value)
    try:
        datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return text
