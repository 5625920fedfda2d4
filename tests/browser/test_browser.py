"""The model browser as a person meets it in JupyterLab: a hub on loopback, real files, real clicks, a real answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Notebook
from tests.browser.owning import own
from tests.servers.hub import Hub, HubServer, builtin_repo, gguf_repo, mlx_repo

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

TALKER = "mlx-community/Talker-3M-fp16"
"""It is the model that ships, so it answers."""
QWEN = "mlx-community/Qwen3-4B-4bit"
SLOW = 1_500_000
"""Bytes a second of each connection: a download can be watched."""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    repos = [
        builtin_repo(TALKER, downloads=900, likes=9),
        mlx_repo(QWEN, downloads=48_700, likes=312),
        mlx_repo("mlx-community/Qwen3-8B-8bit", bits=8, downloads=39_100, likes=287),
        mlx_repo("acme/Gated-1B-4bit", gated="manual", downloads=10),
        gguf_repo("bartowski/Qwen3-4B-GGUF", ("Q4_K_M", "Q8_0"), downloads=30_000, likes=88),
    ]
    with HubServer(Hub(repos)) as server:
        yield server


def opened(notebook: Open, home: Path, hub: str, call: str = "wb.browse()") -> Notebook:
    """A notebook with a browser, once its first rows are there."""
    found = notebook(own(home, hub), f"b = {call}\nb")
    rows(found.page).first.wait_for()
    return found


def rows(page: Page) -> Locator:
    return page.locator(".wb-browser .wb-r:not([hidden])")


def row(page: Page, model: str) -> Locator:
    return rows(page).filter(has=page.locator(f'b[title="{model}"]'))


def box(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search models")


def focused(page: Page) -> str:
    """The id of the model whose row has the focus."""
    found: str = page.evaluate("() => document.activeElement.querySelector('.wb-nm b')?.title ?? ''")
    return found


def test_typing_filters_the_list_and_the_kernel_knows(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    page = (lab := opened(notebook, tmp_path, hub.url)).page
    expect(rows(page)).to_have_count(5)
    box(page).press_sequentially("qwen 8bit")
    expect(rows(page)).to_have_count(1)
    expect(row(page, "mlx-community/Qwen3-8B-8bit")).to_be_visible()
    assert lab.python("print([m.id for m in b.results])") == "['mlx-community/Qwen3-8B-8bit']"
    lab.python("b.search('talker')")
    expect(row(page, TALKER)).to_be_visible()
    expect(rows(page)).to_have_count(1)


def test_a_filter_is_chosen_with_its_count_and_cleared(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    page = opened(notebook, tmp_path, hub.url).page
    page.get_by_role("button", name="Quantization").click()
    choices = page.get_by_role("dialog", name="Quantization")
    expect(choices.locator("label", has_text="4-bit")).to_contain_text("2")
    choices.get_by_label("4-bit").check()
    expect(rows(page)).to_have_count(2)
    page.keyboard.press("Escape")
    expect(choices).to_be_hidden()
    page.get_by_role("button", name="Any quantization").click()
    expect(rows(page)).to_have_count(5)


def test_a_card_says_what_it_is_what_is_needed_and_how_it_fits(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    lab = opened(notebook, tmp_path, hub.url)
    page = lab.page
    row(page, QWEN).click()
    card = page.locator(".wb-browser .wb-card")
    expect(card).to_contain_text("A model of the tests.")
    expect(card).to_contain_text("Files, 4 of 6 needed")
    expect(card).to_contain_text("KV cache for 8,192 tokens")
    expect(card).to_contain_text("MIT")
    card.get_by_role("slider", name="Context length").press("ArrowLeft")
    expect(card).to_contain_text("KV cache for 4,096 tokens")
    assert lab.python("print(b.view()['card']['context'])") == "4096"
    row(page, QWEN).click()
    expect(card).to_have_count(0)


def test_a_click_downloads_the_badge_follows_and_the_model_answers(
    notebook: Open, hub: HubServer, tmp_path: Path
) -> None:
    hub.hub.bps = SLOW
    lab = opened(notebook, tmp_path, hub.url)
    page = lab.page
    talker = row(page, TALKER)
    talker.get_by_role("button", name="Download").click()
    bar = talker.get_by_role("progressbar")
    expect(bar).to_be_visible()
    page.wait_for_function("bar => +bar.ariaValueNow > 5", arg=bar.element_handle())
    first = int(bar.get_attribute("aria-valuenow") or 0)
    page.wait_for_function(
        "([bar, first]) => +bar.ariaValueNow > first + 5 || bar.hidden", arg=[bar.element_handle(), first]
    )
    hub.hub.bps = 0
    expect(talker.locator(".wb-bdg", has_text="downloaded")).to_be_visible(timeout=30_000)
    assert lab.python(f"print(wb.is_available({TALKER!r}))") == "True"
    before = len(lab.cells())
    talker.get_by_role("button", name="Chat").click()
    expect(page.locator(".wb-browser")).to_contain_text("The cell below opens a chat with it")
    assert [cell["source"] for cell in lab.cells()][before:] == [f'wb.chat("{TALKER}")']
    assert lab.python("print(wb.ask('hello'))", timeout=60) != ""
    expect(talker.locator(".wb-bdg", has_text="loaded")).to_be_visible()
    lab.run_all()
    chat = page.get_by_role("region", name="Chat with Talker-3M-fp16")
    chat.get_by_label("Message", exact=True).fill("hello")
    chat.get_by_label("Message", exact=True).press("Enter")
    expect(chat.locator(".wb-answer > .wb-md").first).to_contain_text(" ", timeout=60_000)


def test_a_download_is_paused_resumed_and_seen_from_code(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    hub.hub.bps = SLOW // 4
    lab = opened(notebook, tmp_path, hub.url)
    page = lab.page
    lab.python(f"d = b.download({TALKER!r})")
    talker = row(page, TALKER)
    talker.get_by_role("button", name="Pause").click()
    expect(talker).to_contain_text("Paused")
    assert lab.python("print(d.status)") == "paused"
    hub.hub.bps = 0
    talker.get_by_role("button", name="Resume").click()
    expect(talker.locator(".wb-bdg", has_text="downloaded")).to_be_visible(timeout=30_000)


def test_a_model_is_deleted_by_a_plan_and_keep_is_in_focus(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    lab = opened(notebook, tmp_path, hub.url)
    page = lab.page
    lab.python(f"wb.download({QWEN!r}).result(30)")
    qwen = row(page, QWEN)
    expect(qwen.locator(".wb-bdg", has_text="downloaded")).to_be_visible()
    for choice in ("Keep", "Delete, free"):
        qwen.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="Delete…").click()
        asked = page.get_by_role("alertdialog", name="Delete Qwen3-4B-4bit?")
        expect(asked.get_by_role("button", name="Keep")).to_be_focused()
        asked.get_by_role("button", name=choice).click()
        expect(asked).to_be_hidden()
        here = choice == "Keep"
        expect(qwen.get_by_role("button", name="Chat" if here else "Download")).to_be_visible()
        assert lab.python(f"print(wb.is_available({QWEN!r}))") == str(here)


def test_without_a_network_the_index_is_searched_and_it_says_so(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    lab = opened(notebook, tmp_path, hub.url)
    lab.python("import os; os.environ['HF_ENDPOINT'] = 'http://127.0.0.1:9'")
    page = lab.page
    box(page).fill("qwen")
    expect(rows(page)).to_have_count(3)
    expect(page.locator(".wb-browser .wb-off")).to_contain_text("No network. Searching the 5 models")
    expect(row(page, QWEN).get_by_role("button", name="When online")).to_be_disabled()
    lab.python(f"os.environ['HF_ENDPOINT'] = {hub.url!r}")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".wb-browser .wb-off")).to_be_hidden()


def test_nothing_found_says_what_to_loosen(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    page = opened(notebook, tmp_path, hub.url).page
    box(page).fill("qwen vision")
    expect(page.locator(".wb-browser .wb-none")).to_contain_text("Without vision there are 3")
    page.get_by_role("button", name="Drop “vision”").click()
    expect(rows(page)).to_have_count(3)
    expect(box(page)).to_have_value("qwen")


def test_the_keyboard_alone_finds_opens_and_downloads(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    lab = opened(notebook, tmp_path, hub.url)
    page = lab.page
    cells = len(lab.cells())
    page.get_by_role("button", name="Sort: Quality score").focus()
    page.keyboard.press("/")
    expect(box(page)).to_be_focused()
    page.keyboard.type("qwen3")
    expect(rows(page)).to_have_count(3)
    page.keyboard.press("ArrowDown")
    first = focused(page)
    assert first
    page.keyboard.press("ArrowDown")
    second = focused(page)
    assert second not in ("", first)
    page.keyboard.press("Enter")
    expect(page.locator(".wb-browser .wb-card")).to_be_visible()
    assert focused(page) == second
    page.keyboard.press("Escape")
    expect(page.locator(".wb-browser .wb-card")).to_have_count(0)
    page.keyboard.press("d")
    expect(row(page, second).locator(".wb-bdg", has_text="downloaded")).to_be_visible(timeout=30_000)
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.activeElement.textContent") == "Chat"
    page.keyboard.press("Escape")
    page.keyboard.press("b")  # JupyterLab would insert a cell
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(box(page)).to_be_focused()
    assert len(lab.cells()) == cells


def test_a_row_far_down_is_reached_and_read(notebook: Open, hub: HubServer, tmp_path: Path) -> None:
    for n in range(150):
        hub.hub.add(mlx_repo(f"many/Model-{n:03}-4bit", weights=2000, downloads=1000 - n))
    lab = opened(notebook, tmp_path, hub.url, "wb.browse('many')")
    page = lab.page
    expect(page.locator(".wb-browser .wb-sum")).to_contain_text("150 models")
    assert rows(page).count() < 40, "rows out of sight are not drawn"
    rows(page).first.focus()
    page.keyboard.press("End")
    expect(page.locator(".wb-browser .wb-r:focus")).to_have_attribute("aria-rowindex", "150")
    expect(page.locator(".wb-browser .wb-r:focus b").first).to_have_text("Model-149-4bit")
    page.keyboard.press("Home")
    expect(page.locator(".wb-browser .wb-r:focus b").first).to_have_text("Model-000-4bit")
