"""The local index of models seen on the hub (being built)."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.model import HubModel


def remember(models: Iterable[HubModel]) -> None:
    """Add models to the index of this person; a failure to write is no failure of the caller."""


def near(model_id: str, count: int = 50) -> list[str]:
    """Ids of the index that share most with this one."""
    return []
