"""A chat goes on from messages that a person gives, as an exported notebook does."""

from __future__ import annotations

import json

import pytest

import workbench as wb
from workbench.errors import FolderError, UsageError
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
    assert history.default().flush(30)
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


def test_an_open_chat_is_exported_and_its_notebook_says_the_same_again(tmp_path):
    chat = wb.chat(messages=SAID, private=True, temperature=0)
    file = chat.export(tmp_path / "ada.ipynb")
    with pytest.raises(FolderError, match="already"):
        chat.export(file)
    assert chat.export(file, overwrite=True) == file
    code = next(cell for cell in json.loads(file.read_text())["cells"] if cell["cell_type"] == "code")
    found: dict[str, object] = {}
    exec("".join(code["source"]).rsplit("\n", 1)[0], found)
    again = found["chat"]
    assert isinstance(again, wb.Chat)
    assert [(m.role, m.text) for m in again.messages] == SAID
    assert again.options.temperature == 0
    chat.close()
    again.close()
