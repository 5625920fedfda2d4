"""The notebook's last output and last error. Knows no chat and no attachment."""

from __future__ import annotations

import sys
from typing import Any

from workbench.errors import StateError


def output() -> tuple[object, str]:
    """What the last cell that ended in a value gave, and its name; chats and widgets of ours do not count.

    Raises `StateError` where there is none, or no notebook.
    """
    found: dict[int, Any] = getattr(shell(), "user_ns", {}).get("Out", {})
    for number in sorted(found, reverse=True):
        if not type(found[number]).__module__.startswith("workbench."):
            return found[number], f"Out[{number}]"
    raise StateError("There is no output yet.", next_step="Run a cell that ends in a value.")


def error() -> BaseException:
    """The error that ended a cell last. Raises `StateError` where none did."""
    found = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if not isinstance(found, BaseException):
        raise StateError("No cell has failed yet.", next_step="Attach an error itself: chat.attach(error).")
    return found


def name_of(thing: object) -> str | None:
    """What a thing is called in the notebook; ``None`` where it has no name there."""
    named: dict[str, Any] = getattr(shell(), "user_ns", {})
    return next((name for name, value in list(named.items()) if value is thing and not name.startswith("_")), None)


def shell() -> Any:
    """IPython's shell; ``None`` outside a notebook."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()
