"""One run, and what happens when its model is not available: the fallback of the settings answers. Knows no session.

    the chosen model fails before its first token, for a reason that is its own or its server's
      -> Notice(code="fallback"), then the events of the fallback
    anything else
      -> its events, as they are

A run that has begun is never moved. A prompt goes to a remote fallback only where the person has allowed it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from workbench.errors import (
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    EngineError,
    ErrorInfo,
    HostCrashedError,
    ModelFilesError,
    ModelNotFoundError,
    ModelTooBigError,
    ServerFailedError,
    ServiceError,
    ServiceTimeoutError,
    WorkbenchError,
)
from workbench.events import (
    Event,
    Failed,
    Finished,
    LoadProgress,
    Notice,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    UsageKnown,
)
from workbench.request import Request
from workbench.services import ChatService, consent
from workbench.store import settings

if TYPE_CHECKING:
    from workbench.services.registry import Services

NOT_AVAILABLE = (
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    EngineError,
    ModelFilesError,
    ModelNotFoundError,
    ModelTooBigError,
    ServerFailedError,
    ServiceTimeoutError,
)
"""What makes the fallback answer. A request that is wrong in itself, or must wait (`RateLimitError`), does not."""


BEGUN = (ReasoningDelta, TextDelta, ToolCalled, UsageKnown)
"""Events that come with the first token or after it."""


class Run:
    """One run: answered by the chosen model's service, or by the fallback's. Made and pulled by one thread.

    `service` is the one of ``request.model``; ``None`` when the model is gone, and `missing` says why. With
    `substitute` false there is no fallback; ``None`` leaves that to the settings.
    """

    def __init__(
        self,
        services: Services,
        request: Request,
        service: ChatService | None,
        *,
        missing: ErrorInfo | None = None,
        substitute: bool | None = None,
    ) -> None:
        self.id = request.run
        self.model = request.model
        """The model that was chosen."""
        self._services = services
        self._request = request
        self._service = service
        self._missing = missing
        self._substitute = substitute
        self._cancelled = False

    def cancel(self) -> None:
        """Cancel it from any thread; the service that answers now is told."""
        self._cancelled = True
        if self._service is not None:
            self._service.cancel(self.id)

    def events(self) -> Generator[Event, None, None]:
        """Everything that happens, the notice of a fallback included; the last is one `Finished` or `Failed`."""
        failed = None if self._missing is None else Failed(run=self.id, error=self._missing)
        if self._service is not None:
            failed = yield from self._first(self._service)
        if failed is None:
            return
        try:
            other = None if self._cancelled else self._other(failed.error)
        except WorkbenchError as error:
            yield msgspec.structs.replace(failed, error=_both(failed.error, error.info))
            return
        if other is None:
            yield failed
        else:
            yield from self._second(failed.error, *other)

    def _first(self, service: ChatService) -> Generator[Event, None, Failed | None]:
        """The chosen model's events; its failure is returned, not told, if another model may still answer."""
        begun = loading = False
        with closing(self._pulled(service, self._request)) as events:
            for event in events:
                begun = begun or isinstance(event, BEGUN)
                if isinstance(event, LoadProgress):
                    loading = event.seconds is None
                if isinstance(event, Failed) and not begun and _is_away(event.error, loading):
                    return event
                yield event
        return None

    def _second(self, first: ErrorInfo, service: ChatService, model: str) -> Iterator[Event]:
        """The notice, at once, as the fallback may have to be loaded; then its events."""
        self._service = service
        if self._cancelled:
            yield Finished(run=self.id, reason="cancelled")
            return
        yield Notice(run=self.id, code="fallback", message=why(self.model, first, model), model=model)
        request = msgspec.structs.replace(self._request, model=model, force=False)
        with closing(self._pulled(service, request)) as events:
            for event in events:
                if isinstance(event, Failed):
                    event = msgspec.structs.replace(event, error=_both(first, event.error, model))
                yield event

    def _pulled(self, service: ChatService, request: Request) -> Generator[Event, None, None]:
        """A service's events, to the first that ends the run; it hears of a cancel that came before it knew the run."""
        told = False
        stream = service.stream(request)
        try:
            for event in stream:
                yield event
                if isinstance(event, Finished | Failed):
                    return
                if self._cancelled and not told:
                    told = True
                    service.cancel(self.id)
        finally:
            close = getattr(stream, "close", None)
            if close is not None:
                close()

    def _other(self, error: ErrorInfo) -> tuple[ChatService, str] | None:
        """Who answers instead; ``None`` when nobody should. Raises why the fallback cannot."""
        now = settings.get()
        wanted = now.use_fallback if self._substitute is None else self._substitute
        if not wanted or not now.fallback:
            return None
        service, info = self._services.resolve(now.fallback)
        if info.id == self.model:
            return None
        if (url := getattr(service, "url", None)) is not None:
            consent.check(url)
        return service, info.id


def why(model: str, error: ErrorInfo, other: str) -> str:
    """The sentence above a fallback's answer: ``ollama:llama3 is away (nothing listens there); builtin answers.``"""
    kind = error.to_error()
    reason = error.message.rstrip(".").removeprefix(f"{model} ")
    if reason[1:2].islower():
        reason = reason[0].lower() + reason[1:]
    return f"{model} {_state(kind)} ({reason}); {other} answers."


def _state(error: WorkbenchError) -> str:
    match error:
        case AuthenticationError():
            return "does not let us in"
        case ServiceError():
            return "is away"
        case ModelNotFoundError():
            return "is not here"
        case EngineError() | ModelFilesError():
            return "did not load"
        case _:
            return "cannot be used"


def _is_away(error: ErrorInfo, loading: bool) -> bool:
    """Whether an error before the first token means that the model is not available.

    A host that crashes while it loads its model cannot hold it; one that crashes later is a failure to be seen.
    """
    kind = error.to_error()
    return isinstance(kind, NOT_AVAILABLE) and (loading or not isinstance(kind, HostCrashedError))


def _both(first: ErrorInfo, second: ErrorInfo, other: str = "") -> ErrorInfo:
    """Why the chosen model did not answer, and why the fallback did not either."""
    name = f"The fallback {other}".rstrip()
    return msgspec.structs.replace(
        first,
        message=f"{first.message} {name} could not answer either: {second.message}",
        details="\n\n".join(filter(None, (first.details, second.details))),
        retryable=first.retryable or second.retryable,
    )
