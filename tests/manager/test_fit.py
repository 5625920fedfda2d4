"""A model's need: from its files, from its config, from its name's facts, and from what was measured here."""

from __future__ import annotations

import json

import msgspec
import pytest

from workbench import builtin
from workbench.engines import LoadSpec
from workbench.engines.hosted import HostedEngine
from workbench.manager import inventory, shapes
from workbench.manager.fit import BUFFERS, PROGRAM, TIGHT, fit
from workbench.manager.machine import Machine
from workbench.model import HubModel, ModelInfo
from workbench.store import usage
from workbench.store.usage import Run

M3 = Machine(chip="Apple M3", memory=16 * 2**30, usable=11_500_000_000, bandwidth=100_000_000_000, system="macOS 26.0")
LLAMA_3B = {
    "model_type": "llama",
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "torch_dtype": "bfloat16",
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WORKBENCH_MEMORY", raising=False)


def hub_model(**facts):
    known = {
        "id": "mlx-community/Llama-3.2-3B-Instruct-4bit", "name": "Llama", "provider": "hub", "status": "hub",
        "format": "safetensors", "parameters": 3_212_749_824, "bits": 4.5, "architecture": "llama",
        "context_length": 131_072, "size": 1_807_496_278,
    }  # fmt: skip
    return HubModel(**{**known, **facts})


def test_weights_cache_and_overhead_add_up():
    found = fit(hub_model(), config=LLAMA_3B, machine=M3)
    assert found.weights == 1_807_496_278
    assert found.kv_cache == 8192 * 114_688
    assert found.overhead == PROGRAM["safetensors"] + BUFFERS
    assert found.total == found.weights + found.kv_cache + found.overhead
    assert sum(size for _, size in found.breakdown()) == found.total
    assert found.share == pytest.approx(found.total / 11.5e9)
    assert not found.estimated
    words = "fits: 3.4 of 11.5 GB (weights 1.8, KV cache for 8,192 tokens 0.9, overhead 0.6)"
    assert repr(found) == str(found) == words


def test_a_longer_context_needs_more_up_to_the_models_own():
    needs = [fit(hub_model(), n, config=LLAMA_3B, machine=M3).kv_cache for n in (1024, 32_768, 131_072, 10**6)]
    assert needs == [n * 114_688 for n in (1024, 32_768, 131_072, 131_072)]
    assert fit(hub_model(), 10**6, config=LLAMA_3B, machine=M3).context == 131_072


def test_verdicts_at_their_borders():
    total = fit(hub_model(), config=LLAMA_3B, machine=M3).total

    def verdict(usable):
        return fit(hub_model(), config=LLAMA_3B, machine=msgspec.structs.replace(M3, usable=usable)).verdict

    assert verdict(int(total / TIGHT) + 1) == "fits"
    assert verdict(int(total / TIGHT) - 1) == "tight"
    assert verdict(total) == "tight"
    assert verdict(total - 1) == "too big"


def test_without_a_config_the_family_and_size_tell_and_it_says_so():
    found = fit(hub_model(), machine=M3)
    assert found.estimated
    assert found.kv_cache == pytest.approx(8192 * 114_688, rel=0.02)
    assert str(found).endswith("overhead 0.6; estimated)")


def test_without_a_size_the_parameters_and_bits_tell():
    found = fit(hub_model(size=None, bits=4), config=LLAMA_3B, machine=M3)
    assert found.estimated
    assert found.weights == pytest.approx(1_807_496_278, rel=0.01)
    assert fit(hub_model(size=None, bits=None), machine=M3).weights == 2 * 3_212_749_824


def test_without_either_nothing_is_claimed():
    found = fit(hub_model(size=None, parameters=None), machine=M3)
    assert (found.verdict, found.total, found.share) == ("unknown", 0, 0.0)
    assert "unknown" in repr(found)


def test_a_size_that_was_computed_stays_an_estimate():
    assert fit(hub_model(estimated=True), config=LLAMA_3B, machine=M3).estimated


def test_this_machine_is_asked_when_none_is_named(monkeypatch):
    monkeypatch.setenv("WORKBENCH_MEMORY", "2 GB")
    found = fit(hub_model())
    assert (found.usable, found.verdict) == (2_000_000_000, "too big")


@pytest.mark.parametrize(
    ("chip", "bandwidth", "model", "measured"),
    [  # tokens a second that people published
        ("M3 Ultra", 819e9, {"parameters": 8_030_261_248, "size": 4_517_404_672, "architecture": "llama"}, 119.39),
        ("M3 Pro", 150e9, {"parameters": 4_022_468_096, "size": 2_280_000_000, "architecture": "qwen3"}, 44.62),
    ],
)
def test_the_speed_expected_is_near_speeds_that_were_published(chip, bandwidth, model, measured):
    machine = msgspec.structs.replace(M3, chip=f"Apple {chip}", bandwidth=int(bandwidth))
    assert fit(hub_model(**model), machine=machine).decode_tps == pytest.approx(measured, rel=0.15)


def test_a_mixture_reads_only_its_active_weights():
    dense = hub_model(parameters=35 * 10**9, size=20 * 10**9)
    mixture = msgspec.structs.replace(dense, active_parameters=3 * 10**9)
    slow, fast = (fit(model, machine=M3).decode_tps for model in (dense, mixture))
    assert 2 * slow < fast < 12 * slow


def test_no_speed_is_claimed_where_the_bandwidth_is_unknown():
    assert fit(hub_model(), machine=msgspec.structs.replace(M3, bandwidth=None)).decode_tps is None


def test_a_model_of_this_disk_is_read(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_3B))
    model = ModelInfo(id="x", name="x", provider="local", format="safetensors", size=10**9, path=str(tmp_path))
    found = fit(model, machine=M3)
    assert (found.kv_cache, found.estimated) == (8192 * 114_688, False)
    assert not fit(inventory.find("builtin"), machine=M3).estimated


