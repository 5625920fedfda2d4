"""Refreshing the index from the hub's listings: pages, cancel, going on, the hub's limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.servers.hub import Hub, HubServer, gguf_repo, mlx_repo
from workbench.errors import HubError, OfflineError
from workbench.manager import catalogue, query
from workbench.manager.catalogue import RefreshProgress
from workbench.manager.index import Index


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub(
        [
            *(mlx_repo(f"acme/M-{n}-4bit", weights=64, downloads=100 - n) for n in range(9)),
            *(gguf_repo(f"acme/G-{n}-GGUF", ("Q8_0",), weights=64, downloads=n) for n in range(5)),
        ]
    )
    monkeypatch.setattr(catalogue, "PAGE", 2)
    with HubServer(hub) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield hub


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "models.sqlite")
    yield made
    made.close()


def listed(hub: Hub) -> list[str]:
    return [entry["path"] for entry in hub.log if entry["path"].startswith("/api/models?") and entry["status"] == 200]


def test_all_of_both_kinds(served: Hub, index: Index) -> None:
    told: list[RefreshProgress] = []
    assert index.refresh(told.append) == 14
    assert len(index) == 14
    assert {model.id for model in index.search(query.make(format="gguf"))} == {f"acme/G-{n}-GGUF" for n in range(5)}
    assert [progress.models for progress in told] == [2, 4, 6, 8, 9, 11, 13, 14]
    assert [progress.kind for progress in told][:4] == ["mlx"] * 4
    assert index.fact("refreshed") == pytest.approx(time.time(), abs=60)


def test_the_most_downloaded_come_first(served: Hub, index: Index) -> None:
    index.refresh(cancelled=lambda: len(index) >= 4)
    assert {model.id for model in index.search(query.make())} == {f"acme/M-{n}-4bit" for n in range(4)}


def test_cancelled_it_keeps_what_came_and_goes_on_there(served: Hub, index: Index) -> None:
    assert index.refresh(cancelled=lambda: len(index) >= 6) == 6
    before = len(listed(served))
    again = Index(index.path)  # another kernel
    assert again.refresh() == 14
    assert len(again) == 14
    assert len(listed(served)) - before == 5
    assert again.refresh() == 14, "after the end it begins anew"
    again.close()


def test_an_old_stop_is_forgotten(served: Hub, index: Index) -> None:
    index.refresh(cancelled=lambda: len(index) >= 6)
    noted = msgspec.json.decode(index.fact("refresh"))
    index.note("refresh", msgspec.json.encode({**noted, "began": 0.0}).decode())
    before = len(listed(served))
    index.refresh()
    assert len(listed(served)) - before == 8


def test_a_note_that_is_nonsense_is_forgotten(served: Hub, index: Index) -> None:
    index.note("refresh", "{nonsense")
    assert index.refresh() == 14


def test_it_waits_as_long_as_the_hub_asks(served: Hub, index: Index) -> None:
    served.faults = [{"path": "cursor=4", "kind": "status", "status": 429, "headers": {"Retry-After": "1"}}]
    told: list[RefreshProgress] = []
    began = time.monotonic()
    assert index.refresh(told.append) == 14
    assert time.monotonic() - began >= 1
    assert [progress.wait for progress in told if progress.wait is not None] == [1.0]


def test_cancelled_while_it_waits(served: Hub, index: Index) -> None:
    served.faults = [{"path": "cursor=4", "kind": "status", "status": 429, "headers": {"Retry-After": "300"}}]
    told: list[RefreshProgress] = []
    began = time.monotonic()
    assert index.refresh(told.append, lambda: bool(told) and told[-1].wait is not None) == 4
    assert time.monotonic() - began < 10
    assert len(index) == 4


def test_the_hub_fails_midway_and_the_next_call_goes_on(served: Hub, index: Index) -> None:
    served.faults = [{"path": "cursor=6", "kind": "status", "status": 503}]
    with pytest.raises(HubError, match="failed"):
        index.refresh()
    assert len(index) == 6
    before = len(listed(served))
    assert index.refresh() == 14
    assert len(listed(served)) - before == 5


def test_a_place_the_hub_no_longer_knows(served: Hub, index: Index) -> None:
    index.refresh(cancelled=lambda: len(index) >= 6)
    served.faults = [{"path": "cursor=6", "kind": "status", "status": 400}]
    with pytest.raises(HubError, match="refused"):
        index.refresh()
    assert index.refresh() == 14


def test_offline(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError):
        index.refresh()
