"""The real `mlx_lm.server` in a process of its own: ``with mlx_lm_server(folder) as url: ...``"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import free_port, running


@contextlib.contextmanager
def mlx_lm_server(model: Path, cache: Path) -> Iterator[str]:
    """Serve the model in a folder; yields the base URL. `cache` is a folder that stands for an empty hub cache."""
    port = free_port()
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(model), "--host", "127.0.0.1"]
    env = {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    with running([*command, "--port", str(port)], f"http://127.0.0.1:{port}/health", env):
        yield f"http://127.0.0.1:{port}/v1"
