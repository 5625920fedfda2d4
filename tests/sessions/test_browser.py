from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.hub import Hub, HubServer, builtin_repo, gguf_repo, mlx_repo
from workbench.commands import (
    Ack,
    CancelDownload,
    CountChoices,
    DropPlan,
    ExecutePlan,
    OpenModel,
    PlanDelete,
    RefreshCatalogue,
    Rows,
    SearchModels,
    StartDownload,
)
from workbench.errors import ModelNotFoundError, UsageError
from workbench.manager.index import Index
from workbench.model import HubModel
from workbench.services.registry import Services
from workbench.sessions.browser import Browser

QWEN = "acme/Qwen3-4B-4bit"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub on loopback, and a home and a cache of the test's own."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf/hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    repos = [
        mlx_repo(QWEN, downloads=500),
        mlx_repo("acme/Qwen3-8B-8bit", bits=8, downloads=400),
        gguf_repo("acme/Tiny-GGUF", ("Q4_K_M", "Q8_0"), downloads=300),
    ]
    with HubServer(Hub(repos)) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server.hub


@pytest.fixture
def make(hub: Hub, tmp_path: Path) -> Callable[..., Browser]:
    return lambda *words, **filters: Browser(*words, of=Index(tmp_path / "index.sqlite"), **filters)


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def ids(browser: Browser) -> list[str]:
    return [model.id for model in browser.results]


def state(browser: Browser, model: str = QWEN) -> str:
    rows = browser.perform(Rows(id=1, first=0, count=50)).data["rows"]
    return str(next(row["state"]["status"] for row in rows if row["id"] == model))


def model(id: str, **facts: Any) -> HubModel:
    return HubModel(id=id, name=id, provider="local", status="hub", **facts)


def test_with_an_empty_index_results_wait_for_the_hub(make: Callable[..., Browser]) -> None:
    assert ids(make("qwen")) == [QWEN, "acme/Qwen3-8B-8bit"]
    assert ids(make("qwen", quantization="8bit")) == ["acme/Qwen3-8B-8bit"]


def test_what_the_hub_adds_is_counted_and_moves_no_row(make: Callable[..., Browser], hub: Hub) -> None:
    browser = make("qwen")
    assert len(browser.results) == 2
    hub.add(mlx_repo("aaaa/Qwen3-1B-4bit", downloads=10**7))
    browser.search("qwen")
    shown = browser.view()["result"]
    assert [row["id"] for row in browser.rows(0, 9)["rows"]] == [QWEN, "acme/Qwen3-8B-8bit"]
    until(lambda: not browser.view()["asking"])
    assert (browser.view()["more"], browser.view()["result"], browser.view()["total"]) == (1, shown, 2)
    browser.search("qwen")
    assert browser.results[0].id == "aaaa/Qwen3-1B-4bit"


def test_a_search_by_the_front_end_answers_with_its_first_rows(make: Callable[..., Browser]) -> None:
    browser = make()
    until(lambda: not browser.view()["asking"])
    data = browser.perform(SearchModels(id=1, query={"text": "qwen", "quantization": ["4bit"]})).data
    assert (data["total"], [row["id"] for row in data["rows"]]) == (1, [QWEN])
    assert data["result"] == browser.view()["result"]
    assert browser.view()["query"] == {"text": "qwen", "quantization": ("4bit",)}
    row = data["rows"][0]
    assert (row["name"], row["author"], row["quantization"], row["fit"]["verdict"]) == (
        "Qwen3-4B-4bit", "acme", "4bit", "fits",
    )  # fmt: skip
    assert row["speed"] is None


def test_a_wrong_filter_is_refused_with_the_nearest(make: Callable[..., Browser]) -> None:
    browser = make()
    ack = browser.perform(SearchModels(id=7, query={"size_class": "hugee"}))
    assert (ack.id, ack.ok, ack.error and ack.error.kind) == (7, False, "UsageError")
    with pytest.raises(UsageError, match="not a filter"):
        browser.search("x", quantisation="4bit")


