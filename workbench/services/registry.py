"""All who can answer in this process: the models here, and the servers connected. Knows no session.

Endpoints of the settings are there from the start, and follow the settings file; those connected for this session stay
beside them. None is asked before its models are listed or used.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import urlsplit

import msgspec

from workbench.errors import ModelNotFoundError, ServiceTimeoutError, UsageError, WorkbenchError
from workbench.manager import inventory
from workbench.model import ModelInfo, is_remote
from workbench.services import ChatService, fetch, presets, probe
from workbench.services.address import is_here, place, usual_name, whole_url
from workbench.services.keys import Key, Secret
from workbench.services.listings import Answer, Listings
from workbench.services.local import LocalChatService
from workbench.services.probe import Step
from workbench.services.remote import RemoteChatService, checked_name
from workbench.store import settings
from workbench.store.settings import EndpointSettings

LISTING_SECONDS = 2.0
"""How long `Services.models` waits for a server that never answered yet."""
GRACE_SECONDS = 0.25
"""How long it waits for one whose last list is known."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A connected server, without its key."""

    name: str
    """What its model ids start with."""
    url: str
    model: str | None = None
    """Name of the model to use when none is named; ``None`` for the first it offers."""
    note: str = ""
    """A word on what connecting changed: that it took another's place, say."""
    warning: str = ""
    """What a person should know: that its key goes over plain HTTP, say."""

    def __str__(self) -> str:
        words = f"{self.name} at {self.url}: its models are named {self.name}:MODEL."
        return " ".join(filter(None, (words, self.note, self.warning)))

    __repr__ = __str__


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as a list shows it."""

    name: str
    title: str
    """What it is, as far as its address tells: ``"Ollama"``; may be empty."""
    url: str
    model: str | None
    models: int
    """How many it offered when it last answered."""
    seconds: float | None
    """How long its list took; ``None`` while it gave none."""
    at: float | None
    """When it last answered or failed, in seconds since the epoch; ``None``: it was not asked yet."""
    error: WorkbenchError | None
    asking: bool
    """Whether it is being asked now."""
    saved: bool
    """Whether it is in the settings."""
    key: str
    """Where its key comes from: ``"system keyring"``, a variable's name, ``"this session only"``, ``"no key"``."""
    note: str
    """Why its list may lack models: its key is in the keyring and was not read yet."""
    warning: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """All models as far as they are known now, and how far that is."""

    models: tuple[ModelInfo, ...]
    """Local ones first, then by endpoint."""
    errors: dict[str, WorkbenchError]
    """Endpoints that failed when asked last, by name."""
    refreshing: frozenset[str]
    """Endpoints being asked now; empty: the list is as new as it gets."""
    at: float | None
    """When the last endpoint answered, in seconds since the epoch; ``None``: none was asked yet."""
    servers: tuple[Server, ...]


