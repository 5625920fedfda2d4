"""Attachments as a person meets them: dropped, pasted, taken away, sent to a real model in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cells import CHAT
from tests.browser.lab import CELLS, Notebook

pytest.importorskip("PIL")
Open = Callable[..., Notebook]
expect.set_options(timeout=20_000)

DROP = """async ([name, kind, text]) => {
  const target = document.querySelector(".wb-chat .wb-comp");
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, { type: kind }));
  for (const what of ["dragenter", "dragover", "drop"])
    target.dispatchEvent(new DragEvent(what, { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""
PASTE = """async () => {
  const canvas = document.createElement("canvas");
  canvas.width = 2000; canvas.height = 1000;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "teal"; pen.fillRect(0, 0, 2000, 1000);
  const blob = await new Promise(done => canvas.toBlob(done, "image/png"));
  const transfer = new DataTransfer();
  transfer.items.add(new File([blob], "image.png", { type: "image/png" }));
  const event = new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: transfer });
  document.querySelector(".wb-chat textarea").dispatchEvent(event);
}"""
FAILED = """import pandas as pd
weather = pd.DataFrame({"city": ["Oslo", "Bergen"], "temp": [3.5, 6.25]})
weather"""


def chips(page: Page) -> list[str]:
    return page.locator(".wb-tray .wb-att .wb-cut").all_inner_texts()


def test_drop_paste_remove_and_send(notebook: Open) -> None:
    opened = notebook(FAILED, CHAT)
    page = opened.page
    box = page.locator(".wb-chat textarea")
    tray = page.locator(".wb-tray .wb-att")

    expect(page.get_by_role("region", name="Chat with builtin")).to_be_visible()
    page.evaluate(DROP, ["notes.txt", "text/plain", "The meeting is on Monday."])
    expect(tray).to_have_count(1)
    expect(tray).to_contain_text("tokens")
    page.evaluate(PASTE)
    expect(tray).to_have_count(2)
    expect(page.locator(".wb-traynote")).to_have_text("builtin cannot see pictures.")
    expect(tray.nth(1).locator("img")).to_be_visible()
    assert opened.python("print(chat.attachments[1].note)").startswith("shrunk from 2,000 by 1,000")

    box.fill("What does the note say?")
    box.press("Enter")  # nothing is dropped silently: the message comes back with the reason
    expect(page.locator(".wb-notice").first).to_contain_text("builtin cannot see pictures: image.png.")
    expect(box).to_have_value("What does the note say?")
    assert opened.python("print(len(chat.messages), len(chat.attachments))") == "0 2"

    page.get_by_label("Remove image.png").click()
    expect(tray).to_have_count(1)
    expect(page.locator(".wb-traynote")).to_be_hidden()
    page.get_by_label("Attach", exact=True).click()
    page.get_by_role("menuitem").filter(has_text="Last output").click()
    expect(tray).to_have_count(2)
    assert chips(page) == ["notes.txt", "weather"]

    box.press("Enter")
    expect(page.locator(".wb-usr .wb-files .wb-att")).to_have_count(2)
    expect(tray).to_have_count(0)
    assert opened.python("print(chat.last.wait(60))") == "True"
    expect(page.locator(".wb-chat .wb-answer > .wb-md").first).not_to_be_empty()
    said = opened.python("print(chat.messages[0].parts[0].text, chat.messages[0].parts[1].text)")
    assert "The meeting is on Monday." in said
    assert "Oslo,3.5" in said
    page.wait_for_function(f"() => JSON.stringify(({CELLS})()).includes('Attached: notes.txt (file), weather (table)')")
