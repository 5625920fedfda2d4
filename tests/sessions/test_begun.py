"""A chat goes on from messages that a person gives, as an exported notebook does."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.errors import UsageError
from workbench.messages import assistant
from workbench.store import history

SAID = [("user", "My name is Ada."), ("assistant", "Hello, Ada.")]


def test_a_chat_goes_on_from_what_was_said(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    chat = wb.chat(messages=SAID, system="Be brief.")
    assert [(m.role, m.text) for m in chat.messages] == [("system", "Be brief."), *SAID]
    assert [m.model for m in chat.messages] == [None, None, "builtin"]
    assert [(view["role"], view["status"]) for view in chat.view()["messages"][1:]] == [
        ("user", "done"),
        ("assistant", "done"),
    ]
    kept, messages = history.default().load(chat.history_id)
    assert kept.title == "My name is Ada."
    assert [m.parts[0].text for m in messages] == [text for _, text in SAID]
    assert messages[1].parent == messages[0].id
    chat.close()


def test_an_answer_keeps_its_own_model_and_a_private_chat_is_not_kept():
    chat = wb.chat(messages=[("user", "a"), assistant("b", model="org/other")], private=True)
    assert chat.messages[1].model == "org/other"
    assert not history.default().exists(chat.history_id)
    chat.close()


@pytest.mark.parametrize("wrong", ["text", ("robot", "hi"), ("user", 1), ("user", "a", "b"), {"role": "user"}])
def test_what_is_no_message_is_refused(wrong):
    with pytest.raises(UsageError, match="pair"):
        wb.chat(messages=[wrong])
