"""The model browser: search, look, download, chat, delete. It knows no widget and no HTTP.

    browser.py       the session: its state, its verbs
    browser_rows.py  what a row, a filter and an empty result show
    whereabouts.py   where each model is: on the hub, on its way, here, in memory
    model_card.py    what an opened model shows

A search is answered from the index on this disk, at once. The hub is asked in the background and fills the index;
what it adds is counted, and shown when the reader wants it, so that no row moves under their eyes.
"""

from __future__ import annotations

import html
import logging
import threading
import weakref
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from workbench.commands import (
    Ack,
    BrowserCommand,
    CancelDownload,
    ChatWith,
    CountChoices,
    DropPlan,
    ExecutePlan,
    Hello,
    OpenModel,
    PauseDownload,
    PlanDelete,
    RefreshCatalogue,
    ResumeDownload,
    Rows,
    SearchModels,
    StartDownload,
    StopRefresh,
)
from workbench.errors import OfflineError, StateError, WorkbenchError, describe
from workbench.manager import curated, hub, index, machine, query
from workbench.manager.fit import CONTEXT
from workbench.manager.index import Found, Index
from workbench.manager.query import SearchQuery
from workbench.messages import new_id
from workbench.model import HubModel
from workbench.sessions import browser_rows, downloads, model_card
from workbench.sessions.browser_rows import repository
from workbench.sessions.downloads import Download
from workbench.sessions.model_card import Card
from workbench.sessions.whereabouts import Whereabouts

if TYPE_CHECKING:
    from workbench.manager.deletion import Plan
    from workbench.services.registry import Services
    from workbench.sessions.library import Library

Op: TypeAlias = list[Any]
Observer: TypeAlias = Callable[[Op], None]

QUIET_S = 0.25
"""After a keystroke, before the hub is asked: what is typed on the way to a word is answered by the index alone."""
FIRST = 50
"""Rows that come with the answer to a search."""
ASKED = 200
"""Models asked of the hub for one search; they go into the index."""
PATIENCE_S = 15.0
"""How long `Browser.results` waits for the hub when the index knows nothing."""


