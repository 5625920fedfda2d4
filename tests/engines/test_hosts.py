from __future__ import annotations

import os
import subprocess
import sys
import threading

import msgspec
import pytest

from workbench.engines import hosts


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    process.stdin.close()


def record(pid, **changes):
    found = hosts.record(pid, model="m", engine="mlx", size=100)
    return msgspec.structs.replace(found, **changes)


def test_a_live_host_is_counted_until_it_is_removed(tmp_path, child):
    host = record(child.pid)
    assert (host.pid, host.parent, host.bytes) == (child.pid, os.getpid(), 100)
    folder = tmp_path / "not" / "there"
    assert hosts.live(folder) == []
    hosts.add(folder, host)
    hosts.add(folder, msgspec.structs.replace(host, bytes=200))
    assert [found.bytes for found in hosts.live(folder)] == [200]
    hosts.remove(folder, host)
    hosts.remove(folder, host)
    assert hosts.live(folder) == []


def test_a_dead_host_is_struck_out(tmp_path, child):
    hosts.add(tmp_path, record(child.pid))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, not yet reaped: it holds no memory any more
    assert hosts.live(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    child.wait()
    assert hosts.record(child.pid, model="m", engine="mlx", size=1) is None


def test_another_process_under_the_same_id_is_not_taken_for_the_host(tmp_path, child):
    now = record(child.pid)
    before = record(child.pid, started=now.started - 3600)
    hosts.add(tmp_path, before)
    hosts.add(tmp_path, now)
    assert hosts.live(tmp_path) == [now]
    hosts.remove(tmp_path, before)
    assert hosts.live(tmp_path) == [now]


def test_garbage_is_left_alone(tmp_path, child):
    garbage = {"a.json": b"", "b.json": b'{"pid": 1', "c.json": b'{"pid": -4}', "d.tmp": b"x", "e.json": b"\xff\x00"}
    for name, content in garbage.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "f.json").mkdir()
    odd = msgspec.structs.replace(record(child.pid), pid=-1)
    hosts.add(tmp_path, odd)
    hosts.add(tmp_path, record(child.pid))
    assert [found.pid for found in hosts.live(tmp_path)] == [child.pid]
    assert all((tmp_path / name).exists() for name in garbage)


def test_many_at_once_lose_nothing(tmp_path, child):
    host, failures, ready = record(child.pid), [], threading.Barrier(4)

    def churn(number):
        ready.wait()
        try:
            for step in range(50):
                hosts.add(tmp_path, msgspec.structs.replace(host, bytes=step))
                hosts.add(tmp_path, msgspec.structs.replace(host, started=float(number)))
                assert host.pid in [found.pid for found in hosts.live(tmp_path)]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=churn, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(list(tmp_path.glob("*.json"))) == 1
