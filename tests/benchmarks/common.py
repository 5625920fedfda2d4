"""What the benchmarks share: fresh processes timed from outside, interleaved pairs, a table, the last line."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

PYTHON = sys.executable


def arguments(doc: str | None) -> argparse.Namespace:
    """The one switch every benchmark has: ``--smoke`` runs it at its smallest size."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--smoke", action="store_true", help="smallest size: does it run?")
    return parser.parse_args()


def spread(values: Sequence[float]) -> str:
    """Median with the least and the most, for a table."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Each measure once a round, the order turned each round, so that drift hits all alike."""
    out: list[list[float]] = [[] for _ in measures]
    for number in range(rounds):
        order = list(range(len(measures)))
        for k in order if number % 2 == 0 else reversed(order):
            out[k].append(measures[k]())
    return out


def ratio(pairs: Sequence[float], base: Sequence[float]) -> float:
    """Median of the ratios of each round's pair."""
    return statistics.median(a / b for a, b in zip(pairs, base, strict=True))


def fresh(code: str) -> float:
    """Seconds from starting a fresh Python to the moment that `code` prints as ``time.monotonic()``."""
    began = time.monotonic()
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    if done.returncode:
        raise SystemExit(f"The measured script failed:\n{done.stderr[-2000:]}")
    return float(done.stdout.strip().splitlines()[-1]) - began


def table(rows: Sequence[tuple[str, str]]) -> None:
    """Two columns, aligned."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def last_line(**keys: object) -> None:
    """The figures as one JSON object, for a program."""
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in keys.items()}))
