"""Streaming into JupyterLab in Chromium: 20,000 tokens at 1,000 a second, through host, chat, bridge and page.

Latency runs from the kernel sending a batch to the frame that paints it. Frames missing are those that
`requestAnimationFrame` skipped, as a share of those due at 60 a second; the same page idle is the control. The text
is compared as the answer's Copy button gives it. Stop is pressed while a cell sleeps: from the click to Send's return.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from itertools import takewhile
from pathlib import Path
from typing import Any

from common import arguments, last_line, spread, table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.sync_api import Page, sync_playwright

from tests.browser.cells import paced
from tests.browser.lab import Lab, Notebook, launch, write_notebook
from workbench.engines.scripted import Say, Script

KEYS = ("chars_missing", "p95_ms", "dropped_ratio", "stop_ms")
DOCUMENT = """## Section {n}

A paragraph about **throughput** and *latency*, with `inline code`, a [link](https://example.org/{n}) and a number: {n}.

- first point of section {n}
- second point, a little longer than the first

```python
def section_{n}(x):
    return x + {n}
```

| Column | Value |
|--------|-------|
| row    | {n}   |

"""
CHAT = """
from workbench.services.local import LocalChatService
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
chat = Chat({script!r}, services=Services(LocalChatService(engine="scripted")))
chat
"""
WATCH = """() => {
  const w = window.watch = { gaps: [], late: [], waiting: [], frame: 0, going: true };
  let last = performance.now();
  const tick = now => { w.gaps.push(now - last); last = now; if (w.going) requestAnimationFrame(tick); };
  requestAnimationFrame(now => { last = now; requestAnimationFrame(tick); });
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.iopubMessage.connect((_, message) => {
    const content = message.content?.data?.content;
    if (content?.kind === "delta") w.waiting.push(content.t * 1000);
  });
  new MutationObserver(() => {
    if (!w.waiting.length || w.frame) return;
    w.frame = requestAnimationFrame(() => {
      const now = Date.now();
      w.late.push(...w.waiting.map(sent => now - sent));
      w.waiting = []; w.frame = 0;
    });
  }).observe(document.querySelector(".wb-chat"), { subtree: true, childList: true, characterData: true });
}"""
IDLE = """seconds => new Promise(resolve => {
  const gaps = []; let last = 0; const end = performance.now() + seconds * 1000;
  const tick = now => { if (last) gaps.push(now - last); last = now;
    if (now < end) requestAnimationFrame(tick); else resolve(gaps); };
  requestAnimationFrame(tick);
})"""
STOP = """() => new Promise(resolve => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.requestExecute({ code: "import time; time.sleep(3)" });
  setTimeout(() => {
    const began = performance.now();
    document.querySelector(".wb-stopb").click();
    const tick = () => document.querySelector(".wb-sendb").getClientRects().length
      ? resolve(performance.now() - began) : requestAnimationFrame(tick);
    tick();
  }, 300);
})"""


def document(tokens: int) -> list[str]:
    """Markdown in that many pieces of four characters."""
    text = ""
    section = 0
    while len(text) < tokens * 4:
        text += DOCUMENT.format(n=section)
        section += 1
    return [text[i : i + 4] for i in range(0, tokens * 4, 4)]


def missing(gaps: list[float]) -> float:
    """Share of the frames due at 60 a second that were not drawn."""
    due = sum(gaps) / (1000 / 60)
    return sum(max(0, round(gap / (1000 / 60)) - 1) for gap in gaps) / due


def stream(page: Page, opened: Notebook, pieces: list[str], rate: int) -> dict[str, Any]:
    """One streamed answer, watched."""
    idle: list[float] = page.evaluate(IDLE, max(2.0, min(10.0, len(pieces) / rate)))
    page.evaluate(WATCH)
    page.locator(".wb-chat textarea").fill("go")
    page.locator(".wb-chat textarea").press("Enter")
    opened.python("chat.last.wait(300)", timeout=300)
    page.wait_for_function("() => !watch.waiting.length", timeout=60_000)
    watched: dict[str, Any] = page.evaluate("() => { watch.going = false; return watch }")
    page.locator(".wb-answer").first.get_by_role("button", name="Copy", exact=True).last.click()
    shown: str = page.evaluate("() => navigator.clipboard.readText()")
    written = "".join(pieces)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(shown.strip(), written.strip(), strict=False)))
    latencies = sorted(watched["late"])
    return {
        "missing": len(written.strip()) - same,
        "p50": statistics.median(latencies),
        "p95": latencies[int(len(latencies) * 0.95)],
        "dropped": missing(watched["gaps"]),
        "idle": missing(idle),
        "batches": len(latencies),
    }


def stops(page: Page, opened: Notebook, rounds: int) -> list[float]:
    """Milliseconds from Stop to stopped while a cell sleeps."""
    found = []
    for count in range(rounds):
        page.locator(".wb-chat textarea").fill("go")
        page.locator(".wb-chat textarea").press("Enter")
        page.locator(".wb-chat .wb-answer > .wb-md").nth(count).get_by_text("one more").first.wait_for()
        found.append(page.evaluate(STOP))
        opened.python("None", timeout=30)
    return found


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    pieces, rate, rounds = document(500 if smoke else 20_000), 1000, 1 if smoke else 5
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder, state = Path(temporary) / "notebooks", Path(temporary) / "jupyter"
        folder.mkdir(), state.mkdir()
        script = str(Path(temporary) / "script.json")
        Script(answering=tuple(Say(piece, rate=rate) for piece in pieces)).save(Path(script))
        write_notebook(folder / "stream.ipynb", CHAT.format(script=script))
        write_notebook(folder / "stop.ipynb", paced(times=100_000, rate=200))
        lab = Lab(folder, state, {"WORKBENCH_HOME": str(Path(temporary) / "home")})
        try:
            lab.wait()
            browser = launch(playwright)
            context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])

            def opened(name: str) -> Notebook:
                notebook = Notebook(context.new_page(), lab, name)
                notebook.open()
                notebook.run_all()
                notebook.page.locator(".wb-chat textarea").wait_for()
                return notebook

            first = opened("stream.ipynb")
            figures = stream(first.page, first, pieces, rate)
            first.close()
            second = opened("stop.ipynb")
            stopped = stops(second.page, second, rounds)
            second.close()
            browser.close()
        finally:
            lab.stop()
    dropped = max(0.0, figures["dropped"] - figures["idle"])
    table(
        [
            ("tokens, at tokens/s", f"{len(pieces):,} at {rate:,}"),
            ("characters missing", str(figures["missing"])),
            ("batches", str(figures["batches"])),
            ("latency of a batch, ms: median, 95 %", f"{figures['p50']:.0f}, {figures['p95']:.0f}"),
            ("frames missing: streaming, idle", f"{figures['dropped']:.1%}, {figures['idle']:.1%}"),
            ("Stop while a cell sleeps, ms", spread(stopped)),
        ]
    )
    last_line(
        chars_missing=figures["missing"],
        p95_ms=figures["p95"],
        dropped_ratio=dropped,
        stop_ms=statistics.median(stopped),
    )


if __name__ == "__main__":
    main()
