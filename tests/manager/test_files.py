"""Model files, good and bad: what is in them is read right, and no impostor passes."""

from __future__ import annotations

import json
import random
import shutil
import struct
from contextlib import suppress

import pytest

from workbench import builtin
from workbench.errors import ModelFilesError
from workbench.manager import files, gguf_header, safetensors_header

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13159400\n"
HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>"


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped model."""
    return shutil.copytree(builtin.MODEL, tmp_path / "model")


@pytest.fixture
def gguf(tmp_path):
    return shutil.copyfile(builtin.path("gguf"), tmp_path / "model.gguf")


def refused(path):
    with pytest.raises(ModelFilesError) as raised:
        files.check(path)
    assert raised.value.message.endswith(".")
    assert raised.value.next_step
    return raised.value.message


def save_tensors(path, tensors, quantization=None):
    """A safetensors file of zeros, of these names, types and shapes."""
    header, at = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))


def test_a_folder_is_read(folder):
    found = files.check(folder)
    info = builtin.info()
    assert (found.format, found.architecture, found.dtype, found.bits) == ("safetensors", "llama", "F16", 16)
    assert (found.parameters, found.size, found.context_length) == (info.parameters, info.size, info.context_length)
    assert found.vocabulary == json.loads((folder / "config.json").read_text())["vocab_size"]
    assert found.has_template
    assert found.quantization is None
    assert info.capabilities <= found.capabilities


def test_a_gguf_file_is_read(gguf):
    found, glanced = files.check(gguf), files.glance(gguf)
    folder = files.check(builtin.path("safetensors"))
    for name in ("parameters", "architecture", "context_length", "vocabulary", "capabilities", "quantization", "bits"):
        assert getattr(found, name) == getattr(folder, name), name
    assert found.size == gguf.stat().st_size
    assert (glanced.architecture, glanced.context_length, glanced.parameters) == ("llama", 2048, None)


def test_quantized_weights_count_as_the_weights_they_were(folder):
    save_tensors(
        folder / "model.safetensors",
        {
            "a.weight": ("U32", [8, 16], 512),  # 8 x 128 weights of 4 bits
            "a.scales": ("F16", [8, 2], 32),
            "a.biases": ("F16", [8, 2], 32),
            "b.weight": ("U32", [8, 32], 1024),  # 8 x 128 weights of 8 bits, said in its own entry
            "b.scales": ("F16", [8, 2], 32),
            "b.biases": ("F16", [8, 2], 32),
            "norm.weight": ("F16", [128], 256),
        },
    )
    config = json.loads((folder / "config.json").read_text())
    config["quantization"] = {"group_size": 64, "bits": 4, "b": {"group_size": 64, "bits": 8}}
    (folder / "config.json").write_text(json.dumps(config))
    found = files.check(folder)
    assert found.parameters == 1024 + 1024 + 128
    assert found.quantization == "4bit"
    assert found.bits == round(8 * (512 + 1024 + 128 + 256) / found.parameters, 2)


@pytest.mark.parametrize(
    ("facts", "name", "method"),
    [
        ({"bits": 8}, "8bit", "affine"),
        ({"bits": 4, "mode": "mxfp4"}, "MXFP4", "mxfp4"),
        ({"quant_method": "awq", "bits": 4}, "4bit", "awq"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "4bit", "bitsandbytes"),
        ({"bits": "4"}, None, None),
    ],
)
def test_a_quantization_has_a_name_and_a_method(folder, facts, name, method):
    config = json.loads((folder / "config.json").read_text()) | {"quantization": facts}
    (folder / "config.json").write_text(json.dumps(config))
    found = files.check(folder)
    assert (found.quantization, found.method) == (name, method)


def test_a_method_that_no_config_tells_is_read_from_the_name(folder):
    config = json.loads((folder / "config.json").read_text()) | {"quantization": {"bits": 4, "group_size": 64}}
    (folder / "config.json").write_text(json.dumps(config))
    named = folder.rename(folder.with_name("Qwen3-4B-4bit-DWQ"))
    assert files.check(named).method == "dwq"
    cached = folder.parent / "models--org--Qwen3-4B-4bit-DWQ" / "snapshots" / "0123abcd"
    cached.parent.mkdir(parents=True)
    assert files.check(named.rename(cached)).method == "dwq"


def test_the_active_parameters_of_a_mixture_are_counted(folder):
    save_tensors(
        folder / "model.safetensors",
        {
            "model.layers.0.mlp.switch_mlp.up_proj.weight": ("F16", [8, 10, 10], 1600),
            "model.layers.0.mlp.shared_experts.up_proj.weight": ("F16", [10, 10], 200),
            "model.norm.weight": ("F16", [10], 20),
        },
    )
    config = json.loads((folder / "config.json").read_text()) | {"num_experts": 8, "num_experts_per_tok": 2}
    (folder / "config.json").write_text(json.dumps(config))
    found = files.check(folder)
    assert (found.parameters, found.active_parameters) == (910, 200 + 100 + 10)
    assert files.check(builtin.MODEL).active_parameters is None


def test_the_licence_is_on_the_model_card(folder):
    card = folder / "README.md"
    card.write_text("---\nlicense: other\nlicense_name: llama3.2\n---\n# A model\nlicense: mit\n")
    assert files.check(folder).licence == "llama3.2"
    card.write_text("---\r\ntags:\r\n- mlx\r\nlicense: apache-2.0\r\n---\r\n")
    assert files.check(folder).licence == "apache-2.0"
    card.write_text("# A model\nlicense: mit\n")
    assert files.check(folder).licence is None


def test_a_gguf_file_of_experts_says_what_is_active_and_its_licence(tmp_path):
    path = tmp_path / "tiny-8x1B.Q8_0.gguf"
    path.write_bytes(
        gguf_bytes(
            value(b"general.architecture", 8, string(b"qwen3moe")),
            value(b"general.license", 8, string(b"apache-2.0")),
            value(b"general.file_type", 4, struct.pack("<I", 7)),
            value(b"qwen3moe.expert_count", 4, struct.pack("<I", 8)),
            value(b"qwen3moe.expert_used_count", 4, struct.pack("<I", 2)),
            tensors=tensor(b"blk.0.ffn_up_exps.weight", [32, 8], 8, 0) + tensor(b"norm.weight", [32], 0, 288),
            count=2,
        )
        + bytes(1024)
    )
    found = files.check(path)
    assert (found.parameters, found.active_parameters) == (288, 96)
    assert (found.quantization, found.method, found.licence) == ("Q8_0", "legacy", "apache-2.0")


def test_a_glance_takes_from_the_name_what_it_does_not_count(gguf):
    named = gguf.rename(gguf.with_name("Llama-3.2-1B-Instruct-Q4_K_M.gguf"))
    assert files.glance(named).parameters == 10**9
    assert files.check(named).parameters == builtin.info().parameters
    assert files.check(named).quantization is None  # its own header knows better


def test_what_is_missing_but_not_needed_is_said(folder):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template")
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    found = files.check(folder)
    assert found.missing == ("chat template",)
    assert not found.has_template
    (folder / "chat_template.jinja").write_text("{{ tools }}")
    assert files.check(folder).capabilities == {"tools"}


def test_a_model_that_only_embeds_is_told_apart(folder):
    config = json.loads((folder / "config.json").read_text()) | {"architectures": ["BertModel"]}
    (folder / "config.json").write_text(json.dumps(config))
    assert "embeddings" in files.check(folder).capabilities


@pytest.mark.parametrize(
    ("name", "word"),
    [("config.json", "config.json"), ("tokenizer.json", "tokenizer"), ("model.safetensors", "weights")],
)
def test_a_folder_without_a_piece_is_refused(folder, name, word):
    (folder / name).unlink()
    assert word in refused(folder)


def test_a_folder_without_a_tokenizer_may_have_another_kind(folder):
    (folder / "tokenizer.json").rename(folder / "tokenizer.model")
    assert files.check(folder).vocabulary


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    "content", [HTML, LFS, b"", b"[1]", b'{"a":' + b"[" * 9999], ids=["html", "lfs", "empty", "list", "deep"]
)
def test_a_text_file_that_is_no_json_is_refused(folder, name, content):
    (folder / name).write_bytes(content)
    assert name in refused(folder)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (LFS, "git-lfs pointer"),
        (HTML, "web page"),
        (b"\n " + HTML, "web page"),
        (b"", "empty"),
        (b"PK\x03\x04archive/data.pkl", "pickle"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"\xff" * 100, "damaged"),
        (b"\0" * 100, "damaged"),
    ],
)
@pytest.mark.parametrize("kind", ["safetensors", "gguf"])
def test_impostors_are_named(folder, gguf, kind, content, word):
    path = folder / "model.safetensors" if kind == "safetensors" else gguf
    path.write_bytes(content)
    message = refused(folder if kind == "safetensors" else gguf)
    assert word in message
    assert path.name in message


def test_a_pickle_where_weights_should_be_is_refused(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"PK\x03\x04archive/data.pkl")
    assert "pickle" in refused(folder)


@pytest.mark.parametrize("kept", [4, 100, 5_000, -1])
def test_truncated_weights_are_refused(folder, gguf, kept):
    for path, model in ((folder / "model.safetensors", folder), (gguf, gguf)):
        path.write_bytes(path.read_bytes()[:kept])
        assert path.name in refused(model)


def test_truncation_says_how_much_is_there(folder, gguf):
    for path, model in ((folder / "model.safetensors", folder), (gguf, gguf)):
        data = path.read_bytes()
        path.write_bytes(data[:-1000])
        assert f"truncated: {len(data) - 1000:,} of {len(data):,} bytes" in refused(model)


def test_a_byte_too_many_is_refused(folder):
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"\0")
    assert "1 bytes follow" in refused(folder)


@pytest.mark.parametrize("byte", range(4))
def test_a_flipped_magic_is_refused(folder, gguf, byte):
    for path, model in ((folder / "model.safetensors", folder), (gguf, gguf)):
        data = bytearray(path.read_bytes())
        data[byte] ^= 0xFF
        path.write_bytes(data)
        assert "damaged" in refused(model)


def test_a_missing_shard_is_named(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    message = refused(folder)
    assert "1 of 2" in message
    assert "model-00002-of-00002.safetensors" in message


def test_an_index_does_not_lead_out_of_its_folder(folder):
    index = {"weight_map": {"a": "../secret.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(folder)


def test_a_missing_part_of_a_split_gguf_is_named(gguf):
    first = gguf.rename(gguf.with_name("big-00001-of-00002.gguf"))
    assert "big-00002-of-00002.gguf" in refused(first)
    shutil.copyfile(first, gguf.with_name("big-00002-of-00002.gguf"))
    assert files.check(first).size == 2 * first.stat().st_size


def test_the_wrong_thing_of_the_right_model_says_which_to_name(folder, gguf):
    with pytest.raises(ModelFilesError, match="only the weights") as raised:
        files.check(folder / "model.safetensors")
    assert str(folder) in raised.value.next_step
    with pytest.raises(ModelFilesError) as raised:
        files.check(gguf.parent)
    assert str(gguf) in raised.value.next_step
    refused(folder / "README.md")
    refused(folder / "nothing")


# Hostile headers


def hostile_tensors(entry):
    head = json.dumps({"a": entry}).encode()
    return struct.pack("<Q", len(head)) + head + b"\0" * 8


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 10**8) + b"{}",
        struct.pack("<Q", 3) + b"{]}",
        struct.pack("<Q", 200_005) + b'{"a":' + b"[" * 200_000,
        hostile_tensors({"dtype": "F32", "shape": [2], "data_offsets": [0, 10**12]}),
        hostile_tensors({"dtype": "F32", "shape": [10**18, 10**18], "data_offsets": [0, 8]}),
        hostile_tensors({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}),
        hostile_tensors({"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}),
        hostile_tensors({"dtype": "F32", "shape": [2], "data_offsets": [0]}),
        hostile_tensors({"dtype": "F32", "shape": [1] * 10_000, "data_offsets": [0, 4]}),
        hostile_tensors({"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}),
        hostile_tensors({"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]}),
        hostile_tensors([1, 2]),
        hostile_tensors(None),
    ],
)
def test_hostile_safetensors_are_refused(tmp_path, data):
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelFilesError):
        safetensors_header.read(path)


def string(text):
    return struct.pack("<Q", len(text)) + text


def value(key, kind, data):
    return string(key) + struct.pack("<I", kind) + data


def gguf_bytes(*values, tensors=b"", count=0, claims=None):
    head = b"GGUF" + struct.pack("<IQQ", 3, count, len(values) if claims is None else claims)
    return head + b"".join(values) + tensors


def tensor(name, shape, kind, offset):
    return string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


@pytest.mark.parametrize(
    "data",
    [
        b"GGUF",
        b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
        gguf_bytes(claims=2**60),
        gguf_bytes(claims=5),
        gguf_bytes(value(b"a", 8, struct.pack("<Q", 2**62))),
        gguf_bytes(value(b"a", 9, struct.pack("<IQ", 8, 2**62))),
        gguf_bytes(value(b"a", 9, struct.pack("<IQ", 4, 2**62))),
        gguf_bytes(value(b"a", 9, struct.pack("<IQ", 9, 1) * 5000)),
        gguf_bytes(value(b"a", 77, b"")),
        gguf_bytes(value(b"general.alignment", 4, struct.pack("<I", 0))),
        gguf_bytes(value(b"general.alignment", 8, string(b"32"))),
        gguf_bytes(tensors=tensor(b"t", [2**60, 2**60], 0, 0), count=1),
        gguf_bytes(tensors=tensor(b"t", [4], 0, 5), count=1),
        gguf_bytes(tensors=tensor(b"t", [5], 12, 0), count=1),
        gguf_bytes(tensors=tensor(b"t", [4], 0, 2**63 - 32), count=1),
        gguf_bytes(tensors=tensor(b"t", [4], 0, 0), count=2**40),
        gguf_bytes(tensors=tensor(b"t", [], 0, 0), count=1),
    ],
)
def test_hostile_gguf_files_are_refused(tmp_path, data):
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelFilesError):
        gguf_header.read(path)


@pytest.mark.parametrize("seed", range(40))
def test_garbled_headers_never_raise_anything_else(gguf, folder, seed):
    chance = random.Random(seed)
    for path, model in ((folder / "model.safetensors", folder), (gguf, gguf)):
        data = bytearray(path.read_bytes())
        for _ in range(20):
            data[chance.randrange(4000)] = chance.randrange(256)
        path.write_bytes(data)
        with suppress(ModelFilesError):
            files.check(model)


def test_long_lists_are_counted_not_kept(tmp_path):
    path = tmp_path / "x.gguf"
    names = b"".join(string(b"token%d" % i) for i in range(1000))
    path.write_bytes(
        gguf_bytes(
            value(b"general.architecture", 8, string(b"llama")),
            value(b"llama.context_length", 4, struct.pack("<I", 77)),
            value(b"tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 1000) + names),
            value(b"general.file_type", 4, struct.pack("<I", 15)),
        )
    )
    header = gguf_header.read(path)
    assert header.values["len:tokenizer.ggml.tokens"] == 1000
    assert "tokenizer.ggml.tokens" not in header.values
    assert header.fact("{arch}.context_length", int) == 77
    assert header.quantization == "Q4_K_M"
    assert gguf_header.read(path, tensors=False).quantization is None
