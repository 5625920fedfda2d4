"""A transcript as text for places with no kernel: safe HTML of a chat, safe Markdown of an answer. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

COPY_LIMIT = 256 * 1024
"""Most bytes of a saved copy."""
_ROOM_FOR_NOTES = 1024
_LONGEST_LINE = 5000
"""In characters. Spans of code are not looked for in a longer one."""

_FENCE = re.compile(r"^([\s>]*(?:(?:[-*+]|\d+[.)])\s+)*)(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_SPAN = re.compile(r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_CUTS = re.compile(r"[|$\\@]|://|www\.")
"""What can cut a span of code in two: a table's bar, maths, and an address that takes the backtick for its own."""
_LINK = re.compile(r"\]\((?!\s*(?:https?://|mailto:|#))", re.IGNORECASE)
CALL_WORDS = {
    "called": "not run",
    "asking": "waited for leave",
    "running": "not finished",
    "done": "done",
    "failed": "failed",
    "refused": "not allowed",
    "timeout": "timed out",
}
"""How a call of a function stands, in words."""
_NO_MATHS = "tex2jax_ignore mathjax_ignore"
"""Classes that keep a page's MathJax out: it knows commands that make links and load pages."""
_ACTING = re.compile(
    r"\\(?=(?:href|url|require|class|cssId|style|data|unicode|includegraphics|mmlToken|bbox|texttip|toggle|csname)"
    r"(?![A-Za-z]))"
)
_ENTITY = re.compile(r"&(?=#|bsol;)")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d"
)
"""Characters that cannot be seen; an emoji keeps the joiner behind it."""
_NEVER_MEANT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ufff9-\ufffb\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
    "|(?<![\U0001f3f4\U000e0061-\U000e007a])[\U000e0020-\U000e007f]+"
)
"""Of these, what no one's writing needs: overrides of direction, controls, and tags that make no flag."""


def html_copy(chat: str, messages: list[dict[str, Any]], limit: int = COPY_LIMIT) -> str:
    """The static copy of the chat of that id: plain HTML of its messages, every text escaped.

    At most `limit` bytes. The oldest turns are left out when there is too much, and a line says so.
    """
    return f'<div class="wb-static {_NO_MATHS}" data-wb-chat="{html.escape(chat)}">{_turns_html(messages, limit)}</div>'


def html_copies(panes: str, said: Sequence[tuple[str, list[dict[str, Any]]]], limit: int = COPY_LIMIT) -> str:
    """The static copy of the panes of that id: of each its name and messages, as `html_copy`; they share the limit."""
    room = limit // max(1, len(said))
    parts = [f"<h4>{html.escape(name)}</h4>{_turns_html(messages, room)}" for name, messages in said]
    return f'<div class="wb-static {_NO_MATHS}" data-wb-panes="{html.escape(panes)}">{"".join(parts)}</div>'


def _turns_html(messages: list[dict[str, Any]], limit: int) -> str:
    turns: list[list[dict[str, Any]]] = []
    for message in messages:
        if message["role"] == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    room = limit - _ROOM_FOR_NOTES
    kept: list[str] = []
    for turn in reversed(turns):
        block = "".join(_message_html(message) for message in turn)
        size = len(block.encode())
        if size > room:
            break
        room -= size
        kept.insert(0, block)
    if turns and not kept:
        kept = ["".join(_message_html(_shortened(message, room)) for message in turns[-1])]
    left_out = len(turns) - len(kept)
    note = f"<p><em>Left out of this copy: the oldest {left_out} of {len(turns)} turns.</em></p>" if left_out else ""
    return note + "".join(kept)


def safe_markdown(text: str) -> str:
    """A model's Markdown with nothing in it that acts: for converters that let raw HTML through.

    Outside code, tags become text, images become links, and links keep their address only if it is of the web
    or a mail address. Inside code nothing is changed where every reader of Markdown agrees that it is code;
    elsewhere an invisible word joiner keeps a tag from being one, and a command of MathJax that makes links or
    loads things from being one. Characters that turn round what is read are spelled out, ``[U+202E]``. A drawing
    in Mermaid stays text: it could load images.
    """
    out: list[str] = []
    fence = ""
    certain = True
    maths = False
    loose = False  # a backtick above, in the same paragraph, may take one of this line for its end
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            out.append(spelled(line, code=True) if certain else _defused(line))
            stripped = line.strip(" >\t")
            if len(stripped) >= len(fence) and set(stripped) == {fence[0]}:
                fence = ""
        elif mark:
            fence = mark[2]
            certain = not mark[1] and not maths
            info = "text" if mark[3].strip().lower().startswith(("mermaid", "{mermaid")) else mark[3]
            out.append(mark[1] + fence + _prose(info))
        else:
            out.append(_line(line, loose))
            loose = bool(line.strip()) and (loose or _may_leave_one(line))
        maths = maths or "$" in line or "\\" in line
    return "\n".join(out)


def spelled(text: str, *, code: bool = False) -> str:
    """Text with what cannot be seen spelled out, ``[U+202E]``: in code all of it, in prose what no writing needs."""
    return (_UNSEEN if code else _NEVER_MEANT).sub(_code_points, text)


