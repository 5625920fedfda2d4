from __future__ import annotations

import os
import random
import shutil

import pytest

from tests.manager.places import shipped
from workbench import builtin
from workbench.manager import inventory, tree
from workbench.manager.remembered import Watch


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An added folder, in a home of its own."""
    for name, value in (("WORKBENCH_HOME", "home"), ("HOME", "user"), ("HF_HUB_CACHE", "hub")):
        monkeypatch.setenv(name, str(tmp_path / value))
    for name in ("LMSTUDIO_HOME", "OLLAMA_MODELS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "models"
    folder.mkdir()
    inventory.add_folder(folder)
    return folder


def entries():
    return [entry for entry in inventory.entries() if entry.source == "Added folder"]


def by_name():
    return {entry.model.name: entry for entry in entries()}


def put(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_models_are_found_by_name_and_layout(place):
    for name, source in shipped().items():
        put(place / "mine" / "tiny" / name, source.read_bytes())
    put(place / "a.gguf", builtin.path("gguf").read_bytes())
    for name in ("deep/b.onnx", "c.pte", "d.tflite", "e.litertlm", "f.pllm", "lora.safetensors", "notes.txt", "g.pt"):
        put(place / name)
    put(place / "genai" / "genai_config.json", b"{}")
    put(place / "genai" / "model.onnx")
    put(place / "genai" / "model.onnx.data")
    put(place / "mlc" / "mlc-chat-config.json", b"{}")
    put(place / "mlc" / "params_shard_0.bin")
    put(place / "X.mlpackage" / "Manifest.json", b"{}")
    put(place / "X.mlpackage" / "Data" / "com.apple.CoreML" / "model.mlmodel")
    found = by_name()
    assert {name: entry.model.format for name, entry in found.items()} == {
        "tiny": "safetensors", "a.gguf": "gguf", "b.onnx": "onnx", "c.pte": "executorch", "d.tflite": "tflite",
        "e.litertlm": "litertlm", "f.pllm": "picollm", "lora.safetensors": "safetensors", "genai": "onnx",
        "mlc": "mlc", "X.mlpackage": "coreml",
    }  # fmt: skip
    assert {name for name, entry in found.items() if entry.usable} == {"tiny", "a.gguf"}
    assert len(found["genai"].files) == 3
    assert len(found["X.mlpackage"].files) == 2
    assert "ONNX" in found["genai"].model.note
    assert "only weights" in found["lora.safetensors"].model.note
    listed = [model.name for model in inventory.local_models() if model.note == "Added folder"]
    assert sorted(listed) == ["a.gguf", "tiny"]


def test_changes_are_seen(place):
    gguf = builtin.path("gguf").read_bytes()
    assert entries() == []
    put(place / "x" / "a.gguf", gguf)
    assert by_name()["a.gguf"].usable
    (place / "x" / "a.gguf").write_bytes(gguf[:-10])
    assert "truncated" in by_name()["a.gguf"].model.note
    shutil.rmtree(place / "x")
    assert entries() == []


def test_parts_of_a_split_model_belong_together(place):
    for part in (1, 2):
        put(place / f"m-0000{part}-of-00002.gguf", builtin.path("gguf").read_bytes())
    put(place / "late-00002-of-00003.gguf", builtin.path("gguf").read_bytes())
    found = by_name()
    assert len(found["m-00001-of-00002.gguf"].files) == 2
    assert "m-00002-of-00002.gguf" not in found
    late = found["late-00002-of-00003.gguf"]
    assert not late.kept
    assert "2 of 3 files" in late.model.note


def test_loops_and_links_hold_nothing_up(place, tmp_path):
    put(tmp_path / "outside" / "b.gguf", builtin.path("gguf").read_bytes())
    (place / "again").symlink_to(place)
    (place / "away").symlink_to(tmp_path / "outside")
    (place / "self.gguf").symlink_to(place / "self.gguf")
    (place / "gone.gguf").symlink_to(place / "none")
    (place / "linked.gguf").symlink_to(tmp_path / "outside" / "b.gguf")
    os.mkfifo(place / "pipe.gguf")
    (entry,) = entries()
    assert entry.model.name == "linked.gguf"
    assert entry.files[0].real == str(tmp_path / "outside" / "b.gguf")


def test_a_folder_with_too_much_says_so(place, monkeypatch):
    put(place / "a.gguf", builtin.path("gguf").read_bytes())
    put(place.joinpath(*["deep", "folders", "that", "never", "seem", "to", "end"]) / "b.gguf", b"GGUF")
    found = inventory.entries()
    assert "a.gguf" in [entry.model.name for entry in found]
    assert "the rest was not looked at" in found.troubles[0].error.message
    monkeypatch.setattr(tree, "MOST_FILES", 3)
    assert tree.walk(str(place), Watch()).cut


def test_a_folder_that_is_gone_is_a_trouble_beside_the_rest(place):
    place.rmdir()
    found = inventory.entries()
    assert [entry.model.id for entry in found] == ["builtin"]
    (trouble,) = found.troubles
    assert (trouble.source, trouble.folder) == ("Added folder", str(place))


def test_a_refused_folder_is_a_trouble_beside_the_rest(place, monkeypatch):
    put(place / "a.gguf", builtin.path("gguf").read_bytes())
    put(place / "closed" / "b.gguf")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(1, "Operation not permitted", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root, which runs the tests in places, is never refused
    found = inventory.entries()
    assert "a.gguf" in [entry.model.name for entry in found]
    assert [trouble.folder for trouble in found.troubles] == [str(place / "closed")]
    assert "operation not permitted" in found.troubles[0].error.message


def test_the_downloads_folder_is_looked_at_only_when_asked(place, tmp_path, monkeypatch):
    import platformdirs

    monkeypatch.setattr(platformdirs, "user_downloads_dir", lambda: str(tmp_path / "Downloads"))
    assert inventory.entries(downloads_folder=True).troubles == ()  # many machines have none
    put(tmp_path / "Downloads" / "d.gguf", builtin.path("gguf").read_bytes())
    assert "d.gguf" not in [entry.model.name for entry in inventory.entries()]
    entry = inventory.entries(downloads_folder=True)[-1]
    assert (entry.model.name, entry.source, entry.usable) == ("d.gguf", "Downloads folder", True)
    assert "d.gguf" not in [model.name for model in inventory.local_models()]


def test_odd_names_and_contents_never_break_the_listing(place):
    chance = random.Random(3)
    suffixes = [".gguf", ".onnx", ".safetensors", ".pllm", ".mlpackage", "-00001-of-99999.gguf", "-00000-of-00000.gguf"]
    for number in range(60):
        name = "".join(chance.choice("a. \n'\"<&é\u202e-\x7f") for _ in range(8))
        content = [b"", b"GGUF", b"<html>", chance.randbytes(300), b"GGUF" + chance.randbytes(90)]
        put(place / f"{name}{number}{chance.choice(suffixes)}", chance.choice(content))
    os.close(os.open(os.fsencode(str(place)) + b"/\xff\xfe.gguf", os.O_CREAT))
    found = entries()
    assert len(found) >= 40
    assert not any(entry.usable for entry in found)
    assert len(inventory.local_models()) >= 10
