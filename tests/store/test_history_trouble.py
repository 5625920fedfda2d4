"""Killed, locked, full, read-only, damaged, newer, deleted elsewhere: nothing is lost that could be kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from workbench.errors import HistoryError
from workbench.messages import Text
from workbench.store import history as store
from workbench.store import history_schema, history_writer
from workbench.store.history import History, StoredChat, StoredMessage

START = """
import sys, time
from pathlib import Path
from workbench.messages import Text
from workbench.store.history import History, StoredChat, StoredMessage
history = History(Path(sys.argv[1]))
def chat(id):
    history.put_chat(StoredChat(id=id, created=1.0, updated=1.0))
def message(id, chat, text, **facts):
    facts = {"parent": None, "role": "user", "created": 1.0, "parts": (Text(text),), **facts}
    history.put_message(StoredMessage(id=id, chat=chat, **facts))
"""
AS_SOMEBODY = """
import filelock, os
if not os.geteuid():  # it may do everything: be nobody in particular
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
"""
STREAM = """
chat("a")
message("m", "a", "", status="writing")
for n in range(400):
    history.append("m", text=f"word{n} ")
    if n == 200:
        print("said", flush=True)
    time.sleep(0.005)
time.sleep(60)
"""
WRITER = """
name = sys.argv[2]
for n in range(40):
    chat(f"{name}{n}")
    message(f"{name}{n}m", f"{name}{n}", "both wrote")
    for word in ("one ", "two ", "three"):
        history.append(f"{name}{n}m", text=word)
        time.sleep(0.002)
assert history.flush(60), history.problem
assert len([c for c in history.chats(limit=-1) if c.id.startswith(name)]) == 40
print(history.problem)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.sqlite3"


