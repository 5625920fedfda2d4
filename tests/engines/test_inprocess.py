"""What an engine on a thread of this process does otherwise than one in a process of its own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import workbench
from workbench import messages
from workbench.engines import LoadSpec
from workbench.engines.inprocess import InProcessEngine
from workbench.engines.scripted import Need, Prefill, Print, Say, Script
from workbench.errors import EngineError, StateError
from workbench.request import Request

ROOT = Path(workbench.__file__).resolve().parents[1]


def spec_of(script, folder):
    return LoadSpec(model="m", path=str(script.save(folder / "script.json")))


def ask():
    return Request(messages=(messages.user("hello"),), model="m")


def own_threads():
    return [thread for thread in threading.enumerate() if thread.name == "workbench engine scripted"]


def wait_for_no_threads():
    deadline = time.monotonic() + 5
    while own_threads():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_runs_here_on_one_thread_that_ends_with_it(tmp_path, capsys):
    with InProcessEngine("scripted") as handle:
        assert handle.pid == os.getpid()
        list(handle.load(spec_of(Script(answering=(Print("seen here"),)), tmp_path), "l"))
        list(handle.generate([ask()]))
        assert capsys.readouterr().out == "seen here\n"
        assert len(own_threads()) == 1
    assert own_threads() == []


def test_a_forgotten_handle_takes_its_thread_along():
    handle = InProcessEngine("scripted")
    assert len(own_threads()) == 1
    del handle
    gc.collect()
    wait_for_no_threads()


def test_closing_does_not_wait_for_an_engine_that_does_not_listen(tmp_path):
    handle = InProcessEngine("scripted")
    list(handle.load(spec_of(Script(answering=(Prefill(tokens=9, seconds=1.0, busy=True),)), tmp_path), "l"))
    events = handle.generate([ask()])
    next(events)
    started = time.perf_counter()
    handle.close(0.1)
    assert list(events)[-1].reason == "cancelled"
    assert time.perf_counter() - started < 0.6
    assert not handle.alive
    with pytest.raises(StateError):
        handle.count_tokens(ask())
    wait_for_no_threads()


def test_a_framework_that_ends_its_thread_leaves_nobody_waiting(tmp_path, monkeypatch):
    (tmp_path / "rude.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    handle = InProcessEngine("scripted")
    with pytest.raises(EngineError, match="thread died"):
        list(handle.load(spec_of(Script(loading=(Need("rude"),)), tmp_path), "l"))
    assert not handle.alive


def test_a_script_that_closes_nothing_ends_at_once(tmp_path):
    path = Script(answering=(Say("x ", times=100_000, rate=100),)).save(tmp_path / "script.json")
    script = f"""
from workbench import messages
from workbench.engines import LoadSpec
from workbench.engines.inprocess import InProcessEngine
from workbench.request import Request
engine = InProcessEngine("scripted")
list(engine.load(LoadSpec(model="m", path={str(path)!r}), "l"))
events = engine.generate([Request(messages=(messages.user("hello"),), model="m")])
print(next(events).run)
"""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-"], input=script, text=True, capture_output=True, timeout=20, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    assert time.perf_counter() - started < 5
