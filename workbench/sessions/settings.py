"""The settings as a notebook holds them: servers, models, limits, presets. It knows no widget, and keeps no key.

settings.py         the session: its state, its verbs
settings_rows.py    the same as rows, words, text and HTML
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from workbench.commands import (
    Ack,
    AddFolder,
    ChangeSettings,
    CheckAddress,
    CloseTest,
    ExportSettings,
    FindModels,
    ForgetAllowed,
    Hello,
    ImportSettings,
    LookForServers,
    ReadSettings,
    RemoveFolder,
    RemovePreset,
    RemoveServer,
    SavePreset,
    SaveServer,
    SettingsCommand,
    StopTest,
    TestServer,
)
from workbench.errors import ErrorInfo, UsageError, describe
from workbench.manager import inventory, machine
from workbench.messages import new_id
from workbench.options import make_options
from workbench.services import consent, discover, presets
from workbench.services.address import usual_name, whole_url
from workbench.services.discover import Found
from workbench.services.keys import Secret
from workbench.services.probe import Step
from workbench.services.remote import checked_name
from workbench.sessions import settings_rows
from workbench.sessions.changes import changes
from workbench.sessions.settings_rows import Test
from workbench.store import settings as store
from workbench.store.settings import Imported, Settings

if TYPE_CHECKING:
    from workbench.services.registry import Endpoint, Listing, Services

Op: TypeAlias = list[Any]
Observer: TypeAlias = Callable[[Op], None]
EXPORT_NAME = "workbench-settings.toml"
"""Where an export goes when nothing else is said: beside the notebook."""
KEYS_GO = "the system keyring"
MOST_CHOICES = 60
"""Models offered at once; typing finds the others."""
_KEEP: Any = object()


class SettingsSession:
    """What is set, for every notebook of this person. `settings` gives the one of this process.

    s = wb.settings()
    s                                                     # the widget
    s.add("http://localhost:11434/v1")                    # a server that is there from now on
    s.test("ollama")                                      # where it stops, why, and what to do
    s.change(default_model="ollama:llama3.2", use_fallback=False)
    s.values                                              # all that is set; sizes in bytes, times in seconds
    s.save_preset("precise", temperature=0)
    s.export("workbench-settings.toml")                   # for another machine; it holds no key
    """

    def __init__(self, *, services: Services | None = None) -> None:
        self.id = new_id()
        self.lock = threading.RLock()
        """Held while the state changes and while observers are told."""
        self._services = services
        self._listing: Listing | None = None
        self._tests: dict[str, Test] = {}
        self._found: list[Found] | None = None
        self._looking = 0
        self._usual: int | None = None
        self._notice: ErrorInfo | None = None
        self._observers: list[Observer] = []
        self._shown: dict[str, Any] = {}
        weakref.finalize(self, store.observe(_told_by(self))).atexit = False

    # What a program does

    @property
    def values(self) -> Settings:
        """What is set now; variables of the environment count."""
        return store.get()

    @property
    def file(self) -> Path:
        """The settings file; it may be edited by hand."""
        return store.path()

    @property
    def servers(self) -> list[dict[str, Any]]:
        """The servers as they are known now; `key` says where each key is kept."""
        self._list()
        return list(self.view()["rows"])

    def add(self, url: str, *, key: str | None = None, name: str | None = None, model: str | None = None) -> Endpoint:
        """Connect a server from now on, in every session; its key goes to the system keyring.

        `name` is what its model ids start with, by default the usual one; `model` the model to use when none is
        named. Raises `UsageError` on a bad address, name or key, and on a name that is taken.
        """
        secret = None if key is None else Secret(key)
        del key
        return self._save(*self._checked(url, name or "", None), secret, model)

    def edit(
        self,
        name: str,
        *,
        url: str | None = None,
        key: str | None = None,
        model: str | None = _KEEP,
        rename: str | None = None,
    ) -> Endpoint:
        """Change a server: what is not given stays. An empty `key` forgets the one there is.

        Raises `UsageError` as `add`, and when there is none of that name.
        """
        secret = None if key is None else Secret(key)
        del key
        before = self._server(name)
        checked = self._checked(url or before.url, rename or name, name)
        self._renamed(name, checked[1])
        return self._save(*checked, secret, before.model if model is _KEEP else model)

    def rename(self, name: str, new: str) -> Endpoint:
        """Give a server another name; its key goes with it. Raises `UsageError`."""
        return self.edit(name, rename=new)

    def remove(self, name: str) -> None:
        """Forget a server, in every session, and its key. Raises `UsageError` when there is none."""
        self.services.disconnect(name)
        with self.lock:
            self._tests.pop(name, None)
        self._list()

    def test(self, name: str) -> list[Step]:
        """Test a server step by step: address, connects, model list, a one-token answer, streaming.

        Never raises for what the server does; the step that failed says why, and what to do. Raises `UsageError` when
        there is none of that name.
        """
        self._server(name)
        return self._test(name, self._begin(name))

    def discover(self) -> list[Found]:
        """The servers that answer at the usual ports of this machine; connects none."""
        with self.lock:
            self._looking += 1
            self._publish()
        try:
            found = discover.look()
            with self.lock:
                self._found = found
        finally:
            with self.lock:
                self._looking -= 1
                self._publish()
        return found

    def change(self, **fields: Any) -> Settings:
        """Set fields, in the file and at once; returns what is set afterwards.

            wb.settings().change(default_model="builtin", memory_budget="16GB", idle_timeout=600)

        The fields are those of `values`. Raises `UsageError` on a field or value that cannot be, `ModelNotFoundError`
        for a model that is not known, and `FolderError` when the file cannot be written.
        """
        for field in ("default_model", "fallback"):
            if fields.get(field):
                self.services.resolve(fields[field])
        now = store.change(**fields)
        if "default_model" in fields:
            self.services.use(now.default_model or inventory.BUILTIN)
        self._publish()
        return now

    def save_preset(self, name: str, **options: Any) -> None:
        """Keep generation options under a name; one of that name before is replaced.

        Raises `OptionError` on an option that cannot be, and `UsageError` on a bad name.
        """
        store.put_preset(name, make_options(**options))
        self._publish()

    def remove_preset(self, name: str) -> None:
        """Forget a preset. Raises `UsageError` when there is none."""
        store.drop_preset(name)
        self._publish()

    def ask_again(self, origin: str) -> None:
        """Ask before the next prompt goes to this server."""
        consent.forget(origin)
        self._publish()

    def export(self, path: str | os.PathLike[str] = EXPORT_NAME, *, overwrite: bool = False) -> Path:
        """Write the settings, without any key, into a file for another machine; returns where. Raises `FolderError`."""
        return store.export(path, overwrite=overwrite)

    def import_(self, path: str | os.PathLike[str] = EXPORT_NAME, *, merge: bool = True) -> Imported:
        """Take in what `export` wrote; says what came, and which keys are to be given again. Raises `FolderError`.

        With `merge` servers and presets that are here and not in the file stay.
        """
        done = store.import_(path, merge=merge)
        self._list()
        return done

    @property
    def services(self) -> Services:
        """Who can answer: the services of this process, unless the session was given its own."""
        if self._services is None:
            from workbench.services.registry import default

            self._services = default()
        return self._services

    # What a front end does

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values: what a screen draws. It holds no key, only where each is kept."""
        with self.lock:
            return self._view()

    def html(self) -> str:
        """Servers and values as plain HTML, every text escaped."""
        return settings_rows.html(self.view())

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, in order, as an operation on `view`; returns what ends it.

        The observer is called under `lock`, on whatever thread made the change, and must not block.
        """
        with self.lock:
            self._observers.append(observer)
        return partial(self._unobserve, observer)

    def perform(self, command: SettingsCommand) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        data: Any = None
        try:
            match command:
                case Hello():
                    self._behind(self._ask)
                case ReadSettings():
                    with self.lock:
                        self._notice = None
                    store.get()
                    self._publish()
                    self._behind(self._ask)
                case LookForServers():
                    self._behind(self.discover)
                case CheckAddress():
                    data = self._check(command.url, command.name, command.replaces)
                case SaveServer():
                    data = self._take(command)
                case RemoveServer():
                    self._server(command.name)
                    self._behind(partial(self.remove, command.name))
                case TestServer():
                    self._server(command.name)
                    self._behind(partial(self._test, command.name, self._begin(command.name)))
                case StopTest():
                    self._stop(command.name)
                case CloseTest():
                    with self.lock:
                        self._tests.pop(command.name, None)
                        self._publish()
                case FindModels():
                    data = self._find(command.text, command.server)
                case ChangeSettings():
                    self.change(**command.fields)
                case AddFolder():
                    inventory.add_folder(command.path)
                    self._publish()
                case RemoveFolder():
                    inventory.remove_folder(command.path)
                    self._publish()
                case SavePreset():
                    self._save_preset(command)
                case RemovePreset():
                    self.remove_preset(command.name)
                case ForgetAllowed():
                    self.ask_again(command.origin)
                case ExportSettings():
                    data = str(self.export(command.path))
                case ImportSettings():
                    data = " ".join(self.import_(command.path, merge=command.merge).report.splitlines())
        except Exception as error:
            return Ack(id=command.id, ok=False, error=describe(error))
        return Ack(id=command.id, ok=True, data=data)

    def __repr__(self) -> str:
        self._list()
        return settings_rows.text(self.view())

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)

    # The state

    def _view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            **settings_rows.servers(self._listing, self._tests, self._found),
            **settings_rows.what_is_set(self._listing),
            "memory_usual": self._usual,
            "looking": self._looking > 0,
            "keys_go": KEYS_GO,
            "export_path": EXPORT_NAME,
            "notice": msgspec.to_builtins(self._notice),
        }

    def _publish(self) -> None:
        """Tell observers what is different from what they were told last."""
        with self.lock:
            if not self._observers:
                return
            before, now = self._shown, self._view()
            self._shown = now
            self._emit(changes(before, now))

    def _emit(self, ops: Iterable[Op]) -> None:
        for op in ops:
            for observer in tuple(self._observers):
                try:
                    observer(op)
                except Exception:
                    logging.getLogger(__name__).exception("An observer of the settings failed")

    def _unobserve(self, observer: Observer) -> None:
        with self.lock:
            if observer in self._observers:
                self._observers.remove(observer)

    def _list(self) -> None:
        """Take over what is known of the servers; asks none."""
        listing = self.services.listing()
        with self.lock:
            self._listing = listing
            self._publish()

    def _ask(self) -> None:
        """Ask the servers for their models, and this machine what it can spare."""
        self._list()
        self.services.refresh(_listed_by(self))
        self._list()
        with self.lock:
            self._usual = machine.this().usable
            self._publish()

    def _behind(self, work: Callable[[], object]) -> None:
        """Do it on a thread; what goes wrong is said in the view."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                with self.lock:
                    self._notice = describe(error)
                    self._publish()

        threading.Thread(target=run, name=f"settings-{self.id}", daemon=True).start()

    # Servers

    def _server(self, name: str) -> Any:
        """The service of that name. Raises `UsageError`."""
        service = self.services.endpoints.get(name)
        if service is None:
            raise UsageError(f"There is no server {name!r}.", next_step="wb.settings().servers shows which there are.")
        return service

    def _checked(self, url: str, name: str, replaces: str | None) -> tuple[str, str]:
        """The base URL and the name that would be saved. Raises `UsageError`."""
        whole = whole_url(url)
        if not name:
            return whole, settings_rows.free(_name_of(whole), self.services.endpoints)
        if checked_name(name) != replaces and name in self.services.endpoints:
            raise UsageError(f"There is a server {name!r} already.", next_step="Choose another name, or edit that one.")
        return whole, name

    def _check(self, url: str, name: str, replaces: str | None) -> dict[str, Any]:
        found = {"url": "", "name": name, "url_problem": "", "name_problem": "", "warning": "", "preset": None}
        try:
            whole = whole_url(url)
        except UsageError as error:
            return {**found, "url_problem": str(error)}
        try:
            name = self._checked(url, name, replaces)[1]
        except UsageError as error:
            found["name_problem"] = str(error)
        preset = presets.of(whole, name)
        found |= {"url": whole, "name": name, "preset": preset.name if preset else None}
        return {**found, "warning": settings_rows.plain_http(whole)}

    def _take(self, command: SaveServer) -> dict[str, Any]:
        """Connect at once; keep it, and test it, behind."""
        secret = None if command.key is None else Secret(command.key)
        if secret is not None:
            secret.reveal()
        model, before = command.model, command.replaces
        if before is not None:
            self._server(before)
        url, name = self._checked(command.url, command.name or before or "", before)
        if before is not None:
            self._renamed(before, name)
        self.services.connect(url, key=secret, name=name, model=model)
        test = self._begin(name)
        self._list()

        def keep() -> None:
            try:
                self._save(url, name, None, model)
            finally:
                self._test(name, test)

        self._behind(keep)
        return {"name": name, "url": url}

    def _save(self, url: str, name: str, secret: Secret | None, model: str | None) -> Endpoint:
        endpoint = self.services.connect(url, key=secret, name=name, model=model, save=True)
        if endpoint.note:
            with self.lock:
                self._notice = ErrorInfo(kind="StateError", message=endpoint.note)
        self._list()
        return endpoint

    def _renamed(self, name: str, new: str) -> None:
        if new == name:
            return
        self.services.rename(name, new)
        with self.lock:
            self._tests.pop(name, None)

    def _begin(self, name: str) -> Test:
        with self.lock:
            test = self._tests[name] = Test()
            self._publish()
        return test

    def _test(self, name: str, test: Test) -> list[Step]:
        """Take the steps; those of a test that was stopped meanwhile are dropped."""
        try:
            for step in self.services.test(name):
                with self.lock:
                    if not test.running:
                        break
                    test.steps.append(step)
                    self._publish()
        finally:
            with self.lock:
                test.running = False
                self._publish()
        self._behind(self._ask)
        return test.steps

    def _stop(self, name: str) -> None:
        with self.lock:
            if name in self._tests:
                self._tests[name].running = False
                self._publish()

    def _find(self, text: str, server: str | None) -> list[dict[str, Any]]:
        with self.lock:
            models = self._listing.models if self._listing else ()
        return settings_rows.choices(models, text, server, MOST_CHOICES)

    def _save_preset(self, command: SavePreset) -> None:
        if not command.name:
            raise UsageError("A preset needs a name.", next_step="Type one.")
        if command.name != command.replaces and command.name in store.get().presets:
            raise UsageError(f"There is a preset {command.name!r} already.", next_step="Choose another name.")
        self.save_preset(command.name, **(command.options or {}))
        if command.replaces not in (None, command.name):
            self.remove_preset(str(command.replaces))


def settings() -> SettingsSession:
    """What is set for every notebook: servers, who answers, memory, presets, downloads, privacy.

        wb.settings()                                        # the widget
        s = wb.settings()
        s.add("http://localhost:1234/v1")                    # LM Studio, from now on
        s.change(fallback="builtin", idle_timeout=600)       # seconds
        s.values                                             # all of it

    Every call gives the one session of this process.
    """
    return default()


@cache
def default() -> SettingsSession:
    """The settings of this process, made on first use."""
    return SettingsSession()


def _name_of(url: str) -> str:
    preset = presets.of(url)
    return preset.name if preset else usual_name(url)


def _listed_by(session: SettingsSession) -> Callable[[], None]:
    """What follows an answer of a server; it does not keep the session alive."""
    alive = weakref.ref(session)

    def answered() -> None:
        found = alive()
        if found is not None:
            found._list()

    return answered


def _told_by(session: SettingsSession) -> Callable[[Settings], None]:
    """An observer of the settings that does not keep the session alive."""
    alive = weakref.ref(session)

    def told(_: Settings) -> None:
        found = alive()
        if found is not None and found._observers:
            found._behind(found._list)

    return told
