"""Side by side as a person meets it in JupyterLab: a grid that fills, opened, compared, voted on, taken along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Notebook
from tests.browser.owning import own

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

COPIED = """words => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.some(cell =>
  JSON.stringify(cell.toJSON().outputs ?? []).includes(words))"""
MODELS = """
from workbench.engines.scripted import Echo, Say, Script
from workbench.services.local import LocalChatService
from workbench.services.registry import Services

def model(name, *answering):
    path = home / f"{name}.json"
    Script(answering=answering).save(path)
    return str(path)

models = [model("echo", Echo()), model("legs", Say("A spider has **eight** legs. ", times=3))]
services = Services(LocalChatService(engine="scripted"))
"""
SHOW = """
cmp = wb.compare(["How many legs has a spider?", "And an ant?"], models, services=services, name="legs",
                 scorers=[wb.scorers.contains("eight")])
cmp
"""


@pytest.fixture
def panel(notebook: Open, tmp_path: Path) -> Notebook:
    """Two prompts by two models, all answered."""
    opened = notebook(own(tmp_path) + MODELS, SHOW)
    expect(grid(opened.page).locator('.wb-c[data-status="done"]')).to_have_count(4)
    expect(cell(opened.page, 1, 1)).to_contain_text("best 1")
    return opened


def grid(page: Page) -> Locator:
    return page.locator(".wb-compare [role=grid]")


def cell(page: Page, row: int, column: int) -> Locator:
    return grid(page).locator(f".wb-gr[aria-rowindex='{row}'] .wb-c").nth(column)


def test_the_grid_fills_and_a_cell_opens_with_its_receipt(panel: Notebook) -> None:
    page = panel.page
    expect(page.locator(".wb-bar1")).to_contain_text("4 cells")
    cell(page, 1, 0).focus()
    page.keyboard.press("ArrowRight")
    expect(cell(page, 1, 1)).to_be_focused()
    page.keyboard.press("Enter")
    below = page.locator(".wb-cbelow")
    expect(below.locator(".wb-md strong").first).to_have_text("eight")
    below.get_by_role("button", name="Previous cell").click()
    expect(below).to_contain_text("How many legs has a spider?")
    below.get_by_role("radio", name="4").click()
    expect(below.get_by_role("radio", name="4")).to_be_checked()
    assert panel.python("print(cmp.cell(0, 0).rating)") == "4"
    below.get_by_text("Full receipt").click()
    expect(below.locator("pre")).to_contain_text('"versions"')
    page.keyboard.press("Escape")
    expect(below).to_have_count(0)


def test_two_cells_word_by_word_by_keys(panel: Notebook) -> None:
    page = panel.page
    cell(page, 1, 0).focus()
    page.keyboard.press("d")
    diff = page.get_by_role("region", name="Difference")
    expect(diff.locator("ins").first).to_contain_text("eight")
    diff.get_by_role("button", name="In one").click()
    expect(diff.locator("del").first).to_be_visible()


def test_a_blind_vote_by_keys_is_kept_in_the_comparison(panel: Notebook) -> None:
    page = panel.page
    page.get_by_role("button", name="Blind vote").click()
    vote = page.locator(".wb-cvote")
    expect(vote).to_contain_text("0 of 2")
    expect(grid(page)).to_be_hidden()
    expect(vote).not_to_contain_text("echo")
    page.keyboard.press("1")
    expect(vote).to_contain_text("1 of 2")
    page.keyboard.press("2")
    expect(vote).to_contain_text("2 votes, names shown")
    expect(vote).to_contain_text("cannot be told apart with 2 votes")
    assert panel.python("print(cmp.vote.choices)") == "(0, 'tie')"
    vote.get_by_role("button", name="Back to the grid").click()
    expect(grid(page)).to_be_visible()


def test_columns_move_and_the_exports_follow(panel: Notebook) -> None:
    page = panel.page
    heads = page.locator(".wb-compare .wb-ch .wb-l1")
    first = heads.first.inner_text()
    page.get_by_role("button", name=f"Options of {first.strip()}").click()
    page.get_by_role("menuitem", name="Hide").click()
    expect(heads).to_have_count(1)
    texts = {}
    for item, suffix in (("CSV", "csv"), ("JSON", "json"), ("HTML page", "html"), ("Markdown", "md")):
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=item, exact=False).first.click()
        assert download.value.suggested_filename == f"legs.{suffix}"
        texts[suffix] = Path(download.value.path()).read_text()
    cells = json.loads(texts["json"])["cells"]
    assert [each["status"] for each in cells] == ["done", "done"]
    assert all("eight" in text for text in texts.values())


def test_the_narrow_grid_shows_one_column_at_a_time(panel: Notebook) -> None:
    page = panel.page
    page.evaluate("() => { document.querySelector('.wb-compare').parentElement.style.width = '480px'; }")
    expect(grid(page).locator(".wb-gr[aria-rowindex='1'] .wb-c")).to_have_count(1)
    cell(page, 1, 0).focus()
    page.keyboard.press("ArrowRight")
    expect(cell(page, 1, 0)).to_contain_text("eight")
    page.locator(".wb-cstrip").get_by_role("tab").first.click()
    expect(cell(page, 1, 0)).to_contain_text("How many legs")


def test_the_notebook_saved_after_a_sweep_shows_its_answers(panel: Notebook) -> None:
    def copy() -> str:
        outputs = [output for each in panel.cells() for output in each.get("outputs", [])]
        return "".join(str(output.get("data", {}).get("text/html", "")) for output in outputs)

    panel.page.wait_for_function(COPIED, arg="4 of 4")
    assert "A spider has" in copy()
    assert panel.python("cmp.add_prompts(['A third question?']); print(cmp.wait(20))") == "True"
    panel.page.wait_for_function(COPIED, arg="6 of 6")
    panel.save()
    saved = panel.file.read_text()
    assert "A third question?" in saved
    assert "6 of 6" in saved


def test_a_row_added_in_a_cell_appears_and_fills(panel: Notebook) -> None:
    page = panel.page
    panel.python("cmp.add_prompts(['A third question?'])")
    expect(cell(page, 3, 0)).to_contain_text("A third question?")
    assert panel.python("print(cmp.wait(20), len(cmp.cells()))") == "True 6"
    cell(page, 3, 0).focus()
    page.keyboard.press("r")
    expect(cell(page, 3, 0)).to_have_attribute("data-status", "done")
