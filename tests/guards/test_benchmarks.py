"""Every benchmark runs at its smallest size, and its last line holds the figures it promises."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path for path in (ROOT / "tests/benchmarks").glob("*.py") if path.stem != "common")


def keys(script: Path) -> set[str]:
    """The names in the script's own KEYS."""
    tree = ast.parse(script.read_text())
    found = [n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "KEYS"]
    assert found, f"{script.name} declares no KEYS"
    return set(ast.literal_eval(found[0]))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_smoke(script: Path) -> None:
    done = subprocess.run([sys.executable, script, "--smoke"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    table, _, last = done.stdout.rstrip().rpartition("\n")
    assert table.strip(), "it prints no table"
    figures = json.loads(last)
    assert keys(script) <= set(figures)
    assert all(figures[key] is not None for key in keys(script))
