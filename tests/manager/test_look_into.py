from __future__ import annotations

import os
import subprocess
import sys

import pytest

from workbench.errors import FolderError
from workbench.manager.look_into import look_into


def test_it_shows_folders_and_model_files_and_hides_the_rest(tmp_path, monkeypatch):
    for name in ("b.gguf", "A.safetensors", "notes.txt", ".hidden.gguf"):
        (tmp_path / name).write_bytes(b"1234")
    for name in ("models", ".cache", "tiny.mlpackage"):
        (tmp_path / name).mkdir()
    (tmp_path / "models/config.json").write_text("{}")
    (tmp_path / "loop").symlink_to("loop")
    found = look_into(str(tmp_path))
    assert (found["path"], found["parent"]) == (str(tmp_path), str(tmp_path.parent))
    assert [(f["name"], f["model"]) for f in found["folders"]] == [("models", True), ("tiny.mlpackage", True)]
    assert [(f["name"], f["size"]) for f in found["files"]] == [("A.safetensors", 4), ("b.gguf", 4)]
    assert look_into(f"{tmp_path}/models")["model"] is True
    monkeypatch.setenv("HOME", str(tmp_path))
    assert look_into()["path"] == str(tmp_path)
    assert look_into("/")["parent"] is None


def test_what_cannot_be_shown_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="There is no folder"):
        look_into(str(tmp_path / "gone"))
    with pytest.raises(FolderError, match="is no folder"):
        look_into(str(tmp_path / "file"))


def test_a_folder_without_permission_says_so(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0)
    code = (
        "import os, sys\nfrom workbench.manager.look_into import look_into\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: look_into(sys.argv[1])\nexcept Exception as error: print(type(error).__name__, error)"
    )
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        if os.getuid() == 0 and folder != locked:
            folder.chmod(folder.stat().st_mode | 0o055)
    done = subprocess.run([sys.executable, "-c", code, locked], capture_output=True, text=True, check=True)
    assert "FolderError" in done.stdout
    assert "permission denied" in done.stdout
