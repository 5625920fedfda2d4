"""What one run's figures say."""

from __future__ import annotations

from workbench.engines.meter import Meter
from workbench.options import GenerationOptions


def finished(meter: Meter):
    return meter.finished("stop", reasoning_tokens=0, applied=GenerationOptions(), ignored=())


def test_the_first_token_tells_what_is_known_and_the_last_event_agrees() -> None:
    meter = Meter("r")
    meter.prompt, meter.cached = 10, 4
    (known,) = meter.generated(1)
    assert list(meter.generated(2)) == []
    assert (known.run, known.usage.prompt_tokens, known.usage.cached_tokens) == ("r", 10, 4)
    end = finished(meter)
    assert end.metrics.ttft_s == known.ttft_s
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (10, 2)
    assert end.metrics.decode_tps > 0
    assert end.metrics.total_s >= end.metrics.ttft_s > 0


def test_what_was_not_measured_is_absent() -> None:
    nothing = finished(Meter("r")).metrics
    assert (nothing.ttft_s, nothing.prefill_tps, nothing.decode_tps) == (None, None, None)
    meter = Meter("r")
    meter.count = 1  # the end of the turn was the first token: counted, not timed
    alone = finished(meter)
    assert alone.usage.completion_tokens == 1
    assert (alone.metrics.ttft_s, alone.metrics.prefill_tps, alone.metrics.decode_tps) == (None, None, None)
