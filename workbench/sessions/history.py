"""The chats there were, as a notebook holds them: find, reopen, name, tag, export, delete. It knows no widget.

history.py            the session: its state, its verbs
history_commands.py   what a front end asks of it
history_rows.py       the same as rows, words, text, HTML, a frame
history_files.py      chats into files and back
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from workbench.commands import Ack, HistoryCommand
from workbench.errors import ChatNotFoundError, ErrorInfo, HistoryError, StateError, describe
from workbench.messages import new_id
from workbench.sessions import history_files, history_rows, open_chats
from workbench.sessions.audience import Audience, Observer
from workbench.sessions.changes import changes
from workbench.sessions.history_rows import Plan
from workbench.store import history as store
from workbench.store import settings
from workbench.store.history import History, Hit, StoredChat

if TYPE_CHECKING:
    import pandas

    from workbench.sessions.chat import Chat
    from workbench.sessions.usage import UsageView

MOST_ROWS = 2000
"""Chats that are listed, the newest; a search finds the others too."""
LOOK_EVERY_S = 1.0
"""How often an observed history looks whether any kernel wrote."""
_IDLE_SHARE = 0.05
"""Most of the time it may spend on that."""

Named: TypeAlias = "str | StoredChat | Chat"
"""A chat by its id, by words of its title, or itself."""


class HistorySession:
    """The chats of this person, of every notebook. `history` gives it; displaying it draws its widget.

    past = wb.history()
    past                                        # the panel
    past.search("river delta")                  # hits, in every chat
    chat = past.open("rivers")                  # by id, or by words of the title
    past.tag("rivers", "geography")
    past.export("rivers", "rivers.md")          # or .json, .html, .ipynb
    past.execute(past.plan_delete(["old chat"]))
    past.to_frame()

    With `words` it holds the chats with those words alone. Times are Unix seconds, sizes bytes.
    """

    def __init__(self, words: str = "", *, history: History | None = None) -> None:
        self.id = new_id()
        self.words = words
        """What is searched for; empty: every chat."""
        self._given = history
        self._audience = Audience()
        self._plan: Plan | None = None
        self._notice: ErrorInfo | None = None
        self._chats: list[StoredChat] = []
        self._tags: list[tuple[str, int]] = []
        self._stamp: object = None
        self._changes = 0
        self._shown: dict[str, Any] = {}
        self._watchers = 0
        weakref.finalize(self, settings.observe(_told_by(self))).atexit = False

    # What a program does

    def __len__(self) -> int:
        return len(self.chats(limit=-1))

    def __iter__(self) -> Iterator[StoredChat]:
        return iter(self.chats(limit=-1))

    def chats(self, words: str = "", *, tag: str | None = None, limit: int = 100) -> list[StoredChat]:
        """The chats, pinned ones first, then the newest; with words those that hold them. Raises `HistoryError`.

        A `limit` below 0 is none.
        """
        return self._history.chats(words or self.words, tag=tag, limit=limit)

    def search(self, words: str, *, chat: Named | None = None, limit: int = 50) -> list[Hit]:
        """The messages that hold all these words, best first; of one chat, or of all. Raises `HistoryError`."""
        return self._history.search(words, chat=None if chat is None else self._find(chat), limit=limit)

    def tags(self) -> list[tuple[str, int]]:
        """The tags there are with how many chats have each."""
        return self._history.tags()

    def open(self, chat: Named) -> Chat:
        """The chat, to go on with it where it was; see `workbench.reopen`. Raises `ChatNotFoundError`, `UsageError`."""
        from workbench.sessions.reopen import reopen

        return reopen(self._find(chat))

    def rename(self, chat: Named, title: str) -> None:
        """Give a chat another title. Raises `ChatNotFoundError`, and `UsageError` for an empty title."""
        id, line = self._find(chat), history_rows.title(title)
        opened = open_chats.get(id)
        if opened is not None:
            opened.title = line
        self._change(id, title=line)

    def pin(self, chat: Named, on: bool = True) -> None:
        """Keep a chat at the top of the list, or let it go from there. Raises `ChatNotFoundError`."""
        self._change(self._find(chat), pinned=on)

    def tag(self, chat: Named, *tags: str) -> tuple[str, ...]:
        """Give a chat these tags beside those it has; returns all. Raises `ChatNotFoundError`, `UsageError`."""
        id = self._find(chat)
        return self._set_tags(id, [*self._history.load(id)[0].tags, *tags])

    def untag(self, chat: Named, *tags: str) -> tuple[str, ...]:
        """Take these tags off a chat; returns those left. Raises `ChatNotFoundError`."""
        id, off = self._find(chat), {tag.casefold() for tag in tags}
        return self._set_tags(id, [tag for tag in self._history.load(id)[0].tags if tag.casefold() not in off])

    @property
    def plan(self) -> Plan | None:
        """The plan that waits to be executed or dropped."""
        return self._plan

    def plan_delete(self, chats: Named | Iterable[Named]) -> Plan:
        """What deleting these would take; nothing is deleted. Raises `ChatNotFoundError`."""
        opened = open_chats.ids()
        loaded = [self._history.load(id) for id in self._named(chats)]
        plan = Plan(id=new_id(), chats=tuple(history_rows.planned(*each, opened) for each in loaded))
        with self.lock:
            self._plan = plan
            self._publish()
        return plan

    def drop_plan(self) -> None:
        """Keep everything."""
        with self.lock:
            self._plan = None
            self._publish()

    def execute(self, plan: Plan | None = None) -> int:
        """Delete what a plan names, by default the one that waits; returns the bytes of text that went.

        Raises `StateError` when there is no plan, `HistoryError` when the history cannot be written.
        """
        plan = plan or self._plan
        if plan is None:
            raise StateError("There is no plan.", next_step="Make one with plan_delete, look at it, then execute it.")
        for chat in plan.chats:
            self._history.delete_chat(chat.id)
        with self.lock:
            if self._plan is not None and self._plan.id == plan.id:
                self._plan = None
        self._written()
        return plan.frees

    def delete(self, chats: Named | Iterable[Named]) -> int:
        """Delete these chats at once; returns the bytes of text that went. What is open in a notebook stays there."""
        return self.execute(self.plan_delete(chats))

    def export(
        self,
        chats: Named | Iterable[Named] | None,
        path: str | os.PathLike[str],
        format: str | None = None,
        *,
        overwrite: bool = False,
        branches: bool = False,
        code_cells: bool = False,
        answers: bool = True,
    ) -> list[Path]:
        """Write chats (``None``: all) as Markdown, JSON, HTML, notebooks or Python programs; returns the files.

            past.export("rivers", "rivers.ipynb")       # the suffix says which
            past.export(None, "chats.json")             # all in one file, for import_
            past.export(["rivers", "lakes"], "chats", "markdown")    # a folder, one file a chat

        `branches`, `code_cells` and `answers` are those of `workbench.sessions.export.export`. Raises `UsageError` for
        another format, `FolderError` when a file is there already or cannot be written, `ChatNotFoundError`.
        """
        one = isinstance(chats, str) or not isinstance(chats, Iterable | None)
        loaded = [
            self._history.load(id) for id in ([chat.id for chat in self] if chats is None else self._named(chats))
        ]
        how = {"overwrite": overwrite, "branches": branches, "code_cells": code_cells, "answers": answers}
        return history_files.written(loaded, Path(path).expanduser(), format, one=one, **how)

    def import_(self, path: str | os.PathLike[str]) -> list[StoredChat]:
        """Take in the chats of a .json file that `export` wrote; returns them. What is here already comes as a copy.

        Raises `FolderError` when the file cannot be read, `UsageError` when it is something else, `HistoryError` when
        the history cannot be written.
        """
        found = history_files.read(path, taken={chat.id for chat in self._history.chats(limit=-1)})
        for chat, messages in found:
            self._history.put_chat(chat)
            for message in messages:
                self._history.put_message(message)
        self._written()
        return [chat for chat, _ in found]

    def to_frame(self) -> pandas.DataFrame:
        """One row a chat: id, title, model, messages, created, updated, pinned, tags. Needs pandas."""
        return history_rows.frame(list(self))

    def usage(self, days: int = 30, model: str | None = None) -> UsageView:
        """What models were used in the last days; see `workbench.usage`."""
        from workbench.sessions.usage import usage

        return usage(days, model)

    # What a front end does

    @property
    def lock(self) -> threading.RLock:
        """Held while the state changes and while observers are told."""
        return self._audience.lock

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values: what a screen draws."""
        self._look()
        with self.lock:
            return self._view()

    def html(self) -> str:
        """The chats as plain HTML, every text escaped."""
        view = self.view()
        return history_rows.html(self.id, view["rows"], history_rows.notes(self._history.problem, view["keep"]))

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, in order, as an operation on `view`; returns what ends it.

        The observer is called under `lock`, on whatever thread made the change, and must not block.
        """
        leave = self._audience.join(observer)
        with self.lock:
            self._watchers += 1
            if self._watchers == 1:
                threading.Thread(target=_watch, args=(weakref.ref(self),), name=f"look-{self.id}", daemon=True).start()

        def end() -> None:
            leave()
            with self.lock:
                self._watchers -= 1

        return end

    def perform(self, command: HistoryCommand) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        from workbench.sessions import history_commands

        return history_commands.perform(self, command)

    def __repr__(self) -> str:
        view = self.view()
        return history_rows.text(view["rows"], history_rows.notes(self._history.problem, view["keep"]))

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)

    # The state

    @property
    def _history(self) -> History:
        return self._given or store.default()

    def _view(self) -> dict[str, Any]:
        opened = open_chats.ids()
        history = self._history
        return {
            "id": self.id,
            "rows": [history_rows.row(chat, opened) for chat in self._chats],
            "more": len(self._chats) >= MOST_ROWS,
            "words": self.words,
            "tags": [{"name": name, "count": count} for name, count in self._tags],
            "path": str(history.path),
            "size": history.size(),
            "keep": settings.get().keep_history,
            "keep_decided": settings.overridden().get("keep_history"),
            "problem": msgspec.to_builtins(history.problem),
            "plan": None if self._plan is None else history_rows.plan_view(self._plan),
            "changes": self._changes,
            "notice": msgspec.to_builtins(self._notice),
        }

    def _look(self, *, again: bool = False) -> None:
        """Read what changed since the last look, and tell of it."""
        history = self._history
        stamp = (history.path, history.stamp(), history.problem, tuple(sorted(open_chats.ids())))
        if stamp == self._stamp and not again:
            return
        try:
            chats = history.chats(self.words, limit=MOST_ROWS)
            tags = history.tags()
        except HistoryError as error:
            with self.lock:
                self._notice = error.info
                self._publish()
            return
        with self.lock:
            self._stamp, self._chats, self._tags = stamp, chats, tags
            self._changes += 1
            self._publish()

    def _publish(self) -> None:
        """Tell observers what is different from what they were told last."""
        with self.lock:
            before, now = self._shown, self._view()
            self._shown = now
            self._audience.emit(changes(before, now))

    def _behind(self, work: Callable[[], object]) -> None:
        """Do it on a thread; what goes wrong is said in the view."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                with self.lock:
                    self._notice = describe(error)
                    self._publish()

        threading.Thread(target=run, name=f"history-{self.id}", daemon=True).start()

    # Chats

    def _find(self, chat: Named) -> str:
        """The id of a chat. Raises `ChatNotFoundError`, or `UsageError` where words fit several."""
        if not isinstance(chat, str):
            return chat.id if isinstance(chat, StoredChat) else chat.history_id
        if self._history.exists(chat):
            return chat
        found = history_rows.named(chat, self._history.chats(limit=-1)) if chat.strip() else None
        if found is None:
            raise ChatNotFoundError(f"No chat has the id {chat!r}, or these words in its title.")
        return found.id

    def _named(self, chats: Named | Iterable[Named]) -> list[str]:
        if isinstance(chats, str) or not isinstance(chats, Iterable):
            return [self._find(chats)]
        return list(dict.fromkeys(self._find(chat) for chat in chats))

    def _change(self, id: str, **fields: Any) -> None:
        self._history.change_chat(id, **fields)
        self._written()

    def _set_tags(self, chat: str, tags: Iterable[str]) -> tuple[str, ...]:
        kept = history_rows.tags(tags)
        self._change(self._find(chat), tags=kept)
        return kept

    def _written(self) -> None:
        """Show what was just written. Raises `HistoryError` when it could not be."""
        problem = None if self._history.writable else self._history.problem
        if problem is not None:
            raise HistoryError(problem.message, next_step=problem.next_step)
        self._history.flush()
        self._look(again=True)

    def _waiting(self, plan: str) -> Plan:
        with self.lock:
            if self._plan is None or self._plan.id != plan:
                raise StateError("That plan is no longer the one that waits.", next_step="Plan again.")
            return self._plan


