"""Takes the README's pictures: the model that ships, in a real JupyterLab, in both themes.

    .venv-test/bin/python -m docs.pictures

Needs what the browser tests need; `python3 tests/run.py browser` sets it up.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.lab import Lab, Notebook, launch, write_notebook
from tests.servers.hub import Hub, HubServer

PICTURES = Path(__file__).resolve().parent / "pictures"
QUESTIONS = ("What is 17 plus 5?", "Write Python that reverses a string")
CHAT = "import workbench as wb\n\nchat = wb.chat()\nchat"
BROWSE = """import workbench as wb
from workbench.manager import curated, index

index.default().add([entry.model for entry in curated.entries()])  # as if the hub had been seen before
browser = wb.browse("4bit", sort="size")
browser"""

COMPARE = """import workbench as wb
from workbench import builtin

rows = [("What is 17 plus 5?", "22"), ("How do I list the models?", "wb.models()"), ("What is 9 times 6?", "54")]
rows = [{"prompt": prompt, "expected": expected} for prompt, expected in rows]
warm = {"temperature": 1.5, "seed": 4, "max_tokens": 60}
cmp = wb.compare(rows, ["builtin", str(builtin.path("gguf"))], options=[{"temperature": 0}, warm],
                 scorers=[wb.scorers.contains()])
cmp"""


def main() -> None:
    """Take all pictures, each in both themes."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, HubServer(Hub()) as hub, sync_playwright() as playwright:
        folder, state, home = (Path(temporary) / name for name in ("notebooks", "jupyter", "home"))
        folder.mkdir()
        state.mkdir()
        places = {"WORKBENCH_HOME": str(home), "HF_HOME": f"{temporary}/hf", "HF_ENDPOINT": hub.url, "HOME": temporary}
        lab = Lab(folder, state, {**places, "WORKBENCH_MEMORY": "11.5GB"})
        try:
            lab.wait()
            browser = launch(playwright)
            for name, cell, prepare, part in (
                ("chat", CHAT, conversation, ".jp-NotebookPanel"),
                ("browser", BROWSE, rows, ".wb-browser"),
                ("compare", COMPARE, answers, ".wb-compare"),
            ):
                write_notebook(folder / f"{name}.ipynb", cell)
                context = browser.new_context(viewport={"width": 1100, "height": 930}, device_scale_factor=1.5)
                notebook = Notebook(context.new_page(), lab, f"{name}.ipynb")
                notebook.open()
                if notebook.page.evaluate("() => !window.jupyterapp.shell.leftCollapsed"):
                    notebook.command("application:toggle-left-area")
                notebook.run_all()
                prepare(notebook)
                notebook.page.mouse.move(5, 5)
                for theme in ("light", "dark"):
                    notebook.theme(theme)
                    notebook.page.locator(part).first.screenshot(path=PICTURES / f"{name}-{theme}.png")
                notebook.close()
            browser.close()
        finally:
            lab.stop()


def conversation(notebook: Notebook) -> None:
    """Have a short one."""
    page = notebook.page
    box = page.locator(".wb-chat textarea")
    for count, question in enumerate(QUESTIONS, 1):
        box.fill(question)
        box.press("Enter")
        expect(page.locator(".wb-answer")).to_have_count(count)
        assert notebook.python("print(chat.last.wait(60))") == "True"
    expect(page.locator(".wb-state")).to_have_text("Ready")
    page.locator(".wb-think > summary").first.click()


def rows(notebook: Notebook) -> None:
    """Wait for the list."""
    notebook.page.locator(".wb-browser [role=row]").nth(6).wait_for()


def answers(notebook: Notebook) -> None:
    """Wait for all of them."""
    assert notebook.python("print(cmp.wait(120))", timeout=150) == "True"
    expect(notebook.page.locator(".wb-compare")).to_contain_text("12 cells")


if __name__ == "__main__":
    main()
