"""How long a keystroke in the search box waits: the total count and the first page, as the model browser asks for them.

50,000 and 500,000 made-up models with names and facts as the hub's; queries of one to three letters and of one to
three words, each with a random order and filter, no two measured twice. `mismatches` counts queries whose ids or
order differ from a plain scan and sort of the list of the 50,000; it runs apart from the timing.
"""

from __future__ import annotations

import gc
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from common import arguments, last_line, table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.manager import many
from workbench.manager.index import PAGE, Index
from workbench.manager.query import SearchQuery
from workbench.model import HubModel

KEYS = ("p99_ms_50k", "mismatches", "p99_ms_500k")
ADDED_AT_ONCE = 500


def filled(path: Path, models: Sequence[HubModel]) -> float:
    """Seconds to write these models, in pages as a refresh brings them."""
    began = time.perf_counter()
    index = Index(path)
    for at in range(0, len(models), ADDED_AT_ONCE):
        index.add(models[at : at + ADDED_AT_ONCE])
    index.close()
    return time.perf_counter() - began


def keystrokes(index: Index, queries: Sequence[SearchQuery]) -> tuple[list[float], list[float]]:
    """Milliseconds of each, by the clock and of the processor: count, and the first page as whole models."""
    times, work = [], []
    for asked in queries:
        began, worked = time.perf_counter(), time.thread_time()
        found = index.search(asked)
        assert len(found[:PAGE]) == min(PAGE, len(found))
        times.append(1000 * (time.perf_counter() - began))
        work.append(1000 * (time.thread_time() - worked))
    return times, work


def p99(values: Sequence[float]) -> float:
    """The value that 99 of 100 do not exceed."""
    return sorted(values)[min(len(values) - 1, int(0.99 * len(values)))]


def mismatches(index: Index, models: Sequence[HubModel], queries: Sequence[SearchQuery]) -> int:
    """Queries whose answer is not that of a scan of the list."""
    wrong = 0
    for asked in queries:
        expected = [model.id for model in sorted(filter(asked.matches, models), key=asked.order)]
        found = index.search(asked)
        ids = [model.id for model in found[: 3 * PAGE]]
        wrong += len(found) != len(expected) or ids != expected[: 3 * PAGE] or found.ids() != expected
    return wrong


def measured(count: int, queries: int, checks: int, folder: Path) -> tuple[float, int, list[tuple[str, str]]]:
    """The 99th percentile, the mismatches and the table's rows for so many models."""
    models = many.models(count, seed=count)
    path = folder / f"{count}.sqlite"
    writing = filled(path, models)
    wrong = 0
    index = Index(path)
    began = time.perf_counter()
    index.columns()
    reading = time.perf_counter() - began
    if checks:
        wrong = mismatches(index, models, list(many.typed(checks, seed=1)))
    del models
    gc.collect()
    times, work = keystrokes(index, list(many.typed(queries, seed=2)))
    name = f"{count:,} models"
    rows = [
        (f"{name}: a keystroke, ms (median, p99, most)", _three(times)),
        (f"{name}: of the processor, ms (median, p99, most)", _three(work)),
        (f"{name}: written, s; read at the start of a process, s", f"{writing:.1f}; {reading:.2f}"),
        (f"{name}: file, MB", f"{path.stat().st_size / 1e6:.0f}"),
    ]
    if checks:
        rows.append((f"{name}: queries unlike a scan", f"{wrong} of {checks}"))
    index.close()
    return p99(times), wrong, rows


def _three(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f}, {p99(values):.1f}, {max(values):.1f}"


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    os.environ["WORKBENCH_MEMORY"] = "12GB"
    small, large, queries, checks = (1_000, 2_000, 60, 30) if smoke else (50_000, 500_000, 3_000, 100)
    with tempfile.TemporaryDirectory() as folder:
        fast, wrong, rows = measured(small, queries, checks, Path(folder))
        slow, _, more = measured(large, queries // 3, 0, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table([*rows, *more, ("peak memory of this script, MB", f"{peak:.0f}")])
    last_line(p99_ms_50k=fast, mismatches=wrong, p99_ms_500k=slow)


if __name__ == "__main__":
    main()
