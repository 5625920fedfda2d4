"""The quality score of a hub model, 0 to 100: used, liked, fresh, well described, by somebody known. Asks no network.

    score = 30 x downloads + 15 x likes + 15 x freshness + 25 x completeness + 15 x trust      each 0 to 1

    downloads      log(1 + downloads in 30 days) / log(1 + 10,000,000), at most 1
    likes          log(1 + likes) / log(1 + 10,000), at most 1
    freshness      halves with every year since the last change; 0 when no date is known
    completeness   the share of these that are known: licence, task, base model, parameters, architecture
    trust          1 for the maker's own repository (`OFFICIAL`), 0.8 for a converter that many rely on (`CONVERTERS`)

It never falls when downloads or likes rise. It says nothing of how well a model answers. The two lists are names, to
be read and argued with; the weights are the constants below.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from workbench.model import HubModel

DOWNLOADS, LIKES, FRESHNESS, COMPLETENESS, TRUST = 30.0, 15.0, 15.0, 25.0, 15.0
"""Weights, together 100."""
MOST_DOWNLOADS, MOST_LIKES = 10_000_000, 10_000
"""Beyond them more counts no more."""
HALF_LIFE = 365.0
"""Days in which freshness halves."""
CONVERTER_TRUST = 0.8
OFFICIAL = {
    "01-ai", "ai21labs", "allenai", "answerdotai", "apple", "baai", "black-forest-labs", "bigcode",
    "bigscience", "coherelabs", "databricks", "deepseek-ai", "eleutherai", "facebook", "google", "google-bert",
    "huggingfacetb", "ibm-granite", "intfloat", "jinaai", "liquidai", "lgai-exaone", "meta-llama", "microsoft",
    "minimaxai", "mistralai", "mixedbread-ai", "moonshotai", "nomic-ai", "nousresearch", "nvidia", "openai",
    "openai-community", "opengvlab", "openbmb", "qwen", "sentence-transformers", "snowflake", "stabilityai",
    "swiss-ai", "tencent", "tiiuae", "tinyllama", "vikhyatk", "xiaomimimo", "zai-org",
}  # fmt: skip
"""Accounts of those who train models, in lower case."""
CONVERTERS = {
    "bartowski", "ggml-org", "lmstudio-community", "mlx-community", "onnx-community", "second-state",
    "thebloke", "unsloth",
}  # fmt: skip
"""Accounts that convert other people's models, in lower case."""


def score(model: HubModel, *, today: date | None = None) -> float:
    """The score, 0 to 100, as of `today` (the present day in UTC by default)."""
    author = (model.author or "").lower()
    known = (model.licence, model.task, model.base_models or author in OFFICIAL, model.parameters, model.architecture)
    trust = 1.0 if author in OFFICIAL else CONVERTER_TRUST if author in CONVERTERS else 0.0
    return round(
        DOWNLOADS * _share(model.downloads, MOST_DOWNLOADS)
        + LIKES * _share(model.likes, MOST_LIKES)
        + FRESHNESS * _freshness(model.updated or model.created, today or datetime.now(UTC).date())
        + COMPLETENESS * sum(map(bool, known)) / len(known)
        + TRUST * trust,
        4,
    )


def _share(count: int | None, most: int) -> float:
    return min(1.0, math.log1p(max(0, count or 0)) / math.log1p(most))


def _freshness(when: str | None, today: date) -> float:
    try:
        changed = datetime.fromisoformat(when or "").date()
    except ValueError:
        return 0.0
    return float(0.5 ** (max(0, (today - changed).days) / HALF_LIFE))
