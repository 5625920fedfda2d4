"""Quantizations by name and by config: what they are called, how made, and how much they store."""

from __future__ import annotations

import pytest

from workbench.manager import quantizations
from workbench.manager.quantizations import Quantization


@pytest.mark.parametrize(
    ("facts", "name", "bits", "stored", "method"),
    [
        ({"group_size": 64, "bits": 4}, "4bit", 4, 4.5, "affine"),
        ({"group_size": 32, "bits": 8, "mode": "affine"}, "8bit", 8, 9.0, "affine"),
        ({"bits": 6}, "6bit", 6, 6.5, "affine"),
        ({"group_size": 32, "bits": 4, "mode": "mxfp4"}, "MXFP4", 4, 4.25, "mxfp4"),
        ({"group_size": 16, "bits": 4, "mode": "nvfp4"}, "NVFP4", 4, 4.5, "nvfp4"),
        ({"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]}, "MXFP4", 4, 4.25, "mxfp4"),
        ({"quant_method": "fp8"}, "FP8", 8, None, "fp8"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "4bit", 4, None, "gptq"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "8bit", 8, None, "bitsandbytes"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors", None, None, "compressed-tensors"),
        ({}, None, None, None, None),
        ({"bits": True, "mode": 3}, None, None, None, None),
        ({"bits": 10**30}, None, None, None, None),
        ({"bits": 4, "group_size": 0}, "4bit", 4, 4.5, "affine"),
    ],
)
def test_a_config(facts, name, bits, stored, method):
    assert quantizations.in_config(facts) == Quantization(name=name, bits=bits, stored=stored, method=method)


STORED = {
    "x-Q4_K_M.gguf": 4.8944,
    "x-UD-Q4_K_M.gguf": None,
    "x-Q4_0": 4.5,
    "x-bf16": 16,
    "x-mxfp4": 4.25,
    "x-4bit": None,
}


@pytest.mark.parametrize(("text", "stored"), STORED.items())
def test_what_a_name_stores_is_said_only_where_it_is_known(text, stored):
    assert quantizations.in_name(text).stored == stored


def test_of_several_names_of_llama_cpps_the_last_counts():
    assert quantizations.in_name("model-f16-requantized-Q8_0-Q4_K_M.gguf").name == "Q4_K_M"


@pytest.mark.parametrize("text", ["", "model", "Q4KMistral", "0bit", "99bit", "v4", "fp17", "int3", "q0", "7b"])
def test_what_is_no_quantization(text):
    assert quantizations.in_name(text) == Quantization()


def test_the_bits_of_an_mlx_repository_without_a_config_are_mlx_lms_default():
    named = quantizations.in_name("x-4bit")
    assert quantizations.mlx_default(named) == quantizations.in_config({"bits": 4, "group_size": 64})
    assert quantizations.mlx_default(quantizations.in_name("x-bf16")) == Quantization()
    assert quantizations.mlx_default(quantizations.in_name("x-16bit")) == Quantization()
