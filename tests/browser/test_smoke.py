"""The whole road once: a cell, a keystroke, an answer of the model that ships."""

from __future__ import annotations

from playwright.sync_api import expect


def test_a_question_typed_into_the_chat_is_answered(notebook) -> None:
    opened = notebook("import workbench as wb", "chat = wb.chat(temperature=0); chat")
    chat = opened.page.locator(".wb-chat")
    chat.locator("textarea").fill("hello")
    chat.locator("textarea").press("Enter")
    opened.page.wait_for_function("() => document.querySelector('.wb-chat')?.textContent.includes('hello')")
    assert opened.python("print(chat.last.result(60))") != ""
    said = opened.python("print(chat.messages[-1].text)").splitlines()[0]
    expect(chat).to_contain_text(said)
    assert opened.python("print(len(chat.messages))") == "2"
