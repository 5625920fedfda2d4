from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from workbench import builtin
from workbench.errors import FolderError, ModelInUseError, StateError
from workbench.manager import deletion, inventory

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A person's home of its own, with every model folder below it, and things that must never be touched."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "state/.config"))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "home/hub"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "home/ollama"))
    for name in ("LMSTUDIO_HOME", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    precious = tmp_path / "home/precious"
    precious.mkdir(parents=True)
    (precious / "thesis.txt").write_text("years of work")
    (tmp_path / "home/Downloads").mkdir()
    return tmp_path / "home"


def contents(weights=None):
    """The files of a small model that loads; other weights make another model."""
    files = {file.name: file.read_bytes() for file in builtin.MODEL.iterdir()}
    return files | ({"model.safetensors": weights} if weights else {})


def cached(home, repo, files, sha=NEW, ref="main"):
    """A revision of a repository in the Hugging Face cache; equal files share their blob."""
    folder = home / "hub" / f"models--{repo.replace('/', '--')}"
    for name, data in files.items():
        blob = folder / "blobs" / hashlib.sha256(data).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        link = folder / "snapshots" / sha / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    if ref:
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / ref).write_text(sha)
    return folder


def pulled(home, name, layers):
    """A model of Ollama's, of these layers; equal ones share their blob."""
    root, listed = home / "ollama", []
    (root / "blobs").mkdir(parents=True, exist_ok=True)
    for kind, data in layers.items():
        digest = hashlib.sha256(data).hexdigest()
        (root / "blobs" / f"sha256-{digest}").write_bytes(data)
        media = f"application/vnd.ollama.image.{kind}"
        listed.append({"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)})
    manifest = root / "manifests/registry.ollama.ai/library" / name.replace(":", "/")
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": listed}))
    return manifest


def gguf():
    return builtin.path("gguf").read_bytes()


def used(*folders):
    """Bytes of disk, as `du` counts them."""
    done = subprocess.run(["du", "-s", "-c", "-B1", *map(str, folders)], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1].split()[0])


def planned(*ids, **options):
    known = {entry.model.id: entry for entry in inventory.entries(downloads_folder=True)}
    return deletion.plan([known[model] for model in ids], **options)


def ids():
    return [entry.model.id for entry in inventory.entries(downloads_folder=True) if entry.source != "built in"]


def test_the_last_revision_goes_with_its_folder_and_frees_what_du_says(home):
    folder = cached(home, "org/a", contents())
    other = cached(home, "org/b", contents(b"x" * 100))
    before = used(home / "hub")
    plan = planned("org/a")
    assert folder.exists(), "a plan deletes nothing"
    assert [(m.id, m.size) for m in plan.models] == [("org/a", 7_820_675)]
    freed = deletion.execute(plan)
    assert not folder.exists()
    assert other.exists()
    assert freed == plan.frees == before - used(home / "hub")
    assert freed > 7_800_000


def test_blobs_of_another_revision_stay(home):
    files = contents()
    folder = cached(home, "org/a", files, sha=OLD, ref=None)
    cached(home, "org/a", files | {"config.json": files["config.json"] + b"\n"}, sha=NEW)
    before = used(home / "hub")
    plan = planned("org/a")
    assert plan.frees < 100_000
    assert deletion.execute(plan) == before - used(home / "hub")
    left = inventory.find("org/a")
    assert (left.revision, left.size) == (OLD, 7_745_872)
    assert not (folder / "refs/main").exists()
    assert not (folder / "snapshots" / NEW).exists()


def test_one_quantization_of_several_goes_alone(home):
    data = gguf()
    folder = cached(home, "org/m-GGUF", {"m-Q4_K_M.gguf": data, "m-Q8_0.gguf": data[:-1] + b"\1", "README.md": b"#"})
    plan = planned("org/m-GGUF:Q4_K_M")
    assert plan.frees > len(data)
    deletion.execute(plan)
    assert ids() == ["org/m-GGUF:Q8_0"]
    assert (folder / "snapshots" / NEW / "README.md").exists()
    deletion.execute(planned("org/m-GGUF:Q8_0"))
    assert not folder.exists()


def test_what_two_models_of_a_plan_share_is_counted_once(home):
    data = gguf()
    cached(home, "org/m-GGUF", {"m-Q4_K_M.gguf": data, "m-Q8_0.gguf": data})
    before = used(home / "hub")
    one, both = planned("org/m-GGUF:Q4_K_M"), planned("org/m-GGUF:Q4_K_M", "org/m-GGUF:Q8_0")
    assert one.frees < len(data) / 100
    assert sum(model.frees for model in both.models) == both.frees
    assert deletion.execute(both) == both.frees == before - used(home / "hub")


def test_ollamas_shared_layers_stay_until_the_last_model_goes(home):
    pulled(home, "a:1b", {"model": gguf(), "license": b"MIT", "template": b"{{a}}"})
    pulled(home, "b:1b", {"model": gguf()[:-1] + b"\1", "license": b"MIT"})
    (home / "ollama/manifests/registry.ollama.ai/library/broken").mkdir()
    keeps = hashlib.sha256(b"{{a}}").hexdigest()
    (home / "ollama/manifests/registry.ollama.ai/library/broken/x").write_text(f"cut off: sha256:{keeps}")
    known = {entry.model.name: entry for entry in inventory.entries()}
    before = used(home / "ollama")
    plan = deletion.plan([known["a:1b"]])
    assert deletion.execute(plan) == before - used(home / "ollama")
    names = {path.name for path in (home / "ollama/blobs").iterdir()}
    assert f"sha256-{hashlib.sha256(b'MIT').hexdigest()}" in names
    assert f"sha256-{keeps}" in names, "a manifest that cannot be read keeps what it names"
    assert len(names) == 3
    deletion.execute(deletion.plan([known["b:1b"]]))
    assert {path.name for path in (home / "ollama/blobs").iterdir()} == {f"sha256-{keeps}"}
    assert (home / "ollama").exists()


def test_lm_studio_loses_the_files_and_the_folders_that_empties(home):
    place = home / ".lmstudio/models/someone/m-GGUF"
    place.mkdir(parents=True)
    (place / "m-Q4_K_M.gguf").write_bytes(gguf())
    (place / ".DS_Store").write_bytes(b"finder")
    beside = home / ".lmstudio/models/someone/notes.txt"
    beside.write_text("mine")
    before = used(home / ".lmstudio")
    plan = planned(str(place / "m-Q4_K_M.gguf"))
    assert deletion.execute(plan) == before - used(home / ".lmstudio")
    assert not place.exists()
    assert beside.exists()


def test_a_hard_link_frees_nothing_until_both_go(home):
    first, second = home / "Downloads/one.gguf", home / "more/two.gguf"
    second.parent.mkdir()
    first.write_bytes(gguf())
    os.link(first, second)
    inventory.add_folder(second.parent)
    one = planned(str(first))
    assert one.frees == 0
    assert "uses the same files" in one.models[0].why
    both = planned(str(first), str(second))
    before = used(home)
    assert deletion.execute(both) == both.frees == before - used(home)
    assert second.parent.exists(), "the folder that was added stays"


def test_a_model_that_only_links_here_is_named_in_the_plan(home):
    real, link = home / "Downloads/one.gguf", home / "more/two.gguf"
    link.parent.mkdir()
    real.write_bytes(gguf())
    link.symlink_to(real)
    inventory.add_folder(link.parent)
    assert "two.gguf (Added folder) links to its files" in planned(str(real)).models[0].why
    deletion.execute(planned(str(link)))
    assert real.exists(), "deleting a link leaves what it leads to"


def test_links_that_lead_out_are_removed_and_never_followed(home):
    outside = home / "precious"
    files = contents()
    folder = cached(home, "org/a", files)
    snapshot = folder / "snapshots" / NEW
    (snapshot / "model.safetensors").unlink()
    shutil.copyfile(builtin.MODEL / "model.safetensors", outside / "model.safetensors")
    (snapshot / "model.safetensors").symlink_to(outside / "model.safetensors")
    (snapshot / "sub").symlink_to(outside)
    (home / "added").mkdir()
    shutil.copytree(builtin.MODEL, outside / "model")
    (home / "added/model.gguf").symlink_to(outside / "nothing.gguf")
    (folder.parent / "models--org--linked").symlink_to(outside / "model")
    deletion.execute(planned("org/a"))
    assert not folder.exists()
    assert {p.name for p in outside.rglob("*")} >= {"thesis.txt", "model.safetensors", "model", "config.json"}


def test_what_is_refused_says_why(home):
    cached(home, "org/a", contents())
    cached(home, "org/b", contents(b"b"))
    path = inventory.find("org/a").path
    for options, words in [
        ({"loaded": ["org/a"]}, "is loaded"),
        ({"loaded": [path]}, "is loaded"),
        ({"downloading": ["org/a"]}, "being downloaded"),
    ]:
        plan = planned("org/a", **options)
        assert (plan.models, plan.files, plan.frees) == ((), (), 0)
        assert words in plan.refused[0].why
    assert "part of the workbench" in planned("builtin").refused[0].why
    outside = next(e for e in inventory.entries() if e.model.id == "org/a")
    moved = home / "precious"
    stranger = type(outside)(
        model=type(outside.model)(id="x", name="x", provider="local", path=str(moved)),
        source="Added folder", folder=str(moved), files=outside.files, size=1,
    )  # fmt: skip
    assert "outside the model folders" in deletion.plan([stranger]).refused[0].why


def test_a_cache_that_another_program_writes_is_left_alone(home):
    folder = cached(home, "org/a", contents())
    partial = folder / "blobs" / f"{'c' * 64}.incomplete"
    partial.write_bytes(b"half")
    assert "written by another program" in planned("org/a").refused[0].why
    os.utime(partial, (1, 1))  # left behind long ago
    assert planned("org/a").models
    lock = home / "hub/.locks/models--org--a" / f"{'c' * 64}.lock"
    lock.parent.mkdir(parents=True)
    plan = planned("org/a")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "written by another program" in planned("org/a").refused[0].why
        with pytest.raises(ModelInUseError, match="Nothing was deleted"):
            deletion.execute(plan)
    assert folder.exists()
    deletion.execute(plan)
    assert not folder.exists()


def test_a_plan_that_is_no_longer_true_deletes_nothing(home):
    folder = cached(home, "org/a", contents())
    plan = planned("org/a")
    (folder / "snapshots" / NEW / "more.txt").write_text("came later")
    with pytest.raises(StateError, match="have changed"):
        deletion.execute(plan)
    with pytest.raises(ModelInUseError):
        deletion.execute(planned("org/a"), loaded=["org/a"])
    assert (folder / "snapshots" / NEW / "model.safetensors").exists()
    shutil.rmtree(folder)
    with pytest.raises(StateError, match="no longer there"):
        deletion.execute(plan)


def test_a_failure_midway_says_what_went_and_what_did_not(home, monkeypatch):
    first, second = home / "Downloads/one.gguf", home / "Downloads/two.gguf"
    for path in (first, second):
        path.write_bytes(gguf())
    unlink = Path.unlink

    def stuck(path, *args, **kwargs):
        if path == second:
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, *args, **kwargs)

    plan = planned(str(first), str(second))
    monkeypatch.setattr(Path, "unlink", stuck)
    with pytest.raises(FolderError) as raised:
        deletion.execute(plan)
    assert "Deleted: one.gguf. Not deleted, or not whole: two.gguf." in raised.value.message
    assert "operation not permitted" in raised.value.message.lower()
    assert (first.exists(), second.exists()) == (False, True)


