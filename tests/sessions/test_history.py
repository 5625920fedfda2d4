"""The history from code: chats of every kernel are found, named, tagged, exported, deleted by a plan, taken in."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

import workbench as wb
from workbench.commands import ExportChat, Hello, KeepChats, PinChat, PlanDeleteChats, RenameChat, SearchChats, TagChat
from workbench.errors import ChatNotFoundError, FolderError, HistoryError, StateError, UsageError
from workbench.messages import Text
from workbench.sessions.history import HistorySession
from workbench.store import history as store
from workbench.store import settings
from workbench.store.history import StoredChat, StoredMessage

OTHER_KERNEL = """
import time
from workbench.messages import Text
from workbench.store import history
from workbench.store.history import StoredChat, StoredMessage
kept, now = history.default(), time.time()
kept.put_chat(StoredChat(id="other", title="From elsewhere", created=now, updated=now))
kept.put_message(StoredMessage(id="o1", chat="other", parent=None, role="user", created=now, parts=(Text("glacier"),)))
assert kept.flush(30)
"""


def put(id, title, *texts, ago=0.0, **fields):
    """Keep a chat whose messages are these, a question first."""
    at = time.time() - ago
    head = f"{id}-{len(texts) - 1}" if texts else None
    kept = store.default()
    kept.put_chat(StoredChat(id=id, title=title, created=at, updated=at, head=head, **fields))
    for number, text in enumerate(texts):
        role = "assistant" if number % 2 else "user"
        parent = f"{id}-{number - 1}" if number else None
        model = "builtin" if number % 2 else None
        kept.put_message(
            StoredMessage(
                id=f"{id}-{number}",
                chat=id,
                parent=parent,
                role=role,
                model=model,
                created=at + number,
                parts=(Text(text),),
            )
        )


@pytest.fixture
def past(tmp_path, monkeypatch):
    """A history of three chats."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    put("r1", "Rivers of Europe", "Where is the Danube?", "It ends in a delta.", model="builtin")
    put("r2", "Rivers of Asia", "Where is the Mekong?", "It ends in a delta, too.", ago=90_000, tags=("geo",))
    put("c1", "Cooking", "How long do eggs boil?", ago=20 * 86_400, pinned=True)
    assert store.default().flush(30)
    yield HistorySession()
    store.default().close()


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def test_it_lists_searches_and_narrows(past):
    assert len(past) == 3
    assert [chat.title for chat in past] == ["Cooking", "Rivers of Europe", "Rivers of Asia"]
    hits = past.search("delta")
    assert {hit.chat for hit in hits} == {"r1", "r2"}
    assert ("delta", True) in hits[0].snippet
    assert [hit.chat for hit in past.search("delta", chat="Asia")] == ["r2"]
    assert [chat.id for chat in past.chats(tag="geo")] == ["r2"]
    narrowed = wb.history("mekong")
    assert [chat.id for chat in narrowed] == ["r2"]
    assert [row["id"] for row in narrowed.view()["rows"]] == ["r2"]


def test_a_chat_is_named_by_id_or_words_and_candidates_are_told(past):
    past.rename("asia", "The   great\nrivers")
    assert past.chats("great")[0].title == "The great rivers"
    with pytest.raises(UsageError, match="Rivers of Europe") as caught:
        past.pin("rivers")
    assert "The great rivers" in str(caught.value)
    put("r3", "Rivers", "And others?")
    assert store.default().flush(30)
    past.pin("rivers")  # the one that is called just so
    assert {chat.id for chat in past if chat.pinned} == {"r3", "c1"}
    with pytest.raises(ChatNotFoundError, match="mountains"):
        past.open("mountains")
    with pytest.raises(ChatNotFoundError):
        past.pin("")
    with pytest.raises(UsageError, match="title"):
        past.rename("c1", " \n")


def test_tags_and_pins(past):
    assert past.tag("r1", "geo", "Europe ", "GEO") == ("geo", "Europe")
    assert past.untag("r1", "europe") == ("geo",)
    assert past.tags() == [("geo", 2)]
    with pytest.raises(UsageError, match="characters"):
        past.tag("r1", " ")
    past.pin("c1", False)
    assert [chat.id for chat in past] == ["r1", "r2", "c1"]


def test_deletion_is_planned_first(past):
    plan = past.plan_delete(["r1", "cooking"])
    assert [chat.title for chat in plan.chats] == ["Rivers of Europe", "Cooking"]
    assert plan.chats[0].messages == 2
    assert plan.frees > 100
    assert len(past) == 3
    past.drop_plan()
    with pytest.raises(StateError):
        past.execute()
    assert past.execute(plan) == plan.frees
    assert [chat.id for chat in past] == ["r2"]
    assert past.search("danube") == []
    assert past.delete("r2") > 0
    assert "no chats yet" in repr(past)


