from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.manager.places import OWN, Ollama
from workbench import builtin
from workbench.errors import ModelFilesError
from workbench.manager import files, inventory, ollama
from workbench.manager.remembered import Watch


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Ollama(tmp_path / "models")


def found(app):
    return {entry.model.name: entry for entry in inventory.entries() if entry.source == "Ollama"}


def test_a_manifest_leads_to_a_model_that_can_be_checked_and_listed(app):
    weights = app.model(f"{OWN}/mistral/7b", builtin.path("gguf").read_bytes())
    entry = found(app)["mistral:7b"]
    assert (entry.model.id, entry.model.status, entry.kept) == (str(weights), "ready", True)
    assert entry.model.parameters == builtin.info().parameters
    assert entry.size == sum(f.stat().st_size for f in app.root.rglob("*") if f.is_file())
    listed = next(model for model in inventory.local_models() if model.id == str(weights))
    assert (listed.name, listed.format, listed.note) == ("mistral:7b", "gguf", "Ollama")
    assert inventory.find(str(weights)).name == "mistral:7b"
    assert files.check(inventory.locate(listed)).format == "gguf"


def test_its_models_answer_a_chat_without_ollama(app):
    pytest.importorskip("xllamacpp")
    import workbench as wb

    weights = app.model(f"{OWN}/tiny/1b", builtin.path("gguf").read_bytes())
    try:
        assert wb.ask("Hello", model=str(weights)).result(60)
    finally:
        wb.unload(str(weights))


def test_names_are_those_ollama_shows(app):
    for number, name in enumerate((f"{OWN}/a/latest", "registry.ollama.ai/me/b/1b", "hf.co/org/c/Q4_K_M")):
        app.model(name, builtin.path("gguf").read_bytes() + bytes(32 * number))
    assert set(found(app)) == {"a:latest", "me/b:1b", "hf.co/org/c:Q4_K_M"}


def test_tags_of_the_same_weights_are_one_model(app):
    for tag in ("7b", "latest"):
        app.model(f"{OWN}/mistral/{tag}", builtin.path("gguf").read_bytes())
    (entry,) = found(app).values()
    assert entry.model.name == "mistral:7b, mistral:latest"
    assert sum("manifests" in file.path for file in entry.files) == 2


def test_its_own_safetensors_form_is_listed_with_a_word(app):
    config = app.blob(b'{"model_format": "safetensors"}')
    layers = [app.layer("tensor", bytes(1000), name="w"), app.layer("json", b"{}", name="config.json")]
    app.manifest(f"{OWN}/new/mlx", {"schemaVersion": 2, "config": config, "layers": layers})
    entry = found(app)["new:mlx"]
    assert (entry.usable, entry.kept, entry.model.format) == (False, True, "safetensors")
    assert "Only Ollama" in entry.model.note
    assert "new:mlx" not in [model.name for model in inventory.local_models()]


def test_a_model_that_runs_elsewhere_is_not_here(app):
    app.manifest(f"{OWN}/big/cloud", {"schemaVersion": 2, "config": app.blob(b"{}"), "layers": []})
    assert found(app) == {}


def test_a_missing_blob_is_said(app):
    app.model(f"{OWN}/whole/1b", builtin.path("gguf").read_bytes())
    app.model(f"{OWN}/half/1b", builtin.path("gguf").read_bytes() + bytes(32)).unlink()
    entries = found(app)
    assert entries["whole:1b"].usable
    half = entries["half:1b"]
    assert (half.usable, half.kept) == (False, False)
    assert "`ollama pull half:1b`" in half.model.note


def test_a_truncated_blob_is_said(app):
    app.model(f"{OWN}/cut/1b", builtin.path("gguf").read_bytes()[:-1000])
    entry = found(app)["cut:1b"]
    assert not entry.kept
    assert "truncated" in entry.model.note
    with pytest.raises(ModelFilesError, match="truncated"):
        files.check(entry.model.path)


HOSTILE = [
    b"",
    b"null",
    b"[" * 100_000,
    b'{"layers": 1}',
    b'{"layers": [{}]}',
    b'{"layers": [{"digest": 5}]}',
    b'{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../../../etc/passwd"}]}',
    b'{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "/etc/passwd"}]}',
    b'{"layers": [{"digest": "sha256:' + b"a" * 63 + b'"}]}',
    b"\xff\xfe\x00",
    b"<html>",
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_manifest_hides_nothing_else_and_leads_nowhere(app, content):
    app.model(f"{OWN}/good/1b", builtin.path("gguf").read_bytes())
    app.manifest(f"{OWN}/bad/1b", content)
    entries = found(app)
    assert entries["good:1b"].usable
    assert not entries["bad:1b"].kept
    assert all(Path(file.path).is_relative_to(app.root) for entry in entries.values() for file in entry.files)


def test_garbled_manifests_never_break_the_listing(app):
    app.model(f"{OWN}/good/1b", builtin.path("gguf").read_bytes())
    whole = (app.root / "manifests" / OWN / "good" / "1b").read_bytes()
    chance = random.Random(7)
    for number in range(200):
        garbled = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            garbled[chance.randrange(len(garbled))] = chance.randrange(256)
        app.manifest(f"{OWN}/m/{number}", bytes(garbled[: chance.choice([len(garbled), chance.randrange(1, 400)])]))
    entries = found(app)
    assert any("good:1b" in name for name in entries)
    assert all(Path(file.path).is_relative_to(app.root) for entry in entries.values() for file in entry.files)


def test_odd_things_among_the_manifests(app, tmp_path):
    app.model(f"{OWN}/good/1b", builtin.path("gguf").read_bytes())
    manifests = app.root / "manifests"
    (manifests / "loop").symlink_to(manifests)
    (manifests / OWN / "good" / "dir").mkdir()
    (manifests / OWN / "good" / "link").symlink_to(manifests / OWN / "good" / "1b")
    (manifests / OWN / "good" / ".DS_Store").write_bytes(b"x")
    os.mkfifo(manifests / OWN / "good" / "pipe")
    (manifests / "file").write_bytes(b"x")
    assert list(found(app)) == ["good:1b"]


def test_where_its_models_are(tmp_path, monkeypatch):
    monkeypatch.delenv("OLLAMA_MODELS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ollama, "SERVICE", tmp_path / "service")
    assert ollama.models_folder() == tmp_path / ".ollama" / "models"
    (tmp_path / "service").mkdir()
    assert ollama.models_folder() == tmp_path / "service"
    (tmp_path / ".ollama" / "models").mkdir(parents=True)
    assert ollama.models_folder() == tmp_path / ".ollama" / "models"
    monkeypatch.setenv("OLLAMA_MODELS", "~/mine")
    assert ollama.models_folder() == tmp_path / "mine"


def test_without_ollama_there_is_nothing(tmp_path):
    assert ollama.read(str(tmp_path / "none"), Watch()).found == ()
