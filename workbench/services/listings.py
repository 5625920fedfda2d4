"""What the servers offer, asked all at once and remembered. Knows an endpoint by its `Key`; no settings.

Each server is asked on a thread of its own: one that is slow or silent delays no other, and what it said last stays
until it answers. After its list, and without holding it up, a server is asked what else it tells (`extras`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import msgspec

from workbench.errors import AuthenticationError, WorkbenchError, describe
from workbench.model import ModelInfo
from workbench.services import extras, fetch, model_list
from workbench.services.keys import Key


class Answer(msgspec.Struct, frozen=True):
    """What a server said when it was asked last."""

    models: tuple[ModelInfo, ...] = ()
    """Those of the last list it gave; ``down`` when it fails now."""
    error: WorkbenchError | None = None
    seconds: float | None = None
    """How long its list took; ``None`` while it gave none."""
    at: float | None = None
    """When it answered or failed, in seconds since the epoch; ``None``: not yet."""


class Listings:
    """The last answer of every server. Safe to call from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._answers: dict[str, Answer] = {}
        self._asking: dict[str, _Question] = {}
        self._filling: dict[str, _Question] = {}

    def answer(self, name: str) -> Answer:
        """The last answer of a server; an empty one when it was never asked."""
        with self._changed:
            return self._answers.get(name) or Answer()

    def asking(self) -> dict[str, float]:
        """The servers that are being asked now, and for how many seconds already."""
        with self._changed:
            return {name: time.monotonic() - question.since for name, question in self._asking.items()}

    def forget(self, name: str) -> None:
        """A server that is gone, or no longer the same; an answer still on its way is dropped."""
        with self._changed:
            for known in (self._answers, self._asking, self._filling):
                known.pop(name, None)
            self._changed.notify_all()

    def ask(self, keys: Iterable[Key], on_change: Callable[[], None] | None = None) -> None:
        """Ask these servers, in the background; `on_change` is called on their threads after each answer.

        One that is being asked already is not asked twice.
        """
        new = []
        with self._changed:
            for key in keys:
                if key.name not in self._asking:
                    self._asking[key.name] = _Question(key)
                    new.append(self._asking[key.name])
                if on_change is not None:
                    self._asking[key.name].hearers.append(on_change)
        for question in new:
            threading.Thread(target=self._ask, args=(question,), name="workbench listing", daemon=True).start()

    def wait(self, names: Iterable[str], seconds: float, *, filled: bool = False) -> None:
        """Until these servers have answered, and told what else they tell if `filled`; or until the time is over."""
        wanted = set(names)
        with self._changed:
            self._changed.wait_for(
                lambda: not wanted & self._asking.keys() and not (filled and wanted & self._filling.keys()), seconds
            )

    def _ask(self, question: _Question) -> None:
        fetch.ready()
        key, began = question.key, time.perf_counter()
        before = {model.id: model for model in self.answer(key.name).models}
        try:
            models = model_list.ask(key)
        except Exception as error:
            fault = error if isinstance(error, WorkbenchError) else describe(error).to_error()
            if key.locked and isinstance(fault, AuthenticationError):
                fault = AuthenticationError(
                    "It lists its models only with its key, which is in the system keyring and not read for a list.",
                    next_step="Use one of its models, or test it in wb.settings(): then the key is read.",
                )
            away = tuple(msgspec.structs.replace(model, status="down") for model in before.values())
            self._ended(question, Answer(away, fault, None, time.time()))
            return
        took = time.perf_counter() - began
        known = tuple(_remembered(model, before[model.id]) if model.id in before else model for model in models)
        answer = Answer(known, None, took, time.time())
        if self._ended(question, answer):
            self._improved(question, answer, tuple(extras.fill(key, models)))

    def _ended(self, question: _Question, answer: Answer) -> bool:
        """Remember an answer, unless its server was forgotten meanwhile: then false."""
        name = question.key.name
        with self._changed:
            if self._asking.get(name) is not question:
                return False
            del self._asking[name]
            self._answers[name] = answer
            if answer.error is None:
                self._filling[name] = question
            self._changed.notify_all()
        question.tell()
        return True

    def _improved(self, question: _Question, answer: Answer, models: tuple[ModelInfo, ...]) -> None:
        """Add to an answer what the server tells beyond its list, unless there is a newer one."""
        name = question.key.name
        with self._changed:
            if self._filling.get(name) is question:
                del self._filling[name]
            news = self._answers.get(name) is answer and models != answer.models
            if news:
                self._answers[name] = msgspec.structs.replace(answer, models=models)
            self._changed.notify_all()
        if news:
            question.tell()


class _Question:
    """One server being asked, and who wants to hear of it."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.since = time.monotonic()
        self.hearers: list[Callable[[], None]] = []

    def tell(self) -> None:
        for hear in tuple(self.hearers):
            hear()


def _remembered(model: ModelInfo, before: ModelInfo) -> ModelInfo:
    """A model of a new list with what was known of it beyond the list, until that is asked again."""
    known = {field: getattr(before, field) for field in _LASTING if not getattr(model, field)}
    return msgspec.structs.replace(model, **known) if any(known.values()) else model


_LASTING = ("size", "format", "quantization", "parameters", "architecture", "context_length", "capabilities")