def test_export_one_some_all_and_take_in_again(past, tmp_path):
    (page,) = past.export("europe", tmp_path / "rivers.html")
    assert "It ends in a delta." in page.read_text()
    with pytest.raises(FolderError, match="already"):
        past.export("europe", page)
    with pytest.raises(UsageError, match="does not say"):
        past.export("europe", tmp_path / "rivers.txt")
    files = past.export(["r1", "r2"], tmp_path / "chats")
    assert sorted(file.name for file in files) == ["rivers-of-asia.md", "rivers-of-europe.md"]
    (whole,) = past.export(None, tmp_path / "all.json")
    assert len(json.loads(whole.read_text())["chats"]) == 3
    past.delete("r1")
    taken = past.import_(whole)
    assert {chat.title for chat in taken} == {"Rivers of Europe", "Rivers of Asia", "Cooking"}
    assert sorted(chat.title for chat in past) == ["Cooking"] * 2 + ["Rivers of Asia"] * 2 + ["Rivers of Europe"]
    assert past.chats("danube")[0].id == "r1"
    with pytest.raises(FolderError):
        past.import_(tmp_path / "nowhere.json")


def test_the_frame_has_a_row_a_chat(past):
    frame = past.to_frame()
    assert list(frame.columns) == ["id", "title", "model", "messages", "created", "updated", "pinned", "tags"]
    assert frame.set_index("id").loc["r1", "messages"] == 2
    assert str(frame["updated"].dtype).startswith("datetime64")


def test_what_another_kernel_writes_is_noticed(past):
    told = []
    end = past.observe(told.append)
    assert len(past.view()["rows"]) == 3
    changes = past.view()["changes"]
    subprocess.run([sys.executable, "-c", OTHER_KERNEL], check=True, timeout=60)
    until(lambda: any(op[0] == "row" and op[1]["id"] == "other" for op in told))
    assert past.view()["changes"] > changes
    store.default().delete_chat("r1")
    until(lambda: ["drop", "r1"] in told)
    end()
    until(lambda: not [each for each in threading.enumerate() if each.name == f"look-{past.id}"])


def test_a_front_end_searches_changes_and_exports(past):
    found = past.perform(SearchChats(id=1, words="delta")).data
    assert {group["chat"]["id"] for group in found} == {"r1", "r2"}
    assert found[0]["hits"][0]["role"] == "assistant"
    assert [group["chat"]["id"] for group in past.perform(SearchChats(id=1, words="delta", tag="geo")).data] == ["r2"]
    by_title = past.perform(SearchChats(id=1, words="cooking")).data
    assert [(group["chat"]["id"], group["hits"]) for group in by_title] == [("c1", [])]

    def row(id):
        return next(row for row in past.view()["rows"] if row["id"] == id)

    assert past.perform(RenameChat(id=2, chat="c1", title="Eggs")).ok
    until(lambda: row("c1")["title"] == "Eggs")
    assert past.perform(PinChat(id=3, chat="c1", pinned=False)).ok
    until(lambda: not row("c1")["pinned"])
    assert past.perform(TagChat(id=4, chat="c1", tags=["food"])).ok
    until(lambda: row("c1")["tags"] == ["food"])
    assert past.view()["tags"] == [{"name": "food", "count": 1}, {"name": "geo", "count": 1}]
    refused = past.perform(RenameChat(id=5, chat="c1", title=" "))
    assert (refused.ok, refused.error.kind) == (False, "UsageError")
    for format, start in (
        ("markdown", "---\n"),
        ("json", "{"),
        ("html", "<!DOCTYPE"),
        ("notebook", "{"),
        ("python", '"""'),
    ):
        data = past.perform(ExportChat(id=6, chat="r1", format=format)).data
        assert data["text"].startswith(start)
        assert data["name"].startswith("rivers-of-europe.")
    assert past.perform(ExportChat(id=7, chat="gone", format="json")).error.kind == "ChatNotFoundError"
    assert past.perform(PlanDeleteChats(id=8, chats=["c1"])).ok
    until(lambda: past.view()["plan"])
    assert past.view()["plan"]["chats"][0]["title"] == "Eggs"
    assert past.perform(Hello(id=9)).ok


def test_keeping_chats_is_a_choice_that_the_environment_may_make(past, monkeypatch):
    assert past.perform(KeepChats(id=1, keep=False)).ok
    assert settings.get().keep_history is False
    assert past.view()["keep"] is False
    assert "not kept" in repr(past)
    past.perform(KeepChats(id=2, keep=True))
    monkeypatch.setenv("WORKBENCH_KEEP_HISTORY", "0")
    assert past.view()["keep_decided"] == "WORKBENCH_KEEP_HISTORY"


def test_text_and_html_for_places_without_a_widget(past):
    past.rename("c1", "<script>eggs</script>")
    assert "* <script>" in repr(past)
    page = past.html()
    assert "&lt;script&gt;eggs" in page
    assert f'data-wb-history="{past.id}"' in page


def test_a_damaged_database_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    file = tmp_path / "home/data/history.sqlite3"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is no database" * 1000)
    past = HistorySession()
    assert past.view()["rows"] == []
    until(lambda: past.view()["problem"])
    assert past.view()["problem"]["message"] in repr(past)
    store.default().close()


def test_a_history_of_a_newer_version_is_shown_and_not_changed(past):
    store.default().close()
    with closing(sqlite3.connect(store.default().path)) as database:
        database.execute("PRAGMA user_version = 999")
    assert past.view()["rows"][0]["title"] == "Cooking"
    with pytest.raises(HistoryError, match="newer"):
        past.rename("c1", "Eggs")
    refused = past.perform(PinChat(id=1, chat="r1", pinned=True))
    assert refused.ok  # it is done behind the answer, and refused there
    until(lambda: past.view()["notice"])
    assert "newer" in past.view()["problem"]["message"]
    assert past.view()["rows"][0]["title"] == "Cooking"
