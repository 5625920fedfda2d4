"""Names of the field, as they stand on the hub: what they say is read, and what they do not say is not invented."""

from __future__ import annotations

import random

import pytest

from workbench.manager import names

B, M = 10**9, 10**6
REAL = [
    # name, parameters, active parameters, bits, quantization, method
    ("mlx-community/Llama-3.2-1B-Instruct-4bit", 1 * B, None, 4, "4bit", None),
    ("mlx-community/Llama-3.2-3B-Instruct-4bit", 3 * B, None, 4, "4bit", None),
    ("mlx-community/Meta-Llama-3.1-8B-Instruct-4bit", 8 * B, None, 4, "4bit", None),
    ("mlx-community/Meta-Llama-3.1-405B-2bit", 405 * B, None, 2, "2bit", None),
    ("mlx-community/Llama-3.3-70B-Instruct-3bit", 70 * B, None, 3, "3bit", None),
    ("mlx-community/Llama-3.2-11B-Vision-Instruct-abliterated-4-bit", 11 * B, None, 4, "4bit", None),
    ("mlx-community/DeepSeek-R1-Distill-Qwen-1.5B-4bit", 1.5 * B, None, 4, "4bit", None),
    ("mlx-community/DeepSeek-R1-Distill-Qwen-1.5B-8bit", 1.5 * B, None, 8, "8bit", None),
    ("mlx-community/DeepSeek-R1-Distill-Llama-8B-4bit", 8 * B, None, 4, "4bit", None),
    ("mlx-community/DeepSeek-R1-0528-Qwen3-8B-4bit-DWQ", 8 * B, None, 4, "4bit", "dwq"),
    ("mlx-community/DeepSeek-R1-4bit", None, None, 4, "4bit", None),
    ("mlx-community/DeepSeek-V3-0324-4bit", None, None, 4, "4bit", None),
    ("mlx-community/Qwen3-30B-A3B-4bit", 30 * B, 3 * B, 4, "4bit", None),
    ("mlx-community/Qwen3-30B-A3B-Instruct-2507-4bit-DWQ", 30 * B, 3 * B, 4, "4bit", "dwq"),
    ("mlx-community/Qwen3-30B-A3B-4bit-DWQ-05082025", 30 * B, 3 * B, 4, "4bit", "dwq"),
    ("mlx-community/Qwen3-235B-A22B-4bit", 235 * B, 22 * B, 4, "4bit", None),
    ("mlx-community/Qwen3-Next-80B-A3B-Thinking-6bit", 80 * B, 3 * B, 6, "6bit", None),
    ("mlx-community/Qwen3-Coder-480B-A35B-Instruct-4bit", 480 * B, 35 * B, 4, "4bit", None),
    ("mlx-community/Qwen3-0.6B-bf16", 0.6 * B, None, 16, "bf16", None),
    ("mlx-community/Qwen3-1.7B-5bit", 1.7 * B, None, 5, "5bit", None),
    ("mlx-community/Qwen3.5-9B-4bit", 9 * B, None, 4, "4bit", None),
    ("mlx-community/Qwen3.6-35B-A3B-4bit", 35 * B, 3 * B, 4, "4bit", None),
    ("mlx-community/Qwen2.5-VL-7B-Instruct-4bit", 7 * B, None, 4, "4bit", None),
    ("mlx-community/Qwen2.5-14B-Instruct-1M-4bit", 14 * B, None, 4, "4bit", None),
    ("Qwen/Qwen3-Embedding-0.6B", 0.6 * B, None, None, None, None),
    ("Qwen/Qwen1.5-MoE-A2.7B-Chat", None, 2.7 * B, None, None, None),
    ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", 7 * B, None, 4, "int4", "gptq"),
    ("Qwen/Qwen2.5-7B-Instruct-AWQ", 7 * B, None, None, "AWQ", "awq"),
    ("Qwen/Qwen3-8B-FP8", 8 * B, None, 8, "FP8", None),
    ("Qwen/Qwen3-4B-MLX-8bit", 4 * B, None, 8, "8bit", None),
    ("mistralai/Mixtral-8x7B-Instruct-v0.1", 46.7 * B, 12.9 * B, None, None, None),
    ("mlx-community/Mixtral-8x22B-Instruct-v0.1-4bit", 141 * B, 39 * B, 4, "4bit", None),
    ("TheBloke/dolphin-2.5-mixtral-8x7b-GGUF", 46.7 * B, 12.9 * B, None, None, None),
    ("mlabonne/Beyonder-4x7B-v3", None, None, None, None, None),
    ("mlabonne/phixtral-4x2_8", None, None, None, None, None),
    ("mlx-community/Llama-4-Scout-17B-16E-Instruct-4bit", None, 17 * B, 4, "4bit", None),
    ("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", None, 17 * B, 8, "FP8", None),
    ("mlx-community/Mistral-Small-3.2-24B-Instruct-2506-4bit", 24 * B, None, 4, "4bit", None),
    ("mlx-community/Mistral-Small-24B-Instruct-2501-6bit", 24 * B, None, 6, "6bit", None),
    ("mlx-community/Mistral-7B-Instruct-v0.3-4bit", 7 * B, None, 4, "4bit", None),
    ("mlx-community/Mistral-7B-Instruct-v0.2-8-bit-mlx", 7 * B, None, 8, "8bit", None),
    ("mlx-community/mistral-7B-v0.1", 7 * B, None, None, None, None),
    ("mlx-community/Mistral-Nemo-Instruct-2407-4bit", None, None, 4, "4bit", None),
    ("mlx-community/Ministral-3-8B-Instruct-2512-4bit", 8 * B, None, 4, "4bit", None),
    ("mlx-community/Codestral-22B-v0.1-8bit", 22 * B, None, 8, "8bit", None),
    ("mlx-community/gpt-oss-20b-MXFP4-Q8", 20 * B, None, 4, "MXFP4", "mxfp4"),
    ("openai/gpt-oss-120b", 120 * B, None, None, None, None),
    ("unsloth/gpt-oss-20b-GGUF/gpt-oss-20b-F16.gguf", 20 * B, None, 16, "f16", None),
    ("mlx-community/SmolLM-360M-4bit", 360 * M, None, 4, "4bit", None),
    ("HuggingFaceTB/SmolLM2-135M-Instruct", 135 * M, None, None, None, None),
    ("HuggingFaceTB/SmolLM3-3B", 3 * B, None, None, None, None),
    ("mlx-community/gemma-3-270m-it-8bit", 270 * M, None, 8, "8bit", None),
    ("mlx-community/gemma-3-12b-it-4bit", 12 * B, None, 4, "4bit", None),
    ("mlx-community/gemma-3-27b-it-qat-4bit", 27 * B, None, 4, "4bit", "qat"),
    ("google/gemma-3-4b-it-qat-q4_0-gguf", 4 * B, None, 4, "Q4_0", "qat"),
    ("mlx-community/gemma-3n-E4B-it-lm-4bit", None, 4 * B, 4, "4bit", None),
    ("mlx-community/gemma-4-e4b-it-4bit", None, 4 * B, 4, "4bit", None),
    ("mlx-community/gemma-4-26b-a4b-it-4bit", 26 * B, 4 * B, 4, "4bit", None),
    ("google/gemma-2-2b-jpn-it", 2 * B, None, None, None, None),
    ("mlx-community/phi-4-4bit", None, None, 4, "4bit", None),
    ("microsoft/Phi-4-mini-instruct", None, None, None, None, None),
    ("microsoft/Phi-3-mini-128k-instruct", None, None, None, None, None),
    ("microsoft/Phi-3-mini-4k-instruct-gguf/Phi-3-mini-4k-instruct-q4.gguf", None, None, 4, "Q4", None),
    ("microsoft/bitnet-b1.58-2B-4T", 2 * B, None, None, None, None),
    ("TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T", 1.1 * B, None, None, None, None),
    (
        "TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF/tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf",
        1.1 * B,
        None,
        4,
        "Q4_K_M",
        "k-quant",
    ),
    ("bartowski/Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-IQ4_XS.gguf", 3 * B, None, 4, "IQ4_XS", "i-quant"),
    ("bartowski/Qwen3-8B-GGUF/Qwen3-8B-Q6_K_L.gguf", 8 * B, None, 6, "Q6_K_L", "k-quant"),
    ("unsloth/Qwen3-8B-GGUF/Qwen3-8B-UD-Q4_K_XL.gguf", 8 * B, None, 4, "UD-Q4_K_XL", "k-quant"),
    ("unsloth/DeepSeek-R1-GGUF/DeepSeek-R1-UD-IQ1_S-00001-of-00003.gguf", None, None, 1, "UD-IQ1_S", "i-quant"),
    ("Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf", 0.6 * B, None, 8, "Q8_0", "legacy"),
    ("ggml-org/Qwen3-1.7B-GGUF/Qwen3-1.7B-f16.gguf", 1.7 * B, None, 16, "f16", None),
    ("noctrex/Qwen3.5-35B-A3B-MXFP4_MOE-GGUF", 35 * B, 3 * B, 4, "MXFP4_MOE", "mxfp4"),
    ("bartowski/Phi-3.5-mini-instruct-GGUF/Phi-3.5-mini-instruct-Q4_0_4_4.gguf", None, None, 4, "Q4_0_4_4", "legacy"),
    ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4", 30 * B, 3 * B, 4, "NVFP4", "nvfp4"),
    ("nvidia/Llama-3_3-Nemotron-Super-49B-v1", 49 * B, None, None, None, None),
    ("mlx-community/granite-4.1-30b-nvfp4", 30 * B, None, 4, "NVFP4", "nvfp4"),
    ("ibm-granite/granite-3.1-3b-a800m-instruct", 3 * B, 800 * M, None, None, None),
    ("allenai/OLMoE-1B-7B-0924-Instruct", 7 * B, 1 * B, None, None, None),
    ("allenai/OLMo-2-1124-7B-Instruct", 7 * B, None, None, None, None),
    ("apple/OpenELM-1_1B-Instruct", 1.1 * B, None, None, None, None),
    ("stabilityai/stablelm-2-1_6b-chat", 1.6 * B, None, None, None, None),
    ("internlm/internlm2_5-7b-chat-1m", 7 * B, None, None, None, None),
    ("gradientai/Llama-3-8B-Instruct-Gradient-1048k", 8 * B, None, None, None, None),
    ("LargeWorldModel/LWM-Text-Chat-1M", None, None, None, None, None),
    ("roneneldan/TinyStories-33M", 33 * M, None, None, None, None),
    ("EleutherAI/pythia-70m-deduped", 70 * M, None, None, None, None),
    ("openai/whisper-large-v3-turbo", None, None, None, None, None),
    ("mlx-community/whisper-large-v3-mlx-4bit", None, None, 4, "4bit", None),
    ("stabilityai/stable-diffusion-xl-base-1.0", None, None, None, None, None),
    ("BAAI/bge-m3", None, None, None, None, None),
    ("sentence-transformers/all-MiniLM-L6-v2", None, None, None, None, None),
    ("intfloat/e5-mistral-7b-instruct", 7 * B, None, None, None, None),
    ("mlx-community/Kimi-K2-Instruct-0905-mlx-DQ3_K_M", None, None, 3, "DQ3_K_M", None),
    ("inclusionAI/Ling-1T", 1000 * B, None, None, None, None),
    ("mlx-community/GLM-4.7-Flash-4bit", None, None, 4, "4bit", None),
    ("mlx-community/GLM-4-9B-0414-4bit", 9 * B, None, 4, "4bit", None),
    ("CohereLabs/c4ai-command-r-plus-08-2024", None, None, None, None, None),
    ("mlx-community/LFM2-8B-A1B-8bit-MLX", 8 * B, 1 * B, 8, "8bit", None),
    ("unsloth/llama-3-8b-bnb-4bit", 8 * B, None, 4, "4bit", "bitsandbytes"),
    ("turboderp/Mistral-7B-instruct-exl2/4.0bpw", None, None, 4, "4.0bpw", None),
    ("LoneStriker/Mistral-7B-Instruct-v0.3-4.0bpw-h6-exl2", 7 * B, None, 4, "4.0bpw", "exl2"),
    ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", 8 * B, None, 4, "int4", "awq"),
    ("RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16", 70 * B, None, 4, "W4A16", None),
    ("mlc-ai/Llama-3.2-3B-Instruct-q4f16_1-MLC", 3 * B, None, 4, "q4f16_1", None),
    ("mlx-community/Qwen3-4B-mixed_3_6", 4 * B, None, None, "mixed_3_6", "mixed"),
    ("mlx-community/Llama-3.1-8B-Instruct-fp16", 8 * B, None, 16, "fp16", None),
    ("NousResearch/Hermes-3-Llama-3.2-3B", 3 * B, None, None, None, None),
    ("llama3.2:1b", 1 * B, None, None, None, None),
    ("gpt2", None, None, None, None, None),
]


