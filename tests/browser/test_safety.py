"""What a model writes, in a real JupyterLab: nothing of it runs, loads, covers the page or makes it hang."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.lab import Notebook
from workbench.sessions.transcript import html_copy, safe_markdown

Make = Callable[..., Notebook]
ATTACKS: list[str] = json.loads((Path(__file__).parents[1] / "widgets/attacks.json").read_text())["attacks"]
ECHO = """
import tempfile, pathlib
from workbench.engines.scripted import Echo, Script, Think
from workbench.services.local import LocalChatService
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
folder = pathlib.Path(tempfile.mkdtemp())
Script(answering=(Echo(),), context_length=10_000_000).save(folder / "echo.json")
chat = Chat(str(folder / "echo.json"), services=Services(LocalChatService(engine="scripted")), private=True)
chat
"""
HARM = """() => {
  const found = [];
  for (const element of document.querySelectorAll(".wb-chat article *")) {
    if (/^(script|iframe|img|object|embed|form|style|link|meta|base|video|audio|frame|foreignObject|use|image)$/i
        .test(element.localName)) found.push(element.outerHTML.slice(0, 200));
    for (const { name, value } of element.attributes) {
      const acts = /^on|^(src|srcset|action|formaction|background|poster|ping|srcdoc)$/i.test(name);
      const leads = name === "href" && !/^(https?:|mailto:)/i.test(value);
      if (acts || leads) found.push(`${name}=${value}`);
    }
  }
  return found;
}"""


class Watch:
    """What a page must never do: run the mark of an attack, open a dialog, ask another host for anything."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.seen: list[str] = []
        page.on("dialog", lambda dialog: (self.seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda popup: self.seen.append(f"popup {popup.url}"))
        page.on("request", lambda request: self._request(request.url, home))
        page.evaluate("() => { window.hurt = () => { window.hurts = (window.hurts ?? 0) + 1; }; }")

    def _request(self, url: str, home: str) -> None:
        if not url.startswith((home, "data:", "blob:")):
            self.seen.append(url)

    def check(self) -> None:
        assert self.page.evaluate("() => window.hurts ?? 0") == 0
        assert self.seen == []


def test_no_attack_runs_or_loads_anything(notebook: Make) -> None:
    opened = notebook(ECHO)
    page = opened.page
    page.locator(".wb-chat").wait_for()
    watch = Watch(page, opened.lab.url)
    (opened.lab.folder / "attacks.json").write_text(json.dumps(ATTACKS))
    opened.python("import json; attacks = json.loads(pathlib.Path('attacks.json').read_text())")
    size = 25
    for start in range(0, len(ATTACKS), size):
        text = f"'\\n\\n'.join(attacks[{start}:{start + size}])"
        opened.python(f"chat.clear(); chat.send({text} + '\\n\\nthe end of {start}').result(60)", timeout=60)
        expect(page.locator(".wb-chat article").last).to_contain_text(f"the end of {start}", timeout=30_000)
        assert page.evaluate(HARM) == []
        watch.check()
    opened.save()


def test_an_unclosed_fence_and_controls_of_direction_stay_in_their_message(notebook: Make) -> None:
    opened = notebook(ECHO)
    page = opened.page
    page.locator(".wb-chat").wait_for()
    opened.python("chat.send('```python\\nif x != \"a\\u202e \\u2066\": pass').result(30)")
    opened.python("chat.send('# After it\\n\\n\\u05e9\\u05dc\\u05d5\\u05dd (1)').result(30)")
    expect(page.locator("article h1")).to_have_text("After it")
    first = page.locator("article.wb-answer").first
    expect(first.locator(".wb-code pre")).to_have_text('if x != "a\u202e \u2066": pass', use_inner_text=False)
    expect(first.locator(".wb-unseen")).to_have_text("2 invisible characters")
    shown = first.locator(".wb-inv").first.evaluate("mark => getComputedStyle(mark, '::before').content")
    assert shown == '"U+202E"'
    right = (
        page.locator("article.wb-answer")
        .last.locator("p")
        .evaluate(
            "p => { const range = document.createRange(); range.selectNodeContents(p);"
            " return p.getBoundingClientRect().right - range.getBoundingClientRect().right; }"
        )
    )
    assert right < 5  # Hebrew stands at the right


def test_a_megabyte_on_one_line_leaves_the_page_alive(notebook: Make) -> None:
    opened = notebook(ECHO)
    page = opened.page
    page.locator(".wb-chat").wait_for()
    for text in ("'x' * 1_000_000", "'[' * 1_000_000", "'```\\n' + 'y' * 1_000_000", "'> ' * 500_000"):
        opened.python(f"reply = chat.send({text} + ' end'); reply.result(60)", timeout=90)
        expect(page.locator("article.wb-answer").last).to_contain_text("too large to format", timeout=60_000)
        page.locator(".wb-chat textarea").fill("still here")
        expect(page.locator(".wb-chat textarea")).to_have_value("still here")
        opened.python("chat.clear()")


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("mime", ["text/html", "text/markdown"])
def test_a_saved_notebook_exported_as_a_page_runs_nothing(mime: str, context: BrowserContext, tmp_path: Path) -> None:
    nbconvert = pytest.importorskip("nbconvert")
    view = {"model": "m", "notes": [], "error": None, "status": "done", "tools": []}

    def output(attack: str) -> dict[str, str]:
        if mime == "text/markdown":
            return {mime: safe_markdown(attack)}
        return {mime: html_copy("c", [{"role": "assistant", "text": attack, "reasoning": attack, **view}])}

    outputs = [nbformat.v4.new_output("display_data", data=output(attack)) for attack in ATTACKS]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("chat", outputs=outputs)])
    html, _ = nbconvert.HTMLExporter(template_name="basic").from_notebook_node(notebook)
    for tag, attributes in Tags(html).found:
        assert tag not in ("img", "iframe", "object", "embed", "form", "base", "meta", "video", "audio"), attributes
        assert not [name for name in attributes if name.startswith("on")], attributes
        address = (attributes.get("href") or "").strip().lower()
        assert not address.startswith(("javascript:", "vbscript:", "data:", "file:")), attributes
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script("window.hurt = () => { window.hurts = (window.hurts ?? 0) + 1; };")
    page.set_content(f"<meta charset=utf-8><body>{html}</body>")
    assert page.evaluate("() => window.hurts ?? 0") == 0
    assert asked == []
    page.close()
