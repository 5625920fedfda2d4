"""What is checked before a comparison asks anything: the models, the leave to send, the size. Knows no run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from workbench.errors import ModelError, UsageError
from workbench.model import ModelInfo
from workbench.services import consent

if TYPE_CHECKING:
    from workbench.services.registry import Services

ASK_ABOVE = 2_000
"""Cells above which one has to say that so many are meant."""


def resolved(services: Services, models: Iterable[str | ModelInfo], *, known: Collection[str] = ()) -> list[str]:
    """The ids of these models as they are answered for; one that is `known` may be gone.

    Raises `ModelNotFoundError`, which names the nearest, and `ModelFilesError`.
    """
    found = []
    for model in models:
        asked = model.id if isinstance(model, ModelInfo) else model
        if not isinstance(asked, str) or not asked:
            raise UsageError(f"{asked!r} is no model id.", next_step="wb.models() lists what there is.")
        try:
            found.append(services.resolve(asked)[1].id)
        except ModelError:
            if asked not in known:
                raise
            found.append(asked)
    return found


def check_leave(services: Services, models: Iterable[str]) -> None:
    """Raise `ConsentNeededError` if a prompt would leave this machine to where nobody has allowed it."""
    for model in models:
        try:
            service, _ = services.resolve(model)
        except ModelError:
            continue  # it is told in its column
        url = getattr(service, "url", None)
        if url is not None:
            consent.check(url)


def checked_size(cells: int, confirm: bool) -> None:
    """Raise `UsageError` for very many cells that nobody has confirmed."""
    if cells > ASK_ABOVE and not confirm:
        raise UsageError(
            f"That is {cells:,} cells, each an answer to wait for.",
            next_step="If so many are meant, say so with `confirm=True`.",
        )
