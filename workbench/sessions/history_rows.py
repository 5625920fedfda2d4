"""The history as rows, words, text, HTML and a frame. Pure: it reads and writes nothing."""

from __future__ import annotations

import html as escape_html
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import ErrorInfo, UsageError
from workbench.sessions.export_words import UNTITLED, when
from workbench.store.history_values import Hit, StoredChat, StoredMessage

if TYPE_CHECKING:
    import pandas

LONGEST_TITLE = 200
LONGEST_TAG = 40
MOST_TAGS = 20
MOST_HITS = 5
"""Messages of one chat that a search shows; how many more there are is said."""
_COLUMNS = ("title", "model", "messages", "changed", "tags")
_SHOWN = 30
"""Chats that text and HTML list; a frame has all."""


class PlannedChat(msgspec.Struct, frozen=True, kw_only=True):
    """One chat of a plan."""

    id: str
    title: str
    messages: int
    frees: int
    """Bytes of its messages."""
    why: str = ""
    """What a person should know before it goes."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What deleting would do. Nothing has happened yet."""

    id: str
    chats: tuple[PlannedChat, ...]

    @property
    def frees(self) -> int:
        """Bytes of messages that go."""
        return sum(chat.frees for chat in self.chats)

    def __repr__(self) -> str:
        lines = [f"{chat.title}: {messages(chat.messages)}. {chat.why}".rstrip() for chat in self.chats]
        return "\n  ".join([f"<Plan: delete {chats(len(self.chats))}, free {self.frees:,} bytes", *lines]) + ">"


def row(chat: StoredChat, opened: Collection[str]) -> dict[str, Any]:
    """A chat as the front end reads it; times in Unix seconds."""
    return {
        "id": chat.id,
        "title": " ".join(chat.title.split()) or UNTITLED,
        "model": chat.model,
        "messages": chat.messages,
        "created": chat.created,
        "updated": chat.updated,
        "pinned": chat.pinned,
        "tags": list(chat.tags),
        "open": chat.id in opened,
    }


def groups(hits: Iterable[Hit], found: Iterable[StoredChat], opened: Collection[str]) -> list[dict[str, Any]]:
    """Hits by chat, the best first, then the chats that have the words in their title alone."""
    known = {chat.id: chat for chat in found}
    by: dict[str, list[Hit]] = {}
    for hit in hits:
        if hit.chat in known:
            by.setdefault(hit.chat, []).append(hit)
    order = [*by, *(chat for chat in known if chat not in by)]
    return [
        {
            "chat": row(known[chat], opened),
            "hits": [
                {"message": h.message, "role": h.role, "at": h.at, "snippet": [list(piece) for piece in h.snippet]}
                for h in by.get(chat, [])[:MOST_HITS]
            ],
            "more": max(0, len(by.get(chat, [])) - MOST_HITS),
        }
        for chat in order
    ]


def planned(chat: StoredChat, kept: Sequence[StoredMessage], opened: Collection[str]) -> PlannedChat:
    """A chat of a plan, with the bytes of all its messages."""
    return PlannedChat(
        id=chat.id,
        title=row(chat, opened)["title"],
        messages=len(kept),
        frees=len(msgspec.json.encode(kept)),
        why="It is open in this notebook: it stays there, and is kept no longer." if chat.id in opened else "",
    )


def plan_view(plan: Plan) -> dict[str, Any]:
    """A plan as the front end reads it."""
    return {**msgspec.to_builtins(plan), "frees": plan.frees}


def named(words: str, found: Sequence[StoredChat]) -> StoredChat | None:
    """The one chat whose title holds these words; of several the one that is called just so, if there is one.

    ``None`` when there is none. Raises `UsageError`, which names the candidates, when it is not clear which.
    """
    wanted = words.casefold().split()
    fitting = [chat for chat in found if all(word in chat.title.casefold() for word in wanted)]
    exact = [chat for chat in fitting if chat.title.casefold().split() == wanted]
    if len(fitting) <= 1 or len(exact) == 1:
        return next(iter(exact if len(exact) == 1 else fitting), None)
    listed = "; ".join(f"{chat.title!r} ({chat.id}, {when(chat.updated)})" for chat in fitting[:5])
    more = f"; and {len(fitting) - 5} more" if len(fitting) > 5 else ""
    raise UsageError(f"{chats(len(fitting))} have {words!r} in their title: {listed}{more}.", next_step="Give an id.")