class Browser:
    """Models to choose from. `browse` makes one; displaying it draws its widget.

    b = wb.browse("qwen", quantization="4bit")
    b                                      # the list, with its filters
    b.results[0], len(b.results)           # the models, read as they are needed
    b.search("llama 3b", fits=True)        # another search; the widget follows
    card = b.open("org/model")             # description, files, memory
    b.download("org/model").result()
    """

    def __init__(
        self, text: str = "", *, services: Services | None = None, of: Index | None = None, **filters: Any
    ) -> None:
        self.id = new_id()
        self.lock = threading.RLock()
        """Held while the state changes and while observers are told; never while downloads are asked."""
        self._services = services
        self._index = index.default() if of is None else of  # an empty one is false
        self._query = SearchQuery()
        self._found: Found | list[HubModel] = []
        self._result = 0
        self._card: Card | None = None
        self._card_number = 0
        self._plan: Plan | None = None
        self._stop_refresh: threading.Event | None = None
        self._asker: threading.Timer | None = None
        self._answered = threading.Event()
        self._observers: list[Observer] = []
        here = machine.this()
        self._state: dict[str, Any] = {
            "query": {}, "result": 0, "total": 0, "asking": False, "more": 0, "offline": None, "index": {},
            "refresh": None, "hub": hub.endpoint(), "context": CONTEXT, "token": False, "states": {}, "loosen": [],
            "card": None, "plan": None, "notice": None,
            "machine": {"chip": here.chip or here.system, "memory": here.memory, "usable": here.usable},
        }  # fmt: skip
        self._where = Whereabouts(self.lock, weakref.WeakMethod(self._tell_states), services)
        self.search(text, **filters)

    # What a program does

    @property
    def results(self) -> Found | list[HubModel]:
        """The models found, best first: a sequence that reads them as they are needed.

        While the index knows none, waits for the hub's answer.
        """
        if not self._found:
            self._answered.wait(PATIENCE_S)
            self._take_in()
        return self._found

    def search(self, text: str = "", **filters: Any) -> Browser:
        """Search anew, by the words and filters of `wb.search`. Answers from the index; the hub fills it meanwhile.

        Raises `UsageError` for an unknown filter or value.
        """
        asked = query.make(text, **filters)
        found = self._index.search(asked)
        with self.lock:
            self._query, self._found = asked, found
            self._result += 1
            self._card_number += 1
            self._card = None
            self._answered.clear()
            self._change(
                query=msgspec.to_builtins(asked),
                result=self._result,
                total=len(found),
                more=0,
                asking=True,
                loosen=[],
                card=None,
                context=asked.context or CONTEXT,
                index=self._index_view(),
                token=hub.token() is not None,
                notice=None,
            )
            if self._asker is not None:
                self._asker.cancel()
            self._asker = threading.Timer(QUIET_S if self._observers else 0.0, partial(self._ask_hub, self._result))
            self._asker.daemon = True
            self._asker.start()
        return self

    def open(self, model: str, context: int | None = None) -> Card:
        """Look at a model: description, files, memory for so many tokens. `model` may name a ``:quantization``.

        Asks the hub; what it does not give is missing, and the card's `error` says why. Raises `ModelNotFoundError`.
        """
        number, card, rest = self._outline(model, context)
        return self._read_card(number, card, rest) if number is not None else card

    def close(self) -> None:
        """Close the card."""
        with self.lock:
            self._card_number += 1
            self._card = None
            self._change(card=None)

    def download(self, model: str) -> Download:
        """Download a model; returns at once. Raises `UsageError` for what is no id of the hub."""
        return downloads.default().start(model)

    def refresh(self) -> None:
        """Fetch the hub's list into the index, in the background; `stop_refresh` ends it, and what came stays."""
        with self.lock:
            if self._stop_refresh is not None:
                return
            self._stop_refresh = threading.Event()
            self._change(refresh={"done": 0, "total": None}, notice=None)
        self._behind(self._refresh, self._stop_refresh)

    def stop_refresh(self) -> None:
        """Stop fetching the list."""
        if self._stop_refresh is not None:
            self._stop_refresh.set()

    # What a screen does

    def view(self) -> dict[str, Any]:
        """The whole state, as JSON-ready values; the rows are asked for by `Rows`."""
        with self.lock:
            return {"id": self.id, **self._state}

    def rows(self, first: int, count: int) -> dict[str, Any]:
        """So many rows of the result from the first (0 is the best), with the number of the result they are of."""
        with self.lock:
            result, found, context = self._result, self._found, self._query.context
        models = found[max(0, first) : max(0, first) + min(count, 500)]
        with self.lock:
            where = self._where
            rows = [browser_rows.row(m, where.here(m.id), where.state(m.id), context) for m in models]
        return {"result": result, "total": len(found), "rows": rows}

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, under `lock`, as an operation on `view`; returns what ends it."""
        with self.lock:
            self._observers.append(observer)
            self._where.watch(True)

        def end() -> None:
            with self.lock:
                if observer in self._observers:
                    self._observers.remove(observer)
                self._where.watch(bool(self._observers))

        return end

    def perform(self, command: BrowserCommand) -> Ack:
        """Do what a front end asks: answers at once, never raises."""
        try:
            data = self._perform(command)
        except Exception as error:
            return Ack(id=command.id, ok=False, error=describe(error))
        return Ack(id=command.id, ok=True, data=data)

    def html(self) -> str:
        """A copy for a notebook without a kernel: the first of the result, every text escaped."""
        rows = "".join(
            f"<tr><td>{html.escape(model.id)}</td><td>{browser_rows.size(model)}</td></tr>"
            for model in self._found[:20]
        )
        words = html.escape(f"{len(self._found):,} models for {self._query.text or 'everything'!r}")
        body = f"<p>{words}</p><table><tbody>{rows}</tbody></table>"
        return f'<div class="wb-static" data-wb-browser="{html.escape(self.id)}">{body}</div>'

    def __repr__(self) -> str:
        total = len(self._found)
        head = f"<Browser {self._query.text!r}: {total:,} model{'' if total == 1 else 's'}>"
        return "\n".join(filter(None, [head, browser_rows.text(self._found[:10], total)]))

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)

    # Commands

    def _perform(self, command: BrowserCommand) -> Any:
        match command:
            case Hello():
                self._where.look()
            case SearchModels():
                self.search(**command.query)
                return self.rows(0, FIRST)
            case Rows():
                return self.rows(command.first, command.count)
            case CountChoices():
                return browser_rows.choices(self._index, self._query, command.field)
            case OpenModel(model=""):
                self.close()
            case OpenModel():
                number, card, rest = self._outline(command.model, command.context)
                if number is not None:
                    self._behind(self._read_card, number, card, rest)
            case StartDownload():
                for model in command.models:
                    self.download(model)
            case PauseDownload(download=str(id)):
                self._download(id).pause()
            case ResumeDownload(download=str(id)):
                self._download(id).resume()
            case CancelDownload():
                self._download(command.download).cancel()
            case PlanDelete():
                self._show_plan(command.models)
            case DropPlan():
                self._drop_plan()
            case ExecutePlan():
                self._behind(self._execute, command.plan)
            case ChatWith():
                return {"model": self._library.use(self._local_id(command.model)).id}
            case RefreshCatalogue():
                self.refresh()
            case StopRefresh():
                self.stop_refresh()
        return None

    def _download(self, id: str) -> Download:
        found = downloads.default().get(id)
        if found is None:
            raise StateError("This download is no longer on the list.", next_step="Download the model again.")
        return found

    def _local_id(self, model: str) -> str:
        """The id under which a model of the hub is on this machine."""
        found = self._where.here(model)
        return found.id if found is not None else model

    @cached_property
    def _library(self) -> Library:
        """The one of this process, unless the browser was given its own services."""
        from workbench.sessions.library import Library, library

        return library() if self._services is None else Library(services=self._services)

    def _show_plan(self, models: list[str]) -> None:
        plan = self._library.plan_delete([self._local_id(model) for model in models])
        with self.lock:
            self._plan = plan
            fields = msgspec.to_builtins(plan)
            self._change(plan={name: fields[name] for name in ("id", "frees", "models", "refused")}, notice=None)

    def _drop_plan(self) -> None:
        with self.lock:
            self._plan = None
            self._change(plan=None)
        self._library.drop_plan()

    def _execute(self, id: str) -> None:
        with self.lock:
            plan, self._plan = self._plan, None
            self._change(plan=None)
        if plan is None or plan.id != id:
            raise StateError("This plan is no longer shown.", next_step="Plan the deletion again.")
        self._library.execute(plan)
        self._where.read()

    # The hub

    def _ask_hub(self, result: int) -> None:
        """Fill the index with what the hub knows of the query; runs on a thread of its own."""
        asked = self._query
        offline = notice = None
        try:
            if asked.exact is not None:
                self._index.add([hub.info(asked.exact, timeout=hub.QUICK).model])
            else:
                for terms in _hub_terms(asked):
                    page = next(hub.list_models(**terms, timeout=hub.QUICK), None)
                    self._index.add(page.models if page else ())
        except OfflineError as error:
            offline = msgspec.to_builtins(error.info)
        except WorkbenchError as error:
            notice = msgspec.to_builtins(error.info)
        with self.lock:
            if result != self._result:
                return
            found = self._index.search(asked)
            more = len(found) - len(self._found)
            self._change(asking=False, offline=offline, notice=notice, more=max(0, more), index=self._index_view())
            if not self._found:
                self._take_in()
            self._answered.set()

    def _take_in(self) -> None:
        """Show what the index knows by now; what to loosen when that is nothing."""
        with self.lock:
            found = self._index.search(self._query)
            self._found = found
            if found:
                self._result += 1
                self._change(result=self._result, total=len(found), more=0)
            else:
                self._change(loosen=browser_rows.loosen(self._index, self._query))

    def _refresh(self, stop: threading.Event) -> None:
        try:
            self._index.refresh(lambda progress: self._refreshed(progress.models), stop.is_set)
        finally:
            with self.lock:
                self._stop_refresh = None
                more = len(self._index.search(self._query)) - len(self._found)
                self._change(refresh=None, index=self._index_view(), more=max(0, more))
                if not self._found:
                    self._take_in()

    def _refreshed(self, models: int) -> None:
        with self.lock:
            self._change(refresh={"done": models, "total": None})

    def _index_view(self) -> dict[str, Any]:
        return {"models": len(self._index), "as_of": self._index.as_of}

    # The card

    def _outline(self, model: str, context: int | None) -> tuple[int | None, Card, str | None]:
        """Show at once what is known of a model: the number of its reading (``None``: all is known), the card, the
        quantization to read.
        """
        repo, _, quantization = model.partition(":")
        repo = repository(repo)
        with self.lock:
            tokens = context or self._query.context or CONTEXT
            before = self._card
            if before is not None and before.model.id == repo and before.files and model == before.download:
                self._card = model_card.at(before, tokens)
                self._change(card=model_card.view(self._card))
                return None, self._card, None
            known = self._index.get(repo)
            if known is None:
                known = next((entry.model for entry in curated.entries() if entry.model.id == repo), None)
            card = model_card.outline(known or HubModel(id=repo, name=repo, provider="local", status="hub"), tokens)
            self._card_number += 1
            self._card = card
            self._change(card=model_card.view(card, loading=True))
            return self._card_number, card, quantization or None

    def _read_card(self, number: int, card: Card, quantization: str | None) -> Card:
        """Read the rest from the hub and show it, unless another card was opened meanwhile."""
        whole = model_card.read(card.model, card.context, quantization)
        with self.lock:
            if number == self._card_number:
                self._card = whole
                self._change(card=model_card.view(whole))
        if whole.error is not None and whole.error.kind == "ModelNotFoundError":
            raise whole.error.to_error()
        return whole

    # Inside

    def _tell_states(self, changed: dict[str, dict[str, Any]]) -> None:
        """Models came to this machine, left it, or are on their way; called under the lock."""
        self._change(states={**self._state["states"], **changed})

    def _change(self, **fields: Any) -> None:
        """Set fields of the view, and tell of those that are different."""
        changed = {name: value for name, value in fields.items() if self._state[name] != value}
        if not changed:
            return
        self._state.update(changed)
        for observer in tuple(self._observers):
            try:
                observer(["state", changed])
            except Exception:
                logging.getLogger(__name__).exception("An observer of a browser failed")

    def _behind(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Do something on a thread of its own; what goes wrong is shown."""

        def run() -> None:
            try:
                work(*arguments)
            except Exception as error:
                with self.lock:
                    self._change(notice=msgspec.to_builtins(describe(error)))

        threading.Thread(target=run, name=f"browser-{self.id}", daemon=True).start()


