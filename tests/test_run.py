"""The command for tests: what it says when steps fail."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import run

REPORT = '<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/></testsuites>'


def test_a_step_that_fails_is_named_and_the_next_one_runs() -> None:
    def fail() -> None:
        raise run.Failure("tsc ended with status 2")

    steps: list[run.Step] = []
    assert run.run("types", fail, steps) is False
    assert run.run("tests", lambda: None, steps) is True
    assert [(name, why) for name, _, why in steps] == [("types", "tsc ended with status 2"), ("tests", "")]


def test_the_last_line_counts_tests_as_pytest_does(tmp_path: Path) -> None:
    (tmp_path / "pytest.xml").write_text(REPORT)
    lines = run.summarise([("pytest", 2.0, "python ended with status 1")], tmp_path, 61.2).splitlines()
    assert lines[-1] == "==== 2 passed, 2 failed, 1 skipped in 61s ===="
    assert "python ended with status 1" in lines[-2]


def test_a_failed_step_without_a_report_counts_as_one(tmp_path: Path) -> None:
    (tmp_path / "pytest.xml").write_text(REPORT.replace('failures="1" errors="1"', 'failures="0" errors="0"'))
    steps = [("mypy", 1.0, "mypy ended with status 1"), ("pytest", 2.0, "")]
    assert run.summarise(steps, tmp_path, 3.0).endswith("==== 4 passed, 1 failed, 1 skipped in 3s ====")


def test_a_command_s_status_is_told() -> None:
    with pytest.raises(run.Failure, match="ended with status 3"):
        run.command(sys.executable, "-c", "raise SystemExit(3)")


def test_an_unknown_habit_is_refused_before_anything_is_set_up() -> None:
    done = subprocess.run([sys.executable, run.__file__, "tset"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no habit 'tset'" in done.stderr


def test_a_server_of_the_notebooks_gives_its_address_and_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PYTHON", sys.executable)
    with run.server("hub.py", mark="http://") as place:
        host, _, port = place.partition(":")
        socket.create_connection((host, int(port)), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)


def test_a_server_that_does_not_start_fails_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PYTHON", sys.executable)
    with (
        pytest.raises(run.Failure, match=r"hub\.py, which the notebooks need, ended with status 2"),
        run.server("hub.py", "--no"),
    ):
        pass
