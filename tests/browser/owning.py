"""Cells for tests of downloads and the library: a home, a cache and a hub of their own. Knows no widget."""

from __future__ import annotations

from pathlib import Path


def own(home: Path, hub: str = "http://127.0.0.1:9") -> str:
    """A first cell: the kernel keeps everything under `home`, and asks the hub at that address."""
    return f"""
import os, pathlib
home = pathlib.Path({str(home)!r})
for name, below in {{"HOME": "person", "WORKBENCH_HOME": "state", "HF_HOME": "huggingface"}}.items():
    (home / below).mkdir(parents=True, exist_ok=True)
    os.environ[name] = str(home / below)
os.environ["HF_ENDPOINT"] = {hub!r}
import workbench as wb
"""
