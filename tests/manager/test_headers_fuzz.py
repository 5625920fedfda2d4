"""Truncated, garbled and hostile model files: nothing but `ModelFilesError` comes out, soon, and in little memory."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from workbench.errors import ModelFilesError
from workbench.manager import files

ODD = [0, 1, 3, 7, 8, 31, 255, 2**16, 2**31 - 1, 2**32 - 1, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
"""Numbers at which readers go wrong."""


def attempt(path: Path) -> None:
    """Check and glance at it: each ends within a second of processor time, with facts to store or with our error."""
    for look in (files.check, files.glance):
        began = time.process_time()
        found = seen(look, path)
        assert time.process_time() - began < 1
        if isinstance(found, ModelFilesError):
            assert len(found.message) < 1000
            assert found.next_step
            continue
        counts = (found.parameters, found.active_parameters, found.size, found.context_length, found.vocabulary)
        assert all(count is None or 0 < count < 2**63 for count in counts)
        msgspec.json.encode(msgspec.structs.replace(found, path=str(found.path)))


def seen(look, path: Path):
    try:
        return look(path)
    except ModelFilesError as error:
        return error


# GGUF


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def pair(key: bytes, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def info(name: bytes, shape: list[int], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def gguf(values: list[bytes], tensors: list[bytes], data: int = 2048, counts: tuple[int, int] | None = None) -> bytes:
    counted = counts or (len(tensors), len(values))
    head = b"GGUF" + struct.pack("<IQQ", 3, *counted) + b"".join(values) + b"".join(tensors)
    return head + bytes(-len(head) % 32 + data)


VALUES = [
    pair(b"general.architecture", 8, text(b"llama")),
    pair(b"general.file_type", 4, struct.pack("<I", 7)),
    pair(b"llama.context_length", 4, struct.pack("<I", 2048)),
    pair(b"llama.expert_count", 4, struct.pack("<I", 8)),
    pair(b"llama.expert_used_count", 4, struct.pack("<I", 2)),
    pair(b"tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 40) + text(b"a") * 40),
    pair(b"tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 40) + bytes(160)),
    pair(b"nested", 9, struct.pack("<IQ", 9, 2) + (struct.pack("<IQ", 4, 1) + bytes(4)) * 2),
    pair(b"tokenizer.chat_template", 8, text(b"{{ tools }}")),
]
TENSORS = [info(b"blk.0.ffn_up_exps.weight", [32, 8], 8, 0), info(b"norm.weight", [32], 0, 288)]
GOOD = gguf(VALUES, TENSORS)


@pytest.fixture
def model(tmp_path):
    return tmp_path / "x-7B-Q4_K_M.gguf"


def test_the_good_one_is_read(model):
    model.write_bytes(GOOD)
    attempt(model)
    found = files.check(model)
    assert (found.parameters, found.active_parameters, found.vocabulary) == (288, 96, 40)


def test_a_header_that_is_cut_anywhere_is_refused(model):
    end = len(GOOD) - 2048
    for length in range(end + 1):
        model.write_bytes(GOOD[:length])
        with pytest.raises(ModelFilesError):
            files.check(model)


@pytest.mark.parametrize("seed", range(8))
def test_numbers_anywhere_may_be_anything(model, seed):
    chance = random.Random(seed)
    head = len(GOOD) - 2048
    for _ in range(150):
        data = bytearray(GOOD)
        for _ in range(chance.randrange(1, 4)):
            code, width = chance.choice([("<Q", 8), ("<I", 4), ("<B", 1)])
            at = chance.randrange(head - width)
            struct.pack_into(code, data, at, chance.choice(ODD) % 256**width)
        model.write_bytes(data)
        attempt(model)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (gguf([], [], counts=(2**63, 0)), "more entries"),
        (gguf([], [], counts=(0, 2**63)), "more entries"),
        (gguf([], [info(b"a", [8], 0, 0), info(b"b", [8], 0, 0)]), "overlaps"),
        (gguf([], [info(b"a", [64], 0, 0), info(b"b", [8], 0, 64)]), "overlaps"),
        (gguf([], [info(b"a", [2**60, 2**60, 2**60, 2**60], 99, 0)]), "larger than the file"),
        (gguf([], [info(b"a", [2**40], 0, 0)]), "larger than the file"),
        (gguf([], [info(b"a", [4096], 0, 0)]), "truncated"),
        (gguf([], [info(b"a", [8], 0, 2**63)]), "truncated"),
        (gguf([], [struct.pack("<Q", 2**40) + b"a"]), "longer than any"),
        (gguf([pair(b"a", 8, struct.pack("<Q", 2**63))], []), "ends in the midst"),
        (gguf([pair(b"a", 9, struct.pack("<IQ", 8, 2**40))], []), "longer than any"),
        (gguf([pair(b"a", 9, struct.pack("<IQ", 9, 1) * 9)], []), "nested"),
    ],
)
def test_what_is_wrong_with_a_gguf_file_is_said(model, data, word):
    model.write_bytes(data)
    with pytest.raises(ModelFilesError, match=word):
        files.check(model)
    attempt(model)


# Safetensors


@pytest.fixture
def folder(tmp_path):
    """A folder that lacks only its weights."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"model_type": "llama", "num_experts": 8, "num_experts_per_tok": 2}))
    (made / "tokenizer.json").write_text("{}")
    return made


