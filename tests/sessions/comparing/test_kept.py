"""Where comparisons are kept, and which go when they are old."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from workbench.sessions.comparing import kept
from workbench.sessions.comparing.record import Head, Record

LONG_AGO = time.time() - kept.KEPT_S - 60


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(kept, "KEPT", 2)


def begun(id: str, name: str | None = None) -> Record:
    return Record.begin(Head(id=id, name=name, workbench="1", created=0))


def old(id: str, name: str | None = None, *, days: int = 0) -> Path:
    record = begun(id, name)
    record.close()
    os.utime(record.path, (LONG_AGO - days * 86_400,) * 2)
    return record.path


def test_old_ones_without_a_name_go_but_for_the_newest() -> None:
    paths = [old(f"id{n}", days=n) for n in range(4)]
    begun("new").close()
    assert [path.exists() for path in paths] == [True, False, False, False]
    assert not paths[3].with_suffix(".lock").exists()


def test_named_ones_open_ones_and_young_ones_stay() -> None:
    named = old("a", "my comparison", days=9)
    held = begun("b")
    os.utime(held.path, (LONG_AGO, LONG_AGO))
    young = [begun(f"young{n}") for n in range(4)]
    assert named.exists()
    assert held.path.exists()
    assert all(record.path.exists() for record in young)
    for record in (held, *young):
        record.close()
