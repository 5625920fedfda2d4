"""Where things are kept on this machine.

    config_dir()    settings the person may edit
    data_dir()      what must not be lost
    cache_dir()     what can be made again
    runtime_dir()   what is true only now: the register of live hosts

All under platformdirs; with ``WORKBENCH_HOME`` set, all under that folder instead.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def config_dir() -> Path:
    """Folder of the settings; made if missing."""
    return _made("config")


def data_dir() -> Path:
    """Folder of chats and usage; made if missing."""
    return _made("data")


def data_place() -> Path:
    """Where `data_dir` is, or will be; it is not made."""
    return _place("data")


def cache_dir() -> Path:
    """Folder of what can be made again; made if missing."""
    return _made("cache")


def runtime_dir() -> Path:
    """Folder of what is true only while processes live; made if missing."""
    return _made("runtime")


def _made(kind: str) -> Path:
    path = _place(kind)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _place(kind: str) -> Path:
    home = os.environ.get("WORKBENCH_HOME")
    if home:
        return Path(home).expanduser() / kind
    import platformdirs

    # Where the system has no folder for it, platformdirs warns on the screen and takes one in /tmp.
    no_runtime = kind == "runtime" and sys.platform == "linux" and not os.environ.get("XDG_RUNTIME_DIR")
    name = "cache" if no_runtime else kind
    path = Path(getattr(platformdirs, f"user_{name}_dir")("workbench", appauthor=False))
    return path / "runtime" if no_runtime else path
