"""The quality score: its formula is what its documentation says, and it never falls when a model is used more."""

from __future__ import annotations

import math
import random
from datetime import date

import msgspec
import pytest

from workbench.manager import quality
from workbench.model import HubModel

TODAY = date(2026, 8, 1)
BARE = HubModel(id="someone/thing", name="thing", provider="local", author="someone")
FULL = msgspec.structs.replace(
    BARE,
    author="mlx-community",
    downloads=10_000_000,
    likes=10_000,
    updated="2026-08-01T10:00:00.000Z",
    licence="mit",
    task="text-generation",
    base_models=("a/b",),
    parameters=1,
    architecture="llama",
)


def score(model: HubModel = BARE, **facts: object) -> float:
    return quality.score(msgspec.structs.replace(model, **facts), today=TODAY)


def test_nothing_known_is_nothing_and_everything_is_nearly_all():
    assert score() == 0
    assert score(FULL) == 100 - quality.TRUST * (1 - quality.CONVERTER_TRUST)
    assert score(FULL, author="Qwen") == 100


def test_the_weights_are_a_hundred():
    parts = (quality.DOWNLOADS, quality.LIKES, quality.FRESHNESS, quality.COMPLETENESS, quality.TRUST)
    assert sum(parts) == 100


@pytest.mark.parametrize("name", ["downloads", "likes"])
def test_it_never_falls_when_downloads_or_likes_rise(name):
    chance = random.Random(1)
    for _ in range(300):
        few = round(10 ** chance.uniform(0, 9))
        more = few + chance.randrange(1, 10**6)
        model = msgspec.structs.replace(BARE, downloads=chance.randrange(10**6), likes=chance.randrange(10**4))
        assert score(model, **{name: few}) <= score(model, **{name: more})
    assert score(**{name: 0}) < score(**{name: 1}) < score(**{name: 10}) < score(**{name: 5000})


def test_it_stays_within_its_bounds():
    chance = random.Random(2)
    for _ in range(300):
        model = msgspec.structs.replace(
            BARE,
            author=chance.choice([None, "", "Qwen", "unsloth", "x"]),
            downloads=chance.choice([None, 0, 10**15]),
            likes=chance.choice([None, -5, 10**12]),
            updated=chance.choice([None, "", "soon", "2026-08-01", "9999-12-31T00:00:00Z", "0001-01-01"]),
            licence=chance.choice([None, "mit"]),
        )
        assert 0 <= score(model) <= 100


def test_freshness_halves_in_a_year():
    new, old = score(updated="2026-08-01"), score(updated="2025-08-01")
    assert new == quality.FRESHNESS
    assert old == pytest.approx(new / 2, abs=1e-3)
    assert score(updated="2027-08-01") == new  # a clock that is ahead is no advantage
    assert score(created="2025-08-01") == old


@pytest.mark.parametrize(
    "fact", [{"licence": "mit"}, {"task": "x"}, {"base_models": ("a/b",)}, {"architecture": "llama"}]
)
def test_each_piece_of_a_description_counts_alike(fact):
    assert score(**fact) == quality.COMPLETENESS / 5


def test_a_makers_own_model_need_not_name_a_base_model():
    assert score(author="google") == quality.TRUST + quality.COMPLETENESS / 5


def test_the_same_day_gives_the_same_score():
    assert score(FULL) == score(FULL)
    assert quality.score(BARE) == 0  # without a day it is today
    assert math.isclose(score(downloads=999), 30 * math.log(1000) / math.log(10_000_001), abs_tol=1e-3)
