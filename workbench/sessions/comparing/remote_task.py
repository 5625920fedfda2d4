"""What travels to a `concurrent.futures.Executor`: a request with its endpoint. Knows no session and no record.

An executor's worker may be another process or another machine: it knows none of the endpoints connected here and has
no keyring, so the key goes with each task. It is in no repr, no log of a failed task and no result; whoever gives an
executor trusts its workers, and the way to them, with the key.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from workbench.events import Event, ReasoningDelta, TextDelta
from workbench.request import Request
from workbench.services.remote import RemoteChatService


class SealedKey:
    """A key on its way to a worker. It is pickled, because it has to arrive; its repr shows nothing of it."""

    __slots__ = ("_text",)

    def __init__(self, text: str | None) -> None:
        self._text = text

    def open(self) -> str | None:
        """The key itself."""
        return self._text

    def __repr__(self) -> str:
        return "(key)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SealedKey) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


class RemoteTask(msgspec.Struct, frozen=True, kw_only=True):
    """One request and all that is needed to send it from anywhere."""

    url: str
    name: str
    """The endpoint's."""
    model: str | None
    """The endpoint's default model."""
    key: SealedKey
    request: Request


def ask(task: RemoteTask) -> list[Event]:
    """Send a request from here, and wait: its events, those with text joined. The last is `Finished` or `Failed`."""
    service = _service(task.url, task.name, task.model, task.key)
    out: list[Event] = []
    for event in service.stream(task.request):
        last = out[-1] if out else None
        if isinstance(event, TextDelta | ReasoningDelta) and type(last) is type(event):
            out[-1] = msgspec.structs.replace(
                last,
                text=last.text + event.text,
                tokens=last.tokens + event.tokens,
                logprobs=last.logprobs + event.logprobs,
            )
        else:
            out.append(event)
    return out


@lru_cache(maxsize=32)
def _service(url: str, name: str, model: str | None, key: SealedKey) -> RemoteChatService:
    return RemoteChatService(url, name=name, model=model, key=key.open())
