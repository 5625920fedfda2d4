"""Server programs as child processes: started on a free port, waited for, killed at the end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], ready: str, env: Mapping[str, str], *, seconds: float = 120.0) -> Iterator[None]:
    """Run `command` until the block ends, from the moment that the address `ready` answers."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **env})
        try:
            deadline = time.monotonic() + seconds
            while not _answers(ready):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise AssertionError(f"{command[0]} did not come up:\n{log.read()[-3000:]}")
                time.sleep(0.05)
            yield
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
