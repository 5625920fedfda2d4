"""What the hub sends is read right where it is right, and whatever it sends nothing breaks."""

from __future__ import annotations

import random

import msgspec
import pytest

from workbench.manager import hub_facts
from workbench.model import HubModel

GGUF = {
    "id": "ggml-org/gemma-3-1b-it-GGUF",
    "private": False,
    "tags": ["gguf", "base_model:google/gemma-3-1b-it", "base_model:quantized:google/gemma-3-1b-it", "conversational"],
    "downloads": 186325,
    "likes": 38,
    "author": "ggml-org",
    "lastModified": "2025-03-12T10:30:05.000Z",
    "gated": False,
    "config": {},
    "cardData": {"license": "gemma", "base_model": ["google/gemma-3-1b-it"]},
    "gguf": {"total": 999885952, "architecture": "gemma3", "context_length": 32768, "totalFileSize": 2006573568},
    "siblings": [{"rfilename": "gemma-3-1b-it-f16.gguf"}, {"rfilename": "gemma-3-1b-it-Q4_K_M.gguf"}],
    "usedStorage": 3881938176,
}
MLX = {
    "id": "mlx-community/gemma-4-26B-A4B-it-4bit",
    "gated": False,
    "library_name": "mlx",
    "pipeline_tag": "image-text-to-text",
    "tags": ["mlx", "safetensors", "gemma4", "4-bit"],
    "config": {"model_type": "gemma4", "quantization_config": {"group_size": 64, "bits": 4, "mode": "affine"}},
    "cardData": {"license": "apache-2.0"},
    "safetensors": {"parameters": {"BF16": 570250830, "U32": 25235685376}, "total": 25805936206},
}
PACKED = {
    "id": "mlx-community/Llama-3.2-1B-Instruct-4bit",
    "tags": ["mlx", "safetensors", "llama", "license:llama3.2", "region:us"],
    "config": {"model_type": "llama", "quantization_config": {"group_size": 64, "bits": 4}},
    # 1,235,746,816 parameters in words of eight, a scale and a bias for every 64 of them, 67,584 of the norms
    "safetensors": {"parameters": {"U32": 154468352, "F16": 38617088 + 67584}, "total": 193153024},
}


def model(base: dict | None = None, **facts: object) -> HubModel:
    return hub_facts.model((base or {}) | facts)


def test_a_gguf_repository():
    found = model(GGUF)
    assert (found.format, found.engine, found.architecture) == ("gguf", "llama_cpp", "gemma3")
    assert (found.parameters, found.context_length, found.licence) == (999885952, 32768, "gemma")
    assert (found.quantization, found.method, found.quantizations) == ("Q4_K_M", "k-quant", ("Q4_K_M", "f16"))
    assert (found.task, found.base_models, found.author) == ("text-generation", ("google/gemma-3-1b-it",), "ggml-org")
    assert (found.downloads, found.likes, found.gated, found.private) == (186325, 38, None, False)
    assert found.status == "hub"
    assert found.estimated  # neither the whole repository nor the file the hub happened to parse is its size
    assert found.size == pytest.approx(999885952 * 4.8944 / 8, rel=1e-6)


def test_a_gguf_files_own_size_goes_before_all():
    files = [{"rfilename": "x-Q4_K_M.gguf", "size": 600_000_000}, {"rfilename": "x-f16.gguf", "size": 2_006_573_568}]
    found = model(GGUF, siblings=files)
    assert (found.size, found.estimated) == (600_000_000, False)
    assert found.bits == round(8 * 600_000_000 / 999885952, 2)


def test_the_parts_of_a_split_file_are_one_model_and_projectors_are_none():
    files = [
        {"rfilename": "Q8_0/big-Q8_0-00002-of-00002.gguf", "size": 7},
        {"rfilename": "Q8_0/big-Q8_0-00001-of-00002.gguf", "size": 5},
        {"rfilename": "mmproj-f16.gguf", "size": 100},
        {"rfilename": "imatrix.gguf", "size": 100},
        {"rfilename": "big-UD-IQ2_M.gguf", "size": 3},
    ]
    found = model(GGUF, siblings=files)
    assert found.quantizations == ("UD-IQ2_M", "Q8_0")
    assert (found.quantization, found.size) == ("UD-IQ2_M", 3)
    assert model(GGUF, siblings=files[:3]).size == 12


