from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import FolderError
from workbench.manager import folders as module
from workbench.manager import inventory
from workbench.store import paths, settings

ADD_TEN = """
import sys
from workbench.manager import inventory
for i in range(10):
    inventory.add_folder(f"{sys.argv[1]}/{sys.argv[2]}{i}")
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_folders_are_remembered_in_their_order_and_forgotten(tmp_path, monkeypatch):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert inventory.folders() == ()
    assert inventory.add_folder("b") == tmp_path / "b"
    inventory.add_folder("~/a")
    inventory.add_folder(tmp_path / "b")
    assert inventory.folders() == (tmp_path / "b", tmp_path / "a")
    (tmp_path / "b").rmdir()
    inventory.remove_folder(tmp_path / "b")
    assert inventory.folders() == (tmp_path / "a",)
    with pytest.raises(FolderError, match="was not added") as raised:
        inventory.remove_folder("b")
    assert str(tmp_path / "a") in raised.value.next_step


def test_what_cannot_be_added_says_why(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="is no folder"):
        inventory.add_folder(tmp_path / "file")
    with pytest.raises(FolderError, match="There is no folder"):
        inventory.add_folder(tmp_path / "none")
    assert inventory.folders() == ()


def test_two_kernels_at_once_lose_nothing(tmp_path):
    for name in "ab":
        for i in range(10):
            (tmp_path / f"{name}{i}").mkdir()
    kernels = [subprocess.Popen([sys.executable, "-c", ADD_TEN, tmp_path, name]) for name in "ab"]
    assert [kernel.wait(60) for kernel in kernels] == [0, 0]
    assert {path.name for path in inventory.folders()} == {f"{name}{i}" for name in "ab" for i in range(10)}


def test_the_list_of_an_earlier_version_is_taken_over_once(tmp_path):
    file = paths.config_dir() / "folders.json"
    (tmp_path / "new").mkdir()
    settings.change(model_folders=("/b",))
    file.write_text('{"folders": ["/a", "/b"]}')
    assert inventory.folders() == (Path("/b"), Path("/a"))
    assert not file.exists()
    file.write_text('{"folders": ["/c"]}')
    inventory.add_folder(tmp_path / "new")
    inventory.remove_folder("/a")
    assert settings.get().model_folders == ("/b", "/c", str(tmp_path / "new"))


def test_folders_written_into_the_settings_by_hand_count(tmp_path):
    settings.path().write_text('model_folders = ["~/mine"]\n')
    (tmp_path / "mine").mkdir()
    assert inventory.folders() == (tmp_path / "mine",)
    inventory.add_folder("~/mine")
    assert settings.get().model_folders == ("~/mine",)
    inventory.remove_folder(tmp_path / "mine")
    assert inventory.folders() == ()


def test_a_damaged_list_is_a_trouble_and_is_not_overwritten(tmp_path):
    file = paths.config_dir() / "folders.json"
    file.write_text('{"folders": [')
    with pytest.raises(FolderError, match="cannot be read") as raised:
        inventory.add_folder(tmp_path)
    assert str(file) in raised.value.next_step
    assert file.read_text() == '{"folders": ['
    (trouble,) = inventory.entries().troubles
    assert "added folders" in trouble.error.message
    assert inventory.local_models()[0].id == "builtin"


def test_a_refusal_on_a_mac_says_where_to_allow_it(tmp_path, monkeypatch):
    error = PermissionError(1, "Operation not permitted")
    assert "permissions" in module.refused(tmp_path, error).next_step
    monkeypatch.setattr("sys.platform", "darwin")
    refusal = module.refused(tmp_path, error)
    assert "System Settings" in refusal.next_step
    assert refusal.message == f"{tmp_path} cannot be read: operation not permitted."


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_without_permission_cannot_be_added(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(FolderError, match="permission denied"):
        inventory.add_folder(tmp_path / "closed")
