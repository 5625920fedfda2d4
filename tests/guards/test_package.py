"""What is shipped: the wheel made from the sdist holds all a person needs, and nothing of how it was made."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import hatch_build

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist of the clone, and the wheel built from that, with no network."""
    out = tmp_path_factory.mktemp("dist")
    quiet = {"capture_output": True, "text": True, "check": True}
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", out], cwd=ROOT, **quiet)
    with tarfile.open(next(out.glob("*.tar.gz"))) as archive:
        archive.extractall(out / "source", filter="data")
    source = next((out / "source").iterdir())
    assert hatch_build.stale(source) == [], "the sdist lacks a bundle"
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out], cwd=source, **quiet)
    return out


@pytest.mark.slow
def test_the_wheel_holds_what_runs_and_nothing_else(dist: Path) -> None:
    names = set(zipfile.ZipFile(next(dist.glob("*.whl"))).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "workbench").rglob("*.py")}
    assert modules <= names
    assert "workbench/py.typed" in names
    assert "workbench/builtin/model/model.safetensors" in names
    widgets = ("chat", "browser", "downloads", "library")
    assert {f"workbench/widgets/static/{name}.{kind}" for name in widgets for kind in ("js", "css")} <= names
    notebooks = {f"workbench/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks
    assert notebooks <= names
    left = [name for name in names if name.endswith((".ts", ".mjs", ".npmrc")) or "node_modules" in name]
    assert left == []
    assert not [name for name in names if name.split("/")[0] not in ("workbench",) and ".dist-info/" not in name]


@pytest.mark.slow
def test_the_shipped_model_is_one_file_of_at_most_8_mb(dist: Path) -> None:
    infos = zipfile.ZipFile(next(dist.glob("*.whl"))).infolist()
    weights = [info for info in infos if info.filename.endswith((".safetensors", ".gguf", ".bin"))]
    assert [info.filename for info in weights] == ["workbench/builtin/model/model.safetensors"]
    assert weights[0].file_size <= 8_000_000


def test_a_bundle_is_stale_when_missing_or_older_than_a_source(tmp_path: Path) -> None:
    widgets = tmp_path / "workbench/widgets"
    (widgets / "static").mkdir(parents=True)
    for name in ("chat.py", "chat.ts", "store.ts"):
        (widgets / name).write_text("")
    assert hatch_build.stale(tmp_path) == ["chat"]
    bundle = widgets / "static/chat.js"
    bundle.write_text("")
    assert hatch_build.stale(tmp_path) == []
    later = bundle.stat().st_mtime + 10
    os.utime(widgets / "store.ts", (later, later))
    assert hatch_build.stale(tmp_path) == ["chat"]
    (tmp_path / "PKG-INFO").write_text("")
    assert hatch_build.stale(tmp_path) == []
