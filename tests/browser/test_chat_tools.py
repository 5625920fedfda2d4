"""A function that the model calls: asked for, allowed with other arguments, run, and spoken of; in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.lab import Notebook

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

CELL = '''
import workbench as wb

chat = wb.chat("builtin", temperature=0)

@chat.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b

chat
'''


def test_a_call_is_allowed_with_other_arguments_and_the_answer_goes_on(notebook: Open) -> None:
    opened = notebook(CELL)
    page = opened.page
    chat = page.locator(".wb-chat")
    box = chat.get_by_label("Message", exact=True)
    box.fill("use the tool to add 3 and 4")
    box.press("Enter")

    card = chat.get_by_role("group", name="add, waits for you")
    expect(card).to_contain_text("a = 3", timeout=60_000)  # the model is loaded meanwhile
    expect(chat.locator(".wb-state")).to_have_text("Waiting for you")
    expect(chat.locator(".wb-sr[role=status]").first).to_have_text("asks to run add")
    assert opened.python("print(chat.last.status)") == "asking"

    card.get_by_role("button", name="Edit arguments").press("Enter")
    field = card.get_by_label("b", exact=True)
    field.fill("much")
    card.get_by_role("button", name="Run once").press("Enter")
    expect(card.get_by_role("alert")).to_contain_text("b is not JSON")
    field.fill("40")
    card.get_by_role("button", name="Run once").press("Enter")

    ran = chat.get_by_role("group", name="add, done")
    expect(ran.locator("summary")).to_contain_text("43")
    expect(chat.locator(".wb-answer .wb-tools .wb-md")).to_contain_text("43")
    expect(chat.locator(".wb-state")).to_have_text("Ready")
    assert opened.python("print(chat.last.calls[0].value, '43' in chat.last.text)") == "43 True"
    ran.locator("summary").press("Enter")
    expect(ran.locator("pre").first).to_contain_text("b = 40")

    chat.get_by_role("button", name="What the model may do: 1 tool").click()
    page.get_by_role("menuitemradio", name="Ask").click()
    expect(chat.get_by_role("button", name="What the model may do: Talk only")).to_be_visible()
    assert opened.python("print(chat.mode)") == "ask"
