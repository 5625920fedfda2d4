"""What a chat lets its model do: the functions it may call, what the person allows, the mode. Knows no run.

The base of `workbench.sessions.talk.Talk`; what becomes of a call is `workbench.sessions.tools.rounds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from workbench.errors import StateError, UsageError
from workbench.sessions.about import About
from workbench.sessions.tools.modes import EDIT, MODES, Mode
from workbench.sessions.tools.offer import TIMEOUT_S, Offer, functions
from workbench.sessions.tools.permission import How, Permissions
from workbench.sessions.tools.rounds import asking

F = TypeVar("F", bound=Callable[..., Any])


class Means:
    """The functions of a chat, what is allowed of them, and its mode."""

    def __init__(self) -> None:
        self.functions = functions(())
        self.permissions = Permissions()
        self.mode: Mode = "act"
        self.timeout = TIMEOUT_S


class Acting(About):
    """Base of a chat: its tools and its mode."""

    _means: Means

    @property
    def tools(self) -> tuple[Callable[..., Any], ...]:
        """The functions that the model may call, each after the person has allowed it.

        A function becomes a tool from its signature and docstring. Setting them raises `UsageError` for two of one
        name, and for what no model could call.
        """
        return tuple(each.function for each in self._means.functions.values())

    @tools.setter
    def tools(self, tools: Iterable[Callable[..., Any]]) -> None:
        found = functions(tools)
        with self.lock:
            self._means.functions = found
            self._tell(**self._means_fields())

    @overload
    def tool(self, function: F) -> F: ...

    @overload
    def tool(self, *, allow: bool = ...) -> Callable[[F], F]: ...

    def tool(self, function: F | None = None, *, allow: bool = False) -> F | Callable[[F], F]:
        """Let the model call a function from now on; a decorator. With `allow` it always runs, unasked.

            @chat.tool
            def add(a: float, b: float) -> float:
                "Add two numbers."
                return a + b

        A function of the same name is replaced: a cell can be run again. Raises `UsageError` for what no model could
        call.
        """
        if function is None:
            return lambda given: self._with_tool(given, allow)
        return self._with_tool(function, allow)

    @property
    def mode(self) -> Mode:
        """``"act"``: the model may call the chat's tools. ``"ask"``: talk only, they are not sent. ``"edit"``: it is
        asked to answer with code for cells. Setting another raises `UsageError`.
        """
        return self._means.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in MODES:
            raise UsageError(f"mode cannot be {mode!r}.", next_step='It is "ask", "act" or "edit".')
        with self.lock:
            self._means.mode = mode
            self._tell(**self._means_fields())

    @property
    def tool_timeout(self) -> float:
        """How long a function may run, in seconds; then the model is told that nothing came."""
        return self._means.timeout

    @tool_timeout.setter
    def tool_timeout(self, seconds: float) -> None:
        if not isinstance(seconds, int | float) or not seconds > 0:
            raise UsageError(f"tool_timeout is a number of seconds above 0, not {seconds!r}.")
        self._means.timeout = float(seconds)

    def allow(self, *names: str, how: How = "always") -> None:
        """Have these tools (all, if none is named) always run in this chat, unasked; with ``how="never"`` never, with
        ``how="once"`` after being asked each time, as at first. Calls that wait are settled with it.

        Raises `UsageError` for a name that no tool has.
        """
        with self.lock:
            known, permissions = self._means.functions, self._means.permissions
            for name in names or tuple(known):
                if name not in known and not any(call.name == name for call, _ in self._asking()):
                    raise UsageError(f"There is no tool {name!r} here.", next_step=f"There are: {', '.join(known)}.")
                {"always": permissions.allow, "never": permissions.refuse, "once": permissions.ask}[how](name)
            while how != "once" and (waiting := [w for w in self._asking() if not names or w[0].name in names]):
                call, allow = waiting[0]  # it settles all of its name
                allow(call.id, how)
            self._tell(**self._means_fields())

    def allow_call(
        self, call: str | None = None, how: How = "once", *, arguments: dict[str, Any] | None = None
    ) -> None:
        """Say what becomes of a call that waits for leave: by its id, or the only one that waits.

        `how` is ``"once"``, ``"always"`` (this function in this chat) or ``"never"`` (the model is told that it was not
        allowed). `arguments` replace those that the model wrote. Raises `StateError` when no such call waits,
        `UsageError` for arguments that do not fit: the call waits on.
        """
        with self.lock:
            waiting = self._asking()
            found = [allow for each, allow in waiting if call in (None, each.id)]
            if len(found) != 1:
                several = len(found) > 1
                raise StateError("Several calls wait: say which." if several else "No such call waits for leave.")
            found[0](call, how, arguments=arguments)
            self._tell(**self._means_fields())

    # The lock is held

    def _with_tool(self, function: F, allow: bool) -> F:
        (made,) = functions([function]).values()
        with self.lock:
            self._means.functions = {**self._means.functions, made.name: made}
            if allow:
                self._means.permissions.allow(made.name)
            self._tell(**self._means_fields())
        return function

    def _offer(self, given: Iterable[Callable[..., Any]] | None = None, *, free: bool = False) -> Offer | None:
        """What the model may call in its next answer: `given`, else the chat's tools where the mode is to act."""
        means = self._means
        found = functions(given) if given is not None else means.functions if means.mode == "act" else {}
        return Offer(found, means.permissions, free=free, timeout=means.timeout) if found or given is not None else None

    def _line(self) -> str:
        """What the system says beside its own words."""
        return EDIT if self._means.mode == "edit" else ""

    def _asking(self) -> list[tuple[Any, Callable[..., None]]]:
        """The calls that wait for the person, and what settles each."""
        found: list[tuple[Any, Callable[..., None]]] = []
        for node in self._conversation.tree.nodes.values():
            if node.reply is not None and node.reply.status == "asking":
                found += [(call, node.reply.allow_call) for call in asking(node.reply._answer)]
        return found

    def _means_fields(self) -> dict[str, Any]:
        permissions = self._means.permissions
        return {
            "mode": self._means.mode,
            "tools": [
                {"name": name, "description": each.tool.description, "allowed": permissions.of(name)}
                for name, each in self._means.functions.items()
            ],
        }
