"""The settings as a person meets them in JupyterLab: a real server that wants a key, a real file, a keyring."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import workbench.builtin
from tests.browser.lab import Notebook
from tests.browser.owning import own
from tests.servers.llama_cpp import llama_cpp_server

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

KEY = "open-sesame-4711"
RING = """
import json, keyring, keyring.backend
class Ring(keyring.backend.KeyringBackend):
    priority = 5
    file = home / "ring.json"
    def all(self): return json.loads(self.file.read_text()) if self.file.exists() else {}
    def get_password(self, service, username): return self.all().get(username)
    def set_password(self, service, username, password):
        self.file.write_text(json.dumps({**self.all(), username: password}))
    def delete_password(self, service, username):
        self.file.write_text(json.dumps({k: v for k, v in self.all().items() if k != username}))
keyring.set_keyring(Ring())
"""
SHOW = "s = wb.settings()\ns"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with llama_cpp_server(workbench.builtin.path("gguf"), key=KEY) as found:
        yield found


@pytest.fixture
def settings(notebook: Open, tmp_path: Path) -> Callable[[], Notebook]:
    """The settings in a notebook with a kernel of its own; every one is of the same person."""

    def make() -> Notebook:
        opened = notebook(own(tmp_path) + RING, SHOW, "'untouched'")
        panel(opened.page).get_by_role("tab", name="Servers").wait_for()
        return opened

    return make


def panel(page: Page) -> Locator:
    return page.locator(".wb-settings:visible")


def server(page: Page, name: str) -> Locator:
    return panel(page).locator(f"[data-server='{name}']")


def button(page: Page, name: str) -> Locator:
    return panel(page).get_by_role("button", name=name, exact=True)


def field(page: Page, name: str) -> Locator:
    return panel(page).get_by_label(name, exact=True).locator("visible=true")


def add(page: Page, url: str, key: str) -> Locator:
    """Fill the form and press its button; the form."""
    button(page, "Add").click()
    form = panel(page).get_by_role("dialog", name="Add a server")
    field(page, "Address").fill(f"{url.removeprefix('http://')}/chat/completions")
    expect(form).to_contain_text(f"Will be saved as {url}")
    field(page, "Name").fill("lab")
    field(page, "Key").fill(key)
    button(page, "Test and save").click()
    expect(field(page, "Key")).to_have_value("")
    return form


def test_a_server_is_added_tested_and_there_in_a_new_kernel(
    settings: Callable[[], Notebook], url: str, tmp_path: Path
) -> None:
    first = settings()
    page = first.page
    form = add(page, url, KEY)
    expect(form).to_contain_text("1 model, streams.")
    form.get_by_role("button", name="Close", exact=True).click()
    expect(server(page, "lab")).to_contain_text("1 model, ")
    expect(server(page, "lab")).to_contain_text("system keyring")
    expect(server(page, "lab")).to_contain_text("builtin answers.")
    assert len(first.cells()) == 3
    first.save()
    assert KEY not in first.file.read_text()
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert [path.name for path in kept] == ["ring.json"]

    second = settings()
    expect(server(second.page, "lab")).to_contain_text("key not read yet")
    button(second.page, "Test lab").click()
    expect(server(second.page, "lab")).to_contain_text("The first piece came after")
    assert second.python("print(wb.ask('hello', model='lab:builtin').text != '')") == "True"
    second.save()
    assert KEY not in second.file.read_text()


def test_a_wrong_key_is_said_in_words_and_mended_in_the_form(settings: Callable[[], Notebook], url: str) -> None:
    opened = settings()
    page = opened.page
    form = add(page, url, "wrong")
    expect(form.locator(".wb-steps li").nth(2)).to_contain_text("key")
    expect(form).to_contain_text("One-token answer, streaming: not tried")
    expect(form).to_contain_text("Saved; it can be mended here.")
    field(page, "Key").fill(KEY)
    button(page, "Test and save").click()
    expect(form).to_contain_text("1 model, streams.")
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()
    expect(button(page, "Add")).to_be_focused()
    button(page, "More for lab").press("Enter")
    page.get_by_role("menuitem", name="Remove…").click()
    panel(page).get_by_role("alertdialog").get_by_role("button", name="Remove", exact=True).click()
    expect(server(page, "lab")).to_have_count(0)
    assert opened.python("print((home / 'ring.json').read_text())") == "{}"


def test_what_is_set_is_in_the_file_and_a_broken_file_says_its_line(settings: Callable[[], Notebook]) -> None:
    opened = settings()
    page = opened.page
    panel(page).get_by_role("switch", name="Use the fallback").uncheck()
    button(page, "Default model: the one that ships").click()
    page.keyboard.type("built")
    panel(page).get_by_role("option", name="builtin").wait_for()
    page.keyboard.press("Enter")
    expect(button(page, "Default model: builtin")).to_be_visible()
    panel(page).get_by_role("tab", name="Models and memory").click()
    field(page, "Memory for models, GB").fill("8.5")
    page.keyboard.press("Tab")
    read = "v = s.values; print(v.use_fallback, v.default_model, v.memory_budget)"
    deadline = time.monotonic() + 15
    while (now := opened.python(read)) != "False builtin 8500000000" and time.monotonic() < deadline:
        pass  # a cell may be run before the command that came first
    assert now == "False builtin 8500000000"
    assert len(opened.cells()) == 3, "no key reached the notebook"
    opened.python("s.file.write_text(s.file.read_text() + '\\nat_once = [\\n')")
    panel(page).get_by_role("tab", name="Export, import").click()
    button(page, "Read again").last.click()
    expect(panel(page)).to_contain_text("settings.toml, line ")
    expect(panel(page)).to_contain_text("The last good values hold")
    assert opened.python(read) == "False builtin 8500000000"


def test_the_saved_notebook_shows_the_settings_without_a_kernel(settings: Callable[[], Notebook], url: str) -> None:
    opened = settings()
    opened.python(f"s.add({url!r}, key={KEY!r}, name='lab') and None")
    expect(server(opened.page, "lab")).to_be_visible()
    opened.save()
    opened.open()
    copy = opened.page.locator("[data-wb-settings]")
    expect(copy).to_contain_text("Settings: ")
    assert KEY not in opened.file.read_text()
