"""Who answers: the protocol that a local and a remote service share. Knows no session and no widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from workbench.events import Event
from workbench.model import ModelInfo
from workbench.request import Request


class ChatService(Protocol):
    """Something that answers chats. Safe to call from several threads."""

    name: str
    """``"local"``, or the endpoint's name."""

    def models(self) -> list[ModelInfo]:
        """The models it offers now. A remote one asks its server: raises errors under `ServiceError`."""
        ...

    def stream(self, request: Request) -> Iterator[Event]:
        """Answer; the iterator is pulled on the caller's thread.

        Never raises for a failure: the last event is exactly one `Finished` or `Failed`. A second
        request to a busy model waits its turn and says so with `Queued`. Closing the iterator early
        cancels the run.
        """
        ...

    def cancel(self, run: str) -> None:
        """Cancel a run or a load from any thread; unknown or ended runs are ignored."""
        ...

    def load(self, model: str, *, run: str | None = None, force: bool = False) -> Iterator[Event]:
        """Bring a model into memory: `LoadProgress` events, the last with `seconds`; or one `Failed`.

        With `force` a local model is loaded even if it does not fit this machine.
        """
        ...

    def unload(self, model: str | None = None) -> None:
        """Let go of one model's memory, or of all; a run on it is cancelled first."""
        ...

    def count_tokens(self, request: Request) -> int | None:
        """Tokens of the prompt; ``None`` where that cannot be known without answering, or without loading."""
        ...

    def render(self, request: Request) -> str | None:
        """The exact prompt; ``None`` where the server makes it, or the model is not in memory."""
        ...

    def can_continue(self, model: str) -> bool:
        """Whether a request for this model may go on with an answer (`Request.continues`).

        A remote service may ask its server, the first time.
        """
        ...


@runtime_checkable
class BatchService(ChatService, Protocol):
    """A service that takes several requests to one model at once."""

    def stream_many(self, requests: Sequence[Request]) -> Iterator[Event]:
        """Answer them, together where the engine can; each event carries its run.

        Every run ends with exactly one `Finished` or `Failed`, and is cancelled on its own. Else as `stream`.
        """
        ...
