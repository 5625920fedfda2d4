"""What a model has read already, kept under a budget of bytes for the prompts to come. For MLX; on one thread.

A held sequence is a run of tokens with the caches of all layers after its last one. Layers differ in whether they can
go back to an earlier token:

    KVCache, QuantizedKVCache    always
    a sliding window             until it has wrapped
    a recurrent state            never

Where not all can, checkpoints of those that cannot are kept at the places a chat comes back to; the others are cut
back to the checkpoint's token. Held caches are never written to: a run goes on from a copy (MLX copies on write), or,
where it only adds to a sequence, takes it and gives it back longer. So several runs may start from one prefix, but for
one thing: a quantized cache must not be put into a batch with others, which silently gives wrong answers.

It knows token ids and mlx-lm's caches; no tokenizer, no template and no request.
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from workbench.engines import cache_file

TOKEN_BYTES = 4
NEAR_END = 32
"""Tokens that an answer's opening may have before the prompt's end is worth a checkpoint of its own."""
CHECKPOINTS = 16
"""Most checkpoints kept while one prompt is read."""


class Checkpoint:
    """Copies of the layers that cannot go back, by their place in the cache."""

    def __init__(self, layers: dict[int, Any]) -> None:
        self.layers = layers
        self.nbytes = sum(_nbytes(layer) for layer in layers.values())
        self.used = 0


class Reading:
    """A run's own cache: `cache` is mlx-lm's list of layers, which holds `done` tokens of the prompt."""

    def __init__(self, cache: list[Any], done: int = 0, checkpoints: dict[int, Checkpoint] | None = None) -> None:
        self.cache = cache
        self.done = done
        self.checkpoints = checkpoints or {}
        self.fixed = [i for i, layer in enumerate(cache) if not _always_goes_back(layer)]
        """Places of the layers that need checkpoints."""

    def mark(self) -> None:
        """Keep a checkpoint here, where a later prompt may part from this one."""
        import mlx.core as mx

        if self.fixed and self.done and self.done not in self.checkpoints:
            layers = {i: _copy(self.cache[i]) for i in self.fixed}
            mx.eval([layer.state for layer in layers.values()])
            self.checkpoints[self.done] = Checkpoint(layers)


class PromptCache:
    """The sequences held of one model, at most `budget` bytes of them; the longest unused make room."""

    def __init__(self, model: Any, budget: int) -> None:
        self._model = model
        self.budget = budget
        self._held: list[_Held] = []  # by their tokens, so that the nearest to a prompt are its neighbours
        self._clock = itertools.count(1)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that are held, checkpoints included."""
        return sum(held.nbytes for held in self._held) + sum(c.nbytes for c in self._checkpoints())

    def start(self, ids: Sequence[int], *, shared: bool = False) -> Reading:
        """A cache to read a prompt with, which holds as much of its beginning as anything held does.

        The prompt's last token is always left to be read: it makes the first logits. With `shared` what is held stays,
        for other prompts that begin alike.
        """
        from mlx_lm.models.cache import make_prompt_cache

        found = self._longest(packed(ids), len(ids) - 1)
        if found is None:
            return Reading(make_prompt_cache(self._model))
        held, done = found
        self._touch(held, done)
        reading = held.taken() if done == held.length and held.only_grows and not shared else None
        if reading is None:
            reading = held.forked(done)
            reading.mark()
        else:
            self._held.remove(held)
        return reading

    def longest(self, prompt: bytes) -> int:
        """How many tokens of a packed prompt need not be read; see `packed`."""
        found = self._longest(prompt, len(prompt) // TOKEN_BYTES)
        return found[1] if found else 0

    def keep(self, reading: Reading, ids: Sequence[int]) -> None:
        """Hold what a run has read and written: `ids` are the tokens in its cache, oldest first."""
        import mlx.core as mx

        offset = next(
            (layer.offset for layer in reading.cache if isinstance(getattr(layer, "offset", None), int)), None
        )
        if not ids or (offset is not None and offset != len(ids)):
            return
        mx.eval([layer.state for layer in reading.cache])
        new = _Held(packed(ids), reading)
        at = bisect_left(self._held, new.tokens, key=_tokens)
        if new.goes_back:  # then it serves for all that begins like it, and what goes on from it serves for it
            if at < len(self._held) and self._held[at].goes_back and self._held[at].tokens.startswith(new.tokens):
                self._touch(self._held[at], new.length)
                return
            while at and self._held[at - 1].goes_back and new.tokens.startswith(self._held[at - 1].tokens):
                at -= 1
                del self._held[at]
        elif at < len(self._held) and self._held[at].tokens == new.tokens:
            new.checkpoints = self._held.pop(at).checkpoints | new.checkpoints
        self._held.insert(at, new)
        for position in sorted(new.checkpoints):
            if not new.checkpoints[position].used:
                new.checkpoints[position].used = next(self._clock)
        new.used = next(self._clock)
        self._make_room()

    def save(self, ids: Sequence[int], file: Path, identity: str) -> int:
        """Write the longest beginning of `ids` that is held to a file; gives its tokens. Raises `FolderError`."""
        found = self._longest(packed(ids), len(ids))
        if found is None:
            return 0
        held, done = found
        cache_file.write(file, held.forked(done).cache, ids[:done], identity)
        return done

    def restore(self, file: Path, identity: str) -> int:
        """Hold what a file of the same identity holds; gives its tokens, 0 where it is damaged or another's."""
        read = cache_file.read(file, identity)
        if read is None:
            return 0
        cache, ids = read
        self.keep(Reading(cache, len(ids)), ids)
        return len(ids) if self.longest(packed(ids)) == len(ids) else 0

    def _longest(self, prompt: bytes, most: int) -> tuple[_Held, int] | None:
        """What is held of a prompt's first `most` tokens: the sequence, and how many of its tokens."""
        best: tuple[_Held, int] | None = None
        at = bisect_left(self._held, prompt, key=_tokens)
        for side in (reversed(self._held[:at]), self._held[at:]):
            for held in side:  # the further away, the less is shared
                shared = shared_tokens(held.tokens, prompt)
                if shared <= (best[1] if best else 0):
                    break
                done = held.latest(min(shared, most))
                if done > (best[1] if best else 0):
                    best = held, done
        return best

    def _touch(self, held: _Held, position: int) -> None:
        held.used = next(self._clock)
        if position in held.checkpoints:
            held.checkpoints[position].used = held.used

    def _checkpoints(self) -> set[Checkpoint]:
        return {checkpoint for held in self._held for checkpoint in held.checkpoints.values()}

    def _make_room(self) -> None:
        while self._held and self.nbytes > self.budget:
            states: list[_Held | Checkpoint] = [*self._held, *self._checkpoints()]
            oldest = min(states, key=lambda state: state.used)
            if isinstance(oldest, Checkpoint):
                for held in self._held:
                    held.checkpoints = {at: c for at, c in held.checkpoints.items() if c is not oldest}
            else:
                self._held.remove(oldest)


class _Held:
    """A held sequence."""

    def __init__(self, tokens: bytes, reading: Reading) -> None:
        self.tokens = tokens
        self.length = len(tokens) // TOKEN_BYTES
        self.cache = reading.cache
        self.goes_back = all(_goes_back(layer) for layer in reading.cache)
        """Whether it can serve for any beginning of its tokens."""
        self.checkpoints = {} if self.goes_back else dict(reading.checkpoints)
        self.only_grows = not (self.goes_back and reading.fixed)
        """Whether it loses nothing when it grows; a sliding window about to wrap does."""
        self.nbytes = sum(_nbytes(layer) for layer in self.cache)
        self.used = 0

    def latest(self, most: int) -> int:
        """The last token, at most `most`, after which a run can go on from it; 0 where there is none."""
        if self.length <= most:
            return self.length
        if self.goes_back:
            return most
        return max((position for position in self.checkpoints if position <= most), default=0)

    def taken(self) -> Reading:
        """This very cache, for a run that goes on from its end; it is held no longer then."""
        return Reading(self.cache, self.length, self.checkpoints)

    def forked(self, position: int) -> Reading:
        """A copy that has forgotten what came after a position that `latest` gave."""
        checkpoint = self.checkpoints.get(position)
        saved = {} if checkpoint is None or position == self.length else checkpoint.layers
        cache = [_copy(saved[i]) if i in saved else _cut(layer, position) for i, layer in enumerate(self.cache)]
        return Reading(cache, position, {at: c for at, c in self.checkpoints.items() if at <= position})


def packed(ids: Sequence[int]) -> bytes:
    """Token ids as bytes, four each: they compare at the speed of memory."""
    return array("I", ids).tobytes()


def shared_tokens(one: bytes, other: bytes) -> int:
    """Length, in tokens, of the beginning that two packed sequences share."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high // TOKEN_BYTES
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low // TOKEN_BYTES


def checkpoints_for(turns: Sequence[int], end: int) -> list[int]:
    """Where to keep checkpoints while a prompt of `end` tokens is read, of the places where its messages begin.

    The first (what all chats with one system prompt share) and the last; the prompt's own end where no message begins
    shortly before it.
    """
    places = [place for place in turns if 0 < place < end]
    if not places or end - places[-1] > NEAR_END:
        places.append(end - 1)
    return places if len(places) <= CHECKPOINTS else [places[0], *places[1 - CHECKPOINTS :]]


def _tokens(held: _Held) -> bytes:
    return held.tokens


def _arrays(layer: Any) -> Iterator[Any]:
    import mlx.core as mx
    from mlx.utils import tree_flatten

    flat: Any = tree_flatten(layer.state)
    return (value for _, value in flat if isinstance(value, mx.array))


def _nbytes(layer: Any) -> int:
    return sum(value.nbytes for value in _arrays(layer))


def _always_goes_back(layer: Any) -> bool:
    from mlx_lm.models.cache import KVCache, QuantizedKVCache

    return type(layer) in (KVCache, QuantizedKVCache)


def _goes_back(layer: Any) -> bool:
    """Whether a layer can forget any number of its last tokens, as it is now."""
    return bool(layer.is_trimmable()) and not getattr(layer, "start_position", 0)


def _copy(layer: Any) -> Any:
    """A copy that may be written to. A small piece of a large buffer does not keep the buffer alive."""
    import mlx.core as mx
    from mlx.utils import tree_map

    state = tree_map(lambda value: mx.contiguous(value) if isinstance(value, mx.array) else value, layer.state)
    return type(layer).from_state(state)


def _cut(layer: Any, position: int) -> Any:
    """A copy that has forgotten what came after a position."""
    import mlx.core as mx
    from mlx.utils import tree_map

    copy = _copy(layer)
    if _goes_back(layer) and (surplus := layer.offset - position):
        copy.trim(surplus)
    if _always_goes_back(layer):  # nor does it keep the room that the rest took
        copy.keys, copy.values = tree_map(
            lambda value: mx.contiguous(value[..., :position, :]), (copy.keys, copy.values)
        )
    return copy
