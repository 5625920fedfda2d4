"""Words are found however they are written, nothing that is typed is syntax, and a snippet says what matched."""

from __future__ import annotations

import time

import pytest

from workbench.messages import File, Reasoning, Text, ToolCall, ToolResult
from workbench.store import history as store
from workbench.store import history_text
from workbench.store.history import History, StoredChat, StoredMessage

TEXTS = {
    "en": "The quick brown fox isn't lazy; it jumps over state-of-the-art fences, snake_case and C++.",
    "de": "Über die Straße läuft ein Bär, ganz gemütlich.",
    "fr": "Le cafe\u0301 de l'été où nous étions",
    "zh": "我们今天学习机器学习和自然语言处理。",
    "ja": "東京タワーで機械学習についてのブログを書きました。",
    "ko": "데이터베이스에서 검색합니다",
    "th": "สวัสดีครับ ผมชอบกินข้าว",
    "ru": "Ёлка и ПРИВЕТ миру",
    "hi": "नमस्ते दुनिया",
    "mixed": "使用Python编写SQLite查询",
    "maths": "a vector x\u030cy here",
    "code": "def main() -> None:\n    print('hello_world')  # 3.14",
}


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    made = History(tmp_path_factory.mktemp("search") / "history.sqlite3")
    for n, (name, text) in enumerate(TEXTS.items()):
        made.put_chat(StoredChat(id=name, title=f"chat {name}", created=float(n), updated=float(n)))
        made.put_message(message(name, name, text, at=float(n)))
    yield made
    made.close()


def message(id, chat, text="", at=1.0, parts=None):
    return StoredMessage(id=id, chat=chat, parent=None, role="user", created=at, parts=parts or (Text(text),))


def found(history, words, **how):
    return [hit.message for hit in history.search(words, **how)]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("quick", ["en"]),
        ("QUICK fox", ["en"]),
        ("fox quick brown", ["en"]),
        ("qui", ["en"]),
        ("qui ", []),
        ("qui fox", []),
        ('"quick brown"', ["en"]),
        ('"brown quick"', []),
        ('"quick bro', ["en"]),
        ('"quick bro"', []),
        ("isn't", ["en"]),
        ("state-of-the-art", ["en"]),
        ("snake_case", ["en"]),
        ("snake_ca", ["en"]),
        ("case", ["en"]),
        ("uber", ["de"]),
        ("ÜBER bar", ["de"]),
        ("strasse", []),
        ("straße", ["de"]),
        ("gemu", ["de"]),
        ("café", ["fr"]),
        ("cafe\u0301", ["fr"]),
        ("ete ou", ["fr"]),
        ("机器学习", ["zh"]),
        ("学习", ["zh"]),
        ("学", ["zh", "ja"]),
        ("器学", ["zh"]),
        ("习机", ["zh"]),
        ("学机", []),
        ("今天 语言", ["zh"]),
        ("学習", ["ja"]),
        ("タワー", ["ja"]),
        ("ワーで", ["ja"]),
        ("ログを書", ["ja"]),
        ("베이스", ["ko"]),
        ("검색", ["ko"]),
        ("ชอบกิน", ["th"]),
        ("привет", ["ru"]),
        ("елка", ["ru"]),
        ("नमस्ते", ["hi"]),
        ("Python编写", ["mixed"]),
        ("python", ["mixed"]),
        ("sqlite查", ["mixed"]),
        ("hello_world", ["code"]),
        ("x\u030cy", ["maths"]),
        ("3.14", ["code"]),
        ("c++ ", ["en"]),
    ],
)
def test_words_are_found(history, words, names):
    assert sorted(found(history, words)) == sorted(names)
    if names:
        assert any(matched for hit in history.search(words) for _, matched in hit.snippet)
        assert {c.id for c in history.chats(words)} == set(names)


@pytest.mark.parametrize(
    "typed",
    ["", " ", '"', '""', '"""', "*", "fox*", "fox AND", "NOT fox", "fox OR bear", "NEAR(fox bear)", "text:fox", "-fox",
     "^fox", "(fox", "fox)", "'; DROP TABLE chats; --", "fox\0quick", "\ud83d", "a" * 100_000, "fox " * 5_000, "{fox}",
     "\\", "%", "_", "?1", ":match", "+", "fox + quick", '"fox" "', "\u202e", "e\u0301" * 400, "🦊", "🦊 fox"],
)  # fmt: skip
def test_nothing_that_is_typed_is_syntax(history, typed):
    history.search(typed)
    history.chats(typed)
    assert found(history, "fox") == ["en"]
    assert len(history.chats()) == len(TEXTS)


