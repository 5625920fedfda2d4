"""Many models as the hub describes them, and searches as they are typed, made by a seed: for tests and benchmarks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from workbench.manager import hub_facts, quality, query
from workbench.manager.query import SearchQuery
from workbench.model import HubModel

FAMILIES = {
    "Llama-3.2": ("llama", "meta-llama", "llama3.2", ("1B", "3B", "11B")),
    "Llama-3.1": ("llama", "meta-llama", "llama3.1", ("8B", "70B", "405B")),
    "Qwen3": ("qwen3", "Qwen", "apache-2.0", ("0.6B", "1.7B", "4B", "8B", "14B", "32B")),
    "Qwen2.5-Coder": ("qwen2", "Qwen", "apache-2.0", ("0.5B", "1.5B", "3B", "7B", "32B")),
    "Qwen3-30B-A3B": ("qwen3_moe", "Qwen", "apache-2.0", ("",)),
    "gemma-3": ("gemma3", "google", "gemma", ("270m", "1b", "4b", "12b", "27b")),
    "Mistral": ("mistral", "mistralai", "apache-2.0", ("7B", "12B", "24B", "123B")),
    "Phi-3-mini": ("phi3", "microsoft", "mit", ("",)),
    "phi-4": ("phi3", "microsoft", "mit", ("",)),
    "DeepSeek-R1-Distill": ("qwen2", "deepseek-ai", "mit", ("1.5B", "7B", "14B", "32B")),
    "gpt-oss": ("gpt_oss", "openai", "apache-2.0", ("20b", "120b")),
    "SmolLM2": ("llama", "HuggingFaceTB", "apache-2.0", ("135M", "360M", "1.7B")),
    "TinyLlama-v1.0": ("llama", "TinyLlama", "apache-2.0", ("1.1B",)),
    "GLM-4.7": ("glm4_moe", "zai-org", "mit", ("", "9B")),
    "granite-4.0": ("granite", "ibm-granite", "apache-2.0", ("350M", "3B", "8B")),
    "bge": ("bert", "BAAI", "mit", ("small", "base", "large")),
    "stable-diffusion-v1-5": ("", "runwayml", "creativeml-openrail-m", ("",)),
    "whisper": ("whisper", "openai", "mit", ("tiny", "small", "large-v3")),
}
KINDS = ("Instruct", "Chat", "Base", "it", "Thinking", "abliterated", "Uncensored", "RP", "Merged", "v0.3", "2507", "")
WORDS = [
    "Nova", "Hermes", "Orca", "Dolphin", "Aurora", "Kimi", "Storm", "Zephyr", "Mytho",
    "Rose", "Titan", "Lyra", "Echo", "Fable", "Ember", "Onyx", "Sage", "Vega",
]  # fmt: skip
QUANTIZED = ("4bit", "8bit", "6bit", "3bit", "bf16", "4bit-DWQ", "mxfp4")
GGUF = ("Q2_K", "Q3_K_M", "Q4_0", "Q4_K_S", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "IQ4_XS", "BF16")
TASKS = [
    *["text-generation"] * 4, "image-text-to-text", "feature-extraction", "sentence-similarity", "text-to-image",
    "automatic-speech-recognition", "translation", "summarization", "question-answering", "image-classification",
    "object-detection", "image-segmentation",
]  # fmt: skip
AUTHORS = ["mlx-community", "bartowski", "unsloth", "lmstudio-community", "TheBloke", "ggml-org", "QuantFactory"]


def listings(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """So many different entries of the hub's JSON."""
    draw = random.Random(seed)
    people = [
        f"{draw.choice(WORDS).lower()}{draw.choice(['', '-ai', '_lab', str(draw.randrange(99))])}" for _ in range(3000)
    ]
    newest = datetime(2026, 11, 20)
    seen: set[str] = set()
    while len(seen) < count:
        family = draw.choice(list(FAMILIES))
        architecture, maker, licence, sizes = FAMILIES[family]
        gguf = draw.random() < 0.45
        word = draw.choice(WORDS) if draw.random() < 0.6 else ""
        number = str(draw.randrange(1, 4000)) if draw.random() < 0.5 else ""
        quantized = "GGUF" if gguf else draw.choice(QUANTIZED)
        parts = (word, family, draw.choice(sizes), draw.choice(KINDS), number, quantized)
        author = draw.choice(AUTHORS) if draw.random() < 0.3 else draw.choice([*people, maker])
        name = f"{author}/{draw.choice('--_').join(filter(None, parts))}"
        if name in seen:
            continue
        seen.add(name)
        task = draw.choice(TASKS)
        created = newest - timedelta(days=draw.expovariate(1 / 300), seconds=draw.randrange(86400))
        entry: dict[str, Any] = {
            "id": name,
            "author": author,
            "sha": f"{draw.randrange(16**40):040x}",
            "downloads": int(draw.paretovariate(0.5)) - 1 if draw.random() < 0.97 else None,
            "likes": int(draw.paretovariate(0.9)) - 1,
            "trendingScore": draw.choice((0, 0, 0, 0, 1, 2, draw.randrange(300))),
            "createdAt": created.isoformat(timespec="milliseconds") + "Z",
            "lastModified": (created + timedelta(days=draw.randrange(60))).isoformat(timespec="milliseconds") + "Z",
            "gated": draw.choice((False,) * 18 + ("auto", "manual")),
            "pipeline_tag": task if draw.random() < 0.8 else None,
            "tags": ["gguf" if gguf else "mlx", *(["conversational"] if draw.random() < 0.5 else []), "region:us",
                     *([architecture] if architecture else []), *draw.sample(["en", "de", "zh", "moe", "code"], 2)],
        }  # fmt: skip
        if draw.random() < 0.75:
            entry["tags"].append(f"license:{licence}")
            entry["cardData"] = {"license": licence}
        billions = draw.choice((0.27, 0.6, 1.2, 3.2, 4.0, 8.0, 14.8, 32.8, 70.6))
        if draw.random() < 0.85:
            if gguf:
                entry["gguf"] = {"total": int(billions * 1e9), "architecture": architecture, "context_length": 32768}
            else:
                entry["safetensors"] = {"parameters": {"BF16": int(billions * 1e9)}, "total": int(billions * 1e9)}
                entry["config"] = {"model_type": architecture, "max_position_embeddings": draw.choice((4096, 131072))}
                entry["usedStorage"] = int(billions * 2e9)
        files = [f"{family}-{kind}.gguf" for kind in draw.sample(GGUF, 4)] if gguf else ["model.safetensors"]
        entry["siblings"] = [{"rfilename": file} for file in files]
        yield entry


