"""Closeness in meaning of an answer and what is expected, by an embedding model of a server. Knows no sweep."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workbench.errors import BadResponseError, EmptyPromptError, UsageError
from workbench.model import is_remote
from workbench.sessions.comparing.scorer import Scorer, expected_text
from workbench.sessions.comparing.values import Reply, Row

if TYPE_CHECKING:
    from workbench.services.registry import Services

SECONDS = 60.0
"""How long an embedding may take; a server may have to load the model first."""


def similarity(model: str, expected: str | None = None, *, services: Services | None = None) -> Scorer:
    """How close the answer is in meaning to what is expected: the cosine of their embeddings, -1 to 1.

        wb.scorers.similarity("ollama:nomic-embed-text")

    `model` is an embedding model of a connected server, which gets both texts at its ``/embeddings`` (OpenAI's
    protocol). What is expected is the text given here, or the row's `expected`. Raises `UsageError` for a model of
    this machine: the engines here make no embeddings.
    """
    if not is_remote(model):
        raise UsageError(
            f"{model} cannot embed texts: the engines of this machine make no embeddings.",
            next_step='Use a server that does: `ollama pull nomic-embed-text`, wb.connect("ollama"), and '
            'similarity("ollama:nomic-embed-text").',
        )
    return Scorer("similarity", _similarity, {"model": model, "expected": expected, "services": services})


def embed(services: Services, model: str, texts: list[str]) -> list[list[float]]:
    """The embeddings of some texts, by a model of a connected server.

    Raises `ConsentNeededError` before a text leaves this machine, and errors under `ServiceError` and `ModelError`.
    Source of the format: OpenAI's API reference, "Create embeddings".
    """
    from workbench.services import consent, fetch

    services.resolve(model)  # it names the nearest endpoint
    name, _, of_server = model.partition(":")
    key = services.key(name)
    consent.check(key.url)
    key.get()  # from the keyring, if it is there
    body = {"model": of_server, "input": texts}
    answer = fetch.json(f"{key.url}/embeddings", key=key, body=body, seconds=SECONDS)
    try:
        found = [each["embedding"] for each in sorted(answer["data"], key=lambda each: each["index"])]
        if len(found) != len(texts) or not all(isinstance(x, int | float) for each in found for x in each):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise BadResponseError(
            f"{model} gave no embeddings.", next_step="Choose an embedding model of that server."
        ) from None
    return found


def cosine(a: list[float], b: list[float]) -> float:
    """The cosine of the angle between two vectors. Raises `BadResponseError` for vectors that have none."""
    lengths = math.hypot(*a) * math.hypot(*b)
    if len(a) != len(b) or not math.isfinite(lengths) or lengths == 0:
        raise BadResponseError("The embeddings cannot be compared: one is empty, or their lengths differ.")
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths


def _similarity(row: Row, reply: Reply, *, model: str, expected: str | None, services: Any) -> float:
    from workbench.services import registry

    texts = [reply.text, expected_text(row) if expected is None else expected]
    if not all(text.strip() for text in texts):
        raise EmptyPromptError("There is no text to compare.", next_step="")
    return cosine(*embed(services or registry.default(), model, texts))
