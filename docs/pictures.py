"""Takes the README's pictures: the model that ships, in a real JupyterLab, in both themes.

    .venv-test/bin/python -m docs.pictures

Needs what the browser tests need; `python3 tests/run.py browser` sets it up.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.lab import Lab, Notebook, launch, write_notebook

PICTURES = Path(__file__).resolve().parent / "pictures"
QUESTIONS = ("What is 17 plus 5?", "Write Python that reverses a string")


def main() -> None:
    """Have a short conversation and take a picture of it in each theme."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder, state = Path(temporary) / "notebooks", Path(temporary) / "jupyter"
        folder.mkdir()
        state.mkdir()
        write_notebook(folder / "chat.ipynb", "import workbench as wb\n\nchat = wb.chat()\nchat")
        lab = Lab(folder, state, {"WORKBENCH_HOME": str(Path(temporary) / "home")})
        try:
            lab.wait()
            browser = launch(playwright)
            context = browser.new_context(viewport={"width": 1100, "height": 930}, device_scale_factor=1.5)
            notebook = Notebook(context.new_page(), lab, "chat.ipynb")
            notebook.open()
            notebook.command("application:toggle-left-area")
            notebook.run_all()
            page = notebook.page
            box = page.locator(".wb-chat textarea")
            for count, question in enumerate(QUESTIONS, 1):
                box.fill(question)
                box.press("Enter")
                expect(page.locator(".wb-answer")).to_have_count(count)
                assert notebook.python("print(chat.last.wait(60))") == "True"
            expect(page.locator(".wb-state")).to_have_text("Ready")
            page.locator(".wb-think > summary").first.click()
            page.mouse.move(5, 5)
            for theme in ("light", "dark"):
                notebook.theme(theme)
                page.locator(".jp-NotebookPanel").screenshot(path=PICTURES / f"chat-{theme}.png")
            notebook.close()
            browser.close()
        finally:
            lab.stop()


if __name__ == "__main__":
    main()
