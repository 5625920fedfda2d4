"""`python -m workbench`: the notebooks laid out, JupyterLab started."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from workbench.__main__ import FIRST, examples, lab_command, lay_out, main, runs_local_models


def test_the_notebooks_are_laid_out_and_what_a_person_changed_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "deep/notebooks"
    assert lay_out(examples(), folder) == []
    assert (folder / FIRST).read_bytes() == (examples() / FIRST).read_bytes()
    assert lay_out(examples(), folder) == []
    (folder / FIRST).write_text("mine")
    assert lay_out(examples(), folder) == [FIRST]
    assert (folder / FIRST).read_text() == "mine"


def test_a_folder_that_is_a_file_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("")
    assert main([str(tmp_path / "taken")]) == 2
    assert "cannot be put into" in capsys.readouterr().err


def test_options_reach_jupyterlab_and_the_interpreter_is_this_one(tmp_path: Path) -> None:
    command = lab_command(tmp_path, ["--no-browser"])
    assert command[0] == sys.executable
    assert command[-1] == "--no-browser"
    assert str(tmp_path.resolve() / FIRST) in command


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("darwin", "arm64", True),
        ("darwin", "x86_64", False),
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("win32", "AMD64", False),
    ],
)
def test_machines_with_local_models(system: str, machine: str, expected: bool) -> None:
    assert runs_local_models(system, machine) is expected


@pytest.mark.slow
def test_python_m_workbench_serves_the_notebook_with_this_interpreter(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = {name: str(tmp_path / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "HOME")}
    command = [sys.executable, "-m", "workbench", "books", "--", "--no-browser", f"--ServerApp.port={port}"]
    command += ["--IdentityProvider.token=", "--ServerApp.password="]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **state}, **output)
    try:
        listing = fetch(f"http://127.0.0.1:{port}/api/contents", process)
        assert FIRST in [entry["name"] for entry in listing["content"]]
        kernels = fetch(f"http://127.0.0.1:{port}/api/kernelspecs", process)
        assert kernels["default"] == "python3"
    finally:
        for lab in psutil.Process(process.pid).children():
            lab.terminate()
    assert process.wait(30) == 0


def fetch(address: str, process: subprocess.Popen[str]) -> dict:
    """The JSON at an address, once the server answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate()[0][-3000:])