def safetensors(header: object, data: int) -> bytes:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + bytes(data)


def entries() -> dict[str, object]:
    return {
        "__metadata__": {"format": "mlx"},
        "a.experts.weight": {"dtype": "F16", "shape": [4, 4], "data_offsets": [0, 32]},
        "b.weight": {"dtype": "U32", "shape": [4], "data_offsets": [32, 48]},
        "b.scales": {"dtype": "F16", "shape": [2], "data_offsets": [48, 52]},
        "c": {"dtype": "F99", "shape": [], "data_offsets": [52, 60]},
    }


def test_the_good_folder_is_read(folder):
    (folder / "model.safetensors").write_bytes(safetensors(entries(), 60))
    attempt(folder)
    assert files.check(folder).active_parameters


def test_a_safetensors_file_cut_anywhere_is_refused(folder):
    whole = safetensors(entries(), 60)
    for length in range(len(whole)):
        (folder / "model.safetensors").write_bytes(whole[:length])
        with pytest.raises(ModelFilesError):
            files.check(folder)


def strange(chance: random.Random, depth: int = 0) -> object:
    kind = chance.randrange(8 if depth < 3 else 5)
    if kind == 5:
        return [strange(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 6:
        return {chance.choice(["dtype", "shape", "bits", "x"]): strange(chance, depth + 1)}
    if kind == 7:
        return [0, chance.choice(ODD)]
    return chance.choice([None, True, -1, 0.5, "F16", "BF16", "", "\u0000", *ODD, -(2**63), 10**30])


@pytest.mark.parametrize("seed", range(8))
def test_entries_may_hold_anything(folder, seed):
    chance = random.Random(seed)
    for _ in range(80):
        header = entries()
        for _ in range(chance.randrange(1, 4)):
            name = chance.choice(list(header))
            entry = header[name]
            if isinstance(entry, dict) and entry and chance.random() < 0.8:
                entry[chance.choice(list(entry))] = strange(chance)
            else:
                header[name] = strange(chance)
        (folder / "model.safetensors").write_bytes(safetensors(header, 60))
        attempt(folder)


@pytest.mark.parametrize("seed", range(8))
def test_a_config_and_an_index_may_hold_anything(folder, seed):
    chance = random.Random(seed)
    (folder / "model.safetensors").write_bytes(safetensors(entries(), 60))
    keys = ["model_type", "quantization", "quantization_config", "text_config", "architectures", "vocab_size",
            "max_position_embeddings", "num_experts", "num_experts_per_tok", "vision_config"]  # fmt: skip
    for _ in range(60):
        config = {"model_type": "llama"} | {chance.choice(keys): strange(chance) for _ in range(4)}
        (folder / "config.json").write_text(json.dumps(config))
        names = [strange(chance), "model.safetensors", "../x.safetensors", "\0", "a" * 300 + ".safetensors", "."]
        index = {"weight_map": strange(chance) if chance.random() < 0.3 else {"a": chance.choice(names)}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        attempt(folder)


FOUR = {"dtype": "F16", "shape": [4], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "data", "word"),
    [
        ({"a": FOUR, "b": FOUR | {"data_offsets": [4, 12]}}, 12, "overlap"),
        ({"a": FOUR | {"dtype": "F99", "shape": [2**62, 2**62]}}, 8, "too short"),
        ({"a" * 50_000: FOUR | {"data_offsets": [0, 9]}}, 9, "not as long"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 0, "no JSON object"),
        (b'{"a":1e999}', 0, "no JSON object"),
    ],
)
def test_what_is_wrong_with_a_safetensors_file_is_said(folder, header, data, word):
    (folder / "model.safetensors").write_bytes(safetensors(header, data))
    with pytest.raises(ModelFilesError, match=word):
        files.check(folder)
    attempt(folder)


# Large ones: each in a process of its own, whose memory is measured

LOOK = """
import resource, sys, time
from workbench.errors import ModelFilesError
from workbench.manager import files
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
began = time.process_time()
for number in range(10_000_000):
    pass
loop = time.process_time() - began
before, began = peak(), time.process_time()
try:
    files.check(sys.argv[1])
    said = "read"
except ModelFilesError as error:
    said = error.message
print((time.process_time() - began) / loop, peak() - before, said, sep="\\n")
"""


def measured(path: Path) -> tuple[float, int, str]:
    """Processor time in that of ten million empty turns of a loop on this machine (about 0.3 s), bytes of memory, and
    what came of it; without coverage, whose tracing would be timed too."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", LOOK, str(path)], capture_output=True, text=True, check=True, env=env)
    loops, memory, said = done.stdout.strip().split("\n", 2)
    return float(loops), int(memory), said


def sparse(path: Path, head: bytes, size: int = 1 << 33) -> Path:
    """A file that takes no room: a head, then nothing up to eight GiB."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path


LARGE = {
    "a string of gigabytes": gguf([pair(b"a", 8, struct.pack("<Q", 7 << 30))], [], 0),
    "a name of gigabytes": gguf([], [struct.pack("<Q", 7 << 30)], 0),
    "a billion empty strings": gguf([pair(b"a", 9, struct.pack("<IQ", 8, 1 << 30))], [], 0),
    "as many strings as are allowed": gguf([pair(b"a", 9, struct.pack("<IQ", 8, 1_999_999))], [], 0),
    "a billion lists": gguf([pair(b"a", 9, struct.pack("<IQ", 9, 1 << 30))], [], 0),
    "as many tensors as are allowed": gguf([], [], 0, counts=(1 << 17, 0)),
    "a list of a billion numbers": gguf([pair(b"a", 9, struct.pack("<IQ", 4, 1 << 30))], [], 0),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_hostile_file_of_gigabytes_costs_neither_time_nor_memory(tmp_path, name):
    loops, memory, said = measured(sparse(tmp_path / "x.gguf", LARGE[name]))
    assert said == "read" or "damaged" in said
    assert loops < 3
    assert memory < 100 << 20


def test_as_many_tensors_as_a_header_may_hold_are_read_in_time(tmp_path):
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf([], [info(b"blk.%d" % i, [8], 0, 32 * i) for i in range(1 << 17)], 32 << 17))
    loops, memory, said = measured(path)
    assert said == "read"
    assert loops < 6  # an honest one of that size: no model has so many
    assert memory < 200 << 20


@pytest.mark.parametrize(
    "head",
    [
        b'{"a":[' + b"[]," * (5 << 20) + b"[]]}",
        b'{"a":' + b"1," * (8 << 20) + b"1}",
        b'{"' + b"a" * (60 << 20) + b'":1}',
    ],
    ids=["lists", "numbers", "name"],
)
def test_a_hostile_json_header_costs_neither_time_nor_memory(folder, head):
    (folder / "model.safetensors").write_bytes(safetensors(head, 0))
    loops, memory, said = measured(folder)
    assert "damaged" in said
    assert len(said) < 1000
    assert loops < 3
    assert memory < 300 << 20


def test_a_config_or_template_of_gigabytes_is_not_read_whole(folder):
    (folder / "model.safetensors").write_bytes(safetensors(entries(), 60))
    sparse(folder / "chat_template.jinja", b"{{ tools }}")
    sparse(folder / "README.md", b"---\nlicense: mit\n---\n")
    loops, memory, said = measured(folder)
    assert (said, loops < 3, memory < 200 << 20) == ("read", True, True)
    sparse(folder / "config.json", b"{")
    loops, memory, said = measured(folder)
    assert "no JSON object" in said
    assert (loops < 3, memory < 300 << 20) == (True, True)
