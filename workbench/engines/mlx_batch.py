"""Several answers of one MLX model at once, through mlx-lm's BatchGenerator. Knows no request and no text.

    waiting -> what prompts share is read once -> the rest of all is read together -> one forward pass a token for all

A place that gets free is filled again. Memory has a limit: the answers begun last are put back when it is reached, and
go on from where they were once there is room.

Caches of recurrent layers and sliding windows take no padding while a prompt is read: those models read each prompt
alone and write together. A quantized cache gives wrong answers in a batch, so no model with one is batched.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from workbench.engines.mlx_reading import Reader
from workbench.engines.mlx_writing import Writing
from workbench.engines.prompt_cache import PromptCache, Reading, packed, shared_tokens
from workbench.events import Event, PrefillProgress

MOST = 32
"""Most answers at once, mlx-lm's own number."""
REFILL = MOST // 4
"""Places that must be free before others are begun: each time, those that are writing wait for their prompts."""
WORTH = 32
"""Tokens that prompts must share, beyond what is held of them, for these to be read on their own."""
BOLD = 4
"""Times the tokens of a lone prompt's piece that are read in one step of a batch."""
SHORT_STEP = 16
"""Fewest tokens of each prompt read in one step."""
AHEAD = 256
"""Tokens of an answer that room must be left for before it is begun."""


def can_batch(model: Any) -> bool:
    """Whether all layers' caches can be merged; quantized ones cannot."""
    from mlx_lm.models.cache import ArraysCache, KVCache, RotatingKVCache, make_prompt_cache

    return all(type(layer) in (KVCache, RotatingKVCache, ArraysCache) for layer in make_prompt_cache(model))


