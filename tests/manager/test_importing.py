from __future__ import annotations

import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from workbench import builtin
from workbench.errors import DiskFullError, FolderError, ModelFilesError, StateError, UsageError
from workbench.manager import importing, inventory


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def gguf(path):
    return Path(shutil.copyfile(builtin.path("gguf"), path))


def folder(path):
    return Path(shutil.copytree(builtin.MODEL, path))


def imported(path, mode="link", **options):
    return importing.execute(importing.prepare(path, mode, **options))


def in_library():
    return {e.model.id: e for e in inventory.entries() if e.source == "Workbench"}


@pytest.mark.parametrize("mode", ["link", "copy", "move"])
@pytest.mark.parametrize("make", [gguf, folder], ids=["file", "folder"])
def test_a_model_comes_in_by_every_way_and_can_be_used(home, make, mode):
    source = make(home / ("mine.gguf" if make is gguf else "mine"))
    weights = source if make is gguf else source / "model.safetensors"
    inode, bytes_before = weights.stat().st_ino, weights.read_bytes()
    told = []
    model = importing.execute(importing.prepare(source, mode), progress=lambda *step: told.append(step))
    assert model in in_library()
    assert inventory.find(model).status == "ready"
    new = Path(model) if make is gguf else Path(model) / "model.safetensors"
    assert new.read_bytes() == bytes_before
    assert (new.stat().st_ino == inode) == (mode != "copy")
    assert source.exists() == (mode != "move")
    assert told[-1][0] == told[-1][1] == importing.prepare(model, "copy", name="x").size
    assert [p.name for p in importing.folder().iterdir()] == ["mine"]


def test_a_link_across_disks_is_symbolic(home, monkeypatch):
    def other_disk(*paths):
        raise OSError(18, "Invalid cross-device link")

    source = gguf(home / "mine.gguf")
    monkeypatch.setattr(os, "link", other_disk)
    assert os.readlink(imported(source)) == str(source)
    moved = imported(source, "move", name="second")
    assert not source.exists()
    assert Path(moved).stat().st_size == builtin.path("gguf").stat().st_size


def test_the_parts_of_a_split_model_come_together(home):
    for i in (1, 2):
        gguf(home / f"big-Q4_0-0000{i}-of-00002.gguf")
    model = imported(home / "big-Q4_0-00002-of-00002.gguf")
    assert Path(model).name == "big-Q4_0-00001-of-00002.gguf"
    assert Path(model).parent.name == "big-Q4_0"
    assert len(in_library()[model].files) == 2
    (home / "big-Q4_0-00002-of-00002.gguf").unlink()
    with pytest.raises(ModelFilesError, match="missing"):
        importing.prepare(home / "big-Q4_0-00001-of-00002.gguf", name="other")


def test_a_core_ml_package_stays_a_folder_of_its_own(home):
    package = home / "tiny.mlpackage"
    (package / "Data/com.apple.CoreML").mkdir(parents=True)
    (package / "Data/com.apple.CoreML/model.mlmodel").write_bytes(b"spec")
    entries = '{"a": {"path": "com.apple.CoreML/model.mlmodel"}}'
    (package / "Manifest.json").write_text(f'{{"itemInfoEntries": {entries}, "rootModelIdentifier": "a"}}')
    model = imported(package, "copy")
    assert model.endswith("tiny.mlpackage")
    assert in_library()[model].model.format == "coreml"