def test_the_one_file_the_hub_parsed_has_the_size_it_says():
    found = model(GGUF, siblings=[{"rfilename": "gemma-3-1b-it-f16.gguf"}])
    assert (found.size, found.estimated, found.quantization, found.bits) == (2006573568, False, "f16", 16.05)


def test_packed_words_are_counted_as_the_parameters_they_hold():
    found = model(PACKED)
    assert found.parameters == 154468352 * 8 + 67584 == 1_235_814_400  # as Meta counts them
    assert found.size == 154468352 * 4 + (38617088 + 67584) * 2
    assert found.estimated
    assert (found.bits, found.quantization, found.method) == (4.5, "4bit", "affine")


def test_words_that_are_parameters_already_are_not_multiplied():
    for facts in (
        {},  # too few scales for packed words
        {"usedStorage": 15_700_000_000},
        {"siblings": [{"rfilename": "model.safetensors", "size": 15_600_000_000}]},
    ):
        assert model(MLX, **facts).parameters == 25235685376 + 570250830
    found = model(MLX)
    assert (found.active_parameters, found.capabilities) == (4_000_000_000, {"vision"})


def test_the_files_sizes_settle_what_the_words_are():
    files = [
        {"rfilename": "model-00001-of-00002.safetensors", "size": 400_000_000},
        {"rfilename": "model-00002-of-00002.safetensors", "size": 295_283_921},
        {"rfilename": "consolidated.safetensors", "size": 9_000_000_000},
        {"rfilename": "original/model.safetensors", "size": 9_000_000_000},
        {"rfilename": "README.md", "size": 10},
    ]
    found = model(PACKED, siblings=files)
    assert (found.parameters, found.size, found.estimated) == (1_235_814_400, 695_283_921, False)
    assert found.bits == 4.5


def test_a_name_settles_it_where_layers_differ_in_their_bits():
    config = {"quantization_config": {"group_size": 32, "bits": 4, "mode": "mxfp4", "lm_head": {"bits": 8}}}
    counts = {"parameters": {"U32": 2_800_000_000, "BF16": 10_000_000, "U8": 600_000_000}}
    found = model(
        id="mlx-community/gpt-oss-20b-MXFP4-Q8", tags=["mlx", "safetensors"], config=config, safetensors=counts
    )
    assert (found.parameters, found.quantization, found.method) == (20_000_000_000, "MXFP4", "mxfp4")
    assert found.size == 4 * 2_800_000_000 + 2 * 10_000_000 + 600_000_000


def test_plain_weights_are_counted_as_they_are():
    counts = {"parameters": {"BF16": 1235814400, "I64": 10}, "total": 1235814410}
    found = model(id="meta-llama/Llama-3.2-1B", tags=["safetensors"], safetensors=counts, gated="manual")
    assert (found.parameters, found.bits, found.size) == (1235814400, 16.0, 2471628880)
    assert (found.engine, found.quantization, found.gated) == (None, None, "manual")


def test_what_another_tool_packed_is_not_miscounted():
    config = {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}
    counts = {"parameters": {"I32": 820_000_000, "F16": 1_100_000_000}, "total": 1_920_000_000}
    found = model(id="Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", tags=["safetensors"], config=config, safetensors=counts)
    assert (found.parameters, found.method, found.quantization) == (7_000_000_000, "gptq", "4bit")
    assert found.size == 4 * 820_000_000 + 2 * 1_100_000_000


def test_without_counts_the_name_is_the_last_resort_and_the_size_is_marked():
    found = model(id="mlx-community/DeepSeek-R1-Distill-Llama-8B-4bit", tags=["mlx", "safetensors"])
    assert (found.parameters, found.bits, found.size) == (8_000_000_000, 4.5, 4_500_000_000)
    assert found.estimated
    assert found.capabilities == {"reasoning"}


def test_the_method_a_config_cannot_tell_is_in_the_name():
    assert model(PACKED, id="mlx-community/Qwen3-4B-4bit-DWQ").method == "dwq"