def history(words: str = "") -> HistorySession:
    """The chats there were, in every notebook: search, reopen, rename, pin, tag, export, delete.

        wb.history()                            # the panel
        wb.history("river")                     # the chats with that word
        wb.history().open("rivers").send("And lakes?")
        wb.history().to_frame()

    Without words every call gives the one session of this process.
    """
    return HistorySession(words) if words.strip() else default()


@cache
def default() -> HistorySession:
    """The history of this process, made on first use."""
    return HistorySession()


def _told_by(session: HistorySession) -> Callable[[settings.Settings], None]:
    """An observer of the settings that does not keep the session alive."""
    alive = weakref.ref(session)

    def told(_: settings.Settings) -> None:
        found = alive()
        if found is not None and found._watchers:
            found._behind(found._publish)

    return told


def _watch(alive: weakref.ref[HistorySession]) -> None:
    """Look for what other kernels write while somebody observes."""
    pause = LOOK_EVERY_S
    while True:
        time.sleep(pause)
        session = alive()
        if session is None:
            return
        if not session._watchers:
            return
        began = time.monotonic()
        try:
            session._look()
        except Exception:
            logging.getLogger(__name__).exception("The history could not be read")
        pause = max(LOOK_EVERY_S, (time.monotonic() - began) / _IDLE_SHARE)
        del session
