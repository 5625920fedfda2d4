"""How to generate: the options of one answer, checked before they reach an engine. Knows no engine."""

from __future__ import annotations

import math

import msgspec

from workbench.errors import OptionError


class GenerationOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Generation options. ``None`` means: the model's or the server's own default.

    Raises `OptionError` on a value that no engine could take; limits that depend on the model
    (`top_k` against its vocabulary, `context_length` against its own) are checked by its engine.
    """

    max_tokens: int | None = None
    """Most tokens to generate, thinking included; at least 1."""
    temperature: float | None = None
    """0 is greedy; up to 5."""
    top_p: float | None = None
    """Nucleus sampling: smallest set of tokens with this probability; above 0, up to 1 (off)."""
    top_k: int | None = None
    """Keep the k likeliest tokens; 0 is off."""
    min_p: float | None = None
    """Drop tokens less likely than this share of the likeliest one; 0 (off) to 1."""
    repetition_penalty: float | None = None
    """Divides the logits of recent tokens; 1 is off; above 0, up to 10."""
    stop: tuple[str, ...] = ()
    """Strings that end the answer; they are not part of it. None may be empty."""
    seed: int | None = None
    """Makes sampling repeatable where the engine honours it; 0 to 2**32 - 1."""
    context_length: int | None = None
    """Context to allocate, in tokens; at most the model's own. Takes effect when a model is loaded."""
    thinking: bool | None = None
    """Asks a reasoning model to think, or not, where its template can be told."""
    logprobs: int | None = None
    """Tells the probability of each token, and so many of the likeliest in its place: 0 to 20. ``None``: tell none."""

    def __post_init__(self) -> None:
        _integer("max_tokens", self.max_tokens, 1, None)
        _number("temperature", self.temperature, 0, 5)
        _number("top_p", self.top_p, 0, 1, above=True)
        _integer("top_k", self.top_k, 0, None)
        _number("min_p", self.min_p, 0, 1)
        _number("repetition_penalty", self.repetition_penalty, 0, 10, above=True)
        _integer("seed", self.seed, 0, 2**32 - 1)
        _integer("context_length", self.context_length, 1, None)
        _integer("logprobs", self.logprobs, 0, 20)
        if not isinstance(self.stop, tuple) or not all(isinstance(s, str) for s in self.stop):
            raise OptionError("stop must be a tuple of strings.", next_step='Write stop=("###",).')
        if "" in self.stop:
            raise OptionError("A stop string is empty.", next_step="Leave it out, or give at least one character.")

    def merged(self, over: GenerationOptions) -> GenerationOptions:
        """These options with every value that `over` sets put on top."""
        given = {f: v for f in self.__struct_fields__ if (v := getattr(over, f)) not in (None, ())}
        return msgspec.structs.replace(self, **given)

    def given(self) -> dict[str, object]:
        """Only what is set, by name."""
        return {f: v for f in self.__struct_fields__ if (v := getattr(self, f)) not in (None, ())}


def make_options(**given: object) -> GenerationOptions:
    """Options from keywords; `stop` may be one string or a list.

    Raises `OptionError` on an unknown name (the nearest is named) or a bad value.
    """
    import difflib

    names = GenerationOptions.__struct_fields__
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"Did you mean {near[0]}?" if near else f"The options are: {', '.join(names)}."
            raise OptionError(f"There is no option {name!r}.", next_step=hint)
    stop = given.get("stop")
    if isinstance(stop, str):
        given["stop"] = (stop,)
    elif isinstance(stop, list):
        given["stop"] = tuple(stop)
    elif stop is None:
        given.pop("stop", None)
    return GenerationOptions(**given)  # type: ignore[arg-type]  # every value is checked in __post_init__


def _integer(name: str, value: object, low: int, high: int | None) -> None:
    if value is None:
        return
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):  # type: ignore[operator]  # whole is checked first
        most = "" if high is None else f" and at most {high}"
        raise OptionError(f"{name} must be a whole number of at least {low}{most}, not {value!r}.")


def _number(name: str, value: object, low: float, high: float, *, above: bool = False) -> None:
    if value is None:
        return
    ok = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not ok or value < low or value > high or (above and value == low):  # type: ignore[operator]  # ok is checked first
        floor = "above" if above else "at least"
        raise OptionError(f"{name} must be {floor} {low} and at most {high}, not {value!r}.")
