"""The difference of two texts by words, in bounded time. Knows no cell and no screen.

Words that both texts hold exactly once, in the same order, are anchors (Cohen's patience diff); between two anchors the
shortest edit is searched (Myers, "An O(ND) difference algorithm", 1986), as long as the work stays within `MOST_STEPS`:
what lies beyond is shown as replaced.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

Op: TypeAlias = Literal["=", "-", "+"]
"""In both texts, only in the first, only in the second."""

MOST_STEPS = 1_000_000
"""Steps of the search in all; about a second."""
MOST_EDITS = 2_000
"""Edits searched for between two anchors; its memory grows with the square."""

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORDS = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])\w)+|\s+|.", re.DOTALL)
_Span: TypeAlias = tuple[int, int, int, int]
_Piece: TypeAlias = tuple[Op, int, int]


class Difference(NamedTuple):
    """How one text becomes another. At the end of a cell what is removed is struck out, what is added underlined."""

    pieces: list[tuple[Op, str]]
    """As `words` gives them."""
    shared: float
    """Which part of the words of both is in both, from 0 to 1."""

    @classmethod
    def of(cls, a: str, b: str) -> Difference:
        """The difference of these texts."""
        pieces = words(a, b)
        return cls(pieces, shared(pieces))

    def __repr__(self) -> str:
        marks = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}  # as git's --word-diff writes them
        return "".join(marks[op].format(text) for op, text in self.pieces)

    def _repr_html_(self) -> str:
        tags = {"=": "span", "-": "del", "+": "ins"}
        inner = "".join(f"<{tags[op]}>{html.escape(text)}</{tags[op]}>" for op, text in self.pieces)
        return f'<div style="white-space:pre-wrap">{inner}</div><div>{self.shared:.0%} of the words are in both</div>'


def words(a: str, b: str) -> list[tuple[Op, str]]:
    """How `a` becomes `b`: pieces that are equal, removed, or added, white space kept.

    All ``=`` and ``-`` joined are `a`, all ``=`` and ``+`` are `b`. Chinese, Japanese and Korean go by character.
    """
    first, second = _WORDS.findall(a), _WORDS.findall(b)
    same = _matches(first, second)
    found: list[tuple[Op, str]] = []
    i = j = 0
    for x, y, length in [*same, (len(first), len(second), 0)]:
        found += [("-", "".join(first[i:x])), ("+", "".join(second[j:y])), ("=", "".join(first[x : x + length]))]
        i, j = x + length, y + length
    return _joined([piece for piece in found if piece[1]])


def shared(pieces: Iterable[tuple[Op, str]]) -> float:
    """Which part of the words of both texts is in both, from 0 to 1, of what `words` found; of empty texts all."""
    counts = Counter[Op]()
    for op, text in pieces:
        counts[op] += sum(not word.isspace() for word in _WORDS.findall(text)) * (2 if op == "=" else 1)
    return counts["="] / counts.total() if counts.total() else 1.0


def _matches(a: list[str], b: list[str]) -> list[tuple[int, int, int]]:
    """Runs that both have, in order: where in `a`, where in `b`, how long."""
    pairs: list[tuple[int, int, int]] = []
    steps = MOST_STEPS
    stack: list[_Span] = [(0, len(a), 0, len(b))]
    while stack:
        low, high, left, right = stack.pop()
        start = low
        while low < high and left < right and a[low] == b[left]:
            low, left = low + 1, left + 1
        if low > start:
            pairs.append((start, left - (low - start), low - start))
        end = high
        while high > low and right > left and a[high - 1] == b[right - 1]:
            high, right = high - 1, right - 1
        if end > high:
            pairs.append((high, right, end - high))
        if low == high or left == right:
            continue
        anchors = _anchors(a, b, (low, high, left, right))
        if anchors:
            for x, y in [*anchors, (high, right)]:
                stack.append((low, x, left, y))
                low, left = x, y
        else:
            found, used = _shortest(a[low:high], b[left:right], steps)
            steps -= used
            pairs += [(low + x, left + y, 1) for x, y in found]
    runs: list[tuple[int, int, int]] = []
    for x, y, length in sorted(pairs):
        if runs and (runs[-1][0] + runs[-1][2], runs[-1][1] + runs[-1][2]) == (x, y):
            x, y, before = runs.pop()
            length += before
        runs.append((x, y, length))
    return runs


def _anchors(a: list[str], b: list[str], span: _Span) -> list[tuple[int, int]]:
    """Places of the words that each side holds once, the longest series that rises on both sides."""
    low, high, left, right = span
    once_a, once_b = Counter(a[low:high]), Counter(b[left:right])
    where = {b[y]: y for y in range(left, right) if once_b[b[y]] == 1}
    both = [(x, where[a[x]]) for x in range(low, high) if once_a[a[x]] == 1 and a[x] in where]
    tails: list[int] = []  # the least last place of a series of each length
    ends: list[int] = []  # which pair that is
    before: list[int] = []
    for index, (_, y) in enumerate(both):
        length = bisect_left(tails, y)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1], ends[length : length + 1] = [y], [index]
    series = []
    index = ends[-1] if ends else -1
    while index >= 0:
        series.append(both[index])
        index = before[index]
    return series[::-1]


def _shortest(a: list[str], b: list[str], budget: int) -> tuple[list[tuple[int, int]], int]:
    """Pairs of equal words on a shortest edit, and the steps taken; no pairs when the budget does not suffice."""
    reached = {1: 0}  # on each diagonal, how far in `a`
    history: list[dict[int, int]] = []
    steps = 0
    for edits in range(min(len(a) + len(b), MOST_EDITS) + 1):
        history.append(reached.copy())
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])
            x = reached[diagonal + 1] if down else reached[diagonal - 1] + 1
            y = start = x - diagonal
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y = x + 1, y + 1
            reached[diagonal] = x
            steps += 1 + y - start
            if x >= len(a) and y >= len(b):
                return _walked_back(history, len(a), len(b)), steps
        if steps > budget:
            break
    return [], steps


def _walked_back(history: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    """The pairs on the way that Myers' search went, from its end."""
    pairs = []
    for edits in range(len(history) - 1, -1, -1):
        reached, diagonal = history[edits], x - y
        down = diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])
        came = diagonal + 1 if down else diagonal - 1
        from_x = reached[came]
        from_y = from_x - came
        while x > max(from_x, 0) and y > max(from_y, 0):
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = from_x, from_y
    return pairs[::-1]


def _joined(pieces: list[tuple[Op, str]]) -> list[tuple[Op, str]]:
    """Neighbours of one kind as one; between two equal pieces at most one removed and one added.

    A blank that is equal between two changes goes to both: "a b" to "x y" reads as one change.
    """
    found: list[tuple[Op, str]] = []
    removed, added = [], []  # of the change that is going on
    for place, (op, text) in enumerate(pieces):
        if op == "-":
            removed.append(text)
        elif op == "+":
            added.append(text)
        elif text.isspace() and "\n" not in text and removed and added and place + 1 < len(pieces):
            removed.append(text)
            added.append(text)
        else:
            found += _change(removed, added)
            removed, added = [], []
            if found and found[-1][0] == "=":
                text = found.pop()[1] + text
            found.append(("=", text))
    return found + _change(removed, added)


def _change(removed: list[str], added: list[str]) -> list[tuple[Op, str]]:
    both: list[tuple[Op, str]] = [("-", "".join(removed)), ("+", "".join(added))]
    return [piece for piece in both if piece[1]]
