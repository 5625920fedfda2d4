from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from workbench import builtin
from workbench.model import ModelInfo
from workbench.options import GenerationOptions
from workbench.sessions.comparing import receipts


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


def local(path: Path, **fields: object) -> ModelInfo:
    return ModelInfo(id=str(path), name="m", provider="local", path=str(path), **fields)  # type: ignore[arg-type]


def test_a_cached_repository_s_hashes_are_those_the_hub_promised(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots/abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for name, blob in (("model.safetensors", "a" * 64), ("config.json", "b" * 40)):
        (blobs / blob).write_bytes(b"{}")
        (snapshot / name).symlink_to(blobs / blob)
    found = receipts.facts(local(snapshot, revision="abc", engine="mlx"), None)
    assert found["files"] == {"model.safetensors": "sha256:" + "a" * 64, "config.json": "git:" + "b" * 40}
    assert found["revision"] == "abc"
    assert {"mlx", "mlx-lm", "python", "workbench"} <= set(found["versions"])


def test_a_small_file_is_hashed_and_a_large_one_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "SMALL", 10)
    (tmp_path / "small").write_bytes(b"small")
    (tmp_path / "large").write_bytes(b"much larger")
    found = receipts.facts(local(tmp_path), None)["files"]
    assert found == {"small": f"sha256:{hashlib.sha256(b'small').hexdigest()}"}


def test_the_template_s_hash_is_that_of_its_text() -> None:
    template = json.loads((builtin.MODEL / "tokenizer_config.json").read_text())["chat_template"]
    found = receipts.facts(ModelInfo(id="builtin", name="builtin", provider="local", format="safetensors"), None)
    gguf = receipts.facts(ModelInfo(id="builtin", name="builtin", provider="local", format="gguf"), None)
    assert found["template"] == gguf["template"] == f"sha256:{hashlib.sha256(template.encode()).hexdigest()}"


def test_a_remote_model_has_an_address_and_no_files() -> None:
    info = ModelInfo(id="box:m", name="m", provider="box")
    found = receipts.facts(info, "http://localhost:1/v1")
    assert (found["provider"], found["url"], found["files"], found["template"]) == (
        "box",
        "http://localhost:1/v1",
        {},
        None,
    )
    made = receipts.receipt(found, GenerationOptions(seed=3), GenerationOptions(temperature=0))
    assert (made.asked.seed, made.seed, made.applied.temperature) == (3, None, 0)
    assert made.at > 0


def test_a_model_that_has_gone_leaves_what_is_still_known(tmp_path: Path) -> None:
    found = receipts.facts(local(tmp_path / "gone"), None)
    assert (found["files"], found["template"]) == ({}, None)
    assert found["machine"]
