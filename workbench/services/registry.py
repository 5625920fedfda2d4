"""All who can answer in this process: the models here, and the servers connected. Knows no session."""

from __future__ import annotations

import importlib
import os
import threading
import time
import weakref
from collections.abc import Callable
from functools import cache
from queue import Empty, SimpleQueue

import msgspec

from workbench.errors import ModelNotFoundError, ServiceTimeoutError, WorkbenchError, describe
from workbench.manager import inventory
from workbench.model import ModelInfo, is_remote
from workbench.services import ChatService
from workbench.services.address import place
from workbench.services.local import LocalChatService
from workbench.services.remote import RemoteChatService

LISTING_SECONDS = 2.0
"""How long `Services.models` waits for the slowest server."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A connected server, without its key."""

    name: str
    """What its model ids start with."""
    url: str
    model: str | None = None
    """Name of the model to use when none is named; ``None`` for the first it offers."""
    note: str = ""
    """A word on what connecting changed: that it took another's place, say."""

    def __str__(self) -> str:
        words = f"{self.name} at {self.url}: its models are named {self.name}:MODEL."
        return f"{words} {self.note}".rstrip()

    __repr__ = __str__


class Services:
    """The local service and the connected endpoints, and which of them answers for a model id."""

    def __init__(self, local: LocalChatService | None = None) -> None:
        self.local = local or LocalChatService()
        self.endpoints: dict[str, RemoteChatService] = {}
        self._lock = threading.Lock()
        self._current: str | None = None
        self._followers: list[weakref.WeakMethod[Callable[[ModelInfo], None]]] = []
        self._offered: dict[str, ModelInfo] = {}

    def __repr__(self) -> str:
        return f"Services(endpoints={sorted(self.endpoints)})"

    def connect(
        self, url: str, *, key: str | None = None, name: str | None = None, model: str | None = None
    ) -> Endpoint:
        """Use a server from now on, under a name of its own; one of that name before is replaced.

        The server is not asked anything yet. Raises `UsageError` on a bad address, name or key.
        """
        service = RemoteChatService(url, key=key, name=name, model=model)
        with self._lock:
            before = self.endpoints.get(service.name)
            self.endpoints[service.name] = service
            self._offered = {k: v for k, v in self._offered.items() if v.provider != service.name}
        note = ""
        if before is not None:
            note = f"It takes the place of {service.name} at {before.url}."
            before.close()
        return Endpoint(name=service.name, url=service.url, model=model, note=note)

    @property
    def current(self) -> str:
        """Id of the model that answers when none is named: the one put to use, else WORKBENCH_MODEL of the
        environment, else the one that ships.
        """
        return self._current or os.environ.get("WORKBENCH_MODEL") or inventory.BUILTIN

    def use(self, model: str) -> ModelInfo:
        """Make a model the current one, for all in this process; those that follow are told.

        Raises `ModelNotFoundError`, which names the nearest id, and `ModelFilesError`.
        """
        info = self.resolve(model)[1]
        with self._lock:
            self._current = info.id
            self._followers = [method for method in self._followers if method() is not None]
            followers = [method() for method in self._followers]
        for follow in followers:
            if follow is not None:
                follow(info)
        return info

    def follow(self, method: Callable[[ModelInfo], None]) -> None:
        """Tell a bound method of every change of the current model, for as long as its object lives."""
        with self._lock:
            self._followers.append(weakref.WeakMethod(method))

    def resolve(self, model: str | None = None) -> tuple[ChatService, ModelInfo]:
        """Who answers for a model id, and what is known of the model; asks no server.

        ``None`` means the `current` model. An endpoint's name and a colon alone mean its default model. Raises
        `ModelNotFoundError`, which names the nearest id, and `ModelFilesError`.
        """
        model = model or self.current
        if not is_remote(model):
            with self._lock:
                offered = list(self._offered)
            return self.local, self.local.find(model, also=offered)
        name, _, rest = model.partition(":")
        with self._lock:
            service, known = self.endpoints.get(name), self._offered.get(model)
            like = [*self._offered, *(f"{other}:{rest}" for other in self.endpoints)]
        if service is None:
            near = inventory.nearest(model, like)
            hint = f"Did you mean {near!r}?" if near else f"Connect it first: wb.connect(url, name={name!r})."
            raise ModelNotFoundError(f"No server is connected as {name!r}.", next_step=hint)
        if not rest and service.model:
            model, rest = f"{name}:{service.model}", service.model
        return service, known or ModelInfo(id=model, name=rest or name, provider=name)

    def models(self) -> tuple[list[ModelInfo], dict[str, WorkbenchError]]:
        """The models of all, local ones first, and the errors of those that did not answer, by name.

        All are asked at once; one that takes longer than two seconds counts as not answering.
        """
        with self._lock:
            endpoints = list(self.endpoints.values())
        if endpoints:
            importlib.import_module("openai")  # takes a second now and then, which no server is to blame for
        answers: SimpleQueue[tuple[RemoteChatService, list[ModelInfo] | WorkbenchError]] = SimpleQueue()
        for service in endpoints:
            threading.Thread(target=_ask, args=(service, answers), name="workbench listing", daemon=True).start()
        deadline = time.monotonic() + LISTING_SECONDS
        found = self.local.models()
        heard: dict[str, list[ModelInfo] | WorkbenchError] = {}
        while len(heard) < len(endpoints):
            try:
                service, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                break
            heard[service.name] = answer
        errors: dict[str, WorkbenchError] = {}
        for service in endpoints:
            answer = heard[service.name] if service.name in heard else _silent(service)
            if isinstance(answer, WorkbenchError):
                errors[service.name] = answer
            else:
                found += answer
        with self._lock:
            self._offered |= {model.id: model for model in found if not model.local}
        return found, errors

    def close(self) -> None:
        """Cancel everything, end every host, forget the endpoints."""
        self.local.close()
        with self._lock:
            endpoints = list(self.endpoints.values())
            self.endpoints.clear()
            self._offered.clear()
        for service in endpoints:
            service.close()


@cache
def default() -> Services:
    """The services of this process, made on first use."""
    return Services()


def _ask(
    service: RemoteChatService, answers: SimpleQueue[tuple[RemoteChatService, list[ModelInfo] | WorkbenchError]]
) -> None:
    try:
        answers.put((service, service.models()))
    except WorkbenchError as error:
        answers.put((service, error))
    except Exception as error:
        answers.put((service, describe(error).to_error()))


def _silent(service: RemoteChatService) -> ServiceTimeoutError:
    return ServiceTimeoutError(
        f"{place(service.url)} did not answer within {LISTING_SECONDS:g} s.",
        next_step="Ask again, or look at the server.",
    )
