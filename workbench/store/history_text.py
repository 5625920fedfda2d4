"""Words of a search: what they ask of the index, and where they stand in a text. Knows no database.

The index takes a word to be letters and digits between others, without case and accents. Chinese, Japanese, Korean,
Thai, Lao, Khmer, Burmese and Tibetan are written without spaces, so there each character is a word of its own, and a
run of them is looked for as a phrase: any part of a sentence is found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

from workbench.messages import File, Part, Text, ToolCall, ToolResult

MOST_WORDS = 20
"""Words and phrases of a search that count."""
AROUND = 70
"""Characters of a snippet before the first match; after it there are twice as many."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff"
    "\u3100-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uffdc\U00020000-\U0003ffff]"
)
_QUOTED = re.compile(r'"([^"]*)("?)|[^\s"]+')


class Word(msgspec.Struct, frozen=True):
    """A word or a phrase that a text must hold."""

    text: str
    """Without case and accents; of a phrase the words with single spaces between."""
    begins: bool = False
    """Whether it may be the beginning of a longer word: it is still being typed."""


def words_of(asked: str) -> list[Word]:
    """The words and quoted phrases of a search, the last one unfinished when nothing comes after it. No syntax."""
    asked = _folded(_clean(asked))
    found = []
    for match in _QUOTED.finditer(asked):
        text = match[0] if match[1] is None else match[1]
        text = " ".join(re.findall(r"[^\W_]+", _spaced(text)))
        if text:
            unfinished = match.end() == len(asked) and not match[2] and not _UNSPACED.match(text[-1])
            found.append(Word(text, unfinished))
    return found[:MOST_WORDS]


def match_of(words: Sequence[Word]) -> str:
    """What FTS5 is asked for: every one of the words, in any order."""
    return " ".join(f'"{word.text}"{"*" if word.begins else ""}' for word in words)


def indexed(parts: Sequence[Part]) -> str:
    """The text of a message as the index takes it."""
    return _spaced(_folded(_clean(said(parts))))


def said(parts: Sequence[Part]) -> str:
    """What a search looks through: texts, files, tool calls and their results; not what a model thought."""
    texts = []
    for part in parts:
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, File):
            texts.append(f"{part.name}\n{part.text}")
        elif isinstance(part, ToolCall):
            texts.append(f"{part.name} {part.arguments}")
        elif isinstance(part, ToolResult):
            texts.append(part.content)
    return "\n".join(texts)


def pattern_of(words: Sequence[Word]) -> re.Pattern[str]:
    """What finds these words in a text without case and accents, also inside others; group 1 is the unfinished one."""
    texts = []
    for word in sorted(words, key=lambda word: -len(word.text)):
        text = r"[\W_]*".join(map(re.escape, word.text.split(" ")))
        texts.append(f"({text})" if word.begins else text)
    return re.compile("|".join(texts) or "(?!)")


def snippet(text: str, pattern: re.Pattern[str]) -> tuple[tuple[str, bool], ...]:
    """The text around the first match, in pieces: a text, and whether it matched; its beginning when nothing does."""
    text = _clean(text)
    plain = _folded(text)
    at, _ = next(_matches(plain, pattern), (0, 0))
    start = 0 if at <= AROUND else _after_space(text, at - AROUND, at)
    end = min(len(text), max(at, start) + 2 * AROUND)
    pieces: list[tuple[str, bool]] = [("... ", False)] if start else []
    done = start
    for first, last in _matches(plain[:end], pattern, start):
        pieces += [(text[done:first], False), (text[first:last], True)]
        done = last
    pieces.append((text[done:end] + (" ..." if end < len(text) else ""), False))
    return tuple((re.sub(r"\s+", " ", piece), hit) for piece, hit in pieces if piece)


def _matches(plain: str, pattern: re.Pattern[str], start: int = 0) -> Iterator[tuple[int, int]]:
    """Where whole words match: from, to."""
    for match in pattern.finditer(plain, start):
        first, last = match.span()
        if match.lastindex:
            while _in_word(plain, last):
                last += 1
        elif _in_word(plain, last - 1) and _in_word(plain, last):
            continue
        if not (first and _in_word(plain, first - 1) and _in_word(plain, first)):
            yield first, last


def _in_word(text: str, at: int) -> bool:
    """Whether there is a character that has others of its word beside it."""
    return at < len(text) and text[at].isalnum() and not _UNSPACED.match(text[at])


def _folded(text: str) -> str:
    """Character for character without case and accents."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


def _spaced(text: str) -> str:
    return text if text.isascii() else _UNSPACED.sub(r" \g<0> ", text)


def _after_space(text: str, start: int, end: int) -> int:
    """Where a word begins between the two, else the first."""
    space = text.find(" ", start, end)
    return start if space < 0 else space + 1


def _clean(text: str) -> str:
    """Composed, and without what a database cannot hold."""
    if text.isascii():
        return text.replace("\0", " ")
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode()).replace("\0", " ")


class _Folded(dict[int, int]):
    """Each character without case and accents, as one character; a mark that stays alone parts words."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        if unicodedata.combining(character):
            character = "_"
        elif not _UNSPACED.match(character):
            character = unicodedata.normalize("NFD", character)[0].lower()[0]
        self[code] = folded = ord(character)
        return folded


_FOLDED = _Folded()