@pytest.fixture
def impatient(monkeypatch):
    """Waits of seconds take a fraction of that."""
    monkeypatch.setattr(history_schema, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(history_writer, "PAUSE_SECONDS", 0.05)


@contextlib.contextmanager
def opened(path):
    history = History(path)
    try:
        yield history
    finally:
        history.close()


def filled(path, words="kept before"):
    with opened(path) as history:
        put(history, "old", words)
        assert history.flush()


def put(history, id, words):
    history.put_chat(StoredChat(id=id, title=words, created=1.0, updated=1.0))
    history.put_message(message(f"{id}m", id, words))


def message(id, chat, words="", **facts):
    return StoredMessage(id=id, chat=chat, parent=None, role="user", created=1.0, parts=(Text(words),), **facts)


def text_of(history, chat="a"):
    return "".join(m.parts[0].text for m in history.load(chat)[1])


def until(true, seconds=20.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def started(code, *given):
    command = [sys.executable, "-c", START + code, *map(str, given)]
    # Without coverage, which somebody else may not write.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True, env=env)


def finished(code, *given):
    process = started(code, *given)
    told, wrong = process.communicate(timeout=120)
    assert process.returncode == 0, wrong
    return told.strip()


# Ends


def killed(path, after):
    """What is left of a streamed text when its process is killed so many seconds after it said a part of it."""
    process = started(STREAM, path)
    assert process.stdout.readline() == "said\n"
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with opened(path) as history:
        return history.load("a")[1][0]


def test_a_killed_kernel_loses_less_than_a_second(tmp_path):
    said = "".join(f"word{n} " for n in range(201))
    for attempt in range(3):  # a claim about time: another process may have had the processor
        left = killed(tmp_path / f"{attempt}.sqlite3", after=1.0)
        if left.parts and left.parts[0].text.startswith(said):
            break
    assert left.status == "writing"
    assert left.parts[0].text.startswith(said)


def test_what_a_killed_kernel_was_writing_is_found(path):
    assert killed(path, after=1.0).status == "writing"
    with opened(path) as history:
        until(lambda: [hit.message for hit in history.search("word17 ")] == ["m"])
        assert history.load("a")[1][0].parts[0].text.startswith("word0 word1 ")


def test_a_clean_end_writes_all_there_is(path):
    finished("chat('a')\nmessage('m', 'a', 'said ')\nfor n in range(1000): history.append('m', text=f'{n} ')", path)
    with opened(path) as history:
        assert text_of(history) == "said " + "".join(f"{n} " for n in range(1000))


def test_an_error_of_the_script_loses_nothing(path):
    process = started("chat('a')\nmessage('m', 'a', 'said')\nraise SystemExit(3)", path)
    process.communicate(timeout=60)
    assert process.returncode == 3
    with opened(path) as history:
        assert text_of(history) == "said"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_reads_and_leaves_the_writing_to_its_parent(path):
    told = finished(
        """
import os, warnings
warnings.simplefilter("ignore")
chat("a"); message("m", "a", "said by the parent"); history.flush(); history.search("said")
history.append("m", text=" and more")
child = os.fork()
if not child:
    chat("child"); history.append("m", text=" TWICE")
    print(history.writable, "forked" in history.problem.message, history.flush(1), flush=True)
    print(len(history.search("said")), flush=True)
    os._exit(0)
os.waitpid(child, 0)
assert history.flush()
print(history.load("a")[1][0].parts[0].text, history.exists("child"), history.problem)
""",
        path,
    )
    assert told.splitlines() == ["False True False", "1", "said by the parent and more False None"]


# Two kernels at once


def test_two_kernels_write_at_once_and_nothing_is_lost(path):
    writers = [started(WRITER, path, name) for name in ("x", "y", "z")]
    with opened(path) as history:
        for writer in writers:
            told, wrong = writer.communicate(timeout=120)
            assert (writer.returncode, told.strip(), wrong) == (0, "None", "")
        assert len(history.chats(limit=-1)) == 120
        assert {text_of(history, c.id) for c in history.chats(limit=-1)} == {"both wroteone two three"}
        assert len(history.search("both", limit=500)) == 120


def test_a_field_changed_here_does_not_undo_one_changed_there(path):
    with opened(path) as here, opened(path) as there:
        put(here, "a", "words")
        here.flush()
        for n in range(20):
            here.change_chat("a", tags=(f"here{n}",))
            there.change_chat("a", title=f"there{n}")
        assert here.flush()
        assert there.flush()
        (chat,) = here.chats()
        assert (chat.tags, chat.title) == (("here19",), "there19")


def test_a_chat_deleted_elsewhere_is_gone_and_can_be_brought_back(path):
    with opened(path) as history:
        put(history, "a", "first")
        history.put_message(message("w", "a", status="writing"))
        history.append("w", text="some ")
        assert history.flush()
        before = history.stamp()
        finished("history.delete_chat('a'); assert history.flush(30)", path)
        assert history.stamp() != before
        history.append("w", text="more")
        history.put_message(message("w", "a", "all of it"))
        history.put_message(message("n", "a", "a new one"))
        history.change_chat("a", title="Ghost")
        history.delete_messages("a", ["w"])
        assert history.flush()
        assert history.problem is None
        assert not history.exists("a")
        with contextlib.closing(sqlite3.connect(path)) as file:
            for table in ("chats", "messages", "pieces", "texts", "titles", "shown"):
                assert file.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        put(history, "a", "first")
        history.put_message(message("w", "a", "all of it"))
        assert text_of(history) == "firstall of it"
        assert [hit.message for hit in history.search("all of")] == ["w"]


# Locked, full, read-only


def test_a_locked_history_is_written_when_it_is_free_again(path, impatient):
    with opened(path) as history:
        put(history, "a", "before ")
        assert history.flush()
        holder = started(
            "import sqlite3\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\nc.execute('BEGIN IMMEDIATE')\n"
            "print('held', flush=True)\nsys.stdin.read()",
            path,
        )
        assert holder.stdout.readline() == "held\n"
        put(history, "b", "meanwhile")
        history.append("am", text="one ")
        until(lambda: history.problem)
        assert "locked" in history.problem.message
        assert not history.writable
        assert not history.flush(0.2)
        history.append("am", text="two ")
        began = time.monotonic()
        assert text_of(history) == "before "
        assert time.monotonic() - began < 5
        holder.communicate(timeout=30)
        until(lambda: history.writable)
        assert history.flush()
        assert (history.problem, text_of(history), text_of(history, "b")) == (None, "before one two ", "meanwhile")


@contextlib.contextmanager
def small_disk():
    """A disk of 8 MB, where one may be mounted."""
    folder = tempfile.mkdtemp()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], capture_output=True, check=False
    )
    try:
        if mounted.returncode:
            pytest.skip("nothing can be mounted here")
        yield Path(folder)
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", "-l", folder], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="nothing can be mounted here")
def test_on_a_full_disk_all_waits_in_memory_until_there_is_room(impatient):
    with small_disk() as folder, opened(folder / "history.sqlite3") as history:
        put(history, "a", "before ")
        assert history.flush()
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        waits_for_room(history)
        filler.unlink()
        until(lambda: history.writable)
        has_all(history)


