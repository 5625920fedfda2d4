"""One download: what a model needs, fetched into the cache by several threads, verified, then shown. Knows no queue.

    queued -> starting -> downloading -> verifying -> done
                 |             |             |
                 +-------------+-------------+--> paused, failed, cancelled (each can be started again)

Whatever ends it, the bytes that came stay, and the next start goes on where they end.
"""

from __future__ import annotations

import errno
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from workbench.errors import (
    DiskFullError,
    DownloadCancelledError,
    DownloadError,
    ErrorInfo,
    HubError,
    OfflineError,
    UsageError,
    WorkbenchError,
    describe,
)
from workbench.manager import choose, hub, inventory, query, unfinished
from workbench.manager.file_transfer import FileTransfer
from workbench.manager.repo_cache import RepoCache
from workbench.manager.source import Patience, Source, StoppedError, Wire
from workbench.manager.speed import Speed
from workbench.manager.unfinished import Plan
from workbench.messages import new_id
from workbench.transfer import DownloadStatus, FileProgress, Progress

MARGIN = 64 << 20
"""Bytes of the disk that are left free."""
_ID = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[^:]+))?(:(?P<quantization>[\w.-]+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ACTIVE = ("starting", "downloading", "verifying")


class Job:
    """A download of one model. Raises `UsageError` for what is no id of the hub.

    `run` does the work on the caller's thread; every other method may be called from any thread at any time.
    """

    def __init__(self, model: str, *, plan: Plan | None = None, patience: Patience | None = None) -> None:
        parsed = _ID.fullmatch(_id(model.strip())) if isinstance(model, str) else None
        if parsed is None:
            raise UsageError(
                f"{model!r} is no id of a model on the hub.", next_step="It looks like mlx-community/Qwen3-4B-4bit."
            )
        self.id = plan.id if plan else new_id()
        self.model = parsed[0]
        self.repo = parsed["repo"]
        self.connections: Callable[[], int] = lambda: 16
        """How many connections it may have now."""
        self.reserved: Callable[[], int] = lambda: 0
        """Bytes that others will still write to the same disk."""
        self.plan = plan
        self.ended = threading.Event()
        """Set while nothing more will come by itself: done, failed, cancelled or paused."""
        self._revision = parsed["revision"]
        self._quantization = parsed["quantization"]
        self._patience = patience or Patience()
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._status: DownloadStatus = "queued"
        self._wanted: DownloadStatus | None = None
        self._again = False
        self._wire = Wire(self._patience, self._note)
        self._files: list[FileTransfer] = []
        self._workers = 0
        self._error: WorkbenchError | None = None
        self._message = ""
        self._path: Path | None = None
        self._kept: int | None = None
        self._speed = Speed()
        self._file_speeds: dict[str, Speed] = {}
        self._spent = 0.0
        self._since: float | None = None
        if plan is not None:
            self._status = "paused"
            self.ended.set()
            self._open()
            if any(file.taken() for file in self._files):
                self._message = "another notebook is downloading it"

    # What others see

    @property
    def status(self) -> DownloadStatus:
        """Where it is; a pause or a cancel shows at once, though the last byte may still be on its way."""
        with self._lock:
            return "queued" if self._again else self._wanted or self._status

    @property
    def error(self) -> WorkbenchError | None:
        """Why it failed."""
        return self._error

    @property
    def quantization(self) -> str | None:
        """Of its GGUF files: the one chosen, or asked for."""
        return self.plan.quantization if self.plan else self._quantization

    @property
    def found(self) -> str:
        """The id under which what was fetched is found on this machine."""
        repo = self.model.partition(":")[0]
        return f"{repo}:{self.quantization}" if self.quantization else repo

    @property
    def left(self) -> int:
        """Bytes still to come; 0 while unknown."""
        return sum(file.file.size - file.done for file in self._files)

    def progress(self, position: int | None = None) -> Progress:
        """How far it is, now; `position` is its place in the queue."""
        now = time.monotonic()
        with self._lock:
            status = self.status
            files = tuple(self._file_progress(file, now) for file in self._files)
            done = sum(file.done for file in files)
            total = self.plan.size if self.plan else None
            moving = status in _ACTIVE
            speed = self._speed.at(now, done) if moving else None
            left = (total - done) / speed if total is not None and speed else None
            if status == "downloading" and total == done:
                status = "verifying"
            return Progress(
                id=self.id,
                model=self.model,
                status=status,
                done=done,
                total=total,
                speed=speed,
                seconds_left=left,
                elapsed=self._spent + (now - self._since if self._since is not None else 0.0),
                kept=self._kept or 0,
                position=position,
                shared=moving and any(file.following for file in self._files),
                files=files,
                revision=self.plan.commit if self.plan else None,
                path=str(self._path) if self._path else None,
                error=self._info,
                note=self._message,
            )

    @property
    def _info(self) -> ErrorInfo | None:
        return self._error.info if self._error is not None else None

    def _file_progress(self, file: FileTransfer, now: float) -> FileProgress:
        seen = file.progress
        speed = None
        if seen.status == "downloading" and self._wanted is None:
            speed = self._file_speeds.setdefault(seen.path, Speed()).at(now, seen.done)
        return FileProgress(
            path=seen.path, size=seen.size, done=seen.done, status=seen.status, speed=speed, parts=seen.parts
        )

    # What others ask

    def queue(self) -> None:
        """Let it wait to be started again; one that is still breaking off waits when it has."""
        with self._lock:
            self.ended.clear()
            self._error, self._message = None, ""
            self._again = self._status in _ACTIVE
            if not self._again:
                self._status = "queued"
                self._wire = Wire(self._patience, self._note)

    def stop(self, status: DownloadStatus) -> None:
        """Break it off: it is ``"paused"`` or ``"cancelled"`` from now on. One that is done stays so."""
        with self._lock:
            if self._status == "done":
                return
            running = self._status in _ACTIVE
            self._again = False
            if running:
                self._wanted = status
                self._wire.stop()
            else:
                self._status = status
                if status == "cancelled":
                    self._error = DownloadCancelledError(f"The download of {self.model} was cancelled.")
            self._message = ""
            self._wake.notify_all()
        if status == "cancelled" and not running:
            unfinished.forget(self.id)
        if not running:
            self.ended.set()

    # The work

    def run(self) -> None:
        """Fetch the model; returns when it is done, failed, paused or cancelled. Raises nothing."""
        with self._lock:
            if self._status != "queued":
                return
            self._status, self._since = "starting", time.monotonic()
            self._speed.clear()
            self._file_speeds.clear()
        status: DownloadStatus = "done"
        error: WorkbenchError | None = None
        try:
            self._fetch()
        except StoppedError:
            status = "paused"
        except WorkbenchError as failure:
            status, error = "failed", failure
        except OSError as failure:
            status, error = "failed", self._of_the_disk(failure)
        except Exception as failure:
            status, error = "failed", describe(failure).to_error()
        with self._lock:
            if status != "done" and self._wanted is not None:
                status, error = self._wanted, None
            if status == "cancelled":
                error = DownloadCancelledError(f"The download of {self.model} was cancelled.")
            self._status, self._wanted, self._error, self._message = status, None, error, ""
            if self._since is not None:
                self._spent += time.monotonic() - self._since
                self._since = None
            if status in ("done", "cancelled"):
                unfinished.forget(self.id)
            if self._again and status != "done":
                self._again = False
                self.queue()
                return
            self._again = False
            self.ended.set()

    def _fetch(self) -> None:
        try:
            if self.plan is None:
                self.plan = self._planned()
        except HubError:
            if self._is_here():
                return
            raise
        self._open()
        cache = RepoCache(Path(self.plan.root), self.repo)
        self._check_room(cache)
        cache.prepare()
        unfinished.remember(self.plan)
        with self._lock:
            self._status = "downloading"
        self._transfer()
        snapshot = cache.publish(self.plan.files, self.plan.commit, self.plan.reference)
        self._path = snapshot / self.plan.files[0].path if self.plan.format == "gguf" else snapshot

    def _planned(self) -> Plan:
        """Ask the hub, once: the commit is fixed from now on."""
        found = self._asked()
        chosen = choose.needed(found.files, self._quantization)
        named_by_commit = self._revision is not None and _COMMIT.fullmatch(self._revision) is not None
        return Plan(
            id=self.id,
            model=self.model,
            repo=self.repo,
            commit=found.sha,
            reference=None if named_by_commit else self._revision or "main",
            root=str(inventory.cache_root()),
            format=chosen.format,
            quantization=chosen.quantization,
            files=tuple(sorted(chosen.files, key=lambda file: (file.size > 16 << 20, file.path))),
            begun=time.time(),
        )

    def _asked(self) -> hub.HubRepo:
        """What the hub lists. A failure of its own, or its wish for a pause, is put up with as a file's is."""
        wait = self._patience.wait
        for _ in range(self._patience.tries - 1):
            try:
                found = hub.info(self.repo, self._revision)
            except HubError as error:
                if isinstance(error, OfflineError) or not error.retryable:
                    raise
                self._note(f"{error.message.rstrip('.')}; trying again")
                self._wire.sleep(max(wait, min(error.wait or 0, self._patience.server_wait)))
                wait = min(2 * wait, self._patience.longest_wait)
            else:
                self._note("")
                return found
        return hub.info(self.repo, self._revision)

    def _is_here(self) -> bool:
        """Whether all of it was downloaded before, so that no hub is needed."""
        try:
            found = inventory.find(self.model)
        except WorkbenchError:
            return False
        self._path = Path(found.path) if found.path else None
        return True

    def _open(self) -> None:
        """See which bytes are here."""
        assert self.plan is not None
        cache = RepoCache(Path(self.plan.root), self.repo)
        files = []
        for file in self.plan.files:
            source = Source(self._wire, self.repo, self.plan.commit, file.path, file.size)
            transfer = FileTransfer(cache, file, self._wire, source)
            transfer.look()
            files.append(transfer)
        with self._lock:
            self._files = files
            if self._kept is None:
                self._kept = sum(file.done for file in files)

    def _check_room(self, cache: RepoCache) -> None:
        folder = cache.root
        while not folder.exists():
            folder = folder.parent
        missing = self.left + self.reserved() + MARGIN - shutil.disk_usage(folder).free
        if self.left and missing > 0:
            raise DiskFullError(
                f"There is not enough room for {self.model}: {_gb(self.left)} are still to come, "
                f"and {_gb(missing)} are missing on the disk of {folder}."
            )

    def _transfer(self) -> None:
        """Have threads fetch pieces until every file is verified."""
        try:
            while not all(file.finished for file in self._files):
                for file in self._files:
                    if file.error is not None:
                        raise file.error
                    if file.idle:
                        file.release()
                if self._wire.stopped:
                    raise StoppedError
                self._hire()
                with self._wake:
                    self._wake.wait(0.1)
        except BaseException:
            self._wire.stop()
            raise
        finally:
            with self._wake:
                while self._workers:
                    self._wake.wait()
            for file in self._files:
                file.release()

    def _hire(self) -> None:
        """Start threads while there are pieces to fetch and connections to fetch them with."""
        while self._workers < self.connections() and (work := self._next()) is not None:
            with self._lock:
                self._workers += 1
            threading.Thread(target=self._work, args=work, name=f"download-{self.id[:6]}", daemon=True).start()

    def _next(self) -> tuple[FileTransfer, int] | None:
        """A piece to fetch: of the first file that has one."""
        with self._lock:
            for file in self._files:
                if file.claim() and (piece := file.take()) is not None:
                    return file, piece
            return None

    def _work(self, file: FileTransfer, piece: int) -> None:
        try:
            while True:
                file.fetch(piece)
                if self._wire.stopped or file.error is not None or self._workers > self.connections():
                    return
                work = self._next()
                if work is None:
                    return
                file, piece = work
        except Exception as error:
            file.error = file.error or error
        finally:
            with self._wake:
                self._workers -= 1
                self._wake.notify_all()

    def _of_the_disk(self, error: OSError) -> WorkbenchError:
        if error.errno in _FULL:
            return DiskFullError(
                f"The disk is full: {_gb(self.left)} of {self.model} are still missing. What arrived is kept."
            )
        return DownloadError(f"A file could not be written: {error.strerror or error}.", details=str(error))

    def _note(self, text: str) -> None:
        self._message = text


def _id(text: str) -> str:
    """The id that was given, or that a pasted address of the hub leads to."""
    if "://" not in text and not text.startswith(("huggingface.co/", "hf.co/")):
        return text
    asked = query.make(text)
    revision = f"@{asked.revision}" if asked.revision else ""
    quantization = f":{asked.quantization[0]}" if asked.quantization else ""
    return f"{asked.exact}{revision}{quantization}" if asked.exact else text


def _gb(count: int) -> str:
    """Bytes for a person."""
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{max(1, count // 1000)} KB"
