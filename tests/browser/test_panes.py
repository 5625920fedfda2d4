"""Chats side by side as a person meets them in JupyterLab: type once, several answer; stop, change and keep one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Notebook
from tests.browser.owning import own

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

MODELS = """
from workbench.engines.scripted import Echo, Say, Script
from workbench.services.local import LocalChatService
from workbench.services.registry import Services

def model(name, *answering):
    path = home / f"{name}.json"
    Script(answering=answering).save(path)
    return str(path)

endless, echo = model("endless", Say("and on ", times=100_000, rate=50)), model("echo", Echo())
services = Services(LocalChatService(engine="scripted"))
"""
SHOW = "panes = wb.panes([endless, echo], services=services); panes"

COPIED = """words => {
  const cells = window.jupyterapp.shell.currentWidget.content.model.toJSON().cells;
  return JSON.stringify(cells.flatMap(cell => cell.outputs ?? [])).includes(words);
}"""
"""Whether the copy that is saved with the notebook has these words."""


@pytest.fixture
def opened(notebook: Open, tmp_path: Path) -> Notebook:
    """Two chats: one model that never ends, and one that says what it was asked."""
    found = notebook(own(tmp_path) + MODELS, SHOW)
    expect(found.page.locator(".wb-pane")).to_have_count(2)
    return found


def pane(page: Page, at: int) -> Locator:
    return page.locator(".wb-pane").nth(at)


def box(page: Page) -> Locator:
    return page.locator(".wb-panes > .wb-comp textarea")


def test_type_once_two_answer_in_turn_stop_one_change_it_and_keep_it(opened: Notebook) -> None:
    page = opened.page
    box(page).fill("Hello there")
    box(page).press("Enter")
    for at in (0, 1):
        expect(pane(page, at).locator(".wb-usr .wb-txt")).to_have_text("Hello there")
    expect(pane(page, 0).locator(".wb-answer > .wb-md")).to_contain_text("and on and on")
    expect(pane(page, 1)).to_contain_text("Waits, 1 before it")
    heights = page.locator(".wb-pgrid").evaluate("grid => [...grid.children].map(pane => pane.offsetHeight)")
    assert len(set(heights)) == 1

    pane(page, 0).get_by_role("button", name="Stop this one").click()  # the other's turn has come
    expect(pane(page, 0).locator(".wb-ft")).to_contain_text("Stopped")
    expect(pane(page, 1).locator(".wb-answer > .wb-md")).to_have_text("Hello there")

    opened.python("panes.chats[0].model = echo")
    expect(pane(page, 0).locator(".wb-pnum")).to_have_text("1")
    pane(page, 0).get_by_role("button", name="Regenerate").last.click()
    expect(pane(page, 0).locator(".wb-answer > .wb-md")).to_have_text("Hello there")
    expect(pane(page, 0).locator(".wb-answer .wb-sib")).to_contain_text("2 / 2")

    pane(page, 1).locator(".wb-hd").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Keep only this one").click()
    expect(page.locator(".wb-pane")).to_have_count(1)
    expect(box(page)).to_have_attribute("placeholder", "Message echo.json")
    box(page).fill("Alone now")
    box(page).press("Enter")
    expect(pane(page, 0).locator(".wb-answer > .wb-md").last).to_have_text("Alone now")
    source = opened.cells()[-1]["source"]
    assert source.startswith("wb.reopen(")
    assert opened.python(f"print(len({source}.messages))") == "4"
    expect(page.locator(".wb-panes")).to_contain_text("run the new cell below")


def test_all_are_stopped_at_once_where_there_is_room_for_one_a_tab_shows_it(opened: Notebook) -> None:
    page = opened.page
    page.set_viewport_size({"width": 720, "height": 800})
    try:
        expect(pane(page, 1)).to_be_hidden()
        box(page).fill("Hello there")
        box(page).press("Enter")
        expect(pane(page, 0).locator(".wb-answer > .wb-md")).to_contain_text("and on and on")
        page.locator(".wb-ptabs [role=tab]").first.focus()
        page.keyboard.press("ArrowRight")
        expect(pane(page, 1)).to_contain_text("Waits, 1 before it")
        expect(pane(page, 0)).to_be_hidden()
        page.get_by_role("button", name="Stop both").click()
        expect(page.get_by_role("button", name="Stop both")).to_be_hidden()
        assert opened.python("print({chat.last.status for chat in panes.chats})") == "{'cancelled'}"
        page.wait_for_function(COPIED, arg="Hello there")
    finally:
        page.set_viewport_size({"width": 1200, "height": 800})
