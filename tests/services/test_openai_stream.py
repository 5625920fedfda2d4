"""The reader of streams as a pure function: how bytes are cut makes no difference."""

from __future__ import annotations

import random

import pytest

from tests.servers.scripted import DONE, data, delta
from workbench.events import ReasoningDelta, TextDelta
from workbench.services.openai_stream import StreamReader, Thinking

LINES = [
    ": keepalive",
    delta(role="assistant", content=None),
    *(
        delta(content=piece)
        for piece in ("<th", "ink>", "\n", "Hm", " </", "b> é😀", "</thi", "nk>", "\n\n", "Yes", ".")
    ),
    delta(finish="stop"),
    data({"choices": [], "usage": {"completion_tokens": 11}}),
    DONE,
]
STREAM = "\r\n\r\n".join(LINES).encode() + b"\r\n\r\n"


def read(pieces):
    reader = StreamReader("http://localhost:1/v1", "r")
    events = [e for piece in pieces for e in reader.feed(piece)] + list(reader.end())
    thought = "".join(e.text for e in events if isinstance(e, ReasoningDelta))
    said = "".join(e.text for e in events if isinstance(e, TextDelta))
    return thought, said, reader.finish, reader.usage.completion_tokens


@pytest.mark.parametrize("seed", range(20))
def test_cuts_make_no_difference(seed):
    cuts = sorted(random.Random(seed).sample(range(len(STREAM)), 30))
    pieces = [STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]
    assert read(pieces) == ("Hm </b> é😀", "Yes.", "stop", 11)


def test_the_last_line_needs_no_line_break():
    assert read([data({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "length"}]}).encode()])[1:3] == (
        "Hi",
        "length",
    )


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("Hello", "", "Hello"),
        (" <think>a</think>b", "a", "b"),
        ("<think>\n\n</think>\n\nb", "", "b"),
        ("<think>never closed", "never closed", ""),
        ("<think>a</think>", "a", ""),
        ("<thin ice", "", "<thin ice"),
        ("<thi", "", "<thi"),
        ("a <think>b</think>", "", "a <think>b</think>"),
        ("  ", "", "  "),
    ],
)
def test_only_a_tag_at_the_start_is_thinking(text, thought, said):
    for size in (1, 2, 100):
        splitter = Thinking()
        pieces = [p for i in range(0, len(text), size) for p in splitter.feed(text[i : i + size])]
        pieces += splitter.flush()
        assert "".join(t for is_thought, t in pieces if is_thought) == thought
        assert "".join(t for is_thought, t in pieces if not is_thought) == said
