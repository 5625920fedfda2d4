"""Scrolling the model browser in JupyterLab in Chromium: 10,000 rows, from the first to the last and back.

The list is scrolled a little at every frame, as a wheel or a finger does it, fast enough to pass rows that were never
read. Frames missing are those that `requestAnimationFrame` skipped, as a share of those due at 60 a second; the same
page idle is the control. Rows without their words are counted once scrolling has stopped.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import arguments, last_line, table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.sync_api import Page, sync_playwright

from tests.browser.lab import Lab, Notebook, launch, write_notebook

KEYS = ("dropped_ratio",)
STEPS = (120, 700)
"""Pixels a frame: a brisk wheel, and a thrown list."""
CELL = """
import workbench as wb
from workbench.manager import index
from workbench.model import HubModel
index.default().add(
    HubModel(
        id=f"author-{{n % 97}}/Model-{{n}}-{{n % 70 + 1}}B-Instruct-4bit", name=f"Model-{{n}}", provider="local",
        engine="mlx", format="safetensors", author=f"author-{{n % 97}}", parameters=(n % 70 + 1) * 10**9, bits=4.5,
        quantization="4bit", architecture=("llama", "qwen3", "gemma3")[n % 3], size=(n % 70 + 1) * 560_000_000,
        context_length=32_768, task="text-generation", downloads=1_000_000 - n, likes=n % 900, status="hub",
        capabilities=frozenset(("tools", "reasoning")[: n % 3]), quality=100 - n / 1000,
    )
    for n in range({rows})
)
b = wb.browse()
b
"""
SCROLL = """([step, seconds]) => new Promise(resolve => {
  const list = document.querySelector(".wb-browser .wb-vlist");
  const gaps = []; let last = 0, way = step, passed = 0;
  const end = performance.now() + seconds * 1000;
  const tick = now => {
    if (last) gaps.push(now - last);
    last = now;
    const before = list.scrollTop;
    list.scrollTop += way;
    passed += Math.abs(list.scrollTop - before);
    if (list.scrollTop === before) way = -way;
    if (now < end) requestAnimationFrame(tick); else resolve({ gaps, passed });
  };
  requestAnimationFrame(tick);
})"""
IDLE = """seconds => new Promise(resolve => {
  const gaps = []; let last = 0; const end = performance.now() + seconds * 1000;
  const tick = now => { if (last) gaps.push(now - last); last = now;
    if (now < end) requestAnimationFrame(tick); else resolve(gaps); };
  requestAnimationFrame(tick);
})"""
READ = "() => !document.querySelector('.wb-browser .wb-r.wb-unread:not([hidden])')"


def missing(gaps: list[float]) -> float:
    """Share of the frames due at 60 a second that were not drawn."""
    due = sum(gaps) / (1000 / 60)
    return sum(max(0, round(gap / (1000 / 60)) - 1) for gap in gaps) / due


def scrolled(page: Page, step: int, seconds: float) -> dict[str, Any]:
    """One scroll of so many pixels a frame, and the same page idle right before."""
    idle: list[float] = page.evaluate(IDLE, seconds)
    moved: dict[str, Any] = page.evaluate(SCROLL, [step, seconds])
    page.wait_for_function(READ, timeout=10_000)
    return {
        "dropped": missing(moved["gaps"]),
        "idle": missing(idle),
        "worst": max(moved["gaps"]),
        "rows": moved["passed"] / 56,
        "median": statistics.median(moved["gaps"]),
    }


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    rows, seconds = (500, 1.0) if smoke else (10_000, 10.0)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder, state = Path(temporary) / "notebooks", Path(temporary) / "jupyter"
        folder.mkdir(), state.mkdir()
        write_notebook(folder / "scroll.ipynb", CELL.format(rows=rows))
        home = {"WORKBENCH_HOME": f"{temporary}/home", "HF_HOME": f"{temporary}/hf", "HF_HUB_OFFLINE": "1"}
        lab = Lab(folder, state, home)
        try:
            lab.wait()
            browser = launch(playwright)
            opened = Notebook(browser.new_page(viewport={"width": 1400, "height": 1000}), lab, "scroll.ipynb")
            opened.open()
            opened.run_all()
            opened.page.locator(".wb-browser .wb-r").first.wait_for()
            found = {step: scrolled(opened.page, step, seconds) for step in STEPS}
            shown = opened.page.locator(".wb-browser .wb-sum b").inner_text()
            opened.close()
            browser.close()
        finally:
            lab.stop()
    lines = [("rows in the list", shown)]
    for step, figures in found.items():
        lines += [
            (f"{step} pixels a frame: rows passed", f"{figures['rows']:,.0f}"),
            ("  frames missing: scrolling, idle", f"{figures['dropped']:.1%}, {figures['idle']:.1%}"),
            ("  ms between frames: median, worst", f"{figures['median']:.1f}, {figures['worst']:.0f}"),
        ]
    table(lines)
    last_line(dropped_ratio=max(0.0, *(figures["dropped"] - figures["idle"] for figures in found.values())))


if __name__ == "__main__":
    main()
