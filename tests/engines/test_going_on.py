"""Prompts that end in the middle of an answer."""

from __future__ import annotations

import pytest

from workbench import messages
from workbench.engines.going_on import gone_on, tokens_of
from workbench.engines.textstream import THINK, TextStream, opens_thinking

PROMPT = "<user>hi<assistant>"


@pytest.mark.parametrize(
    ("prompt", "text", "thought", "expected"),
    [
        (PROMPT, "One two", "", PROMPT + "One two"),
        (PROMPT, " One ", "", PROMPT + " One "),
        (PROMPT, "", "", PROMPT),
        (PROMPT, "", "Hm, ", PROMPT + "<think>\nHm, "),
        (PROMPT, "One", "Hm.", PROMPT + "<think>\nHm.\n</think>\n\nOne"),
        (PROMPT, "One", "Hm.\n", PROMPT + "<think>\nHm.\n</think>\n\nOne"),
        (PROMPT + "<think>\n", "", "Hm", PROMPT + "<think>\nHm"),
        (PROMPT + "<think>\n", "One", "Hm", PROMPT + "<think>\nHm\n</think>\n\nOne"),
        (PROMPT + "<think>\n", "One", "", PROMPT + "<think>\n</think>\n\nOne"),
        (PROMPT + "<think>\n", "", "", PROMPT + "<think>\n"),
    ],
)
def test_what_is_written_is_the_end_of_the_prompt(prompt, text, thought, expected):
    begun = messages.assistant(text, reasoning=thought)
    assert gone_on(prompt, begun, THINK) == expected
    inside = (bool(thought) or prompt.endswith("<think>\n")) and not text
    assert opens_thinking(gone_on(prompt, begun, THINK), THINK, begun) == inside


def test_nothing_is_trimmed_from_what_goes_on():
    stream = TextStream("r", thinking=True, after="Hm.")
    assert [event.text for event in [*stream.feed("\n\nSo"), *stream.close()]] == ["\n\nSo"]


def test_newlines_at_the_end_are_read_as_before_a_word():
    """A tokenizer that joins newlines, but for the last one before a word."""

    def encode(text):
        return [ord(c) for c in text] if not text.endswith("\n\n") else [*(ord(c) for c in text[:-2]), 999]

    for written in ("a\n\n", "a\n", "a"):
        assert tokens_of(PROMPT + written, messages.assistant(written), encode) == [ord(c) for c in PROMPT + written]
    assert tokens_of("x\n\n", None, encode) == [ord("x"), 999]
