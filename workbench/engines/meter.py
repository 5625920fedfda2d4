"""Counts and times one run: its prompt, its first token, its last. Knows no framework."""

from __future__ import annotations

import time
from collections.abc import Iterator

from workbench.events import Event, Finished, FinishReason, Metrics, Usage, UsageKnown
from workbench.options import GenerationOptions


class Meter:
    """One run's counts and times; made when the run starts."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._started = self._first = self._last = time.perf_counter()
        self.prompt = 0
        """Tokens of the prompt, cached ones included."""
        self.cached = 0
        """Tokens of the prompt that were not read again."""
        self.count = 0
        """Tokens generated so far."""

    def generated(self, count: int) -> Iterator[Event]:
        """So many tokens are generated now; at the first, tells what is known of the run."""
        self._last = time.perf_counter()
        if not self.count:
            self._first = self._last
            known = Usage(prompt_tokens=self.prompt, cached_tokens=self.cached)
            yield UsageKnown(run=self._run, usage=known, ttft_s=self._first - self._started)
        self.count = count

    def finished(
        self,
        reason: FinishReason,
        *,
        reasoning_tokens: int,
        applied: GenerationOptions,
        ignored: tuple[str, ...],
        peak_memory: int | None = None,
        batch: int | None = None,
        grammar: bool = False,
    ) -> Finished:
        """The run's last event: what was counted and measured. `peak_memory` is in bytes; `batch` counts runs."""
        waited, wrote = self._first - self._started, self._last - self._first
        return Finished(
            run=self._run,
            reason=reason,
            usage=Usage(
                prompt_tokens=self.prompt,
                cached_tokens=self.cached,
                completion_tokens=self.count,
                reasoning_tokens=reasoning_tokens,
            ),
            metrics=Metrics(
                ttft_s=waited if waited > 0 else None,
                prefill_tps=(self.prompt - self.cached) / waited if waited > 0 else None,
                decode_tps=(self.count - 1) / wrote if wrote > 0 else None,
                total_s=time.perf_counter() - self._started,
                peak_memory=peak_memory,
                batch=batch,
            ),
            applied=applied,
            ignored=ignored,
            grammar=grammar,
        )