def hostile(kind):
    good = builtin.path("gguf").read_bytes()
    tensors = (builtin.MODEL / "model.safetensors").read_bytes()
    return {
        "pickle.pt": pickle.dumps({"a": 1}),
        "page.gguf": b"<!DOCTYPE html><html>Sign in</html>",
        "pointer.safetensors": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "short.gguf": good[: len(good) // 2],
        "counts.gguf": good[:8] + b"\xff" * 16 + good[24:],
        "header.safetensors": b"\xff" * 8 + tensors[8:],
        "empty.gguf": b"",
        "notes.txt": b"hello",
    }[kind]


@pytest.mark.parametrize(
    "kind",
    ["pickle.pt", "page.gguf", "pointer.safetensors", "short.gguf", "counts.gguf", "header.safetensors", "empty.gguf",
     "notes.txt"],
)  # fmt: skip
def test_what_is_no_model_is_refused_in_words_and_nothing_is_written(home, kind):
    path = home / kind
    path.write_bytes(hostile(kind))
    with pytest.raises(ModelFilesError) as raised:
        importing.prepare(path, "copy")
    assert kind in raised.value.message
    assert raised.value.next_step
    assert not importing.folder().exists() or not list(importing.folder().iterdir())


def test_a_zip_with_a_pickle_is_refused(home):
    with zipfile.ZipFile(home / "model.bin", "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(1))
    with pytest.raises(ModelFilesError, match="pickle"):
        importing.prepare(home / "model.bin")


def test_hostile_headers_are_refused_or_whole_never_worse(home):
    """Headers with random damage: refused with our own error, quickly, or still readable."""
    dice = random.Random(1)
    for name in ("gguf", "safetensors"):
        good = (builtin.path("gguf") if name == "gguf" else builtin.MODEL / "model.safetensors").read_bytes()
        path = home / f"fuzz.{name}"
        refused = 0
        for _ in range(150):
            data = bytearray(good)
            for _ in range(dice.choice([1, 1, 4, 32])):
                at = dice.randrange(400)
                data[at : at + 8] = dice.choice([b"\xff" * 8, b"\0" * 8, dice.randbytes(8)])
            path.write_bytes(data[: dice.choice([len(data), 100, 5000])])
            began = time.monotonic()
            try:
                importing.prepare(path)
            except ModelFilesError:
                refused += 1
            assert time.monotonic() - began < 5
        assert refused > 75


def test_a_name_that_is_taken_and_a_path_that_is_not_there_are_said(home):
    source = gguf(home / "mine.gguf")
    imported(source)
    with pytest.raises(FolderError, match="There is a model mine already") as raised:
        importing.prepare(source)
    assert "another name" in raised.value.next_step
    assert Path(imported(source, name="../../Mine too!")).parent == importing.folder() / "Mine-too"
    with pytest.raises(FolderError, match="no such file"):
        importing.prepare(home / "gone.gguf")


def test_another_mode_is_refused_before_anything_is_written(home):
    with pytest.raises(UsageError, match="link, copy or move, not by 'steal'"):
        importing.prepare(gguf(home / "x.gguf"), "steal")
    assert in_library() == {}


def test_a_move_takes_nothing_from_another_program(home):
    place = home / ".lmstudio/models/org/m"
    place.mkdir(parents=True)
    source = gguf(place / "m.gguf")
    with pytest.raises(FolderError, match="belongs to LM Studio"):
        importing.prepare(source, "move")
    assert imported(source, "copy")
    assert source.exists()


def test_a_full_disk_is_said_before_and_midway(home, monkeypatch):
    source = gguf(home / "mine.gguf")
    usage = shutil.disk_usage(home)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(DiskFullError, match="There is no room for a copy"):
        importing.prepare(source, "copy")
    assert importing.prepare(source, "link").mode == "link"
    monkeypatch.undo()
    monkeypatch.setenv("WORKBENCH_HOME", str(home / "state"))
    planned = importing.prepare(source, "copy")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="was not imported"):
        importing.execute(planned)
    assert list(importing.folder().iterdir()) == []
    assert source.exists()


def test_a_stop_leaves_nothing_behind(home):
    source = folder(home / "mine")
    with pytest.raises(StateError, match="was stopped"):
        importing.execute(importing.prepare(source, "move"), cancelled=lambda: True)
    assert list(importing.folder().iterdir()) == []
    assert (source / "model.safetensors").exists()


def test_what_a_killed_process_left_is_no_model_and_is_cleared_away(home):
    script = (
        "import time\nfrom pathlib import Path\nfrom workbench.manager import importing\n"
        "made = importing.folder(); made.mkdir(parents=True)\n"
        "made = importing.draft('importing'); made.mkdir(); (made / 'm.gguf').write_bytes(b'GGUF')\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        (left,) = importing.folder().iterdir()
        assert in_library() == {}
        importing.place("one")
        assert left.exists(), "its process lives"
        process.send_signal(signal.SIGKILL)
    importing.place("one")
    assert not left.exists()
