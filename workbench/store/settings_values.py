"""What can be set: the values, and what each of them may be. Knows no file and no environment.

Plain data, as TOML gives it, has the shape

    default_model = "..."        and the other single values and lists
    [downloads]                  at_once, connections
    [[endpoints]]                name, url, model, preset, key
    [presets.NAME]               fields of `workbench.options.GenerationOptions`
    [prompts]                    NAME = "text"
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import msgspec

from workbench.errors import OptionError, UsageError
from workbench.options import GenerationOptions, make_options
from workbench.store.sizes import parse_size

Where: TypeAlias = tuple[str | int, ...]
"""Where a value stands in plain data: ``("endpoints", 1, "url")``."""
NEVER = "never"
"""How the file says that an idle model is kept."""
LONGEST_PROMPT = 20_000
"""In characters."""
LONGEST_PROMPT_LINE = 4_500
"""In bytes; in the file each may be written as two."""
_SECRET = re.compile(r"key|token|secret|password|passwd|sig", re.IGNORECASE)


class EndpointSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A server that is there from the start. Its key is never here, only where it is kept."""

    name: str
    """What its model ids start with."""
    url: str
    """Base URL."""
    model: str | None = None
    """Name of the model to use when none is named; ``None`` for the first it offers."""
    preset: str | None = None
    """The kind of server: ``"ollama"``, ``"openai"``, ...; ``None`` when nobody said."""
    key: str = "none"
    """``"keyring"``, ``"session"``, ``"none"``, or ``"env:NAME"`` for a variable of the environment."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be set, each with its default."""

    default_model: str | None = None
    """Id of the model that answers when none is named; ``None`` for the one that ships."""
    fallback: str | None = "builtin"
    """Id of the model that answers when the chosen one cannot; ``None`` for no one."""
    use_fallback: bool = True
    """Whether the fallback answers at all; if not, there is an error instead."""
    ask_before_sending: bool = True
    """Whether the first prompt that would leave this machine waits for a yes."""
    allowed: tuple[str, ...] = ()
    """Origins that prompts may go to without asking: ``"https://api.openai.com"``."""
    model_folders: tuple[str, ...] = ()
    """Folders with models, besides those known anyway."""
    at_once: int = 2
    """Models downloaded at once."""
    connections: int = 12
    """Connections of all downloads together."""
    memory_budget: int | None = None
    """Bytes that loaded models may hold together; ``None`` for what the machine allows."""
    idle_timeout: float | None = 900.0
    """Seconds after which an unused model is unloaded; ``None`` keeps it."""
    keep_history: bool = True
    """Whether chats are kept on this machine at all."""
    presets: dict[str, dict[str, Any]] = {}
    """Generation options by the name of the preset, only those that are set."""
    prompts: dict[str, str] = {}
    """Prompt templates by name; ``{variables}`` stand in braces."""
    endpoints: tuple[EndpointSettings, ...] = ()


class Wrong(ValueError):  # it reads as what it is: a wrong value
    """A value that cannot be, and where it stands."""

    def __init__(self, message: str, where: Where = ()) -> None:
        super().__init__(message)
        self.message = message
        self.where = where


def checked(data: dict[str, Any]) -> Settings:
    """The settings of plain data; what is not known is left out. Raises `Wrong`."""
    fields = {}
    for field, where in PLACES.items():
        value = _at(data, where)
        if value is not None:
            fields[field] = checked_field(field, value)
    return Settings(**fields)


def checked_field(field: str, value: object) -> Any:
    """The value of one field from plain data, as `Settings` holds it. Raises `Wrong`."""
    try:
        return _CHECKS[field](str(PLACES[field][-1]), value)
    except Wrong as wrong:
        raise Wrong(wrong.message, PLACES[field] + wrong.where) from None


def plain(field: str, value: Any) -> Any:
    """The value of one field as plain data; ``None`` when it is not written at all."""
    if field == "idle_timeout":
        return NEVER if value is None else int(value) if value == int(value) else value
    if field == "memory_budget" and value:
        units = {"GB": 10**9, "GiB": 2**30}
        return next((f"{value // size}{unit}" for unit, size in units.items() if value % size == 0), value)
    if field == "fallback":
        return value or ""
    if field == "endpoints":
        return [_endpoint_data(endpoint) for endpoint in value] or None
    if field == "presets":
        return {name: _listed(options) for name, options in value.items()} or None
    if field == "prompts":
        return value or None
    return list(value) if isinstance(value, tuple) else value


def plain_data(settings: Settings) -> dict[str, Any]:
    """Settings as plain data, only what differs from the defaults."""
    data: dict[str, Any] = {}
    for field, default in msgspec.structs.asdict(Settings()).items():
        value = getattr(settings, field)
        if value != default:
            *tables, key = PLACES[field]
            table = data
            for name in tables:
                table = table.setdefault(str(name), {})
            table[str(key)] = plain(field, value)
    return {key: value for key, value in data.items() if value is not None}


