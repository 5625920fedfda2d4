from __future__ import annotations

import random
import re
from itertools import islice
from pathlib import Path

import pytest

import workbench
from workbench.builtin import text, text_skills, text_verbs
from workbench.sessions.chat import Chat
from workbench.sessions.reply import Reply

HELD_OUT = Path(__file__).parent / "questions.json"


@pytest.fixture(scope="module")
def written():
    return list(islice(text.samples(0, text.held_out_runs(HELD_OUT)), 5000))


def test_no_training_text_shares_four_words_with_a_held_out_question(written):
    held_out = text.held_out_runs(HELD_OUT)
    assert len(held_out) > 100
    shared = sum(not text.runs(said).isdisjoint(held_out) for sample in written for said in text.texts(sample))
    assert shared == 0


def test_the_filter_sees_through_case_and_punctuation():
    held_out = text.runs("What's the way, to chat?")
    sample = text.Sample("verb", "chat", ({"role": "user", "content": "WHATS THE WAY TO CHAT"},), "x")
    assert not text.allowed(sample, held_out)
    other = text.Sample("verb", "chat", ({"role": "user", "content": "the way to chat"},), "x")
    assert text.allowed(other, text.runs("show me the way to town"))


def test_every_group_is_written_in_many_wordings(written):
    for group, least in (("verb", 700), ("unknown", 700), ("python", 300), ("identity", 200), ("greeting", 80)):
        asked = {sample.messages[-1]["content"] for sample in written if sample.group == group}
        assert len(asked) > least, group


def test_what_the_answers_call_exists(written):
    calls = {call for sample in written for call in re.findall(r"\b(wb|chat|reply)\.(\w+)", sample.answer)}
    homes = {"wb": workbench, "chat": Chat, "reply": Reply}
    assert len(calls) > 10
    assert {(home, name) for home, name in calls if not hasattr(homes[home], name)} == set()
    assert {name for home, name in calls if home == "wb"} <= set(workbench.__all__)


def test_the_same_seed_writes_the_same_text():
    first, again = (list(islice(text.samples(7, set()), 50)) for _ in range(2))
    assert first == again
    assert first != list(islice(text.samples(8, set()), 50))


def test_docstrings_are_in_the_text():
    found = text_verbs.documented()
    assert {"ask", "chat", "connect", "models", "unload"} <= found.keys()
    assert all(found.values())


@pytest.mark.parametrize("sign", "+-*")
def test_sums_are_right(sign):
    rng = random.Random(1)
    work = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}[sign]
    for _ in range(300):
        a, b = text_skills.operands(rng, sign)
        thinking, answer = text_skills.thought(a, b, sign)
        assert int(answer.split("=")[-1]) == work(a, b) >= 0
        tens, ones = thinking.splitlines()[-1], thinking.splitlines()[-2] if sign != "*" else ""
        if sign == "+":
            assert int(tens.split("= ")[1]) * 10 + int(re.search(r"write (\d)", ones)[1]) == a + b


def test_a_chat_of_many_turns_alternates():
    chat = text.chat_of(text.samples(3, set()), 5)
    roles = [message["role"] for message in chat.messages if message["role"] != "system"]
    assert len(roles) >= 9
    assert roles[-1] in ("user", "tool")


def test_alternatives_are_chosen_and_slots_are_kept():
    rng = random.Random(0)
    assert {text.expand(rng, "[hi|hey] {name}") for _ in range(40)} == {"hi {name}", "hey {name}"}
    assert all("{name}" in text.vary(rng, "my name is {name} today") for _ in range(300))
