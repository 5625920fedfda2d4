"""The chat as a person meets it: in JupyterLab, with a real model or a host that keeps a script's pace."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.cells import CHAT, paced
from tests.browser.lab import Notebook

Open = Callable[..., Notebook]
expect.set_options(timeout=15_000)


def box(page: Page) -> Locator:
    return page.locator(".wb-chat textarea").first


def say(page: Page, text: str) -> None:
    box(page).fill(text)
    box(page).press("Enter")


def answers(page: Page) -> Locator:
    return page.locator(".wb-chat .wb-answer")


def words(page: Page) -> Locator:
    """The first answer's text, without its thinking."""
    return page.locator(".wb-chat .wb-answer > .wb-md").first


def state(page: Page) -> Locator:
    return page.locator(".wb-chat .wb-state").first


def finished(opened: Notebook, count: int) -> None:
    """Wait until that many answers have ended, here and in the kernel."""
    expect(answers(opened.page)).to_have_count(count)
    assert opened.python("print(chat.last.wait(30))") == "True"
    expect(state(opened.page)).to_have_text("Ready")
    roles = opened.python("print([m.role for m in chat.messages])")
    assert roles.count("assistant") == count


def test_one_line_and_an_answer_streams(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    expect(page.get_by_role("region", name="Chat with builtin")).to_be_visible()
    say(page, "hello")
    finished(opened, 1)
    text = opened.python("print(chat.last.text)")
    assert len(text) > 3
    expect(words(page)).to_contain_text(text.split()[0])
    foot = page.locator(".wb-ft").inner_text()
    assert "first token" in foot
    assert "tok/s" in foot
    assert "out" in foot


def test_a_cell_drives_the_same_transcript(notebook: Open) -> None:
    opened = notebook(CHAT)
    said = opened.python("print(chat.send('hello').result(30))")
    expect(words(opened.page)).to_have_text(said)
    expect(opened.page.locator(".wb-usr .wb-txt")).to_have_text("hello")


BUSY = """() => {
  window.cellDone = false;
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.requestExecute({ code: "import time; time.sleep(20)" }).done.then(() => { window.cellDone = true; });
}"""


def test_stop_is_heard_while_a_cell_is_busy(notebook: Open) -> None:
    opened = notebook(paced(times=2000, rate=100))
    page = opened.page
    say(page, "go")
    expect(words(page)).to_contain_text("one more word")
    page.evaluate(BUSY)
    page.locator(".wb-stopb").click()
    expect(page.locator(".wb-sendb")).to_be_visible()
    assert page.evaluate("window.cellDone") is False
    assert opened.python("print(chat.last.finish, len(chat.last.text) > 10)") == "cancelled True"


def test_escape_stops_and_the_part_written_stays(notebook: Open) -> None:
    opened = notebook(paced(times=2000, rate=100))
    page = opened.page
    say(page, "go")
    expect(words(page)).to_contain_text("one more word")
    box(page).press("Escape")
    expect(page.locator(".wb-sendb")).to_be_visible()
    expect(words(page)).to_contain_text("one more word")


def test_a_reload_in_the_midst_of_an_answer_loses_nothing(notebook: Open) -> None:
    opened = notebook(paced(times=900, rate=60))
    say(opened.page, "go")
    expect(words(opened.page)).to_contain_text("one more word")
    opened.save()
    opened.open()
    page = opened.page
    page.locator(".wb-stopb").wait_for()
    finished(opened, 1)
    shown = words(page).inner_text()
    assert shown.split() == opened.python("print(chat.last.text)").split()
    assert len(shown.split()) == 2700


def test_two_views_of_one_chat_say_the_same(notebook: Open) -> None:
    opened = notebook(paced(times=150, rate=100), "chat")
    page = opened.page
    expect(page.locator(".wb-chat")).to_have_count(2)
    say(page, "go")
    expect(page.locator(".wb-chat .wb-state").nth(1)).to_have_text("Writing")
    for view in (0, 1):
        expect(page.locator(".wb-chat").nth(view).locator(".wb-state")).to_have_text("Ready", timeout=20_000)
    first, second = (page.locator(".wb-chat").nth(view).locator(".wb-answer > .wb-md").inner_text() for view in (0, 1))
    assert first == second
    assert len(first.split()) == 450


def test_a_second_message_waits_its_turn_and_is_seen_to(notebook: Open) -> None:
    opened = notebook(paced(times=150, rate=100))
    page = opened.page
    say(page, "first")
    expect(words(page)).to_contain_text("one more word")
    say(page, "second")
    expect(answers(page).nth(1)).to_contain_text("Waits, 1 before it")
    finished(opened, 2)


def test_loading_shows_how_far_it_is(notebook: Open) -> None:
    opened = notebook(paced(times=5, load=3))
    page = opened.page
    say(page, "go")
    bar = page.get_by_role("progressbar", name="Loading the model")
    page.wait_for_function("() => +document.querySelector('.wb-bar[role=progressbar]')?.ariaValueNow > 30")
    expect(bar).to_be_visible()
    expect(answers(page).first).to_contain_text("GB read into memory")
    finished(opened, 1)
    expect(bar).to_be_hidden()


def test_no_key_pressed_in_the_widget_reaches_the_notebook(notebook: Open) -> None:
    opened = notebook(CHAT, "'untouched'")
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    before = opened.cells()
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    index = page.evaluate(active)
    box(page).click()
    for key in ("Shift+Enter", "b", "d", "d", "ArrowDown", "ArrowUp", "a"):
        box(page).press(key)
    assert box(page).input_value().strip() == "a\nbdd"
    answer = answers(page).first
    answer.focus()
    for key in ("Shift+Enter", "b", "d", "d", "ArrowUp", "ArrowDown", "x", "m", "Alt+Enter"):
        page.keyboard.press(key)
    after = opened.cells()
    assert [c["source"] for c in after] == [c["source"] for c in before]
    assert [c["execution_count"] for c in after] == [c["execution_count"] for c in before]
    assert [c["cell_type"] for c in after] == ["code", "code"]
    assert page.evaluate(active) == index
    assert opened.python("print(len(chat.messages))") == "2"


def test_shift_enter_breaks_the_line(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    box(page).fill("one")
    box(page).press("Shift+Enter")
    box(page).press_sequentially("two")
    assert box(page).input_value() == "one\ntwo"
    assert opened.python("print(len(chat.messages))") == "0"


def test_the_picker_by_keyboard(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    page.locator(".wb-pick").first.click()
    field = page.get_by_role("combobox", name="Find a model")
    expect(field).to_be_focused()
    expect(page.get_by_role("listbox", name="Models")).to_contain_text("builtin")
    field.fill("no such thing")
    expect(page.locator(".wb-picker")).to_contain_text("Nothing here is called")
    field.fill("buil")
    expect(page.locator(".wb-picker [role=option]")).to_have_count(1)
    field.press("Escape")
    expect(page.locator(".wb-picker")).to_be_hidden()
    expect(page.locator(".wb-pick").first).to_be_focused()


def test_the_theme_is_the_notebooks(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    expect(page.locator(".wb-chat .wb-empty")).to_be_visible()
    ground = "getComputedStyle(document.querySelector('.wb-chat')).backgroundColor"
    opened.theme("light")
    light = page.evaluate(ground)
    opened.theme("dark")
    dark = page.evaluate(ground)
    opened.theme("light")
    assert light == "rgb(255, 255, 255)"
    assert dark != light


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSEGV"])
def test_a_host_that_dies_leaves_the_text_and_a_retry(notebook: Open, signal: str) -> None:
    opened = notebook(paced(times=250, rate=100))
    page = opened.page
    say(page, "go")
    expect(words(page)).to_contain_text("one more word")
    opened.python(
        "import os, signal, psutil\n"
        "for p in psutil.Process().children(recursive=True):\n"
        f"    if 'workbench.engines.host' in p.cmdline(): p.send_signal(signal.{signal})"
    )
    error = page.get_by_role("group", name="Error")
    expect(error).to_be_visible()
    expect(words(page)).to_contain_text("one more word")
    if signal == "SIGSEGV":  # killed outright, it leaves no last words
        error.get_by_role("button", name="Details").click()
        expect(error.locator(".wb-details")).to_contain_text("Segmentation fault")
    error.get_by_role("button", name="Retry").click()
    expect(answers(page).first.locator(".wb-sib")).to_contain_text("2 / 2")
    expect(answers(page)).to_have_count(1)
    assert opened.python("print(chat.last.wait(20), chat.last.finish)") == "True stop"


def test_a_reader_who_scrolled_up_is_left_in_peace(notebook: Open) -> None:
    opened = notebook(paced(times=500, rate=100, text="another line of the answer\n\n"))
    page = opened.page
    say(page, "go")
    scroller = "document.querySelector('.wb-scroll')"
    page.wait_for_function(f"() => {scroller}.scrollHeight > {scroller}.clientHeight + 400")
    page.locator(".wb-scroll").hover()
    page.mouse.wheel(0, -350)
    jump = page.locator(".wb-jump")
    expect(jump).to_be_visible()
    here = page.evaluate(f"{scroller}.scrollTop")
    written = page.evaluate(f"{scroller}.scrollHeight")
    page.wait_for_function(f"before => {scroller}.scrollHeight > before + 100", arg=written)
    assert page.evaluate(f"{scroller}.scrollTop") == here
    jump.click()
    page.wait_for_function(f"() => {scroller}.scrollTop + {scroller}.clientHeight > {scroller}.scrollHeight - 60")
    expect(jump).to_be_hidden()


HOSTILE = (
    "<script>window.pwned = 1</script>\n\n<img src=x onerror='window.pwned = 2'>\n\n"
    "[click](javascript:window.pwned=3)\n\n![spy](http://127.0.0.1:9/spy.png)\n\n```python\nprint('safe')\n```\n"
)


def test_what_a_model_writes_is_shown_and_never_run(notebook: Open) -> None:
    opened = notebook(paced(text=HOSTILE, times=1))
    page = opened.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    say(page, "go")
    finished(opened, 1)
    answer = answers(page).first
    expect(answer.locator(".wb-code")).to_contain_text("print('safe')")
    expect(words(page)).to_contain_text("<script>")
    for link in answer.locator("a").all():
        assert not (link.get_attribute("href") or "").startswith("javascript:")
    assert page.evaluate("window.pwned") is None
    assert not [url for url in asked if "spy" in url]


def test_the_conversation_survives_in_the_notebook_file(notebook: Open, tmp_path: Path) -> None:
    opened = notebook(CHAT)
    page = opened.page
    questions = ["hello", "What is 3+4?", "Who are you?", "Say hi"]
    for count, question in enumerate(questions[:3], 1):
        say(page, question)
        finished(opened, count)
    opened.save()
    opened.open()
    page = opened.page
    expect(answers(page)).to_have_count(3)
    say(page, questions[3])
    finished(opened, 4)
    page.wait_for_function(
        """last => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells
            .some(cell => JSON.stringify(cell.toJSON().outputs ?? []).includes(last))""",
        arg=questions[3],
    )
    opened.save()
    replies = json.loads(
        opened.python("import json; print(json.dumps([m.text for m in chat.messages if m.role == 'assistant']))")
    )
    page_html = saved_html(opened.file)
    assert all(question in page_html for question in questions)
    assert all(reply.split(".")[0].split("`")[0].split("\n")[0] in page_html for reply in replies)
    out = tmp_path / "page.html"
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", str(opened.file), "--output", str(out)],
        check=True,
        capture_output=True,
    )
    exported = out.read_text()
    assert all(question in exported for question in questions)
    # The live widget hides the copy; without the widget it shows.
    expect(page.locator(".wb-static").first).to_be_hidden()


def saved_html(file: Path) -> str:
    """The static copies in a notebook on disk."""
    outputs = [o for cell in json.loads(file.read_text())["cells"] for o in cell.get("outputs", [])]
    texts = ["".join(o.get("data", {}).get("text/html", "")) for o in outputs]
    return "\n".join(text for text in texts if "wb-static" in text)


@pytest.mark.parametrize("width", [480, 700])
def test_a_narrow_notebook_loses_nothing_that_matters(notebook: Open, width: int) -> None:
    opened = notebook(CHAT)
    page = opened.page
    opened.command("application:toggle-left-area")
    page.set_viewport_size({"width": width + 110, "height": 800})
    say(page, "hello")
    finished(opened, 1)
    for part in (".wb-pick", ".wb-sendb", ".wb-answer", ".wb-ft"):
        expect(page.locator(f".wb-chat {part}").first).to_be_visible()
    frame = page.locator(".wb-chat").bounding_box()
    assert frame is not None
    overflow = page.evaluate(
        "() => { const w = document.querySelector('.wb-chat'); return w.scrollWidth - w.clientWidth }"
    )
    assert overflow <= 1
