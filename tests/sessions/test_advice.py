"""What suits a machine, for machines of several sizes; models of the hub served by a hub on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest

import workbench as wb
from tests.servers.hub import Hub, HubServer, builtin_repo, gguf_repo, mlx_repo
from workbench.errors import ModelNotFoundError, NoUsableFilesError, OfflineError, UsageError
from workbench.manager import curated as curated_list
from workbench.manager import index, machine
from workbench.manager.machine import Machine
from workbench.sessions import advice

GB = 10**9


@pytest.fixture
def on(monkeypatch, tmp_path):
    """Be on a Mac with so many gigabytes for models."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))

    def be(usable: float, chip: str | None = "Apple M3") -> None:
        here = Machine(
            chip=chip, memory=int(usable * 1.4 * GB), usable=int(usable * GB), bandwidth=machine.bandwidth(chip),
            system="macOS 26.0" if chip else "Linux",
        )  # fmt: skip
        monkeypatch.setattr(advice.machine, "this", lambda: here)

    return be


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[Hub]:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    repos = [
        mlx_repo("acme/Tiny-1B-4bit", weights=400_000, shards=2),
        gguf_repo("acme/Tiny-GGUF", weights=100_000),
        builtin_repo("acme/Little"),
    ]
    with HubServer(Hub(repos)) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server.hub


@pytest.mark.parametrize("usable", [2.0, 6.0, 11.5, 24.0, 96.0])
def test_what_is_recommended_fits_and_the_larger_comes_first(on, usable):
    on(usable)
    found = wb.recommend(30)
    assert found
    ranks = [(a.fit.context < 8192, a.fit.verdict != "fits", (a.fit.decode_tps or 99) < 12) for a in found]
    assert all(a.fit.verdict in ("fits", "tight") for a in found)
    assert ranks[:-1] == sorted(ranks[:-1])
    for rank in set(ranks[:-1]):
        sizes = [a.model.parameters or 0 for a, r in zip(found[:-1], ranks[:-1], strict=True) if r == rank]
        assert sizes == sorted(sizes, reverse=True)
    assert found[-1].id == "builtin"


def test_a_larger_machine_is_given_a_larger_model(on):
    best = []
    for usable in (2.0, 6.0, 24.0, 96.0):
        on(usable, "Apple M2 Ultra")
        best.append(wb.recommend(1)[0].model.parameters)
    assert best == sorted(set(best))


def test_it_says_why(on):
    on(11.5)
    first = wb.recommend(1)[0]
    assert first.why == f"uses {first.fit.total / 1e9:.1f} of your 11.5 GB; about 14 tokens/s expected on M3"
    assert first.reason
    on(11.5, chip=None)
    assert "tokens/s" not in wb.recommend(1)[0].why


def test_where_nothing_fits_the_shipped_model_is_left(on):
    on(0.6)
    (only,) = wb.recommend()
    assert only.id == "builtin"
    assert only.fit.verdict == "fits"
    assert "already on this machine" in only.why


def test_a_context_asked_for_counts(on):
    on(11.5)
    short, long = wb.recommend(20, context=1024), wb.recommend(20, context=65_536)
    assert short[0].model.parameters > long[0].model.parameters
    assert long[0].fit.context == 65_536
    assert "reads at most 4,096 tokens" in next(a.why for a in long if "Phi-3" in a.id)


def test_other_tasks_are_not_answered_with_chat_models(on):
    on(96.0)
    assert wb.recommend(task="text-to-image") == []
    assert all(a.model.task == "text-generation" for a in wb.recommend(5, task="text-generation"))


@pytest.mark.parametrize("asked", [{"n": 0}, {"context": 0}])
def test_nonsense_is_refused(on, asked):
    with pytest.raises(UsageError):
        wb.recommend(**asked)


def test_the_curated_list_shows_all_with_their_fit(on):
    on(11.5)
    found = wb.curated()
    assert [a.id for a in found] == [entry.model.id for entry in curated_list.entries()]
    assert [a.id for a in found if a.default] == [curated_list.DEFAULT]
    assert {a.fit.verdict for a in found} >= {"fits", "too big"}
    assert all(a.reason for a in found)
    assert any(a.why.startswith("would need ") for a in found)


