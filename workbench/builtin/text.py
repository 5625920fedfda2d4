"""The training text of the model that ships: conversations, made at random from phrasings written by hand.

    text.py           this file: what a sample is, how wording is varied, how long chats are made, the filter
    text_talk.py      greetings, who it is, stories, what it does not know
    text_verbs.py     how to use the workbench; its parts: text_manager.py, text_keeping.py, text_comparing.py,
                      text_context.py
    text_python.py    short Python answers
    text_skills.py    arithmetic, tool calls, JSON objects, follow-ups

A phrasing may hold alternatives, ``[how do i|how to]``, and slots, ``{name}``. It knows no model and no tokenizer.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ALTERNATIVES = re.compile(r"\[([^\[\]]*)\]")
NEIGHBOURS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioposdfghjklkxcvbnmn", strict=True))
"""A key beside each on the keyboard."""


def word_list(block: str) -> list[str]:
    """The words of a block."""
    return block.split()


SMALL = word_list(
    """
    the a an is are do does to i me you my in of it can for some please
    """
)

WRAPS = """
how do i {g}
how do i {g}?
how can i {g}
how to {g}
how would i {g}
how does one {g}
how do you {g}
[whats|what's|what is] the [way|command|call|function|line] to {g}
i [want|need|would like|'d like] to {g}
show me how to {g}
[can|could] you [show|tell] me how to {g}
tell me how to {g}
is there a way to {g}
is it possible to {g}
can i {g}
[please |]help me {g}
what do i [type|write|call|run] to {g}
what should i [type|write] to {g}
{g}
{g}
{g} - how
{g}, how [do i do that|does that work]
[trying|want|need|wanna] to {g}
im trying to {g}
i am trying to {g}, what [do i|should i] [write|do|type]
best way to {g}
[easiest|simplest|quickest] way to {g}
[which|what] [function|command|method] [lets me|do i use to|would] {g}
[need|give me|show] [some |]code to {g}
give me an example of how to {g}
i forgot how to {g}
[whats|what is] the syntax to {g}
how am i supposed to {g}
[explain|describe] how to {g}
what if i want to {g}
any [way|chance] to {g}
steps to {g}
quick way to {g}
i have to {g}
let me {g}
i'd love to {g}
where do i {g}
""".strip().splitlines()

BEFORE = """
hey,
hi,
hello,
ok,
so
please
quick question:
question:
sorry,
excuse me,
hi there,
one more thing:
and
well,
good day,
hmm,
i was wondering,
thanks. now
morning!
could you please help:
i'm new here.
newbie question:
""".strip().splitlines()

AFTER = """
please
thanks
thank you
pls
thx
if possible
, please
for me
?
!
...
:)
exactly
again
, thanks
, do you know
, any idea
""".strip().splitlines()

SYSTEM = """
You are a helpful assistant.
You are a [helpful|kind|careful|patient|friendly] [assistant|helper|guide|companion].
Be brief.
Answer [briefly|shortly|clearly|politely|in one sentence|in plain words].
You [help|assist] people [who work|working] in [notebooks|a notebook|JupyterLab].
You are the [assistant|helper] of a [small|large|quiet] [company|team|school|lab].
Keep [answers|your answers|it] [short|simple|friendly].
You are [builtin|a small model|a chat bot].
The user is [a beginner|an expert|in a hurry|called {name}].
You are a pirate.
You are a teacher of [maths|Python|history].
Use plain text only.
You are {name}, a [friendly|grumpy|clever] [robot|guide|cook].
Be honest. Say so when you do not know.
Today is a good day.
""".strip().splitlines()

FIRST = word_list(
    """
    Anna Ben Clara David Emma Felix Greta Hugo Ida Jonas Karl Lena Marco Nora Oscar Paula Quentin Rosa Sam Tina Ulla
    Victor Wanda Xavier Yara Zoe Amir Bella Chen Diego Elif Fatima Goran Hana Igor Jamal Keiko Liam Mia Noah Olga Pedro
    Rahul Sara Tariq Uma Vera Wei Ximena Yusuf Zara Alice Bob Carol Dave Eve Frank Grace Heidi Ivan Judy Mallory Peggy
    Trent Walter Maria Ali Lucas Sofia Mateo Aisha Kofi Ngozi Bjorn Astrid Sven Ingrid Pierre Chloe Luca Giulia Anika
    Ravi Priya Arjun Tom Tim Jim Jane John Mary Peter Paul Lucy Ellie Max Leo Theo Finn Ruth Esther Omar Layla Nadia
    Dmitri Katya Tomasz
    """
)
CITIES = word_list(
    """
    Rome Paris Berlin London Madrid Lisbon Vienna Prague Oslo Athens Dublin Cairo Tokyo Kyoto Delhi Mumbai Lima Quito
    Bogota Boston Chicago Denver Austin Seattle Toronto Montreal Sydney Perth Auckland Nairobi Lagos Accra Tunis Dakar
    Seoul Busan Hanoi Manila Jakarta Bangkok Beijing Shanghai Istanbul Ankara Warsaw Krakow Zurich Geneva Basel Munich
    Hamburg Cologne Milan Naples Turin Venice Florence Seville Porto Ghent Bruges Antwerp Utrecht Leiden Malmo Bergen
    Turku Riga Vilnius Leipzig Bremen Graz Lyon Nice Marseille Bath York Leeds Bristol Cardiff Cork Galway Havana
    Kingston Phoenix Dallas
    """
)
COLOURS = word_list(
    """
    red green blue yellow purple orange pink brown black white grey teal violet crimson gold silver beige
    """
)
ANIMALS = word_list(
    """
    cat dog parrot horse rabbit hamster turtle fox owl goat pony lizard goldfish hen cow donkey mouse
    """
)
FRUIT = word_list(
    """
    apples pears books pens coins cookies eggs stamps plums cards oranges marbles tickets shells nuts cups
    """
)
ONSETS = word_list(
    """
    b br c ch d dr f fl g gr h j k kr l m n p pl qu r s sh sk t tr v w x y z zw th st
    """
)
VOWELS = word_list(
    """
    a e i o u ai ea oo ou ia y
    """
)
CODAS = ["", "", "", "n", "r", "l", "s", "t", "m", "x", "nd", "rk", "th", "ck", "v", "lo", "na"]


@dataclass(frozen=True)
class Sample:
    """One conversation to learn from: only the last message, the answer, is learnt."""

    group: str
    intent: str
    messages: tuple[dict[str, Any], ...]
    """Role and content, and ``tool_calls`` where the assistant calls a tool."""
    answer: str
    """What the assistant writes next, thinking block included."""
    tools: tuple[dict[str, Any], ...] = ()
    thinking: bool = True
    """False: the prompt already holds an empty thinking block."""
    plain: bool = field(default=True)
    """Whether it may become a turn of a longer chat: its answer has no thinking block and needs no tools."""


Maker = Callable[[random.Random], Sample]


def expand(rng: random.Random, phrasing: str) -> str:
    """The phrasing with one of each of its alternatives."""
    while True:
        out = ALTERNATIVES.sub(lambda match: rng.choice(match[1].split("|")), phrasing)
        if out == phrasing:
            return out
        phrasing = out


def made_up(rng: random.Random, syllables: int = 2) -> str:
    """A word that nobody has used before, so that copying is learnt and not the words."""
    return "".join(rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(syllables)) + rng.choice(CODAS)


def person(rng: random.Random) -> str:
    """A first name, often made up; sometimes in lower case."""
    name = rng.choice(FIRST) if rng.random() < 0.5 else made_up(rng, rng.choice((1, 2, 2, 3))).capitalize()
    return name.lower() if rng.random() < 0.2 else name


def place(rng: random.Random) -> str:
    """A city, often made up; sometimes of two words, sometimes in lower case."""
    name = rng.choice(CITIES) if rng.random() < 0.5 else made_up(rng, rng.choice((2, 2, 3))).capitalize()
    if rng.random() < 0.12:
        name = rng.choice(("New", "San", "Port", "Upper", "Saint", "Los", "East")) + " " + name
    return name.lower() if rng.random() < 0.25 else name


def vary(rng: random.Random, text: str) -> str:
    """The same wish as another person would type it: case, articles, politeness, typos, punctuation.

    Words with a slot are left as they are.
    """
    words = text.split()
    if rng.random() < 0.15:
        words = [w for w in words if w not in ("the", "a", "an", "some") or rng.random() < 0.2] or words
    if rng.random() < 0.06 and len(words) > 4:
        gone = rng.choice(SMALL)
        words = [w for w in words if w != gone]
    if rng.random() < 0.16:
        words = [*rng.choice(BEFORE).split(), *words]
    if rng.random() < 0.14:
        after = rng.choice(AFTER)
        words = [*words[:-1], words[-1].rstrip("?.!") + after] if after[0] in ",?!.:" else [*words, *after.split()]
    if rng.random() < 0.22:
        at = rng.randrange(len(words))
        words[at] = typo(rng, words[at])
        if rng.random() < 0.3:
            at = rng.randrange(len(words))
            words[at] = typo(rng, words[at])
    text = " ".join(words)
    style = rng.random()
    if style < 0.45 and text:
        text = text[0].upper() + text[1:]
        text = re.sub(r"\bi\b", "I", text)
    elif style < 0.5:
        text = re.sub(r"\{\w+\}|[^{}]", lambda m: m[0] if len(m[0]) > 1 else m[0].upper(), text)
    end = rng.random()
    if end < 0.3:
        text = text.rstrip("?.! ")
    elif end < 0.5 and text[-1].isalpha():
        text += rng.choice(("?", "?", ".", "!", " ?", "??"))
    return text


def typo(rng: random.Random, word: str) -> str:
    """The word with one slip of the finger; short words and slots stay."""
    if len(word) < 4 or not word.isalpha():
        return word
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + NEIGHBOURS.get(word[at], word[at]) + word[at + 1 :]


def fill(text: str, values: dict[str, object]) -> str:
    """The text with every slot's value put in."""
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def wording(rng: random.Random, phrasings: list[str], goals: list[str], suffixes: tuple[str, ...] = ("",)) -> str:
    """One wish, unvaried: a whole phrasing, or a goal in one of the shared wraps."""
    if goals and rng.random() < len(goals) * 3 / (len(goals) * 3 + len(phrasings)):
        text = rng.choice(WRAPS).replace("{g}", rng.choice(goals) + rng.choice(suffixes))
    else:
        text = rng.choice(phrasings)
    return expand(rng, text)


def lines(block: str) -> list[str]:
    """The lines of a block, without the empty ones."""
    return [line.strip() for line in block.splitlines() if line.strip()]


def runs(text: str) -> set[tuple[str, ...]]:
    """Every run of four words of a text, lower-cased, with punctuation once removed and once as a space."""
    out: set[tuple[str, ...]] = set()
    for gap in ("", " "):
        words = re.sub(r"[^\w\s]|_", gap, text.lower()).split()
        out |= {tuple(words[i : i + 4]) for i in range(len(words) - 3)}
    return out


def held_out_runs(path: Path) -> set[tuple[str, ...]]:
    """The runs of four words of every user message in a file of held-out questions."""
    items = json.loads(path.read_text("utf-8"))
    found: set[tuple[str, ...]] = set()
    for item in items:
        for message in item["messages"]:
            if message["role"] == "user":
                found |= runs(message["content"])
    return found


def texts(sample: Sample) -> Iterator[str]:
    """Every text of a sample that a person or the model is seen to say."""
    for message in sample.messages:
        yield message["content"]
    yield sample.answer


def allowed(sample: Sample, held_out: set[tuple[str, ...]]) -> bool:
    """Whether no text of the sample shares a run of four words with the held-out questions."""
    return all(runs(text).isdisjoint(held_out) for text in texts(sample))


def groups() -> dict[str, tuple[float, list[Maker]]]:
    """Every group with its share of the samples and the makers of its intents."""
    from workbench.builtin import text_python, text_skills, text_talk, text_verbs

    return {
        "greeting": (0.05, text_talk.greeting_makers()),
        "identity": (0.08, text_talk.identity_makers()),
        "unknown": (0.17, text_talk.unknown_makers()),
        "show": (0.03, text_talk.show_makers()),
        "copy": (0.03, text_talk.copy_makers()),
        "verb": (0.22, text_verbs.makers()),
        "python": (0.12, text_python.makers()),
        "arithmetic": (0.13, text_skills.arithmetic_makers()),
        "tool": (0.05, text_skills.tool_makers()),
        "json": (0.06, text_skills.json_makers()),
        "followup": (0.09, text_skills.followup_makers()),
    }


def samples(seed: int, held_out: set[tuple[str, ...]], copies: float = 0.0) -> Iterator[Sample]:
    """An endless stream of samples; none shares a run of four words with the held-out questions.

    `copies` is the share of samples that only ask to repeat something, beside those of the group of that name.
    """
    rng = random.Random(seed)
    table = groups()
    names = list(table)
    shares = [table[name][0] for name in names]
    while True:
        group = "copy" if rng.random() < copies else rng.choices(names, shares)[0]
        sample = rng.choice(table[group][1])(rng)
        if not allowed(sample, held_out):
            continue
        if rng.random() < 0.2 and sample.messages[0]["role"] != "system":
            sample = with_system(rng, sample)
        yield sample


def with_system(rng: random.Random, sample: Sample) -> Sample:
    """The sample behind a system message, which changes nothing in the answer."""
    content = fill(expand(rng, rng.choice(SYSTEM)), {"name": person(rng)})
    return Sample(
        sample.group,
        sample.intent,
        ({"role": "system", "content": content}, *sample.messages),
        sample.answer,
        sample.tools,
        sample.thinking,
        sample.plain,
    )


def chat_of(stream: Iterator[Sample], turns: int) -> Sample:
    """A chat of several samples one after another; the last one is what is learnt."""
    messages: list[dict[str, Any]] = []
    while True:
        sample = next(stream)
        if sample.intent == "never_told":  # an earlier turn may have told it
            continue
        own = [m for m in sample.messages if m["role"] != "system" or not messages]
        if len(messages) // 2 >= turns - 1:
            break
        if sample.plain and not sample.tools:
            messages += [*own, {"role": "assistant", "content": sample.answer}]
    return Sample(
        sample.group,
        sample.intent,
        (*messages, *own),
        sample.answer,
        sample.tools,
        sample.thinking,
        sample.plain,
    )
