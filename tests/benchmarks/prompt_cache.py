"""What a prompt costs when most of it was read before: on MLX, with models made here, random but of real kinds.

Read by the least possible: all scenarios of `tests/engines/chatting.py`, which says what the least is, for a model
whose cache trims (llama) and for three whose cache cannot (a sliding window that has wrapped, a recurrent state, and a
mixture of recurrent and full layers). Every answer is compared with a cold start's, token by token, greedy.
Time to first token: a chat of ten turns, 130 to 160 new tokens each, on a model in which reading costs more than
everything else; the last turn with what was read kept, and without, in turn.
Lookup: the longest beginning of a prompt of 100,000 tokens among 32 held ones that all share most of it.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from common import arguments, interleaved, last_line, spread, table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.engines import tiny
from tests.engines.chatting import SCENARIOS, Desk, begin, load, said
from workbench import messages
from workbench.engines.prompt_cache import PromptCache, Reading, packed
from workbench.options import GenerationOptions
from workbench.request import Request

KEYS = ("prefill_ratio_trim", "prefill_ratio_notrim", "ttft_speedup_turn10", "lookup_ms_100k", "mismatched_tokens")
WORDS, TOKENS = 60, 40
"""A turn in the scenarios: words of a question, tokens of its answer."""
LARGER = {
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
}


def scenarios(place: Path, kind: str, *, smoke: bool) -> tuple[list[tuple[str, float]], Desk]:
    """Each scenario's ratio, and a desk with the sums of all."""
    folder = tiny.make(kind, place / kind)
    engine, cold = load(folder), load(folder, 0)
    total = Desk(engine, cold, trims=kind == "llama")
    rows = []
    for scenario in SCENARIOS:
        engine._kept = PromptCache(engine._model, 2**30)
        sizes = {} if smoke else {"words": WORDS, "tokens": TOKENS}
        desk = Desk(engine, cold, trims=total.trims, **sizes)
        scenario(desk)
        rows.append((scenario.__name__, desk.ratio))
        total.read, total.least = total.read + desk.read, total.least + desk.least
        total.mismatched += desk.mismatched
    return rows, total


def first_token(place: Path, *, turns: int, rounds: int, **shape: object) -> tuple[list[float], list[float], int, int]:
    """Seconds to the first token of the last turn, with what was read kept and without; tokens: of it, new in it."""
    folder = tiny.make("llama", place / "larger", **shape)
    engine, cold = load(folder), load(folder, 0)
    desk = Desk(engine, cold, trims=True, words=50, tokens=64)
    chat = begin(desk)
    sizes = []
    for turn in range(turns):
        request = Request(messages=tuple(chat), model="m", options=GenerationOptions(max_tokens=64))
        sizes.append(engine.count_tokens(request))
        if turn == turns - 1:
            break
        events = list(engine.generate([request], lambda run: False))
        chat += [messages.assistant(said(events)), messages.user(desk.words_of())]

    def seconds(which: Any) -> float:
        """The last turn with another question each time, of as many words."""
        asked = (*chat[:-1], messages.user(desk.words_of()))
        request = Request(messages=asked, model="m", options=GenerationOptions(max_tokens=1))
        *_, end = which.generate([request], lambda run: False)
        return float(end.metrics.ttft_s)

    def kept() -> float:
        return seconds(engine)

    def anew() -> float:
        return seconds(cold)

    kept(), anew()
    warm, without = interleaved(rounds, kept, anew)
    return warm, without, sizes[-1], sizes[-1] - sizes[-2]


def lookups(length: int, held: int, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of a lookup, and of writing a prompt's ids as the bytes it compares."""
    rng = random.Random(1)
    shared = [rng.randrange(150_000) for _ in range(length)]
    kept = PromptCache(None, 2**40)
    layer = SimpleNamespace(state=[], is_trimmable=lambda: True)  # a cache without arrays: only its tokens matter here
    for _ in range(held):
        ids = [*shared[: length - rng.randrange(1, length // 10)], *(rng.randrange(150_000) for _ in range(100))]
        kept.keep(Reading([layer], len(ids)), ids)
    found, packing = [], []
    for _ in range(rounds):
        ids = [*shared[: length - rng.randrange(1, length // 10)], 1, 2, 3]
        began = time.perf_counter()
        prompt = packed(ids)
        packing.append((time.perf_counter() - began) * 1e3)
        began = time.perf_counter()
        kept.longest(prompt)
        found.append((time.perf_counter() - began) * 1e3)
    return found, packing


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        kinds = ("llama", "mamba2") if smoke else tuple(tiny.KINDS)
        played = {kind: scenarios(place, kind, smoke=smoke) for kind in kinds}
        sizes = {} if smoke else LARGER
        warm, without, whole, new = first_token(place, turns=3 if smoke else 10, rounds=1 if smoke else 5, **sizes)
    found, packing = lookups(1000 if smoke else 100_000, 32, 5 if smoke else 200)

    fixed = [total for kind, (_, total) in played.items() if kind != "llama"]
    trim = played["llama"][1].ratio
    notrim = sum(desk.read for desk in fixed) / sum(desk.least for desk in fixed)
    mismatched = sum(total.mismatched for _, total in played.values())
    speedup = statistics.median(b / a for a, b in zip(warm, without, strict=True))
    rows = [(f"{kind}: {name}", f"{ratio:.3f}") for kind, (each, _) in played.items() for name, ratio in each]
    rows += [
        (f"{kind}: all", f"{total.read:,} read, least {total.least:,}: {total.ratio:.4f}")
        for kind, (_, total) in played.items()
    ]
    table(
        [
            *rows,
            (f"first token, {whole:,} tokens, about {new} new, kept, s", spread(warm)),
            ("the same, nothing kept, s", spread(without)),
            ("times faster", f"{speedup:.1f}"),
            ("lookup, 100,000 tokens, 32 held, ms", spread(found)),
            ("ids to bytes before it, ms", spread(packing)),
            ("tokens other than a cold start's", str(mismatched)),
        ]
    )
    last_line(
        prefill_ratio_trim=trim,
        prefill_ratio_notrim=notrim,
        ttft_speedup_turn10=speedup,
        lookup_ms_100k=statistics.median(found),
        mismatched_tokens=mismatched,
    )


if __name__ == "__main__":
    main()
