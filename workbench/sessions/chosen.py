"""The model a session uses: which one, how it is loaded, what else there is. Knows no transcript and no widget."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import ErrorInfo, ModelError, WorkbenchError, describe
from workbench.events import Failed, Finished, LoadProgress
from workbench.messages import new_id
from workbench.model import ModelInfo, Status, is_remote
from workbench.sessions.audience import Audience, Observer
from workbench.sessions.worker import Worker

if TYPE_CHECKING:
    from workbench.services import ChatService
    from workbench.services.registry import Services
    from workbench.sessions.catalogue import ModelList


class Chooser:
    """Base of a session with a model to choose: its choice, its loading, the list it is chosen from, its observers.

    `model` is the id it begins with; without one it uses, and follows, the model that is current for all.
    """

    def __init__(
        self,
        model: str | None,
        *,
        services: Services | None,
        force: bool = False,
        name: str,
        id: str | None = None,
        lock: threading.RLock | None = None,
    ) -> None:
        self.id = id or new_id()
        self._audience = Audience(lock)
        self.lock = self._audience.lock
        """Held while the state changes and while observers are told."""
        self._services = services
        self._worker = Worker(f"{name}-{self.id}")
        self._loading: tuple[str, ChatService] | None = None
        self._info: ModelInfo | None = None if model is None else self.services.resolve(model)[1]
        self._follows = False
        """Whether it changes to whatever model is made the current one, as long as `_may_follow`."""
        self._percent: float | None = None
        self._models: list[ModelInfo] = []
        self._servers: list[dict[str, str]] = []
        self._listing = False
        self._notice: ErrorInfo | None = None
        self._too_big: str | None = None
        self._forced = {self._model_info().id} if force else set[str]()

    @property
    def model(self) -> str:
        """Id of the model that answers from now on.

        Setting it is `choose`.
        """
        with self.lock:
            return self._model_info().id

    @model.setter
    def model(self, model: str) -> None:
        self.choose(model)

    def choose(self, model: str, *, force: bool = False) -> None:
        """Have another model answer from now on.

        Raises `ModelNotFoundError` (the nearest id is named). A local model is then loaded at once, in the
        background; if that fails, the model before stays and the widget says why. With `force` one that does not
        fit this machine is loaded nevertheless, now and whenever this session needs it. A model of a server is
        checked, in the background too: if the server does not answer, the widget says so.
        """
        service, info = self.services.resolve(model)
        with self.lock:
            self._check_open()
            before, self._info, self._percent = self._info, info, None
            self._follows = False
            self._notice = self._too_big = None
            superseded = self._loading
            if force:
                self._forced.add(info.id)
            if not info.local:
                threading.Thread(target=self._look, args=(service, info), name=f"look-{self.id}", daemon=True).start()
            elif info.status != "loaded":
                self._info = msgspec.structs.replace(info, status="loading")
                self._worker.do(partial(self._load, service, info.id, before))
            settled = self._info.status != "loading"
            self._tell(notice=None, too_big=None, **self._model_fields())
        if superseded is not None:
            superseded[1].cancel(superseded[0])
        if settled:
            self._settled(info.id)

    def models(self) -> ModelList:
        """The models there are: on this machine, and offered by connected servers (asked now)."""
        from workbench.sessions.catalogue import list_models

        found = list_models(self.services)
        self._listed(found, found.errors)
        return found

    @property
    def services(self) -> Services:
        """Who can answer: the services of this process, unless the session was given its own."""
        if self._services is None:
            from workbench.services.registry import default

            self._services = default()
        return self._services

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, in order, as an operation on `view`; returns what ends it.

        The observer is called under `lock`, on whatever thread made the change, and must not block.
        """
        return self._audience.join(observer)

    # What the session says of it; the lock is held

    def _choice_view(self) -> dict[str, Any]:
        """The fields of the session's view that are about its model."""
        return {
            "model": self._model_view(),
            "models": [model_view(m) for m in self._models],
            "servers": self._servers,
            "listing": self._listing,
            "notice": msgspec.to_builtins(self._notice),
            "too_big": self._too_big,
        }

    def _model_fields(self) -> dict[str, Any]:
        """The fields of the view that change when the model or its state does."""
        return {"model": self._model_view()}

    def _check_open(self) -> None:
        """Raise `StateError` if the session is closed."""

    def _may_follow(self) -> bool:
        """Whether it still changes with the model that is current for all."""
        return True

    def _settled(self, model: str) -> None:
        """A model that was chosen is in use; called without the lock."""

    # Loading, on the session's thread

    def _load(self, service: ChatService, model: str, before: ModelInfo | None) -> None:
        """Bring a chosen model into memory, unless another was chosen since."""
        run = new_id()
        with self.lock:
            if self._info is None or self._info.id != model:
                return
            self._loading = (run, service)
        loaded = True
        error: ErrorInfo | None = None
        try:
            for event in service.load(model, run=run, force=model in self._forced):
                with self.lock:
                    if isinstance(event, LoadProgress):
                        self._model_progress(event)
                    elif isinstance(event, Failed):
                        loaded, error = False, event.error
                    elif isinstance(event, Finished):
                        loaded = False  # cancelled
        except Exception as raised:
            loaded, error = False, describe(raised)
        with self.lock:
            self._loading = None
            if self._info.id != model:
                return
            if loaded:
                self._set_model(msgspec.structs.replace(self._info, status="loaded"))
            else:
                self._notice = error
                self._too_big = model if error is not None and error.kind == "ModelTooBigError" else None
                self._set_model(before)
                self._tell(notice=msgspec.to_builtins(error), too_big=self._too_big)
        if loaded:
            self._settled(model)

    def _model_progress(self, event: LoadProgress) -> None:
        if self._info is None or event.model != self._info.id:
            return
        if event.seconds is not None:
            self._set_model(msgspec.structs.replace(self._info, status="loaded"))
        else:
            percent = round(100 * event.done / event.total, 1) if event.total else None
            self._set_model(msgspec.structs.replace(self._info, status="loading"), percent)

    def _look(self, service: ChatService, info: ModelInfo) -> None:
        """Ask the server of a chosen model whether it can be used; the choice stays, and its state tells."""
        error: ErrorInfo | None = None
        try:
            error = next((e.error for e in service.load(info.id) if isinstance(e, Failed)), None)
        except Exception as raised:
            error = describe(raised)
        with self.lock:
            if self._info is None or self._info.id != info.id:
                return
            if error is not None:
                self._notice = error
                self._set_model(msgspec.structs.replace(self._info, status="down"))
                self._tell(notice=msgspec.to_builtins(error))
            elif self._info.status == "down":
                self._set_model(msgspec.structs.replace(self._info, status="ready", note=""))

    def _set_model(self, info: ModelInfo | None, percent: float | None = None) -> None:
        self._info, self._percent = info, percent
        self._tell(**self._model_fields())

    def _set_status(self, status: Status) -> None:
        if self._info is not None and self._info.status != status:
            self._set_model(msgspec.structs.replace(self._info, status=status))

    # The list

    def _list_in_background(self) -> None:
        with self.lock:
            if self._listing:
                return
            self._listing = True
            self._tell(listing=True)
        threading.Thread(target=self._list, name=f"list-{self.id}", daemon=True).start()

    def _list(self) -> None:
        try:
            self.services.refresh(partial(_heard, weakref.ref(self)))  # what comes meanwhile is shown at once
            self.models()
        except Exception as error:
            with self.lock:
                self._notice = describe(error)
                self._tell(notice=msgspec.to_builtins(self._notice))
        finally:
            with self.lock:
                self._listing = False
                self._tell(listing=False)

    def _listed(self, models: Iterable[ModelInfo], errors: Mapping[str, WorkbenchError]) -> None:
        with self.lock:
            self._models = list(models)
            self._servers = [
                {"name": name, "message": error.message, "next_step": error.next_step} for name, error in errors.items()
            ]
            if self._info is not None and self._loading is None and not self._busy():
                self._info = next((m for m in self._models if m.id == self._info.id), self._info)
            listed = [model_view(m) for m in self._models]
            self._tell(models=listed, servers=self._servers, model=self._model_view())

    def _busy(self) -> bool:
        """Whether the model's state is being told by a run."""
        return False

    # Small questions; the lock is held

    def _model_info(self) -> ModelInfo:
        if self._info is None:
            if not self._follows:
                self._follows = True
                self.services.follow(self._use_current)
            try:
                self._info = self.services.resolve(None)[1]
            except ModelError as error:  # it stays the model to use: it may come back, and the fallback answers
                self._notice = describe(error)
                self._info = missing_model(self.services.current)
        return self._info

    def _use_current(self, info: ModelInfo) -> None:
        """Change to the new current model, unless one was chosen here."""
        with self.lock:
            if self._follows and self._may_follow():
                self._set_model(info)

    def _model_view(self) -> dict[str, Any] | None:
        try:
            return model_view(self._model_info(), self._percent)
        except Exception as error:
            self._notice = describe(error)
            return None

    def _tell(self, **fields: Any) -> None:
        """Tell observers that these fields of the view have these values now."""
        self._audience.tell(**fields)


def model_view(info: ModelInfo, percent: float | None = None) -> dict[str, Any]:
    """A model as the front end reads it; `percent` is how much of it is loaded."""
    fields = msgspec.to_builtins(info, order="sorted")
    return {**fields, "local": info.local, "percent": percent}


def _heard(session: weakref.ref[Chooser]) -> None:
    """One more server has answered."""
    alive = session()
    if alive is not None:
        found = alive.services.listing()
        alive._listed(found.models, found.errors)


def missing_model(model: str) -> ModelInfo:
    """What is known of a model that is not there: its id."""
    provider = model.partition(":")[0] if is_remote(model) else "local"
    return ModelInfo(id=model, name=model, provider=provider, status="failed", note="not here")
