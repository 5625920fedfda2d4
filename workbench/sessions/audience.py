"""Who is told of a session's changes, and the lock they are told under. Knows no session."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from workbench.sessions.answer import Op

Observer = Callable[[Op], None]


class Audience:
    """The observers of one session. `lock` is held while the session changes and while they are told; several that are
    told of in one order share it.
    """

    def __init__(self, lock: threading.RLock | None = None) -> None:
        self.lock = lock or threading.RLock()
        self._observers: list[Observer] = []

    @property
    def there(self) -> bool:
        """Whether anybody is told: a widget shows it."""
        return bool(self._observers)

    def join(self, observer: Observer) -> Callable[[], None]:
        """Tell this one too, under `lock`, in order; returns what ends it."""
        with self.lock:
            self._observers.append(observer)
        return partial(self._leave, observer)

    def tell(self, **fields: Any) -> None:
        """These fields of the view have these values now."""
        self.emit([["state", fields]])

    def emit(self, ops: Iterable[Op]) -> None:
        """Tell of changes of the view; an observer that fails is logged, and the others hear on."""
        for op in ops:
            for observer in tuple(self._observers):
                try:
                    observer(op)
                except Exception:
                    logging.getLogger(__name__).exception("An observer of a session failed")

    def _leave(self, observer: Observer) -> None:
        with self.lock:
            if observer in self._observers:
                self._observers.remove(observer)
