from __future__ import annotations

import msgspec
import pytest

from workbench.errors import ModelFilesError, ModelNotFoundError, NoUsableFilesError
from workbench.manager import choose


class File(msgspec.Struct, frozen=True):
    path: str
    size: int = 1


def chosen(*paths, quantization=None, engine=None):
    return [file.path for file in choose.needed([File(path) for path in paths], quantization, engine).files]


MLX = ("config.json", "tokenizer.json", "model.safetensors")


def test_of_safetensors_only_what_mlx_lm_reads():
    extra = ("tokenizer.model", "merges.txt", "chat_template.jinja", "added.jsonl", "modeling_x.py", "qwen.tiktoken")
    useless = (
        "README.md",
        ".gitattributes",
        "consolidated.safetensors",
        "pytorch_model.bin",
        "onnx/model.onnx",
        "a.png",
    )
    assert set(chosen(*MLX, *extra, *useless)) == {*MLX, *extra}


def test_the_patterns_are_those_of_the_mlx_lm_that_is_installed():
    utils = pytest.importorskip("mlx_lm.utils")
    assert list(choose.MLX_PATTERNS) == utils.DEFAULT_ALLOW_PATTERNS


def test_of_several_quantizations_one():
    files = (
        "m-Q8_0.gguf",
        "m-Q4_K_M.gguf",
        "m-Q2_K.gguf",
        "mmproj-m-f16.gguf",
        "imatrix.gguf",
        "README.md",
        "config.json",
    )
    found = choose.needed([File(path) for path in files])
    assert [file.path for file in found.files] == ["m-Q4_K_M.gguf"]
    assert (found.format, found.quantization, found.size) == ("gguf", "Q4_K_M", 1)
    assert set(found.quantizations) == {"Q8_0", "Q4_K_M", "Q2_K"}
    assert chosen(*files, quantization="q8_0") == ["m-Q8_0.gguf"]


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (("m-Q8_0.gguf", "m-Q5_K_M.gguf", "m-Q2_K.gguf"), "m-Q5_K_M.gguf"),
        (("m-F16.gguf", "m-Q8_0.gguf"), "m-Q8_0.gguf"),
        (("m-UD-Q4_K_XL.gguf", "m-IQ1_S.gguf"), "m-UD-Q4_K_XL.gguf"),
        (("m-BF16.gguf", "m-MXFP4.gguf"), "m-MXFP4.gguf"),
        (("whatever.gguf",), "whatever.gguf"),
    ],
)
def test_without_the_preferred_one_the_nearest_to_four_bits(there, taken):
    assert chosen(*there) == [taken]


def test_parts_stay_together_also_in_a_folder():
    parts = [f"Q4_K_M/m-Q4_K_M-{n:05}-of-00003.gguf" for n in (1, 2, 3)]
    assert chosen("m-Q8_0.gguf", *reversed(parts)) == parts
    with pytest.raises(ModelFilesError, match="2 of the 3 parts"):
        chosen("m-Q8_0.gguf", *parts[:2])


def test_both_formats_in_one_repository():
    both = (*MLX, "m-Q5_K_M.gguf")
    assert set(chosen(*both)) == set(MLX)
    assert chosen(*both, quantization="Q5_K_M") == chosen(*both, engine="llama_cpp") == ["m-Q5_K_M.gguf"]


def test_an_unknown_quantization_names_those_there_are():
    with pytest.raises(ModelNotFoundError, match="Q4_K_M, Q8_0"):
        chosen("m-Q8_0.gguf", "m-Q4_K_M.gguf", quantization="Q3_K_S")
    with pytest.raises(ModelNotFoundError, match="leave it out"):
        chosen(*MLX, quantization="Q3_K_S")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (("config.json", "pytorch_model.bin", "onnx/model.onnx"), "only ONNX and PyTorch"),
        (("README.md",), "no weights at all"),
        (("diffusion.safetensors",), "model\\*.safetensors"),
        ((), "no weights at all"),
    ],
)
def test_no_usable_files_says_what_was_found(there, said):
    with pytest.raises(NoUsableFilesError, match=said):
        chosen(*there)


UNSAFE = ("../x.json", "a/../../x.json", "/etc/x.json", "a\\b.json", "", "a//b.json", "./a.json", "c:x.json")
ON_WINDOWS = ("aux.json", "a/NUL", "com1.json", "a.json.", "a /b.json", "a\0.json")


@pytest.mark.parametrize("path", UNSAFE + ON_WINDOWS)
def test_a_path_that_leaves_the_folder_is_refused(path):
    with pytest.raises(ModelFilesError, match="no safe file name"):
        chosen(*MLX, path)