def test_ten_thousand_models_are_searched_within_a_keystroke(make: Callable[..., Browser]) -> None:
    browser = make()
    browser._index.add(model(f"many/Model-{n}-4bit", quality=float(n % 90)) for n in range(10_000))
    browser.search("model")
    took = []
    for text in ("m", "mo", "model-9", "model 4bit", "99"):
        began = time.perf_counter()
        ack = browser.perform(SearchModels(id=1, query={"text": text}))
        took.append(time.perf_counter() - began)
        assert len(ack.data["rows"]) == min(50, ack.data["total"]) > 0
    assert sorted(took)[2] < 0.1
    assert len(browser.rows(9_000, 50)["rows"]) == 0 or browser.view()["total"] > 9_000


def test_a_card_has_description_files_and_fit_at_the_context_asked(make: Callable[..., Browser]) -> None:
    browser = make()
    card = browser.open(QWEN, context=4096)
    assert card.description == "A model of the tests."
    assert (card.files is not None and len(card.files), card.files_total) == (4, 6)
    assert card.files is not None
    assert card.files[0].path == "model.safetensors"
    assert (card.context, card.fit.context, card.fit.verdict) == (4096, 4096, "fits")
    assert browser.open(QWEN, context=2048).fit.kv_cache < card.fit.kv_cache
    shown = browser.view()["card"]
    assert (shown["model"], shown["context"], shown["loading"]) == (QWEN, 2048, False)
    browser.close()
    assert browser.view()["card"] is None


def test_of_a_gguf_repository_the_card_offers_each_quantization(make: Callable[..., Browser]) -> None:
    browser = make()
    assert browser.open("acme/Tiny-GGUF").download == "acme/Tiny-GGUF:Q4_K_M"
    card = browser.open("acme/Tiny-GGUF:Q8_0")
    assert (card.download, card.quantization) == ("acme/Tiny-GGUF:Q8_0", "Q8_0")
    assert [name for name, _ in card.quantizations] == ["Q4_K_M", "Q8_0"]


def test_a_misspelt_model_is_said_with_the_nearest(make: Callable[..., Browser]) -> None:
    browser = make()
    with pytest.raises(ModelNotFoundError, match="Qwen3-4B-4bit"):
        browser.open("acme/Qwen3-4B-4bits")
    assert browser.view()["card"]["error"]["kind"] == "ModelNotFoundError"


