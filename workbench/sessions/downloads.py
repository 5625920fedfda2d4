"""The downloads of this process: start, watch, pause, resume, cancel. It knows no widget and no HTTP."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, overload

from workbench.commands import (
    Ack,
    CancelDownload,
    ChatWith,
    ClearFinished,
    DownloadsCommand,
    PauseDownload,
    ResumeDownload,
)
from workbench.errors import StateError, WorkbenchError, describe
from workbench.manager import inventory
from workbench.manager.downloader import Downloader
from workbench.manager.job import Job
from workbench.messages import new_id
from workbench.model import ModelInfo
from workbench.sessions import download_rows
from workbench.transfer import Progress

Op = list[Any]
Observer = Callable[[Op], None]

TICK_S = 0.1
"""Between two looks at what is running: observers hear of it ten times a second."""


class Download:
    """One model on its way to this machine. `download` makes it; displaying it draws its row.

    d = wb.download("mlx-community/Qwen3-4B-4bit")
    d.progress.percent, d.progress.speed
    d.pause()
    d.resume()
    model = d.result()
    """

    def __init__(self, downloads: Downloads, job: Job) -> None:
        self._downloads = downloads
        self._job = job

    @property
    def id(self) -> str:
        """Of this download."""
        return self._job.id

    @property
    def model(self) -> str:
        """The model id it was asked for."""
        return self._job.model

    @property
    def lock(self) -> threading.RLock:
        """Held while observers are told."""
        return self._downloads.lock

    @property
    def progress(self) -> Progress:
        """How far it is, now."""
        return self._downloads._progress(self._job)

    @property
    def status(self) -> str:
        """Where it is: one of `workbench.transfer.DownloadStatus`."""
        return self._job.status

    @property
    def done(self) -> bool:
        """Whether the model is here, verified."""
        return self._job.status == "done"

    @property
    def error(self) -> WorkbenchError | None:
        """Why it failed."""
        return self._job.error

    def pause(self) -> None:
        """Stop fetching; every byte that came stays."""
        self._downloads._do(lambda queue: queue.pause(self._job))

    def resume(self) -> None:
        """Go on where it stopped: after a pause, a failure or a cancel."""
        self._downloads._do(lambda queue: queue.resume(self._job))

    retry = resume

    def cancel(self) -> None:
        """Give it up; what arrived stays, and another try goes on from there."""
        self._downloads._do(lambda queue: queue.cancel(self._job))

    def result(self, timeout: float | None = None) -> ModelInfo:
        """Wait for the model.

        Raises what went wrong, `DownloadCancelledError`, `StateError` when it is paused, and `TimeoutError` after
        `timeout` seconds (the download goes on). An interrupt pauses it; every byte is kept.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while not self._job.ended.wait(0.2 if deadline is None else max(0, min(0.2, deadline - time.monotonic()))):
                if deadline is not None and time.monotonic() >= deadline:
                    raise TimeoutError(f"{self.model} is not here after {timeout:g} s: {self!r}")
        except KeyboardInterrupt:
            self.pause()
            print(f"Paused: {self!r}. .resume() goes on.")
            raise
        status, error = self._job.status, self._job.error
        if status == "done":
            return inventory.find(self._job.found)
        if error is not None:
            raise error.info.to_error()
        raise StateError(f"The download of {self.model} is {status}.", next_step="Its .resume() goes on.")

    def view(self) -> dict[str, Any]:
        """What its widget draws: the view of `Downloads` with this row only."""
        with self.lock:
            row = self._downloads._row(self._job)
            return {
                "id": self.id,
                "rows": [row],
                **download_rows.summary([row], self._downloads._free()),
                "notice": None,
            }

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change of this download, as an operation on `view`; returns what ends it."""

        def mine(op: Op) -> None:
            if op[0] == "row" and op[1]["id"] == self.id:
                observer(op)
                observer(["state", download_rows.summary([op[1]], self._downloads._free())])

        return self._downloads.observe(mine)

    def perform(self, command: DownloadsCommand) -> Ack:
        """Do what a front end asks; "all" means this one."""
        if isinstance(command, (PauseDownload, ResumeDownload)) and command.download is None:
            command = type(command)(id=command.id, download=self.id)
        return self._downloads.perform(command)

    def html(self) -> str:
        """A line of HTML for a notebook without a kernel."""
        return download_rows.html_copy(self.id, [self.progress])

    def __repr__(self) -> str:
        return f"<Download {download_rows.line(self.progress)}>"

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)


class Downloads:
    """All downloads of this process, in the order they were asked for. `default` gives the one everybody shares.

    Those that an earlier kernel did not finish are there too, paused.
    """

    def __init__(self, queue: Downloader | None = None) -> None:
        self.id = new_id()
        self.lock = threading.RLock()
        """Held while the state changes and while observers are told."""
        self._queue = queue or Downloader()
        self._made: dict[str, Download] = {}
        self._observers: list[Observer] = []
        self._rows: dict[str, dict[str, Any]] = {}
        self._state: dict[str, Any] = {}
        self._watcher: threading.Thread | None = None
        self._space: tuple[float, int | None] = (-1e9, None)

    # What a program does

    def start(self, model: str) -> Download:
        """Download a model; returns at once. One that is on its way already is that same download, resumed.

        Raises `UsageError` for what is no id of the hub; what goes wrong later is the download's `error`.
        """
        job: list[Job] = []
        self._do(lambda queue: job.append(queue.add(model)))
        return self._of(job[0])

    def get(self, model: str) -> Download | None:
        """The newest download of a model id, or of an id of a download; ``None`` when there is none."""
        jobs = [job for job in self._queue.jobs if model in (job.model, job.id)]
        return self._of(jobs[-1]) if jobs else None

    def pause_all(self) -> None:
        """Pause what is running or waiting."""
        self._do(lambda queue: queue.pause_all())

    def resume_all(self) -> None:
        """Go on with all that are paused."""
        self._do(lambda queue: queue.resume_all())

    def clear_finished(self) -> None:
        """Take what is done, failed or cancelled off the list; its bytes stay."""
        self._do(lambda queue: queue.clear())

    def __iter__(self) -> Iterator[Download]:
        return iter([self._of(job) for job in self._queue.jobs])

    def __len__(self) -> int:
        return len(self._queue.jobs)

    def __getitem__(self, index: int) -> Download:
        return self._of(self._queue.jobs[index])

    # What a screen does

    def view(self) -> dict[str, Any]:
        """The whole state, as JSON-ready values."""
        with self.lock:
            rows = [self._row(job) for job in self._queue.jobs]
            return {
                "id": self.id,
                "rows": rows,
                **download_rows.summary(rows, self._free()),
                "notice": None,
            }

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, under `lock`, as an operation on `view`; returns what ends it."""
        with self.lock:
            self._observers.append(observer)
        self._watch()

        def end() -> None:
            with self.lock:
                if observer in self._observers:
                    self._observers.remove(observer)

        return end

    def perform(self, command: DownloadsCommand) -> Ack:
        """Do what a front end asks: answers at once, never raises."""
        try:
            self._perform(command)
        except Exception as error:
            return Ack(id=command.id, ok=False, error=describe(error))
        return Ack(id=command.id, ok=True)

    def html(self) -> str:
        """A copy for a notebook without a kernel."""
        return download_rows.html_copy(self.id, [self._progress(job) for job in self._queue.jobs])

    def __repr__(self) -> str:
        lines = [download_rows.line(self._progress(job)) for job in self._queue.jobs]
        return "\n".join(["<Downloads", *(f"  {text}" for text in lines)]) + ">" if lines else "<Downloads: none>"

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)

    # Inside

    def _perform(self, command: DownloadsCommand) -> None:
        match command:
            case PauseDownload(download=None):
                self.pause_all()
            case ResumeDownload(download=None):
                self.resume_all()
            case PauseDownload(download=str(id)):
                self._known(id).pause()
            case ResumeDownload(download=str(id)):
                self._known(id).resume()
            case CancelDownload(download=id):
                self._known(id).cancel()
            case ClearFinished():
                self.clear_finished()
            case ChatWith(model=model):
                from workbench.services import registry

                found = self.get(model)
                registry.default().use(found._job.found if found else model)

    def _known(self, id: str) -> Download:
        found = self.get(id)
        if found is None:
            raise StateError("This download is no longer on the list.", next_step="Download the model again.")
        return found

    def _of(self, job: Job) -> Download:
        with self.lock:
            return self._made.setdefault(job.id, Download(self, job))

    def _do(self, change: Callable[[Downloader], Any]) -> None:
        """Change the queue, tell of it, and watch what runs."""
        change(self._queue)
        self._tell()
        self._watch()

    def _progress(self, job: Job) -> Progress:
        return job.progress(self._queue.position(job))

    def _row(self, job: Job) -> dict[str, Any]:
        return download_rows.row(self._progress(job), job.plan.format if job.plan else None, job.quantization)

    def _tell(self) -> None:
        """Tell observers of every row that changed since the last time, and of the sums."""
        with self.lock:
            rows = {job.id: self._row(job) for job in self._queue.jobs}
            for id in [id for id in self._rows if id not in rows]:
                self._emit(["drop", id])
                self._made.pop(id, None)
            for id, row in rows.items():
                if row != self._rows.get(id):
                    self._emit(["row", row])
            self._rows = rows
            state = download_rows.summary(rows.values(), self._free())
            if state != self._state:
                self._state = state
                self._emit(["state", state])

    def _emit(self, op: Op) -> None:
        for observer in list(self._observers):
            observer(op)

    def _watch(self) -> None:
        """Have a thread that tells of progress while something runs."""
        with self.lock:
            if self._watcher is None and any(not job.ended.is_set() for job in self._queue.jobs):
                self._watcher = threading.Thread(target=self._watching, name="downloads", daemon=True)
                self._watcher.start()

    def _watching(self) -> None:
        while True:
            time.sleep(TICK_S)
            with self.lock:
                busy = any(not job.ended.is_set() for job in self._queue.jobs)
                self._tell()
                if not busy:
                    self._watcher = None
                    return

    def _free(self) -> int | None:
        """Bytes free on the cache's disk, looked up once a second; ``None`` when it cannot be told."""
        now = time.monotonic()
        if now - self._space[0] > 1:
            self._space = (now, _free_bytes())
        return self._space[1]


