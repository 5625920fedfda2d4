"""How long the list of all models takes when servers are slow, silent or away.

Ten endpoints answer after 100, 200, ..., 1,000 ms; one more accepts and never answers, one refuses. A round is one
refresh of a fresh `Services` with all twelve, whose HTTP client is imported before. `first_vs_fastest` is the time
to the first server's models over the fastest endpoint's delay; `all_vs_slowest` the time until all but the hanging one
have answered or failed over the slowest one's delay. Medians over the rounds.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from common import arguments, last_line, spread, table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.servers.scripted import HANG, ScriptedServer, reply
from workbench.services import fetch
from workbench.services.registry import Services

KEYS = ("first_vs_fastest", "all_vs_slowest")
HANGING, REFUSING = "hanging", "refusing"


def closed_port() -> int:
    """A port of this machine where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def once(delays: list[float]) -> tuple[float, float]:
    """Seconds from asking all to the first models, and to the last answer but the hanging one's."""
    with contextlib.ExitStack() as stack:
        services = Services()
        stack.callback(services.close)
        for number, delay in enumerate(delays):
            body = json.dumps({"data": [{"id": f"model-{i}"} for i in range(20)]})
            server = stack.enter_context(ScriptedServer([delay, reply(body)]))
            services.connect(server.url, name=f"box-{number}")
        services.connect(stack.enter_context(ScriptedServer([HANG])).url, name=HANGING)
        services.connect(f"http://127.0.0.1:{closed_port()}", name=REFUSING)

        news = threading.Event()
        first: float | None = None
        began = time.perf_counter()
        services.refresh(news.set)
        while True:
            assert news.wait(30), "no answer came"
            news.clear()
            listing = services.listing()
            now = time.perf_counter() - began
            if first is None and any(not model.local for model in listing.models):
                first = now
            if listing.refreshing == {HANGING}:
                break
        assert first is not None
        assert set(listing.errors) == {REFUSING}
        assert sum(not model.local for model in listing.models) == 20 * len(delays)
        return first, now


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    delays = [0.1, 0.2] if smoke else [n / 10 for n in range(1, 11)]
    with tempfile.TemporaryDirectory() as home:
        os.environ["WORKBENCH_HOME"] = home
        os.environ["HF_HOME"] = f"{home}/huggingface"
        fetch.ready()
        cold = once(delays)[0]
        rounds = [once(delays) for _ in range(1 if smoke else 15)]
    first, last = ([r[i] for r in rounds] for i in (0, 1))
    table(
        [
            ("first models, ms", spread([1000 * s for s in first])),
            ("all but the hanging one, ms", spread([1000 * s for s in last])),
            ("first models in the first round of all, ms", f"{1000 * cold:.0f}"),
        ]
    )
    last_line(
        first_vs_fastest=statistics.median(first) / min(delays), all_vs_slowest=statistics.median(last) / max(delays)
    )


if __name__ == "__main__":
    main()