def snapshot_of(root):
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


def test_half_a_deletion_of_the_cache_can_be_finished(home, monkeypatch):
    folder = cached(home, "org/a", contents())
    plan = planned("org/a")
    count = 0
    unlink = Path.unlink

    def breaks_off(path, *args, **kwargs):
        nonlocal count
        count += 1
        if count == 4:
            raise OSError(5, "Input/output error", str(path))
        unlink(path, *args, **kwargs)

    monkeypatch.setattr(Path, "unlink", breaks_off)
    with pytest.raises(FolderError):
        deletion.execute(plan)
    monkeypatch.setattr(Path, "unlink", unlink)
    (entry,) = [e for e in inventory.entries() if e.source == "Hugging Face cache"]
    assert not entry.kept, "half a model never looks whole"
    deletion.execute(deletion.plan([entry]))
    assert not folder.exists()


@pytest.mark.parametrize("seed", range(25))
def test_nothing_outside_the_model_folders_ever_goes(home, seed):
    """Model folders full of links in every direction: deleting every model leaves the rest of the home as it was."""
    dice = random.Random(seed)
    precious = home / "precious"
    shutil.copytree(builtin.MODEL, precious / "model")
    (precious / "weights.gguf").write_bytes(gguf())
    (precious / "blobs").mkdir()
    roots = [home / "hub", home / "ollama", home / ".lmstudio/models", home / "Downloads", home / "added"]
    for root in roots:
        root.mkdir(parents=True, exist_ok=True)
    inventory.add_folder(home / "added")
    cached(home, "org/a", contents())
    cached(home, "org/b", contents(b"b"), sha=OLD)
    pulled(home, "a:1b", {"model": gguf(), "license": b"MIT"})
    (home / "added/m").mkdir()
    (home / "added/m/m-Q4_0.gguf").write_bytes(gguf())
    targets = [precious, precious / "model", precious / "weights.gguf", precious / "thesis.txt", home, *roots]
    for _ in range(25):
        folders = [
            path for root in roots for path in [root, *root.rglob("*")] if path.is_dir() and not path.is_symlink()
        ]
        place = dice.choice(folders) / dice.choice(
            [
                "x.gguf",
                "model.safetensors",
                "config.json",
                "blobs",
                "snapshots",
                "main",
                "models--x--y",
                "sub",
                "..data",
            ]
        )
        if place.is_symlink() or (place.exists() and dice.random() < 0.7):
            continue
        if place.exists():
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        target = dice.choice(targets)
        place.symlink_to(target if dice.random() < 0.6 else os.path.relpath(target, place.parent))
    before, freed = snapshot_of(precious), 0
    for entry in inventory.entries(downloads_folder=True):
        plan = deletion.plan([entry])
        for path in map(Path, plan.files):
            assert any(Path(os.path.realpath(path.parent)).is_relative_to(root) for root in roots), path
        for model in plan.models:
            assert model.id != "builtin"
        disk = used(home)
        try:
            deletion.execute(plan)
        except StateError:
            continue
        assert disk - used(home) == plan.frees
        freed += plan.frees
    assert freed
    assert snapshot_of(precious) == before
    assert all(root.exists() for root in roots if root.name != "ollama")
