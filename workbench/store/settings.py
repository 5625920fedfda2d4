"""The settings: what a person chose once, for every kernel. Knows no service, no model, and no key.

    CONFIG/settings.toml    see `workbench.store.settings_text.FRESH` for what a fresh one says

A variable of the environment is stronger than the file, and is never written into it:

    WORKBENCH_DEFAULT_MODEL        default_model; WORKBENCH_MODEL is its older name
    WORKBENCH_FALLBACK             fallback
    WORKBENCH_USE_FALLBACK         use_fallback: 1, true, yes, on; 0, false, no, off
    WORKBENCH_ASK_BEFORE_SENDING   ask_before_sending, likewise
    WORKBENCH_ALLOWED              allowed, between commas
    WORKBENCH_MODEL_FOLDERS        model_folders, between colons (semicolons on Windows)
    WORKBENCH_AT_ONCE              at_once
    WORKBENCH_CONNECTIONS          connections
    WORKBENCH_MEMORY               memory_budget: 16GB, 12 GiB, or bytes
    WORKBENCH_IDLE_TIMEOUT         idle_timeout: seconds, or never
    WORKBENCH_KEEP_HISTORY         keep_history: 1, true, yes, on; 0, false, no, off

One that is empty counts as not set; one that cannot be is told among the `notes` and is not used. A broken file is
told by `problem`; the values it had before hold on.
"""

from __future__ import annotations

import difflib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from workbench.errors import FolderError, UsageError
from workbench.options import GenerationOptions, make_options
from workbench.store import paths, settings_merge, settings_text
from workbench.store.settings_file import Reading, SettingsFile, checked_change, replaced
from workbench.store.settings_merge import Imported
from workbench.store.settings_text import Problem
from workbench.store.settings_values import EndpointSettings, Settings

__all__ = [
    "VARIABLES",
    "EndpointSettings",
    "Imported",
    "Problem",
    "Settings",
    "change",
    "create",
    "drop_preset",
    "drop_prompt",
    "edit",
    "export",
    "get",
    "import_",
    "notes",
    "observe",
    "overridden",
    "path",
    "preset",
    "problem",
    "prompt",
    "put_preset",
    "put_prompt",
]

VARIABLES = {
    "WORKBENCH_MODEL": "default_model",
    "WORKBENCH_DEFAULT_MODEL": "default_model",
    "WORKBENCH_FALLBACK": "fallback",
    "WORKBENCH_USE_FALLBACK": "use_fallback",
    "WORKBENCH_ASK_BEFORE_SENDING": "ask_before_sending",
    "WORKBENCH_ALLOWED": "allowed",
    "WORKBENCH_MODEL_FOLDERS": "model_folders",
    "WORKBENCH_AT_ONCE": "at_once",
    "WORKBENCH_CONNECTIONS": "connections",
    "WORKBENCH_MEMORY": "memory_budget",
    "WORKBENCH_IDLE_TIMEOUT": "idle_timeout",
    "WORKBENCH_KEEP_HISTORY": "keep_history",
}
"""The field that each variable decides; of two for one field the later."""
_FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

_PLACES = ("WORKBENCH_HOME", "HOME", "XDG_CONFIG_HOME")
"""The variables that move the file."""

T = TypeVar("T")

_lock = threading.Lock()
_files: dict[tuple[str | None, ...], SettingsFile] = {}
_observers: list[Callable[[Settings], None]] = []
_seen: Settings | None = None
_Effective: TypeAlias = tuple[Settings, tuple[Problem, ...], dict[str, str]]
_last: tuple[Reading, tuple[str | None, ...], _Effective] | None = None


def get() -> Settings:
    """The settings as they hold now. Never raises, and is cheap: the file is read again only when it changed."""
    global _seen
    found = _effective(_file().read())[0]
    with _lock:
        before, _seen = _seen, found
        told = tuple(_observers) if before is not None and before != found else ()
    if told:  # the caller may hold a lock that an observer wants
        threading.Thread(target=_tell, args=(told, found), name="workbench settings", daemon=True).start()
    return found


def change(**fields: Any) -> Settings:
    """Set fields of `Settings`, in the file and at once; a list or table is replaced whole. The settings afterwards.

    Raises `UsageError` on a field or value that cannot be, and `FolderError` when the file cannot be written: then
    the change lives for this session.
    """
    return edit(lambda _: fields)


def edit(ask: Callable[[Settings], dict[str, Any]]) -> Settings:
    """Set the fields that `ask` returns for the settings of the file as they are now, with no other kernel between:

        edit(lambda now: {"allowed": (*now.allowed, "https://api.openai.com")})

    `ask` may be called twice. Raises as `change`.
    """
    global _seen
    try:
        _file().edit(ask)
    finally:
        found = _effective(_file().read())[0]
        with _lock:
            changed, _seen = found != _seen, found
            told = tuple(_observers) if changed else ()
        _tell(told, found)
    return found


def path() -> Path:
    """Where the settings file is, or will be; see `create`."""
    try:
        return paths.config_dir() / "settings.toml"
    except OSError as error:  # the folder cannot be made: nothing is there, and writing says why
        return Path(error.filename or "workbench") / "settings.toml"


def create() -> Path:
    """The settings file, made with every default as a comment if there is none. Raises `FolderError`."""
    _file().create()
    return path()


def problem() -> Problem | None:
    """Why the file cannot be used as it is, and the line; ``None`` when it can."""
    return _file().read().problem


def notes() -> tuple[Problem, ...]:
    """What is kept but not used: unknown names in the file, variables that cannot be."""
    reading = _file().read()
    return reading.notes + _effective(reading)[1]


def overridden() -> dict[str, str]:
    """The fields that a variable of the environment decides now: its name by field."""
    return _effective(_file().read())[2]


