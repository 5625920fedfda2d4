"""Fixtures for tests in a real JupyterLab, in a real Chromium.

    def test_it_answers(notebook):
        open_notebook = notebook("import workbench as wb", "chat = wb.chat(); chat")   # written, opened, run
        page = open_notebook.page                                                      # Playwright's Page
        page.locator(".wb-chat").wait_for()
        assert open_notebook.python("len(chat.messages)") == "0"                       # asks the kernel

`notebook(*cells, run=True)` gives a `lab.Notebook`, each with a kernel of its own: `page`, `open` (again: a
reload; `save` first), `command`, `run_all`, `python`, `busy`, `cells`, `save`, `file`, `theme`, `problems`.
One JupyterLab and one Chromium serve a whole session (each worker of xdist has its own). A test that fails
leaves a picture in ``shots/``; `shot(page, name)` leaves one on purpose. A test whose page reported an error
fails, unless it empties `problems` itself. Wait for what you mean, never for a time:
``page.wait_for_function("() => ...")``, ``locator.wait_for()``, ``expect(locator).to_have_text(...)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.browser.lab import Lab, Notebook, launch, write_notebook

SHOTS = Path(__file__).parent / "shots"
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def context() -> Iterator[BrowserContext]:
    """One for all tests, so that JupyterLab's scripts are fetched once."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        context = chromium.new_context(viewport={"width": 1200, "height": 800})
        context.set_default_timeout(15_000)
        yield context
        chromium.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture
def notebook(lab: Lab, context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Callable[..., Notebook]]:
    opened: list[Notebook] = []

    def make(*cells: str, run: bool = True) -> Notebook:
        path = re.sub(r"\W+", "_", f"{request.node.name}_{len(opened)}") + ".ipynb"
        write_notebook(lab.folder / path, *cells)
        new = Notebook(context.new_page(), lab, path)
        opened.append(new)
        new.open()
        if run:
            new.run_all()
        return new

    yield make
    failed = request.node.stash.get(FAILED, False)
    for each in opened:
        if failed:
            shot(each.page, f"failed_{Path(each.path).stem}")
        each.close()
    if not failed:
        assert [problem for each in opened for problem in each.problems] == []


@pytest.fixture
def shot_page() -> Callable[[Page, str], Path]:
    return shot


def shot(page: Page, name: str) -> Path:
    """Save a picture of the page in ``shots/``."""
    SHOTS.mkdir(exist_ok=True)
    path = SHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path
