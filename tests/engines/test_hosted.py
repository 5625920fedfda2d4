"""What only a process of its own can do: die alone, outlive an interrupt, never outlive its parent."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

import workbench
from workbench import messages
from workbench.engines import LoadSpec
from workbench.engines.hosted import LOG_BYTES, STOP_SECONDS, HostedEngine
from workbench.engines.scripted import Crash, Prefill, Print, Say, Script, Wait, Weights
from workbench.errors import EngineError, EngineMissingError, HostCrashedError, StateError, UsageError
from workbench.events import Failed, Finished, LoadProgress, TextDelta
from workbench.request import Request

ROOT = Path(workbench.__file__).resolve().parents[1]
FOREVER = 60.0


def spec_of(script, folder):
    return LoadSpec(model="m", path=str(script.save(folder / "script.json")))


def ask(text="hello there"):
    return Request(messages=(messages.user(text),), model="m")


@pytest.fixture
def start(tmp_path):
    """Starts a host with these answering steps."""
    handles = []

    def start(*steps):
        handles.append(HostedEngine("scripted"))
        list(handles[-1].load(spec_of(Script(answering=steps), tmp_path), "load"))
        return handles[-1]

    yield start
    for handle in handles:
        handle.close(1)


SOON = 15
"""Seconds a host may take to be gone: it looks every half second, and writes its coverage before it ends, which
beside a busy engine on a busy machine takes seconds. Left alone it would stay for ever."""


def gone(pid, within):
    """Whether a process ends in time; one that only waits to be reaped has ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def said(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_it_is_made_before_the_child_has_even_begun():
    started = time.perf_counter()
    handle = HostedEngine("scripted")
    made = time.perf_counter() - started
    with pytest.raises(StateError):
        handle.count_tokens(ask())
    assert made * 2 < time.perf_counter() - started
    assert handle.pid != os.getpid()
    assert psutil.Process(handle.pid).ppid() == os.getpid()
    assert os.getsid(handle.pid) == handle.pid
    handle.close()
    assert gone(handle.pid, 0.1)


def test_a_fast_stream_arrives_whole_in_few_batches(start):
    handle = start(Say("word ", times=400, rate=400))
    events = [event for event in handle.generate([ask()]) if isinstance(event, TextDelta)]
    assert said(events) == "word " * 400
    assert [token for event in events for token in event.tokens] == [number % 256 for number in range(400)]
    assert len(events) <= 75  # a second of it: one batch every 16 ms makes 63


def test_a_kill_in_mid_stream_is_told_with_the_log_and_a_new_host_works(start):
    handle = start(Print("last words", "stderr"), Say("x ", times=100_000, rate=100))
    request, events = ask(), []
    for event in handle.generate([request]):
        events.append(event)
        if isinstance(event, TextDelta) and len(events) > 4:
            os.kill(handle.pid, signal.SIGKILL)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.run == request.run
    assert failed.error.kind == "HostCrashedError"
    assert "SIGKILL" in failed.error.message
    assert failed.error.details == "last words\n"
    assert failed.error.next_step
    assert said(events).startswith("x x ")
    assert not handle.alive
    assert [type(event) for event in handle.generate([ask()])] == [Failed]
    with pytest.raises(HostCrashedError):
        handle.count_tokens(ask())
    assert said(start(Say("well")).generate([ask()])) == "well"


def test_a_segfault_leaves_its_traceback_and_only_the_end_of_a_long_log(start):
    handle = start(Print("0123456789" * 5000), Crash("SIGSEGV"))
    failed = list(handle.generate([ask()]))[-1]
    assert "SIGSEGV" in failed.error.message
    assert "0123456789\n" in failed.error.details
    assert "scripted.py" in failed.error.details
    assert len(failed.error.details) <= LOG_BYTES


def test_a_crash_while_loading_is_raised(tmp_path):
    with HostedEngine("scripted") as handle, pytest.raises(HostCrashedError, match=r"SIGABRT.* loading m"):
        list(handle.load(spec_of(Script(loading=(Crash("SIGABRT"),)), tmp_path), "l"))


def test_a_process_that_cannot_be_started_is_told_and_leaves_no_pipe(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    before = psutil.Process().num_fds()
    with pytest.raises(EngineError, match="No process can be started"):
        HostedEngine("scripted")
    assert psutil.Process().num_fds() == before


def test_what_the_engine_prints_does_not_reach_the_wire(start, capfd):
    handle = start(Print('{"wire": "ended", "call": 2}'), Say("a"), Print("noise", "stderr"), Say("b"))
    events = list(handle.generate([ask()]))
    assert said(events) == "ab"
    assert isinstance(events[-1], Finished)
    assert capfd.readouterr() == ("", "")


def test_a_load_that_does_not_listen_is_ended_with_its_process(tmp_path):
    stubborn = Script(loading=(Weights(bytes=6000, seconds=FOREVER, pieces=6000, stubborn=True),))
    with HostedEngine("scripted") as handle:
        for event in handle.load(spec_of(stubborn, tmp_path), "l"):
            if isinstance(event, LoadProgress) and event.done == 1:
                cancelled = time.perf_counter()
                handle.cancel("l")
        assert event == Finished(run="l", reason="cancelled")
        assert time.perf_counter() - cancelled < STOP_SECONDS + 0.5
        assert not handle.alive


def test_closing_kills_an_engine_that_does_not_listen(start):
    handle = start(Prefill(tokens=9, seconds=FOREVER, busy=True))
    events = handle.generate([ask()])
    next(events)
    started = time.perf_counter()
    handle.close(0.2)
    assert time.perf_counter() - started < 0.7
    assert gone(handle.pid, 0.1)
    assert list(events)[-1].reason == "cancelled"


def test_half_a_character_is_refused_and_the_host_lives(start):
    handle = start(Say("a"))
    [failed] = handle.generate([ask("\ud83d")])
    assert failed.error.kind == "UsageError"
    with pytest.raises(UsageError, match="surrogate"):
        handle.count_tokens(ask("\ud83d"))
    assert said(handle.generate([ask()])) == "a"


def test_a_broken_installation_of_a_framework_is_told(tmp_path, monkeypatch):
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('libgomp.so.1: cannot open shared object file')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with HostedEngine("llama_cpp") as handle, pytest.raises(EngineMissingError, match=r"libgomp\.so\.1"):
        list(handle.load(LoadSpec(model="m", path="x.gguf"), "l"))


def test_a_forgotten_handle_takes_its_host_along(tmp_path):
    handle = HostedEngine("scripted")
    pid = handle.pid
    list(handle.load(spec_of(Script(), tmp_path), "l"))
    del handle
    gc.collect()
    assert gone(pid, 1)


def test_threads_and_pipes_are_given_back(tmp_path):
    others = set(threading.enumerate())  # of tests before this one

    def held():
        deadline = time.monotonic() + 15
        while any(thread.name.startswith("workbench") for thread in set(threading.enumerate()) - others):
            assert time.monotonic() < deadline, threading.enumerate()
            time.sleep(0.01)
        return psutil.Process().num_fds()

    HostedEngine("scripted").close()
    before = held()
    for _ in range(3):
        with HostedEngine("scripted") as handle:
            list(handle.load(spec_of(Script(), tmp_path), "l"))
    assert held() <= before


PARENT = """
import os, sys, time
from workbench import messages
from workbench.engines import LoadSpec
from workbench.engines.hosted import HostedEngine
from workbench.events import PrefillProgress, TextDelta
from workbench.request import Request

host = HostedEngine("scripted")
list(host.load(LoadSpec(model="m", path=sys.argv[1]), "l"))
request = Request(messages=(messages.user("hello"),), model="m")
"""


@pytest.fixture
def parent(tmp_path):
    """Runs a script that holds a host, from standard input, in a folder of its own; it prints the host's id first."""
    processes = []

    def run(script, *steps):
        path = Script(answering=steps).save(tmp_path / "script.json")
        (tmp_path / "msgspec.py").write_text("raise ImportError('this is not the module that was meant')")
        process = subprocess.Popen(
            [sys.executable, "-P", "-", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        )
        processes.append(process)
        process.stdin.write(PARENT + textwrap.dedent(script))
        process.stdin.close()
        return process, int(process.stdout.readline())

    yield run
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("busy", [True, False])
def test_no_host_outlives_a_killed_parent_even_in_prefill(parent, busy):
    process, host = parent(
        """
        for event in host.generate([request]):
            if isinstance(event, PrefillProgress):
                print(host.pid, flush=True)
        """,
        Prefill(tokens=1000, seconds=FOREVER, busy=busy),
    )
    assert psutil.pid_exists(host)
    process.kill()
    assert gone(host, SOON)


def test_no_host_outlives_its_parent_though_a_sibling_holds_the_pipe(parent):
    process, host = parent(
        """
        child = os.fork()
        if child == 0:
            time.sleep(60)
        print(host.pid, flush=True)
        print(child, flush=True)
        time.sleep(60)
        """
    )
    child = int(process.stdout.readline())
    process.kill()
    try:
        assert gone(host, SOON)
        assert psutil.pid_exists(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_that_ends_leaves_the_host_alone(parent):
    process, _ = parent(
        """
        child = os.fork()
        if child == 0:
            host.close()
            del host
            sys.exit()
        print(host.pid, flush=True)
        os.waitpid(child, 0)
        print(host.alive, "".join(e.text for e in host.generate([request]) if isinstance(e, TextDelta)), flush=True)
        """,
        Say("still here"),
    )
    assert process.stdout.readline() == "True still here\n"


def test_an_interrupt_of_the_parent_and_its_group_leaves_the_model_loaded(parent):
    process, host = parent(
        """
        os.setpgid(0, 0)
        try:
            print(host.pid, flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print(host.alive, "".join(e.text for e in host.generate([request]) if isinstance(e, TextDelta)), flush=True)
        """,
        Say("still here"),
    )
    os.killpg(process.pid, signal.SIGINT)
    os.kill(host, signal.SIGINT)
    assert process.stdout.readline() == "True still here\n"
    assert process.wait(5) == 0


def test_an_interrupt_inside_a_run_cancels_it(parent):
    process, _ = parent(
        """
        try:
            for event in host.generate([request]):
                if isinstance(event, TextDelta) and event.tokens[0] == 0:
                    print(host.pid, flush=True)
        except KeyboardInterrupt:
            print(host.alive, host.count_tokens(request), flush=True)
        """,
        Say("x ", times=250, rate=5),
    )
    started = time.perf_counter()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "True 2\n"
    assert time.perf_counter() - started < 2


def test_a_script_ends_at_once_though_it_closes_nothing(parent):
    process, host = parent("print(host.pid, flush=True)", Wait(FOREVER))
    started = time.perf_counter()
    assert process.wait(5) == 0
    assert time.perf_counter() - started < 2
    assert gone(host, 0.1)


def test_a_script_ends_at_once_though_a_run_is_going_on_a_thread(parent):
    process, host = parent(
        """
        import threading
        threading.Thread(target=lambda: list(host.generate([request])), daemon=True).start()
        print(host.pid, flush=True)
        """,
        Prefill(tokens=1000, seconds=FOREVER, busy=True),
    )
    assert process.wait(5) == 0
    assert gone(host, 0.1)
