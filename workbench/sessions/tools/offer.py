"""The functions offered to a model for one answer, and on what terms. It knows no call."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable
from typing import Any

from workbench.errors import UsageError
from workbench.request import Tool
from workbench.sessions.tools.function import Function
from workbench.sessions.tools.permission import Permissions

TIMEOUT_S = 60.0
"""How long a function may run, where nobody says otherwise."""


def functions(given: Iterable[Callable[..., Any] | Function]) -> dict[str, Function]:
    """Functions by name. Raises `UsageError` for two of one name, and for what no model could call."""
    found: dict[str, Function] = {}
    for each in given:
        function = each if isinstance(each, Function) else Function(each)
        if function.name in found and found[function.name].function is not function.function:
            raise UsageError(f"There are two tools of the name {function.name}.", next_step="Rename one of them.")
        found[function.name] = function
    return found


class Offer:
    """What a model may call while it writes one answer."""

    def __init__(
        self,
        functions: dict[str, Function],
        permissions: Permissions,
        *,
        free: bool = False,
        timeout: float = TIMEOUT_S,
    ) -> None:
        self.functions = functions
        self.permissions = permissions
        """Those of the chat."""
        self.free = free
        """Whether every call of this answer runs unasked."""
        self.timeout = timeout
        """How long a function may run, in seconds."""
        self.context = contextvars.copy_context()
        """The context variables of whoever asked: a function sees what they see."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What the model is told of them."""
        return tuple(function.tool for function in self.functions.values())
