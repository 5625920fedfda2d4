"""The curated list: what was asked to be on it is, every entry has a reason, and no guess passes for a fact."""

from __future__ import annotations

import msgspec
import pytest

from workbench.manager import curated, hub_facts
from workbench.model import HubModel

ENTRIES = {entry.model.id: entry for entry in curated.entries()}


@pytest.mark.parametrize(
    "model_id",
    [
        "mlx-community/Llama-3.2-1B-Instruct-4bit",
        "mlx-community/Llama-3.2-3B-Instruct-4bit",
        "mlx-community/Meta-Llama-3.1-8B-Instruct-4bit",
        "mlx-community/DeepSeek-R1-Distill-Qwen-1.5B-4bit",
        "mlx-community/DeepSeek-R1-Distill-Qwen-1.5B-8bit",
        "mlx-community/DeepSeek-R1-Distill-Llama-8B-4bit",
        "TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF:Q4_K_M",
        "microsoft/Phi-3-mini-4k-instruct-gguf:q4",
    ],
)
def test_the_models_that_must_be_there_are_there(model_id):
    assert model_id in ENTRIES


def test_llama_3b_is_the_default_and_stands_first():
    assert [entry.model.id for entry in curated.entries() if entry.default] == [curated.DEFAULT]
    assert curated.entries()[0].model.id == curated.DEFAULT == "mlx-community/Llama-3.2-3B-Instruct-4bit"


def test_every_entry_has_a_reason_of_one_sentence_and_what_a_choice_needs():
    assert len(ENTRIES) == len(curated.entries()) >= 18
    for entry in curated.entries():
        model = entry.model
        assert entry.reason.endswith(".")
        assert ". " not in entry.reason
        assert model.size
        assert model.quantization
        assert model.context_length
        assert model.status == "hub"
        assert model.engine in ("mlx", "llama_cpp")
    assert len({entry.reason for entry in curated.entries()}) == len(ENTRIES)


def test_the_others_go_from_small_to_large():
    sizes = [entry.model.size for entry in curated.entries()[1:]]
    assert sizes == sorted(sizes)


def test_a_size_that_was_rounded_or_computed_says_so():
    for entry in curated.entries():
        if entry.model.size % 10_000 == 0:
            assert entry.model.estimated, entry.model.id
    assert not ENTRIES[curated.DEFAULT].model.estimated
    assert ENTRIES["mlx-community/DeepSeek-R1-Distill-Llama-8B-4bit"].model.estimated


def test_sizes_parameters_and_bits_belong_together():
    for entry in curated.entries():
        model = entry.model
        if model.parameters:
            assert 0.75 * model.bits < 8 * model.size / model.parameters < 1.35 * model.bits, model.id


def test_facts_of_the_entries():
    gpt = ENTRIES["mlx-community/gpt-oss-20b-MXFP4-Q8"].model
    assert (gpt.method, gpt.active_parameters) == ("mxfp4", 3_600_000_000)
    assert gpt.capabilities == {"reasoning", "tools"}
    tiny = ENTRIES["TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF:Q4_K_M"].model
    assert (tiny.format, tiny.quantization, tiny.size) == ("gguf", "Q4_K_M", 668_788_096)
    assert ENTRIES["mlx-community/GLM-4.7-Flash-4bit"].model.parameters is None  # no source, no number


def seen(model_id: str, **facts: object) -> HubModel:
    return hub_facts.model({"id": model_id, "tags": ["mlx", "safetensors"], **facts})


def test_a_listing_seen_since_replaces_what_was_estimated():
    name = "mlx-community/Meta-Llama-3.1-8B-Instruct-4bit"
    files = [{"rfilename": "model.safetensors", "size": 4_517_404_999}]
    newer = seen(name, siblings=files, downloads=77, likes=3)
    found = {e.model.id: e for e in curated.with_seen(curated.entries(), {name: newer})}
    model = found[name].model
    assert (model.size, model.estimated, model.downloads, model.likes) == (4_517_404_999, False, 77, 3)
    assert model.licence == "llama3.1"
    assert found[name].reason == ENTRIES[name].reason
    assert found[curated.DEFAULT] == ENTRIES[curated.DEFAULT]


def test_an_estimate_does_not_replace_a_size_that_was_read():
    newer = seen(curated.DEFAULT, usedStorage=999)
    assert newer.estimated
    model = curated.with_seen(curated.entries(), {curated.DEFAULT: newer})[0].model
    assert (model.size, model.estimated) == (1_807_496_278, False)


def test_a_gguf_entry_keeps_the_size_of_its_own_file():
    name = "TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF"
    files = [{"rfilename": "a.Q8_0.gguf", "size": 5}]
    newer = msgspec.structs.replace(seen(name, siblings=files, downloads=9), format="gguf")
    model = curated.with_seen(curated.entries(), {name: newer})[1].model
    assert (model.id, model.size, model.downloads) == (f"{name}:Q4_K_M", 668_788_096, 9)
    same = hub_facts.model(
        {"id": name, "siblings": [{"rfilename": "a.Q8_0.gguf"}, {"rfilename": "a.Q4_K_M.gguf", "size": 7}]}
    )
    assert curated.with_seen(curated.entries(), {name: same})[1].model.size == 7
