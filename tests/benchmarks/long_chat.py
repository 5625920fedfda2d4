"""A conversation of 500 turns, 200,000 tokens, in JupyterLab in Chromium: opened from the history, then gone on with.

First paint runs from running the cell that shows the chat to the frame after the one that drew its newest answer in
sight; each time in a page of its own, in which no widget was shown yet. Then an answer of 10,000 tokens streams in at
1,000 a second below the 500 turns. Frames missing are those that `requestAnimationFrame` skipped, as a share of those
due at 60 a second; the same page idle is the control. At last it is scrolled towards its beginning, past messages that
were never drawn.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import arguments, last_line, spread, table

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.sync_api import Page, sync_playwright

from tests.browser.lab import Lab, Notebook, launch, write_notebook
from workbench.engines.scripted import Say, Script

KEYS = ("first_paint_ms", "dropped_ratio")
QUESTION = "Tell me more about part {n}: how does it hang together with the part before, and what follows from it?"
SECTION = """## Part {n}

A paragraph about **throughput** and *latency*, with `inline code`, a [link](https://example.org/{n}) and a number: {n}.
What was said before is taken up again here, so that the parts hang together and none of them stands for itself alone.
It goes on for a while, as answers do, in a sentence that says nothing new of part {n} and still has to be read through
by whoever wants to know what the next one is about, and then it ends.

- first point of part {n}, which is the one that matters most
- second point, a little longer than the first, and with a clause of its own

```python
def part_{n}(x):
    return [x + {n} for _ in range({n})]
```

| Column | Value | Unit |
|--------|-------|------|
| rows   | {n}   | 1    |

"""
SECTIONS = 2
"""In an answer: with its question, about 400 tokens of four characters."""
OPEN = """
import workbench as wb
from workbench.services import registry
from workbench.services.local import LocalChatService
scripted = registry.Services(LocalChatService(engine="scripted"))
registry.default = lambda: scripted
{make}
chat = wb.reopen({chat!r})
None
"""
MAKE = """
import time
from workbench.messages import Text
from workbench.store import history
from workbench.store.history_values import StoredChat, StoredMessage
kept, last, now = history.default(), None, time.time()
kept.put_chat(StoredChat(id={chat!r}, title="Five hundred turns", created=now, updated=now, model={script!r}))
for n in range({turns}):
    answer = {section!r}.replace("{{n}}", str(n)) * {sections}
    for role, text, model in (("user", {question!r}.format(n=n), None), ("assistant", answer, {script!r})):
        message = StoredMessage(
            id=f"{{role}}{{n}}", chat={chat!r}, parent=last, role=role, created=now + n, parts=(Text(text),),
            model=model, finish=None if model is None else "stop",
        )
        kept.put_message(message)
        last = message.id
kept.change_chat({chat!r}, head=last)
assert kept.flush(60)
"""
PAINT = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = 1;
  const began = performance.now();
  window.jupyterapp.commands.execute("notebook:run-cell");
  const there = () => {
    const scroller = document.querySelector(".wb-chat .wb-scroll");
    const last = scroller?.querySelector("article:last-of-type .wb-md table");
    if (!last || !scroller.clientHeight) return false;
    const at = last.getBoundingClientRect(), view = scroller.getBoundingClientRect();
    return at.height > 0 && at.top >= view.top && at.bottom <= view.bottom;
  };
  return await new Promise((resolve, reject) => {
    const tick = () => {
      if (there()) resolve(performance.now() - began);
      else if (performance.now() - began > 60_000) reject(new Error("it was never painted"));
      else requestAnimationFrame(tick);
    };
    tick();
  });
}"""
IDLE = """seconds => new Promise(resolve => {
  const gaps = []; let last = 0; const end = performance.now() + seconds * 1000;
  const tick = now => { if (last) gaps.push(now - last); last = now;
    if (now < end) requestAnimationFrame(tick); else resolve(gaps); };
  requestAnimationFrame(tick);
})"""
WATCH = """() => {
  const w = window.watch = { gaps: [], going: true };
  let last = performance.now();
  const tick = now => { w.gaps.push(now - last); last = now; if (w.going) requestAnimationFrame(tick); };
  requestAnimationFrame(now => { last = now; requestAnimationFrame(tick); });
}"""
SCROLL = """seconds => new Promise(resolve => {
  const list = document.querySelector(".wb-chat .wb-scroll");
  const gaps = []; let last = 0; const end = performance.now() + seconds * 1000;
  const tick = now => { if (last) gaps.push(now - last); last = now; list.scrollTop -= 120;
    if (now < end) requestAnimationFrame(tick); else resolve(gaps); };
  requestAnimationFrame(tick);
})"""


def missing(gaps: list[float]) -> float:
    """Share of the frames due at 60 a second that were not drawn."""
    due = sum(gaps) / (1000 / 60)
    return sum(max(0, round(gap / (1000 / 60)) - 1) for gap in gaps) / due


def stream(page: Page, opened: Notebook, seconds: float) -> dict[str, float]:
    """One streamed answer below all the others, and the same page idle right before."""
    idle: list[float] = page.evaluate(IDLE, seconds)
    page.evaluate(WATCH)
    page.locator(".wb-chat .wb-comp textarea").fill("go")
    page.locator(".wb-chat .wb-comp textarea").press("Enter")
    opened.python("print(chat.last.wait(300), chat.last.finish)", timeout=300)
    watched: dict[str, Any] = page.evaluate("() => { watch.going = false; return watch }")
    return {"dropped": missing(watched["gaps"]), "idle": missing(idle), "worst": max(watched["gaps"])}


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    turns, rounds, tokens = (20, 1, 500) if smoke else (500, 3, 10_000)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder, state = Path(temporary) / "notebooks", Path(temporary) / "jupyter"
        folder.mkdir(), state.mkdir()
        script = str(Path(temporary) / "script.json")
        text = "".join(SECTION.replace("{n}", str(n)) for n in range(tokens * 4 // len(SECTION) + 1))[: tokens * 4]
        pieces = [text[i : i + 4] for i in range(0, len(text), 4)]
        Script(answering=tuple(Say(piece, rate=1000) for piece in pieces)).save(Path(script))
        given = {"chat": "longchat", "script": script, "turns": turns, "sections": SECTIONS}
        make = MAKE.format(section=SECTION, question=QUESTION, **given)
        for n in range(rounds):
            first = OPEN.format(make=make if n == 0 else "", chat="longchat")
            write_notebook(folder / f"long{n}.ipynb", first, "chat")
        lab = Lab(folder, state, {"WORKBENCH_HOME": str(Path(temporary) / "home")})
        painted = []
        figures: dict[str, float] = {}
        try:
            lab.wait()
            browser = launch(playwright)
            for n in range(rounds):
                opened = Notebook(browser.new_page(viewport={"width": 1400, "height": 1000}), lab, f"long{n}.ipynb")
                opened.open()
                opened.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
                opened.command("notebook:run-cell")
                painted.append(opened.page.evaluate(PAINT))
                if n == rounds - 1:
                    opened.page.evaluate(IDLE, 2)  # the copy in the notebook is written meanwhile
                    drawn = opened.page.locator(".wb-chat article:not(.wb-bare)").count()
                    size = int(opened.python("import json; print(len(json.dumps(chat.view())))"))
                    said = int(opened.python("print(sum(len(m.text) for m in chat.messages))"))
                    figures = stream(opened.page, opened, 2 if smoke else 10)
                    scrolled: list[float] = opened.page.evaluate(SCROLL, 1 if smoke else 5)
                opened.close()
            browser.close()
        finally:
            lab.stop()
    table(
        [
            ("turns, tokens of four characters", f"{turns:,}, {said // 4:,}"),
            ("state sent to the page, MB", f"{size / 1e6:.2f}"),
            ("messages drawn at first", f"{drawn:,} of {2 * turns:,}"),
            ("first paint, ms", spread(painted)),
            ("frames missing: streaming, idle", f"{figures['dropped']:.1%}, {figures['idle']:.1%}"),
            ("longest frame while streaming, ms", f"{figures['worst']:.0f}"),
            ("frames missing: scrolling up, 120 pixels a frame", f"{missing(scrolled):.1%}"),
        ]
    )
    last_line(first_paint_ms=statistics.median(painted), dropped_ratio=max(0.0, figures["dropped"] - figures["idle"]))


if __name__ == "__main__":
    main()
