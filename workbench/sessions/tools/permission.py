"""What the person allows in one chat: which functions always run, which never. It knows no call and no model."""

from __future__ import annotations

from typing import Literal, TypeAlias

How: TypeAlias = Literal["once", "always", "never"]
"""What the person says of a call: run it this once; run this function always in this chat; never run it here."""


class Permissions:
    """The functions decided on, by name; one that is in none of both is asked for each time."""

    def __init__(self) -> None:
        self.always: set[str] = set()
        self.never: set[str] = set()

    def allow(self, name: str) -> None:
        """Run it always."""
        self.always.add(name)
        self.never.discard(name)

    def refuse(self, name: str) -> None:
        """Never run it."""
        self.never.add(name)
        self.always.discard(name)

    def ask(self, name: str) -> None:
        """Ask each time."""
        self.always.discard(name)
        self.never.discard(name)

    def of(self, name: str) -> Literal["always", "never"] | None:
        """What was decided."""
        return "always" if name in self.always else "never" if name in self.never else None