def test_a_gguf_is_counted_for_the_context_llama_cpp_reserves():
    path = builtin.path("gguf")
    long = ModelInfo(id="x", name="x", provider="local", format="gguf", size=path.stat().st_size, path=str(path))
    assert fit(long, machine=M3).context == 16_384
    assert fit(msgspec.structs.replace(long, context_length=2048), machine=M3).context == 2048


def test_what_ran_here_replaces_estimates():
    model = hub_model(status="ready")
    before = fit(model, config=LLAMA_3B, machine=M3)
    cache = 1024 * 114_688
    ran = {"peak_memory": 1_807_000_000 + cache + 90_000_000, "weights": 1_807_000_000, "decode_tps": 31.0}
    usage.note_run(
        Run(model=model.id, engine="mlx", at=1.0, prompt_tokens=924, completion_tokens=100, load_s=2.5, **ran)
    )
    after = fit(model, config=LLAMA_3B, machine=M3)
    assert after.measured.load_s == 2.5
    assert str(after).endswith("; measured here: loads in 2.5 s, 31 tokens/s")
    assert "measured" not in str(before)
    assert (after.decode_tps, after.speed_measured) == (31.0, True)
    assert not before.speed_measured
    assert after.overhead == PROGRAM["safetensors"] + 90_000_000 < before.overhead
    assert after.kv_cache == before.kv_cache
    at_that_context = fit(model, 1024, config=LLAMA_3B, machine=M3)
    assert at_that_context.total == ran["peak_memory"] + PROGRAM["safetensors"]
    other = fit(msgspec.structs.replace(model, engine="llama_cpp"), config=LLAMA_3B, machine=M3)
    assert other.measured is None


@pytest.mark.parametrize(("engine", "format"), [("mlx", "safetensors"), ("llama_cpp", "gguf")])
def test_a_real_host_holds_about_what_is_foreseen(engine, format):
    """Its whole memory, as the system counts it, once the shipped model is loaded."""
    import psutil

    path = builtin.path(format)
    model = ModelInfo(id="x", name="x", provider="local", format=format, size=_size(path), path=str(path))
    host = HostedEngine(engine)
    try:
        list(host.load(LoadSpec(model="x", path=str(path), context_length=2048), "l"))
        held = psutil.Process(host.pid).memory_info().rss
    finally:
        host.close()
    assert held == pytest.approx(fit(model, 2048, machine=M3).total, rel=0.35)


def _size(path):
    return sum(file.stat().st_size for file in path.glob("*.safetensors")) if path.is_dir() else path.stat().st_size


def test_a_model_of_the_hub_is_fitted_without_a_look_at_the_disk(monkeypatch):
    def looked(*_):
        raise AssertionError("a list of ten thousand models would look at the disk for each")

    monkeypatch.setattr(shapes, "read", looked)
    monkeypatch.setattr(usage, "measured", looked)
    assert fit(hub_model(id="a/model", parameters=10**9, size=10**9)).verdict == "fits"
