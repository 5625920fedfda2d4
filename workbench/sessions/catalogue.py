"""What models there are, and the verbs around them: list, connect, unload. Knows no transcript and no widget."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from workbench.errors import WorkbenchError
from workbench.model import ModelInfo

if TYPE_CHECKING:
    import pandas

    from workbench.services.registry import Endpoint, Services

UNKNOWN = "\u2013"
COLUMNS = ("id", "provider", "engine", "size", "context", "status")


class ModelList(list[ModelInfo]):
    """A list of models that reads well: as text, as a table in a notebook, as a pandas frame."""

    def __init__(self, models: Iterable[ModelInfo] = (), errors: Mapping[str, WorkbenchError] | None = None) -> None:
        super().__init__(models)
        self.errors: dict[str, WorkbenchError] = dict(errors or {})
        """Servers that did not answer when asked, by name."""

    def to_frame(self) -> pandas.DataFrame:
        """One row a model, one column a field of `ModelInfo`; sizes in bytes. Needs pandas."""
        import pandas

        rows = [msgspec.structs.asdict(model) | {"local": model.local} for model in self]
        return pandas.DataFrame(rows, columns=[*ModelInfo.__struct_fields__, "local"])

    def __repr__(self) -> str:
        rows = [COLUMNS, *(_row(model) for model in self)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *self._troubles()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _row(model)) + "</tr>" for model in self
        )
        notes = "".join(f"<p>{html.escape(trouble)}</p>" for trouble in self._troubles())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def _troubles(self) -> list[str]:
        return [f"{name} did not answer: {error}" for name, error in self.errors.items()]


def models() -> ModelList:
    """The models there are: on this machine, and offered by the servers you connected (they are asked now).

        wb.models()                          # a table in a notebook
        [m.id for m in wb.models()]          # the ids that wb.chat and wb.ask take
        wb.models().to_frame()               # a pandas frame; sizes in bytes

    A server that does not answer is in `.errors`, by its name, and hides nothing else.
    """
    from workbench.services.registry import default

    return list_models(default())


def list_models(services: Services) -> ModelList:
    """The models of these services."""
    return ModelList(*services.models())


def connect(url: str, *, key: str | None = None, name: str | None = None, model: str | None = None) -> Endpoint:
    """Use the models of an OpenAI-compatible server: Ollama, LM Studio, llama.cpp, vLLM, OpenAI, ...

        wb.connect("http://localhost:11434/v1")                        # Ollama on this machine
        wb.connect("https://api.openai.com/v1", key=key, name="openai")
        wb.ask("Hello", model="ollama:llama3.2")                       # endpoint, colon, model

    `url` is the server's base URL. `key` is its API key; it stays in this process. `name` is what its model
    ids start with, by default made from the URL; a name used before is replaced. `model` is the model to
    use when none is named. Raises `UsageError` on a bad address.
    """
    from workbench.services.registry import default

    return default().connect(url, key=key, name=name, model=model)


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
    return (model.id, model.provider, model.engine or UNKNOWN, size, context, status)


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"
