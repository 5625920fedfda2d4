"""What a history of 100,000 messages costs: finding words in it, opening a chat, and keeping an answer as it streams.

Some thousand chats of made-up text whose words are as unequally common as those of a language. Searches are of one to
three words and phrases, rare and common, the last word often unfinished, no two alike; each is timed until its hits
with their snippets are there. Opening is of chats with 300 messages. Appending is 100 tokens a second: the processor
time of the whole process less that of the same loop without a history, as a share of one core.
"""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import arguments, last_line, table

from workbench.events import Metrics, Usage
from workbench.messages import Text
from workbench.store.history import History, StoredChat, StoredMessage

KEYS = ("search_p99_ms", "open_ms", "append_core_fraction")
VOCABULARY = 40_000
LONG_CHAT = 300
"""Messages of the chats that are opened."""
TOKENS_A_SECOND = 100


class Speech:
    """Made-up text: words by rank, the n-th one 1/n as common as the first."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._numbers = np.random.default_rng(seed)
        syllables = [first + vowel for first in "bcdfghklmnprstvwz" for vowel in ("a", "e", "i", "o", "u", "an", "er")]
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            words["".join(self.random.choices(syllables, k=self.random.choice((1, 2, 2, 3, 3, 4))))] = None
        self.words = np.array(sorted(words, key=len))
        self._shares = np.cumsum(1 / np.arange(2, VOCABULARY + 2))
        self._shares /= self._shares[-1]

    def text(self, length: int) -> str:
        """So many words."""
        picked = np.searchsorted(self._shares, self._numbers.random(length))
        return " ".join(self.words[picked]) + "."

    def word(self) -> str:
        """One as a person would look for it: of any rank alike, the commonest as well."""
        return str(self.words[int(VOCABULARY ** self.random.random()) - 1])


def filled(history: History, messages: int, speech: Speech) -> list[str]:
    """Write so many messages; the ids of the long chats."""
    long: list[str] = []
    written = 0
    for number in itertools.count():
        if written >= messages:
            break
        size = LONG_CHAT if number % 50 == 0 else speech.random.choice((2, 4, 6, 10, 20, 40))
        chat, at = f"chat{number}", 1.7e9 + 3600.0 * number
        if size == LONG_CHAT:
            long.append(chat)
        tags = ("work",) if number % 7 == 0 else ()
        history.put_chat(StoredChat(id=chat, title=speech.text(5), created=at, updated=at, tags=tags))
        parent = None
        for turn in range(size):
            message = f"{chat}-{turn}"
            history.put_message(
                StoredMessage(
                    id=message,
                    chat=chat,
                    parent=parent,
                    role="assistant" if turn % 2 else "user",
                    created=at + 20 * turn,
                    parts=(Text(speech.text(speech.random.randint(60, 260) if turn % 2 else 25)),),
                    model="builtin" if turn % 2 else None,
                    usage=Usage(prompt_tokens=300, completion_tokens=200) if turn % 2 else Usage(),
                    metrics=Metrics(ttft_s=0.2, decode_tps=40.0) if turn % 2 else Metrics(),
                )
            )
            parent = message
        written += size
        if number % 50 == 49 and not history.flush(600):
            raise SystemExit(f"It could not be written: {history.problem}")
    history.flush(600)
    return long


def searches(count: int, speech: Speech) -> list[str]:
    """Different ones, as people type them."""
    found: dict[str, None] = {}
    while len(found) < count:
        words = [speech.word() for _ in range(speech.random.choice((1, 1, 1, 2, 2, 3)))]
        kind = speech.random.random()
        if kind < 0.4:
            words[-1] = words[-1][: speech.random.randint(1, len(words[-1]))]
        asked = f'"{" ".join(words)}"' if kind > 0.9 else " ".join(words) + (" " if kind > 0.7 else "")
        found[asked] = None
    return list(found)


def timed(call: object, given: Sequence[object]) -> tuple[list[float], list[float]]:
    """Milliseconds of a call with each of these, by the clock and of the processor."""
    times, work = [], []
    for each in given:
        began, worked = time.perf_counter(), time.thread_time()
        call(each)  # type: ignore[operator]
        times.append(1000 * (time.perf_counter() - began))
        work.append(1000 * (time.thread_time() - worked))
    return times, work


def streaming(history: History | None, seconds: float) -> float:
    """Seconds of the processor that this process takes while an answer comes in."""
    if history is not None:
        history.put_chat(StoredChat(id="now", created=2e9, updated=2e9))
        history.put_message(
            StoredMessage(id="answer", chat="now", parent=None, role="assistant", created=2e9, status="writing")
        )
        history.flush()
    worked, begun = time.process_time(), time.perf_counter()
    for token in range(int(seconds * TOKENS_A_SECOND)):
        if history is not None:
            history.append("answer", text=f"token{token} ")
        time.sleep(max(0.0, begun + (token + 1) / TOKENS_A_SECOND - time.perf_counter()))
    if history is not None:
        history.flush()
    return time.process_time() - worked


def p99(values: Sequence[float]) -> float:
    """The value that 99 of 100 do not exceed."""
    return sorted(values)[min(len(values) - 1, int(0.99 * len(values)))]


def _both(measured: Sequence[Sequence[float]]) -> str:
    return "; ".join(f"{statistics.median(one):.1f}, {p99(one):.1f}, {max(one):.1f}" for one in measured)


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    messages, count, seconds = (2_000, 60, 1.0) if smoke else (100_000, 2_000, 10.0)
    speech = Speech(seed=1)
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "history.sqlite3")
        began = time.perf_counter()
        long = filled(history, messages, speech)
        writing = time.perf_counter() - began
        found = timed(history.search, searches(count, speech))
        listed = timed(history.chats, searches(count // 10, speech))
        page = timed(history.chats, [""] * 50)
        opened = timed(history.load, speech.random.sample(long, min(len(long), 40)))
        idle = streaming(None, seconds)
        fraction = max(0.0, streaming(history, seconds) - idle) / seconds
        rows = [
            (f"{messages:,} messages written, s", f"{writing:.1f}"),
            ("size of the file, MB", f"{history.size() / 1e6:.0f}"),
            ("in ms by the clock; of the processor", "median, p99, most"),
            ("a search", _both(found)),
            ("the chats with some words", _both(listed)),
            ("the first 100 chats", _both(page)),
            (f"opening a chat of {LONG_CHAT} messages", _both(opened)),
            (f"appending {TOKENS_A_SECOND} tokens/s, share of a core", f"{fraction:.4f}"),
        ]
        history.close()
    table(rows)
    last_line(search_p99_ms=p99(found[0]), open_ms=p99(opened[0]), append_core_fraction=fraction)


if __name__ == "__main__":
    sys.exit(main())
