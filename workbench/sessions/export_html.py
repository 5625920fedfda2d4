"""A conversation as one page for a browser: no script, nothing fetched, every text escaped. Pure."""

from __future__ import annotations

import base64
import html as escape_html
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.messages import Image
from workbench.sessions import export_tree, export_words
from workbench.sessions.export_markdown import LONGEST_LINE
from workbench.sessions.transcript import spelled

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

    from workbench.store.history_values import StoredChat, StoredMessage

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser lets the page do: show its own style and pictures."""
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""The kinds of pictures that are shown; none of them can hold a script."""
_LINKS = ("http://", "https://", "mailto:", "#")
STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1f1f1f, #e4e4e4); --bg: light-dark(#fff, #1c1c1c); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 16px 64px; max-width: 776px; background: var(--bg); color: var(--ink);
  font: 15px/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 24px; line-height: 1.3; margin: 0 0 8px; }
h1.branch { font-size: 18px; margin-top: 48px; border-top: 1px solid; padding-top: 24px; }
h2 { font-size: 14px; margin: 0; } .text :is(h1, h2, h3, h4) { font-size: 16px; margin: 20px 0 8px; }
article { margin: 24px 0; unicode-bidi: isolate; } article.user { padding: 12px 16px; border-radius: 10px;
  background: color-mix(in srgb, var(--ink) 5%, var(--bg)); }
.facts, .tags { color: color-mix(in srgb, var(--ink) 68%, var(--bg)); font-size: 12px; margin: 0 0 8px; }
.note { border-left: 3px solid color-mix(in srgb, var(--ink) 40%, var(--bg)); margin: 8px 0; padding: 2px 12px; }
.text { unicode-bidi: isolate; } .plain { white-space: pre-wrap; }
details { margin: 8px 0; color: color-mix(in srgb, var(--ink) 75%, var(--bg)); }
pre { overflow-x: auto; padding: 12px; border-radius: 6px; font-size: 13px; line-height: 1.5;
  background: color-mix(in srgb, var(--ink) 6%, var(--bg)); unicode-bidi: isolate; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .92em; }
table { border-collapse: collapse; display: block; overflow-x: auto; } th, td { padding: 4px 10px; text-align: left;
  border: 1px solid color-mix(in srgb, var(--ink) 20%, var(--bg)); }
img { max-width: 100%; } a { color: light-dark(#0b57d0, #8ab4f8); }
blockquote { margin: 8px 0; padding-left: 12px; border-left: 3px solid color-mix(in srgb, var(--ink) 25%, var(--bg)); }
@media print { body { max-width: none; } article { break-inside: auto; } }
"""


def html(chat: StoredChat, messages: Sequence[StoredMessage], *, branches: bool = False) -> str:
    """The path shown as a whole page, in the colours of the reader's system; with `branches` the others after it."""
    path = export_tree.shown(chat, messages)
    title = _safe(export_words.title(chat))
    body = [f"<h1>{title}</h1>", _about(chat, path)]
    if chat.system:
        body.append(f'<article class="system"><h2>System</h2>{_plain(chat.system)}</article>')
    body += [_article(message) for message in path]
    for number, branch in enumerate(export_tree.branches(chat, messages) if branches else (), 1):
        first = _safe(" ".join(export_words.said(branch.instead_of).split())[:80])
        body.append(f'<h1 class="branch">Branch {number}</h1><p class="facts">In place of “{first}”</p>')
        body += [_article(message) for message in branch.messages]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def rendered(text: str) -> str:
    """Markdown as HTML in which nothing acts: tags are text, pictures are links, links lead to the web or to mail."""
    if any(len(line) > LONGEST_LINE for line in text.split("\n")):
        return _code(text)
    reader = _reader()
    tokens = reader.parse(spelled(text))
    for token in [*tokens, *(child for block in tokens for child in block.children or ())]:
        if token.type in ("fence", "code_block", "code_inline"):
            token.content = spelled(token.content, code=True)
    return str(reader.renderer.render(tokens, reader.options, {}))


def _about(chat: StoredChat, path: Sequence[StoredMessage]) -> str:
    facts = [
        ", ".join(export_words.models(path)) or chat.model or "no model",
        f"begun {export_words.when(chat.created)}",
        f"last change {export_words.when(chat.updated)}",
        *export_words.options(chat.options),
    ]
    tags = f'<p class="tags">Tags: {_safe(", ".join(chat.tags))}</p>' if chat.tags else ""
    return f'<p class="facts">{_safe(" · ".join(facts))}</p>{tags}'


def _article(message: StoredMessage) -> str:
    facts = " · ".join(export_words.facts(message) + export_words.settings(message))
    parts = [f'<h2>{_safe(export_words.who(message))}</h2><p class="facts">{_safe(facts)}</p>']
    parts += [_note(note.message) for note in message.notes]
    if thought := export_words.thought(message):
        parts.append(f"<details><summary>Thinking</summary>{_plain(thought)}</details>")
    parts += [_picture(image) for image in export_words.images(message)]
    parts += [f'<p class="facts">{_safe(f.name)}</p>{_code(f.text)}' for f in export_words.files(message)]
    for spoken in export_words.spoken(message):
        if isinstance(spoken, tuple):
            parts.append(f'<p class="facts">{_safe(spoken[0])}</p>{_code(spoken[1])}')
        elif spoken.text and message.role == "assistant":
            parts.append(f'<div class="text" dir="auto">{rendered(spoken.text)}</div>')
        elif spoken.text:
            parts.append(_plain(spoken.text))
    if ending := export_words.ending(message):
        parts.append(_note(ending))
    return f'<article class="{message.role}">{"".join(parts)}</article>'


def _picture(image: Image) -> str:
    name = _safe(image.name or "picture")
    if image.media_type not in PICTURES:
        return f'<p class="facts">{name} ({_safe(image.media_type)}) is not shown.</p>'
    return f'<p><img alt="{name}" src="data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"></p>'


def _note(text: str) -> str:
    return f'<p class="note">{_safe(text)}</p>'


def _plain(text: str) -> str:
    return f'<div class="text plain" dir="auto">{_safe(text)}</div>'


def _code(text: str) -> str:
    return f"<pre>{escape_html.escape(spelled(text, code=True))}</pre>"


def _safe(text: str) -> str:
    return escape_html.escape(spelled(text))


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.validateLink = lambda url: url.strip().lower().startswith(_LINKS)  # type: ignore[method-assign]  # its own hook
    reader.add_render_rule("image", _image)
    reader.add_render_rule("link_open", _link)
    return reader


def _image(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    """A picture elsewhere is not fetched: a link to it."""
    token = tokens[at]
    words = _safe(token.content or "picture")
    return f'<a href="{_safe(str(token.attrGet("src")))}" rel="noopener noreferrer">{words}</a>'


def _link(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    tokens[at].attrSet("rel", "noopener noreferrer")
    return str(renderer.renderToken(tokens, at, options, env))