def title(text: str) -> str:
    """A title as it is kept: one line. Raises `UsageError` for one that is empty or too long."""
    line = " ".join(text.split())
    if not line:
        raise UsageError("A chat needs a title.", next_step="Type a few words.")
    if len(line) > LONGEST_TITLE:
        raise UsageError(f"A title has at most {LONGEST_TITLE} characters, and this one {len(line)}.")
    return line


def tags(given: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: each once, in order. Raises `UsageError` for empty, too long or too many ones."""
    found: dict[str, str] = {}
    for tag in given:
        line = " ".join(tag.split())
        if not line or len(line) > LONGEST_TAG:
            raise UsageError(f"A tag has 1 to {LONGEST_TAG} characters, and {tag!r} has {len(line)}.")
        found.setdefault(line.casefold(), line)
    if len(found) > MOST_TAGS:
        raise UsageError(f"A chat has at most {MOST_TAGS} tags, and these are {len(found)}.")
    return tuple(found.values())


def text(rows: Sequence[dict[str, Any]], notes: Sequence[str]) -> str:
    """One line a chat, and what there is to say."""
    shown = [_COLUMNS, *map(_cells, rows[:_SHOWN])] if rows else []
    widths = [max(len(cells[i]) for cells in shown) for i in range(len(_COLUMNS))] if shown else []
    lines = ["  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip() for cells in shown]
    return "\n".join([_head(rows), *lines, *_rest(rows), *notes])


def html(id: str, rows: Sequence[dict[str, Any]], notes: Sequence[str]) -> str:
    """The same as HTML without a script or a style sheet; every text is escaped."""
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    body = "".join(f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in _cells(each))}</tr>" for each in rows[:_SHOWN])
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    below = "".join(f"<p>{_safe(note)}</p>" for note in [*_rest(rows), *notes])
    return f'<div class="wb-static" data-wb-history="{_safe(id)}"><p><b>{_head(rows)}</b></p>{table}{below}</div>'


def frame(found: Sequence[StoredChat]) -> pandas.DataFrame:
    """One row a chat; `created` and `updated` by this machine's clock."""
    import pandas

    names = ["id", "title", "model", "messages", "created", "updated", "pinned", "tags"]
    made = pandas.DataFrame([{name: getattr(chat, name) for name in names} for chat in found], columns=names)
    zone = datetime.now().astimezone().tzinfo
    for name in ("created", "updated"):
        made[name] = pandas.to_datetime(made[name], unit="s", utc=True).dt.tz_convert(zone)
    return made


def notes(problem: ErrorInfo | None, keep: bool) -> list[str]:
    """What a person should know of the history as a whole."""
    said = [] if problem is None else [f"{problem.message} {problem.next_step}".strip()]
    return said if keep else [*said, "Chats are not kept now: the settings say so."]


def chats(count: int) -> str:
    """``1 chat``, ``3 chats``."""
    return f"{count:,} chat{'' if count == 1 else 's'}"


def messages(count: int) -> str:
    """``1 message``, ``3 messages``."""
    return f"{count:,} message{'' if count == 1 else 's'}"


def _head(rows: Sequence[dict[str, Any]]) -> str:
    return f"History: {chats(len(rows))}" if rows else "History: no chats yet"


def _rest(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [f"and {chats(len(rows) - _SHOWN)} more"] if len(rows) > _SHOWN else []


def _cells(of: dict[str, Any]) -> tuple[str, ...]:
    shown = of["title"] if len(of["title"]) <= 60 else f"{of['title'][:59]}…"
    pinned = "* " if of["pinned"] else ""
    return (f"{pinned}{shown}", of["model"] or "", str(of["messages"]), when(of["updated"]), ", ".join(of["tags"]))


def _safe(text: str) -> str:
    return escape_html.escape(text)