def test_operators_are_words(history):
    assert found(history, "NOT fox") == found(history, "fox OR bear") == found(history, "text:fox") == []
    assert (
        found(history, "fox*") == found(history, "(fox") == found(history, "-fox") == found(history, "🦊 fox") == ["en"]
    )
    assert found(history, "***") == history.chats("***") == []


def test_a_snippet_is_pieces_of_the_text_and_no_markup(history):
    (hit,) = history.search("fox jum")
    assert hit.snippet[1] == ("fox", True)
    assert ("jumps", True) in hit.snippet
    assert "".join(text for text, _ in hit.snippet) == TEXTS["en"]
    assert (hit.chat, hit.title, hit.role, hit.at) == ("en", "chat en", "user", 0.0)
    (hit,) = history.search("ログを書")
    assert ("ログを書", True) in hit.snippet
    assert "".join(text for text, _ in hit.snippet) == TEXTS["ja"]


def snippet(text, words):
    return history_text.snippet(text, history_text.pattern_of(history_text.words_of(words)))


def test_a_snippet_of_a_long_text_is_short_and_around_the_match():
    text = f"<b>begin</b> {'so many words ' * 9_000}the\n\n needle   is here {'and more words ' * 9_000}"
    pieces = snippet(text, "needle ")
    whole = "".join(text for text, _ in pieces)
    assert ("needle", True) in pieces
    assert len(whole) < 300
    assert whole.startswith("... ")
    assert whole.endswith(" ...")
    assert "the needle is here" in whole
    assert snippet("", "a") == ()
    assert snippet("nothing of it", "needle") == (("nothing of it", False),)
    began = time.perf_counter()
    snippet("ä" * 1_000_000, "ab " * 20)
    assert time.perf_counter() - began < 5


def test_what_is_looked_through_is_what_was_said(history):
    parts = (
        Reasoning("secretly zumthink"),
        Text("zumtext"),
        File("zumname.py", "zumcontent"),
        ToolCall("c", "zumtool", '{"zumargument": 1}'),
        ToolResult("c", "zumresult"),
    )
    history.put_message(message("parts", "en", parts=parts))
    for word in ("zumtext", "zumname.py", "zumcontent", "zumtool", "zumargument", "zumresult"):
        assert found(history, word) == ["parts"]
    assert found(history, "zumthink") == []
    history.put_message(message("parts", "en", text="zumother"))
    assert (found(history, "zumtext"), found(history, "zumother")) == ([], ["parts"])
    history.delete_messages("en", ["parts"])
    assert found(history, "zumother") == []


def test_the_best_come_first_and_the_newest_of_equals(tmp_path):
    history = History(tmp_path / "history.sqlite3")
    for id in ("a", "b"):
        history.put_chat(StoredChat(id=id, title="apples", created=1.0, updated=1.0))
    for n in range(4):
        history.put_message(message(f"same{n}", "ab"[n % 2], "one apple among the pears", at=float(n)))
    history.put_message(message("best", "a", "apple apple apple", at=0.0))
    history.put_message(message("long", "b", "apple" + " and other fruit of every kind" * 40, at=9.0))
    assert found(history, "apple") == ["best", "same3", "same2", "same1", "same0", "long"]
    assert found(history, "apple", limit=2) == ["best", "same3"]
    assert found(history, "apple", chat="b") == ["same3", "same1", "long"]
    assert found(history, "apple", chat="none") == []
    assert [c.id for c in history.chats("apples")] == ["b", "a"]
    history.close()


def test_of_very_many_hits_the_newest_come(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "CANDIDATES", 30)
    history = History(tmp_path / "history.sqlite3")
    history.put_chat(StoredChat(id="a", created=1.0, updated=1.0))
    for n in range(40):
        history.put_message(message(f"m{n}", "a", "the " * (40 - n) + ("rare" if n < 29 else "")))
    assert found(history, "the", limit=3) == ["m39", "m38", "m37"]
    assert len(found(history, "the", limit=100)) == 40
    assert found(history, "rare", limit=1) == ["m28"]
    history.close()
