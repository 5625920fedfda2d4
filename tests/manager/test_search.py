"""A search over the hub and the index: merged, paged, offline, and what is here is marked."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.manager import many
from tests.servers.hub import GOOD_TOKEN, Hub, HubServer, gguf_repo, mlx_repo
from workbench import builtin
from workbench.errors import GatedModelError, ModelNotFoundError
from workbench.manager import hub, query, search
from workbench.manager.index import Index
from workbench.manager.search import Results

QWEN = "mlx-community/Qwen3-4B-4bit"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub(
        [
            mlx_repo(QWEN, downloads=500),
            mlx_repo("mlx-community/Qwen3-4B-8bit", bits=8, downloads=400),
            gguf_repo("bartowski/Qwen3-4B-GGUF", downloads=300),
            mlx_repo("acme/Private-Qwen", private=True, allowed=[GOOD_TOKEN]),
            mlx_repo("acme/Gated-Qwen", gated="manual", downloads=50),
            *(mlx_repo(f"many/Llama-{n}-4bit", weights=64, downloads=100 - n) for n in range(30)),
        ]
    )
    with HubServer(hub) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield hub


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "models.sqlite")
    yield made
    made.close()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


def ids(results: Results) -> list[str]:
    return [model.id for model in results]


def test_the_hub_answers(served: Hub, index: Index) -> None:
    found = search.search(query.make("qwen", sort="downloads"), where=index)
    assert ids(found) == [QWEN, "mlx-community/Qwen3-4B-8bit", "bartowski/Qwen3-4B-GGUF", "acme/Gated-Qwen"]
    assert (found.source, found.error, found.complete) == ("hub", None, True)
    assert found.note == "from the hub"


def test_what_the_hub_cannot_filter_by_is_filtered(served: Hub, index: Index) -> None:
    found = ids(search.search(query.make("qwen", bits=8), where=index))
    assert set(found) == {"bartowski/Qwen3-4B-GGUF", "mlx-community/Qwen3-4B-8bit"}


def test_pages_come_as_they_are_read(served: Hub, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "HUB_PAGE", 10)
    found = search.search(query.make("llama", sort="downloads"), where=index)
    assert len(found) == 10
    assert not found.complete
    first = [model.id for model in found[:10]]
    assert [model.id for model in found[:15]] == [f"many/Llama-{n}-4bit" for n in range(15)]
    assert len(found) == 20
    assert ids(found) == [f"many/Llama-{n}-4bit" for n in range(30)]
    assert [model.id for model in found[:10]] == first
    assert found.complete
    assert found[-1].id == "many/Llama-29-4bit"
    with pytest.raises(IndexError):
        found[30]
    asked = [entry for entry in served.log if entry["path"].startswith("/api/models?")]
    assert len(asked) == 3


def test_a_later_page_repeats_nothing_the_index_knew(
    served: Hub, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    search.search(query.make("llama", sort="downloads"), where=index)
    monkeypatch.setattr(search, "HUB_PAGE", 10)
    found = search.search(query.make("llama", sort="downloads"), where=index)
    assert len(found) == 30
    assert len(ids(found)) == len(set(ids(found))) == 30


def test_the_connection_is_lost_between_two_pages(served: Hub, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "HUB_PAGE", 10)
    found = search.search(query.make("llama"), where=index)
    served.faults = [{"path": "cursor=10", "kind": "status", "status": 503, "times": -1}]
    assert len(ids(found)) == 10
    assert found.error is not None
    assert found.complete


@pytest.mark.parametrize(
    ("filters", "tags"),
    [
        ({}, [("mlx",), ("gguf",)]),
        ({"text": "qwen"}, [()]),
        ({"text": "qwen", "format": ["mlx", "gguf"], "tags": "moe"}, [("mlx", "moe"), ("gguf", "moe")]),
        ({"format": ["mlx", "coreml"]}, [()]),
        ({"author": "acme"}, [()]),
    ],
)
def test_what_the_hub_is_asked_for(filters: dict[str, Any], tags: list[tuple[str, ...]]) -> None:
    assert [terms["tags"] for terms in search.listings(query.make(**filters))] == tags


def test_one_task_is_asked_of_the_hub_and_several_are_left_to_the_index() -> None:
    asked = [search.listings(query.make(task=task))[0]["task"] for task in ("translation", "embeddings", "chat")]
    assert asked == ["translation", None, None]


def test_offline_the_index_answers_and_says_so(served: Hub, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    online = ids(search.search(query.make("qwen"), where=index))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = search.search(query.make("qwen"), where=index)
    assert ids(found) == online
    assert found.source == "index"
    assert found.as_of is not None
    assert "from the local index, as seen just now. The hub cannot be reached." in repr(found)


def test_a_hub_that_stays_silent_is_not_waited_for_long(
    served: Hub, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    online = ids(search.search(query.make("qwen"), where=index))
    monkeypatch.setattr(hub, "QUICK", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        found = search.search(query.make("qwen"), where=index)
        assert time.monotonic() - began < 3
    assert (ids(found), found.source) == (online, "index")
    assert "did not answer in time" in found.note


@pytest.mark.usefixtures("offline")
def test_offline_with_nothing_seen_yet(index: Index) -> None:
    found = search.search(query.make("qwen"), where=index)
    assert len(found) == 0
    assert found.as_of is None
    assert "nothing was seen of it yet" in found.note


def test_the_hub_is_not_asked_when_it_need_not_be(served: Hub, index: Index) -> None:
    found = search.search(query.make("qwen"), online=False, where=index)
    assert (len(found), found.source, found.error) == (0, "index", None)
    assert served.log == []


def test_one_by_its_address(served: Hub, index: Index) -> None:
    found = search.search(query.make(f"https://huggingface.co/{QWEN}/tree/main"), where=index)
    assert ids(found) == [QWEN]
    assert found[0].size is not None
    assert not found[0].estimated
    with pytest.raises(ModelNotFoundError, match="misspelt, private or gated") as caught:
        search.search(query.make("hf.co/mlx-community/Qwen3-4B-4bti"), where=index)
    assert QWEN in caught.value.next_step


def test_one_by_its_id_goes_first(served: Hub, index: Index) -> None:
    served.add(mlx_repo(f"{QWEN}-more", downloads=10**6))
    assert ids(search.search(query.make(QWEN), where=index)) == [QWEN, f"{QWEN}-more"]


def test_a_wrong_token_is_told_for_one_and_noted_for_a_list(
    served: Hub, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(GatedModelError, match="token"):
        search.search(query.make(f"hf.co/{QWEN}"), where=index)
    served.faults = [{"path": "/api/models.search", "kind": "status", "status": 401}]
    found = search.search(query.make("qwen"), where=index)
    assert isinstance(found.error, GatedModelError)


def test_what_is_here_is_marked(served: Hub, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / f"models--{QWEN.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("a" * 40)
    shutil.copytree(builtin.MODEL, folder / "snapshots" / ("a" * 40))
    found = {model.id: model.status for model in search.search(query.make("qwen"), where=index)}
    assert found[QWEN] == "ready"
    assert found["bartowski/Qwen3-4B-GGUF"] == "hub"


def test_the_best_status_of_a_repository_counts() -> None:
    statuses = search.statuses_of(iter([("a/b:Q4_K_M", "ready"), ("a/b:Q8_0", "loaded"), ("a/c@main", "failed")]))
    assert statuses == {"a/b": "loaded", "a/c": "failed"}


def test_a_table_and_a_frame(served: Hub, index: Index) -> None:
    found = search.search(query.make("qwen", sort="downloads"), where=index)
    lines = repr(found).splitlines()
    assert lines[0].split() == ["id", "parameters", "quantization", "size", "downloads", "licence", "status"]
    assert lines[1].startswith(QWEN)
    assert lines[-1] == "4 models; from the hub."
    assert "<td>mlx-community/Qwen3-4B-4bit</td>" in found._repr_html_()
    frame = found.to_frame()
    assert list(frame["id"]) == ids(found)
    assert frame["downloads"][0] == 500


def test_a_long_list_shows_its_beginning(served: Hub, index: Index) -> None:
    found = search.search(query.make("llama"), where=index)
    assert len(repr(found).splitlines()) == 22
    assert repr(found).splitlines()[-1] == "The first 20 of 30 models; from the hub."


def test_nothing_found_names_what_is_near(served: Hub, index: Index) -> None:
    search.search(query.make("qwen"), where=index)
    found = search.search(query.make("Qwne3-4B-4bit"), where=index)
    assert len(found) == 0
    assert f"Did you mean {QWEN}" in repr(found)


def test_names_cannot_break_out_of_the_table(index: Index, offline: None) -> None:
    index.add([msgspec.structs.replace(many.models(1)[0], licence="<script>alert(1)</script>")])
    assert "<script>" not in search.search(query.make(), where=index)._repr_html_()
