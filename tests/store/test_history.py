"""What is put into the history is in it as it was, at once for readers, and on the disk within a second."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from workbench.errors import ChatNotFoundError, ErrorInfo
from workbench.events import Metrics, Notice, Usage
from workbench.messages import File, Image, Reasoning, Text, ToolCall, ToolResult
from workbench.options import GenerationOptions
from workbench.store import history as store
from workbench.store import history_writer
from workbench.store.history import History, StoredChat, StoredMessage


@pytest.fixture
def history(tmp_path):
    made = History(tmp_path / "history.sqlite3")
    yield made
    made.close()


def chat(id="a", at=100.0, **facts):
    return StoredChat(id=id, created=at, updated=facts.pop("updated", at), **facts)


def message(id, chat="a", at=101.0, text="", **facts):
    facts = {"parent": None, "role": "user", "parts": (Text(text),) if text else (), **facts}
    return StoredMessage(id=id, chat=chat, created=at, **facts)


def until(true, seconds=15.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_a_chat_and_its_messages_are_kept_as_they_were(history):
    kept = chat(
        title="Grüße 你好",
        model="ollama:llama3",
        pinned=True,
        tags=("work", "räksmörgås"),
        system="Be brief.",
        options=GenerationOptions(temperature=0.5, stop=("#",)),
        head="m2",
        parent="other",
        updated=300.0,
    )
    asked = message(
        "m1", text="What is in these?", parts=(Image(b"\x89PNG", name="a.png"), File("f.txt", "text"), Text("Hm?"))
    )
    answer = message(
        "m2",
        at=102.5,
        parent="m1",
        role="assistant",
        parts=(Reasoning("hm", 1.5), Text("A cat."), ToolCall("c", "f", "{}"), ToolResult("c", "no", "failed")),
        model="ollama:llama3",
        status="failed",
        finish="length",
        error=ErrorInfo(kind="StreamCutError", message="It broke off.", retryable=False),
        options=GenerationOptions(seed=1),
        applied=GenerationOptions(seed=1, max_tokens=9),
        ignored=("seed",),
        usage=Usage(prompt_tokens=5, cached_tokens=0),
        metrics=Metrics(ttft_s=0.25),
        notes=(Notice(run="r", code="note", message="It was slow."),),
        edited=True,
    )
    history.put_chat(kept)
    history.put_message(asked)
    history.put_message(answer)
    found, messages = history.load("a")
    assert messages == [asked, answer]
    assert (found.messages, found) == (2, StoredChat(**{**as_dict(kept), "messages": 2}))


def as_dict(value):
    return {name: getattr(value, name) for name in value.__struct_fields__}


def test_nothing_is_made_by_looking(history):
    assert history.chats() == history.search("a") == history.tags() == []
    assert (history.exists("a"), history.size(), history.problem, history.writable) == (False, 0, None, True)
    with pytest.raises(ChatNotFoundError, match="no chat 'a'") as raised:
        history.load("a")
    assert isinstance(raised.value, LookupError)
    assert not history.path.exists()


def test_chats_are_listed_pinned_ones_first_then_the_newest(history):
    for n in range(5):
        history.put_chat(chat(f"c{n}", at=float(n), pinned=n == 1, tags=("odd",) if n % 2 else ("even", "all")))
    assert [c.id for c in history.chats()] == ["c1", "c4", "c3", "c2", "c0"]
    assert [c.id for c in history.chats(limit=2, offset=1)] == ["c4", "c3"]
    assert [c.id for c in history.chats(tag="odd")] == ["c1", "c3"]
    assert history.tags() == [("all", 3), ("even", 3), ("odd", 2)]
    assert len(history.chats(limit=-1)) == 5


def test_a_message_brings_its_chat_to_the_top_and_is_counted(history):
    history.put_chat(chat("old", at=1.0))
    history.put_chat(chat("new", at=2.0))
    history.put_message(message("m", "old", at=3.0))
    history.put_message(message("m", "old", at=3.0, text="once more"))
    assert [(c.id, c.updated, c.messages) for c in history.chats()] == [("old", 3.0, 1), ("new", 2.0, 0)]
    history.put_chat(chat("old", at=1.0, title="Again", updated=4.0, messages=77))
    assert [(c.title, c.messages) for c in history.chats()] == [("Again", 1), ("", 0)]


def test_fields_are_changed_one_by_one_and_titles_are_found(history):
    history.put_chat(chat(title="First", tags=("x",)))
    history.change_chat("a", title="Second words", pinned=True)
    history.change_chat("a", options=GenerationOptions(top_k=3), head="m")
    history.change_chat("none", title="Ghost")
    (found,) = history.chats()
    assert (found.title, found.pinned, found.tags, found.head) == ("Second words", True, ("x",), "m")
    assert found.options == GenerationOptions(top_k=3)
    assert [c.id for c in history.chats("second")] == ["a"]
    assert history.chats("first") == []


def test_a_change_that_cannot_be_harms_nothing_else(history, caplog):
    history.put_chat(chat())
    history.change_chat("a", colour="red")
    history.put_message(message("m", at=object()))
    history.put_chat(chat("b"))
    history.put_message(message("m1", "a"))
    history.put_message(message("m1", "b", text="of another chat"))
    assert [c.id for c in history.chats()] == ["a", "b"]
    assert history.flush()
    assert history.problem is None
    assert caplog.text.count("could not be put into the history") == 3
    assert len(history.load("a")[1]) == 1


def test_an_answer_grows_and_is_replaced_by_the_whole_one(history):
    history.put_chat(chat())
    history.put_message(message("m", role="assistant", status="writing"))
    for n in range(100):
        history.append("m", reasoning=f"r{n} ")
    for n in range(100):
        history.append("m", text=f"t{n} ")
    history.append("none", text="lost")
    assert history.flush()
    (found,) = history.load("a")[1]
    assert found.status == "writing"
    assert found.parts == (
        Reasoning("".join(f"r{n} " for n in range(100))),
        Text("".join(f"t{n} " for n in range(100))),
    )
    history.append("m", text="end")
    assert history.flush()
    assert history.load("a")[1][0].parts[1].text.endswith("t99 end")
    whole = message("m", role="assistant", text="all of it")
    history.put_message(whole)
    assert history.load("a")[1] == [whole]
    with closing(sqlite3.connect(history.path)) as file:
        assert file.execute("SELECT count(*) FROM pieces").fetchone() == (0,)


def test_what_is_appended_is_on_the_disk_soon_in_few_writes(history):
    history.put_chat(chat())
    history.put_message(message("m", role="assistant", status="writing", text="It "))
    history.flush()
    words = [f"w{n} " for n in range(60)]
    for word in words:
        history.append("m", text=word)
        time.sleep(0.01)
    with closing(sqlite3.connect(history.path)) as file:
        pieces = "SELECT text FROM pieces ORDER BY n"
        until(lambda: "".join(text for (text,) in file.execute(pieces)) == "".join(words))
        assert len(file.execute(pieces).fetchall()) <= 20


def test_texts_that_no_database_holds_are_kept_as_well_as_can_be(history):
    history.put_chat(chat(title="half \ud83d"))
    history.put_message(message("m", parts=(Text("zero \0 half \ude00 end"), File("\ud800", "x"))))
    history.put_message(message("w", status="writing"))
    history.append("w", text="\ud83d\0\udfff")
    assert history.flush()
    found, (first, second) = history.load("a")
    assert found.title == "half ?"
    assert first.parts == (Text("zero \0 half ? end"), File("?", "x"))
    assert second.parts == (Text("?\0?"),)
    assert [hit.message for hit in history.search("zero end")] == ["m"]


def test_pictures_are_kept_once_and_go_with_the_last_message_that_shows_them(history):
    picture = bytes(range(256)) * 2000
    history.put_chat(chat())
    for id in ("m1", "m2"):
        history.put_message(message(id, parts=(Image(picture), Text("look"))))
    assert history.flush()
    assert history.size() < 2 * len(picture)
    assert history.load("a")[1][1].parts[0].data == picture
    with closing(sqlite3.connect(history.path)) as file:
        count = "SELECT count(*) FROM images"
        history.put_message(message("m1", text="no more"))
        assert history.flush()
        assert file.execute(count).fetchone() == (1,)
        assert history.load("a")[1][1].parts[0].data == picture
        history.delete_messages("a", ["m2"])
        assert history.flush()
        assert file.execute(count).fetchone() == (0,)
    assert picture[:64] not in history.path.read_bytes()


def test_messages_are_deleted_and_counted_and_not_those_of_other_chats(history):
    for id in ("a", "b"):
        history.put_chat(chat(id))
        for n in range(3):
            history.put_message(message(f"{id}{n}", id, text=f"number {n}"))
    history.delete_messages("a", ["a1", "a2", "b0", "none"])
    assert [m.id for m in history.load("a")[1]] == ["a0"]
    assert {c.id: c.messages for c in history.chats()} == {"a": 1, "b": 3}
    assert {hit.message for hit in history.search("number")} == {"a0", "b0", "b1", "b2"}


def test_a_deleted_chat_leaves_no_word_in_the_file(history):
    secret = "Xylophonquartz"
    for n in range(50):
        history.put_chat(chat(f"c{n}", title=f"about {n}"))
        history.put_message(message(f"c{n}m", f"c{n}", text=f"some words of number {n} " * 50))
    history.put_chat(chat("s", title=f"{secret}title", system=f"{secret}system", tags=(f"{secret}tag",)))
    history.put_message(message("s1", "s", text=f"{secret} asked " * 500))
    history.put_message(message("s2", "s", status="writing", role="assistant"))
    history.append("s2", text=f"{secret}piece")
    assert history.flush()
    assert secret in on_disk(history)
    history.delete_chat("s")
    history.append("s2", text=f"{secret}late")
    assert history.flush(30)
    assert not history.exists("s")
    assert secret.lower() not in on_disk(history).lower()
    assert history.search(secret) == history.chats(secret) == []
    assert len(history.search("words", limit=100)) == 50
    with closing(sqlite3.connect(history.path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        file.execute("INSERT INTO texts (texts, rank) VALUES ('integrity-check', 1)")


def on_disk(history):
    files = history.path.parent.glob("history.sqlite3*")
    return "".join(file.read_bytes().decode("latin-1") for file in files if not file.name.endswith("-shm"))


def test_deleting_gives_room_back(history):
    history.put_chat(chat())
    for n in range(40):
        history.put_message(message(f"m{n}", text=f"{n} and much text " * 3000))
    assert history.flush(30)
    before = history.size()
    history.delete_chat("a")
    assert history.flush(30)
    assert history.size() < before / 4


def test_the_stamp_tells_of_every_write_and_of_nothing_else(history):
    stamps = [history.stamp()]
    history.put_chat(chat())
    history.flush()
    stamps.append(history.stamp())
    history.load("a"), history.chats(), history.search("x")
    assert history.stamp() == stamps[-1]
    history.put_message(message("m", status="writing"))
    history.flush()
    stamps.append(history.stamp())
    history.append("m", text="x")
    history.flush()
    stamps.append(history.stamp())
    assert len(set(stamps)) == 4
    assert history.size() > 0


def test_many_threads_read_while_one_writes(history):
    history.put_chat(chat())
    wrong = []
    ended = threading.Event()

    def read():
        while not ended.is_set():
            messages = history.load("a")[1]
            numbers = [int(m.parts[0].text.split()[1]) for m in messages]
            if numbers != list(range(len(numbers))) or len(history.search("number", limit=9999)) < len(numbers):
                wrong.append(numbers)

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    for n in range(150):
        history.put_message(message(f"m{n}", text=f"number {n}"))
    assert history.flush(30)
    ended.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(history.load("a")[1]) == 150


def test_the_default_history_is_one_and_lies_where_the_state_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    assert store.default() is store.default()
    assert store.default().path == tmp_path / "home" / "data" / "history.sqlite3"
    first = store.default()
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "other"))
    assert store.default() is not first
    assert repr(first) == f"History({str(first.path)!r})"


def test_a_closed_history_goes_on_when_it_is_asked_again(history):
    history.put_chat(chat())
    history.close()
    assert list(history.path.parent.glob("*-wal")) == []
    history.put_message(message("m", text="later"))
    assert [hit.message for hit in history.search("later")] == ["m"]


def test_importing_the_workbench_brings_no_history():
    code = "import sys, workbench; print([name for name in sys.modules if 'history' in name and 'workbench' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_work_that_waits_is_done_in_its_order(history, monkeypatch):
    monkeypatch.setattr(history_writer, "COALESCE_SECONDS", 30.0)
    history.put_chat(chat())
    history.put_message(message("m", status="writing", text="a"))
    history.append("m", text="b")
    history.put_message(message("m", status="writing", text="A"))
    history.append("m", text="B")
    history.delete_messages("a", ["m"])
    history.append("m", text="gone")
    history.put_message(message("m", text="again"))
    assert [m.parts for m in history.load("a")[1]] == [(Text("again"),)]
