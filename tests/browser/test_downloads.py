"""Downloads as a person meets them in JupyterLab: a hub on loopback with a pace, real files, real clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Notebook
from tests.browser.owning import own
from tests.servers.hub import Hub, HubServer, mlx_repo

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

MODEL = "mlx-community/Qwen3-4B-4bit"
OTHER = "mlx-community/Llama-3.2-3B-Instruct-4bit"
SIZE = 4_000_000
SLOW = 400_000
"""Bytes a second of each connection: a download takes some seconds."""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer(Hub([mlx_repo(MODEL, weights=SIZE), mlx_repo(OTHER, weights=SIZE)])) as server:
        server.hub.bps = SLOW
        yield server


def row(page: Page, model: str = MODEL, view: int = 0) -> Locator:
    return page.locator(".wb-downloads").nth(view).get_by_role("listitem").filter(has_text=model.split("/")[1]).first


def moving(page: Page, percent: int = 5) -> None:
    """Until the first row's bar says more than that."""
    script = "at => +document.querySelector('.wb-ditem [role=progressbar]')?.ariaValueNow > at"
    page.wait_for_function(script, arg=percent)


def press(row: Locator, name: str) -> None:
    row.get_by_role("button", name=name, exact=True).click()


def test_one_download_pauses_and_resumes_to_the_byte(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    opened = notebook(own(tmp_path, hub.url), f"d = wb.download({MODEL!r})\nd")
    page = opened.page
    expect(page.get_by_role("region", name="Download of Qwen3-4B-4bit")).to_be_visible()
    expect(page.locator(".wb-dfiles")).to_contain_text("model.safetensors")
    moving(page, 15)
    press(row(page), "Pause")
    expect(row(page)).to_contain_text("Paused at")
    assert opened.python("print(d.status)") == "paused"
    kept = int(opened.python("print(d.progress.done)"))
    assert 0.1 * SIZE < kept < 0.9 * SIZE
    hub.hub.bps = 0
    press(row(page), "Resume")
    expect(row(page)).to_contain_text("Done and verified")
    expect(page.locator(".wb-dfiles")).to_contain_text("verified")
    assert opened.python("print(d.result(5).id)") == MODEL
    assert hub.hub.sent("cdn|resolve") < 1.2 * SIZE


def test_cancel_keeps_what_came_and_a_finished_list_can_be_cleared(
    notebook: Open, hub: HubServer, tmp_path: Path
) -> None:
    opened = notebook(own(tmp_path, hub.url), f"d = wb.download({MODEL!r})", "wb.downloads()")
    page = opened.page
    moving(page, 10)
    expect(page.locator(".wb-dtot")).to_contain_text("1 running.")
    press(row(page), "Cancel")
    expect(row(page)).to_contain_text("Cancelled at")
    hub.hub.bps = 0
    press(row(page), "Download again")
    expect(row(page)).to_contain_text("Done and verified")
    assert opened.python(f"print(wb.is_available({MODEL!r}))") == "True"
    page.get_by_role("button", name="Clear finished").click()
    expect(page.locator(".wb-downloads")).to_contain_text("Nothing is being downloaded")


def test_a_failed_one_says_why_and_retry_finishes_it(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    hub.hub.bps = 0
    hub.hub.faults.append({"path": "cdn", "method": "GET", "times": 99, "kind": "corrupt", "at": 1000})
    opened = notebook(own(tmp_path, hub.url), f"d = wb.download({MODEL!r})", "wb.downloads()")
    page = opened.page
    expect(row(page)).to_contain_text("Failed")
    expect(row(page).locator(".wb-dwhy")).to_contain_text("SHA-256")
    hub.hub.faults.clear()
    press(row(page), "Retry")
    expect(row(page)).to_contain_text("Done and verified")
    expect(row(page).locator(".wb-dwhy")).to_be_hidden()
    assert opened.python("print(d.done)") == "True"


def test_two_widgets_show_the_same_download_and_pausing_all_pauses_both(
    notebook: Open, hub: HubServer, tmp_path: Path
) -> None:
    cells = [f"d = wb.download({MODEL!r})\nd", f"wb.download({OTHER!r})\nwb.downloads()"]
    opened = notebook(own(tmp_path, hub.url), *cells)
    page = opened.page
    moving(page, 10)
    expect(
        page.locator(".wb-downloads").nth(1).get_by_role("listitem").filter(has=page.locator(".wb-d"))
    ).to_have_count(2)
    page.get_by_role("button", name="Pause all").click()
    for view in (0, 1):
        expect(row(page, view=view)).to_contain_text("Paused at")
    expect(row(page, OTHER, view=1)).to_contain_text("Paused")
    shown = [row(page, view=view).locator(".wb-d .wb-daside").inner_text() for view in (0, 1)]
    assert shown[0] == shown[1]
    expect(page.get_by_role("button", name="Resume all")).to_be_visible()


def test_chat_with_what_was_downloaded_opens_a_cell_below(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    hub.hub.bps = 0
    opened = notebook(own(tmp_path, hub.url), f"d = wb.download({MODEL!r})\nd", "'after'")
    page = opened.page
    press(row(page), "Chat")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.length === 4")
    assert opened.cells()[2]["source"] == f'wb.chat("{MODEL}")'
    expect(page.locator(".wb-downloads")).to_contain_text("Run the new cell below to chat")


def test_by_keyboard_alone_and_no_key_reaches_the_notebook(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    cells = [f"wb.download({MODEL!r}); wb.download({OTHER!r})\nwb.downloads()", "'untouched'"]
    opened = notebook(own(tmp_path, hub.url), *cells)
    page = opened.page
    moving(page)
    page.locator(".wb-dtoggle").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".wb-dtoggle").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".wb-dfiles").nth(1)).to_be_visible()
    page.keyboard.press("p")
    expect(row(page, OTHER)).to_contain_text("Paused")
    page.keyboard.press("Delete")
    expect(row(page, OTHER)).to_contain_text("Cancelled")
    for key in ("b", "d", "d", "a", "x", "Shift+Enter"):
        page.keyboard.press(key)
    assert [cell["source"] for cell in opened.cells()][1:] == cells
