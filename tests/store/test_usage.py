"""Runs are kept, by several processes at once, and a database that cannot be used stops nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date, datetime

import pytest

from workbench.store import paths, usage
from workbench.store.usage import Run

WRITER = """
from workbench.store.usage import Run, note_run
for n in range(50):
    assert note_run(Run(model="m", engine="mlx", at=2.0 + n))
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


def run(model="m", at=1.0, **facts):
    facts = {"engine": "mlx", "decode_tps": 50.0, "completion_tokens": 100, **facts}
    return Run(model=model, at=at, **facts)


def database():
    return paths.data_dir() / "usage.sqlite3"


def test_every_run_is_kept_as_it_was():
    first = run(load_s=1.5, ttft_s=0.2, prefill_tps=900.0, prompt_tokens=40, peak_memory=10**9, weights=9 * 10**8)
    second = run("other", 2.0, decode_tps=None)
    assert usage.note_run(first)
    assert usage.note_run(second)
    assert usage.runs() == [second, first]
    assert usage.runs("m") == [first]


def test_what_was_measured_of_a_model():
    assert usage.measured("m") is None
    for at, speed in enumerate((40.0, 50.0, 90.0)):
        usage.note_run(run(at=float(at), decode_tps=speed, load_s=2.0 if at == 0 else None))
    usage.note_run(run("other"))
    found = usage.measured("m")
    assert (found.runs, found.last_used, found.decode_tps, found.load_s) == (3, 2.0, 50.0, 2.0)
    assert set(usage.all()) == {"m", "other"}


def test_the_newest_engine_and_weights_count():
    usage.note_run(run(at=1.0, engine="llama_cpp", weights=5, decode_tps=10.0, peak_memory=99))
    usage.note_run(run(at=2.0, engine="mlx", weights=5, decode_tps=80.0, peak_memory=7, prompt_tokens=20))
    found = usage.measured("m")
    assert (found.engine, found.decode_tps, found.peak_memory, found.peak_tokens) == ("mlx", 80.0, 7, 120)
    assert found.runs == 2


def test_a_few_tokens_say_nothing_of_the_speed():
    usage.note_run(run(at=1.0, decode_tps=9000.0, completion_tokens=2))
    assert usage.measured("m").decode_tps is None
    usage.note_run(run(at=2.0, decode_tps=60.0))
    assert usage.measured("m").decode_tps == 60.0


def test_only_the_newest_runs_count_and_all_are_kept():
    for at in range(usage.RECENT + 5):
        usage.note_run(run(at=float(at), decode_tps=10.0 if at < 5 else 30.0))
    found = usage.measured("m")
    assert (found.runs, found.decode_tps) == (usage.RECENT + 5, 30.0)
    assert len(usage.runs("m")) == usage.RECENT + 5


def test_what_another_process_writes_is_seen():
    usage.note_run(run(at=1.0))
    assert usage.measured("m").runs == 1
    writers = [subprocess.Popen([sys.executable, "-c", WRITER]) for _ in range(2)]
    for _ in range(20):
        assert usage.note_run(run(at=1.5))
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert usage.measured("m").runs == len(usage.runs("m")) == 121


def test_a_damaged_database_is_set_aside(caplog):
    usage.note_run(run())
    database().write_bytes(b"this is no database at all" * 100)
    for suffix in ("-wal", "-shm"):
        database().with_name(database().name + suffix).unlink(missing_ok=True)
    assert usage.note_run(run(at=5.0))
    assert [r.at for r in usage.runs()] == [5.0]
    (aside,) = paths.data_dir().glob("usage.damaged-*.sqlite3")
    assert aside.read_bytes().startswith(b"this is no database")
    assert "damaged" in caplog.text


def test_damage_found_while_reading_is_no_error():
    usage.note_run(run())
    database().write_bytes(b"x" * 5000)
    assert usage.all() == {}
    assert usage.measured("m") is None
    assert usage.note_run(run(at=7.0))
    assert usage.measured("m").last_used == 7.0


def test_a_locked_database_loses_a_row_and_says_so(monkeypatch, caplog):
    usage.note_run(run())
    monkeypatch.setattr(usage, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(database())) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not usage.note_run(run(at=2.0))
    assert "locked" in caplog.text
    assert usage.measured("m").runs == 1
    assert usage.note_run(run(at=3.0))


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    assert not usage.note_run(run())
    assert usage.all() == {}


def test_a_database_of_a_later_version_is_left_as_it_is():
    usage.note_run(run())
    with closing(sqlite3.connect(database())) as other:
        other.execute("ALTER TABLE runs ADD COLUMN later TEXT")
        other.execute("PRAGMA user_version = 99")
    assert usage.note_run(run(at=2.0))
    assert usage.measured("m").runs == 2
    with closing(sqlite3.connect(database())) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (99,)


def test_days_sum_what_is_known_by_day_and_model():
    monday, tuesday = (datetime(2026, 11, day, 12).timestamp() for day in (16, 17))
    usage.note_run(run(at=monday, prompt_tokens=40, cached_tokens=30, completion_tokens=100, total_s=2.0))
    usage.note_run(run(at=monday + 60, prompt_tokens=60, completion_tokens=50, decode_tps=70.0, total_s=1.0))
    usage.note_run(run(at=tuesday, completion_tokens=2, decode_tps=999.0))
    usage.note_run(run("ollama:llama3.2", at=tuesday, engine="server", completion_tokens=None, decode_tps=None))
    first, second, server = usage.days(monday - 3600)
    assert (first.day, first.model, first.runs) == (date(2026, 11, 16), "m", 2)
    assert (first.prompt_tokens, first.cached_tokens, first.completion_tokens) == (100, 30, 150)
    assert (first.seconds, first.decode_tps) == (3.0, 60.0)
    assert (second.day, second.seconds, second.decode_tps) == (date(2026, 11, 17), None, None)
    assert (server.model, server.completion_tokens) == ("ollama:llama3.2", None)
    assert usage.days(tuesday - 1, "m") == [second]
    assert usage.days(tuesday + 1) == []


def test_a_database_of_the_first_version_is_carried_on():
    with closing(sqlite3.connect(database())) as old, old:
        for statement in usage._MIGRATIONS[0]:
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO runs (model, engine, at, completion_tokens) VALUES ('m', 'mlx', 1.0, 7)")
    usage.note_run(run(at=2.0, total_s=1.5))
    newest, oldest = usage.runs("m")
    assert (newest.total_s, oldest.total_s, oldest.completion_tokens) == (1.5, None, 7)