def models(count: int, seed: int = 0) -> list[HubModel]:
    """The same as values, scored as of a fixed day."""
    today = datetime(2026, 11, 21).date()
    found = (hub_facts.model(listing) for listing in listings(count, seed))
    return [msgspec.structs.replace(model, quality=quality.score(model, today=today)) for model in found]


FILTERS: list[dict[str, Any]] = [
    {},
    {"format": "mlx"},
    {"format": "gguf", "quantization": "Q4_K_M"},
    {"format": ["gguf", "mlx"], "gated": False},
    {"engine": "mlx", "bits": [4, 8]},
    {"task": "text-generation"},
    {"task": ["chat", "embeddings"]},
    {"size_class": ["small", "medium"]},
    {"min_parameters": "1B", "max_parameters": "14B"},
    {"quantization": ["4bit", "Q4"]},
    {"architecture": "qwen"},
    {"exclude_architectures": ["llama", "bert"], "min_downloads": 10},
    {"tags": ["conversational", "de"]},
    {"author": ["mlx-community", "bartowski"]},
    {"licence": "apache", "min_likes": 1},
    {"gated": True},
    {"max_size": "4GB"},
    {"fits": True},
    {"fits": True, "context": 32768, "max_size": "8GB"},
]


def typed(count: int, seed: int = 0) -> Iterator[SearchQuery]:
    """So many searches: one to three letters, or the beginnings of one to three words, with a filter and an order."""
    draw = random.Random(seed)
    names = [name for name in FAMILIES for name in (name, name.split("-")[0])]
    words = [*names, *WORDS, *KINDS, *QUANTIZED, "GGUF", "mlx-community", "1b", "8B", "70b"]
    for number in range(count):
        text = "".join(draw.choice("abcdefghilmnopqrstuvwz0123468.-/") for _ in range(1 + number % 3))
        if number % 2:
            text = " ".join(word[: draw.randrange(1, 9)] for word in draw.choices(words, k=1 + number // 2 % 3))
        yield query.make(text, sort=draw.choice(query.SORTS), **draw.choice(FILTERS))
