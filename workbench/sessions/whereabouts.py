"""Where each model is: on the hub, on its way, on this machine, in memory. It knows no search and no widget."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.manager import inventory, updates
from workbench.model import ModelInfo
from workbench.sessions import browser_rows, downloads
from workbench.sessions.browser_rows import repository

if TYPE_CHECKING:
    from workbench.services.registry import Services

State: TypeAlias = dict[str, Any]
Told: TypeAlias = Callable[[dict[str, State]], None]

LOOK_EVERY_S = 2.0
"""How often it is looked, while somebody watches, whether models came, left, or were loaded."""
BUSY_SHARE = 0.1
"""Most of the time that this may take."""


class Whereabouts:
    """The states of the repositories that are not just on the hub, by id; tells of those that change.

    A download is heard of at once, from this process's downloads; the rest is looked at. `told` is called under
    `lock`, which is never held while the downloads are asked: they tell of changes under a lock of their own.
    """

    def __init__(self, lock: threading.RLock, told: weakref.WeakMethod[Told], services: Services | None) -> None:
        self._lock, self._told, self._services = lock, told, services
        self._local: dict[str, ModelInfo] = {}
        self._on_the_way: dict[str, State] = {}
        self._newer: set[str] = set()
        self._look = threading.Event()
        self._watched = False
        self._watcher: threading.Thread | None = None
        self.read()
        shared = downloads.default()
        mine: weakref.WeakMethod[Callable[[list[Any]], None]] = weakref.WeakMethod(self._download_changed)
        with shared.lock:
            for row in shared.view()["rows"]:
                if row["status"] != "done":  # it was read above, unless it was deleted since
                    self._download_changed(["row", row])
            unfollow = shared.observe(lambda op: _tell(mine, op))
        weakref.finalize(self, unfollow).atexit = False

    def here(self, repo: str) -> ModelInfo | None:
        """A repository's model as it is on this machine; ``None`` when it is not."""
        return self._local.get(repo)

    def state(self, repo: str) -> State:
        """Where a repository's model is, as `browser_rows.NOWHERE` is built."""
        if repo in self._on_the_way:
            return self._on_the_way[repo]
        here = self._local.get(repo)
        return browser_rows.NOWHERE if here is None else browser_rows.local_state(here, repo in self._newer)

    def read(self) -> None:
        """Look what is on this machine and in its memory, and tell of what changed."""
        services = self._services
        if services is None:
            from workbench.services.registry import default

            services = default()
        found = {info.id: info for info in (*inventory.local_models(), *services.local.models())}
        local: dict[str, ModelInfo] = {}
        for info in found.values():
            repo = repository(info.id)
            if "/" not in repo or os.path.isabs(repo) or "@" in info.id:
                continue
            if repo not in local or info.status in ("loading", "loaded"):
                local[repo] = info
        known = {repo: update.sha for repo, update in updates.known().items() if repo in local}
        with self._lock:
            before = {repo: self.state(repo) for repo in {*self._local, *local}}
            self._local = local
            self._newer = {repo for repo, sha in known.items() if sha not in (None, local[repo].revision)}
            self._tell_of(before)

    def look(self) -> None:
        """Read soon, if somebody watches."""
        self._look.set()

    def watch(self, watched: bool) -> None:
        """Whether somebody watches; called under the lock."""
        self._watched = watched
        if watched and self._watcher is None:
            self._watcher = threading.Thread(target=_watch, args=(weakref.ref(self), self._look), daemon=True)
            self._watcher.start()

    def _download_changed(self, op: list[Any]) -> None:
        """Take one change of the downloads; called under their lock."""
        kind, value = op
        if kind == "state":
            return
        with self._lock:
            if kind == "drop":
                repos = [repo for repo, state in self._on_the_way.items() if state["download"] == value]
            else:
                repos = [repository(value["model"])]
            before = {repo: self.state(repo) for repo in repos}
            for repo in repos:
                self._on_the_way.pop(repo, None)
                if kind == "row" and value["status"] not in ("done", "cancelled"):
                    self._on_the_way[repo] = browser_rows.download_state(value)
                elif kind == "row" and value["status"] == "done" and repo not in self._local:
                    self._local[repo] = ModelInfo(id=repo, name=repo, provider="local")
                    self._look.set()
            self._tell_of(before)

    def _tell_of(self, before: dict[str, State]) -> None:
        changed = {repo: now for repo, old in before.items() if (now := self.state(repo)) != old}
        if changed and (told := self._told()) is not None:
            told(changed)


def _tell(method: weakref.WeakMethod[Callable[[list[Any]], None]], op: list[Any]) -> None:
    told = method()
    if told is not None:
        told(op)


def _watch(place: weakref.ref[Whereabouts], look: threading.Event) -> None:
    """Look at this machine now and then, for as long as somebody watches."""
    while True:
        look.wait(LOOK_EVERY_S)
        look.clear()
        watched = place()
        if watched is None:
            return
        with watched._lock:
            if not watched._watched:
                watched._watcher = None
                return
        began = time.monotonic()
        try:
            watched.read()
        except Exception:
            logging.getLogger(__name__).exception("The models on this machine could not be listed")
        del watched
        time.sleep(min(LOOK_EVERY_S, (time.monotonic() - began) / BUSY_SHARE))
