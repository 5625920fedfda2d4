from __future__ import annotations

import json
import os
import random
import shutil
import struct
import zipfile

import pytest

from workbench import builtin
from workbench.errors import FolderError, ModelFilesError, WorkbenchError
from workbench.manager import formats


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, content):
    """A field of a protobuf message: a number, or bytes."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx(*tensors):
    """An ONNX model of these initializers (onnx.proto: ModelProto, GraphProto, TensorProto)."""
    graph = b"".join(field(5, tensor) for tensor in tensors) + field(2, b"graph")
    return field(1, 9) + field(2, b"tests") + field(7, graph) + field(8, field(2, 17))


def external(location, length):
    """An initializer whose numbers are in another file."""
    pairs = [(b"location", location), (b"offset", b"0"), (b"length", str(length).encode())]
    return field(8, b"w") + b"".join(field(13, field(1, key) + field(2, value)) for key, value in pairs)


def executorch(program=200, segments=100):
    """A program with an extended header (executorch: extended_header.h)."""
    head = struct.pack("<I4s4sIQQQ", 56, b"ET12", b"eh00", 32, program, 256, segments)
    return head.ljust(256, b"\0") + bytes(segments)


def tflite():
    """The smallest flatbuffer: a root table with nothing in it."""
    return struct.pack("<I4sHHi", 12, b"TFL3", 4, 4, 4) + bytes(16)


def litertlm(sections=((64, 96), (96, 128)), size=128):
    """A file of two sections; its header is a flatbuffer as LiteRT-LM's builder nests it."""
    count = len(sections)
    tables = b"".join(struct.pack("<HHHHHHiQQ", 12, 20, 0, 4, 12, 0, 12, first, last) for first, last in sections)
    places = (4 * count - 4 * i + 32 * i + 12 for i in range(count))
    objects = struct.pack("<I", count) + b"".join(struct.pack("<I", place) for place in places)
    section_metadata = struct.pack("<HHHHiI", 6, 8, 4, 0, 8, 4)
    root = struct.pack("<IHHHHiI", 12, 8, 8, 0, 4, 8, 12)
    header = root + section_metadata + objects + tables
    end = 32 + len(header)
    shift = max(0, end - sections[0][0])
    if shift:
        return litertlm(tuple((first + shift, last + shift) for first, last in sections), size + shift)
    head = b"LITERTLM" + struct.pack("<IIIIQ", 1, 0, 0, 0, end)
    return (head + header).ljust(size, b"\0")


def core_ml_weights(*blobs):
    """A ``weight.bin`` (coremltools: MILBlob/Blob/StorageFormat.hpp)."""
    out = bytearray(struct.pack("<II", len(blobs), 2).ljust(64, b"\0"))
    for blob in blobs:
        out += struct.pack("<IIQQ", 0xDEADBEEF, 1, len(blob), len(out) + 64).ljust(64, b"\0") + blob
        out += bytes(-len(out) % 64)
    return bytes(out)


def package(folder, weights=None, path="com.apple.CoreML/model.mlmodel"):
    """A Core ML package."""
    inside = folder / "Data" / "com.apple.CoreML"
    (inside / "weights").mkdir(parents=True)
    (inside / "model.mlmodel").write_bytes(b"\x08\x09")
    (inside / "weights" / "weight.bin").write_bytes(
        core_ml_weights(bytes(100), bytes(7)) if weights is None else weights
    )
    items = {"1": {"path": path}, "2": {"path": "com.apple.CoreML/weights"}}
    manifest = {"fileFormatVersion": "1.0.0", "itemInfoEntries": items, "rootModelIdentifier": "1"}
    (folder / "Manifest.json").write_text(json.dumps(manifest))
    return folder


def mlc(folder, size=10):
    """An MLC folder with one file of parameters."""
    folder.mkdir()
    (folder / "mlc-chat-config.json").write_text("{}")
    (folder / "params_shard_0.bin").write_bytes(bytes(10))
    (folder / "ndarray-cache.json").write_text(
        json.dumps({"records": [{"dataPath": "params_shard_0.bin", "nbytes": size}]})
    )
    return folder


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_each_format_is_told_by_its_content_and_is_whole(tmp_path):
    shutil.copyfile(builtin.path("gguf"), tmp_path / "blob-without-a-suffix")
    (tmp_path / "compiled.mlmodelc").mkdir()
    made = {
        "gguf": tmp_path / "blob-without-a-suffix",
        "safetensors": shutil.copytree(builtin.MODEL, tmp_path / "folder"),
        "onnx": put(tmp_path / "m.onnx", onnx(field(8, b"w"))),
        "executorch": put(tmp_path / "m.pte", executorch()),
        "tflite": put(tmp_path / "m.bin", tflite()),
        "litertlm": put(tmp_path / "m.litertlm", litertlm()),
        "coreml": package(tmp_path / "M.mlpackage"),
        "mlc": mlc(tmp_path / "mlc"),
        "picollm": put(tmp_path / "m.pllm", b"anything"),
    }
    for format, path in made.items():
        assert formats.detect(path) == format
        checked = formats.check(path)
        assert checked.format == format
        whole = [f for f in path.rglob("*") if f.is_file()] if path.is_dir() else [path]
        assert sorted(checked.files) == sorted(map(str, whole))
        assert checked.size == sum(file.stat().st_size for file in whole) > 0
    put(tmp_path / "compiled.mlmodelc" / "coremldata.bin", b"x")
    assert formats.check(tmp_path / "compiled.mlmodelc").format == "coreml"
    assert formats.check(tmp_path / "folder" / "model.safetensors").format == "safetensors"