def unknown(data: dict[str, Any]) -> Iterator[tuple[Where, str]]:
    """What stands in plain data and is no setting: where, and a sentence."""
    top = {where[0] for where in PLACES.values()}
    yield from _strange(data, (), top, "setting")
    yield from _strange(data.get("downloads"), ("downloads",), {"at_once", "connections"}, "setting of downloads")
    endpoints = data.get("endpoints")
    for number, endpoint in enumerate(endpoints if isinstance(endpoints, list) else ()):
        known = set(EndpointSettings.__struct_fields__)
        yield from _strange(endpoint, ("endpoints", number), known, "setting of an endpoint")
    presets = data.get("presets")
    for name, options in (presets if isinstance(presets, dict) else {}).items():
        yield from _strange(options, ("presets", name), set(GenerationOptions.__struct_fields__), "generation option")


def _strange(table: object, where: Where, known: set[Any], kind: str) -> Iterator[tuple[Where, str]]:
    for key in table if isinstance(table, dict) else ():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            if _SECRET.search(key) and where[:1] == ("endpoints",):
                hint = " A key never belongs in this file: take it out."
            yield (*where, key), f"{_short(key)} is no {kind}; it is kept, and nothing reads it.{hint}"


# What each value may be


def _model(name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not value.isprintable() or value != value.strip() or len(value) > 500:
        raise Wrong(f'{name} must be a model id, such as "builtin" or "ollama:llama3", not {_short(value)}.')
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"{name} must be true or false, not {_short(value)}.")
    return value


