from __future__ import annotations

import os
import random
import shutil

import pytest

from tests.manager.places import OWN, Ollama, repository
from workbench.errors import StateError
from workbench.manager import duplicates, inventory

SIZE = 3 << 20


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An added folder beside an empty cache and Ollama's folder."""
    for name, value in (("WORKBENCH_HOME", "home"), ("HF_HUB_CACHE", "hub"), ("OLLAMA_MODELS", "ollama")):
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "added").mkdir()
    inventory.add_folder(tmp_path / "added")
    return tmp_path


def weights(seed=1, size=SIZE):
    return b"GGUF" + random.Random(seed).randbytes(size - 4)


def found():
    return duplicates.find(inventory.entries())


def test_the_same_file_in_three_places_wastes_two(place):
    Ollama(place / "ollama").model(f"{OWN}/m/1b", weights())
    repository(place / "hub", "org/m-GGUF", {"m-Q4_K_M.gguf": weights()})
    (place / "added" / "m.gguf").write_bytes(weights())
    (place / "added" / "other.gguf").write_bytes(weights(2))
    (duplicate,) = found()
    assert {entry.source for entry in duplicate.entries} == {"Ollama", "Hugging Face cache", "Added folder"}
    assert duplicate.bytes == 2 * SIZE
    assert not duplicate.exact
    told = []
    assert duplicates.confirm(duplicate, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (SIZE, SIZE)  # only the file whose name tells nothing is read
    with pytest.raises(StateError):
        duplicates.confirm(duplicate, cancelled=lambda: True)


def test_names_that_are_checksums_need_no_reading(place, monkeypatch):
    Ollama(place / "ollama").model(f"{OWN}/m/1b", weights())
    repository(place / "hub", "org/m-GGUF", {"m-Q4_K_M.gguf": weights()})
    monkeypatch.setattr(duplicates, "_sample", None)
    (duplicate,) = found()
    assert (duplicate.exact, duplicate.bytes) == (True, SIZE)
    assert duplicates.confirm(duplicate)


def test_links_to_one_file_waste_nothing(place):
    folder = repository(place / "hub", "org/m-GGUF", {"m-Q4_K_M.gguf": weights()})
    (blob,) = (folder / "blobs").iterdir()
    os.link(blob, place / "added" / "hard.gguf")
    (place / "added" / "soft.gguf").symlink_to(blob)
    entries = inventory.entries()
    assert duplicates.find(entries) == ()
    assert [entry.shared for entry in entries[1:]] == [SIZE] * 3
    assert entries.size == entries[0].size + SIZE


def test_a_difference_that_a_sample_misses_is_found_by_reading(place):
    (place / "added" / "a.gguf").write_bytes(weights())
    changed = bytearray(weights())
    changed[SIZE // 8] ^= 1
    (place / "added" / "b.gguf").write_bytes(changed)
    (duplicate,) = found()
    assert not duplicate.exact
    assert not duplicates.confirm(duplicate)


def test_a_shared_tokenizer_makes_no_duplicate(place):
    tokenizer = random.Random(0).randbytes(SIZE)
    for number, name in enumerate("ab"):
        folder = place / "added" / name
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "tokenizer.json").write_bytes(tokenizer)
        (folder / "model.safetensors").write_bytes(random.Random(number).randbytes(4 * SIZE))
    assert found() == ()


def test_a_copied_folder_is_one_duplicate_of_all_its_files(place):
    folder = place / "added" / "a"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for part in (1, 2):
        (folder / f"model-{part}.safetensors").write_bytes(random.Random(part).randbytes(SIZE))
    shutil.copytree(folder, place / "added" / "b")
    (duplicate,) = found()
    assert [entry.model.name for entry in duplicate.entries] == ["a", "b"]
    assert duplicate.bytes == 2 * SIZE


def test_a_file_that_goes_while_one_looks_is_left_out(place):
    for name in "ab":
        (place / "added" / f"{name}.gguf").write_bytes(weights())
    entries = inventory.entries()
    (place / "added" / "a.gguf").unlink()
    assert duplicates.find(entries) == ()
