"""What is checked before a comparison asks anything: the models, the leave to send, the size. Knows no run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from workbench.errors import ModelError, UsageError
from workbench.model import ModelInfo
from workbench.services import consent
from workbench.sessions.comparing.values import Price

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


def listed(models: object) -> list[str | ModelInfo]:
    """One model or several, as a list. Raises `UsageError` for what is neither."""
    if isinstance(models, str | ModelInfo):
        return [models]
    if not isinstance(models, Iterable):
        raise UsageError(f"{models!r} is no model.", next_step='Give ids: models=["builtin"]. wb.models() lists them.')
    return list(models)


def priced(prices: Mapping[str, Sequence[float]] | None) -> dict[str, Price]:
    """Prices by model id. Raises `UsageError` for what is none."""
    found = {}
    for model, price in prices.items() if isinstance(prices, Mapping) else [("prices", prices)] if prices else ():
        numbers = list(price) if isinstance(price, Sequence) and not isinstance(price, str) else []
        real = [n for n in numbers if isinstance(n, int | float) and not isinstance(n, bool) and n >= 0]
        if len(real) != len(numbers) or len(real) not in (2, 3):
            raise UsageError(
                f"{price!r} is no price of {model}.",
                next_step='Write US dollars a million tokens: prices={"model": (prompt, completion)}.',
            )
        found[model] = Price(*real)
    return found


def check_executor(executor: object) -> None:
    """Raise `UsageError` for what is no executor."""
    if executor is not None and not isinstance(executor, Executor):
        raise UsageError(
            f"{type(executor).__name__} is no executor of concurrent.futures.",
            next_step="Of a Dask client, give client.get_executor().",
        )


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
