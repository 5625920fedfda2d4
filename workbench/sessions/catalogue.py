"""What models there are, and the verbs around them: list, connect, discover, unload. Knows no transcript, no widget."""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from workbench.errors import WorkbenchError
from workbench.model import ModelInfo

if TYPE_CHECKING:
    import pandas

    from workbench.services.discover import Found
    from workbench.services.registry import Endpoint, Server, Services

UNKNOWN = "\u2013"
COLUMNS = ("id", "engine", "quantization", "size", "context", "status")
MOST_SHOWN = 40
"""Models of one group that are shown; the list holds them all."""


class ModelList(list[ModelInfo]):
    """A list of models that reads well: as text, as a table in a notebook, as a pandas frame.

    It is shown by group: this machine, then each server with how it answered, a failure beside its name.
    """

    def __init__(
        self,
        models: Iterable[ModelInfo] = (),
        errors: Mapping[str, WorkbenchError] | None = None,
        servers: Iterable[Server] = (),
    ) -> None:
        super().__init__(models)
        self.errors: dict[str, WorkbenchError] = dict(errors or {})
        """Servers that did not answer when asked, by name."""
        self.servers = {server.name: server for server in servers}
        """The servers that were asked, by name."""

    def to_frame(self) -> pandas.DataFrame:
        """One row a model, one column a field of `ModelInfo`; sizes in bytes. Needs pandas."""
        import pandas

        rows = [msgspec.structs.asdict(model) | {"local": model.local} for model in self]
        return pandas.DataFrame(rows, columns=[*ModelInfo.__struct_fields__, "local"])

    def __repr__(self) -> str:
        groups = [(title, [_row(model) for model in shown], notes) for title, shown, notes in self._groups()]
        rows = [COLUMNS, *(row for _, shown, _ in groups for row in shown)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]

        def line(row: tuple[str, ...]) -> str:
            return "  ".join(["", *(cell.ljust(width) for cell, width in zip(row, widths, strict=True))]).rstrip()

        lines = [line(COLUMNS)]
        for title, shown, notes in groups:
            lines += [title, *map(line, shown), *(f"  {note}" for note in notes)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        bodies = []
        for title, shown, notes in self._groups():
            rows = [f'<tr><th colspan="{len(COLUMNS)}" style="text-align:left">{html.escape(title)}</th></tr>']
            rows += [
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _row(model)) + "</tr>" for model in shown
            ]
            rows += [
                f'<tr><td colspan="{len(COLUMNS)}" style="text-align:left">{html.escape(note)}</td></tr>'
                for note in notes
            ]
            bodies.append(f"<tbody>{''.join(rows)}</tbody>")
        return f"<table><thead><tr>{head}</tr></thead>{''.join(bodies)}</table>"

    def _groups(self) -> list[tuple[str, list[ModelInfo], list[str]]]:
        """Title, models to show and notes of each group, in the order of the list; then servers without a model."""
        by_provider = {name: list(found) for name, found in groupby(self, key=lambda model: model.provider)}
        names = dict.fromkeys([*by_provider, *self.servers, *self.errors])
        return [(self._title(name), *self._shown(name, by_provider.get(name, []))) for name in names]

    def _title(self, name: str) -> str:
        if name == "local":
            return "on this machine"
        server = self.servers.get(name)
        if server is None:
            return name
        took = f", {1000 * server.seconds:.0f} ms" if server.seconds is not None else ""
        return f"{name}, {server.title + ' at ' if server.title else ''}{server.url}{took}"

    def _shown(self, name: str, models: list[ModelInfo]) -> tuple[list[ModelInfo], list[str]]:
        notes = []
        if len(models) > MOST_SHOWN:
            notes.append(f"and {len(models) - MOST_SHOWN:,} more; the list holds them, and .to_frame() shows them")
        if name in self.errors:
            notes.append(str(self.errors[name]))
        if (server := self.servers.get(name)) is not None:
            notes += [note for note in (server.note, server.warning) if note]
            if not models and not notes and server.at is not None:
                notes.append("It offers no model.")
        return models[:MOST_SHOWN], notes