def test_mlx_and_transformers_folders_are_told_apart(tmp_path):
    folder = shutil.copytree(builtin.MODEL, tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    assert formats.check(folder).made_for == "transformers"
    (folder / "config.json").write_text(json.dumps(config | {"quantization": {"bits": 4, "group_size": 64}}))
    assert formats.check(folder).made_for == "mlx"


IMPOSTORS = {
    "page.gguf": (b"<!DOCTYPE html><html>", "html", "web page"),
    "pointer.gguf": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "git-lfs pointer",
        "git lfs",
    ),
    "model.pt": (b"\x80\x02}q\x00.", "pickle", "pickle"),
    "notes.txt": (b"hello", "unknown", "no format"),
    "empty.gguf": (b"", "unknown", "no format"),
    "m.onnx": (b"\x89PNG\r\n", "unknown", "no format"),
}


@pytest.mark.parametrize("name", IMPOSTORS)
def test_impostors_are_refused_by_what_they_are(tmp_path, name):
    data, format, words = IMPOSTORS[name]
    path = put(tmp_path / name, data)
    assert formats.detect(path) == format
    with pytest.raises(ModelFilesError, match=words):
        formats.check(path)


def test_a_zipped_pickle_is_refused_whatever_its_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.safetensors", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
    with pytest.raises(ModelFilesError, match="can run any code"):
        formats.check(tmp_path / "model.safetensors")


BROKEN = {
    "an ONNX file cut short": ("m.onnx", lambda: onnx(field(8, b"w"))[:-3]),
    "an ONNX file with more behind": ("m.onnx", lambda: onnx(field(8, b"w")) + b"\xff\xff"),
    "an ONNX file without a graph": ("m.onnx", lambda: field(1, 9)),
    "an ONNX file whose data are missing": ("m.onnx", lambda: onnx(external(b"m.data", 10))),
    "an ONNX file that leads out of its folder": ("m.onnx", lambda: onnx(external(b"../../etc/passwd", 10))),
    "an ONNX file that leads anywhere": ("m.onnx", lambda: onnx(external(b"/etc/passwd", 10))),
    "a program cut short": ("m.pte", lambda: executorch()[:-1]),
    "a program that claims too much": ("m.pte", lambda: executorch(program=1 << 60)),
    "a flatbuffer that leads outside": ("m.tflite", lambda: b"\xff\xff\xff\xff" + tflite()[4:]),
    "sections cut short": ("m.litertlm", lambda: litertlm()[:-1]),
    "sections in the header": (
        "m.litertlm",
        lambda: struct.pack("<Q", 8).join(litertlm().rsplit(struct.pack("<Q", 176), 1)),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_damaged_or_hostile_is_said(tmp_path, what):
    name, data = BROKEN[what]
    with pytest.raises(ModelFilesError):
        formats.check(put(tmp_path / name, data()))


def test_external_data_must_be_long_enough(tmp_path):
    model = put(tmp_path / "m.onnx", onnx(external(b"m.data", 10)))
    put(tmp_path / "m.data", bytes(10))
    assert formats.check(model).format == "onnx"
    put(tmp_path / "m.data", bytes(9))
    with pytest.raises(ModelFilesError, match=r"m\.data is truncated: 9 of 10"):
        formats.check(model)


def test_a_package_must_be_whole_and_stay_inside_itself(tmp_path):
    for number, weights in enumerate([core_ml_weights(bytes(100))[:-80], struct.pack("<II", 1 << 31, 2), b"abc"]):
        with pytest.raises(ModelFilesError):
            formats.check(package(tmp_path / f"{number}.mlpackage", weights))
    for number, path in enumerate(["../../../etc/passwd", "/etc/passwd", "nothing", None]):
        with pytest.raises(ModelFilesError):
            formats.check(package(tmp_path / f"p{number}.mlpackage", path=path))
    with pytest.raises(ModelFilesError, match="10 of 11 bytes"):
        formats.check(mlc(tmp_path / "mlc", 11))


def test_a_folder_of_pickles_is_refused(tmp_path):
    put(tmp_path / "old" / "config.json", b"{}")
    put(tmp_path / "old" / "pytorch_model.bin", b"PK\x03\x04")
    with pytest.raises(ModelFilesError, match="pickle"):
        formats.check(tmp_path / "old")


def test_what_cannot_be_read_is_a_folder_error(tmp_path):
    with pytest.raises(FolderError, match="cannot be read"):
        formats.check(tmp_path / "nothing")


def test_garbled_files_raise_only_our_errors_and_soon(tmp_path):
    chance = random.Random(11)
    seeds = {
        "m.onnx": onnx(field(8, b"w"), external(b"m.data", 10)),
        "m.pte": executorch(),
        "m.tflite": tflite(),
        "m.litertlm": litertlm(),
    }
    refused = 0
    for _ in range(300):
        for name, whole in seeds.items():
            data = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            path = put(tmp_path / name, bytes(data[: chance.choice([len(data), chance.randrange(len(data))])]))
            try:
                formats.check(path)
            except WorkbenchError:
                refused += 1
    assert refused > 300
    weights = core_ml_weights(bytes(100), bytes(7))
    folder = package(tmp_path / "g.mlpackage", weights)
    for _ in range(300):
        data = bytearray(weights)
        data[chance.randrange(160)] = chance.randrange(256)
        put(folder / "Data" / "com.apple.CoreML" / "weights" / "weight.bin", bytes(data))
        try:
            formats.check(folder)
        except WorkbenchError:
            refused += 1
    assert os.path.exists(folder)
