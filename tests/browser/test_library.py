"""The library as a person meets it in JupyterLab: a real cache on disk, real checksums, real deletions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Notebook
from tests.browser.owning import own
from tests.servers.hub import Hub, HubServer, gguf, mlx_repo

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

SIZES = {"Llama-3.2-3B-Instruct-4bit": 1_800_000, "Qwen3-4B-4bit": 2_300_000, "phi-4-mini-4bit": 2_200_000}
FETCH = "for name in {names}: wb.download('mlx-community/' + name, wait=True)"
SHOW = "lib = wb.library()\nlib"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer(Hub([mlx_repo(f"mlx-community/{name}", weights=size) for name, size in SIZES.items()])) as server:
        yield server


@pytest.fixture
def library(notebook: Open, hub: HubServer, tmp_path: Path) -> Notebook:
    """Three models on disk, and the model that ships; the hub is there."""
    opened = notebook(own(tmp_path, hub.url), FETCH.format(names=list(SIZES)), SHOW, "'untouched'")
    expect(rows(opened.page)).to_have_count(4)
    return opened


def rows(page: Page) -> Locator:
    return page.locator(".wb-library tbody tr")


def row(page: Page, name: str) -> Locator:
    return page.locator(f".wb-library tbody tr[data-model$='{name}']")


def names(page: Page) -> list[str]:
    return page.locator(".wb-library tbody tr .wb-lname b").all_inner_texts()


def button(page: Page, name: str) -> Locator:
    return page.locator(".wb-library").get_by_role("button", name=name, exact=True)


def test_sort_select_two_and_verify(library: Notebook) -> None:
    page = library.page
    assert names(page)[:3] == ["builtin", "Qwen3-4B-4bit", "phi-4-mini-4bit"]
    button(page, "Model").click()
    assert names(page) == sorted(names(page), key=str.lower)
    button(page, "Model").click()
    expect(page.locator(".wb-library th[aria-sort=descending]")).to_have_text("Model")
    assert names(page) == sorted(names(page), key=str.lower, reverse=True)
    for name in ("Qwen3-4B-4bit", "phi-4-mini-4bit"):
        page.get_by_label(f"Select {name}").check()
    bar = page.get_by_role("toolbar", name="2 selected")
    expect(bar).to_contain_text("5 MB")
    bar.get_by_role("button", name="Verify").click()
    for name in ("Qwen3-4B-4bit", "phi-4-mini-4bit"):
        expect(row(page, name)).to_contain_text("today")
    expect(row(page, "Llama-3.2-3B-Instruct-4bit")).to_contain_text("not yet")
    assert library.python("print([r['verified']['state'] for r in lib.rows].count('ok'))") == "2"


def test_a_flipped_byte_is_found_and_repaired(library: Notebook) -> None:
    page = library.page
    flip = """
f = next(home.rglob("snapshots/*/model.safetensors")); name = [p for p in f.parts if "--" in p][0].split("--")[-1]
f = f.resolve(); b = bytearray(f.read_bytes()); b[-1] ^= 1; f.write_bytes(b); print(name)"""
    name = library.python(flip)
    row(page, name).get_by_role("button", name=f"More for {name}").click()
    page.get_by_role("menuitem", name="Verify").click()
    expect(row(page, name)).to_contain_text("differs")
    row(page, name).get_by_role("button", name="Repair").click()
    expect(row(page, name)).not_to_contain_text("differs")
    expect(row(page, name)).to_contain_text("today")


def test_a_plan_says_what_it_frees_and_deletes_only_when_told(library: Notebook, tmp_path: Path) -> None:
    page = library.page
    cache = tmp_path / "huggingface/hub"
    for name in ("Qwen3-4B-4bit", "phi-4-mini-4bit"):
        page.get_by_label(f"Select {name}").check()
    button(page, "Delete").click()
    plan = page.get_by_role("alertdialog", name="Delete 2 models")
    expect(plan).to_contain_text("Frees 5 MB")
    expect(plan.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(plan).to_be_hidden()
    expect(rows(page)).to_have_count(4)
    button(page, "Delete").click()
    page.get_by_role("button", name="Delete, free 5 MB").click()
    expect(rows(page)).to_have_count(2)
    expect(plan).to_be_hidden()
    kept = {path.name for path in cache.glob("models--*")}
    assert kept == {"models--mlx-community--Llama-3.2-3B-Instruct-4bit"}
    assert sum(file.stat().st_size for file in cache.rglob("*") if file.is_file() and not file.is_symlink()) < 2.1e6
    expect(page.locator(".wb-ltop")).to_contain_text("in 2 models")


def test_a_gguf_is_imported_by_the_picker_and_a_pickle_is_refused(
    notebook: Open, hub: HubServer, tmp_path: Path
) -> None:
    folder = tmp_path / "person/Models"
    folder.mkdir(parents=True)
    (folder / "tiny-Q4_K_M.gguf").write_bytes(gguf("tiny", 300_000, seed="picker"))
    (folder / "broken.gguf").write_bytes(b"<!doctype html><title>Not found</title>")
    opened = notebook(own(tmp_path, hub.url), SHOW)
    page = opened.page
    expect(rows(page)).to_have_count(1)
    button(page, "Import").click()
    dialog = page.get_by_role("dialog", name="Import a model")
    dialog.get_by_role("option", name="Models").click()
    dialog.get_by_role("option", name="broken.gguf").click()
    dialog.get_by_role("button", name="Import this file").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is a web page, not a model")
    dialog.get_by_role("option", name="tiny-Q4_K_M.gguf").click()
    dialog.get_by_role("button", name="Import this file").click()
    expect(dialog).to_be_hidden()
    expect(rows(page).filter(has_text="tiny-Q4_K_M")).to_contain_text("GGUF")
    assert (folder / "tiny-Q4_K_M.gguf").exists()
    assert "tiny" in opened.python("print([r['name'] for r in lib.rows])")


def test_by_keyboard_alone_and_no_key_reaches_the_notebook(library: Notebook) -> None:
    page = library.page
    before = [cell["source"] for cell in library.cells()]
    page.get_by_label("Find a model").focus()
    page.keyboard.type("bit")
    expect(rows(page)).to_have_count(3)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Select Qwen3-4B-4bit")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_role("toolbar", name="2 selected")).to_be_visible()
    for key in ("b", "d", "d", "x", "Shift+Enter"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu", name="phi-4-mini-4bit")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    keep = page.get_by_role("alertdialog").get_by_role("button", name="Keep")
    expect(keep).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Delete, free 5 MB")).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    assert [cell["source"] for cell in library.cells()] == before


def test_a_model_for_new_chats_is_said_so_and_chat_opens_a_cell(library: Notebook) -> None:
    page = library.page
    page.get_by_label("More for Qwen3-4B-4bit").click()
    page.get_by_role("menuitem", name="Chat", exact=True).click()
    expect(row(page, "Qwen3-4B-4bit")).to_contain_text("new chats")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.length === 5")
    assert library.cells()[3]["source"] == 'wb.chat("mlx-community/Qwen3-4B-4bit")'