def test_a_quantization_has_the_parameters_of_its_original():
    tags = ["mlx", "safetensors", "base_model:Qwen/Qwen3-4B", "base_model:quantized:Qwen/Qwen3-4B"]
    assert model(id="someone/my-favourite-4bit", tags=tags).parameters == 4_000_000_000
    assert model(id="someone/my-favourite-4bit", tags=tags[:3]).parameters is None  # a finetune may differ


def test_unknown_stays_unknown():
    found = model(id="someone/thing")
    assert (found.format, found.engine, found.parameters, found.size, found.bits) == (None,) * 5
    assert (found.task, found.licence, found.architecture, found.context_length) == (None,) * 4
    assert (found.downloads, found.likes, found.updated, found.quality) == (None,) * 4
    assert found.capabilities == frozenset()
    assert not found.estimated


def test_the_whole_repositorys_storage_is_the_last_estimate():
    found = model(id="someone/thing", tags=["safetensors"], usedStorage=5_000)
    assert (found.size, found.estimated) == (5_000, True)


@pytest.mark.parametrize(
    ("files", "tags", "format"),
    [
        (["model.onnx"], [], "onnx"),
        (["model.mlpackage/Manifest.json"], [], "coreml"),
        (["model.tflite"], [], "tflite"),
        (["pytorch_model.bin"], ["pytorch"], "pytorch"),
        (["weights.npz"], ["mlx"], "npz"),
        (["model.safetensors", "pytorch_model.bin"], [], "safetensors"),
        (["README.md"], ["safetensors"], None),
        ([], ["onnx"], "onnx"),
        ([], ["gguf"], "gguf"),
    ],
)
def test_the_format_is_that_of_the_files_else_of_the_tags(files, tags, format):
    assert model(id="a/b", siblings=[{"rfilename": name} for name in files], tags=tags).format == format


def test_a_repository_of_both_formats_goes_by_its_name():
    both = [{"rfilename": "model.safetensors"}, {"rfilename": "b-Q4_K_M.gguf"}]
    assert model(id="a/b", siblings=both).format == "safetensors"
    assert model(id="a/b-GGUF", siblings=both).format == "gguf"


@pytest.mark.parametrize(
    ("facts", "task"),
    [
        ({"pipeline_tag": "translation"}, "translation"),
        ({"tags": ["pytorch", "text-to-image"]}, "text-to-image"),
        ({"transformersInfo": {"pipeline_tag": "summarization"}}, "summarization"),
        ({"library_name": "sentence-transformers"}, "sentence-similarity"),
        ({"config": {"architectures": ["LlamaForCausalLM"]}}, "text-generation"),
        ({"tags": ["conversational"]}, "text-generation"),
        ({"gguf": {"chat_template": "{{ messages }}"}}, "text-generation"),
        ({}, None),
    ],
)
def test_the_task(facts, task):
    assert model(id="a/b", **facts).task == task


@pytest.mark.parametrize(
    ("facts", "capabilities"),
    [
        ({"pipeline_tag": "image-text-to-text"}, {"vision"}),
        ({"pipeline_tag": "feature-extraction"}, {"embeddings"}),
        ({"gguf": {"chat_template": "{% if tools %}<think>"}}, {"tools", "reasoning"}),
        ({"config": {"tokenizer_config": {"chat_template": "{{ tools }}"}}}, {"tools"}),
        ({"config": {"tokenizer_config": {"chat_template": [{"template": "{{ tools }}"}]}}}, {"tools"}),
        ({"tags": ["function-calling"]}, {"tools"}),
        ({"tags": ["base_model:finetune:deepseek-ai/DeepSeek-R1"]}, {"reasoning"}),
        ({"id": "Qwen/Qwen3-Next-80B-A3B-Thinking"}, {"reasoning"}),
        ({"id": "someone/rethinking-llama"}, set()),
    ],
)
def test_the_capabilities(facts, capabilities):
    assert model({"id": "a/b"}, **facts).capabilities == capabilities