class Services:
    """The local service and the connected endpoints, and which of them answers for a model id."""

    def __init__(self, local: LocalChatService | None = None) -> None:
        self.local = local or LocalChatService()
        self._endpoints: dict[str, RemoteChatService] = {}
        self._keys: dict[str, Key] = {}
        self._saved: dict[str, EndpointSettings] = {}
        self._listings = Listings()
        self._lock = threading.RLock()
        self._current: str | None = None
        self._followers: list[weakref.WeakMethod[Callable[[ModelInfo], None]]] = []
        self._here: list[ModelInfo] | None = None

    def __repr__(self) -> str:
        return f"Services(endpoints={sorted(self.endpoints)})"

    @property
    def endpoints(self) -> dict[str, RemoteChatService]:
        """The services of the servers, by name: those of the settings as they are now, and those of this session."""
        self._follow_settings()
        return self._endpoints

    def connect(
        self,
        url: str = presets.DEFAULT_URL,
        *,
        key: str | Secret | None = None,
        name: str | None = None,
        model: str | None = None,
        save: bool = False,
    ) -> Endpoint:
        """Use a server from now on, under a name of its own; one of that name before is replaced.

        `url` may be the name of a preset (`workbench.services.presets`), too.
        The server is not asked anything yet. Without a `key` the one known for this name and server stays; an empty
        one forgets it. With `save` it is there in every session, and its key goes to the system keyring. Raises
        `UsageError` on a bad address, name or key, and `FolderError` when the settings cannot be written.
        """
        secret = Secret(key) if isinstance(key, str) else key
        del key  # no frame of ours shows it when something fails below
        preset = presets.PRESETS.get(url.strip())
        if preset is not None:
            url, name = preset.url, preset.name if name is None else name
        url = whole_url(url)
        name = usual_name(url) if name is None else checked_name(name)
        before, notes = self.endpoints.get(name), []
        kept = self._keys[name].at(url) if before is not None and secret is None else None
        if kept is None:
            kept = Key(name, url, "session" if secret else "none", secret=secret)
        if save:
            kept, trouble = kept.put()
            notes.append(trouble)
        service = RemoteChatService(url, key=kept.get, name=name, model=model)
        if before is not None and (before.url != url or before.model != model):
            notes.insert(0, f"It takes the place of {name} at {before.url}.")
        self._put(service, kept)
        if save:
            self._save(name, service)
        return Endpoint(name=name, url=url, model=model, note=" ".join(filter(None, notes)), warning=warning(kept))

    def disconnect(self, name: str) -> None:
        """Forget an endpoint and its key, in the settings and the keyring too. Raises `UsageError` if there is none."""
        service = self._named(name)
        saved = name in self._saved
        key = self._drop(name)
        if saved:
            settings.edit(lambda now: {"endpoints": tuple(e for e in now.endpoints if e.name != name)})
        service.close()
        key.forget()

    def rename(self, name: str, new: str) -> Endpoint:
        """Give an endpoint another name, in the settings too if it is there; its key goes with it.

        Raises `UsageError` when there is none of that name, or one of the new, and `AuthenticationError` when its key
        cannot be read from the keyring.
        """
        service = self._named(name)
        if checked_name(new) != name and new in self._endpoints:
            raise UsageError(f"There is an endpoint {new!r} already.", next_step="Choose another name.")
        key, note = self._keys[name].renamed(new)
        moved = RemoteChatService(service.url, key=key.get, name=new, model=service.model)
        saved = name in self._saved
        self._drop(name)
        service.close()
        self._put(moved, key)
        if saved:
            self._save(name, moved)
        return Endpoint(name=new, url=moved.url, model=moved.model, note=note, warning=warning(key))

    def key(self, name: str) -> Key:
        """The key of a server, with its address. Raises `UsageError` if there is none of that name."""
        self._named(name)
        return self._keys[name]

    def test(self, name: str) -> Iterator[Step]:
        """Test a server step by step, as `workbench.services.probe.test` does. Raises `UsageError` if there is none."""
        service = self._named(name)
        return probe.test(service.url, self._keys[name], service.model)

    @property
    def current(self) -> str:
        """Id of the model that answers when none is named: the one put to use, else that of the settings or of
        WORKBENCH_DEFAULT_MODEL, else the one that ships.
        """
        return self._current or settings.get().default_model or inventory.BUILTIN

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
        endpoints = dict(self.endpoints)
        if not is_remote(model):
            return self.local, self.local.find(model, also=self._offered(endpoints))
        name, _, rest = model.partition(":")
        service = endpoints.get(name)
        if service is None:
            like = [*self._offered(endpoints), *(f"{other}:{rest}" for other in endpoints)]
            near = inventory.nearest(model, like)
            hint = f"Did you mean {near!r}?" if near else f"Connect it first: wb.connect(url, name={name!r})."
            raise ModelNotFoundError(f"No server is connected as {name!r}.", next_step=hint)
        if not rest and service.model:
            model, rest = f"{name}:{service.model}", service.model
        known = next((info for info in self._listings.answer(name).models if info.id == model), None)
        return service, known or ModelInfo(id=model, name=rest or name, provider=name)

    def models(self) -> tuple[list[ModelInfo], dict[str, WorkbenchError]]:
        """The models of all, local ones first, and the errors of those that did not answer, by name.

        All are asked at once. One that never answered yet has two seconds, one whose last list is known a quarter of
        a second: then that list stands.
        """
        unknown = [name for name in self.endpoints if self._listings.answer(name).at is None]
        if unknown:
            fetch.ready()
        asked = self.refresh()
        here = self._here = self.local.models()
        self._listings.wait(asked, GRACE_SECONDS, filled=True)
        asking = self._listings.asking()
        waited = min((asking[name] for name in unknown if name in asking), default=GRACE_SECONDS)
        self._listings.wait(unknown, LISTING_SECONDS - waited, filled=True)
        found = self._listing(here)
        silent = {s.name: _silent(s.url) for s in found.servers if s.asking and s.at is None}
        return list(found.models), found.errors | silent

    def refresh(self, on_change: Callable[[], None] | None = None) -> list[str]:
        """Ask every server for its models, in the background; the names of those that are asked.

        `on_change` is called after each answer, on a thread of its own: `listing` has it then.
        """
        names = list(self.endpoints)
        with self._lock:
            keys = [self._keys[name] for name in names if name in self._keys]
        self._listings.ask(keys, on_change)
        return names

    def listing(self) -> Listing:
        """All models as far as they are known now, at once: no server is asked, and none waited for."""
        if self._here is None:
            self._here = self.local.models()
        return self._listing([self.local.described(info) for info in self._here])

    def close(self) -> None:
        """Cancel everything, end every host, forget the endpoints."""
        self.local.close()
        with self._lock:
            endpoints = dict(self._endpoints)
            self._endpoints.clear()
            self._keys.clear()
        for name, service in endpoints.items():
            self._listings.forget(name)
            service.close()

    def _listing(self, here: list[ModelInfo]) -> Listing:
        endpoints, asking = dict(self.endpoints), self._listings.asking()
        answers = {name: self._listings.answer(name) for name in endpoints}
        return Listing(
            models=(*here, *(model for answer in answers.values() for model in answer.models)),
            errors={name: answer.error for name, answer in answers.items() if answer.error is not None},
            refreshing=frozenset(asking.keys() & endpoints.keys()),
            at=max((answer.at for answer in answers.values() if answer.at is not None), default=None),
            servers=tuple(self._server(service, answers[name], name in asking) for name, service in endpoints.items()),
        )

    def _server(self, service: RemoteChatService, answer: Answer, asking: bool) -> Server:
        preset = presets.of(service.url, service.name)
        key = self._keys.get(service.name) or Key(service.name, service.url)  # none: it is being disconnected
        return Server(
            name=service.name,
            title=preset.title if preset else "",
            url=service.url,
            model=service.model,
            models=len(answer.models),
            seconds=answer.seconds,
            at=answer.at,
            error=answer.error,
            asking=asking,
            saved=service.name in self._saved,
            key=key.where(),
            note="Its key is in the keyring, and is read when a model of it is used." if key.locked else "",
            warning=warning(key),
        )

    def _offered(self, endpoints: dict[str, RemoteChatService]) -> list[str]:
        """The ids that servers offered when they were asked last."""
        return [model.id for name in endpoints for model in self._listings.answer(name).models]

    def _named(self, name: str) -> RemoteChatService:
        service = self.endpoints.get(name)
        if service is None:
            near = inventory.nearest(name, list(self._endpoints))
            hint = f"Did you mean {near!r}?" if near else "wb.models() shows which there are."
            raise UsageError(f"No server is connected as {name!r}.", next_step=hint)
        return service

    def _put(self, service: RemoteChatService, key: Key) -> None:
        with self._lock:
            before = self._endpoints.get(service.name)
            self._endpoints[service.name], self._keys[service.name] = service, key
        self._listings.forget(service.name)
        if before is not None:
            before.close()

    def _drop(self, name: str) -> Key:
        with self._lock:
            del self._endpoints[name]
            key = self._keys.pop(name)
        self._listings.forget(name)
        return key

    def _save(self, name: str, service: RemoteChatService) -> None:
        """Write an endpoint into the settings, in the place of the one of that name."""
        preset = presets.of(service.url, service.name)
        entry = EndpointSettings(
            name=service.name,
            url=service.url,
            model=service.model,
            preset=preset.name if preset else None,
            key=self._keys[service.name].source,
        )

        def edited(now: settings.Settings) -> dict[str, object]:
            known = {e.name: e for e in now.endpoints}
            if name in known:
                return {"endpoints": tuple(entry if e.name == name else e for e in now.endpoints)}
            return {"endpoints": (*(e for e in now.endpoints if e.name != entry.name), entry)}

        with self._lock:  # or a look at the settings before they are written would take it for one that is gone
            self._saved.pop(name, None)
            self._saved[service.name] = entry
            settings.edit(edited)

    def _follow_settings(self) -> None:
        """Bring the endpoints in line with the settings, where those changed since the last look."""
        with self._lock:
            now = {entry.name: entry for entry in settings.get().endpoints}
            if now == self._saved:
                return
            before, self._saved = self._saved, now
            changed = [n for n in {**before, **now} if before.get(n) != now.get(n)]
            gone = {n: s for n in changed if (s := self._endpoints.get(n)) and n in before and _is(before[n], s)}
            old = {name: self._keys.pop(name) for name in gone}
            for name, service in gone.items():
                del self._endpoints[name]
                self._listings.forget(name)
                service.close()
            for name in changed:
                if name in now and name not in self._endpoints:
                    entry, url = now[name], whole_url(now[name].url)
                    kept = old[name].at(url) if name in old and old[name].source == entry.key else None
                    key = self._keys[name] = kept or Key(name, url, entry.key)
                    self._endpoints[name] = RemoteChatService(url, key=key.get, name=name, model=entry.model)


@cache
def default() -> Services:
    """The services of this process, made on first use."""
    return Services()


def warning(key: Key) -> str:
    """What a person should know of an endpoint; empty when there is nothing."""
    parts = urlsplit(key.url)
    if parts.scheme == "http" and not is_here(parts.hostname or "") and key.where() != "no key":
        return f"Its key goes to {place(key.url)} over plain HTTP: anyone on the way can read it. Use https."
    return ""


def _is(entry: EndpointSettings, service: RemoteChatService) -> bool:
    """Whether a service is that of an endpoint of the settings, not one connected in its place."""
    return (whole_url(entry.url), entry.model) == (service.url, service.model)


def _silent(url: str) -> ServiceTimeoutError:
    return ServiceTimeoutError(
        f"{place(url)} did not answer within {LISTING_SECONDS:g} s.",
        next_step="Ask again, or look at the server.",
    )
