"""The hub's listings of models that can run here, fetched into the index. Knows no words and no filters.

Two listings, each from the most downloaded down: models tagged ``mlx``, then ``gguf``. Where a refresh stopped is noted
in the index, so that the next one goes on there for a day.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from workbench.errors import HubError
from workbench.manager import hub
from workbench.manager.index import Index

KINDS = ("mlx", "gguf")
PAGE = 500
"""Models a request."""
MOST = 40_000
"""Models of each kind; beyond, they are hardly ever downloaded."""
VALID = 24 * 3600.0
"""Seconds for which a refresh that was stopped goes on rather than begins anew."""
_LONGEST_WAIT = 330.0
"""Seconds: the hub counts requests in windows of five minutes."""
_NOTE = "refresh"


class RefreshProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a refresh is."""

    models: int
    """Seen by this refresh so far, those before a stop included."""
    kind: str
    """The listing that is being read: ``"mlx"`` or ``"gguf"``."""
    wait: float | None = None
    """Seconds the hub asked to wait; ``None`` while it answers."""


class _Place(msgspec.Struct):
    """Where a refresh is, as noted in the index."""

    began: float
    kind: str = KINDS[0]
    next: str | None = None
    of_kind: int = 0
    models: int = 0


def refresh(
    index: Index,
    on_progress: Callable[[RefreshProgress], Any] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Read the listings until their end or until cancelled; what came stays. Returns the number of models seen.

    When the hub asks to wait, it waits. Raises `OfflineError` and `HubError`; the next call goes on.
    """
    place = _noted(index) or _Place(began=time.time())
    while not cancelled():
        page = _page(index, place, on_progress, cancelled)
        if page is None:
            break
        index.add(page.models)
        place.models += len(page.models)
        place.of_kind += len(page.models)
        place.next = page.next if place.of_kind < MOST else None
        if place.next is None:
            later = KINDS[KINDS.index(place.kind) + 1 :]
            if not later:
                index.note(_NOTE, None)
                index.note("refreshed", time.time())
                on_progress(RefreshProgress(models=place.models, kind=place.kind))
                break
            place.kind, place.of_kind = later[0], 0
        index.note(_NOTE, msgspec.json.encode(place).decode())
        on_progress(RefreshProgress(models=place.models, kind=place.kind))
    return place.models


def _page(
    index: Index, place: _Place, on_progress: Callable[[RefreshProgress], Any], cancelled: Callable[[], bool]
) -> hub.Page | None:
    """The next page; ``None`` when it was cancelled while the hub asked to wait."""
    while True:
        try:
            return next(hub.list_models(tags=[place.kind], sort="downloads", limit=PAGE, start=place.next))
        except HubError as error:
            if error.wait is None or error.wait > _LONGEST_WAIT:
                if place.next is not None and not error.retryable:  # the noted place is not valid any more
                    index.note(_NOTE, None)
                raise
            on_progress(RefreshProgress(models=place.models, kind=place.kind, wait=error.wait))
            if _cancelled_within(error.wait, cancelled):
                return None


def _cancelled_within(seconds: float, cancelled: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    pause = threading.Event()
    while (left := until - time.monotonic()) > 0:
        if cancelled():
            return True
        pause.wait(min(0.1, left))
    return cancelled()


def _noted(index: Index) -> _Place | None:
    """Where the last refresh stopped, if it did and not too long ago."""
    try:
        place = msgspec.json.decode(index.fact(_NOTE) or "null", type=_Place | None)
    except msgspec.DecodeError:
        return None
    return place if place is not None and time.time() - place.began < VALID and place.kind in KINDS else None
