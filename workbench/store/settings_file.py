"""The settings file on the disk: read when it changed, rewritten whole, by several kernels at once. Knows no variable.

CONFIG/settings.toml         what the person may edit
CONFIG/settings.lock         held while it is rewritten: two kernels at once lose nothing
CACHE/settings.good.json     the values that were last read without an error, by any kernel
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from workbench.errors import FolderError, UsageError
from workbench.store import settings_text
from workbench.store.settings_text import Problem, Unreadable
from workbench.store.settings_values import PLACES, Settings, Wrong, checked, checked_field, plain_data

LOCK_SECONDS = 10.0
"""How long to wait for another kernel that is writing."""
_TICK = 20_000_000
"""Nanoseconds within which two changes may have the same time: a file as young as this is read again."""
_SAVING = 1_000_000_000
"""Nanoseconds for which a file that was just emptied is taken for one that an editor is saving."""


class Reading(msgspec.Struct, frozen=True):
    """What the file said when it was last read."""

    settings: Settings
    """Its values; while it is broken those it had before. Changes that could not be written are on top."""
    problem: Problem | None = None
    """Why the file cannot be used as it is."""
    notes: tuple[Problem, ...] = ()
    """What stands in it and is no setting."""


class SettingsFile:
    """One settings file. Safe to call from several threads."""

    def __init__(self, path: Path, copy: Path | None) -> None:
        self.path = path
        self._copy = copy
        self._lock = threading.Lock()
        self._editing = threading.Lock()
        self._reading = Reading(Settings())
        self._stamp: tuple[int, int, int] | None = None
        self._settled = False
        self._good: Settings | None = None
        self._unwritten: dict[str, Any] = {}
        """Fields that were changed and could not be written: they live as long as this process."""

    def read(self) -> Reading:
        """What it says, read again only when it changed: a call of ``stat`` otherwise."""
        with self._lock:
            stamp = _stamp(self.path)
            if stamp and self._stamp and not stamp[1] and self._stamp[1] and time.time_ns() - stamp[0] < _SAVING:
                return self._reading
            if not self._settled or stamp != self._stamp:
                self._stamp = stamp
                self._settled = stamp is None or time.time_ns() - stamp[0] > _TICK
                self._reading = self._load()
            return self._reading

    def edit(self, change: Callable[[Settings], dict[str, Any]]) -> Settings:
        """Set the fields that `change` returns for the settings as they are now; the settings afterwards.

        No other kernel writes meanwhile. Raises `UsageError` on a field or value that cannot be, and `FolderError`
        when the file cannot be written: then the change lives as long as this process.
        """
        with self._editing:
            fields: dict[str, Any] = {}
            unwritten = self._unwritten
            try:
                with self._held():
                    fields = self._asked(change)
                    self._write(self._unwritten | fields)
                    unwritten = {}
            except (OSError, Unreadable, UnicodeEncodeError) as error:
                unwritten = self._unwritten | (fields or self._asked(change))
                step = "Make room and allow writing there, or set WORKBENCH_HOME to another folder."
                raise FolderError(
                    f"The settings were not saved: {self._why(error)} The change holds for this session only.",
                    next_step=f"Correct {self.path}." if isinstance(error, Unreadable) else step,
                ) from None
            finally:
                with self._lock:
                    self._unwritten, self._settled = unwritten, False
            return self.read().settings

    def create(self) -> None:
        """Write the file with every default as a comment, if there is none. Raises `FolderError`."""
        try:
            with self._editing, self._held():
                if not self.path.exists():
                    replaced(self.path, settings_text.FRESH)
        except OSError as error:
            raise FolderError(f"The settings cannot be written: {self._why(error)}") from None

    def _asked(self, change: Callable[[Settings], dict[str, Any]]) -> dict[str, Any]:
        """The fields that are to change, checked. Raises `UsageError`."""
        now = self.read()
        fields = {field: checked_change(field, value) for field, value in change(now.settings).items()}
        # What is as it was need not be written, unless it may be what is wrong with the file.
        return {field: value for field, value in fields.items() if now.problem or value != getattr(now.settings, field)}

    def _write(self, fields: dict[str, Any]) -> None:
        if not fields:
            return
        try:
            text = settings_text.text_of(self.path.read_bytes())
        except FileNotFoundError:
            text = settings_text.FRESH
        text = settings_text.changed(text, fields)
        settings_text.read(settings_text.text_of(text.encode()))
        replaced(self.path, text)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        import filelock

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self.path.with_suffix(".lock"), timeout=LOCK_SECONDS, poll_interval=0.01):
            yield

    def _load(self) -> Reading:
        try:
            found, notes = settings_text.read(settings_text.text_of(self.path.read_bytes()))
            problem = None
            self._good = found
            self._keep(found)
        except (FileNotFoundError, NotADirectoryError):
            found, notes, problem = Settings(), (), None
        except (OSError, Unreadable) as error:
            found, notes = self._good or self._kept() or Settings(), ()
            problem = error.problem if isinstance(error, Unreadable) else Problem(None, self._why(error))
        return Reading(msgspec.structs.replace(found, **self._unwritten), problem, notes)

    def _keep(self, found: Settings) -> None:
        """Leave a copy of good values for a kernel that starts while the file is broken."""
        if self._copy is not None and self._kept() != found:
            with contextlib.suppress(OSError, UnicodeEncodeError):  # it is only a copy
                replaced(self._copy, msgspec.json.encode(plain_data(found)).decode())

    def _kept(self) -> Settings | None:
        if self._copy is None:
            return None
        try:
            return checked(msgspec.json.decode(self._copy.read_bytes(), type=dict[str, Any]))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, Wrong):
            return None

    def _why(self, error: Exception) -> str:
        if isinstance(error, Unreadable):
            return f"{self.path.name}, {error.problem}" if error.problem.line else str(error.problem)
        if isinstance(error, TimeoutError):
            return f"another kernel has been writing {self.path.name} for {LOCK_SECONDS:g} s."
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return f"{self.path}: {words[:1].lower()}{words[1:]}."


def checked_change(field: str, value: object) -> Any:
    """A new value of a field, as `Settings` holds it. Raises `UsageError`."""
    if field not in PLACES:
        raise UsageError(f"There is no setting {field!r}.", next_step=f"There are: {', '.join(PLACES)}.")
    try:
        return checked_field(field, msgspec.to_builtins(value))
    except Wrong as wrong:
        raise UsageError(wrong.message) from None
    except (TypeError, ValueError):
        raise UsageError(f"{field} cannot be a {type(value).__name__}.") from None


def replaced(path: Path, text: str) -> None:
    """Put a text in the place of a file, whole or not at all; a link stays one. Raises `OSError`."""
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):  # there was none, or its mode cannot be given
            shutil.copymode(target, draft)
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_ctime_ns, facts.st_size, facts.st_ino