@pytest.mark.parametrize(("name", "parameters", "active", "bits", "quantization", "method"), REAL)
def test_a_real_name(name, parameters, active, bits, quantization, method):
    found = names.read(name)
    assert (found.parameters, found.active_parameters) == (parameters, active)
    assert (found.bits, found.quantization, found.method) == (bits, quantization, method)


def test_there_are_many_of_them():
    assert len({row[0] for row in REAL}) == len(REAL) >= 80


@pytest.mark.parametrize("name", ["v0.3", "2507", "3.1", "0528", "24-2501", "1.58", "x-1.0-2024-08-06", "128k", "32K"])
def test_versions_dates_and_contexts_are_no_sizes(name):
    assert names.read(f"model-{name}") == names.NameFacts()


def test_two_sizes_that_contradict_each_other_say_nothing():
    assert names.read("merge-of-7B-and-13B").parameters is None


def test_only_the_last_part_of_an_id_speaks():
    assert names.read("company-70B-4bit/model") == names.NameFacts()


def test_any_text_is_read_quickly_and_without_an_error():
    chance = random.Random(3)
    for _ in range(2000):
        text = "".join(chance.choice("0123456789abkmqtxBQ_K.-/:ié\ud800") for _ in range(chance.randrange(60)))
        names.read(text)
    names.read("1_" * 50_000 + "-" + "9" * 50_000 + "b")
    names.read("0" * 400 + "b-" + "9" * 400 + "bit")
