"""The settings as rows, words, text and plain HTML: what a screen draws and a notebook saves. It sees no key."""

from __future__ import annotations

import html as escape_html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workbench.errors import WorkbenchError
from workbench.manager import folders
from workbench.model import ModelInfo
from workbench.services import presets
from workbench.services.address import is_here, place
from workbench.services.probe import STEPS, Step
from workbench.store import settings as store

if TYPE_CHECKING:
    from workbench.services.discover import Found
    from workbench.services.registry import Listing, Server

VALUES = (
    "default_model",
    "fallback",
    "use_fallback",
    "ask_before_sending",
    "keep_history",
    "at_once",
    "connections",
    "memory_budget",
    "idle_timeout",
)
"""Fields that are set as they are; the lists have verbs of their own."""
NO_KEY = "no key"
_TROUBLE = {
    "ConnectionFailedError": "does not answer",
    "ServiceTimeoutError": "does not answer in time",
    "AuthenticationError": "key missing or refused",
    "RateLimitError": "too many requests",
    "BadResponseError": "not an OpenAI-compatible server",
    "ServerFailedError": "answers with an error",
}
"""A server's last error in a few words, by its kind."""
_MARKS = {True: "+", False: "x", None: "-"}


class Test:
    """A test of a server: the steps so far, and what is left."""

    __test__ = False  # pytest collects it otherwise

    def __init__(self) -> None:
        self.running = True
        self.steps: list[Step] = []

    def view(self) -> dict[str, Any]:
        """As JSON-ready values."""
        tried = [step for step in self.steps if step.ok is not None]
        return {
            "running": self.running,
            "steps": [{"name": s.name, "ok": s.ok, "message": s.message, "next_step": s.next_step} for s in tried],
            "left": list(STEPS[len(tried) :]),
            "summary": _summary(tried) if not self.running else "",
        }


def servers(listing: Listing | None, tests: dict[str, Test], found: list[Found] | None) -> dict[str, Any]:
    """The part of the view that tells of servers; without a listing there is none yet."""
    known = listing.servers if listing else ()
    others = None if found is None else found_rows(found, (s.name for s in known), (s.url for s in known))
    rows = [server(each, tests.get(each.name)) for each in known]
    return {"rows": rows, "kinds": kinds(), "found": others}


def what_is_set(listing: Listing | None) -> dict[str, Any]:
    """The part of the view that tells of the settings file, the environment, and the models they name."""
    now, problem, file = store.get(), store.problem(), store.path()
    models = {model.id: model for model in listing.models} if listing else {}
    return {
        "values": {field: getattr(now, field) for field in VALUES},
        "environment": {field: name for field, name in store.overridden().items() if field in VALUES},
        "statuses": {field: status(models.get(getattr(now, field) or "")) for field in ("default_model", "fallback")},
        "folders": list(map(str, folders.folders())),
        "presets": [preset(name, options) for name, options in now.presets.items()],
        "allowed": list(now.allowed),
        "file": str(file),
        "file_name": file.name,
        "problem": None if problem is None else {"line": problem.line, "message": problem.message},
        "notes": list(map(str, store.notes())),
    }


def preset(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """A generation preset as a row."""
    plain = {option: list(value) if isinstance(value, tuple) else value for option, value in options.items()}
    return {"name": name, "options": plain, "words": options_words(plain)}


def server(found: Server, test: Test | None) -> dict[str, Any]:
    """One server as a row."""
    state, words = _state(found)
    return {
        "id": found.name,
        "title": found.title if found.saved else ", ".join(filter(None, (found.title, "not saved"))),
        "url": found.url,
        "model": found.model,
        "state": state,
        "words": words,
        "key": "" if found.key == NO_KEY else found.key,
        "own_key": found.key in ("system keyring", "this session only"),
        "warning": "key over plain HTTP" if found.warning else "",
        "test": None if test is None else test.view(),
    }


def kinds() -> list[dict[str, Any]]:
    """The kinds of server that a form can be filled for."""
    return [
        {
            "name": kind.name,
            "title": kind.title,
            "url": kind.url,
            "key_env": kind.key_env or "",
            "key_needed": kind.key_needed,
            "hint": kind.hint,
        }
        for kind in presets.PRESETS.values()
    ]


def found_rows(found: Iterable[Found], names: Iterable[str], urls: Iterable[str]) -> list[dict[str, Any]]:
    """What answers and is not connected yet, under names that are free."""
    taken, known = set(names), {_address(url) for url in urls}
    rows = []
    for each in found:
        if _address(each.url) in known:
            continue
        name = free(each.name, taken)
        taken.add(name)
        words = "wants a key" if each.models is None else plural(each.models, "model")
        rows.append({"name": name, "title": each.title, "url": each.url, "words": words})
    return rows


def free(name: str, taken: Iterable[str]) -> str:
    """The name, or with a number the first that is not taken."""
    taken = set(taken)
    number = 2
    candidate = name
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def choices(models: Iterable[ModelInfo], text: str, provider: str | None, most: int) -> list[dict[str, Any]]:
    """The first models whose id or provider hold every word of the text."""
    words = text.lower().split()
    rows = []
    for model in models:
        told = f"{model.id} {model.provider}".lower()
        if (provider is None or model.provider == provider) and all(word in told for word in words):
            rows.append({"id": model.id, "name": model.name, "provider": model.provider, "status": status(model)})
            if len(rows) == most:
                break
    return rows


def status(model: ModelInfo | None) -> str:
    """Where a chosen model is: ``loaded``, ``ready``, ``loading``, ``down`` or ``unknown``."""
    if model is None:
        return "unknown"
    return "down" if model.status == "failed" else model.status if model.status != "hub" else "unknown"


def options_words(options: dict[str, Any]) -> str:
    """Generation options in words: ``temperature 0.2, top p 0.9``."""
    if not options:
        return "the model's own"
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in options.items())


