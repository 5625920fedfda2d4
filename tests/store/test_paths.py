from __future__ import annotations

import sys
import warnings
from pathlib import Path

import platformdirs
import pytest

from workbench.store import paths

KINDS = (paths.config_dir, paths.data_dir, paths.cache_dir, paths.runtime_dir)


def test_one_variable_moves_everything(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "here"))
    made = [kind() for kind in KINDS]
    assert all(path.is_dir() and path.parent == tmp_path / "here" for path in made)
    assert len(set(made)) == len(KINDS)


def test_without_it_the_folders_are_the_systems_own(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_HOME")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.cache_dir() == Path(platformdirs.user_cache_dir("workbench", appauthor=False))
    assert paths.config_dir().is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux may lack a runtime folder")
def test_a_system_without_a_runtime_folder_gets_one_without_a_word(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_HOME")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paths.runtime_dir() == tmp_path / "workbench" / "runtime"
