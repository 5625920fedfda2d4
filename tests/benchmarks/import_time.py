"""How long until a chat can be drawn: `import workbench`, `wb.chat()` and its mimebundle against `import anywidget`.

Both in fresh processes, timed inside them, interleaved; the ratio is the median over the pairs.
"""

from __future__ import annotations

import json
import subprocess

from common import PYTHON, arguments, interleaved, last_line, ratio, spread, table

KEYS = ("ready_ratio", "heavy_modules")
HEAVY = ("mlx", "openai", "transformers", "huggingface_hub", "pandas")
ANYWIDGET = "import time; t = time.perf_counter(); import anywidget; print(time.perf_counter() - t)"
CHAT = """
import time; t = time.perf_counter()
import workbench as wb
from workbench.display import mimebundle
bundle = mimebundle(wb.chat())
assert "application/vnd.jupyter.widget-view+json" in bundle, bundle
print(time.perf_counter() - t)
"""
LOADED = f"import sys, json, workbench; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"


def inside(code: str) -> float:
    """Seconds that a fresh Python measures around its own imports."""
    return float(subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure and print."""
    rounds = 1 if arguments(__doc__).smoke else 9
    base, ready = interleaved(rounds, lambda: inside(ANYWIDGET), lambda: inside(CHAT))
    heavy = json.loads(subprocess.run([PYTHON, "-c", LOADED], capture_output=True, text=True, check=True).stdout)
    found = ratio(ready, base)
    table(
        [
            ("import anywidget, s", spread(base)),
            ("import workbench, wb.chat(), mimebundle, s", spread(ready)),
            ("ratio", f"{found:.2f}"),
            ("heavy modules after import workbench", ", ".join(heavy) or "none"),
        ]
    )
    last_line(ready_ratio=found, heavy_modules=heavy)


if __name__ == "__main__":
    main()
