"""The chat as a tree, as a person meets it in JupyterLab: versions, editing, deleting, forking, reopening."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.cells import CHAT, paced
from tests.browser.lab import Notebook
from tests.browser.test_chat import answers, box, finished, say, words

Open = Callable[..., Notebook]


def questions(page: Page) -> Locator:
    return page.locator(".wb-chat .wb-usr")


def control(message: Locator, name: str) -> Locator:
    message.hover()
    return message.get_by_role("button", name=name, exact=True)


def item(page: Page, name: str) -> Locator:
    return page.locator(".wb-menu").get_by_role("menuitem", name=name)


def test_an_edit_stands_beside_what_was_said_and_the_arrows_go_back(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    questions(page).first.focus()
    page.keyboard.press("e")
    editor = page.get_by_role("textbox", name="Edit the message")
    expect(editor).to_be_focused()
    expect(editor).to_have_value("hello")
    editor.fill("What is 3+4?")
    editor.press("Enter")
    expect(questions(page).first.locator(".wb-txt")).to_have_text("What is 3+4?")
    finished(opened, 1)
    question = questions(page).first
    expect(question.locator(".wb-sib")).to_contain_text("2 / 2")
    question.focus()
    page.keyboard.press("ArrowLeft")
    expect(questions(page).first.locator(".wb-txt")).to_have_text("hello")
    expect(questions(page).first).to_be_focused()
    assert opened.python("print([m.text for m in chat.messages if m.role == 'user'])") == "['hello']"
    page.keyboard.press("ArrowRight")
    expect(questions(page).first.locator(".wb-txt")).to_have_text("What is 3+4?")


def test_an_answer_asked_for_again_stands_beside_the_first(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    control(answers(page).first, "Regenerate").click()
    expect(answers(page).first.locator(".wb-sib")).to_contain_text("2 / 2")
    finished(opened, 1)
    control(answers(page).first, "Previous version").click()
    expect(answers(page).first.locator(".wb-sib")).to_contain_text("1 / 2")
    answers(page).first.focus()
    page.keyboard.press("r")
    expect(answers(page).first.locator(".wb-sib")).to_contain_text("3 / 3")
    finished(opened, 1)


def test_an_answer_can_be_written_anew_and_gone_on_with(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    opened.python("from workbench.options import GenerationOptions; chat.options = GenerationOptions(max_tokens=3)")
    say(page, "Who are you?")
    finished(opened, 1)
    expect(answers(page).first).to_contain_text("stopped at the token limit")
    short = opened.python("print(chat.last.text)")
    opened.python("chat.options = GenerationOptions(max_tokens=12)")
    answers(page).first.get_by_role("button", name="Go on").click()
    expect(answers(page).first.locator(".wb-sib")).to_contain_text("2 / 2")
    finished(opened, 1)
    longer = opened.python("print(chat.last.text)")
    assert longer.startswith(short)
    assert len(longer) > len(short)
    control(answers(page).first, "Edit").click()
    editor = page.get_by_role("textbox", name="Edit the message")
    editor.fill("My own words.")
    editor.press("Enter")
    expect(words(page)).to_have_text("My own words.")
    expect(answers(page).first).to_contain_text("edited")
    assert opened.python("print(chat.messages[-1].text)") == "My own words."


def test_a_branch_is_deleted_after_its_plan_was_seen(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    for count, text in enumerate(("hello", "What is 3+4?"), 1):
        say(page, text)
        finished(opened, count)
    control(answers(page).first, "More").click()
    item(page, "Delete from here").click()
    plan = page.get_by_role("alertdialog")
    expect(plan).to_contain_text("Deletes this message and the 2 below")
    expect(plan.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(plan).to_be_hidden()
    assert opened.python("print(len(chat.messages))") == "4"
    control(answers(page).first, "More").click()
    item(page, "Delete from here").click()
    plan.get_by_role("button", name="Delete 3 messages").click()
    expect(answers(page)).to_have_count(0)
    expect(questions(page)).to_have_count(1)
    assert opened.python("print(len(chat.messages))") == "1"


def test_a_fork_goes_into_a_cell_below_and_leaves_the_chat_as_it_was(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    control(answers(page).first, "More").click()
    item(page, "Fork the chat here").click()
    expect(page.locator(".wb-notice").first).to_contain_text("Run the new cell below to go on in the fork")
    source = opened.cells()[1]["source"]
    assert source.startswith("wb.reopen(")
    opened.python(f"fork = {source}; fork.send('What is 3+4?').wait(30)")
    assert opened.python("print(len(fork.messages), len(chat.messages))") == "4 2"


def test_alt_enter_stops_what_is_written_and_sends(notebook: Open) -> None:
    opened = notebook(paced(times=2000, rate=100))
    page = opened.page
    say(page, "first")
    expect(words(page)).to_contain_text("one more word")
    box(page).fill("second")
    box(page).press("Alt+Enter")
    expect(answers(page)).to_have_count(2)
    expect(answers(page).nth(1)).to_contain_text("one more word")
    expect(answers(page).first).to_contain_text("stopped")
    page.locator(".wb-stopb").click()
    assert opened.python("print(chat.last.wait(20), [m.text for m in chat.messages if m.role == 'user'])") == (
        "True ['first', 'second']"
    )


def test_up_in_an_empty_box_edits_what_was_said_last(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    box(page).press("ArrowUp")
    editor = page.get_by_role("textbox", name="Edit the message")
    expect(editor).to_be_focused()
    editor.press("Escape")
    expect(questions(page).first).to_be_focused()


def test_a_chat_reopened_in_another_kernel_shows_the_same_path(notebook: Open) -> None:
    first = notebook(CHAT)
    page = first.page
    say(page, "hello")
    finished(first, 1)
    control(answers(page).first, "Regenerate").click()
    finished(first, 1)
    control(answers(page).first, "Previous version").click()
    expect(answers(page).first.locator(".wb-sib")).to_contain_text("1 / 2")
    shown = words(page).inner_text()
    first.python("from workbench.store import history; history.default().flush()")
    chat = first.python("print(chat.history_id)")
    second = notebook(f"import workbench as wb\nchat = wb.reopen({chat!r})\nchat")
    expect(questions(second.page).first.locator(".wb-txt")).to_have_text("hello")
    expect(answers(second.page).first.locator(".wb-sib")).to_contain_text("1 / 2")
    assert words(second.page).inner_text() == shown
    say(second.page, "What is 3+4?")
    finished(second, 2)


def test_a_chat_deleted_elsewhere_stays_and_can_be_kept_again(notebook: Open) -> None:
    opened = notebook(CHAT)
    page = opened.page
    say(page, "hello")
    finished(opened, 1)
    opened.python(
        "import subprocess, sys\nfrom workbench.store import history\nhistory.default().flush()\n"
        "gone = f'from workbench.store import history as h; h.default().delete_chat({chat.history_id!r})'\n"
        "subprocess.run([sys.executable, '-c', gone + '; h.default().flush()'], check=True)"
    )
    say(page, "What is 3+4?")
    finished(opened, 2)
    notice = page.locator(".wb-notice").first
    expect(notice).to_contain_text("was deleted from the history elsewhere")
    notice.get_by_role("button", name="Keep it again").click()
    expect(notice).to_be_hidden()
    opened.python("history.default().flush()")
    assert opened.python("print(len(history.default().load(chat.history_id)[1]))") == "4"