def browse(query: str = "", **filters: Any) -> Browser:
    """Find a model: search as you type, filters, what fits this machine, and one click to download.

        wb.browse("qwen 4bit")
        wb.browse(task="text-generation", max_size="4GB", fits=True, sort="downloads")

    The words and filters are those of `wb.search`. In a script it is a plain object: `.results`, `.open(id)`,
    `.download(id)`. Raises `UsageError` for an unknown filter or value.
    """
    return Browser(query, **filters)


def _hub_terms(asked: SearchQuery) -> list[dict[str, Any]]:
    """What of a query the hub can be asked, one listing each; the index does the rest."""
    sorts = {"quality": "downloads", "newest": "createdAt", "trending": "trendingScore", "size": "downloads"}
    known = ("mlx", "gguf", "onnx", "safetensors")
    formats = [name for name in asked.format if name in known] if len(asked.format) == 1 else []
    common = {
        "search": asked.text or None,
        "author": asked.author[0] if len(asked.author) == 1 else None,
        "gated": asked.gated,
        "sort": sorts.get(asked.sort, asked.sort),
        "limit": ASKED,
    }
    if not asked.text and not asked.author and not formats:
        formats = ["mlx", "gguf"]
    return [{**common, "tags": [*tags, *asked.tags]} for tags in ([[name] for name in formats] or [[]])]
