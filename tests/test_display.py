"""How a chat and a reply show themselves: the widget, the static copy, streaming Markdown."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

SETUP = """
from tests.sessions.scripted import *
from workbench.errors import HostCrashedError
from workbench.sessions.chat import Chat

def chat_of(*scripts):
    return Chat(services=ScriptedServices(ScriptedService(*scripts)))
"""
ROOT = __file__.rsplit("/tests/", 1)[0]


def executed(*sources: str, allow_errors: bool = False) -> list[list[dict[str, Any]]]:
    """The outputs of these cells, run in a real kernel that no browser looks at."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, *sources)]
    client = nbclient.NotebookClient(
        notebook, timeout=60, allow_errors=allow_errors, resources={"metadata": {"path": ROOT}}
    )
    client.execute()
    return [cell.outputs for cell in notebook.cells[1:]]


def test_a_notebook_run_without_a_browser_keeps_the_conversation() -> None:
    shown, _, _, again = executed(
        "chat = chat_of(say('a < b'), fail(HostCrashedError('It died.'), 'some'))\nchat",
        "chat.send('first question').result(20)",
        "_ = chat.send('second question').wait(20)",
        "chat",
    )
    widget, copy = shown
    assert "application/vnd.jupyter.widget-view+json" in widget["data"]
    assert "0x" not in widget["data"]["text/plain"]
    for text in ("first question", "a &lt; b", "second question", "some", "It died."):
        assert text in copy["data"]["text/html"]
    assert (
        again[0]["data"]["application/vnd.jupyter.widget-view+json"]
        == (widget["data"]["application/vnd.jupyter.widget-view+json"])
    )
    assert again[1]["data"] == copy["data"]


def test_a_reply_at_the_end_of_a_cell_writes_itself_as_markdown() -> None:
    done, failed, kept = executed(
        "chat = chat_of(say('*one* ', '<b>'), fail(HostCrashedError('It died.'), 'some'))\nchat.send('Hello')",
        "chat.send('again')",
        "chat.last",
    )
    (output,) = done
    assert output["data"] == {"text/markdown": "*one* &lt;b>", "text/plain": "*one* <b>"}
    assert failed[0]["data"]["text/markdown"].startswith("some\n\n> **It died.**")
    assert kept == failed


def test_an_interrupt_of_the_cell_a_reply_writes_in_cancels_the_run() -> None:
    interrupted, after = executed(
        "import os, signal, threading\n"
        "chat = chat_of(until_cancelled('half'))\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "chat.send('Hello')",
        "print(chat.last.status, chat.last.partial)",
        allow_errors=True,
    )
    assert interrupted[0]["data"]["text/markdown"] == "half\n\n*Stopped.*"
    assert interrupted[-1]["ename"] == "KeyboardInterrupt"
    assert after[0]["text"] == "cancelled half\n"


def test_in_a_terminal_a_chat_is_its_text_and_a_reply_prints_itself() -> None:
    code = (
        f"{SETUP}\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "show = InteractiveShell.instance().display_formatter.format\n"
        "chat = chat_of(say('one ', 'two'))\n"
        "show(chat)\nshow(chat.send('Hello'))\nimport sys; print('anywidget' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["<Chat: 0 messages>", "one two", "False"]