def test_sizes_the_hub_told_replace_estimates(on, monkeypatch):
    on(11.5)
    rounded = next(a for a in wb.curated() if a.id.endswith("/Qwen3-8B-4bit"))
    assert rounded.model.estimated
    seen = msgspec.structs.replace(rounded.model, size=4_607_835_821, estimated=False)
    index.default().add([seen])
    (now,) = [a for a in wb.curated() if a.id == seen.id]
    assert (now.model.size, now.fit.weights, now.model.estimated) == (4_607_835_821, 4_607_835_821, False)
    assert "about " not in advice._row(now)[1]
    index.default().path.write_bytes(b"no database")
    assert len(wb.curated()) == len(curated_list.entries())


def test_it_reads_well_everywhere(on):
    on(11.5)
    found = wb.curated()
    text, page, frame = repr(found), found._repr_html_(), found.to_frame()
    assert f"{curated_list.DEFAULT} (default)" in text
    assert text.count("\n") == len(found) == page.count("<tr>") - 1
    assert "of your 11.5 GB" in page
    assert list(frame["id"]) == [a.id for a in found]
    assert set(frame["verdict"]) == {a.fit.verdict for a in found}
    assert (frame["weights"] + frame["kv_cache"] + frame["overhead"] == frame["total"]).all()


def test_names_are_shown_and_never_run(on):
    on(11.5)
    found = wb.recommend(1)
    found[0] = advice._advice(found[0].model, "<script>alert(1)</script>", 8192, advice.machine.this())
    assert "<script>" not in found._repr_html_()


def test_the_shipped_model_fits(on):
    assert wb.fit("builtin").verdict == "fits"


def test_a_model_of_the_hub_is_counted_by_its_files_and_config(hub):
    found = wb.fit("acme/Tiny-1B-4bit", context=1024)
    repo = hub.repos["acme/Tiny-1B-4bit"]
    weights = sum(f.size for f in repo.commits[repo.main].values() if f.path.endswith(".safetensors"))
    assert (found.weights, found.estimated) == (weights, False)
    assert found.kv_cache == 1024 * 2 * 2 * 2 * 16 * 2  # tokens x layers x KV heads x keys and values x width x 2 bytes
    assert not any("resolve" in r["path"] and r["path"].endswith(".safetensors") for r in hub.log)


def test_one_quantization_of_many_is_counted(hub):
    repo = hub.repos["acme/Tiny-GGUF"]
    one = next(f.size for f in repo.commits[repo.main].values() if "Q8_0" in f.path)
    assert wb.fit("acme/Tiny-GGUF:Q8_0").weights == one
    with pytest.raises(ModelNotFoundError):
        wb.fit("acme/Tiny-GGUF:Q3_K_S")


def test_without_a_network_what_was_seen_still_counts(hub, monkeypatch):
    seen = wb.fit("acme/Tiny-1B-4bit")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert wb.fit("acme/Tiny-1B-4bit").verdict == seen.verdict
    assert wb.fit(curated_list.DEFAULT).weights == 1_807_496_278
    with pytest.raises(OfflineError):
        wb.fit("acme/Never-Seen-1B")


def test_what_cannot_be_fitted_is_said(hub):
    with pytest.raises(ModelNotFoundError, match="acme/Tiny-1B-4bit"):
        wb.fit("acme/Tiny-1B-5bit")
    with pytest.raises(UsageError, match="runs on its server"):
        wb.fit("ollama:llama3.2")
    with pytest.raises(UsageError):
        wb.fit("builtin", context=0)
    with pytest.raises(ModelNotFoundError):
        wb.fit("/no/such/folder")


def test_a_repository_that_nothing_here_reads_is_refused(hub):
    from tests.servers.hub import Repo

    hub.add(Repo("acme/Old", {"pytorch_model.bin": b"PK" * 100, "config.json": json.dumps({}).encode()}, {}))
    with pytest.raises(NoUsableFilesError, match="PyTorch"):
        wb.fit("acme/Old")
