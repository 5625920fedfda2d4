"""What a machine gives to models. What macOS and Metal would say is played by files and small programs."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from workbench.errors import UsageError
from workbench.manager import machine
from workbench.store import settings


@pytest.fixture(autouse=True)
def _no_override(monkeypatch):
    monkeypatch.delenv("WORKBENCH_MEMORY", raising=False)


@pytest.mark.skipif(sys.platform == "darwin", reason="Metal says it there")
def test_without_metal_models_may_take_three_quarters():
    here = machine.this()
    assert 0 < here.memory <= psutil.virtual_memory().total
    assert here.usable == int(0.75 * here.memory)
    assert (here.chip, here.bandwidth) == (None, None)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16GB", 16 * 10**9),
        ("12 GiB", 12 * 2**30),
        ("1.5 gb", 1_500_000_000),
        ("8000000000", 8 * 10**9),
        ("4096B", 4096),
    ],
)
def test_a_person_can_say_what_models_may_take(monkeypatch, text, size):
    monkeypatch.setenv("WORKBENCH_MEMORY", text)
    assert machine.this().usable == size
    monkeypatch.delenv("WORKBENCH_MEMORY")
    assert machine.this().usable != size


def test_the_settings_can_say_it_too(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(machine, "LOOK_S", 0)
    settings.change(memory_budget="12GB")
    assert machine.this().usable == 12 * 10**9
    monkeypatch.setenv("WORKBENCH_MEMORY", "6GB")
    assert machine.this().usable == 6 * 10**9
    monkeypatch.delenv("WORKBENCH_MEMORY")
    settings.change(memory_budget=None)
    assert machine.this().usable not in (12 * 10**9, 6 * 10**9)


@pytest.mark.parametrize("text", ["a lot", "16 gigs", "-4GB", "0", "", "1e9GB", "nan"])
def test_what_is_no_size_is_said(monkeypatch, text):
    monkeypatch.setenv("WORKBENCH_MEMORY", text)
    with pytest.raises(UsageError, match="no amount of memory"):
        machine.this()


@pytest.mark.parametrize(
    ("chip", "speed"),
    [
        ("Apple M1", 68_250_000_000),
        ("Apple M3 Max", 300 * 10**9),
        ("Apple M4 Pro", 273 * 10**9),
        ("Apple M2 Ultra", 800 * 10**9),
        ("Apple M9 Giga", None),
        ("Intel(R) Core(TM) i7", None),
        (None, None),
    ],
)
def test_bandwidth_by_chip(chip, speed):
    assert machine.bandwidth(chip) == speed


@pytest.mark.parametrize(
    ("gigabytes", "reported"),
    [(16, 12713.12e6), (24, 19069.67e6), (32, 26800.60e6), (48, 40200.90e6), (64, 55662.79e6), (128, 115448.73e6)],
)
def test_the_estimate_of_metal_is_near_what_macs_reported(gigabytes, reported):
    assert machine.metal_estimate(gigabytes * 2**30) == pytest.approx(reported, rel=0.02)


def test_metal_is_asked_once_until_something_changes(tmp_path):
    file, log = tmp_path / "metal.json", tmp_path / "log"
    program = f"open({str(log)!r}, 'a').write('asked '); print(12713115648)"
    for _ in range(3):
        assert machine._working_set(file, ["Apple M4", "16", "macOS 26.0", "0"], program) == 12713115648
    assert log.read_text() == "asked "
    machine._working_set(file, ["Apple M4", "16", "macOS 26.0", "14000"], program)
    assert log.read_text() == "asked asked "


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "print('no Metal here')"])
def test_metal_that_does_not_answer_leaves_nothing(tmp_path, program):
    (tmp_path / "metal.json").write_text("{broken")
    assert machine._working_set(tmp_path / "metal.json", ["a"], program) is None


def groups(tmp_path, lines, **limits):
    """A process's list of control groups, and the files of their limits."""
    for place, limit in limits.items():
        file = tmp_path / "fs" / place.replace("__", "/").replace("memory_max", "memory.max")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(limit)
    (tmp_path / "groups").write_text(lines)
    return machine._group_limits(tmp_path / "groups", tmp_path / "fs")


def test_the_limit_of_a_container_counts(tmp_path):
    found = groups(tmp_path, "0::/box/inner\n", memory_max="max\n", box__memory_max="4294967296\n")
    assert found == [4294967296]


def test_limits_of_the_older_kind_count(tmp_path):
    (tmp_path / "fs/memory/job").mkdir(parents=True)
    (tmp_path / "fs/memory/job/memory.limit_in_bytes").write_text("1000000000\n")
    assert groups(tmp_path, "4:memory:/job\n2:cpu:/job\n") == [1000000000]


def test_no_control_groups_no_limit(tmp_path):
    assert machine._group_limits(tmp_path / "none", tmp_path) == []


def test_asking_costs_no_framework():
    code = "import sys; from workbench.manager import fit, machine; machine.this(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"mlx", "mlx_lm", "numpy", "huggingface_hub"} & set(loaded)
