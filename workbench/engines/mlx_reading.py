"""A prompt read by MLX, piece by piece, so that a cancel is soon heard. Knows no request and no text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from workbench.engines.prompt_cache import Reading, checkpoints_for

FIRST_PIECE = 32
"""Prompt tokens read in the first step; the steps then adapt to the machine."""


class Reader:
    """Reads prompts with a model; `opener` is the token that every message begins with, if there is one."""

    def __init__(self, model: Any, opener: int | None) -> None:
        self.piece = FIRST_PIECE
        """Tokens of a step."""
        self._model = model
        self._opener = opener

    def read(self, ids: list[int], reading: Reading, cancelled: Callable[[], bool]) -> Iterator[int]:
        """Read a prompt but for its last token; yields how many tokens are read. Stops early when cancelled."""
        import mlx.core as mx
        from mlx_lm.generate import generation_stream

        turns = [at for at, token in enumerate(ids) if token == self._opener] if reading.fixed else []
        stops = [stop for stop in checkpoints_for(turns, len(ids)) if stop > reading.done] if reading.fixed else []
        last = len(ids) - 1
        yield reading.done
        while reading.done < last and not cancelled():
            end = min(reading.done + self.piece, last, *stops[:1])
            began, count = time.perf_counter(), end - reading.done
            with mx.stream(generation_stream):
                self._model(mx.array([ids[reading.done : end]]), cache=reading.cache)
                mx.eval([c.state for c in reading.cache])
            reading.done = end
            if end in stops[:1]:
                reading.mark()
                del stops[0]
            yield end
            self.adapt(count, time.perf_counter() - began)
        mx.clear_cache()

    def adapt(self, count: int, seconds: float) -> None:
        """So many tokens took so long: make the next step shorter, or longer."""
        if seconds > 0.15 and self.piece > 16:
            self.piece //= 2
        elif seconds < 0.06 and count == self.piece < 512:
            self.piece *= 2