def plain_http(url: str) -> str:
    """A warning for an address that would carry a key in the open; empty for others."""
    parts = urlsplit(url)
    if parts.scheme != "http" or is_here(parts.hostname or ""):
        return ""
    return f"A key would go to {place(url)} over plain HTTP: anyone on the way can read it."


def plural(count: int, word: str) -> str:
    """``1 model``, ``5,000 models``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def text(view: dict[str, Any]) -> str:
    """The settings as lines: the servers with their state, then what is set."""
    lines = [_head(view), *(f"  {line}" for line in _aligned([_cells(row) for row in view["rows"]]))]
    for row in view["rows"]:
        for step in row["test"]["steps"] if row["test"] else ():
            lines.append(f"    {row['id']} {_MARKS[step['ok']]} {step['message']} {step['next_step']}".rstrip())
    return "\n".join([*lines, *(f"{name}: {value}" for name, value in _set(view)), *_notes(view)])


def html(view: dict[str, Any]) -> str:
    """The same as HTML without a script or a style sheet; every text is escaped."""
    body = "".join(
        "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in _cells(row)) + "</tr>" for row in view["rows"]
    )
    head = "".join(f"<th>{name}</th>" for name in ("server", "kind", "address", "state", "key"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    pairs = "".join(f"<li>{_safe(name)}: {_safe(value)}</li>" for name, value in _set(view))
    notes = "".join(f"<p>{_safe(note)}</p>" for note in _notes(view))
    return (
        f'<div class="wb-static" data-wb-settings="{_safe(view["id"])}"><p><b>{_safe(_head(view))}</b></p>'
        f"{table}<ul>{pairs}</ul>{notes}</div>"
    )


def _state(found: Server) -> tuple[str, str]:
    locked = bool(found.note)
    error = found.error
    if found.at is None:
        return ("asking", "asking for its models") if found.asking else ("unasked", "")
    if locked and (error is None or _kind(error) == "AuthenticationError") and not found.models:
        return "unasked", "key not read yet"
    if error is not None:
        return "down", _TROUBLE.get(_kind(error), "answers with an error")
    took = "" if found.seconds is None else f", {1000 * found.seconds:.0f} ms"
    return "up", f"{plural(found.models, 'model') if found.models else 'no models'}{took}"


def _kind(error: WorkbenchError) -> str:
    return type(error).__name__


def _summary(tried: Sequence[Step]) -> str:
    if len(tried) < len(STEPS) or not all(step.ok for step in tried):
        return ""
    said = {step.name: step for step in tried}
    took = said["connects"].seconds
    answers = "Answers" if took is None else f"Answers in {1000 * took:.0f} ms"
    return f"{answers}, {said['model list'].message.rstrip('.')}, streams."


def _address(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return ("here" if is_here(host) else host, parts.port)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return " | ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _head(view: dict[str, Any]) -> str:
    return f"Settings: {plural(len(view['rows']), 'server')}; {view['file_name']}"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    state = "; ".join(filter(None, (row["words"], row["warning"])))
    return (row["id"], row["title"], row["url"], state, row["key"] or NO_KEY)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _set(view: dict[str, Any]) -> list[tuple[str, str]]:
    values, decided = view["values"], view["environment"]
    budget, idle = values["memory_budget"], values["idle_timeout"]
    words = {
        "default model": values["default_model"] or "the one that ships",
        "fallback": (values["fallback"] or "none") if values["use_fallback"] else "off",
        "asks before sending": "yes" if values["ask_before_sending"] else "no",
        "memory for models": "what the machine can spare" if budget is None else f"{budget / 1e9:.1f} GB",
        "idle models are let go": "never" if idle is None else f"after {idle / 60:g} min",
        "downloads at a time": str(values["at_once"]),
        "presets": ", ".join(preset["name"] for preset in view["presets"]) or "none",
    }
    fields = {"default model": "default_model", "fallback": "fallback", "asks before sending": "ask_before_sending"}
    fields |= {"memory for models": "memory_budget", "idle models are let go": "idle_timeout"}
    by = {name: decided.get(fields.get(name, "")) for name in words}
    return [(name, f"{value} ({by[name]})" if by[name] else value) for name, value in words.items()]


def _notes(view: dict[str, Any]) -> list[str]:
    problem, notice = view["problem"], view["notice"]
    notes = []
    if problem:
        line = "" if problem["line"] is None else f", line {problem['line']}"
        notes.append(f"{view['file_name']}{line}: {problem['message']} The last good values hold.")
    if notice:
        notes.append(f"{notice['message']} {notice['next_step']}".rstrip())
    return [*notes, *view["notes"]]


def _safe(text: str) -> str:
    return escape_html.escape(str(text))
