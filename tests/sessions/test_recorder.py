"""What is kept of a chat as it happens, and what is not."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say, until_cancelled
from tests.sessions.test_chat import Front, make, until
from workbench.commands import SetPrivate, SetTitle
from workbench.errors import HostCrashedError
from workbench.events import Event, Finished, ReasoningDelta, TextDelta
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.sessions.chat import Chat
from workbench.store import history, settings


@pytest.fixture(autouse=True)
def own_history(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    yield
    history.default().close()


def kept(chat: Chat) -> list[tuple[str, str, str]]:
    assert history.default().flush(20)
    return [
        (m.role, "".join(getattr(p, "text", "") for p in m.parts), m.status)
        for m in history.default().load(chat.history_id)[1]
    ]


def test_a_chat_is_kept_from_its_first_message_on() -> None:
    chat, _ = make(say("one"), fail(HostCrashedError("died"), "two"), system="Be brief.")
    front = Front(chat)
    assert not history.default().path.exists()
    assert not chat.view()["kept"]
    chat.send("What is a river?\nTell me.").result(5)
    chat.options = GenerationOptions(temperature=0.5)
    chat.send("b").wait(5)
    assert kept(chat) == [
        ("user", "What is a river?\nTell me.", "done"),
        ("assistant", "one", "done"),
        ("user", "b", "done"),
        ("assistant", "two", "failed"),
    ]
    stored, messages = history.default().load(chat.id)
    assert (stored.title, stored.system, stored.model) == ("What is a river?", "Be brief.", "tiny")
    assert stored.options == GenerationOptions(temperature=0.5)
    assert stored.head == messages[-1].id
    assert [m.parent for m in messages] == [None, *(m.id for m in messages[:-1])]
    assert messages[3].error is not None
    assert messages[1].usage.prompt_tokens == 7
    assert front.state["kept"]
    assert front.state == chat.view()


def test_every_branch_is_kept_and_what_is_deleted_is_gone() -> None:
    chat, _ = make(say("one"), say("two"), say("three"))
    chat.send("a").result(5)
    old = chat.last
    assert old is not None
    chat.regenerate().result(5)
    chat.edit(chat.messages[0].id, "b").result(5)  # type: ignore[union-attr]  # it is a question
    assert [text for _, text, _ in kept(chat)] == ["a", "one", "two", "b", "three"]
    chat.delete(old.id)
    assert [text for _, text, _ in kept(chat)] == ["a", "two", "b", "three"]


def test_an_answer_is_on_the_disk_while_it_is_written() -> None:
    chat, _ = make(until_cancelled("half ", "an answer"))
    reply = chat.send("a")
    until(lambda: reply.partial == "half an answer")
    until(lambda: kept(chat)[-1] == ("assistant", "half an answer", "writing"), 20)
    reply.stop()
    reply.wait(5)
    until(lambda: kept(chat)[-1] == ("assistant", "half an answer", "cancelled"), 20)


def test_reasoning_is_kept_apart() -> None:
    def thinks(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield ReasoningDelta(run=request.run, text="hm ")
        yield TextDelta(run=request.run, text="yes")
        yield Finished(run=request.run, reason="stop")

    chat, _ = make(thinks)
    chat.send("a").result(5)
    history.default().flush(20)
    message = history.default().load(chat.id)[1][-1]
    assert [type(part).__name__ for part in message.parts] == ["Reasoning", "Text"]


def test_a_private_chat_is_never_written() -> None:
    chat, _ = make(say("one"), private=True)
    chat.send("a").result(5)
    chat.title = "secret"
    chat.regenerate().result(5)
    assert not history.default().path.exists()
    assert not chat.view()["kept"]


def test_with_history_off_nothing_is_written() -> None:
    settings.change(keep_history=False)
    chat, _ = make(say("one"))
    chat.send("a").result(5)
    chat.system = "x"
    assert not history.default().path.exists()
    assert chat.perform(SetPrivate(id=1, private=False)).ok, "kept because it was asked for"
    assert len(kept(chat)) == 2


def test_going_private_deletes_what_is_kept_and_coming_back_keeps_it_all() -> None:
    chat, _ = make(say("one"), say("two"))
    front = Front(chat)
    chat.send("a").result(5)
    chat.regenerate().result(5)
    assert len(kept(chat)) == 3
    assert chat.perform(SetPrivate(id=1, private=True)).ok
    assert history.default().flush(20)
    assert not history.default().exists(chat.id)
    assert (front.state["private"], front.state["kept"]) == (True, False)
    chat.send("b").result(5)
    assert not history.default().exists(chat.id)
    chat.private = False
    assert [text for _, text, _ in kept(chat)] == ["a", "one", "two", "b", "two"]
    assert front.state == chat.view()


def test_a_chat_deleted_elsewhere_stays_here_and_says_so() -> None:
    chat, _ = make(say("one"), say("two"), say("three"))
    front = Front(chat)
    chat.send("a").result(5)
    assert len(kept(chat)) == 2
    history.default().delete_chat(chat.id)
    assert history.default().flush(20)
    chat.send("b").result(5)
    assert len(chat.messages) == 4
    until(lambda: front.state["notice"], 20)
    assert (front.state["kept"], front.state["notice"]["kind"]) == (False, "ChatNotFoundError")
    assert "deleted" in front.state["notice"]["message"]
    assert not history.default().exists(chat.id)
    assert chat.perform(SetPrivate(id=1, private=False)).ok
    assert len(kept(chat)) == 4
    assert (front.state["kept"], front.state["notice"]) == (True, None)


def test_the_title_is_the_first_line_of_the_first_question_cut_at_a_word() -> None:
    chat, _ = make(say("one"))
    front = Front(chat)
    chat.send("\n  How do the   rivers of the north reach the sea, and why do they take so long?\nSay.").result(5)
    assert chat.title == "How do the rivers of the north reach the sea, and why do…"
    assert front.state["title"] == chat.title
    assert chat.perform(SetTitle(id=1, title=" Rivers ")).ok
    assert history.default().flush(20)
    assert (chat.title, history.default().load(chat.id)[0].title) == ("Rivers", "Rivers")
    chat.title = ""
    assert chat.title.startswith("How do")


def test_a_new_chat_leaves_the_old_one_in_the_history() -> None:
    chat, _ = make(say("one"), say("two"))
    front = Front(chat)
    chat.send("a").result(5)
    before = chat.history_id
    chat.clear()
    assert (chat.title, front.state["kept"]) == ("", False)
    chat.send("b").result(5)
    assert chat.history_id != before
    assert [text for _, text, _ in kept(chat)] == ["b", "two"]
    assert [each.title for each in history.default().chats()] == ["b", "a"]
    assert front.state == chat.view()


def test_a_fork_is_kept_too_and_says_where_it_comes_from() -> None:
    chat, _ = make(say("one"))
    chat.send("a").result(5)
    fork = chat.fork()
    assert [text for _, text, _ in kept(fork)] == ["a", "one"]
    assert history.default().load(fork.id)[0].parent == chat.id


KILLED = """
import sys, threading, time
from tests.sessions.scripted import ScriptedService, ScriptedServices
from workbench.events import TextDelta
from workbench.sessions.chat import Chat

