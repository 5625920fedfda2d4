from __future__ import annotations

import json
import os
import shutil
import time

import pytest

from workbench import builtin
from workbench.errors import ModelFilesError, ModelNotFoundError
from workbench.manager import inventory, remembered

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


def revisions():
    return {m.id: m.revision for m in inventory.local_models()}


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


def test_files_of_one_quantization_are_told_apart_by_their_names(cache):
    cache("org/m-GGUF", dict.fromkeys(["a-Q8_0.gguf", "b-Q8_0.gguf", "sub/c-Q8_0.gguf"], builtin.path("gguf")))
    assert ids()[1:] == ["org/m-GGUF:Q8_0", "org/m-GGUF:b-Q8_0", "org/m-GGUF:c-Q8_0"]
    assert inventory.find("org/m-GGUF:c-Q8_0").path.endswith("sub/c-Q8_0.gguf")


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
    assert "wb.download" not in raised.value.next_step
    with pytest.raises(ModelNotFoundError, match=r"no model 'acme/Tiny' here\.") as raised:
        inventory.find("acme/Tiny")
    assert "If it is on the hub, wb.download('acme/Tiny') fetches it." in raised.value.next_step


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


def entries():
    return {entry.model.id: entry for entry in inventory.entries()}


def test_outside_changes_show_in_the_very_next_listing(cache, tmp_path):
    for number in range(3):
        cache(f"org/m{number}", model_files())
    assert ids() == ids() == ["builtin", "org/m0", "org/m1", "org/m2"]
    root = tmp_path / "hub"
    os.link(builtin.path("gguf"), root / "models--org--m0" / "blobs" / "gguf")
    (root / "models--org--m0" / "snapshots" / SHA / "m-Q8_0.gguf").symlink_to("../../blobs/gguf")
    assert ids() == ["builtin", "org/m0", "org/m0:Q8_0", "org/m1", "org/m2"]
    cache("org/m1", model_files(), revision="pr", sha=OTHER)
    assert revisions()["org/m1"] == SHA
    (root / "models--org--m1" / "refs" / "main").write_text(OTHER)
    assert revisions()["org/m1"] == OTHER
    cache("org/new", model_files())
    assert "org/new" in ids()
    shutil.rmtree(root / "models--org--m2")
    assert ids() == ["builtin", "org/m0", "org/m0:Q8_0", "org/m1", "org/new"]
    shutil.rmtree(root)
    assert ids() == ["builtin"]


def test_a_blob_deleted_under_its_link_shows_in_time(cache, tmp_path, monkeypatch):
    cache("org/tiny", model_files())
    assert ids() == ["builtin", "org/tiny"]
    (tmp_path / "hub" / "models--org--tiny" / "blobs" / "a-model.safetensors").unlink()
    assert not entries()["org/tiny"].kept
    with pytest.raises(ModelFilesError):
        inventory.find("org/tiny")
    monkeypatch.setattr(remembered, "SELDOM_S", 0.0)
    assert inventory.local_models()[1].status == "failed"


def test_an_entry_counts_its_files_once_and_says_what_others_share(cache, tmp_path):
    gguf = builtin.path("gguf")
    cache("org/m-GGUF", {"m-Q8_0.gguf": gguf, "m-Q4_K_M.gguf": gguf, "README.md": b"Read me", "mmproj-m.gguf": b"GGUF"})
    found = entries()
    quantized = found["org/m-GGUF:Q8_0"]
    names = {os.path.basename(file.path) for file in quantized.files}
    assert names == {"m-Q8_0.gguf", "README.md", "mmproj-m.gguf"}
    assert (quantized.source, quantized.kept, quantized.model.revision) == ("Hugging Face cache", True, SHA)
    assert quantized.size == gguf.stat().st_size + 11
    assert quantized.shared == 11
    assert all("/blobs/" in file.real for file in quantized.files)
    total = sum(file.stat().st_size for file in (tmp_path / "hub").rglob("blobs/*"))
    assert inventory.entries().size == total + found["builtin"].size


def test_older_revisions_and_what_downloads_left_are_entries_of_their_own(cache, tmp_path):
    cache("org/tiny", model_files(), revision="v1", sha=OTHER)
    cache("org/tiny", model_files())
    (tmp_path / "hub" / "models--org--tiny" / "blobs" / "c0ffee.incomplete").write_bytes(bytes(4096))
    found = entries()
    old, left = found[f"org/tiny@{OTHER[:8]}"], found["org/tiny@unfinished"]
    assert (old.kept, old.model.note) == (True, "an older revision")
    assert inventory.find(old.model.id).path == old.model.path
    assert (left.kept, left.usable, left.size) == (False, False, 4096)
    assert found["org/tiny"].usable


def test_a_repository_that_no_engine_reads_is_listed_with_a_word(cache):
    cache("org/onnx", {"config.json": b"{}", "model.onnx": b"\x08"})
    cache("org/started", {"config.json": b"{}"})
    cache("org/broken", model_files() | {"model.safetensors": b"<html>"})
    found = entries()
    assert (found["org/onnx"].model.format, found["org/onnx"].kept) == ("onnx", True)
    assert "ONNX" in found["org/onnx"].model.note
    assert not found["org/started"].kept
    assert not found["org/broken"].kept
    assert not any(found[f"org/{name}"].usable for name in ("onnx", "started", "broken"))


def test_a_hostile_cache_breaks_nothing(cache, tmp_path):
    cache("org/good", model_files())
    root = tmp_path / "hub"
    for name, reference in (("up", b"../../.."), ("absolute", b"/etc"), ("bytes", b"\xff\x00"), ("empty", b"")):
        (root / f"models--org--{name}" / "refs").mkdir(parents=True)
        (root / f"models--org--{name}" / "refs" / "main").write_bytes(reference)
    loop = root / "models--org--loop" / "snapshots" / SHA
    loop.mkdir(parents=True)
    (loop / "deeper").symlink_to(loop)
    (loop / "m.gguf").symlink_to(loop / "m.gguf")
    os.mkfifo(loop / "pipe.gguf")
    (root / "models--org--file").touch()
    (root / "models--org--gone").symlink_to(root / "nowhere")
    assert "org/good" in ids()
    assert entries()["org/good"].usable
    assert not entries()["org/loop:m"].kept


def test_a_cache_that_may_not_be_read_is_a_trouble(cache, tmp_path):
    (tmp_path / "hub").write_bytes(b"a file where the folder should be")
    found = inventory.entries()
    assert [entry.model.id for entry in found] == ["builtin"]
    assert found.troubles[0].source == "Hugging Face cache"
    assert ids() == ["builtin"]
