"""Answers become cells, and cells ask: an answer's code goes below the widget, `%%ask` writes into its cell."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.cells import paced
from tests.browser.lab import Notebook

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)

ANSWER = "Python:\n\n```python\nanswer = 6 * 7\nprint(answer)\n```\n\nA shell:\n\n```bash\necho from a shell\n```\n"
ASK = "%%ask --temperature 0 --to said\n{greeting}"
ACTIVE = """() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    const cell = document.activeElement.closest(".jp-Cell");
    return [content.mode, content.activeCellIndex, Number(cell?.dataset.windowedListIndex)];
}"""


def edited(page: Page, index: int) -> None:
    """Wait until the cursor is in the editor of the cell at that place."""
    page.wait_for_function(
        f"index => JSON.stringify(({ACTIVE})()) === JSON.stringify(['edit', index, index])", arg=index
    )


def test_code_of_an_answer_becomes_cells_in_order_and_a_cell_asks(notebook: Open) -> None:
    lab = notebook(paced(text=ANSWER, times=1), "import workbench as wb\ngreeting = 'Hello'", ASK)
    page = lab.page
    said = lab.python("print(said)")
    assert said
    expect(page.locator(".jp-RenderedMarkdown", has_text=said)).to_be_visible()

    chat = page.locator(".wb-chat")
    box = chat.get_by_label("Message", exact=True)
    box.fill("Show me code")
    box.press("Enter")
    blocks = chat.locator(".wb-code")
    expect(blocks).to_have_count(2)
    expect(chat.get_by_role("button", name="Regenerate")).to_be_visible()
    before = [cell["source"] for cell in lab.cells()]
    for number, block in enumerate(blocks.all()):
        block.get_by_role("button", name="New cell below").click()
        edited(page, 1 + number)
    added = ["answer = 6 * 7\nprint(answer)", "%%bash\necho from a shell"]
    assert [cell["source"] for cell in lab.cells()] == [before[0], *added, *before[1:]]
    assert [cell["outputs"] for cell in lab.cells()[1:3]] == [[], []], "nothing runs by itself"

    page.keyboard.press("Control+Enter")
    expect(page.locator(".jp-OutputArea-output.jp-RenderedText", has_text="from a shell")).to_be_visible()
    lab.command("notebook:run-all-above")
    assert "".join(output["text"] for output in lab.cells()[1]["outputs"]) == "42\n"