def test_a_history_that_may_not_grow_waits_in_memory_as_well(path, impatient, monkeypatch):
    writing, most = history_schema.writing, [50]

    def short(place):
        database = writing(place)
        database.execute(f"PRAGMA max_page_count = {most[0]}")
        return database

    monkeypatch.setattr(history_schema, "writing", short)
    with opened(path) as history:
        put(history, "a", "before ")
        assert history.flush()
        waits_for_room(history)
        most[0] = 10**6
        until(lambda: history.writable)
        has_all(history)


def waits_for_room(history):
    put(history, "b", "much text " * 50_000)
    until(lambda: history.problem)
    assert "full" in history.problem.message
    assert "Make room" in history.problem.next_step
    history.append("am", text="one ")
    assert not history.flush(0.2)
    history.append("am", text="two ")
    assert text_of(history) == "before "
    assert [hit.message for hit in history.search("before")] == ["am"]


def has_all(history):
    assert history.flush(30)
    assert (history.problem, text_of(history)) == (None, "before one two ")
    assert text_of(history, "b") == "much text " * 50_000


READ_ONLY = """
print(history.chats()[0].title, history.writable)
message("n", "old", "new words")
print(history.flush(1), history.writable, history.problem.message)
print(len(history.search("kept")), history.load("old")[1][0].parts[0].text)
"""