class FoundList(list["Found"]):
    """Servers found on this machine, each with the line that connects it."""

    def __repr__(self) -> str:
        if not self:
            return "No server answers on the usual ports of this machine. Start one, or connect it by its address."
        return "\n".join(f"{found}\n    {_connecting(found)}" for found in self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def models() -> ModelList:
    """The models there are: on this machine, and offered by the servers you connected or saved.

        wb.models()                          # a table in a notebook, by server
        [m.id for m in wb.models()]          # the ids that wb.chat and wb.ask take
        wb.models().to_frame()               # a pandas frame; sizes in bytes

    All servers are asked at once. One that fails is in `.errors`, by its name, and hides nothing else; the models it
    offered before are there with the status ``down``. One that is slow has two seconds the first time; later its
    last list stands until it answers.
    """
    from workbench.services.registry import default

    return list_models(default())


def list_models(services: Services) -> ModelList:
    """The models of these services."""
    found, errors = services.models()
    return ModelList(found, errors, services.listing().servers)


def connect(
    url: str = "http://localhost:11434/v1",
    *,
    key: str | None = None,
    name: str | None = None,
    model: str | None = None,
    save: bool = False,
    allow: bool = False,
) -> Endpoint:
    """Use the models of an OpenAI-compatible server: Ollama, LM Studio, llama.cpp, vLLM, OpenAI, ...

        wb.connect()                                                   # Ollama on this machine
        wb.connect("https://api.openai.com/v1", key=key, save=True)    # there in every session
        wb.ask("Hello", model="ollama:llama3.2")                       # endpoint, colon, model

    `url` is the server's base URL; what people paste is made whole, and the name of a usual server will do ("ollama",
    "lmstudio", "localai", "llama-server", "mlx-server", "vllm", "jan", "openai", "gemini", "openrouter"). `key` is its
    API key: it stays in this process, or with `save` in the system keyring, and is shown nowhere; without one, the
    usual variable of the environment is read (OPENAI_API_KEY, GEMINI_API_KEY, OPENROUTER_API_KEY, ...). `name` is what
    its model ids start with, by default made from the URL; a name used before is replaced. `model` is the model to use
    when none is named. `save` writes it into the settings. `allow` says that prompts may leave this machine for that
    server: nobody is asked then. Raises `UsageError` on a bad address, name or key.
    """
    from workbench.services import consent
    from workbench.services.keys import Secret
    from workbench.services.registry import default

    secret = None if key is None else Secret(key)
    del key  # a traceback that shows variables shows no key
    endpoint = default().connect(url, key=secret, name=name, model=model, save=save)
    if allow:
        consent.allow(endpoint.url, always=save)
    if endpoint.warning:
        warnings.warn(endpoint.warning, stacklevel=2)
    return endpoint


def disconnect(name: str) -> None:
    """Forget a server and its key, in the settings and the system keyring too.

        wb.disconnect("ollama")

    `name` is what its model ids start with. Raises `UsageError` when no server is connected under it.
    """
    from workbench.services.registry import default

    default().disconnect(name)


def discover() -> FoundList:
    """Look for servers on the usual ports of this machine: Ollama, LM Studio, llama-server, vLLM, Jan, LocalAI, ...

        wb.discover()                        # what answers, with the line that connects it

    Nothing is connected. Takes a second or two at most.
    """
    from workbench.services import discover

    return FoundList(discover.look())


def unload(model: str | None = None) -> None:
    """Let go of the memory of one local model, or of all of them; a run on it is cancelled first.

        wb.unload("builtin")
        wb.unload()

    `model` is the id of one; without it, all are unloaded. Loading again is automatic: the next message does it.
    Raises `ModelNotFoundError` for an unknown id.
    """
    from workbench.services.registry import default

    services = default()
    if model is None:
        services.local.unload()
    else:
        service, info = services.resolve(model)
        service.unload(info.id)


def _row(model: ModelInfo) -> tuple[str, ...]:
    size = UNKNOWN if model.size is None else _bytes(model.size)
    context = UNKNOWN if model.context_length is None else f"{model.context_length:,}"
    status = f"{model.status}, {model.note}" if model.note else model.status
    return (model.id, model.engine or UNKNOWN, model.quantization or UNKNOWN, size, context, status)


def _connecting(found: Found) -> str:
    """The line that connects a server that was found."""
    from workbench.services.address import usual_name

    name = "" if usual_name(found.url) == found.name else f", name={found.name!r}"
    key = ", key=..." if found.models is None else ""
    return f"wb.connect({found.url!r}{name}{key})"


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"
