"""The models of the index as columns in memory: filters and orders are a few passes over arrays. Knows no SQLite.

    position    0 1 2 ...           one a model, in the order they came; a changed model takes a new one
    names       "|acme/tiny1b|..."  folded ids in one run of bytes, searched byte by byte for every word
    figures     float64, NaN for unknown
    codes       int32 into a list of the different values there are
    orders      for each way to sort, the positions in that order; made when first asked for

An array never changes once it is here: `Columns.extended` gives new ones, so a search needs no lock.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from workbench.manager import fit, machine, query
from workbench.manager.query import SearchQuery, Sort
from workbench.manager.shapes import STEP
from workbench.model import HubModel

Mask: TypeAlias = NDArray[np.bool_]
_BETWEEN = "\n"
_REMEMBERED = 40
"""Masks kept of texts that were asked for: a byte a model each."""
_LONG_AGO = 2**20
"""Tokens that no sliding window reaches back to."""

FIGURES = (
    "parameters", "size", "downloads", "likes", "gated", "context_length", "fixed", "whole", "window", "window_most",
    *(f"by_{sort}" for sort in query.SORTS),
)  # fmt: skip
"""The last four before the sorts are memory in bytes: what does not grow, a token, a token in a sliding window, and
the most that the windows take."""
TEXTS = ("format", "engine", "task", "architecture", "author", "licence")
LISTS = ("tags", "quantizations")
FIELDS = ("id", *FIGURES, *TEXTS, *LISTS)
"""What a row holds, in this order."""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One model as the columns need it."""

    id: str
    figures: tuple[float | None, ...]
    texts: tuple[str, ...]
    """Of `TEXTS`, in lower case; empty for unknown."""
    lists: tuple[str, ...]
    """Of `LISTS`: values with a line's end before and after each."""


def row(model: HubModel) -> Row:
    """What the columns hold of a model."""
    quantized = sorted(query.quantization_names(model))
    bits = [f"bits:{bits}" for bits in sorted(query.nominal_bits(model))]
    return Row(
        id=model.id,
        figures=(
            model.parameters, model.size, model.downloads or 0, model.likes or 0, int(model.gated is not None),
            model.context_length, *_memory(model), *(query.sort_value(model, sort) for sort in query.SORTS),
        ),
        texts=tuple((getattr(model, name) or "").lower() for name in TEXTS),
        lists=tuple(_lines(values) for values in ([tag.lower() for tag in model.tags], [*quantized, *bits])),
    )  # fmt: skip


def _memory(model: HubModel) -> tuple[float | None, ...]:
    """`fixed`, `whole`, `window`, `window_most`, so that `fit.fit` need not be asked for each model and context."""
    endless = msgspec.structs.replace(model, context_length=None, status="hub")
    short, long, longer = (fit.fit(endless, context) for context in (STEP, _LONG_AGO, 2 * _LONG_AGO))
    if short.verdict == "unknown":
        return None, None, None, None
    whole = (longer.kv_cache - long.kv_cache) / _LONG_AGO
    return short.weights + short.overhead, whole, short.kv_cache / STEP - whole, long.kv_cache - whole * _LONG_AGO


def _lines(values: Sequence[str]) -> str:
    return _BETWEEN + _BETWEEN.join(values) + _BETWEEN if values else ""


class _Run:
    """Many texts in one run of bytes."""

    def __init__(self, data: bytes, starts: NDArray[np.int64]) -> None:
        self.data, self.starts = data, starts
        self.bytes = np.frombuffer(data, np.uint8)
        self._before: dict[str, Mask] = {}

    def with_(self, texts: Sequence[str]) -> _Run:
        encoded = [text.encode() + b"\0" for text in texts]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        starts = len(self.data) + np.cumsum(lengths) - lengths
        return _Run(self.data + b"".join(encoded), np.concatenate((self.starts, starts)))

    def containing(self, text: str) -> Mask:
        """Which of the texts contain this one; the last few answers are remembered, as words stay while others come."""
        found = self._before.get(text)
        if found is None:
            found = np.zeros(len(self.starts), np.bool_)
            found[np.searchsorted(self.starts, self._places(text.encode()), "right") - 1] = True
            found.setflags(write=False)
            if len(self._before) >= _REMEMBERED:
                self._before = {}
            self._before[text] = found
        return found

    def _places(self, wanted: bytes) -> NDArray[np.int64]:
        """Where in the run the bytes occur."""
        last = len(self.data) - len(wanted) + 1
        if last <= 0:
            return np.zeros(0, np.int64)
        equal = self.bytes[:last] == wanted[0]
        for offset in range(1, min(3, len(wanted))):
            equal &= self.bytes[offset : last + offset] == wanted[offset]
        places = np.flatnonzero(equal)
        for offset in range(3, len(wanted)):
            places = places[self.bytes[places + offset] == wanted[offset]]
        return places


