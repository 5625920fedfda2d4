from __future__ import annotations

import html
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from workbench.sessions.transcript import COPY_LIMIT, html_copy, safe_markdown


def message(role: str, text: str, **more: Any) -> dict[str, Any]:
    blank = {"model": None, "reasoning": "", "notes": [], "error": None, "status": "done", "tools": []}
    return {"role": role, "text": text, **blank, **more}


def view(*messages: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    return "abc", list(messages)


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_copy_names_its_chat_and_holds_every_turn_escaped() -> None:
    page = html_copy(
        *view(message("user", "1 < 2 <script>alert(1)</script>"), message("assistant", "Yes & no", model="m"))
    )
    assert page.startswith('<div class="wb-static tex2jax_ignore mathjax_ignore" data-wb-chat="abc">')
    assert "1 &lt; 2 &lt;script&gt;" in page
    assert "Yes &amp; no" in page
    assert {tag for tag, _ in Tags(page).tags} <= {"div", "p", "strong"}


def test_code_stands_in_pre_and_prose_keeps_its_lines() -> None:
    page = html_copy(*view(message("assistant", "Try:\n```python\nif a < b:\n    go()\n```\nthen\nrest")))
    assert "<pre><code>if a &lt; b:\n    go()</code></pre>" in page
    assert ">then\nrest</p>" in page
    assert "python" not in page


def test_an_open_fence_and_an_empty_one_lose_nothing() -> None:
    assert "<pre><code>x = 1</code></pre>" in html_copy(*view(message("assistant", "```\nx = 1")))
    assert "after" in html_copy(*view(message("assistant", "```\n```\nafter")))


def test_errors_notes_reasoning_and_stops_are_shown() -> None:
    failed = message(
        "assistant",
        "par",
        reasoning="let me <see>",
        notes=[{"code": "option_ignored", "message": "seed is ignored"}],
        error={"message": "It died.", "next_step": "Send again."},
        status="failed",
    )
    page = html_copy(
        *view(message("user", "a"), failed, message("user", "b"), message("assistant", "c", status="cancelled"))
    )
    for text in ("let me &lt;see&gt;", "seed is ignored", "It died.", "Send again.", "Stopped."):
        assert text in page


@pytest.mark.parametrize("text", ["word " * 200, "<&>'\"" * 200, "é漢😀" * 200])
def test_the_copy_stays_under_its_limit_and_drops_the_oldest(text: str) -> None:
    messages = [
        m for n in range(400) for m in (message("user", f"question {n}"), message("assistant", text + f"end {n}."))
    ]
    page = html_copy(*view(*messages))
    assert len(page.encode()) <= COPY_LIMIT
    assert "end 399." in page
    left_out = int(re.search(r"the oldest (\d+) of 400 turns", page)[1])
    assert f"question {left_out - 1}<" not in page
    assert f"question {left_out}<" in page


def test_one_turn_that_is_too_long_is_cut_and_says_so() -> None:
    page = html_copy(*view(message("user", "a"), message("assistant", "<" * 600_000, reasoning="&" * 600_000)))
    assert len(page.encode()) <= COPY_LIMIT
    assert "cut here" in page


def test_an_empty_chat_has_an_empty_copy() -> None:
    assert html_copy(*view()) == '<div class="wb-static tex2jax_ignore mathjax_ignore" data-wb-chat="abc"></div>'


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "text <script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "[click]( java\nscript:alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click](javascript\\:alert(1))",
    "[click](data:text/html,<script>alert(1)</script>)",
    "[click][r]\n\n[r]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "\\`<img src=x onerror=alert(1)>`",
    "| a | b |\n|---|---|\n| `x | <img src=x onerror=alert(1)>` |",
    "$ ` $ <img src=x onerror=alert(1)> `",
    "$$\n```\n$$\n<img src=x onerror=alert(1)>\n```",
    "- ```\n  a\n  ```\n<img src=x onerror=alert(1)>",
    "- ```\n  a\n\n<img src=x onerror=alert(1)>\n",
    "- item\n\n  ```\n<img src=x onerror=alert(1)>",
    "> ```\n<img src=x onerror=alert(1)>",
    "`a\n\n<img src=x onerror=alert(1)>`",
    "``a` <img src=x onerror=alert(1)> `b",
    '[a]: http://x "t\n```\n"\n<img src=x onerror=alert(1)>',
    "~~~ ``\na\n~~~\n<img src=x onerror=alert(1)>",
    "``` a`b\n<img src=x onerror=alert(1)>",
    "![p](https://example.com/spy.png)",
    "```\na\n```` \n<img src=x onerror=alert(1)>",
    "```\na\n  ```\n<img src=x onerror=alert(1)>",
    "```\na\n    ```\n<img src=x onerror=alert(1)>",
    "```\n> ```\n<img src=x onerror=alert(1)>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_models_markdown_acts_once_converted(text: str) -> None:
    markdown2html = pytest.importorskip("nbconvert.filters.markdown_mistune").markdown2html_mistune
    from_markdown_it = (
        pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table").render
    )
    for convert in (markdown2html, from_markdown_it):
        for tag, attributes in Tags(convert(safe_markdown(text))).tags:
            assert tag not in ("img", "script"), (convert, safe_markdown(text))
            address = (attributes.get("href") or "").lower()
            assert not address.startswith(("javascript:", "data:")), (convert, safe_markdown(text))


@pytest.mark.parametrize(
    "text",
    [
        "plain *text* with **marks**, a list:\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "```python\nif a < b and x[0]:\n    print('<b>')\n```",
        "Use `List<int>` and `a[b](c)`.",
        "[a page](https://example.com) and [mail](mailto:a@b.c)",
        "Price $5, and \\alpha.",
        "1. do\n   ```\n   a < 3\n   ```",
    ],
)
def test_harmless_markdown_is_left_as_it_is(text: str) -> None:
    assert safe_markdown(text) == text


def test_a_tag_in_prose_is_shown_as_text() -> None:
    assert safe_markdown("a <b> c") == "a &lt;b> c"


def test_code_in_a_list_reads_the_same_with_an_invisible_joiner() -> None:
    safe = safe_markdown("- ```html\n  <b>\n  ```")
    assert safe.replace("\u2060", "") == "- ```html\n  <b>\n  ```"
    assert "<b>" not in safe


ATTACKS: list[str] = json.loads((Path(__file__).parents[1] / "widgets/attacks.json").read_text())["attacks"]


def test_no_published_attack_acts_in_a_saved_answer() -> None:
    markdown2html = pytest.importorskip("nbconvert.filters.markdown_mistune").markdown2html_mistune
    from_markdown_it = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table")
    for attack in ATTACKS:
        safe = safe_markdown(f"{attack}\n\nwords {attack}")
        for page in (markdown2html(safe), from_markdown_it.render(safe)):
            for tag, attributes in Tags(page).tags:
                assert tag not in ("img", "script", "iframe", "svg", "object", "embed", "form", "style"), attack
                assert not [name for name in attributes if name.startswith("on")], attack
                address = (attributes.get("href") or "").strip().lower()
                assert not address.startswith(("javascript:", "vbscript:", "data:", "file:")), attack
            text = html.unescape(re.sub(r"<(pre|code)\b.*?</\1>|<[^>]*>", "", page, flags=re.DOTALL))
            assert not re.search(r"\\(href|url|mmlToken|require|unicode|style|includegraphics)\b", text), attack


def test_the_copy_of_an_attack_is_text() -> None:
    for attack in ATTACKS:
        page = html_copy(*view(message("user", attack), message("assistant", attack, reasoning=attack)))
        tags = {tag for tag, _ in Tags(page).tags}
        assert tags <= {"div", "p", "strong", "details", "summary", "pre", "code"}, attack


def test_what_cannot_be_seen_is_spelled_out_in_copies() -> None:
    code = "```\nif x != 'a\u202e \u2066':\n```"
    assert "x != 'a[U+202E] [U+2066]'" in safe_markdown(code)
    assert "[U+202E]" in html_copy(*view(message("assistant", code)))
    assert safe_markdown("invoice\u202efdp.exe `a\u200bb`") == "invoice[U+202E]fdp.exe `a[U+200B]b`"
    assert safe_markdown("fine\U000e006f\U000e0062") == "fine[U+E006F and 1 more]"
    for text in ("\u05e9\u05dc\u05d5\u05dd (1)", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u2764\ufe0f"):
        assert safe_markdown(text) == text


BOMBS = {
    "backticks": "`" * 10**6,
    "fences": "```\n" * 250_000,
    "spans": "".join("`" * i + "a" for i in range(1400)),
    "lines": "a\n" * 500_000,
    "quotations": "> " * 500_000,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_megabyte_is_copied_in_bounded_time(text: str) -> None:
    began = time.process_time()
    safe_markdown(text)
    html_copy(*view(message("assistant", text, reasoning=text)))
    assert time.process_time() - began < 60
