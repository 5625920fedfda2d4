"""The token view, as a person meets it in JupyterLab: asked for, looked at, and another answer from one of them."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.lab import Notebook
from tests.browser.test_chat import answers, finished, say
from tests.browser.test_chat_tree import control, item

CHAT = "import workbench as wb\nchat = wb.chat(temperature=0, max_tokens=24)\nchat"


def test_another_token_begins_another_answer(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    control(answers(page).first, "More").click()
    item(page, "Ask again with token probabilities").click()
    expect(answers(page).first.locator(".wb-sib")).to_contain_text("2 / 2")
    finished(opened, 1)
    control(answers(page).first, "Tokens").click()
    tokens = answers(page).first.get_by_role("option")
    expect(tokens).to_have_count(int(opened.python("print(len(chat.last.tokens))")))
    expect(answers(page).first.locator(":scope > .wb-md")).to_be_hidden()
    expect(page.get_by_role("listbox", name="Tokens of the answer")).to_be_focused()

    page.keyboard.press("ArrowRight")
    expect(tokens.first).to_have_attribute("aria-selected", "true")
    alternatives = page.get_by_role("group", name="Alternatives to token 1")
    expect(alternatives).to_be_visible()
    first_said = opened.python("print(repr(chat.last.tokens[0].text))")
    page.keyboard.press("Enter")
    chosen = alternatives.get_by_role("button", name="Branch here with").first
    expect(chosen).to_be_focused()
    page.keyboard.press("Enter")

    expect(answers(page).first.locator(".wb-sib")).to_contain_text("3 / 3")
    finished(opened, 1)
    begins = "chat.last.text.startswith(chat.last.tokens[0].text)"
    assert opened.python(f"print({begins}, chat.last.tokens[0].text != {first_said})") == "True True"
    expect(answers(page).first.locator(":scope > .wb-md")).to_be_visible()
    control(answers(page).first, "Tokens").click()
    expect(answers(page).first.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(answers(page).first.get_by_role("option")).to_have_count(0)
