"""Settings carried from one machine to another: what goes into the file, and what becomes of it there. Knows no disk.

Carried are the default model, the fallback, the download limits, the idle time-out, presets, prompts, and endpoints
without their keys. Not carried is what is true of one machine, or is one person's leave: model folders, the memory
budget, the servers allowed, not being asked before sending, and whether chats are kept.

Merging (the usual):
    a single value    that of the file, if it sets one
    a preset, prompt  added; one of the same name is replaced, and the report says what it was
    an endpoint       added; with the name and the address of one that is here, its model is taken and its key here
                      stays; with the name of one at another address, it gets a new name
Replacing: what the file does not hold goes back to its default (a single value), or goes away (the others).

An imported endpoint takes no key from here: a file from elsewhere could send it to a stranger's address.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from workbench.store import settings_text
from workbench.store.settings_values import EndpointSettings, Settings

T = TypeVar("T")

SINGLE = ("default_model", "fallback", "use_fallback", "at_once", "connections", "idle_timeout")
HERE = ("model_folders", "memory_budget", "allowed", "ask_before_sending", "keep_history")
"""Fields that stay on their machine."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, a sentence each."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """With what was there before."""
    removed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """What the file holds and was not taken."""
    to_do: tuple[str, ...] = ()
    """What the person has to do: keys to be given again."""

    @property
    def report(self) -> str:
        """All of it, line by line."""
        return "\n".join((*self.added, *self.changed, *self.removed, *self.left_out, *self.to_do)) or "Nothing changed."

    def __repr__(self) -> str:
        return self.report


def exported(settings: Settings) -> str:
    """The text of a file that carries these settings."""
    default = Settings()
    fields = {
        field: value
        for field, value in msgspec.structs.asdict(settings).items()
        if field not in HERE and value != getattr(default, field)
    }
    head = "# Settings of the workbench, to carry to another machine: wb.settings() imports them. It holds no keys.\n"
    return settings_text.changed(head, fields)


def merged(mine: Settings, theirs: Settings, *, merge: bool) -> tuple[dict[str, Any], Imported]:
    """The fields to change, and the report."""
    default = Settings()
    lines: dict[str, list[str]] = {kind: [] for kind in Imported.__struct_fields__}
    fields: dict[str, Any] = {}
    for field in SINGLE:
        old, new = getattr(mine, field), getattr(theirs, field)
        if new != old and not (merge and new == getattr(default, field)):
            fields[field] = new
            lines["changed"].append(f"{field} is {_word(new)}; it was {_word(old)}.")
    for field in HERE:
        if getattr(theirs, field) not in (getattr(default, field), getattr(mine, field)):
            lines["left_out"].append(f"{field} was left out: each machine has its own.")
    fields["presets"] = _named("preset", mine.presets, theirs.presets, merge, lines)
    fields["prompts"] = _named("prompt", mine.prompts, theirs.prompts, merge, lines)
    fields["endpoints"] = _endpoints(mine, theirs, merge, lines)
    return fields, Imported(**{kind: tuple(said) for kind, said in lines.items()})


def _named(
    kind: str, mine: dict[str, T], theirs: dict[str, T], merge: bool, lines: dict[str, list[str]]
) -> dict[str, T]:
    """The presets or prompts there are afterwards."""
    found = dict(mine)
    for name, value in theirs.items():
        if name not in found:
            lines["added"].append(f"The {kind} {name} was added.")
        elif found[name] != value:
            lines["changed"].append(f"The {kind} {name} was replaced; it was {_words(found[name])}.")
        found[name] = value
    if not merge:
        for name in [name for name in found if name not in theirs]:
            lines["removed"].append(f"The {kind} {name} was removed; it was {_words(found.pop(name))}.")
    return found


def _endpoints(
    mine: Settings, theirs: Settings, merge: bool, lines: dict[str, list[str]]
) -> tuple[EndpointSettings, ...]:
    found = {endpoint.name: endpoint for endpoint in mine.endpoints}
    taken = set[str]()
    for endpoint in theirs.endpoints:
        same = found.get(endpoint.name)
        if same is not None and same.url == endpoint.url:
            taken.add(endpoint.name)
            found[endpoint.name] = msgspec.structs.replace(
                same, model=endpoint.model or same.model, preset=endpoint.preset or same.preset
            )
            if found[endpoint.name].model != same.model:
                lines["changed"].append(f"The model of {same.name} is {endpoint.model}; it was {same.model or 'none'}.")
            continue
        name = endpoint.name
        if same is not None and any(other.url == endpoint.url for other in found.values()):
            continue  # it came under a new name the last time
        if same is not None and not merge:
            lines["removed"].append(f"The endpoint {name} at {same.url} was replaced.")
        elif same is not None:
            name = next(free for n in range(2, 10**6) if (free := f"{name}-{n}") not in found)
        variable = endpoint.key.startswith("env:")
        found[name] = msgspec.structs.replace(endpoint, name=name, key="none" if variable else endpoint.key)
        taken.add(name)
        lines["added"].append(f"The endpoint {name} at {endpoint.url} was added.")
        if variable:
            words = f'{name} took its key from {endpoint.key[4:]}; to do so here, write key = "{endpoint.key}" for it'
            lines["to_do"].append(f"{words} in settings.toml.")
        elif endpoint.key != "none":
            lines["to_do"].append(
                f"{name} needs its key: wb.connect({endpoint.url!r}, name={name!r}, key=..., save=True)."
            )
    if not merge:
        for name in [name for name in found if name not in taken]:
            lines["removed"].append(f"The endpoint {name} at {found.pop(name).url} was removed.")
    return tuple(found.values())


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={option!r}" for key, option in value.items()) or "empty"
    return repr(value)


def _word(value: object) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
