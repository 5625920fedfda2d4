"""Chats played on an MLX engine, with books on what had to be read of each prompt: for tests and a benchmark.

What the least is that can be read of a prompt:

    a cache that trims       all but the longest beginning it shares with anything read or written before
    one that cannot          all but the longest such beginning that ends where a message begins, or where an answer,
                             or a reading that was broken off, came to its end

and always one token.
"""

from __future__ import annotations

import random
from itertools import takewhile
from pathlib import Path

from workbench import messages
from workbench.engines import LoadSpec, make_engine
from workbench.events import Failed, PrefillProgress, ReasoningDelta, TextDelta
from workbench.options import GenerationOptions
from workbench.request import Request

OPENER = "<|im_start|>"
WORDS = "one small model lived in a quiet notebook and counted its tokens until the sun was high over the hill"


def load(folder: Path, budget: int | None = None):
    """An engine with the model of a folder; a budget of 0 makes it start every prompt anew."""
    engine = make_engine("mlx")
    list(engine.load(LoadSpec(model="tiny", path=str(folder), cache_budget=budget), lambda: False))
    return engine


def said(events) -> str:
    """The text of an answer."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def written(events) -> list[int]:
    """The token ids of an answer."""
    return [token for event in events if isinstance(event, TextDelta | ReasoningDelta) for token in event.tokens]


class Desk:
    """An engine that keeps what it has read, one that does not, and the books."""

    def __init__(self, engine, cold, *, trims: bool, words: int = 12, tokens: int = 8) -> None:
        self.engine = engine
        self.cold = cold
        self.words = words
        """How many words a person says a turn."""
        self.tokens = tokens
        """How many tokens an answer has."""
        self.trims = trims
        self.read = self.least = self.mismatched = 0
        """Tokens read, the least that could be, and tokens that another than a cold start gave."""
        self._random = random.Random(7)
        self._known: list[tuple[list[int], list[int]]] = []  # tokens, and the places to come back to

    @property
    def ratio(self) -> float:
        """Tokens read by the least possible."""
        return self.read / self.least

    def words_of(self, count: int | None = None) -> str:
        """Something a person may say."""
        return " ".join(self._random.choices(WORDS.split(), k=count or self.words))

    def ask(self, conversation, *, stop_reading_at: int | None = None, **more):
        """Answer a conversation, write it into the books, and compare with a cold start; gives the events."""
        options = GenerationOptions(**({"max_tokens": self.tokens} | more))
        request = Request(messages=tuple(conversation), model="tiny", options=options)
        prompt = self.engine._encode(self.engine.render(request))
        least = self._least(prompt)
        done = 0

        def cancelled(run: str) -> bool:
            return stop_reading_at is not None and done >= stop_reading_at

        events = []
        for event in self.engine.generate([request], cancelled):
            done = event.done if isinstance(event, PrefillProgress) else done
            events.append(event)
        if isinstance(events[-1], Failed):
            return events
        if events[-1].reason == "cancelled":
            self._note(prompt[:done])
            return events
        self.read += len(prompt) - events[-1].usage.cached_tokens
        self.least += least
        cold = written(list(self.cold.generate([request], lambda run: False)))
        self.mismatched += sum(a != b for a, b in zip(written(events), cold, strict=True))
        self._note(prompt + written(events))
        return events

    def _note(self, tokens: list[int]) -> None:
        opener = self.engine._encode(OPENER)[0]
        places = [at for at, token in enumerate(tokens) if token == opener]
        self._known.append((tokens, [*places, len(tokens)]))

    def _least(self, prompt: list[int]) -> int:
        held = 0
        for tokens, places in self._known:
            pairs = zip(tokens, prompt[:-1], strict=False)
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            held = max(held, shared if self.trims else max((p for p in places if p <= shared), default=0))
        return len(prompt) - held


def begin(desk: Desk) -> list[messages.Message]:
    """A system prompt and a first question."""
    return [messages.system(desk.words_of(30)), messages.user(desk.words_of())]


def grow(desk: Desk, chat: list[messages.Message], turns: int = 4) -> None:
    """So many turns: each is answered, and another question follows."""
    for _ in range(turns):
        chat.append(messages.assistant(said(desk.ask(chat))))
        chat.append(messages.user(desk.words_of()))


def growth(desk: Desk) -> None:
    """A chat that grows."""
    grow(desk, begin(desk), 6)


def edit(desk: Desk) -> None:
    """Earlier questions asked otherwise."""
    chat = begin(desk)
    grow(desk, chat)
    for at in (5, 3, 1):
        desk.ask([*chat[:at], messages.user(desk.words_of())])


def regenerate(desk: Desk) -> None:
    """The last answer again, and an earlier one."""
    chat = begin(desk)
    grow(desk, chat)
    desk.ask(chat[:-2])
    desk.ask(chat[:-2])
    desk.ask(chat[:4])


def branch(desk: Desk) -> None:
    """A second way from an earlier question, then back on the first."""
    chat = begin(desk)
    grow(desk, chat)
    other = [*chat[:3], messages.user(desk.words_of())]
    grow(desk, other, 2)
    grow(desk, chat, 1)
    grow(desk, other, 1)


def fork(desk: Desk) -> None:
    """Two chats from one, turn by turn."""
    chat = begin(desk)
    grow(desk, chat, 3)
    other = list(chat)
    for _ in range(2):
        grow(desk, chat, 1)
        other[-1] = messages.user(desk.words_of())
        grow(desk, other, 1)


def shared_system_prompt(desk: Desk) -> None:
    """Several chats under one system prompt."""
    chat = begin(desk)
    grow(desk, chat, 2)
    for _ in range(3):
        grow(desk, [chat[0], messages.user(desk.words_of())], 2)


def dropped_thinking(desk: Desk) -> None:
    """Only the end of each answer stays in the conversation, as with templates that drop its thinking."""
    chat = begin(desk)
    for _ in range(5):
        answer = said(desk.ask(chat))
        chat += [messages.assistant(answer[len(answer) // 2 :].strip()), messages.user(desk.words_of())]


def several_chats(desk: Desk) -> None:
    """Three chats in turn."""
    chats = [begin(desk) for _ in range(3)]
    for _ in range(3):
        for chat in chats:
            grow(desk, chat, 1)


def cancel_in_prefill(desk: Desk) -> None:
    """A long question broken off while it is read, then asked again."""
    chat = begin(desk)
    grow(desk, chat, 1)
    chat[-1] = messages.user(desk.words_of(200))
    desk.ask(chat, stop_reading_at=100)
    desk.ask(chat)


def failed_run(desk: Desk) -> None:
    """A run that is refused in the midst of a chat, and one in which the framework fails."""
    chat = begin(desk)
    grow(desk, chat, 2)
    assert isinstance(desk.ask([*chat[:-1], messages.user(desk.words_of(10_000))])[-1], Failed)
    grow(desk, chat, 1)
    model, desk.engine._model = desk.engine._model, lambda *args, **more: 1 / 0
    assert isinstance(desk.ask([chat[0], messages.user(desk.words_of())])[-1], Failed)
    desk.engine._model = model
    grow(desk, chat, 1)


SCENARIOS = (
    growth,
    edit,
    regenerate,
    branch,
    fork,
    shared_system_prompt,
    dropped_thinking,
    several_chats,
    cancel_in_prefill,
    failed_run,
)