@pytest.fixture
def public():
    """A folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_history_that_is_read_only_can_be_read(public, what):
    path = public / "history.sqlite3"
    filled(path)
    path.chmod(0o444)
    public.chmod(0o555 if what == "folder" else 0o777)
    told = finished(AS_SOMEBODY + READ_ONLY, path).splitlines()
    assert told[0] == "kept before False"
    assert told[1].startswith(f"False False The history at {path} cannot be written: ")
    assert told[2] == "1 kept before"


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_what_waited_is_written_once_it_may_be(public):
    path = public / "history.sqlite3"
    filled(path)
    public.chmod(0o777)
    path.with_suffix(".lock").chmod(0o666)
    path.chmod(0o444)
    writer = started(
        AS_SOMEBODY
        + "message('n', 'old', ' and later')\nhistory.flush(1)\nprint(history.problem is None, flush=True)\n"
        "sys.stdin.readline()\nprint(history.flush(30), history.problem)",
        path,
    )
    assert writer.stdout.readline() == "False\n"
    path.chmod(0o666)
    told, wrong = writer.communicate("\n", timeout=60)
    assert (told, wrong) == ("True None\n", "")
    with opened(path) as history:
        assert text_of(history, "old") == "kept before and later"


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    history = store.default()
    assert "cannot be written" in history.problem.message
    put(history, "a", "words")
    history.append("am", text="more")
    assert not history.flush(0.5)
    assert (history.chats(), history.search("words"), history.exists("a"), history.writable) == ([], [], False, False)
    assert "WORKBENCH_HOME" in history.problem.next_step


def test_a_folder_in_the_place_of_the_file_stops_nothing(path, impatient):
    path.mkdir()
    history = History(path)
    put(history, "a", "words")
    assert not history.flush(0.5)
    assert not history.writable
    with pytest.raises(HistoryError, match="cannot be read"):
        history.chats()
    path.rmdir()
    assert history.flush()
    assert text_of(history) == "words"
    history.close()


# Damaged, newer


def garbage(path):
    path.write_bytes(b"this is no history at all " * 500)


def half(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def holes(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * (len(whole) - 8192))


def foreign(path):
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE chats (colour TEXT)")
        file.execute("INSERT INTO chats VALUES ('red')")


@pytest.mark.parametrize("damage", [garbage, half, holes, foreign])
@pytest.mark.parametrize("first", ["read", "written"])
def test_a_damaged_history_is_set_aside_and_begun_anew(path, damage, first):
    filled(path)
    damage(path)
    before = path.read_bytes()
    with opened(path) as history:
        if first == "read":
            with_trouble(history.chats)
            with_trouble(history.search, "kept")
        put(history, "a", "words")
        until(history.flush)
        with_trouble(history.chats)
        until(lambda: history.problem)
        put(history, "a", "words")
        assert history.flush()
        aside = path.with_name("history.damaged-1.sqlite3")
        assert aside.read_bytes() == before
        assert str(aside) in history.problem.message
        assert ".recover" in history.problem.next_step
        assert history.writable
        assert [c.id for c in history.chats()] == ["a"]
        assert [hit.message for hit in history.search("words")] == ["am"]


def with_trouble(call, *given):
    try:
        return call(*given)
    except HistoryError:
        return None


def test_each_damaged_file_is_kept(path):
    for n in (1, 2):
        garbage(path)
        with opened(path) as history:
            assert history.chats() == []
            assert f"damaged-{n}" in history.problem.message
    assert len(list(path.parent.glob("history.damaged-*"))) == 2


def test_an_empty_file_is_a_new_history(path):
    path.touch()
    with opened(path) as history:
        assert (history.chats(), history.problem) == ([], None)
        put(history, "a", "words")
        assert text_of(history) == "words"
    assert not list(path.parent.glob("*damaged*"))


def test_a_damaged_index_is_made_again(path):
    filled(path)
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE texts_data SET block = randomblob(length(block)) WHERE id > 10")
    with opened(path) as history:
        until(lambda: [hit.message for hit in with_trouble(history.search, "kept") or ()] == ["oldm"])
        put(history, "a", "kept too")
        assert [hit.message for hit in history.search("kept")] == ["am", "oldm"]
    assert not list(path.parent.glob("*damaged*"))


def test_a_history_that_was_taken_away_is_begun_anew(path):
    with opened(path) as history:
        put(history, "a", "words")
        assert text_of(history) == "words"
        for file in path.parent.glob("history.sqlite3*"):
            file.unlink()
        assert history.chats() == []
        put(history, "b", "others")
        assert [c.id for c in history.chats()] == ["b"]


def test_a_history_of_a_newer_version_is_read_and_never_written(path):
    filled(path)
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("ALTER TABLE messages ADD COLUMN later TEXT")
        file.execute("PRAGMA user_version = 99")
    before = hashlib.sha256(path.read_bytes()).digest()
    with opened(path) as history:
        assert "newer version" in history.problem.message
        assert not history.writable
        assert text_of(history, "old") == "kept before"
        assert [hit.message for hit in history.search("kept")] == ["oldm"]
        put(history, "a", "words")
        history.append("oldm", text="more")
        history.delete_chat("old")
        assert not history.flush()
        assert "newer version" in history.problem.message
        assert [c.id for c in history.chats()] == ["old"]
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert not list(path.parent.glob("*damaged*"))


def test_a_file_of_the_first_version_is_brought_to_this_one(path):
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        for statement in history_schema.MIGRATIONS[0]:
            file.execute(statement)
        file.execute("PRAGMA user_version = 1")
        file.execute("INSERT INTO chats (id, title, created, updated, pinned) VALUES ('old', 'First', 1.0, 1.0, 0)")
        file.execute(
            "INSERT INTO messages (id, chat, role, created, parts, status, edited) "
            """VALUES ('m', 'old', 'user', 1.0, '[{"type": "text", "text": "kept"}]', 'done', 0)"""
        )
    with opened(path) as history:
        history.put_message(message("n", "old", " and more"))
        assert text_of(history, "old") == "kept and more"
        assert history.load("old")[0].messages == 2
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (history_schema.VERSION,)
