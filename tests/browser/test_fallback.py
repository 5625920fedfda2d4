"""Another model answers, a message would leave this machine, a model is chosen: as a person meets it in JupyterLab."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.lab import Notebook
from tests.servers.llama_cpp import llama_cpp_server
from workbench import builtin

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)


def say(page: Page, text: str) -> None:
    box = page.locator(".wb-chat textarea").first
    box.fill(text)
    box.press("Enter")


def test_a_server_that_is_killed_is_answered_for_and_the_note_says_so(notebook: Open) -> None:
    with contextlib.ExitStack() as server:
        url = server.enter_context(llama_cpp_server(builtin.path("gguf")))
        connect = f"import workbench as wb\nwb.connect({url!r}, name='box')"
        opened = notebook(connect, "chat = wb.chat('box:builtin', max_tokens=20)\nchat")
        page = opened.page
        say(page, "hello")
        expect(page.locator(".wb-answer").first.locator(".wb-who")).to_have_text("box:builtin")
        assert opened.python("print(chat.last.wait(30), chat.last.model, len(chat.last.notes))") == "True box:builtin 0"
    say(page, "and now?")
    note = page.locator(".wb-answer").nth(1).locator(".wb-fb")
    expect(note).to_contain_text("box:builtin is away (nothing listens at 127.0.0.1:", timeout=30_000)
    expect(note).to_contain_text("builtin answers.")
    assert opened.python("print(chat.last.wait(60), chat.last.model, chat.model)") == "True builtin box:builtin"
    expect(page.locator(".wb-chat .wb-state")).to_have_text("Ready")
    expect(page.locator(".wb-chat .wb-pick")).to_contain_text("server down")
    page.wait_for_function(
        """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells
            .some(cell => JSON.stringify(cell.toJSON().outputs ?? []).includes("builtin answers."))"""
    )
    opened.save()
    assert "builtin answers." in opened.file.read_text(), "the saved copy tells it too"


FAR = "import workbench as wb\nwb.connect('https://far.invalid/v1', name='far')\nchat = wb.chat('far:big')\nchat"


def test_a_message_that_would_leave_this_machine_asks_and_waits(notebook: Open) -> None:
    opened = notebook(FAR)
    page = opened.page
    say(page, "my secret plan")
    bar = page.locator(".wb-consent")
    expect(bar).to_contain_text("This message would go to far.invalid. Send it there?")
    expect(bar).to_contain_text("my secret plan")
    assert opened.python("print(len(chat.messages))") == "0"
    bar.get_by_role("button", name="Keep here").click()
    expect(bar).to_be_hidden()
    expect(page.locator(".wb-chat textarea").first).to_have_value("my secret plan")
    page.locator(".wb-chat textarea").first.press("Enter")
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Send once").click()
    expect(bar).to_be_hidden()
    expect(page.locator(".wb-usr .wb-txt")).to_have_text("my secret plan")
    expect(page.locator(".wb-answer .wb-fb")).to_contain_text("far:big is away", timeout=60_000)
    refused = "try:\n    chat.send('again')\nexcept wb.WorkbenchError as error:\n    print(type(error).__name__)"
    opened.python("print(chat.last.wait(60))")
    assert opened.python(refused) == "ConsentNeededError"


def test_the_picker_on_its_own_chooses_for_new_chats(notebook: Open) -> None:
    with llama_cpp_server(builtin.path("gguf")) as url:
        connect = (
            f"import workbench as wb\nwb.connect({url!r}, name='box')\nwb.connect('http://127.0.0.1:9', name='gone')"
        )
        opened = notebook(connect, "picker = wb.picker()\npicker")
        page = opened.page
        panel = page.get_by_role("region", name="Model of new chats")
        panel.locator(".wb-pick").click()
        groups = panel.locator(".wb-list [role=group]")
        expect(groups).to_have_count(3)
        expect(groups.nth(2)).to_contain_text("Nothing listens at 127.0.0.1:9")
        panel.locator('[data-model="box:builtin"]').click()
        expect(panel.get_by_role("radio", name="Remote").first).to_have_attribute("aria-checked", "true")
        assert opened.python("print(picker.model, wb.chat().model)") == "box:builtin box:builtin"
        assert opened.python("print(wb.ask('hello', max_tokens=5).result(30) != '')") == "True"
        panel.get_by_role("radio", name="Local").first.click()
        expect(panel.locator(".wb-pick b")).to_have_text("builtin")
        expect(panel.locator(".wb-mpwhat")).to_have_text("loaded", timeout=60_000)
        assert opened.python("print(picker.model, picker.info.status)") == "builtin loaded"