class Batch:
    """Answers being written together. `most_bytes` is for their caches; `end` gives the events of a run's end."""

    def __init__(
        self,
        model: Any,
        kept: PromptCache,
        reader: Reader,
        *,
        size: Size,
        ends: set[int],
        most_bytes: int,
        end: Callable[[Writing], Iterator[Event]],
    ) -> None:
        from mlx_lm.generate import BatchGenerator

        self._kept = kept
        self._reader = reader
        self._most_bytes = most_bytes
        self._end = end
        self._size = size
        self._waiting: deque[Writing] = deque()
        self._going: dict[int, Writing] = {}
        self._begun: dict[int, int] = {}
        """Tokens that were held when an answer was put into the batch."""
        self._generator: Any = BatchGenerator(
            model,
            stop_tokens=[[token] for token in sorted(ends)],
            completion_batch_size=MOST,
            prefill_batch_size=MOST,
        )

    def answer(self, writings: Sequence[Writing], cancelled: Callable[[str], bool]) -> Iterator[Event]:
        """Write them to their ends."""
        self._waiting.extend(writings)
        try:
            while self._waiting or self._going:
                yield from self._drop(cancelled)
                yield from self._begin(cancelled)
                self._put_back()
                if self._going:
                    yield from self._step()
        finally:
            self._generator.close()

    def _drop(self, cancelled: Callable[[str], bool]) -> Iterator[Event]:
        for writing in [writing for writing in self._waiting if cancelled(writing.run)]:
            self._waiting.remove(writing)
            yield from self._end(writing)
        yield from self._take_out([uid for uid, writing in self._going.items() if cancelled(writing.run)])

    def _begin(self, cancelled: Callable[[str], bool]) -> Iterator[Event]:
        """Put as many into the batch as there are places and room for, if enough are free."""
        if not self._waiting or (self._going and MOST - len(self._going) < REFILL):
            return
        chosen: list[Writing] = []
        width = max((len(writing.tokens) for writing in self._going.values()), default=0)
        while self._waiting and (count := len(self._going) + len(chosen)) < MOST:
            first = self._waiting[0]
            width = max(width, len(first.tokens) + min(first.left, AHEAD))
            if count and (count + 1) * self._size.of(width) > self._most_bytes:
                break
            chosen.append(self._waiting.popleft())
        if self._size.grows_only:
            yield from self._read_shared(chosen, cancelled)
            readings = [self._kept.start(writing.tokens, shared=True) for writing in chosen]
        else:
            readings = []
            for writing in chosen:
                readings.append(self._kept.start(writing.tokens, shared=True))
                yield from self._read(writing, writing.tokens, readings[-1], cancelled)
        ready = [(w, r) for w, r in zip(chosen, readings, strict=True) if not cancelled(w.run)]
        self._waiting.extendleft(w for w in chosen if cancelled(w.run))
        if ready:
            self._insert(ready)

    def _insert(self, ready: list[tuple[Writing, Reading]]) -> None:
        uids = self._generator.insert(
            [writing.tokens[reading.done :] for writing, reading in ready],
            max_tokens=[writing.left for writing, _ in ready],
            caches=[reading.cache for _, reading in ready],
            all_tokens=[writing.tokens[: reading.done] for writing, reading in ready],
            samplers=[writing.sampler for writing, _ in ready],
            logits_processors=[writing.processors for writing, _ in ready],
        )
        for uid, (writing, reading) in zip(uids, ready, strict=True):
            self._going[uid], self._begun[uid] = writing, reading.done
            writing.held(reading.done)
        longest = max(len(writing.tokens) - reading.done for writing, reading in ready)
        step = max(SHORT_STEP, -(-BOLD * self._reader.piece // len(ready)))
        self._generator.prefill_step_size = min(step, longest)

    def _read_shared(self, chosen: list[Writing], cancelled: Callable[[str], bool]) -> Iterator[Event]:
        """Read once what several prompts begin with, as far as there is room to hold it."""
        ordered = sorted(chosen, key=lambda writing: writing.tokens)
        prompts = [packed(writing.tokens) for writing in ordered]
        pairs = [shared_tokens(one, other) for one, other in pairwise(prompts)]
        for at, writing in enumerate(ordered):
            shared = min(max([*pairs[max(0, at - 1) : at + 1], 0]), len(writing.tokens) - 1)
            beginning = packed(writing.tokens[:shared])
            if shared - self._kept.longest(beginning) < WORTH:
                continue
            yield from self._read(writing, writing.tokens[: shared + 1], self._kept.start(writing.tokens), cancelled)
            if self._kept.longest(beginning) < shared and not cancelled(writing.run):
                return

    def _read(
        self, writing: Writing, tokens: list[int], reading: Reading, cancelled: Callable[[str], bool]
    ) -> Iterator[Event]:
        """Read these tokens of an answer alone, but for the last, and hold them."""
        writing.held(reading.done)
        for done in self._reader.read(tokens, reading, lambda: cancelled(writing.run)):
            if not writing.generated:
                yield PrefillProgress(run=writing.run, done=done, total=len(writing.ids))
        self._kept.keep(reading, tokens[: reading.done])

    def _put_back(self) -> None:
        """Keep within the memory there is: the last begun wait again."""
        while len(self._going) > 1 and self._generator.prompt_cache_nbytes > self._most_bytes:
            uid = max(self._going)
            self._generator.remove([uid])
            self._going[uid].put_off()
            self._waiting.appendleft(self._going.pop(uid))

    def _step(self) -> Iterator[Event]:
        """One forward pass for all that write, and one for all that are being read."""
        began = time.perf_counter()
        read, written = self._generator.next()
        if reading := [response for response in read if not response.end_of_prompt]:
            tokens = len(reading) * self._generator.prefill_step_size
            self._reader.adapt(min(tokens // BOLD, self._reader.piece), (time.perf_counter() - began) / BOLD)
        for response in read:
            writing = self._going[response.uid]
            if not writing.generated:
                done = self._begun[response.uid] + response.progress[0]
                yield PrefillProgress(run=writing.run, done=done, total=len(writing.ids))
        ended = []
        for response in written:
            writing = self._going[response.uid]
            yield from writing.take(response.token, response.logprobs)
            if response.finish_reason is not None:
                yield from self._take(response.uid, response.prompt_cache, response.all_tokens)
            elif writing.reason is not None:
                ended.append(response.uid)
        yield from self._take_out(ended)

    def _take_out(self, uids: list[int]) -> Iterator[Event]:
        if uids:
            for uid, (cache, tokens) in self._generator.remove(uids, return_prompt_caches=True).items():
                yield from self._take(uid, cache, tokens)

    def _take(self, uid: int, cache: list[Any], tokens: list[int]) -> Iterator[Event]:
        """An answer has left the batch: what it read and wrote is held, its run ends."""
        if self._size.grows_only:  # what the others have read is held since it was
            self._kept.keep(Reading(cache, len(tokens)), tokens)
        yield from self._end(self._going.pop(uid))


class Size:
    """What caches of a model take: it is asked for one token."""

    def __init__(self, model: Any) -> None:
        import mlx.core as mx
        from mlx_lm.generate import generation_stream
        from mlx_lm.models.cache import make_prompt_cache

        cache = make_prompt_cache(model)
        with mx.stream(generation_stream):
            model(mx.array([[0]]), cache=cache)
            mx.eval([layer.state for layer in cache])
        self.grows_only = not Reading(cache).fixed
        """Whether every layer can go back to an earlier token, and takes padding."""
        self._layers: list[tuple[float, int | None]] = [
            (layer.nbytes / layer.keys.shape[2], getattr(layer, "max_size", None))
            for layer in cache
            if hasattr(layer, "keys")
        ]
        self._fixed: int = sum(layer.nbytes for layer in cache if not hasattr(layer, "keys"))

    def of(self, tokens: int) -> int:
        """Bytes of a cache that holds so many tokens."""
        return self._fixed + int(sum(each * min(tokens, most or tokens) for each, most in self._layers))
