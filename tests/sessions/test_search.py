"""`wb.search` as a cell calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

import workbench as wb
from tests.servers.hub import Hub, HubServer, builtin_repo, mlx_repo
from workbench.errors import UsageError


def test_search_in_a_cell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    small, large = mlx_repo("acme/Small-4bit", weights=1000), mlx_repo("acme/Large-8bit", bits=8, weights=900_000)
    with HubServer(Hub([small, large, builtin_repo("acme/Tiny")])) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        assert {model.id for model in wb.search()} == {"acme/Small-4bit", "acme/Large-8bit", "acme/Tiny"}
        assert [model.id for model in wb.search("acme", quantization="4-bit")] == ["acme/Small-4bit"]
        assert [model.id for model in wb.search(max_size="1MB", format="mlx", bits=8)] == ["acme/Large-8bit"]
        assert wb.search("hf.co/acme/Tiny")[0].parameters == 3_869_952
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    offline = wb.search("small")
    assert [model.id for model in offline] == ["acme/Small-4bit"]
    assert offline.source == "index"
    assert "HF_HUB_OFFLINE is set" in repr(offline)


def test_a_wrong_filter() -> None:
    with pytest.raises(UsageError, match="quantisation"):
        wb.search("qwen", quantisation="4bit")
