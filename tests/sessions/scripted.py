"""A service that answers as a script says: for what a real model cannot be made to do on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from workbench.errors import ErrorInfo, ModelNotFoundError, WorkbenchError
from workbench.events import Event, Failed, Finished, FinishReason, LoadProgress, Metrics, TextDelta, Usage
from workbench.model import ModelInfo
from workbench.request import Request
from workbench.services.registry import Listing

Script = Callable[[Request, threading.Event], Iterator[Event]]


def say(*pieces: str, reason: FinishReason = "stop") -> Script:
    """A script that writes these pieces, one token each."""

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        for number, piece in enumerate(pieces):
            yield TextDelta(run=request.run, text=piece, tokens=(number,))
        usage = Usage(prompt_tokens=7, completion_tokens=len(pieces))
        yield Finished(run=request.run, reason=reason, usage=usage, metrics=Metrics(ttft_s=0.01))

    return script


def fail(error: WorkbenchError, *pieces: str) -> Script:
    """A script that writes these pieces and then fails."""

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        for piece in pieces:
            yield TextDelta(run=request.run, text=piece, tokens=(1,))
        yield Failed(run=request.run, error=error.info)

    return script


def until_cancelled(*pieces: str) -> Script:
    """A script that writes these pieces and then waits to be cancelled."""

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        for piece in pieces:
            yield TextDelta(run=request.run, text=piece, tokens=(1,))
        assert cancelled.wait(20), "nobody cancelled this run"
        yield TextDelta(run=request.run, text=" late", tokens=(1,))
        yield Finished(run=request.run, reason="cancelled", usage=Usage(prompt_tokens=7))

    return script


class ScriptedService:
    """A `ChatService`: each request takes the next script; the last one is used again."""

    def __init__(
        self,
        *scripts: Script,
        name: str = "local",
        models: tuple[str, ...] = ("tiny", "other"),
        url: str | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.scripts = list(scripts) or [say("ok")]
        self.requests: list[Request] = []
        self.loads: list[str] = []
        self.forced: list[bool] = []
        self.load_error: ErrorInfo | None = None
        self.infos = [
            ModelInfo(id=m if name == "local" else f"{name}:{m}", name=m, provider=name, context_length=100)
            for m in models
        ]
        self.continues = True
        self._cancels: dict[str, threading.Event] = {}

    def models(self) -> list[ModelInfo]:
        return self.infos

    def stream(self, request: Request) -> Iterator[Event]:
        self.requests.append(request)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        return script(request, self._cancels.setdefault(request.run, threading.Event()))

    def cancel(self, run: str) -> None:
        self._cancels.setdefault(run, threading.Event()).set()

    def load(self, model: str, *, run: str | None = None, force: bool = False) -> Iterator[Event]:
        self.loads.append(model)
        self.forced.append(force)
        number = run or "load"
        for done in (0, 50, 100):
            yield LoadProgress(run=number, model=model, done=done, total=100)
        if self.load_error is None:
            yield LoadProgress(run=number, model=model, done=100, total=100, seconds=0.5)
        else:
            yield Failed(run=number, error=self.load_error)

    def unload(self, model: str | None = None) -> None:
        pass

    def can_continue(self, model: str) -> bool:
        return self.continues

    def count_tokens(self, request: Request) -> int | None:
        return None

    def render(self, request: Request) -> str | None:
        return None


class ScriptedServices:
    """What a chat asks of `Services`, over scripted ones; the first model of the first is the default."""

    def __init__(self, *services: ScriptedService) -> None:
        self.all = services
        self.errors: dict[str, WorkbenchError] = {}
        self.endpoints: dict[str, object] = {}

    def resolve(self, model: str | None) -> tuple[ScriptedService, ModelInfo]:
        for service in self.all:
            for info in service.models():
                if model in (None, info.id):
                    return service, info
        raise ModelNotFoundError(f"There is no model {model!r}. The nearest is 'tiny'.")

    def follow(self, method: Callable[[ModelInfo], None]) -> None:
        """Nobody makes another model the current one."""

    def refresh(self, on_change: Callable[[], None] | None = None) -> list[str]:
        """Nobody is slow."""
        return []

    def listing(self) -> Listing:
        """What `models` says."""
        found, errors = self.models()
        return Listing(models=tuple(found), errors=errors, refreshing=frozenset(), at=None, servers=())

    def models(self) -> tuple[list[ModelInfo], dict[str, WorkbenchError]]:
        return [info for service in self.all for info in service.models()], self.errors
