"""The real `transformers serve` in a process of its own; it needs torch."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import free_port, running


@contextlib.contextmanager
def transformers_serve(model: Path, cache: Path) -> Iterator[str]:
    """Serve the model in a folder; yields the base URL. `cache` is a folder that stands for an empty hub cache."""
    port = free_port()
    run = "from transformers.cli.transformers import main; main()"
    command = [sys.executable, "-c", run, "serve", str(model), "--host", "127.0.0.1", "--device", "cpu"]
    env = {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with running([*command, "--port", str(port)], f"http://127.0.0.1:{port}/health", env):
        yield f"http://127.0.0.1:{port}/v1"