def observe(observer: Callable[[Settings], None]) -> Callable[[], None]:
    """Tell of every change that this process makes or notices; returns what ends it.

    A change by another kernel or an editor is noticed at the next `get`, and told on a thread of its own.
    """
    get()
    with _lock:
        _observers.append(observer)

    def end() -> None:
        with _lock:
            if observer in _observers:
                _observers.remove(observer)

    return end


# Presets and prompts


def preset(name: str) -> GenerationOptions:
    """The generation options of a preset. Raises `UsageError`, which names the nearest."""
    return make_options(**_named("preset", get().presets, name))


def put_preset(name: str, options: GenerationOptions) -> None:
    """Keep generation options under a name; one of that name before is replaced. Raises as `change`."""
    edit(lambda now: {"presets": {**now.presets, name: options.given()}})


def drop_preset(name: str) -> None:
    """Forget a preset. Raises as `preset` and `change`."""
    preset(name)
    edit(lambda now: {"presets": {other: given for other, given in now.presets.items() if other != name}})


def prompt(name: str) -> str:
    """The text of a prompt, its variables still in braces. Raises `UsageError`, which names the nearest."""
    return _named("prompt", get().prompts, name)


def put_prompt(name: str, text: str) -> None:
    """Keep a prompt under a name; one of that name before is replaced. Raises as `change`."""
    edit(lambda now: {"prompts": {**now.prompts, name: text}})


def drop_prompt(name: str) -> None:
    """Forget a prompt. Raises as `prompt` and `change`."""
    prompt(name)
    edit(lambda now: {"prompts": {other: text for other, text in now.prompts.items() if other != name}})


def _named(kind: str, found: dict[str, T], name: str) -> T:
    if name not in found:
        near = difflib.get_close_matches(name, found, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(found) or 'none yet'}."
        raise UsageError(f"There is no {kind} {name!r}.", next_step=hint)
    return found[name]


# From one machine to another


def export(file: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the settings into a file for another machine: no key, and nothing that is true only here. Where it went.

    A folder gets ``workbench-settings.toml``. Raises `FolderError`: it is there already, or cannot be written.
    """
    target = Path(os.path.abspath(Path(file).expanduser()))
    target = target / "workbench-settings.toml" if target.is_dir() else target
    if target.exists() and not overwrite:
        raise FolderError(f"{target} is there already.", next_step="Choose another name, or pass overwrite=True.")
    try:
        replaced(target, settings_merge.exported(_file().read().settings))
    except OSError as error:
        raise FolderError(f"{target} cannot be written: {(error.strerror or str(error)).lower()}.") from None
    return target


def import_(file: str | os.PathLike[str], *, merge: bool = True) -> Imported:
    """Take in settings that `export` wrote, by the rules of `workbench.store.settings_merge`; what came of it.

    Raises `FolderError`: it cannot be read (the line is named), or the settings cannot be written.
    """
    source = Path(os.path.abspath(Path(file).expanduser()))
    try:
        theirs, strange = settings_text.read(settings_text.text_of(source.read_bytes()))
    except OSError as error:
        raise FolderError(f"{source} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except settings_text.Unreadable as error:
        raise FolderError(f"{source.name}, {error.problem}", next_step="Correct it, then import it again.") from None
    reports: list[Imported] = []

    def ask(now: Settings) -> dict[str, Any]:
        fields, report = settings_merge.merged(now, theirs, merge=merge)
        reports.append(report)
        return fields

    edit(ask)
    left = tuple(f"{note.message.partition(';')[0]}." for note in strange)
    return msgspec.structs.replace(reports[-1], left_out=reports[-1].left_out + left)


def _file() -> SettingsFile:
    place = tuple(map(os.environ.get, _PLACES))
    with _lock:
        known = _files.get(place)
        if known is None:
            try:
                copy = paths.cache_dir() / "settings.good.json"
            except OSError:
                copy = None
            known = _files[place] = SettingsFile(path(), copy)
        return known


def _effective(reading: Reading) -> _Effective:
    """The settings with the environment on top, the variables that cannot be, and those that count, by field."""
    global _last
    said = tuple(map(os.environ.get, VARIABLES))
    last = _last
    if last is None or last[0] is not reading or last[1] != said:
        last = _last = reading, said, _with_variables(reading)
    return last[2]


def _with_variables(reading: Reading) -> _Effective:
    fields: dict[str, Any] = {}
    wrong: list[Problem] = []
    names: dict[str, str] = {}
    for variable, field in VARIABLES.items():
        text = os.environ.get(variable, "").strip()
        if not text:
            continue
        try:
            fields[field] = checked_change(field, _from_text(field, text))
            names[field] = variable
        except UsageError as error:
            wrong.append(Problem(None, f"{variable} is not used: {error.message}"))
    found = msgspec.structs.replace(reading.settings, **fields) if fields else reading.settings
    return found, tuple(wrong), names


def _from_text(field: str, text: str) -> Any:
    """The text of a variable as plain data; what does not fit stays text, and is refused with its own words."""
    if field in ("use_fallback", "ask_before_sending", "keep_history"):
        return _FLAGS.get(text.lower(), text)
    if field == "allowed":
        return [origin.strip() for origin in text.split(",") if origin.strip()]
    if field == "model_folders":
        return [folder for folder in text.split(os.pathsep) if folder]
    if field in ("at_once", "connections", "idle_timeout"):
        try:
            return int(text) if field != "idle_timeout" else float(text)
        except ValueError:
            return text
    return text


def _tell(observers: tuple[Callable[[Settings], None], ...], found: Settings) -> None:
    for observer in observers:
        try:
            observer(found)
        except Exception:
            logging.getLogger(__name__).exception("An observer of the settings failed.")
