from __future__ import annotations

import json
import os
import shutil
import time

import pytest

from workbench import builtin
from workbench.errors import ModelFilesError, ModelNotFoundError
from workbench.manager import inventory

SHA, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty Hugging Face cache; call it to put a repository in."""
    root = tmp_path / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(root))

    def put(repo, files, revision="main", sha=SHA):
        folder = root / f"models--{repo.replace('/', '--')}"
        snapshot = folder / "snapshots" / sha
        for name, source in files.items():
            (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
            blob = folder / "blobs" / f"{sha[0]}-{name.replace('/', '-')}"
            blob.parent.mkdir(exist_ok=True)
            blob.write_bytes(source) if isinstance(source, bytes) else shutil.copyfile(source, blob)
            (snapshot / name).symlink_to(blob)
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / revision).write_text(sha)
        return snapshot

    return put


def model_files():
    return {file.name: file for file in builtin.MODEL.iterdir()}


def ids():
    return [m.id for m in inventory.local_models()]


def test_the_shipped_model_is_always_there():
    assert inventory.local_models()[0] == inventory.find("builtin") == builtin.info()
    assert inventory.locate(builtin.info()) == builtin.path("safetensors")


def test_models_of_the_cache_are_found_by_their_id(cache):
    snapshot = cache("org/tiny-4bit", model_files())
    assert ids() == ["builtin", "org/tiny-4bit"]
    found = inventory.find("org/tiny-4bit")
    assert (found.name, found.path, found.revision, found.status) == ("tiny-4bit", str(snapshot), SHA, "ready")
    assert (found.format, found.context_length, found.local) == ("safetensors", 2048, True)
    assert str(inventory.locate(found)) == found.path


def test_a_revision_names_a_snapshot(cache):
    cache("org/tiny", model_files())
    old = cache("org/tiny", model_files(), revision="v1", sha=OTHER)
    for revision in ("v1", OTHER, OTHER[:8]):
        found = inventory.find(f"org/tiny@{revision}")
        assert (found.id, found.path) == (f"org/tiny@{revision}", str(old))
    assert inventory.find("org/tiny").revision == SHA
    for revision in ("v2", "../../../..", "c" * 40, ""):
        with pytest.raises(ModelNotFoundError):
            inventory.find(f"org/tiny@{revision}")


def test_gguf_files_are_told_apart_by_their_quantization(cache):
    gguf = builtin.path("gguf")
    names = ["m-Q8_0.gguf", "m-Q4_K_M.gguf", "mmproj-m-F16.gguf", "Q2_K/m-Q2_K-00001-of-00002.gguf"]
    cache("org/m-GGUF", dict.fromkeys([*names, "Q2_K/m-Q2_K-00002-of-00002.gguf"], gguf))
    assert ids() == ["builtin", "org/m-GGUF:Q2_K", "org/m-GGUF:Q4_K_M", "org/m-GGUF:Q8_0"]
    assert inventory.find("org/m-GGUF:q8_0").id == "org/m-GGUF:Q8_0"
    assert inventory.find("org/m-GGUF").id == "org/m-GGUF:Q4_K_M"
    assert inventory.find(f"org/m-GGUF@{SHA}:Q8_0").path.endswith("m-Q8_0.gguf")
    split = inventory.find("org/m-GGUF:Q2_K")
    assert split.size == 2 * gguf.stat().st_size
    assert split.name == "m-GGUF Q2_K"
    with pytest.raises(ModelNotFoundError, match="org/m-GGUF:Q4_K_M"):
        inventory.find("org/m-GGUF:Q4_K_S")


def test_what_is_damaged_is_listed_and_says_why(cache):
    cache("org/broken", model_files() | {"model.safetensors": b"<html>"})
    cache("org/started", {"config.json": b"{}"})
    broken = next(m for m in inventory.local_models() if m.id == "org/broken")
    assert broken.status == "failed"
    assert "web page" in broken.note
    assert "org/started" not in ids()
    with pytest.raises(ModelFilesError, match="web page"):
        inventory.find("org/broken")
    with pytest.raises(ModelFilesError, match="without its weights"):
        inventory.find("org/started")


def test_a_change_on_disk_is_seen(cache):
    snapshot = cache("org/tiny", model_files())
    assert inventory.find("org/tiny").context_length == 2048
    config = json.loads((snapshot / "config.json").read_text()) | {"max_position_embeddings": 512}
    (snapshot / "config.json").write_text(json.dumps(config))
    assert inventory.find("org/tiny").context_length == 512


def test_a_path_is_an_id(tmp_path, monkeypatch):
    folder = shutil.copytree(builtin.MODEL, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for model_id in (str(folder), "./mine", "mine", "~/mine", f"{folder}/"):
        assert inventory.find(model_id).id == str(folder)
    gguf = shutil.copyfile(builtin.path("gguf"), tmp_path / "m.gguf")
    assert inventory.find("m.gguf").id == str(gguf)
    with pytest.raises(ModelNotFoundError, match="no file or folder"):
        inventory.find("./other")
    with pytest.raises(ModelNotFoundError, match="no file or folder"):
        inventory.find("other.gguf")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelFilesError, match="no tokenizer"):
        inventory.find("./mine")


def test_an_unknown_id_names_the_nearest(cache):
    cache("mlx-community/Qwen3-4B-4bit", model_files())
    for typed, meant in [
        ("mlx-community/Qwen3-4B-4bits", "mlx-community/Qwen3-4B-4bit"),
        ("qwen3-4b-4bit", "mlx-community/Qwen3-4B-4bit"),
        ("bultin", "builtin"),
        ("llama3.2", "ollama:llama3.2"),
    ]:
        with pytest.raises(ModelNotFoundError) as raised:
            inventory.find(typed, also=["ollama:llama3.2"])
        assert f"Did you mean {meant!r}?" in raised.value.next_step
    with pytest.raises(ModelNotFoundError) as raised:
        inventory.find("zzz")
    assert "Did you mean" not in raised.value.next_step
    assert "wb.models()" in raised.value.next_step


def test_the_cache_is_where_its_own_client_looks(monkeypatch):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(inventory.cache_root()) == "/home/someone/.cache/huggingface/hub"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert str(inventory.cache_root()) == "/x/huggingface/hub"
    monkeypatch.setenv("HF_HOME", "/hf")
    assert str(inventory.cache_root()) == "/hf/hub"
    monkeypatch.setenv("HF_HUB_CACHE", "/hub")
    assert str(inventory.cache_root()) == "/hub"


def test_the_layout_is_the_one_its_own_client_reads(cache, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    cache("org/tiny", model_files())
    (repo,) = hub.scan_cache_dir(tmp_path / "hub").repos
    assert repo.repo_id in ids()
    assert str(next(iter(repo.revisions)).snapshot_path) == inventory.find("org/tiny").path


def test_a_listing_of_many_costs_milliseconds(cache, tmp_path):
    first = cache("org/m0", model_files()).parents[1]
    for i in range(1, 100):
        os.symlink(first, tmp_path / "hub" / f"models--org--m{i}")
    assert len(ids()) == 101
    times = []
    for _ in range(5):
        started = time.perf_counter()
        ids()
        times.append(time.perf_counter() - started)
    assert min(times) < 0.2  # about 20 ms on an idle machine; opening every file again would take seconds


def test_a_full_disk_is_said(monkeypatch):
    def fail(format):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(builtin, "path", fail)
    with pytest.raises(ModelFilesError, match="No space left"):
        inventory.locate(builtin.info())
