"""How a comparison is scheduled: one local model's prompts together, eight servers at once, four models loaded once.

Batch: 16 prompts under one system prompt on the model that ships, greedy, each round from nothing read before.
Forward passes are counted at the model. The least possible is one for what the prompts share and one for the rest of
all (mlx-lm reads 2,048 tokens a prompt in one), then one for each token of the longest answer. Tokens/s against
mlx-lm's own `batch_generate` with its defaults, in the same process in turn, and against our own answers one after
another, which share what they have read as well.

Makespan: 8 remote models x 20 prompts, each on a server of its own in another process, which answers after a fixed
delay of 0.3 to 1 s. The longest column cannot take less than 20 / 4 times the longest delay, four cells of a server
being asked at once; the whole comparison is measured against that. Loads: 4 local models x 10 prompts.
The grid in JupyterLab is `compare_grid`'s.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import compare_grid
from common import PYTHON, arguments, interleaved, last_line, ratio, spread, table

from workbench import builtin, messages
from workbench.engines import LoadSpec
from workbench.engines.mlx import MlxEngine
from workbench.engines.prompt_cache import PromptCache
from workbench.events import ReasoningDelta, TextDelta
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.registry import Services
from workbench.sessions.comparing.compare import compare
from workbench.sessions.comparing.schedule import CONCURRENCY

KEYS = (
    "grid_dropped_ratio",
    "loads",
    "makespan_ratio",
    "mismatched_tokens",
    "passes_ratio",
    "vs_batch_generate",
    "vs_sequential",
)
ROOT = Path(__file__).resolve().parents[2]
DELAYS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SYSTEM = "You are the assistant of a workbench for language models in a notebook. Be brief, be kind, and say so " * 4
ASKED = (
    "hello",
    "tell me a story",
    "who are you?",
    "how do I compare two models?",
    "write a python function that adds two numbers",
    "what can you do?",
    "What is 17 + 25?",
    "how do I download a model?",
    "what is a token?",
    "what is quantization?",
    "write a loop over a list in python",
    "how do I connect to a server?",
    "why is my model slow?",
    "what does temperature do?",
    "thanks",
    "where are my chats kept?",
)
SERVERS = """
import sys
from tests.servers.scripted import DONE, ScriptedServer, delta, stream, text
parts = stream(text("An answer."), delta("stop"), DONE)
servers = [ScriptedServer([float(delay), parts]).__enter__() for delay in sys.argv[1:]]
print(*(server.url for server in servers), flush=True)
sys.stdin.read()
"""


class Desk:
    """The model that ships, its 16 prompts, and three ways to have them answered."""

    def __init__(self, prompts: int, tokens: int) -> None:
        self._engine = MlxEngine()
        path = str(builtin.path("safetensors"))
        list(self._engine.load(LoadSpec(model="builtin", path=path), lambda: False))
        self._model = self._engine._model
        self._tokens = tokens
        self.requests = [
            Request(
                messages=(messages.system(SYSTEM), messages.user(said)),
                model="builtin",
                options=GenerationOptions(temperature=0, max_tokens=tokens),
            )
            for said in ASKED[:prompts]
        ]
        self._ids = [self._engine._encode(self._engine.render(request)) for request in self.requests]

    def answered(self, *batches: list[Request]) -> tuple[dict[str, list[int]], int]:
        """What is written to each request, batch by batch, from nothing read before; and the tokens of all."""
        self._engine._kept = PromptCache(self._model, 2**30)
        written: dict[str, list[int]] = {request.run: [] for request in self.requests}
        counted = 0
        for batch in batches:
            for event in self._engine.generate(batch, lambda run: False):
                if isinstance(event, TextDelta | ReasoningDelta):
                    written[event.run] += event.tokens
                counted += getattr(event, "reason", None) is not None and event.usage.completion_tokens
        return written, counted

    def together(self) -> float:
        """Tokens a second, all at once."""
        return _rate(lambda: self.answered(self.requests)[1])

    def alone(self) -> float:
        """Tokens a second, one after another."""
        return _rate(lambda: self.answered(*([request] for request in self.requests))[1])

    def theirs(self) -> float:
        """Tokens a second of mlx-lm's `batch_generate`, the end of an answer counted as ours is."""
        from mlx_lm.generate import batch_generate

        def written() -> int:
            answers = batch_generate(
                self._model, self._engine._tokenizer, self._ids, max_tokens=self._tokens, return_token_ids=True
            ).token_ids
            return sum(min(len(answer) + 1, self._tokens) for answer in answers)

        return _rate(written)

    def passes(self) -> tuple[int, int, int]:
        """Forward passes for all at once, the least possible, and tokens that are other than one by one."""
        expected, _ = self.answered(*([request] for request in self.requests))
        kind, count = type(self._model), 0
        forward = kind.__call__

        def counting(*args: object, **more: object) -> object:
            nonlocal count
            count += 1
            return forward(*args, **more)

        kind.__call__ = counting
        try:
            self._engine._kept = PromptCache(self._model, 2**30)
            events = list(self._engine.generate(self.requests, lambda run: False))
        finally:
            kind.__call__ = forward
        ends = [event for event in events if getattr(event, "reason", None) is not None]
        longest = max(end.usage.completion_tokens for end in ends)
        written: dict[str, list[int]] = {run: [] for run in expected}
        for event in events:
            if isinstance(event, TextDelta | ReasoningDelta):
                written[event.run] += event.tokens
        pairs = [(written[run], expected[run]) for run in expected]
        other = sum(
            sum(a != b for a, b in zip(*pair, strict=False)) + abs(len(pair[0]) - len(pair[1])) for pair in pairs
        )
        return count, 2 + longest, other


def _rate(work: Callable[[], int]) -> float:
    began = time.perf_counter()
    return work() / (time.perf_counter() - began)


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
        desk = Desk(4 if smoke else 16, 16 if smoke else 128)
        desk.together()
        desk.theirs()
        ours, theirs, alone = interleaved(1 if smoke else 7, desk.together, desk.theirs, desk.alone)
        passes, least, mismatched = desk.passes()
    lines, grid = compare_grid.measured(smoke)
    makespans = sorted(ratios)[len(ratios) // 2]
    table(
        [
            (f"{len(desk.requests)} prompts on one local model, tokens/s together", spread(ours)),
            ("the same, mlx-lm's batch_generate", spread(theirs)),
            ("the same, one after another", spread(alone)),
            ("forward passes, and the least possible", f"{passes}, {least}"),
            ("tokens other than one by one", str(mismatched)),
            (f"{len(delays)} remote models x {asked} prompts, makespan / least of the longest column", spread(ratios)),
            (f"{len(models)} local models x {min(asked, 10)} prompts, loads", str(loaded)),
            *lines,
        ]
    )
    last_line(
        grid_dropped_ratio=grid,
        makespan_ratio=makespans,
        loads=loaded,
        mismatched_tokens=mismatched,
        passes_ratio=passes / least,
        vs_batch_generate=ratio(ours, theirs),
        vs_sequential=ratio(ours, alone),
    )


if __name__ == "__main__":
    main()
