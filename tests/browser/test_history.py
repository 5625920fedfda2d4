"""The history as a person meets it in JupyterLab: chats of another kernel, searched, changed, reopened, exported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Notebook
from tests.browser.owning import own

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

TALK = """
chat = wb.chat(temperature=0)
chat.send("What is a token?").result(60)
other = wb.chat()
other.send("Say hello, please").result(60)
other.title = "A greeting"
"""
SHOW = "past = wb.history()\npast"


@pytest.fixture
def panel(notebook: Open, tmp_path: Path) -> Notebook:
    """Two chats of one process, and the history shown by a kernel."""
    subprocess.run([sys.executable, "-c", own(tmp_path) + TALK], check=True, timeout=120)
    opened = notebook(own(tmp_path), SHOW, "'untouched'")
    expect(chats(opened.page)).to_have_count(2)
    return opened


def chats(page: Page) -> Locator:
    return page.locator(".wb-history .wb-hr.wb-h-chat:visible")


def chat(page: Page, title: str) -> Locator:
    return chats(page).filter(has_text=title)


def menu(page: Page, title: str, item: str) -> None:
    chat(page, title).get_by_role("button", name=f"More for {title}").click()
    page.get_by_role("menuitem", name=item).click()


def test_a_search_finds_what_was_said_in_another_kernel(panel: Notebook) -> None:
    page = panel.page
    field = page.get_by_label("Search all chats")
    field.fill("hello plea")
    expect(chats(page)).to_have_count(1)
    hit = page.locator(".wb-h-hit:visible").first
    expect(hit).to_contain_text("Say hello, please")
    expect(hit.locator("mark").first).to_have_text("hello")
    expect(hit).to_contain_text("You, ")
    field.fill("zebra")
    expect(page.locator(".wb-history")).to_contain_text("No chat has these words")
    field.press("Escape")
    expect(chats(page)).to_have_count(2)


def test_rename_pin_tag_and_delete_by_a_plan(panel: Notebook) -> None:
    page = panel.page
    before = [cell["source"] for cell in panel.cells()]
    chat(page, "A greeting").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Hello and more")
    page.keyboard.press("Enter")
    expect(chat(page, "Hello and more")).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator(".wb-history .wb-hgroup:visible").first).to_have_text("Pinned")
    page.keyboard.press("t")
    page.keyboard.type("fun")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(chat(page, "Hello and more")).to_contain_text("fun")
    assert panel.python("print([(c.title, c.pinned, c.tags) for c in past if c.pinned])") == str(
        [("Hello and more", True, ("fun",))]
    )
    page.get_by_role("button", name="Tags").click()
    page.get_by_role("menuitemradio", name="fun").click()
    expect(chats(page)).to_have_count(1)
    page.get_by_role("button", name="fun", exact=True).first.click()
    page.get_by_role("menuitemradio", name="All chats").click()
    expect(chats(page)).to_have_count(2)
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    plan = page.get_by_role("alertdialog", name="Delete 2 chats")
    expect(plan.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(chats(page)).to_have_count(2)
    page.get_by_role("button", name="Clear selection").click()
    menu(page, "Hello and more", "Delete…")
    page.get_by_role("alertdialog", name="Delete 1 chat").get_by_role("button", name="Delete, free").click()
    expect(chats(page)).to_have_count(1)
    assert panel.python("print(len(past), past.search('hello'))") == "1 []"
    assert [cell["source"] for cell in panel.cells()] == before


def test_open_puts_a_cell_and_the_chat_goes_on_where_it_was(panel: Notebook) -> None:
    page = panel.page
    id = panel.python("print(past.chats('token')[0].id)")
    chat(page, "What is a token?").get_by_role("button", name="Open", exact=True).click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.length === 4")
    assert panel.cells()[2]["source"] == f'wb.reopen("{id}")'
    panel.run_all()
    panel.python(f"chat = wb.reopen({id!r})")
    assert (
        panel.python("print([m.role for m in chat.messages], chat.options.temperature)") == "['user', 'assistant'] 0.0"
    )
    transcript = page.locator(".wb-chat")
    expect(transcript).to_contain_text("What is a token?")
    panel.python("chat.send('And a word?').result(60)")
    assert panel.python("print([m.role for m in chat.messages])") == str(["user", "assistant"] * 2)
    expect(chat(page, "What is a token?")).to_contain_text("open")
    page.get_by_label("Search all chats").fill("and a word")
    expect(page.locator(".wb-h-hit:visible").first).to_contain_text("And a word?")


def test_the_exports_are_right(panel: Notebook, notebook: Open, tmp_path: Path) -> None:
    page = panel.page
    texts = {}
    items = {"Markdown": "md", "JSON": "json", "HTML page": "html", "Notebook": "ipynb", "Python": "py"}
    for item, suffix in items.items():
        with page.expect_download() as download:
            menu(page, "What is a token?", f"Export: {item}")
        assert download.value.suggested_filename == f"what-is-a-token.{suffix}"
        texts[suffix] = Path(download.value.path()).read_text()
    assert "tok/s" in texts["md"]
    assert "## builtin" in texts["md"]
    assert len(json.loads(texts["json"])["chats"][0]["messages"]) == 2
    assert "<script" not in texts["html"]
    assert "What is a token?" in texts["html"]
    compile(texts["py"], "chat.py", "exec")
    book = nbformat.reads(texts["ipynb"], as_version=4)
    nbformat.validate(book)
    code = next(cell.source for cell in book.cells if cell.cell_type == "code")
    again = notebook(own(tmp_path), code)
    expect(again.page.locator(".wb-chat")).to_contain_text("What is a token?")
    assert (
        again.python("print([m.role for m in chat.messages], chat.options.temperature)") == "['user', 'assistant'] 0.0"
    )
    again.python("chat.send('Thank you').result(60)", timeout=90)


def test_usage_is_a_picture_with_the_runs_of_every_kernel(notebook: Open, tmp_path: Path) -> None:
    opened = notebook(own(tmp_path), TALK, "wb.usage()")
    picture = opened.page.locator(".jp-OutputArea svg[role=img]")
    expect(picture).to_contain_text("builtin")
    expect(picture.locator("rect title").first).to_contain_text("builtin")
    assert opened.python("print(wb.usage().total[0].runs)") == "2"
    outputs = opened.cells()[-1]["outputs"][0]["data"]
    assert set(outputs) >= {"text/html", "text/plain", "image/svg+xml"}
