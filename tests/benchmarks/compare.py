"""How a comparison is scheduled: eight servers at once, and four local models loaded once each.

Makespan: 8 remote models x 20 prompts, each on a server of its own in another process, which answers after a fixed
delay of 0.3 to 1 s. The longest column cannot take less than 20 / 4 times the longest delay, four cells of a server
being asked at once; the whole comparison is measured against that. Loads: 4 local models x 10 prompts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common import PYTHON, arguments, last_line, spread, table

from workbench import builtin
from workbench.services.registry import Services
from workbench.sessions.comparing.compare import compare
from workbench.sessions.comparing.schedule import CONCURRENCY

KEYS = ("loads", "makespan_ratio")
ROOT = Path(__file__).resolve().parents[2]
DELAYS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SERVERS = """
import sys
from tests.servers.scripted import DONE, ScriptedServer, delta, stream, text
parts = stream(text("An answer."), delta("stop"), DONE)
servers = [ScriptedServer([float(delay), parts]).__enter__() for delay in sys.argv[1:]]
print(*(server.url for server in servers), flush=True)
sys.stdin.read()
"""


@contextmanager
def servers(delays: tuple[float, ...]) -> Iterator[list[str]]:
    """The base URLs of servers that answer after these seconds, while they run."""
    command = [PYTHON, "-c", SERVERS, *map(str, delays)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()
        finally:
            process.kill()


def makespan(services: Services, models: list[str], prompts: list[str]) -> float:
    """Seconds from asking to the end of the last cell, all of which are checked."""
    began = time.perf_counter()
    made = compare(prompts, models, services=services)
    made.wait()
    took = time.perf_counter() - began
    if {cell.text for cell in made.cells()} != {"An answer."}:
        raise SystemExit(f"Not every cell was answered:\n{made}")
    return took


def remote(delays: tuple[float, ...], prompts: list[str], rounds: int) -> list[float]:
    """The makespan of each round over the least that its longest column can take."""
    least = -(-len(prompts) // CONCURRENCY) * max(delays)
    services = Services()
    try:
        with servers(delays) as urls:
            models = [f"{services.connect(url, name=f's{n}').name}:m" for n, url in enumerate(urls)]
            makespan(services, models, prompts[:1])  # imports, clients
            return [makespan(services, models, prompts) / least for _ in range(rounds)]
    finally:
        services.close()


def loads(models: list[str], prompts: list[str]) -> int:
    """How often a model was loaded in a comparison of local ones."""
    services = Services()
    try:
        made = compare(prompts, models, options={"temperature": 0, "max_tokens": 8}, services=services)
        made.wait()
    finally:
        services.close()
    if {cell.status for cell in made.cells()} != {"done"}:
        raise SystemExit(f"Not every cell was answered:\n{made}")
    return sum(cell.metrics.load_s is not None for cell in made.cells())


def main() -> None:
    """Measure, print a table and the line of figures."""
    smoke = arguments(__doc__).smoke
    delays, asked, rounds = (DELAYS[-2:], 8, 1) if smoke else (DELAYS, 20, 3)
    prompts = [f"What is {number} and {number}?" for number in range(asked)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_HOME"] = f"{folder}/home"
        ratios = remote(delays, prompts, rounds)
        shipped, second = builtin.path("safetensors"), ROOT / "tests/models/second"
        copies = [shutil.copytree(source, f"{folder}/{n}") for n, source in enumerate((shipped, second))]
        models = ["builtin", *map(str, copies), str(second)][: 2 if smoke else 4]
        loaded = loads(models, prompts[:10])
    ratio = sorted(ratios)[len(ratios) // 2]
    table(
        [
            (f"{len(delays)} remote models x {asked} prompts, makespan / least of the longest column", spread(ratios)),
            (f"{len(models)} local models x {min(asked, 10)} prompts, loads", str(loaded)),
        ]
    )
    last_line(makespan_ratio=ratio, loads=loaded)


if __name__ == "__main__":
    main()
