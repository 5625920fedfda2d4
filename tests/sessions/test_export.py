"""Exports hold what was said and measured, can be read back, and nothing that a model wrote acts in them."""

from __future__ import annotations

import ast
import json
import re
from html.parser import HTMLParser

import msgspec
import nbformat
import pytest

from workbench.errors import ErrorInfo, FolderError, UsageError
from workbench.events import Metrics, Usage
from workbench.messages import File, Image, Reasoning, Text, ToolCall
from workbench.options import GenerationOptions
from workbench.sessions import export_json
from workbench.sessions.export import export, file_name, format_of, write
from workbench.store.history_values import StoredChat, StoredMessage

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "![remote](https://evil.example/pixel.png)",
    "[data](data:text/html;base64,PHNjcmlwdD4=)",
    "</details><iframe src=https://evil.example></iframe>",
    "<svg onload=alert(1)>",
    "```\nnever closed",
    "| a |\n|---|\n| <b onclick=x>y</b> |",
    "`unclosed <script>alert(1)</script>",
    "> ```html\n> <script>alert(1)</script>",
]


def chat(**fields):
    fields = {"id": "c1", "title": "Rivers & *seas*", "created": 1e9, "updated": 1e9 + 60, "model": "builtin", **fields}
    return StoredChat(**fields)


def message(id, parent, role="user", text="", **fields):
    fields = {"chat": "c1", "created": 1e9 + int(id[1:]), "parts": (Text(text),), **fields}
    return StoredMessage(id=id, parent=parent, role=role, **fields)


def answer(id, parent, text, **fields):
    facts = {
        "usage": Usage(prompt_tokens=40, cached_tokens=30, completion_tokens=7),
        "metrics": Metrics(ttft_s=0.25, decode_tps=123.45),
        "applied": GenerationOptions(temperature=0),
        "ignored": ("seed",),
        "model": "org/model",
    }
    return message(id, parent, "assistant", text, **{**facts, **fields})


TREE = [
    message("m1", None, text="What is a river?"),
    answer("m2", "m1", "First words.", parts=(Reasoning("Let me think.", 1.0), Text("First words."))),
    answer("m3", "m1", "Second words."),
    message("m4", "m3", text="Go on."),
    answer("m5", "m4", "The *end*."),
    message("m6", "m2", text="Elsewhere."),
]


def test_markdown_tells_who_what_and_how_fast():
    text = export(chat(head="m5", tags=("geo", "a: b"), options=GenerationOptions(temperature=0)), TREE)
    front = dict(line.split(": ", 1) for line in text.split("---")[1].strip().splitlines())
    assert json.loads(front["title"]) == "Rivers & *seas*"
    assert json.loads(front["tags"]) == ["geo", "a: b"]
    assert json.loads(front["options"]) == {"temperature": 0}
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == ["You", "org/model", "You", "org/model"]
    for words in ("Second words.", "40 prompt tokens (30 cached)", "0.25 s to the first token", "123.5 tok/s"):
        assert words in text
    assert "seed not honoured" in text
    assert "First words." not in text


def test_branches_are_listed_once_each():
    text = export(chat(head="m5"), TREE, branches=True)
    assert [text.count(words) for words in ("First words.", "Elsewhere.", "What is a river?", "Let me think.")] == [
        1
    ] * 4
    assert "# Branch 1" in text
    assert "# Branch 2" not in text
    page = export(chat(head="m5"), TREE, "html", branches=True)
    assert page.index("Branch 1") > page.index("The <em>end</em>")
    assert "Elsewhere." in page


def test_json_keeps_the_whole_tree_and_reads_it_back():
    kept = [
        *TREE,
        answer(
            "m7", "m6", "", parts=(Image(b"\x89PNG", "image/png", "p"), File("a.txt", "x"), ToolCall("1", "f", "{}"))
        ),
    ]
    text = export(chat(head="m5"), kept, "json")
    assert json.loads(text)["version"] == 1
    [(read, messages)] = export_json.loaded(text, taken=set())
    assert read == chat(head="m5", messages=len(kept))
    assert sorted(messages, key=lambda m: m.id) == kept
    [(copy, moved)] = export_json.loaded(text, taken={"c1"})
    assert copy.id != "c1"
    assert not {m.id for m in moved} & {m.id for m in kept}
    assert {m.chat for m in moved} == {copy.id}
    shown = next(m for m in moved if m.id == copy.head)
    assert shown.parts == (Text("The *end*."),)


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"kind": "other"}',
        '{"kind": "workbench chats", "version": 2}',
        '{"kind": "workbench chats", "version": 1}',
        '{"kind": "workbench chats", "version": 1, "chats": [{"chat": {"id": 1}, "messages": []}]}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_export_is_refused_with_why(text):
    with pytest.raises(UsageError) as caught:
        export_json.loaded(text, taken=set())
    assert caught.value.next_step


def test_a_tree_that_goes_round_in_a_circle_is_refused_and_does_not_hang():
    circle = [message("m1", "m2"), message("m2", "m1")]
    with pytest.raises(UsageError):
        export_json.loaded(export(chat(head="m1"), circle, "json"), taken=set())
    assert "## You" in export(chat(head="m1"), circle)


