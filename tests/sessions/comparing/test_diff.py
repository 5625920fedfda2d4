from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest

from workbench.sessions.comparing.diff import Difference, words


def whole(a: str, b: str) -> list[tuple[str, str]]:
    """The difference, after it was seen to hold both texts, in pieces that alternate."""
    found = words(a, b)
    assert "".join(text for op, text in found if op in "=-") == a
    assert "".join(text for op, text in found if op in "=+") == b
    assert all(text for _, text in found)
    assert all(x[0] != y[0] for x, y in pairwise(found))
    return found


def test_one_word_changed() -> None:
    assert whole("The cat sat on the mat.", "The dog sat on the mat.") == [
        ("=", "The "),
        ("-", "cat"),
        ("+", "dog"),
        ("=", " sat on the mat."),
    ]


def test_a_difference_reads_as_text_and_as_html() -> None:
    found = Difference.of("a <b>{c}</b>", "a <b>{d}</b>")
    assert repr(found) == "a <b>{[-c-]{+d+}}</b>"
    page = found._repr_html_()
    assert "&lt;b&gt;{</span><del>c</del><ins>d</ins>" in page
    assert "<b>" not in page
    assert found.shared > 0.5


def test_equal_and_empty_texts() -> None:
    assert whole("", "") == []
    assert whole("same", "same") == [("=", "same")]
    assert whole("", "new") == [("+", "new")]
    assert whole("old", "") == [("-", "old")]


def test_white_space_is_kept_and_counts() -> None:
    assert whole("a  b\n\tc", "a b\n\tc") == [("=", "a"), ("-", "  "), ("+", " "), ("=", "b\n\tc")]


def test_neighbouring_changes_are_one() -> None:
    assert whole("it is red and big now", "it is blue or small now") == [
        ("=", "it is "),
        ("-", "red and big"),
        ("+", "blue or small"),
        ("=", " now"),
    ]


def test_chinese_and_japanese_go_by_character_korean_too() -> None:
    assert whole("我喜欢猫", "我喜欢狗") == [("=", "我喜欢"), ("-", "猫"), ("+", "狗")]
    assert whole("東京は大きい", "東京は小さい")[0] == ("=", "東京は")
    assert whole("한국어", "한국말")[0] == ("=", "한국")
    assert whole("GPT模型x", "GPT模式x") == [("=", "GPT模"), ("-", "型"), ("+", "式"), ("=", "x")]


@pytest.mark.parametrize("letters", ["ab", "abc ", "abcdefghij \n"])
def test_random_texts_are_whole_and_shortest(letters: str) -> None:
    chance = random.Random(letters)
    for _ in range(300):
        a, b = ("".join(chance.choices(letters, k=chance.randrange(30))) for _ in range(2))
        whole(" ".join(a), " ".join(b))
        whole(a, b)


def test_a_few_edits_in_a_long_text_are_found() -> None:
    chance = random.Random(1)
    text = [chance.choice(["the", "a", "of", "in", "to", "and", "is", "it", "model", "token"]) for _ in range(20_000)]
    other = list(text)
    for place in range(500, 20_000, 1_000):
        other[place] = "changed"
    found = whole(" ".join(text), " ".join(other))
    assert sum(op == "+" for op, _ in found) == 20
    assert all("changed" in text and len(text) < 40 for op, text in found if op == "+")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("ab" * 50_000, "ba" * 50_000),
        ("a b " * 25_000, "b a " * 25_000),
        ("x " * 50_000, "y " * 50_000),
        (
            "".join(random.Random(1).choices("的一是不", k=33_000)),
            "".join(random.Random(2).choices("的一是不", k=33_000)),
        ),
        (" ".join(map(str, range(18_000))), " ".join(map(str, range(18_000, 0, -1)))),
        ("\n" * 100_000, "\n " * 50_000),
        (" ".join(random.Random(3).choices("abc", k=50_000)), " ".join(random.Random(4).choices("abc", k=50_000))),
    ],
    ids=["two words", "swapped", "nothing shared", "chinese noise", "reversed", "blank", "noise"],
)
def test_a_hundred_kilobytes_never_take_long(a: str, b: str) -> None:
    before = time.process_time()
    whole(a, b)
    assert time.process_time() - before < 15
