"""The library: what is on this disk, and what can be done with it. It knows no widget and no engine.

library.py        the session: its state, its verbs
library_work.py   what its jobs do: verify, repair, update, import, quantize
jobs.py           long work with progress and a stop
shelf.py          the rows and sums a person sees, from the inventory and what is remembered
storage.py        the same as text, as HTML with its picture, as a frame
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from workbench.commands import (
    Ack,
    AddFolder,
    ChatWith,
    DropPlan,
    ExecutePlan,
    Hello,
    ImportModel,
    LibraryCommand,
    LookInto,
    PlanDelete,
    Quantize,
    ReadDownloadsFolder,
    ReadLibrary,
    RemoveFolder,
    StopJob,
    UpdateModels,
    VerifyModels,
)
from workbench.errors import ErrorInfo, StateError, describe
from workbench.manager import deletion, importing, inventory, updates
from workbench.manager.deletion import Plan
from workbench.manager.entries import Entries, Entry
from workbench.manager.importing import Mode
from workbench.manager.look_into import look_into
from workbench.manager.updates import Updates
from workbench.manager.verify import Verification
from workbench.messages import new_id
from workbench.model import ModelInfo
from workbench.sessions import downloads, library_work, shelf, storage
from workbench.sessions.changes import changes
from workbench.sessions.jobs import Job, Jobs

if TYPE_CHECKING:
    import pandas

    from workbench.engines.convert import Quantized
    from workbench.services.registry import Services

Op: TypeAlias = list[Any]
Observer: TypeAlias = Callable[[Op], None]
LOOK_EVERY_S = 3.0
"""How often an observed library looks whether something changed from outside."""
_IDLE_SHARE = 0.05
"""Most of the time it may spend on that."""
_libraries: weakref.WeakSet[Library] = weakref.WeakSet()


class Library:
    """The models on this disk. `library` gives the one of this process; displaying it draws its widget.

    lib = wb.library()
    lib                                   # the table, the picture
    lib.rows[0]                           # one model as a dict; sizes in bytes, times in seconds since 1970
    lib.verify("org/model").result()      # every checksum, computed now
    plan = lib.plan_delete(["org/model"]) # what would go, and what it frees
    lib.execute(plan)
    lib.quantize("org/model", bits=4)     # a smaller copy
    lib.use("org/model")                  # what wb.chat() and wb.ask() take from now on
    """

    def __init__(self, *, services: Services | None = None) -> None:
        self.id = new_id()
        self.lock = threading.RLock()
        """Held while the state changes and while observers are told."""
        self._services = services
        self._entries = Entries()
        self._read_at: float | None = None
        self._reading = 0
        self._remembered = shelf.Remembered()
        self._jobs: dict[str, Job[Any]] = {}
        self._one_at_a_time = threading.Lock()
        self._plan: Plan | None = None
        self._notice: ErrorInfo | None = None
        self._observers: list[Observer] = []
        self._shown: dict[str, Any] = {}
        self._watching = False
        _libraries.add(self)
        weakref.finalize(self, downloads.default().observe(_told_by(self))).atexit = False

    # What a program does

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The models as they are now, the largest first."""
        self._look()
        return list(self.view()["rows"])

    @property
    def size(self) -> int:
        """Bytes on disk of all models now, each file once."""
        self._look()
        return self._entries.size

    @property
    def plan(self) -> Plan | None:
        """The plan that waits to be executed or dropped."""
        return self._plan

    @property
    def jobs(self) -> tuple[Job[Any], ...]:
        """What is going on, and what of it ended with something to say."""
        with self.lock:
            return tuple(self._jobs.values())

    def read(self) -> Library:
        """Read the folders again, the Downloads folder among them; what ended is taken off `jobs`."""
        with self.lock:
            self._jobs = {job.id: job for job in self._jobs.values() if job.status == "running"}
            self._notice = None
        self._read()
        return self

    def verify(self, models: str | Iterable[str]) -> Jobs[Verification]:
        """Compute the checksums of these models' files, one model after another.

            library.verify(["org/a", "org/b"]).result()

        Returns the running jobs. Raises `ModelNotFoundError`.
        """
        return self._start("verify", models, library_work.verified, self._one_at_a_time)

    def repair(self, models: str | Iterable[str]) -> Jobs[Verification]:
        """Set the files aside that `verify` found to differ, and download those alone again, at the same revision.

        Returns the running jobs. Raises `ModelNotFoundError`, and `FolderError` for files that the hub did not give.
        """
        return self._start("update", models, library_work.repaired)

    def update(self, models: str | Iterable[str]) -> Jobs[ModelInfo]:
        """Download the newest revision of these; of one whose files differ, what is damaged is fetched again.

        Returns the running jobs; the downloads are among `workbench.downloads` too. Raises `ModelNotFoundError`.
        """
        return self._start("update", models, library_work.updated)

    def updates(self, timeout: float = updates.TIMEOUT_S) -> Updates:
        """Ask the hub which models have a newer revision; says so when it cannot be reached."""
        self._look()
        found = updates.check(self._entries, timeout=timeout)
        with self.lock:
            self._notice = found.error
        self._look()
        return found

    def plan_delete(self, models: str | Iterable[str]) -> Plan:
        """What deleting these would remove and free; nothing is deleted. Raises `ModelNotFoundError`."""
        entries = self._named(models)
        plan = deletion.plan(
            entries, among=self._entries, loaded=shelf.in_memory(self.services), downloading=shelf.on_the_way()
        )
        with self.lock:
            self._plan = plan
            self._publish()
        return plan

    def drop_plan(self) -> None:
        """Keep everything."""
        with self.lock:
            self._plan = None
            self._publish()

    def execute(self, plan: Plan | None = None) -> int:
        """Delete what a plan names, by default the one that waits; returns the bytes freed.

        Raises `StateError`, `ModelInUseError` (nothing was deleted) or `FolderError` (it says what was).
        """
        plan = plan or self._plan
        if plan is None:
            raise StateError("There is no plan.", next_step="Make one with plan_delete, look at it, then execute it.")
        try:
            freed = deletion.execute(plan, loaded=shelf.in_memory(self.services), downloading=shelf.on_the_way())
        finally:
            with self.lock:
                if self._plan is not None and self._plan.id == plan.id:
                    self._plan = None
            self._read()
        if self.services.current in {model.id for model in plan.models}:
            self.services.use(inventory.BUILTIN)
        return freed

    def import_model(self, path: str | os.PathLike[str], mode: Mode = "link", *, name: str | None = None) -> Job[str]:
        """Take in a model's file or folder: link, copy or move it into the workbench's own folder.

        Returns the running job; its result is the model's id. What is wrong with the file is found before anything is
        written: raises `ModelFilesError`, `FolderError`, `DiskFullError`.
        """
        planned = importing.prepare(path, mode, name=name)
        return self._run(Job("import", planned.name, partial(library_work.imported, planned), self._job_changed))

    def quantize(self, model: str, bits: int = 4, *, group_size: int = 64) -> Job[Quantized]:
        """Make a smaller copy of a model with mlx-lm; the original stays.

        `bits` is 2, 3, 4, 6 or 8, `group_size` 32, 64 or 128. Returns the running job; its result names the new
        model and the bytes it saves. Raises `ModelNotFoundError`, `UsageError`, `DiskFullError`, `FolderError` when
        the copy is there already, and `ModelFilesError` for one that is quantized already.
        """
        from workbench.engines import convert

        info = self.entry(model).model
        source = inventory.locate(info)
        place = importing.place(f"{info.name}-{bits}bit")
        convert.check(source, place, bits, group_size, name=info.name)
        work = partial(library_work.quantized, source, place, bits, group_size)
        return self._run(Job("quantize", model, work, self._job_changed))

    def use(self, model: str) -> ModelInfo:
        """Make a model the current one: what wb.chat() and wb.ask() take when none is named. Chats without a word yet
        change to it. Raises `ModelNotFoundError`.
        """
        info = self.services.use(model)
        self._publish()
        return info

    def add_folder(self, path: str) -> str:
        """Look for models in this folder too, from now on; returns its absolute path. Raises `FolderError`."""
        folder = inventory.add_folder(path)
        self._read()
        return str(folder)

    def remove_folder(self, path: str) -> None:
        """Look there no longer; its files stay. Raises `FolderError`."""
        inventory.remove_folder(path)
        self._read()

    def entry(self, model: str) -> Entry:
        """A model of the library with its files. Raises `ModelNotFoundError`, which names the nearest."""
        return self._named(model)[0]

    def to_frame(self) -> pandas.DataFrame:
        """One row a model; sizes in bytes, times in seconds since 1970. Needs pandas."""
        return storage.frame(self.rows)

    @property
    def services(self) -> Services:
        """Who can answer: the services of this process, unless the library was given its own."""
        if self._services is None:
            from workbench.services.registry import default

            self._services = default()
        return self._services

    # What a front end does

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values: what a screen draws. The first time the folders are read behind it."""
        with self.lock:
            if self._read_at is None and not self._reading:
                self._behind(self._read)
            return self._view()

    def html(self) -> str:
        """Storage and table as plain HTML, every text escaped."""
        self._look()
        return storage.html(self.view())

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, in order, as an operation on `view`; returns what ends it.

        The observer is called under `lock`, on whatever thread made the change, and must not block.
        """
        with self.lock:
            self._observers.append(observer)
            if not self._watching:
                self._watching = True
                threading.Thread(target=_watch, args=(weakref.ref(self),), name=f"look-{self.id}", daemon=True).start()
        return partial(self._unobserve, observer)

    def perform(self, command: LibraryCommand) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        data = None
        try:
            match command:
                case Hello():
                    pass
                case ReadLibrary() | ReadDownloadsFolder():
                    self._behind(self.read)
                    self._behind(self._ask_for_updates)
                case VerifyModels():
                    self.verify(command.models)
                case UpdateModels():
                    self.update(command.models)
                case PlanDelete():
                    self.plan_delete(command.models)
                case DropPlan():
                    self.drop_plan()
                case ExecutePlan():
                    self._behind(partial(self.execute, self._waiting(command.plan)))
                case LookInto():
                    data = look_into(command.path)
                case ImportModel():
                    self.import_model(command.path, command.mode)
                case AddFolder():
                    inventory.add_folder(command.path)
                    self._behind(self._read)
                case RemoveFolder():
                    inventory.remove_folder(command.path)
                    self._behind(self._read)
                case Quantize():
                    self.quantize(command.model, command.bits)
                case StopJob():
                    self._stop(command.job)
                case ChatWith():
                    self.use(command.model)
        except Exception as error:
            return Ack(id=command.id, ok=False, error=describe(error))
        return Ack(id=command.id, ok=True, data=data)

    def __repr__(self) -> str:
        self._look()
        return storage.text(self.view())

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)

    # Reading

    def _read(self) -> None:
        with self.lock:
            self._reading += 1
            self._publish()
        try:
            self._look()
        finally:
            with self.lock:
                self._reading -= 1
                self._publish()

    def _ask_for_updates(self) -> None:
        """Ask the hub along the way: that it cannot be reached is no news to somebody who looks at their own disk."""
        updates.check(inventory.entries(downloads_folder=True))
        self._look()

    def _look(self) -> None:
        """Read the folders and what is remembered; every library of this process shows what has changed."""
        found = inventory.entries(downloads_folder=True)
        known = shelf.remember(found, self.services)
        for library in (self, *(other for other in tuple(_libraries) if other is not self)):
            with library.lock:
                library._entries, library._remembered, library._read_at = found, known, time.time()
                library._publish()

    def _view(self) -> dict[str, Any]:
        order = [row["id"] for row in self._shown.get("rows", ())]
        return {
            "id": self.id,
            **shelf.view(self._entries, self._remembered, self._jobs.values(), self.services, order),
            "read_at": self._read_at,
            "reading": self._reading > 0,
            "plan": None if self._plan is None else shelf.plan_view(self._plan),
            "jobs": [job.view() for job in self._jobs.values()],
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
                    logging.getLogger(__name__).exception("An observer of a library failed")

    def _unobserve(self, observer: Observer) -> None:
        with self.lock:
            if observer in self._observers:
                self._observers.remove(observer)

    # Work

    def _named(self, models: str | Iterable[str]) -> list[Entry]:
        """The entries of these ids, as they are now."""
        self._look()
        known = {entry.model.id: entry for entry in self._entries}
        ids = [models] if isinstance(models, str) else list(dict.fromkeys(models))
        for model in ids:
            if model not in known:
                raise inventory.not_found(model, known)
        return [known[model] for model in ids]

    def _start(
        self,
        kind: Any,
        models: str | Iterable[str],
        work: Callable[[Entry, Job[Any]], Any],
        gate: threading.Lock | None = None,
    ) -> Jobs[Any]:
        """One job a model, each with its entry; a model whose job of this kind still runs gets no second."""
        entries = self._named(models)
        with self.lock:
            running = {job.model: job for job in self._jobs.values() if job.kind == kind and job.status == "running"}
            jobs = []
            for entry in entries:
                job = running.get(entry.model.id)
                jobs.append(job or self._run(Job(kind, entry.model.id, partial(work, entry), self._job_changed), gate))
        return Jobs(jobs)

    def _run(self, job: Job[Any], gate: threading.Lock | None = None) -> Job[Any]:
        with self.lock:
            self._jobs[job.id] = job
            job.start(gate)
            self._publish()
        return job

    def _job_changed(self, job: Job[Any]) -> None:
        if job.status != "running":
            if job.kind == "verify" or job.status == "cancelled":
                with self.lock:  # its row tells what came of it
                    if job.status != "failed":
                        self._jobs.pop(job.id, None)
            self._look()
        self._publish()

    def _stop(self, job: str) -> None:
        with self.lock:
            known = self._jobs.get(job)
        if known is not None:
            known.stop()

    def _waiting(self, plan: str) -> Plan:
        with self.lock:
            if self._plan is None or self._plan.id != plan:
                raise StateError("That plan is no longer the one that waits.", next_step="Plan again.")
            return self._plan

    def _behind(self, work: Callable[[], object]) -> None:
        """Do it on a thread; what goes wrong is said in the view."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                with self.lock:
                    self._notice = describe(error)
                    self._publish()

        threading.Thread(target=run, name=f"library-{self.id}", daemon=True).start()


def library() -> Library:
    """What is on this disk: sizes, duplicates, use; verify, import, update, quantize, delete from here.

        wb.library()                         # the table and its picture
        lib = wb.library()
        lib.rows                             # the same as dicts; lib.to_frame() as a frame
        lib.execute(lib.plan_delete("org/model"))

    Every call gives the one library of this process: what is done in one cell is seen in all.
    """
    return default()


@cache
def default() -> Library:
    """The library of this process, made on first use."""
    return Library()


def _told_by(library: Library) -> Callable[[Any], None]:
    """An observer of the downloads that does not keep the library alive: a finished one is read at once."""
    alive = weakref.ref(library)

    def told(op: list[Any]) -> None:
        found = alive()
        if found is not None and op[0] == "row" and op[1]["status"] in ("starting", "done", "failed", "cancelled"):
            found._behind(found._look)

    return told


def _watch(alive: weakref.ref[Library]) -> None:
    """Look for changes from outside while somebody observes."""
    pause = LOOK_EVERY_S
    while True:
        time.sleep(pause)
        library = alive()
        if library is None:
            return
        with library.lock:
            if not library._observers:
                library._watching = False
                return
        began = time.monotonic()
        try:
            library._look()
        except Exception:
            logging.getLogger(__name__).exception("The library could not be read")
        pause = max(LOOK_EVERY_S, (time.monotonic() - began) / _IDLE_SHARE)
        del library