def _line(line: str, loose: bool) -> str:
    """One line outside fences: prose, with spans of code in it; a line beyond all measure is prose throughout."""
    if len(line) > _LONGEST_LINE:
        return _prose(line)
    plain = not loose and not _CUTS.search(line)
    out: list[str] = []
    end = 0
    for span in _SPAN.finditer(line):
        out += [_prose(line[end : span.start()]), spelled(span[0], code=True) if plain else _defused(span[0])]
        end = span.end()
    out.append(_prose(line[end:]))
    return "".join(out)


def _may_leave_one(line: str) -> bool:
    """Whether a backtick of a line may be without its end there."""
    return "`" in line and bool(len(line) > _LONGEST_LINE or _CUTS.search(line) or "`" in _SPAN.sub("", line))


def _prose(text: str) -> str:
    text = spelled(_ENTITY.sub("&amp;", text))
    text = text.replace("<", "&lt;").replace("![", "&#33;[").replace("]:", "]\\:")
    return _LINK.sub("]\\\\(", _ACTING.sub("\\\\\u2060", text))


def _defused(code: str) -> str:
    return re.sub(r"<(?=[A-Za-z/!?])", "<\u2060", _ACTING.sub("\\\\\u2060", spelled(code, code=True)))


def _code_points(found: re.Match[str]) -> str:
    """``[U+202E]``; of several, the first and how many more."""
    run = found[0]
    return f"[U+{ord(run[0]):04X}{f' and {len(run) - 1} more' if len(run) > 1 else ''}]"


def _message_html(message: dict[str, Any]) -> str:
    who = {"user": "You", "system": "System"}.get(message["role"]) or message["model"] or "Assistant"
    parts = [f"<p><strong>{html.escape(who)}</strong></p>"]
    parts += [_note_html(note) for note in message["notes"] if note["code"] == "fallback"]
    if message["reasoning"]:
        parts.append(f"<details><summary>Thinking</summary>{_text_html(message['reasoning'])}</details>")
    if files := message.get("files"):
        names = ", ".join(f"{file['name']} ({file['kind']})" for file in files)
        parts.append(f"<p><em>Attached: {html.escape(spelled(names))}</em></p>")
    parts += _said_html(message)
    parts += [_note_html(note) for note in message["notes"] if note["code"] != "fallback"]
    error = message["error"]
    if error:
        parts.append(f"<p><strong>{html.escape(error['message'])}</strong> {html.escape(error['next_step'])}</p>")
    elif message["status"] == "cancelled":
        parts.append("<p><em>Stopped.</em></p>")
    return f'<div class="wb-static-{message["role"]}">{"".join(parts)}</div>'


def _said_html(message: dict[str, Any]) -> Iterator[str]:
    """The text, and between its parts the calls of functions; places in it are counted as JavaScript does."""
    units = message["text"].encode("utf-16-le", "surrogatepass")
    calls = message["tools"]
    ends = [2 * call["at"] for call in calls]
    for call, begin, end in zip([None, *calls], [0, *ends], [*ends, len(units)], strict=True):
        if call is not None:
            yield _call_html(call)
        yield _text_html(units[begin:end].decode("utf-16-le", "replace"))


def _call_html(call: dict[str, Any]) -> str:
    given = call["arguments"] if isinstance(call["arguments"], str) else json.dumps(call["arguments"], indent=1)
    texts = [text for text in (given, call["result"]) if text]
    code = "".join(f"<pre><code>{html.escape(spelled(text, code=True))}</code></pre>" for text in texts)
    heading = f"Call of {call['name']}: {CALL_WORDS[call['status']]}"
    return f"<details><summary>{html.escape(spelled(heading))}</summary>{code}</details>"


def _note_html(note: dict[str, Any]) -> str:
    return f"<p><em>{html.escape(note['message'])}</em></p>"


def _text_html(text: str) -> str:
    """Escaped text: paragraphs that keep their line breaks, and code fences in ``<pre>``."""
    out: list[str] = []
    lines: list[str] = []
    fence = ""

    def flush(tag: str) -> None:
        text = "\n".join(lines)
        if tag == "code":
            out.append(f"<pre><code>{html.escape(spelled(text, code=True))}</code></pre>")
        elif text.strip("\n"):
            body = html.escape(spelled(text.strip("\n")))
            out.append(f'<p dir="auto" style="white-space: pre-wrap">{body}</p>')
        lines.clear()

    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence and set(line.strip()) == {fence[0]} and len(line.strip()) >= len(fence):
            flush("code")
            fence = ""
        elif not fence and mark:
            flush("p")
            fence = mark[2]
        else:
            lines.append(line)
    flush("code" if fence else "p")
    return "".join(out)


def _shortened(message: dict[str, Any], room: int) -> dict[str, Any]:
    """A message cut so that it surely fits: a character can take six bytes once escaped."""
    most = room // 16
    message = message | {"tools": []}
    if len(message["text"]) <= most:
        return message | {"reasoning": message["reasoning"][:most]}
    cut = f"{message['text'][:most]}\n\n[cut here: the whole text was too long for this copy]"
    return message | {"text": cut, "reasoning": message["reasoning"][:most]}
