from __future__ import annotations

import json

import pytest

from tests.manager.places import lm_studio as filled
from workbench.manager import inventory, lm_studio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home folder of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("LMSTUDIO_HOME", "OLLAMA_MODELS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_its_models_go_by_their_path_and_are_named_as_it_names_them(home):
    root = filled(home / ".lmstudio" / "models")
    names = {
        "bartowski/tiny-GGUF": "bartowski/tiny-GGUF/tiny-Q8_0.gguf",
        "pub/two Q4_K_M": "pub/two/m-Q4_K_M.gguf",
        "pub/two Q8_0": "pub/two/m-Q8_0.gguf",
        "mlx-community/tiny-mlx": "mlx-community/tiny-mlx",
    }
    entries = {entry.model.name: entry for entry in inventory.entries() if entry.source == "LM Studio"}
    assert {name: entry.model.id for name, entry in entries.items()} == {
        name: str(root / path) for name, path in names.items()
    }
    assert all(entry.usable and entry.kept and entry.model.parameters for entry in entries.values())
    assert entries["pub/two Q8_0"].shared == 100  # the projector belongs to both
    listed = {model.name: model for model in inventory.local_models() if model.note == "LM Studio"}
    assert listed.keys() == names.keys()
    assert inventory.find(str(root / "pub/two/m-Q8_0.gguf")).name == "pub/two Q8_0"


def test_where_its_models_are(home, monkeypatch):
    assert lm_studio.models_folder() == home / ".lmstudio" / "models"
    (home / ".cache" / "lm-studio").mkdir(parents=True)
    assert lm_studio.models_folder() == home / ".cache" / "lm-studio" / "models"
    (home / ".lmstudio-home-pointer").write_text(f"{home}/pointed\n")
    assert lm_studio.models_folder() == home / "pointed" / "models"
    monkeypatch.setenv("LMSTUDIO_HOME", str(home / "named"))
    assert lm_studio.models_folder() == home / "named" / "models"
    (home / "named").mkdir()
    (home / "named" / "settings.json").write_text(json.dumps({"downloadsFolder": f"{home}/moved", "other": [1]}))
    assert lm_studio.models_folder() == home / "moved"


@pytest.mark.parametrize(
    "settings", [b"", b"[]", b"{", b'{"downloadsFolder": 5}', b'{"downloadsFolder": "x"}', b"\xff"]
)
def test_settings_that_say_nothing_leave_the_folder(home, settings):
    (home / ".lmstudio").mkdir()
    (home / ".lmstudio" / "settings.json").write_bytes(settings)
    assert lm_studio.models_folder() == home / ".lmstudio" / "models"


def test_a_damaged_pointer_is_passed_over(home):
    (home / ".lmstudio-home-pointer").write_bytes(b"\xff\xfe")
    assert lm_studio.home() == home / ".lmstudio"


def test_jan_is_read_too(home, monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    filled(home / "Library" / "Application Support" / "Jan" / "data" / "llamacpp" / "models")
    jan = [entry.model.name for entry in inventory.entries() if entry.source == "Jan"]
    assert "tiny-Q8_0.gguf" in jan
