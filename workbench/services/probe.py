"""Testing a connection step by step, in words: where it stops, why, and what to do. Keeps nothing.

    address -> connects -> model list -> a one-token answer -> streaming

A step that cannot be taken after one that failed is there too, with `ok` none: it was not tried.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import msgspec

from workbench.errors import (
    BadResponseError,
    ConnectionFailedError,
    RequestRefusedError,
    ServiceTimeoutError,
    WorkbenchError,
)
from workbench.events import Failed, ReasoningDelta, TextDelta
from workbench.messages import new_id, user
from workbench.model import ModelInfo
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services import fetch, model_list
from workbench.services.address import place, whole_url
from workbench.services.keys import Key, Secret
from workbench.services.remote import RemoteChatService

STEPS = ("address", "connects", "model list", "one-token answer", "streaming")
"""Their names, in their order."""
_ANSWER_SECONDS = 60.0
"""How long a server may take to load a model and answer with one token."""
_QUESTION = "Say hello."


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a test."""

    name: str
    ok: bool | None
    """``None``: it was not tried."""
    message: str
    next_step: str = ""
    seconds: float | None = None
    """How long it took; ``None`` when it was not tried, or takes no time."""

    def __str__(self) -> str:
        mark = {True: "ok", False: "failed", None: "not tried"}[self.ok]
        took = f" ({1000 * self.seconds:.0f} ms)" if self.seconds is not None else ""
        return " ".join(filter(None, (f"{self.name}: {mark}{took}.", self.message, self.next_step)))

    __repr__ = __str__


def test(url: str, key: str | Secret | Key | None = None, model: str | None = None) -> Iterator[Step]:  # noqa: PT028  # of a connection
    """Test the server at an address, one step after the other; never raises for a server.

    `model` is the name of the model that is asked; by default the first of its list. The question is two words long
    and the same for everyone: nothing of the person's leaves this machine.
    """
    given = Secret(key) if isinstance(key, str) else key
    del key  # no frame of ours shows it when something fails below
    left = iter(STEPS)
    for step in _steps(url, given, model):
        next(left)
        yield step
        if not step.ok:
            break
    for name in left:
        yield Step(name=name, ok=None, message="")


def _steps(url: str, given: Secret | Key | None, model: str | None) -> Iterator[Step]:
    """The steps as far as they go; the last one taken may have failed."""
    try:
        whole = whole_url(url)
        key = given if isinstance(given, Key) else Key("test", whole, "session" if given else "none", secret=given)
        key.get()
    except WorkbenchError as error:
        yield _failed("address", error, None)
        return
    repaired = "" if whole == url.strip().rstrip("/") else f" It is read as {whole}."
    yield Step(name="address", ok=True, message=f"The address is well formed.{repaired}")

    fetch.ready()
    began = time.perf_counter()
    models: list[ModelInfo] = []
    trouble: WorkbenchError | None = None
    try:
        models = model_list.ask(key)
    except (ConnectionFailedError, ServiceTimeoutError) as error:
        yield _failed("connects", error, began)
        return
    except WorkbenchError as error:
        trouble = error
    took = time.perf_counter() - began
    yield Step(name="connects", ok=True, message=f"{place(whole)} answers.", seconds=took)
    if trouble is not None and not (model and isinstance(trouble, RequestRefusedError)):
        yield _failed("model list", trouble, began)
        return
    yield _listed(models, model, trouble, took)
    if not models and not model:
        return

    name = model or models[0].name
    began = time.perf_counter()
    try:
        _answer(whole, key, name)
    except WorkbenchError as error:
        yield _failed("one-token answer", error, began)
        return
    yield Step(name="one-token answer", ok=True, message=f"{name} answers.", seconds=time.perf_counter() - began)
    yield _streams(whole, key, name)


def _listed(models: list[ModelInfo], model: str | None, trouble: WorkbenchError | None, took: float) -> Step:
    if trouble is not None:
        message = f"It gives no list; {model} is asked nevertheless."
        return Step(name="model list", ok=True, message=message, seconds=took)
    if not models and not model:
        return Step(
            name="model list",
            ok=False,
            message="It offers no model.",
            next_step="Load or pull a model on the server, then test again.",
            seconds=took,
        )
    count = f"{len(models):,} model{'' if len(models) == 1 else 's'}"
    names = {m.name for m in models}
    missing = model is not None and not names & {model, f"{model}:latest"}
    message = f"{count}{f'; {model} is not among them' if missing else ''}."
    return Step(name="model list", ok=True, message=message, seconds=took)


def _answer(url: str, key: Key, model: str) -> None:
    """Ask for one token, without streaming. Raises what went wrong."""
    body = {"model": model, "messages": [{"role": "user", "content": _QUESTION}], "max_tokens": 1}
    answer = fetch.json(f"{url}/chat/completions", key=key, body=body, seconds=_ANSWER_SECONDS)
    if not isinstance(answer, dict) or not answer.get("choices"):
        raise BadResponseError(
            f"{place(url)} answered without a message.", next_step="Check the address; it usually ends in /v1."
        )


def _streams(url: str, key: Key, model: str) -> Step:
    """Ask for a few tokens as a stream, the way a chat does."""
    service = RemoteChatService(url, key=key.get, name=key.name, model=model)
    request = Request(
        run=new_id(),
        messages=(user(_QUESTION),),
        model=f"{key.name}:{model}",
        options=GenerationOptions(max_tokens=8),
    )
    began = time.perf_counter()
    pieces, first = 0, 0.0
    try:
        with closing(service.stream(request)) as events:  # type: ignore[type-var]  # it is a generator
            for event in events:
                match event:
                    case TextDelta() | ReasoningDelta():
                        first = first or time.perf_counter() - began
                        pieces += 1
                    case Failed():
                        return _failed("streaming", event.error.to_error(), began)
    finally:
        service.close()
    if not pieces:
        return Step(name="streaming", ok=False, message="The stream held no text.", next_step="Try another model.")
    return Step(
        name="streaming",
        ok=True,
        message=f"The first piece came after {1000 * first:.0f} ms.",
        seconds=time.perf_counter() - began,
    )


def _failed(name: str, error: WorkbenchError, began: float | None) -> Step:
    took = None if began is None else time.perf_counter() - began
    return Step(name=name, ok=False, message=error.message, next_step=error.next_step, seconds=took)
