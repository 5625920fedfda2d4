"""One file on its way into the cache: claimed, fetched in pieces by any thread, hashed as it comes, verified, kept.

Only one process at a time fetches a file: it holds the lock that the hub's own client takes too. Another one that
wants the same file reads how far it is, and goes on with it should the first one die. It knows no queue.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

from workbench.errors import ChecksumError, WorkbenchError
from workbench.manager import pieces as parts
from workbench.manager.hub import HubFile
from workbench.manager.pieces import Pieces
from workbench.manager.repo_cache import RepoCache, etag
from workbench.manager.source import NoRangesError, Source, StoppedError, Wire
from workbench.transfer import FileProgress, FileStatus

LOOK_AGAIN_S = 0.2
"""Between two looks at a file that another process fetches."""
BUFFER = 1 << 20


class FileTransfer:
    """One file of a download. `take` and `fetch` are for as many threads as one likes."""

    def __init__(self, cache: RepoCache, file: HubFile, wire: Wire, source: Source) -> None:
        self.file = file
        self.following = False
        """Whether another process fetches it."""
        self.finished = False
        """Whether it is verified and kept."""
        self.error: Exception | None = None
        self._etag = etag(file)
        self._cache = cache
        self._wire = wire
        self._source = source
        self._part = cache.part(self._etag)
        self._changed = threading.Condition()
        self._pieces: Pieces | None = None
        self._waiting: deque[int] = deque()
        self._fetching = 0
        self._streaming = False
        self._repairing = False
        self._compared = 0
        self._verifying = threading.Lock()
        self._lock: Any = None
        self._look_at = 0.0
        self._seen = 0
        self._hasher: threading.Thread | None = None

    @property
    def done(self) -> int:
        """Bytes here."""
        if self.finished:
            return self.file.size
        pieces = self._pieces
        return self._seen if pieces is None else pieces.total

    @property
    def progress(self) -> FileProgress:
        """How far it is; the speed is for others to measure."""
        return FileProgress(
            path=self.file.path, size=self.file.size, done=self.done, status=self._status, parts=max(1, self._fetching)
        )

    def look(self) -> None:
        """See what is here already, without claiming it."""
        if self._cache.has(self.file):
            self.finished = True
        elif (known := parts.read(self._cache.pieces(self._etag), self.file.size)) is not None:
            self._seen = sum(known[1])

    def taken(self) -> bool:
        """Whether another process is fetching it now."""
        if self.finished or not (path := self._cache.lock(self._etag)).exists():
            return False
        lock = _try_lock(path)
        if lock is not None:
            lock.release()
        return lock is None

    def claim(self) -> bool:
        """Make it ours to fetch; ``False`` while another process has it. Once it is ours or finished, ``True``."""
        if self.finished or self._pieces is not None:
            return True
        if time.monotonic() < self._look_at:
            return False
        if self._cache.has(self.file):
            self.finished, self.following = True, False
            return True
        self._lock = _try_lock(self._cache.lock(self._etag))
        if self._lock is None:
            self.following = True
            self.look()
            self._look_at = time.monotonic() + LOOK_AGAIN_S
            return self.finished
        self.following = False
        journal = self._cache.pieces(self._etag)
        if self._cache.has(self.file):  # finished between the look and the lock
            self.finished = True
            self.release()
            return True
        if not self._part.exists() or self._part.stat().st_size != self.file.size:
            journal.unlink(missing_ok=True)
            with self._part.open("wb") as fresh:
                fresh.truncate(self.file.size)
        self._pieces = Pieces(journal, self.file.size)
        self._waiting.extend(i for i in range(len(self._pieces)) if not self._pieces.complete(i))
        if len(self._pieces) != 1 or not self._waiting:
            self._hasher = threading.Thread(target=self._hash_behind, name=f"hash-{self._etag[:8]}", daemon=True)
            self._hasher.start()
        return True

    def take(self) -> int | None:
        """A piece for the caller to fetch; ``None`` when there is none to give out now."""
        with self._changed:
            if not self._waiting or self.finished or self.error is not None:
                return None
            self._fetching += 1
            return self._waiting.popleft()

    def fetch(self, index: int) -> None:
        """Fetch a piece that `take` gave out. What goes wrong is `error`; the piece keeps what came."""
        try:
            if self._repairing:
                self._fetch_again(index)
            else:
                self._fetch(index)
        except StoppedError:
            pass
        except NoRangesError:
            self._fail(self._start_over())
        except (WorkbenchError, OSError) as error:
            self._fail(error)
        finally:
            with self._changed:
                self._fetching -= 1
                self._changed.notify_all()

    def release(self) -> None:
        """Let go of it, finished or not; every byte that came stays. No thread may be in `fetch`."""
        with self._changed:
            self._changed.notify_all()
        if self._hasher is not None:
            self._hasher.join()
            self._hasher = None
        if self._pieces is not None:
            self._pieces.close()
            self._seen = self._pieces.total
            self._pieces = None
        if self._lock is None:
            return
        if self.finished:
            self._part.unlink(missing_ok=True)
            self._cache.pieces(self._etag).unlink(missing_ok=True)
        self._lock.release()
        self._lock = None

    @property
    def idle(self) -> bool:
        """Whether it is finished and no thread is in `fetch`: it can be let go of."""
        with self._changed:
            return self.finished and not self._fetching

    @property
    def _status(self) -> FileStatus:
        if self.finished:
            return "done"
        if self.error is not None:
            return "failed"
        if self._pieces is None and not self.following:
            return "waiting"
        return "verifying" if self.done == self.file.size else "downloading"

    @property
    def _open(self) -> Pieces:
        assert self._pieces is not None
        return self._pieces

    # Fetching

    def _fetch(self, index: int) -> None:
        pieces = self._open
        try:
            with self._part.open("r+b", buffering=0) as out:
                at = pieces.start(index) + pieces.done[index]
                out.seek(at)
                self._receive(out, index, at, pieces.stop(index))
        except NoRangesError:
            self._stream()
        else:
            self._complete()

    def _receive(self, out: BinaryIO, index: int, at: int, stop: int) -> None:
        """Write what comes for one piece, and count it."""
        done, start = self._open.done, self._open.start(index)
        for data in self._source.read(at, stop):
            _write(out, data)
            at += len(data)
            done[index] = max(done[index], at - start)

    def _stream(self) -> None:
        """Fetch all of the file on one connection, for a server that knows no ranges."""
        with self._changed:
            self._waiting.clear()
            if self._streaming:
                return
            self._streaming = True
        pieces = self._open
        at = pieces.reach(0)
        with self._part.open("r+b", buffering=0) as out:
            out.seek(at)
            for data in self._source.read(at, self.file.size, whole=True):
                _write(out, data)
                while data:
                    index = at // pieces.piece
                    taken = data[: pieces.stop(index) - at]
                    at += len(taken)
                    pieces.done[index] = max(pieces.done[index], at - pieces.start(index))
                    data = data[len(taken) :]
                    if pieces.complete(index):
                        self._complete()

    def _complete(self) -> None:
        """A piece is complete: the hasher goes on, or a file of one piece is verified here."""
        with self._changed:
            self._changed.notify_all()
        if self._hasher is None and self._open.total == self.file.size:
            self._verify(self._hash())

    # Verifying

    def _hash_behind(self) -> None:
        """Hash what is complete while the rest still comes, then verify. On a thread of its own."""
        try:
            self._verify(self._hash())
        except StoppedError:
            pass
        except (WorkbenchError, OSError) as error:
            self._fail(error)

    def _hash(self) -> str:
        """The file's hash, as the hub names it; waits for bytes that are still to come. Raises `StoppedError`."""
        digest = hashlib.sha256() if self.file.sha256 else hashlib.sha1(b"blob %d\0" % self.file.size)
        pieces, at, ready = self._open, 0, 0
        buffer = memoryview(bytearray(BUFFER))
        with self._part.open("rb", buffering=0) as file:
            while at < self.file.size:
                with self._changed:
                    while (ready := pieces.reach(at // pieces.piece)) <= at and not self._halted:
                        self._changed.wait()
                if self._halted:
                    raise StoppedError
                while at < ready:
                    count = file.readinto(buffer[: min(BUFFER, ready - at)]) or 0
                    digest.update(buffer[:count])
                    at += count
        return digest.hexdigest()

    @property
    def _halted(self) -> bool:
        return self._wire.stopped or self.error is not None

    def _verify(self, found: str) -> None:
        """Keep the file if its hash is the one promised, else fetch it again where it differs."""
        if found == self._etag:
            self._keep()
        elif not self._repairing:
            with self._changed:
                self._repairing = True
                self._waiting.extend(range(len(self._open)))
            self._wire.note(f"{self.file.path} arrived damaged: looking for the place")
        elif self._compared == len(self._open):
            raise ChecksumError(
                f"{self.file.path} does not match its {'SHA-256' if self.file.sha256 else 'hash'}: "
                "the server sent other bytes than the hub promises, twice.",
                next_step="Try again later: all of it is compared again. Or take the model from somebody else.",
                details=f"Promised {self._etag}, arrived {found}.",
            )

    def _fetch_again(self, index: int) -> None:
        """Compare a piece with what the server sends now, and write what differs; then look at the hash again.

        A hash tells that bytes are wrong, not which: pieces are compared one after another until the hash is right.
        """
        pieces, differs = self._open, False
        at = pieces.start(index)
        with self._part.open("r+b", buffering=0) as file:
            for data in self._source.read(at, pieces.stop(index)):
                if self.finished:  # another piece was the damaged one
                    return
                file.seek(at)
                if file.read(len(data)) != data:
                    file.seek(at)
                    _write(file, data)
                    differs = True
                at += len(data)
        with self._verifying:
            self._compared += 1
            if not self.finished and (differs or self._compared == len(pieces)):
                self._verify(self._hash())

    def _start_over(self) -> ChecksumError:
        """It arrived damaged, and the server sends no parts of it to compare: the next try fetches all of it."""
        for index in range(len(self._open)):
            self._open.done[index] = 0
        return ChecksumError(
            f"{self.file.path} arrived damaged, and the server does not send parts of it.",
            next_step="Download again: this file is fetched from its start.",
        )

    def _keep(self) -> None:
        """It is what it should be: give it its name."""
        os.replace(self._part, self._cache.blob(self._etag))
        with self._changed:
            self.finished = True
            self._waiting.clear()
            self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self.error = self.error or error
            self._changed.notify_all()


def _try_lock(path: Path) -> Any:
    """A lock held, or ``None`` when another process or another download holds it."""
    import filelock

    for kind in (filelock.FileLock, filelock.SoftFileLock):
        lock = kind(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
            return lock
        except filelock.Timeout:
            return None
        except NotImplementedError:  # a file system without locks
            continue
    return None


def _write(out: BinaryIO, data: bytes) -> None:
    """Write all of it; a disk that fills up may take a part."""
    written = out.write(data)
    while written < len(data):
        written += out.write(data[written:])