class Columns:
    """All models of an index at one moment."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.keys = np.zeros(0, np.int64)
        """The number of each model in the store."""
        self.alive = np.zeros(0, np.bool_)
        self.figures = {name: np.zeros(0) for name in FIGURES}
        self.codes = {name: np.zeros(0, np.int32) for name in TEXTS}
        self.values: dict[str, dict[str, int]] = {name: {} for name in TEXTS}
        self.names, *lists = (_Run(b"", np.zeros(0, np.int64)) for _ in range(1 + len(LISTS)))
        self.lists = dict(zip(LISTS, lists, strict=True))
        self.positions: dict[str, int] = {}
        self._by_id: list[int] = []
        self._orders: dict[str, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def dead(self) -> int:
        """Positions of models that have changed since."""
        return len(self.ids) - len(self.positions)

    def extended(self, keys: Sequence[int], rows: Sequence[Row]) -> Columns:
        """These models and more; one that was there before is replaced."""
        new = Columns()
        count = len(self.ids)
        new.ids = [*self.ids, *(row.id for row in rows)]
        new.positions = self.positions | {row.id: count + i for i, row in enumerate(rows)}
        new.keys = np.concatenate((self.keys, np.array(keys, np.int64)))
        new.alive = np.concatenate((self.alive, np.zeros(len(rows), np.bool_)))
        new.alive[[position for row in rows if (position := self.positions.get(row.id)) is not None]] = False
        new.alive[[new.positions[row.id] for row in rows]] = True
        table = np.array([row.figures for row in rows], np.float64).reshape(len(rows), len(FIGURES))
        for i, name in enumerate(FIGURES):
            new.figures[name] = np.concatenate((self.figures[name], table[:, i]))
        for i, name in enumerate(TEXTS):
            values = dict(self.values[name])
            codes = np.fromiter((values.setdefault(row.texts[i], len(values)) for row in rows), np.int32, len(rows))
            new.values[name], new.codes[name] = values, np.concatenate((self.codes[name], codes))
        for i, name in enumerate(LISTS):
            new.lists[name] = self.lists[name].with_([row.lists[i] for row in rows])
        new.names = self.names.with_([query.fold(row.id) for row in rows])
        # Mostly sorted already, which makes this cheap.
        new._by_id = sorted((*self._by_id, *range(count, len(new.ids))), key=new.ids.__getitem__)
        return new

    def search(self, asked: SearchQuery) -> NDArray[np.int64]:
        """Positions of all models that match, in the order asked for."""
        order = self._order(asked.sort)
        found = order[self._matching(asked)[order]]
        if asked.is_id:
            itself = np.fromiter((self.ids[p].lower() == asked.text.lower() for p in found), np.bool_, len(found))
            found = np.concatenate((found[itself], found[~itself]))
        return found

    def counts(self, asked: SearchQuery, field: str) -> dict[str, int]:
        """How many of the models that match have each value of one of `TEXTS`; unknown is not counted."""
        codes = self.codes[field][self._matching(asked)]
        numbers = np.bincount(codes, minlength=len(self.values[field]))
        return {value: int(numbers[code]) for value, code in self.values[field].items() if value and numbers[code]}

    def _order(self, sort: Sort) -> NDArray[np.int64]:
        """All positions in this order; equal ones and unknown ones by id."""
        found = self._orders.get(sort)
        if found is None:
            by_id = np.array(self._by_id, np.int64)
            figures = self.figures[f"by_{sort}"][by_id]
            ranks = np.where(np.isnan(figures), math.inf, figures if sort == "size" else -figures)
            found = self._orders[sort] = by_id[np.argsort(ranks, kind="stable")]
        return found

    def _matching(self, asked: SearchQuery) -> Mask:
        mask = self.alive.copy()
        if asked.exact is not None:
            wanted = asked.exact.lower()
            itself = [position for name, position in self.positions.items() if name.lower() == wanted]
            mask &= np.isin(np.arange(len(mask)), itself)
        for word in asked.words:
            mask &= self.names.containing(word)
        for passed in self._filters(asked):
            mask &= passed
        return mask

    def _filters(self, asked: SearchQuery) -> list[Mask]:
        """One mask for every filter that is set; NaN passes no comparison."""
        of, found = self.figures, list[Mask]()
        if asked.format:
            mlx = "mlx" in asked.format
            found.append(self._texts("format", asked.format.__contains__) | (self._texts("engine", "mlx".__eq__) & mlx))
        if asked.engine:
            found.append(self._texts("engine", asked.engine.__contains__))
        if asked.task:
            found.append(self._texts("task", lambda task: any(query.task_matches(t, task, ()) for t in asked.task)))
            if "conversational" in asked.task:
                found[-1] |= self._listed("tags", "conversational")
        if asked.size_class:
            within = [(of["parameters"] >= low) & (of["parameters"] < high) for low, high in asked.parameter_ranges]
            found.append(_any(within))
        if asked.quantization:
            found.append(_any(self._quantized(name) for name in asked.quantization))
        if asked.bits:
            found.append(_any(self._listed("quantizations", f"bits:{bits}") for bits in asked.bits))
        if asked.architecture:
            found.append(self._texts("architecture", lambda name: name.startswith(asked.architecture)))
        if asked.exclude_architectures:
            found.append(~self._texts("architecture", lambda name: name.startswith(asked.exclude_architectures)))
        found += [self._listed("tags", tag) for tag in asked.tags]
        if asked.author:
            found.append(self._texts("author", asked.author.__contains__))
        if asked.licence:
            found.append(self._texts("licence", lambda name: name.startswith(asked.licence)))
        if asked.gated is not None:
            found.append(of["gated"] == asked.gated)
        for figure, least, most in (
            ("parameters", asked.min_parameters, asked.max_parameters),
            ("size", None, asked.max_size),
            ("downloads", asked.min_downloads, None),
            ("likes", asked.min_likes, None),
        ):
            if least is not None:
                found.append(of[figure] >= least)
            if most is not None:
                found.append(of[figure] <= most)
        if asked.fits:
            found.append(self._memory(asked.context) <= machine.this().usable)
        return found

    def _memory(self, context: int | None) -> NDArray[np.float64]:
        """Bytes that each model needs at so many tokens, as `fit.fit` counts them."""
        of = self.figures
        gguf = self._texts("format", "gguf".__eq__)
        asked = np.where(gguf, fit.GGUF_CONTEXT, fit.CONTEXT) if context is None else np.full(len(gguf), context)
        tokens = np.ceil(np.fmin(asked, of["context_length"]) / STEP) * STEP
        needed: NDArray[np.float64] = (
            of["fixed"] + of["whole"] * tokens + np.minimum(of["window"] * tokens, of["window_most"])
        )
        return needed

    def _texts(self, field: str, wanted: Callable[[str], Any]) -> Mask:
        """Models whose value passes; each different value is looked at once."""
        values = self.values[field]
        passed = np.fromiter((bool(value) and bool(wanted(value)) for value in values), np.bool_, len(values))
        return passed[self.codes[field]] if len(passed) else np.zeros(len(self.ids), np.bool_)

    def _listed(self, field: str, value: str) -> Mask:
        return self.lists[field].containing(f"{_BETWEEN}{value}{_BETWEEN}")

    def _quantized(self, name: str) -> Mask:
        return self._listed("quantizations", name) | self.lists["quantizations"].containing(f"{_BETWEEN}{name}_")


def _any(masks: Iterable[Mask]) -> Mask:
    return functools.reduce(np.logical_or, masks)
