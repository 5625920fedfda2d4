"""Whether the hub has newer revisions of what is in its cache. Asks many at once, and remembers the answers.

CACHE/updates.json    {repository: {"sha": the hub's newest commit, "at": when it said so}}
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import msgspec

from workbench.errors import ErrorInfo, OfflineError, WorkbenchError, describe
from workbench.manager import hub
from workbench.manager.entries import Entry
from workbench.store import paths

TIMEOUT_S = 10.0
"""How long all questions together may take."""
AT_ONCE = 8
_writing = threading.Lock()


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub said of one repository."""

    sha: str | None
    """Its newest commit; ``None`` when it did not say."""
    at: float
    """When it was asked, in seconds since 1970."""


class Updates(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking."""

    newer: tuple[str, ...]
    """Ids of the models that have a newer revision."""
    current: tuple[str, ...]
    """Ids of those that have none."""
    unknown: tuple[str, ...]
    """Ids of those nothing was heard of: no repository of that name, no access, no answer in time."""
    error: ErrorInfo | None = None
    """Why nothing was heard at all: no network, say."""

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.error.message} {self.error.next_step}".strip()
        words = [f"{len(self.newer)} with a newer revision: {', '.join(self.newer)}"] if self.newer else []
        words += [f"{len(self.current)} up to date"] if self.current else []
        words += [f"{len(self.unknown)} unknown"] if self.unknown else []
        return ("; ".join(words) or "No model here is from the hub") + "."

    __repr__ = __str__


def check(entries: Iterable[Entry], *, timeout: float = TIMEOUT_S) -> Updates:
    """Ask the hub for the newest commit of each repository of the cache, at most so many seconds in all.

    Raises nothing: what went wrong is in the result. What was heard is remembered for `known`.
    """
    mine = [e.model for e in entries if e.source == "Hugging Face cache" and "@" not in e.model.id and e.model.revision]
    repos = sorted({model.id.partition(":")[0] for model in mine})
    heard, errors = _ask(repos, timeout)
    _keep({repo: Update(sha=sha, at=time.time()) for repo, sha in heard.items()})
    newer: list[str] = []
    current: list[str] = []
    unknown: list[str] = []
    for model in mine:
        sha = heard.get(model.id.partition(":")[0])
        (unknown if sha is None else current if sha == model.revision else newer).append(model.id)
    offline = next((error for error in errors if isinstance(error, OfflineError)), None)
    error = None if heard or offline is None else describe(offline)
    return Updates(newer=tuple(newer), current=tuple(current), unknown=tuple(unknown), error=error)


def known() -> dict[str, Update]:
    """What the hub said last, by repository."""
    try:
        return msgspec.json.decode((paths.cache_dir() / "updates.json").read_bytes(), type=dict[str, Update])
    except (OSError, msgspec.DecodeError):
        return {}


def _ask(repos: list[str], timeout: float) -> tuple[dict[str, str], list[Exception]]:
    """The commits that were heard in time, and the errors of the rest."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="updates")
    asked: dict[Future[str], str] = {pool.submit(hub.newest, repo): repo for repo in repos}
    done, late = wait(asked, timeout)
    pool.shutdown(wait=False, cancel_futures=True)
    heard = {asked[one]: one.result() for one in done if one.exception() is None}
    errors: list[Exception] = [error for one in done if isinstance(error := one.exception(), WorkbenchError)]
    if late:
        errors.append(OfflineError(f"The hub did not answer within {timeout:g} s.", next_step="Ask again."))
    return heard, errors


def _keep(heard: dict[str, Update]) -> None:
    if not heard:
        return
    with _writing:
        part = paths.cache_dir() / f"updates.{os.getpid()}.part"
        part.write_bytes(msgspec.json.encode(known() | heard))
        os.replace(part, paths.cache_dir() / "updates.json")
