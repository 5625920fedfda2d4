from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from workbench.manager import remembered
from workbench.manager.remembered import Memory

LATER = """
import sys
from workbench.manager.remembered import Memory
read = []
print(Memory("tests", str).recall(sys.argv[1], lambda watch: read.append(1) or "read again"), len(read))
"""


class Reader:
    """Reads a file, and counts how often it had to."""

    def __init__(self, *watched, seldom=()):
        self.watched = watched
        self.seldom = seldom
        self.times = 0

    def __call__(self, watch):
        for path in self.watched:
            watch.see(path)
        for path in self.seldom:
            watch.see(path, seldom=True)
        self.times += 1
        return f"reading {self.times}"


@pytest.fixture
def place(tmp_path):
    """A folder with a file, older than the clock's tick."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("one")
    wait_a_tick(tmp_path / "folder")
    return tmp_path / "folder"


def wait_a_tick(path):
    newest = max(os.stat(p).st_ctime_ns for p in (path, *path.iterdir()))
    while time.time_ns() - newest <= 2 * remembered._TICK:
        time.sleep(0.005)


def test_nothing_is_read_twice_until_it_changes(place):
    memory, read = Memory("tests", str), Reader(place, place / "file", place / "absent")
    assert [memory.recall(str(place), read) for _ in range(3)] == ["reading 1"] * 3
    changes = [
        lambda: (place / "file").write_text("two"),
        lambda: (place / "new").touch(),
        lambda: (place / "new").rename(place / "file"),
        lambda: (place / "absent").touch(),
        lambda: (place / "absent").unlink(),
        lambda: place.chmod(0o700),
        lambda: place.rename(place.with_name("moved")),
    ]
    for number, change in enumerate(changes, start=2):
        change()
        assert memory.recall(str(place), read) == f"reading {number}"
        if place.exists():
            wait_a_tick(place)
            memory.recall(str(place), read)
            read.times = number


def test_a_file_put_back_with_its_old_time_is_seen(place):
    memory, read = Memory("tests", str), Reader(place / "file")
    memory.recall(str(place), read)
    before = (place / "file").stat()
    (place / "file").write_text("two")
    os.utime(place / "file", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert memory.recall(str(place), read) == "reading 2"


def test_what_changed_in_the_same_tick_is_not_trusted(place):
    memory, read = Memory("tests", str), Reader(place / "file")
    (place / "file").write_text("two")
    memory.recall(str(place), read)
    memory.recall(str(place), read)
    assert read.times == 2 or time.time_ns() - (place / "file").stat().st_ctime_ns > remembered._TICK


def test_many_are_recalled_at_once_and_each_change_reads_one(tmp_path):
    folders = [tmp_path / f"f{i}" for i in range(5)]
    for folder in folders:
        folder.mkdir()
    wait_a_tick(tmp_path)
    keys, read = [str(folder) for folder in folders], []

    def reading(key, watch):
        watch.see(key)
        read.append(key)
        return f"{key} {len(os.listdir(key))}"

    memory = Memory("tests", str)
    assert memory.recall_all(keys, reading) == memory.recall_all(keys, reading) == [f"{key} 0" for key in keys]
    (folders[2] / "new").touch()
    assert memory.recall_all(keys, reading)[2] == f"{keys[2]} 1"
    assert read == [*keys, keys[2]]
    assert memory.recall_all(keys[3:], reading) == [f"{key} 0" for key in keys[3:]]


def test_what_is_seen_seldom_shows_in_time(place, monkeypatch):
    memory, read = Memory("tests", str), Reader(seldom=[place])
    recall = lambda: memory.recall_all([str(place)], lambda _, watch: read(watch))  # noqa: E731
    recall()
    (place / "new").touch()
    assert recall() == ["reading 1"]
    monkeypatch.setattr(remembered, "SELDOM_S", 0.0)
    assert recall() == ["reading 2"]


def test_the_next_kernel_remembers(place):
    memory, read = Memory("tests", str), Reader(place)
    memory.recall(str(place), read)
    memory.save()

    def later():
        done = subprocess.run([sys.executable, "-c", LATER, place], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert later() == "reading 1 0"
    (place / "new").touch()
    assert later() == "read again 1"


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x93\x00\x80", b"\xc1" * 100])
def test_a_damaged_memory_costs_only_time(place, content):
    memory = Memory("damaged", str)
    memory.recall(str(place), Reader(place))
    memory.save()
    (remembered.paths.cache_dir() / "damaged.msgpack").write_bytes(content)
    assert Memory("damaged", str).recall(str(place), Reader(place)) == "reading 1"


def test_a_disk_that_takes_nothing_costs_only_time(place, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    memory = Memory("tests", str)
    assert memory.recall(str(place), Reader(place)) == "reading 1"
    memory.save()