class Page(HTMLParser):
    """Gathers the tags and attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_a_model_wrote_acts_in_a_page(attack):
    tree = [message("m1", None, text=attack), answer("m2", "m1", attack, parts=(Reasoning(attack), Text(attack)))]
    text = export(chat(title=attack, head="m2", system=attack, tags=(attack,)), tree, "html")
    tags = Page(text).tags
    assert {tag for tag, _ in tags}.isdisjoint({"script", "iframe", "svg", "img", "link", "object"})
    for _, attributes in tags:
        assert not [name for name in attributes if name.startswith("on")]
        href = attributes.get("href", "https://")
        assert href.startswith(("http://", "https://", "mailto:", "#"))
    assert "default-src 'none'" in tags[3][1]["content"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_message_cannot_swallow_or_act_on_what_follows_in_markdown(attack):
    from markdown_it import MarkdownIt

    tree = [message("m1", None, text=attack), answer("m2", "m1", "x", parts=(Reasoning(attack), Text("The answer.")))]
    text = export(chat(title=attack, head="m2"), tree)
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text[text.index("\n---\n") + 5 :])
    tags = Page(page).tags
    assert {tag for tag, _ in tags}.isdisjoint({"script", "iframe", "svg", "img", "b"})
    assert "<h2>org/model</h2>" in page
    assert "<p>The answer.</p>" in page
    assert [attributes["href"] for tag, attributes in tags if tag == "a" and "evil" not in attributes["href"]] == []


def test_pictures_of_a_safe_kind_are_inside_the_page():
    parts = (Image(b"\x89PNG", "image/png", "river"), Image(b"<svg/>", "image/svg+xml", "drawn"), Text("Look."))
    page = export(chat(head="m1"), [message("m1", None, parts=parts)], "html")
    assert '<img alt="river" src="data:image/png;base64,iVBORw==">' in page
    assert "drawn (image/svg+xml) is not shown." in page


def test_a_megabyte_on_one_line_is_shown_as_it_is():
    page = export(chat(head="m1"), [answer("m1", None, "*a" * 500_000)], "html")
    assert "<pre>*a*a" in page


def test_a_notebook_is_valid_and_its_first_cell_goes_on():
    options = GenerationOptions(temperature=0, stop=("###",))
    code = "Try:\n\n```python\nprint('from the model')\n```\n"
    kept = chat(head="m2", system='Say "no".', options=options)
    tree = [message("m1", None, text="It's\n'''quoted'''"), answer("m2", "m1", code)]
    book = nbformat.reads(export(kept, tree, "notebook"), as_version=4)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    codes = [cell.source for cell in book.cells if cell.cell_type == "code"]
    assert len(codes) == 1
    call = next(node for node in ast.walk(ast.parse(codes[0])) if isinstance(node, ast.Call))
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    assert ast.literal_eval(call.args[0]) == "builtin"
    assert ast.literal_eval(given["system"]) == 'Say "no".'
    assert (given["temperature"], given["stop"]) == ("0", "('###',)")
    messages = ast.literal_eval(codes[0].split("messages = ")[1].split("\nchat = ")[0])
    assert messages == [("user", "It's\n'''quoted'''"), ("assistant", code)]
    asked = nbformat.reads(export(kept, tree, "notebook", code_cells=True), as_version=4)
    nbformat.validate(asked)
    assert [cell.source for cell in asked.cells if cell.cell_type == "code"][1:] == ["print('from the model')"]


def test_how_an_answer_ended_is_said():
    lost = ErrorInfo(kind="HostCrashedError", message="The process died.", next_step="Send again.")
    tree = [message("m1", None, text="a"), answer("m2", "m1", "Half of", status="failed", error=lost)]
    assert "> **The process died. Send again.**" in export(chat(head="m2"), tree)
    stopped = [tree[0], msgspec.structs.replace(tree[1], status="cancelled", error=None)]
    assert '<p class="note">Stopped.</p>' in export(chat(head="m2"), stopped, "html")


def test_the_suffix_chooses_and_nothing_is_overwritten_unasked(tmp_path):
    suffixes = {".md": "markdown", ".JSON": "json", ".html": "html", ".ipynb": "notebook", ".py": "python"}
    assert {suffix: format_of(f"a{suffix}") for suffix in suffixes} == suffixes
    with pytest.raises(UsageError, match="does not say") as caught:
        format_of("a.docx")
    assert ".md, .json, .html, .ipynb, .py" in caught.value.next_step
    with pytest.raises(UsageError) as caught:
        export(chat(), TREE, "pdf")
    assert "markdown, json, html, notebook, python" in caught.value.next_step
    file = write("one", tmp_path / "a.md")
    with pytest.raises(FolderError, match="already"):
        write("two", file)
    assert file.read_text() == "one"
    assert write("two", file, overwrite=True).read_text() == "two"
    with pytest.raises(FolderError, match="cannot be written"):
        write("x", tmp_path / "no/such/a.md")
    assert file_name("What is: a/river?", "notebook") == "what-is-a-river.ipynb"
    assert file_name("../..", "json") == "chat.json"


@pytest.mark.parametrize("format", ["markdown", "html", "notebook"])
def test_characters_that_turn_round_what_is_read_are_spelled_out(format):
    words = "if \u202eadmin\u202c:"
    tree = [message("m1", None, text=words), answer("m2", "m1", f"{words}\n\n```\n{words}\u200b\n```\n`{words}`")]
    text = export(chat(title=words, head="m2"), tree, format)
    assert "\u202e" not in text
    assert text.count("U+202E") >= 4
    assert "U+200B" in text
