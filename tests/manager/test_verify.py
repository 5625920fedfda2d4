from __future__ import annotations

import hashlib
import os
import shutil

import pytest

from workbench import builtin
from workbench.errors import FolderError, ModelFilesError, StateError
from workbench.manager import inventory, verify

SHA = "a" * 40


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    return tmp_path


@pytest.fixture
def cached(home):
    """A model of the hub's cache: weights named by SHA-256, small files by git's hash. Gives its blobs by name."""
    folder = home / "hub/models--org--tiny"
    blobs = {}
    for source in builtin.MODEL.iterdir():
        data = source.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        blob = folder / "blobs" / (hashlib.sha256(data).hexdigest() if source.suffix == ".safetensors" else git)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        link = folder / "snapshots" / SHA / source.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
        blobs[source.name] = blob
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text(SHA)
    return blobs


def entry(model):
    return next(e for e in inventory.entries(downloads_folder=True) if e.model.id == model)


def flip(path, at=5_000_000):
    """Change one bit, and nothing that a listing would see."""
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_whole_files_match_both_kinds_of_checksum(cached):
    told = []
    result = verify.verify(entry("org/tiny"), progress=lambda done, total: told.append((done, total)))
    assert (result.state, result.message) == ("ok", "5 files match their checksums.")
    assert told[-1] == (7_820_675, 7_820_675)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    weights = next(file for file in result.files if file.name == "model.safetensors")
    assert weights.sha256 == hashlib.sha256((builtin.MODEL / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_flipped_bit_is_found_and_named(cached, name):
    flip(cached[name], at=5_000)
    result = verify.verify(entry("org/tiny"))
    assert (result.state, result.message) == ("differs", f"1 file differs: {name}.")
    assert [file.path for file in result.differing] == [str(cached[name])]


def test_the_result_is_remembered_until_a_file_changes(cached):
    assert verify.remembered(entry("org/tiny")) is None
    result = verify.verify(entry("org/tiny"))
    assert verify.remembered(entry("org/tiny")) == result
    os.utime(cached["config.json"])
    assert verify.remembered(entry("org/tiny")) is None


def test_without_a_promise_the_header_is_checked_and_the_checksum_kept_for_the_next_time(home):
    (home / "Downloads").mkdir()
    path = shutil.copyfile(builtin.path("gguf"), home / "Downloads/m.gguf")
    first = verify.verify(entry(str(path)))
    assert (first.state, [file.state for file in first.files]) == ("ok", ["recorded"])
    assert "no checksum was promised" in first.message
    second = verify.verify(entry(str(path)))
    assert second.message == "1 file matches its checksums."
    flip(path)
    third = verify.verify(entry(str(path)))
    assert (third.state, third.message) == ("differs", "1 file differs: m.gguf.")
    assert verify.verify(entry(str(path))).state == "differs", "it stays so: what was first is what counts"
    os.utime(path)
    assert verify.verify(entry(str(path))).state == "ok", "a file that was changed on purpose is a new one"


def test_a_truncated_file_without_a_promise_fails_by_its_extents(home):
    (home / "Downloads").mkdir()
    path = shutil.copyfile(builtin.path("gguf"), home / "Downloads/m.gguf")
    os.truncate(path, path.stat().st_size - 1000)
    result = verify.verify(entry(str(path)))
    assert result.state == "differs"
    assert "truncated" in result.message or "damaged" in result.message


def test_ollamas_blobs_promise_by_their_names(home):
    data = builtin.path("gguf").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    blob = home / "ollama/blobs" / f"sha256-{digest}"
    manifest = home / "ollama/manifests/registry.ollama.ai/library/tiny/1b"
    for path in (blob, manifest):
        path.parent.mkdir(parents=True)
    blob.write_bytes(data)
    layer = f'{{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{digest}","size":{len(data)}}}'
    manifest.write_text(f'{{"schemaVersion":2,"layers":[{layer}]}}')
    found = next(e for e in inventory.entries() if e.source == "Ollama")
    assert verify.verify(found).state == "ok"
    flip(blob)
    assert [file.name for file in verify.verify(found).differing] == [blob.name]


def test_a_stop_leaves_no_result(cached):
    with pytest.raises(StateError, match="stopped"):
        verify.verify(entry("org/tiny"), cancelled=lambda: True)
    assert verify.remembered(entry("org/tiny")) is None


def test_a_file_that_went_away_meanwhile_is_said(cached):
    found = entry("org/tiny")
    cached["config.json"].unlink()
    with pytest.raises(FolderError, match="cannot be read"):
        verify.verify(found)


def test_what_is_not_finished_cannot_be_verified(home):
    blob = home / "hub/models--org--half/blobs" / ("b" * 64 + ".part")
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"half")
    with pytest.raises(ModelFilesError, match="not finished"):
        verify.verify(entry("org/half@unfinished"))


def test_only_blobs_of_the_hub_are_set_aside_and_they_can_be_put_back(cached, home):
    flip(cached["model.safetensors"])
    result = verify.verify(entry("org/tiny"))
    aside = verify.set_aside(result)
    assert not cached["model.safetensors"].exists()
    assert cached["config.json"].exists()
    assert not entry("org/tiny").kept, "without the file it does not look whole"
    verify.put_back(aside)
    assert cached["model.safetensors"].exists()
    aside = verify.set_aside(result)
    shutil.copyfile(builtin.MODEL / "model.safetensors", cached["model.safetensors"])
    verify.put_back(aside)
    assert [path.exists() for path in aside] == [False]
    assert verify.verify(entry("org/tiny")).state == "ok"
    (home / "Downloads").mkdir()
    path = shutil.copyfile(builtin.path("gguf"), home / "Downloads/m.gguf")
    verify.verify(entry(str(path)))
    flip(path)
    with pytest.raises(FolderError, match="cannot be fetched again"):
        verify.set_aside(verify.verify(entry(str(path))))
    assert path.exists()