def test_offline_the_index_answers_and_the_view_says_so(
    make: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = make("qwen")
    assert len(browser.results) == 2
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert ids(browser.search("qwen")) == [QWEN, "acme/Qwen3-8B-8bit"]
    until(lambda: not browser.view()["asking"])
    assert browser.view()["offline"]["kind"] == "OfflineError"
    assert browser.open(QWEN).error is not None
    assert browser.open(QWEN).fit.verdict == "fits"


def test_nothing_found_names_what_to_loosen(make: Callable[..., Browser]) -> None:
    browser = make("qwen")
    assert len(browser.results) == 2
    assert len(browser.search("qwen vision", quantization="4bit").results) == 0
    ways = {(way["field"], way["word"]): way["count"] for way in browser.view()["loosen"]}
    assert ways == {("text", "vision"): 1, ("quantization", None): 0, ("text", "qwen"): 0}


def test_choices_are_counted_for_the_query_without_their_own_filter(make: Callable[..., Browser]) -> None:
    browser = make("qwen", quantization="4bit")
    assert len(browser.results) == 1
    found = browser.perform(CountChoices(id=1, field="quantization")).data
    assert {choice["value"]: choice["count"] for choice in found if choice["count"]} == {"4bit": 1, "8bit": 1}
    assert browser.perform(CountChoices(id=1, field="architecture")).data == [{"value": "llama", "count": 1}]


def test_a_download_moves_the_state_to_ready_and_deleting_it_back(
    make: Callable[..., Browser], services: Services
) -> None:
    browser = make("qwen", services=services)
    assert len(browser.results) == 2
    seen: list[str] = []

    def note(op: list[Any]) -> None:
        assert browser.lock._is_owned()  # type: ignore[attr-defined]
        if QWEN in (states := op[1].get("states", {})):
            seen.append(states[QWEN]["status"])

    end = browser.observe(note)
    assert state(browser) == "hub"
    assert browser.perform(StartDownload(id=1, models=[QWEN])) == Ack(id=1, ok=True)
    until(lambda: seen and seen[-1] == "ready")
    assert set(seen) & {"queued", "starting", "downloading", "verifying"}
    assert state(browser) == "ready"
    browser.perform(PlanDelete(id=2, models=[QWEN]))
    library = browser._library
    assert library.plan is not None
    assert browser.perform(DropPlan(id=5)).ok
    assert (browser.view()["plan"], library.plan) == (None, None)
    browser.perform(PlanDelete(id=2, models=[QWEN]))
    plan = browser.view()["plan"]
    assert [each["id"] for each in plan["models"]] == [QWEN]
    assert plan["frees"] > 200_000
    assert browser.perform(ExecutePlan(id=3, plan=plan["id"])).ok
    until(lambda: state(browser) == "hub")
    assert seen[-1] == "hub"
    end()


def test_a_failed_download_says_why_and_an_unknown_one_is_refused(make: Callable[..., Browser], hub: Hub) -> None:
    hub.add(mlx_repo("acme/Locked-4bit", gated="manual"))
    browser = make("locked")
    assert len(browser.results) == 1
    browser.download("acme/Locked-4bit")
    until(lambda: state(browser, "acme/Locked-4bit") == "failed")
    row = browser.rows(0, 1)["rows"][0]
    assert row["state"]["error"]["kind"] == "GatedModelError"
    ack = browser.perform(CancelDownload(id=4, download="nothing"))
    assert (ack.ok, ack.error and ack.error.kind) == (False, "StateError")


def test_the_hubs_list_is_fetched_and_counted(make: Callable[..., Browser], hub: Hub) -> None:
    for n in range(30):
        hub.add(mlx_repo(f"many/Model-{n}-4bit", weights=2000))
    browser = make("nothing-like-it")
    until(lambda: not browser.view()["asking"])
    browser.perform(RefreshCatalogue(id=1))
    until(lambda: browser.view()["refresh"] is None)
    assert browser.view()["index"]["models"] == 33
    assert len(browser.search("many").results) == 30


def test_opening_from_the_screen_answers_at_once_and_the_rest_follows(make: Callable[..., Browser], hub: Hub) -> None:
    browser = make("qwen")
    assert len(browser.results) == 2
    hub.faults.append({"path": f"/api/models/{QWEN}", "kind": "stall", "seconds": 0.3, "after": 10})
    assert browser.perform(OpenModel(id=1, model=QWEN)).ok
    shown = browser.view()["card"]
    assert (shown["model"], shown["loading"], shown["files"]) == (QWEN, True, None)
    until(lambda: not browser.view()["card"]["loading"])
    assert len(browser.view()["card"]["files"]) == 4


def test_it_reads_well_as_text_and_as_html(make: Callable[..., Browser], hub: Hub) -> None:
    hub.add(builtin_repo("acme/<b>Bold"))
    browser = make("acme")
    assert "<Browser 'acme':" in repr(browser)
    len(browser.results)
    assert QWEN in repr(browser)
    assert "0x" not in repr(browser)
    assert "<b>" not in browser.html()


def test_a_browser_nobody_holds_is_let_go(make: Callable[..., Browser]) -> None:
    import gc
    import weakref

    browser = make("qwen")
    len(browser.results)
    browser.observe(lambda op: None)
    held = weakref.ref(browser)
    del browser

    def gone() -> bool:
        gc.collect()
        return held() is None

    until(gone, 15)
    assert threading.active_count() < 100
