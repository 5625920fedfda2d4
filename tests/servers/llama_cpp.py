"""The real llama.cpp server in a process of its own: ``python llama_cpp.py FILE.gguf SLOTS [KEY] [--port N]``.

Prints its address when it listens. In a test: ``with llama_cpp_server(file) as url: ...``
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "listening on "


@contextlib.contextmanager
def llama_cpp_server(file: Path, *, slots: int = 1, key: str | None = None) -> Iterator[str]:
    """Start it on a free port; yields the base URL, ending in ``/v1``."""
    command = [sys.executable, str(Path(__file__).resolve()), str(file), str(slots), *([key] if key else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(MARK):
                yield line.removeprefix(MARK).strip() + "/v1"
                break
        else:
            raise AssertionError(f"the server ended with {process.wait()}")
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Serve until killed."""
    import xllamacpp

    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("slots", type=int)
    parser.add_argument("key", nargs="?")
    parser.add_argument("--port", type=int, default=0, help="taken if it is free, else any other")
    given = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = given.file
    params.hostnames = ["127.0.0.1"]
    params.port = free_port(given.port)
    params.n_parallel = given.slots
    params.n_ctx = 2048 * params.n_parallel
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cache_ram_mib = 0
    params.endpoint_slots = params.endpoint_metrics = True
    params.model_alias = {"builtin"}
    params.warmup = False
    params.verbosity = 0
    if given.key:
        params.api_keys = [given.key]
    server = xllamacpp.Server(params)
    print(MARK + server.listening_address, flush=True)
    while True:
        time.sleep(3600)


def free_port(wish: int) -> int:
    """That port of this machine if nothing listens there, else another."""
    try:
        with socket.create_server(("127.0.0.1", wish)) as probe:
            return probe.getsockname()[1]
    except OSError:
        return free_port(0)


if __name__ == "__main__":
    main()
