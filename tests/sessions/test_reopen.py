from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, say
from workbench.errors import ChatNotFoundError, StateError
from workbench.options import GenerationOptions
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
from workbench.sessions.reopen import reopen
from workbench.store import history


@pytest.fixture(autouse=True)
def own_history(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    yield
    history.default().close()


def said(text: str, *, title: str = "", model: str = "tiny", **options: object) -> str:
    """Id of a chat that was held, and is open no more."""
    services = ScriptedServices(ScriptedService(say("an answer"), models=(model,)))
    chat = Chat(services=services, **options)  # type: ignore[arg-type]  # as they come
    chat.send(text).result(5)
    if title:
        chat.title = title
    assert history.default().flush(20)
    chat.close()
    key = chat.history_id
    del chat
    gc.collect()
    return key


def test_a_chat_goes_on_where_it_was(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.services.registry.default", lambda: services)
    chat = Chat(services=services, system="Be brief.", options=GenerationOptions(temperature=0, seed=4))
    first = chat.send("Hello")
    text = first.result(60)
    chat.regenerate(first.id).result(60)
    chat.show(first.id)
    usage, metrics, key = first.usage, first.metrics, chat.id
    assert history.default().flush(20)
    chat.close()
    del chat, first
    gc.collect()
    again = reopen(key)
    assert [m.text for m in again.messages] == ["Be brief.", "Hello", text]
    assert (again.id, again.model, again.system) == (key, "builtin", "Be brief.")
    assert again.options == GenerationOptions(temperature=0, seed=4)
    assert again.last is not None
    assert (again.last.usage, again.last.metrics) == (usage, metrics)
    assert again.context.used == (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
    assert again.view()["messages"][2]["place"]["count"] == 2
    assert again.view()["kept"]
    assert again.send("Who are you?").result(60)
    assert history.default().flush(20)
    assert history.default().load(key)[0].messages == 5


def test_an_open_chat_is_the_same_object() -> None:
    chat = Chat(services=ScriptedServices(ScriptedService(say("one"))))
    chat.send("a").result(5)
    assert reopen(chat.id) is chat
    assert history.default().flush(20)
    assert reopen() is chat
    first = chat.history_id
    chat.clear()
    assert reopen(chat.history_id) is chat
    assert reopen(first) is not chat


def test_the_newest_or_one_by_words_of_its_title() -> None:
    old = said("How deep is the river?")
    middle = said("anything", title="River deltas of the north")
    newest = said("What is a token?")
    assert reopen().history_id == newest
    assert reopen("river").history_id == middle
    assert reopen("RIVER deep").history_id == old
    with pytest.raises(ChatNotFoundError, match=r"called 'tokn'.*'What is a token\?'"):
        reopen("tokn")


def test_an_empty_history_says_so() -> None:
    with pytest.raises(ChatNotFoundError, match="no chats yet"):
        reopen()


def test_a_chat_whose_model_is_gone_says_so_and_the_fallback_answers(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.services.registry.default", lambda: services)
    chat = reopen(said("a", model="long-gone/model"))
    view = chat.view()
    assert (view["model"]["id"], view["model"]["status"]) == ("long-gone/model", "failed")
    assert view["notice"]["kind"] == "ModelNotFoundError"
    reply = chat.send("Hello", temperature=0)
    assert reply.result(60)
    assert reply.model == "builtin"
    assert reply.notes[0].code == "fallback"


def test_what_the_model_has_read_is_saved_and_restored_if_asked(tmp_path: Path) -> None:
    services = Services()
    try:
        chat = Chat(services=services)
        chat.send("Hello", temperature=0).result(60)
        chat.send("Who are you?", temperature=0).result(60)
        file = tmp_path / "read.cache"
        saved = chat.save_cache(file)
        assert saved > 0
        services.local.unload()
        assert chat.restore_cache(file) == saved
        reply = chat.send("Hello again", temperature=0)
        assert reply.result(60)
        assert (reply.usage.cached_tokens or 0) >= saved - 1
        assert chat.restore_cache(tmp_path / "nothing") == 0
    finally:
        services.close()


def test_the_cache_of_a_server_is_its_own(tmp_path: Path) -> None:
    far = ScriptedService(say("1"), name="far", models=("big",), url="http://localhost:1/v1")
    with pytest.raises(StateError, match="kept by its server"):
        Chat("far:big", services=ScriptedServices(far)).save_cache(tmp_path / "read.cache")