@pytest.mark.parametrize(
    ("facts", "licence"),
    [
        ({"cardData": {"license": "mit"}}, "mit"),
        ({"cardData": {"license": ["apache-2.0", "mit"]}}, "apache-2.0"),
        ({"cardData": {"license": "other", "license_name": "qwen"}}, "qwen"),
        ({"tags": ["license:llama3.2"]}, "llama3.2"),
        ({"cardData": {"license": "other"}}, "other"),
    ],
)
def test_the_licence(facts, licence):
    assert model(id="a/b", **facts).licence == licence


def test_the_architecture_may_stand_in_the_tags_only():
    assert model(id="a/b", tags=["mlx", "safetensors", "qwen3_moe", "text-generation"]).architecture == "qwen3_moe"
    for tag in ("llama-3", "llama.cpp", "llama_cpp", "llamafile", "mistral-common", "meta", "phishing"):
        assert model(id="a/b", tags=[tag]).architecture is None, tag
    for tag in ("llama", "qwen2_5_vl", "gemma3n", "phi3", "gpt_oss", "deepseek_v3", "granitemoe", "glm4_moe_lite"):
        assert model(id="a/b", tags=["mlx", tag]).architecture == tag


# Hostile listings

FIELDS = sorted({*GGUF, *MLX, "modelId", "createdAt", "sha", "trendingScore", "transformersInfo", "baseModels"})
INNER = [
    "license", "license_name", "base_model", "models", "id", "relation", "parameters", "U32", "BF16", "total",
    "architecture", "context_length", "size", "chat_template", "totalFileSize", "rfilename", "bits",
    "group_size", "mode", "quant_method", "quantization", "quantization_config", "model_type", "architectures",
    "tokenizer_config", "text_config", "max_position_embeddings", "pipeline_tag", "load_in_4bit",
]  # fmt: skip
STRINGS = [
    "", "a/b-7B-4bit", "x-Q4_K_M.gguf", "\ud800", "model.safetensors", "affine", "gptq", "license:", "base_model:",
    "mlx", "gguf", "0bit", "-00001-of-00001.gguf", "2025-13-99", "\0", "é" * 300,
]  # fmt: skip


def anything(chance: random.Random, depth: int = 0) -> object:
    """A value as hostile JSON, or a careless caller, may hold it."""
    kind = chance.randrange(9 if depth < 4 else 7)
    if kind == 7:
        return [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 8:
        return {chance.choice(INNER): anything(chance, depth + 1) for _ in range(chance.randrange(5))}
    numbers = [0, -1, 1, 4, 64, 10**12, 10**400, -(10**400), 2**64, 1.5, float("nan"), float("inf"), 1e308]
    return chance.choice([None, True, False, *numbers, *STRINGS])


def disturbed(value: object, chance: random.Random) -> object:
    """A copy in which something, at any depth, is something else."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        return value | {key: disturbed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], disturbed(value[at], chance), *value[at + 1 :]]
    return anything(chance)


def assert_sound(found: HubModel) -> None:
    """It can be written and read again: every field has the type it promises, and no text is broken."""
    assert msgspec.json.decode(msgspec.json.encode(found), type=HubModel) == found
    counts = (found.parameters, found.active_parameters, found.size, found.downloads, found.likes, found.context_length)
    assert all(count is None or 0 <= count < 2**63 for count in counts)
    assert found.bits is None or 0 < found.bits < 100


@pytest.mark.parametrize("seed", range(30))
def test_no_listing_makes_it_raise(seed):
    chance = random.Random(seed)
    for _ in range(200):
        base = chance.choice([GGUF, MLX, PACKED, {}])
        listing = dict(base)
        for _ in range(chance.randrange(3)):
            listing[chance.choice(FIELDS)] = anything(chance)
        for _ in range(chance.randrange(6)):
            listing = disturbed(listing, chance)
        assert_sound(hub_facts.model(listing))


def test_text_that_cannot_be_written_is_mended_wherever_it_stands():
    broken = {"quantization": {"quant_method": "x\ud800"}, "model_type": "\udfff"}
    assert_sound(model(MLX, config=broken, sha="\ud800", tags=["\ud800"], author="\ud800"))


@pytest.mark.parametrize("listing", [None, [], "x", 3, {1: 2}, {"id": None}])
def test_what_is_no_listing_is_an_empty_one(listing):
    assert_sound(hub_facts.model(listing))
