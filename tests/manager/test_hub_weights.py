"""Weights of a repository by its counts: each formula is held against numbers worked out by hand."""

from __future__ import annotations

import random

import pytest

from workbench.manager import hub_weights, quantizations
from workbench.manager.quantizations import Quantization


def measured(counts: dict, bits: int = 4, group: int = 64, **facts: object) -> hub_weights.Weights:
    known = {"sizes": {}, "group": group, "mixed": False, "nominal": None, "used": None} | facts
    quantization = quantizations.in_config({"bits": bits, "group_size": group})
    return hub_weights.of_safetensors(counts=counts, quantization=quantization, **known)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("group", [32, 64, 128])
def test_both_ways_to_count_give_the_same_parameters(bits, group):
    """Packed or logical: from the parameters a repository would have, back to them."""
    chance = random.Random(bits * group)
    for _ in range(20):
        quantized = chance.randrange(10**6, 10**8) // 4096 * 4096
        plain = chance.randrange(10**3, quantized // 10)
        scales = 2 * quantized // group
        nominal = chance.choice([None, round(quantized, -6)]) if bits * group <= 512 else round(quantized, -6)
        packed = measured({"U32": quantized * bits // 32, "BF16": scales + plain}, bits, group, nominal=nominal)
        logical = measured({"U32": quantized, "BF16": plain}, bits, group, nominal=nominal)
        assert packed.parameters == logical.parameters == quantized + plain
        assert packed.size == quantized * bits // 8 + 2 * (scales + plain)
        assert logical.size == round((quantized + plain) * (bits + 32 / group) / 8)
        assert packed.estimated
        assert logical.estimated


def test_the_bytes_on_the_hub_outweigh_the_scales():
    counts = {"U32": 1_000_000, "BF16": 900_000}  # by its scales it could be packed
    assert measured(counts).parameters == 8_000_000 + 900_000 - 250_000
    assert measured(counts, nominal=1_500_000).parameters == 1_900_000  # by its name it is not
    assert measured(counts, used=3_000_000).parameters == 1_900_000


def test_bits_that_differ_between_layers_are_not_guessed():
    counts = {"U32": 1_000_000, "BF16": 300_000}
    assert measured(counts, mixed=True).parameters is None
    assert measured(counts, mixed=True, nominal=8_000_000) == hub_weights.Weights(
        parameters=8_000_000, bits=4.5, size=4_600_000, estimated=True
    )


@pytest.mark.parametrize(
    "counts", [{}, {"U32": -1}, {"U32": "many"}, {"NEW": 5, "BF16": 9}, {"U32": True}, {"F16": 2**60}]
)
def test_counts_that_are_none_are_passed_over(counts):
    assert measured(counts).parameters is None


def test_a_size_and_a_count_that_cannot_belong_together_give_no_bits():
    found = hub_weights.of_safetensors(
        {"model.safetensors": 100}, {"F16": 10**9}, Quantization(), group=64, mixed=False, nominal=None, used=None
    )
    assert (found.size, found.parameters, found.bits) == (100, 10**9, None)


def test_sizes_are_summed_only_when_all_are_told():
    sizes = hub_weights.file_sizes(
        [{"rfilename": "a-Q8_0-00001-of-00002.gguf", "size": 5}, {"rfilename": "a-Q8_0-00002-of-00002.gguf"}, 7, None]
    )
    assert [file.size for file in hub_weights.gguf_files(sizes)] == [None]
    assert hub_weights.of_gguf(None, 800, nominal=None) == hub_weights.Weights(parameters=800)


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (["a-Q8_0", "a-Q4_K_M", "a-Q4_0"], "Q4_K_M"),
        (["a-Q8_0", "a-Q5_K_M", "a-Q2_K"], "Q5_K_M"),
        (["a", "a-BF16"], "bf16"),
        (["a"], None),
    ],
)
def test_the_one_that_is_meant_comes_first(names, first):
    found = hub_weights.gguf_files({f"{name}.gguf": None for name in names})
    assert found[0].quantization.name == first
    assert len(found) == len(names)