def _whole(low: int, high: int) -> Callable[[str, object], int]:
    def check(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Wrong(f"{name} must be a whole number from {low} to {high}, not {_short(value)}.")
        return value

    return check


def _size(name: str, value: object) -> int | None:
    if value is None:
        return None
    try:
        size = parse_size(value) if isinstance(value, str) else value
    except (UsageError, OverflowError):
        size = None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < 2**63:
        raise Wrong(f'{name} must be a number of bytes or a size such as "16GB", not {_short(value)}.')
    return size


def _seconds(name: str, value: object) -> float | None:
    if value is None or value == NEVER:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 1 <= value <= 10**9:  # type: ignore[operator]  # it is a number
        raise Wrong(f'{name} must be a number of seconds from 1, or "{NEVER}", not {_short(value)}.')
    return float(value)  # type: ignore[arg-type]  # as well


def _list(name: str, value: object) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise Wrong(f"{name} must be a list, in square brackets, not {_short(value)}.")
    return value


def _origins(name: str, value: object) -> tuple[str, ...]:
    found = []
    for number, origin in enumerate(_list(name, value)):
        parts = _url_parts(origin)
        if parts is None or parts.path.strip("/") or parts.query or "@" in parts.netloc:
            message = f'{name} must hold addresses without a path, such as "https://api.openai.com".'
            raise Wrong(message, (number,))
        found.append(f"{parts.scheme}://{parts.netloc.lower()}")
    return tuple(dict.fromkeys(found))


def _folders(name: str, value: object) -> tuple[str, ...]:
    for number, folder in enumerate(_list(name, value)):
        if not isinstance(folder, str) or (
            not folder.startswith(("/", "~")) and not re.match(r"[A-Za-z]:[\\/]", folder)
        ):
            raise Wrong(f"{name} must hold whole paths of folders, not {_short(folder)}.", (number,))
        if "\0" in folder:
            raise Wrong(f"{name} holds a path that no folder has.", (number,))
    return tuple(dict.fromkeys(_list(name, value)))


def _endpoints(name: str, value: object) -> tuple[EndpointSettings, ...]:
    found: dict[str, EndpointSettings] = {}
    for number, data in enumerate(_list(name, value)):
        if not isinstance(data, dict):
            raise Wrong("An endpoint must be a table with a name and a url.", (number,))
        try:
            endpoint = _endpoint(data)
        except Wrong as wrong:
            raise Wrong(wrong.message, (number, *wrong.where)) from None
        if endpoint.name in found:
            raise Wrong(f"There are two endpoints named {endpoint.name!r}; one needs another name.", (number, "name"))
        found[endpoint.name] = endpoint
    return tuple(found.values())


def _endpoint(data: dict[str, Any]) -> EndpointSettings:
    for needed in ("name", "url"):
        if needed not in data:
            raise Wrong(f"An endpoint lacks its {needed}.")
    name = data["name"]
    if not isinstance(name, str) or not name.isprintable() or not name or name in ("local", "builtin"):
        raise Wrong('The name of an endpoint must be a word other than "local" and "builtin".', ("name",))
    if any(c in "/\\:" or c.isspace() for c in name):
        raise Wrong(f'The name of an endpoint holds no "/", ":" and spaces: {_short(name)} cannot be one.', ("name",))
    texts = {}
    for field in ("model", "preset"):
        text = data.get(field)
        if text is not None and (not isinstance(text, str) or not text.isprintable()):
            raise Wrong(f"{field} of the endpoint {name} must be a text, not {_short(text)}.", (field,))
        texts[field] = text or None
    key = data.get("key") or "none"
    if key not in ("keyring", "session", "none") and not _is_variable(key):  # what stands there may be a key
        raise Wrong(
            f'key of the endpoint {name} must be "keyring", "session", "none" or "env:NAME". A key itself never '
            "belongs in this file: take it out, and give it with wb.connect(url, key=..., save=True).",
            ("key",),
        )
    return EndpointSettings(name=name, url=_url(name, data["url"]), key=key, **texts)


def _url(name: str, value: object) -> str:
    parts = _url_parts(value)
    if parts is None:
        raise Wrong(
            f"url of the endpoint {name} must be an address such as http://localhost:11434/v1, not {_short(value)}.",
            ("url",),
        )
    if "@" in parts.netloc or any(_SECRET.search(key) for key, _ in parse_qsl(parts.query, keep_blank_values=True)):
        message = f"url of the endpoint {name} holds a password or key, which never belongs in this file: take it out."
        raise Wrong(message, ("url",))
    return str(value)


def _url_parts(value: object) -> Any:
    """The parts of a web address, ``None`` of anything else."""
    if not isinstance(value, str) or not value.isprintable() or " " in value or len(value) > 2000:
        return None
    try:
        parts = urlsplit(value)
        return parts if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _is_variable(key: object) -> bool:
    return isinstance(key, str) and re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", key) is not None


def _presets(name: str, value: object) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise Wrong(f"{name} must be tables, each [presets.NAME] with its options.")
    found = {}
    for title, given in value.items():
        _check_title("preset", title)
        if not isinstance(given, dict):
            raise Wrong(f"The preset {title} must be a table of generation options.", (title,))
        options: dict[str, Any] = {}
        for key, option in given.items():
            if key in GenerationOptions.__struct_fields__ and option is not None:
                try:
                    options |= make_options(**{key: option}).given()
                except (OptionError, TypeError) as error:
                    told = isinstance(error, OptionError) and len(error.message) < 200
                    words = str(error) if told else f"{key} cannot be {_short(option)}."
                    raise Wrong(f"In the preset {title}: {words}", (title, key)) from None
                if isinstance(option, bool) != (key == "thinking"):
                    raise Wrong(f"In the preset {title}: {key} cannot be {_short(option)}.", (title, key))
        found[title] = options
    return found


def _prompts(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Wrong(f'{name} must be a table, [prompts] with NAME = "text" in it.')
    found = {}
    for title, text in value.items():
        _check_title("prompt", title)
        if not isinstance(text, str) or not text.strip():
            raise Wrong(f"The prompt {title} must be a text, not {_short(text)}.", (title,))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", text):
            raise Wrong(f"The prompt {title} holds characters that are no text.", (title,))
        if len(text) > LONGEST_PROMPT or any(len(line.encode()) > LONGEST_PROMPT_LINE for line in text.split("\n")):
            limits = f"{LONGEST_PROMPT:,} characters, and a line of it {LONGEST_PROMPT_LINE:,} bytes"
            raise Wrong(f"The prompt {title} is too long: it may have {limits}.", (title,))
        found[title] = text
    return found


def _check_title(kind: str, title: object) -> None:
    if not isinstance(title, str) or not title.isprintable() or not title.strip() or len(title) > 100:
        raise Wrong(f"A {kind} cannot be named {_short(title)}.", (str(title),))


def _endpoint_data(endpoint: EndpointSettings) -> dict[str, str]:
    given = msgspec.structs.asdict(endpoint)
    return {field: value for field, value in given.items() if value is not None and (field, value) != ("key", "none")}


def _listed(options: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}


def _short(value: object) -> str:
    """A value in a sentence, not too long."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
    except ValueError:  # an integer of thousands of digits
        text = "such a number"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _at(data: dict[str, Any], where: Where) -> Any:
    found: Any = data
    for key in where:
        if not isinstance(found, dict):
            raise Wrong(f"{where[0]} must be a table.", (where[0],))
        found = found.get(str(key))
        if found is None:
            return None
    return found


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "default_model": _model,
    "fallback": _model,
    "use_fallback": _flag,
    "ask_before_sending": _flag,
    "allowed": _origins,
    "model_folders": _folders,
    "at_once": _whole(1, 8),
    "connections": _whole(1, 64),
    "memory_budget": _size,
    "idle_timeout": _seconds,
    "keep_history": _flag,
    "presets": _presets,
    "prompts": _prompts,
    "endpoints": _endpoints,
}
PLACES: dict[str, Where] = {field: (field,) for field in _CHECKS} | {
    "at_once": ("downloads", "at_once"),
    "connections": ("downloads", "connections"),
}
"""Where each field stands in plain data."""
