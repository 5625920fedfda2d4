"""Options, presets, prompts, preview and the decision about the context, as a person meets them in JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.cells import CHAT
from tests.browser.lab import Notebook
from tests.browser.test_chat import answers, box, finished, say

Open = Callable[..., Notebook]


def options(page: Page) -> Locator:
    """The options panel, opened from the head by keyboard."""
    button = page.locator(".wb-hd").get_by_role("button", name="Options", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Options")
    expect(panel).to_be_visible()
    return panel


def test_options_set_in_the_panel_are_those_the_run_used(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    panel = options(page)
    most = panel.get_by_role("spinbutton", name="Most tokens")
    expect(most).to_have_attribute("placeholder", "default")
    most.fill("3")
    most.press("Enter")
    panel.get_by_role("spinbutton", name="Temperature").fill("0")
    panel.get_by_role("spinbutton", name="Temperature").press("Tab")
    panel.get_by_role("radio", name="Off").click()
    panel.get_by_role("textbox", name="System prompt").fill("Be brief.")
    panel.get_by_role("textbox", name="System prompt").press("Tab")
    page.wait_for_function("() => document.querySelector('.wb-opts')?.textContent.includes('thinking off')")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator(".wb-hd").get_by_role("button", name="Options", exact=True)).to_be_focused()
    say(page, "hello")
    finished(opened, 1)
    used = opened.python("print(chat.last.usage.completion_tokens, chat.options.given(), chat.system)")
    assert used == "3 {'max_tokens': 3, 'temperature': 0, 'thinking': False} Be brief."
    panel = options(page)
    panel.get_by_role("button", name="Temperature: back to the default").click()
    page.wait_for_function("() => !document.querySelector('.wb-opts')?.textContent.includes('emperature')")
    assert opened.python("print(chat.options.temperature)") == "None"


def test_a_value_no_model_takes_is_refused_at_its_field(notebook: Open) -> None:
    opened = notebook(CHAT)
    panel = options(opened.page)
    field = panel.get_by_role("spinbutton", name="Temperature")
    field.fill("9")
    field.press("Enter")
    expect(panel.locator("[data-option=temperature]").get_by_role("alert")).to_contain_text("at most 5, not 9")
    assert opened.python("print(chat.options.temperature)") == "None"


def test_a_preset_is_saved_used_and_deleted(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    panel = options(page)
    panel.get_by_role("spinbutton", name="Top k").fill("4")
    panel.get_by_role("spinbutton", name="Top k").press("Enter")
    preset = panel.locator(".wb-opreset")
    expect(preset).to_have_text("Your own")
    preset.click()
    page.locator(".wb-menu").get_by_role("menuitem", name="Save these as a preset").click()
    page.get_by_role("textbox", name="Save as a preset").fill("Four")
    page.keyboard.press("Enter")
    expect(preset).to_have_text("Four")
    preset.click()
    page.locator(".wb-menu").get_by_role("menuitem", name="Everything as the model has it").click()
    expect(preset).to_have_text("None")
    preset.click()
    page.locator(".wb-menu").get_by_role("menuitemradio", name="Four").click()
    expect(preset).to_have_text("Four")
    assert opened.python("print(chat.options.given())") == "{'top_k': 4}"
    preset.click()
    page.locator(".wb-menu").get_by_role("menuitem", name="Delete Four").click()
    expect(preset).to_have_text("Your own")


def test_a_prompt_is_saved_filled_from_the_notebook_and_sent(notebook: Open) -> None:
    opened = notebook(CHAT, "first = 3")
    page = opened.page
    box(page).fill("What is {first}+{second}?")
    prompts = page.locator(".wb-comp").get_by_role("button", name="Prompts")
    prompts.click()
    page.get_by_role("button", name="Save the message as a prompt").click()
    page.get_by_role("textbox", name="Save as a prompt").fill("Sum")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Save as a prompt")).to_be_hidden()
    box(page).fill("")
    prompts.focus()
    page.keyboard.press("Enter")
    page.locator(".wb-popt", has_text="Sum").click()
    form = page.get_by_role("dialog", name="Sum")
    expect(form.get_by_role("textbox", name="first")).to_have_value("3")
    expect(form).to_contain_text("from the notebook")
    form.get_by_role("textbox", name="second").fill("4")
    page.keyboard.press("Enter")
    expect(page.locator(".wb-usr .wb-txt").first).to_have_text("What is 3+4?")
    finished(opened, 1)
    prompts.click()
    page.get_by_role("button", name="Delete Sum").click()
    expect(page.locator(".wb-popt")).to_have_count(0)


def test_what_the_model_reads_is_the_exact_prompt(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    box(page).fill("What is 3+4?")
    page.locator(".wb-comp").get_by_role("button", name="What the model reads").click()
    dialog = page.get_by_role("dialog", name="What the model reads")
    shown = dialog.locator(".wb-prev")
    expect(shown).to_contain_text("What is 3+4?")
    expect(dialog).to_contain_text("2,048 tokens;")
    found = opened.python("p = chat.preview('What is 3+4?'); import json; print(json.dumps([p.prompt, p.tokens]))")
    prompt, tokens = json.loads(found)
    assert shown.inner_text() == prompt.rstrip("\n") or shown.text_content() == prompt
    expect(dialog).to_contain_text(f"{tokens} of 2,048 tokens")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert opened.python("print(len(chat.messages))") == "2"


LONG = "one two three four five six seven eight nine ten " * 70
"""More than half of the context of the model that ships, in tokens."""


def test_a_message_that_does_not_fit_is_decided_on_and_nothing_is_cut_before(notebook: Open) -> None:
    opened = notebook("import workbench as wb\nchat = wb.chat(thinking=False, max_tokens=20)\nchat")
    page = opened.page
    say(page, LONG)
    expect(answers(page)).to_have_count(1)
    opened.python("chat.last.wait(60)", timeout=60)
    box(page).fill(LONG)
    box(page).press("Enter")
    bar = page.get_by_role("alertdialog", name="It does not fit the context")
    expect(bar).to_contain_text("too many for a context of 2,048")
    bar.get_by_role("button", name="Not now").click()
    expect(bar).to_be_hidden()
    expect(answers(page).nth(1)).to_contain_text("Too long")
    assert opened.python("print(len([m for m in chat.messages if m.role == 'user']))") == "2"
    answers(page).nth(1).get_by_role("button", name="Retry").click()
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Leave out the oldest").click()
    expect(answers(page)).to_have_count(2)
    opened.python("chat.last.wait(60)", timeout=60)
    expect(answers(page).nth(1)).to_contain_text("left out of what was sent")


def test_a_private_chat_says_so_and_a_title_is_given(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    title = page.locator(".wb-ctitle")
    expect(title).to_have_text("hello")
    title.click()
    page.get_by_role("textbox", name="Rename this chat").fill("Greetings")
    page.keyboard.press("Enter")
    expect(title).to_have_text("Greetings")
    head = page.locator(".wb-hd")
    head.get_by_role("button", name="More", exact=True).click()
    page.locator(".wb-menu").get_by_role("menuitem", name="Make it private").click()
    expect(head.get_by_text("Private", exact=True)).to_be_visible()
    assert opened.python("print(chat.private, chat.title)") == "True Greetings"


@pytest.mark.parametrize(("words", "suffix"), [("Export as Markdown", ".md"), ("Export as JSON", ".json")])
def test_the_conversation_is_downloaded(notebook: Open, tmp_path: Path, words: str, suffix: str) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    page.locator(".wb-hd").get_by_role("button", name="More", exact=True).click()
    with page.expect_download() as coming:
        page.locator(".wb-menu").get_by_role("menuitem", name=words).click()
    file = tmp_path / coming.value.suggested_filename
    coming.value.save_as(file)
    assert file.suffix == suffix
    assert "hello" in file.read_text()
