from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import workbench.builtin as builtin
from workbench.builtin.files import read_safetensors


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    return tmp_path


def test_what_is_known_of_it_is_true_of_the_shipped_files():
    config = json.loads((builtin.MODEL / "config.json").read_text())
    tensors = read_safetensors(builtin.MODEL / "model.safetensors")
    info = builtin.info()
    assert info.id == builtin.ID == "builtin"
    assert info.context_length == builtin.CONTEXT_LENGTH == config["max_position_embeddings"]
    assert info.parameters == sum(tensor.size for tensor in tensors.values())
    assert info.local


def test_it_is_as_small_as_promised():
    assert builtin.info().parameters <= 4_000_000
    assert (builtin.MODEL / "model.safetensors").stat().st_size <= 8_000_000
    assert {tensor.dtype for tensor in read_safetensors(builtin.MODEL / "model.safetensors").values()} == {
        np.dtype("<f2")
    }


def test_the_folder_holds_the_same_weights_in_fp32(home):
    folder = builtin.path("safetensors")
    shipped = read_safetensors(builtin.MODEL / "model.safetensors")
    derived = read_safetensors(folder / "model.safetensors")
    assert folder.is_relative_to(home)
    assert derived.keys() == shipped.keys()
    for name, tensor in derived.items():
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor, shipped[name].astype(np.float32))


def test_what_was_derived_is_used_again(home):
    first = builtin.path("gguf")
    made = first.stat().st_mtime_ns
    assert builtin.path("gguf") == first
    assert first.stat().st_mtime_ns == made
    assert [p.name for p in first.parent.iterdir()] == ["builtin.gguf"]


def test_other_weights_are_derived_anew(home, tmp_path, monkeypatch):
    import shutil

    before = builtin.path("safetensors")
    other = tmp_path / "model"
    shutil.copytree(builtin.MODEL, other)
    (other / "generation_config.json").write_text("{}")
    monkeypatch.setattr(builtin, "MODEL", other)
    assert builtin.path("safetensors") != before


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="onnx"):
        builtin.path("onnx")


@pytest.mark.parametrize("format", ["safetensors", "gguf"])
def test_two_processes_may_derive_at_once(home, format):
    code = f"import workbench.builtin as b; print(b.path({format!r}))"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=60)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert said == {str(builtin.path(format))}
    assert not list(builtin.path(format).parent.glob(".deriving-*"))


def test_a_failure_leaves_nothing_behind(home, monkeypatch):
    def broken(model, target, format):
        target.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(builtin, "derive", broken)
    with pytest.raises(OSError, match="disk full"):
        builtin.path("gguf")
    assert not list(home.rglob("*.gguf"))


def test_using_it_imports_no_framework(home):
    code = (
        "import sys, workbench.builtin as b; b.path('gguf'); b.path(); b.info();"
        "print([m for m in ('torch', 'transformers', 'mlx', 'gguf', 'safetensors') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