_shared: Downloads | None = None
_sharing = threading.Lock()


def default() -> Downloads:
    """The downloads of this process."""
    global _shared
    with _sharing:
        if _shared is None:
            _shared = Downloads()
        return _shared


@overload
def download(model: str, *, wait: bool = False) -> Download: ...
@overload
def download(model: list[str], *, wait: bool = False) -> list[Download]: ...
def download(model: str | list[str], *, wait: bool = False) -> Download | list[Download]:
    """Download a model of the hub into the Hugging Face cache: only what an engine here needs, verified.

        wb.download("mlx-community/Qwen3-4B-4bit")              # a folder for MLX
        wb.download("bartowski/Qwen3-4B-GGUF:Q5_K_M")           # one quantization; without it Q4_K_M
        wb.download("org/repo@a1b2c3d")                         # one revision
        wb.download(["org/one", "org/two"])                     # a list, in that order

    Returns at once, or with `wait` when it is here (then it raises what went wrong). What an earlier try left is not
    fetched again. Raises `UsageError` for what is no id of the hub.
    """
    if not isinstance(model, list | tuple):
        started = default().start(model)
        if wait:
            started.result()
        return started
    several = [default().start(one) for one in model]
    if wait:
        for one in several:
            one.result()
    return several


def downloads() -> Downloads:
    """All downloads: those of this kernel, and those that an earlier one did not finish."""
    return default()


def is_available(model: str) -> bool:
    """Whether a model is on this machine, whole: no network is asked."""
    try:
        inventory.find(model)
    except WorkbenchError:
        return False
    return True


def _free_bytes() -> int | None:
    folder = inventory.cache_root()
    while not folder.exists():
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