def slow(request, cancelled):
    for number in range(10_000):
        yield TextDelta(run=request.run, text=f"{number} ")
        print(number, flush=True)
        time.sleep(0.02)

chat = Chat(services=ScriptedServices(ScriptedService(slow)))
print(chat.id, flush=True)
chat.send("Count").wait()
"""


def test_a_killed_kernel_loses_at_most_a_second_of_an_answer(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", KILLED], cwd=root, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout is not None
        chat = kernel.stdout.readline().strip()
        written: list[tuple[float, int]] = []
        while len(written) < 120:
            written.append((time.monotonic(), int(kernel.stdout.readline())))
        kernel.send_signal(signal.SIGKILL)
        kernel.wait(20)
        killed = time.monotonic()
    history.default().close()
    stored, messages = history.default().load(chat)
    assert stored.title == "Count"
    text = "".join(part.text for part in messages[-1].parts)  # type: ignore[union-attr]  # it is text
    expected = [number for at, number in written if at < killed - 1.0]
    assert messages[-1].status == "writing"
    assert len(text.split()) > expected[-1], "more than a second is missing"
    assert text.split() == [str(number) for number in range(len(text.split()))]


def test_two_kernels_with_one_chat_lose_nothing() -> None:
    from workbench.sessions.reopen import _taken_up

    chat, _ = make(say("one"), say("here"))
    chat.send("a").result(5)
    assert len(kept(chat)) == 2
    other = _taken_up(chat.id)
    other._services = ScriptedServices(ScriptedService(say("there")))  # type: ignore[assignment]  # as a chat needs it
    other.model = "tiny"
    other.send("from the other").result(5)
    chat.send("from this").result(5)
    assert sorted(text for _, text, _ in kept(chat)) == ["a", "from the other", "from this", "here", "one", "there"]
    third = _taken_up(chat.id)
    assert [m.text for m in third.messages] == ["a", "one", "from this", "here"]
    last = third.messages[2].id
    assert [m.text for m in third.branches(last)] == ["from the other", "from this"]


def test_an_answer_that_a_new_chat_cuts_off_was_stopped_not_killed() -> None:
    chat, _ = make(until_cancelled("half"), say("next"))
    reply = chat.send("a")
    until(lambda: reply.partial)
    before = chat.history_id
    chat.clear()
    reply.wait(5)
    assert history.default().flush(20)
    message = history.default().load(before)[1][-1]
    assert (message.status, message.finish) == ("cancelled", "cancelled")
