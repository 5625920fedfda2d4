"""The comparison's grid in JupyterLab in Chromium: 200 prompts by 8 models, scrolled, then 8 cells streaming at once.

The grid is scrolled a little at every frame, from the first prompt to the last and back, by a brisk wheel and as a
thrown list. Then eight models write at 50 pieces a second each into the first row. Frames missing are those that
`requestAnimationFrame` skipped, as a share of those due at 60 a second, less those of the same page idle right before.
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

KEYS = ("grid_dropped_ratio",)
STEPS = (120, 700)
"""Pixels a frame: a brisk wheel, and a thrown list."""
ROOT = Path(__file__).resolve().parents[2]
CELL = """
import sys, threading, time
sys.path.insert(0, {root!r})
from tests.sessions.scripted import ScriptedService, ScriptedServices
from workbench.events import Finished, Metrics, TextDelta, Usage
from workbench.sessions.comparing.compare import compare

ANSWER = "The answer to this has **two parts**: the first is short, and the second goes on for a while. " * 4
streaming = threading.Event()

def answer(request, cancelled):
    if streaming.is_set():
        for n in range(50 * {seconds} + 100):
            if cancelled.wait(0.02):
                break
            yield TextDelta(run=request.run, text="one more word ", tokens=(n,))
    else:
        yield TextDelta(run=request.run, text=request.messages[-1].text + ANSWER, tokens=(1,))
    metrics = Metrics(ttft_s=0.1, decode_tps=80.0, peak_memory=10**9)
    yield Finished(run=request.run, reason="stop", usage=Usage(completion_tokens=90), metrics=metrics)

def share(row, reply):
    return len(reply.text) % 5 / 4

services = ScriptedServices(*(ScriptedService(answer, name=f"s{{n}}", models=("m",)) for n in range(8)))
cmp = compare([f"Question {{n}}: what is it?" for n in range({rows})], [f"s{{n}}:m" for n in range(8)],
              services=services, scorers=[share])
assert cmp.wait(300)
cmp
"""
STREAM = "streaming.set(); cmp.rerun(cells=[cmp.cell(0, column) for column in cmp.columns])"
SCROLL = """([step, seconds]) => new Promise(resolve => {
  const list = document.querySelector(".wb-compare .wb-vlist");
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
WATCH = """seconds => new Promise(resolve => {
  const gaps = []; let last = 0; const end = performance.now() + seconds * 1000;
  const tick = now => { if (last) gaps.push(now - last); last = now;
    if (now < end) requestAnimationFrame(tick); else resolve(gaps); };
  requestAnimationFrame(tick);
})"""
WRITING = "() => document.querySelectorAll('.wb-compare .wb-c .wb-caret').length === 8"


def missing(gaps: list[float]) -> float:
    """Share of the frames due at 60 a second that were not drawn."""
    due = sum(gaps) / (1000 / 60)
    return sum(max(0, round(gap / (1000 / 60)) - 1) for gap in gaps) / due


def figures(gaps: list[float], idle: list[float], rows: float) -> dict[str, float]:
    """What is reported of one stretch."""
    return {
        "dropped": missing(gaps),
        "idle": missing(idle),
        "worst": max(gaps),
        "median": statistics.median(gaps),
        "rows": rows,
    }


def scrolled(page: Page, step: int, seconds: float) -> dict[str, float]:
    """One scroll of so many pixels a frame, and the same page idle right before."""
    idle: list[float] = page.evaluate(WATCH, seconds)
    moved: dict[str, Any] = page.evaluate(SCROLL, [step, seconds])
    return figures(moved["gaps"], idle, moved["passed"] / 140)


def streamed(opened: Notebook, seconds: float) -> dict[str, float]:
    """Eight cells of the first row writing, and the same page idle right before."""
    page = opened.page
    page.evaluate("() => { document.querySelector('.wb-compare .wb-vlist').scrollTop = 0; }")
    idle: list[float] = page.evaluate(WATCH, seconds)
    opened.python(STREAM)
    page.wait_for_function(WRITING, timeout=30_000)
    gaps: list[float] = page.evaluate(WATCH, seconds)
    return figures(gaps, idle, 0)


def measured(smoke: bool) -> tuple[list[tuple[str, str]], float]:
    """Lines for a table, and the most frames missing of any stretch, less the idle control."""
    rows, seconds = (20, 1) if smoke else (200, 10)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder, state = Path(temporary) / "notebooks", Path(temporary) / "jupyter"
        folder.mkdir(), state.mkdir()
        write_notebook(folder / "grid.ipynb", CELL.format(root=str(ROOT), rows=rows, seconds=seconds))
        lab = Lab(folder, state, {"WORKBENCH_HOME": f"{temporary}/home"})
        try:
            lab.wait()
            browser = launch(playwright)
            opened = Notebook(browser.new_page(viewport={"width": 1800, "height": 1000}), lab, "grid.ipynb")
            opened.open()
            opened.run_all()
            opened.page.locator(".wb-compare .wb-c").first.wait_for()
            found = {f"scrolling {step} pixels a frame": scrolled(opened.page, step, seconds) for step in STEPS}
            found["eight cells streaming"] = streamed(opened, seconds)
            opened.close()
            browser.close()
        finally:
            lab.stop()
    lines = [("prompts x models in the grid", f"{rows} x 8")]
    for name, each in found.items():
        passed = f"; {each['rows']:,.0f} rows passed" if each["rows"] else ""
        lines += [
            (f"{name}: frames missing, idle", f"{each['dropped']:.1%}, {each['idle']:.1%}{passed}"),
            ("  ms between frames: median, worst", f"{each['median']:.1f}, {each['worst']:.0f}"),
        ]
    return lines, max(0.0, *(each["dropped"] - each["idle"] for each in found.values()))


def main() -> None:
    """Measure and print."""
    lines, ratio = measured(arguments(__doc__).smoke)
    table(lines)
    last_line(grid_dropped_ratio=ratio)


if __name__ == "__main__":
    main()
