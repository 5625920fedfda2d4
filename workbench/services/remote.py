"""A model on an OpenAI-compatible server: Ollama, LM Studio, vLLM, llama.cpp, OpenAI. Knows no session.

The openai client makes and signs the requests; its raw response is read by `openai_stream`. Before the first token a
request that failed in passing is tried again; after it, never. Every try has a connection of its own, so that
cancelling one closes it and the server stops working.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import msgspec

from workbench.errors import (
    ErrorInfo,
    ModelNotFoundError,
    RequestRefusedError,
    ServiceError,
    ServiceTimeoutError,
    UsageError,
    WorkbenchError,
    describe,
)
from workbench.events import Event, Failed, Finished, FinishReason, LoadProgress, Notice
from workbench.messages import new_id
from workbench.model import ModelInfo
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services import openai_client, openai_wire
from workbench.services.address import place, usual_name, whole_url
from workbench.services.exchange import CancelledError, Run, SilentError
from workbench.services.http_errors import without_key
from workbench.services.openai_stream import StreamReader
from workbench.store import usage

if TYPE_CHECKING:
    import openai

_LISTING_TIMEOUT = 5.0
_MOST_PAGES = 50
_AFTERWORD_TIMEOUT = 3.0  # for the usage and [DONE], when the answer itself has ended
_FIRST_BACKOFF = 0.5  # doubled with each try
_CONTINUES = "llamacpp"  # what llama.cpp's server says of who owns its models
_LONGEST_WAIT = 120.0  # a server that asks for more is not waited for


_REFUSALS = {"schema": "does not take it", "tools": "takes none for this model, so it answers without them"}
"""Why what is no option of generation was ignored."""


class RemoteChatService:
    """Chats answered by an OpenAI-compatible server; a `workbench.services.ChatService`.

    `url` may be what people paste (see `workbench.services.address`). `key` is sent to this server only and shown
    nowhere; a function is asked for it whenever a request goes out. `model` is the default model's name on the
    server. The timeouts are seconds: to connect, until the first piece of an answer, and from one piece to the next
    (a server's pings are no pieces). `retries` is how often a request that failed in passing is sent again. A busy
    server keeps its own queue.

    Raises `UsageError` on a bad address, name or key.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | Callable[[], str | None] | None = None,
        name: str | None = None,
        model: str | None = None,
        connect_timeout: float = 5.0,
        first_token_timeout: float = 600.0,
        silence_timeout: float = 120.0,
        retries: int = 2,
    ) -> None:
        self.url = whole_url(url)
        self.name = usual_name(self.url) if name is None else checked_name(name)
        self.model = model
        self._ask_key = key if callable(key) else None
        self._key = None if callable(key) else _checked_key(key)
        self._connect_timeout = connect_timeout
        self._first_token_timeout = first_token_timeout
        self._silence_timeout = silence_timeout
        self._retries = retries
        self._runs: WeakValueDictionary[str, Run] = WeakValueDictionary()
        self._continues: bool | None = None  # unknown until it gave its list
        self._client: openai.OpenAI | None = None
        self._client_lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RemoteChatService({self.url!r}, name={self.name!r})"

    def models(self) -> list[ModelInfo]:
        """The models the server offers now. Raises errors under `ServiceError`."""
        return self._models(Run())

    def stream(self, request: Request) -> Iterator[Event]:
        """Answer; never raises for a failure: the last event is one `Finished` or `Failed`."""
        run = Run()
        self._runs[request.run] = run
        return self._answer(request, run)

    def cancel(self, run: str) -> None:
        """Close the run's connection, which makes the server stop; unknown or ended runs are ignored."""
        if (known := self._runs.get(run)) is not None:
            known.cancel()

    def load(self, model: str, *, run: str | None = None, force: bool = False) -> Iterator[Event]:
        """Ask whether the server answers: loading is its own business.

        One `LoadProgress`, or one `Failed`, or a cancelled `Finished`.
        """
        known = Run()
        run, started = run or new_id(), time.perf_counter()
        self._runs[run] = known
        try:
            self._models(known)
        except CancelledError:
            yield Finished(run=run, reason="cancelled")
        except WorkbenchError as error:
            yield Failed(run=run, error=error.info)
        else:
            yield LoadProgress(run=run, model=model, done=0, seconds=time.perf_counter() - started)

    def unload(self, model: str | None = None) -> None:
        """Nothing: the server decides what it keeps in memory."""

    def count_tokens(self, request: Request) -> int | None:
        """``None``: only the server can count."""
        return None

    def render(self, request: Request) -> str | None:
        """``None``: the server makes the prompt."""
        return None

    def can_continue(self, model: str) -> bool:
        """Whether the server is known to go on with an answer, as llama.cpp's does: it is asked, the first time."""
        if self._continues is None:
            try:
                self.models()
            except WorkbenchError:
                return False
        return bool(self._continues)

    def close(self) -> None:
        """Cancel every run and let go of the client."""
        for run in list(self._runs.values()):
            run.cancel()
        with self._client_lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _answer(self, request: Request, run: Run) -> Iterator[Event]:
        reader = StreamReader(self.url, request.run, request.options.logprobs)
        asked = request.options
        ignored = ["context_length"] if asked.context_length is not None else []
        for name in ignored:
            yield self._ignored(request, name, "decides that itself")
        attempt = 0
        try:
            if request.begun is not None and not (request.begun.text and self.can_continue(request.model)):
                raise UsageError(
                    f"{self.name} cannot go on with this answer.", next_step="Ask it to continue in a message."
                )
            while True:
                try:
                    yield from self._received(request, run, reader)
                    break
                except RequestRefusedError as error:
                    strange = [] if reader.first is not None else openai_wire.strange(error, request.options)
                    if reader.first is None and openai_wire.refuses_schema(error, request):
                        strange = ["schema"]
                        request = msgspec.structs.replace(request, schema=None)
                    elif request.tools and reader.first is None and openai_wire.refuses_tools(error):
                        strange = ["tools"]
                        request = msgspec.structs.replace(request, tools=())
                    if not strange:
                        raise
                    for name in strange:
                        yield self._ignored(request, name, _REFUSALS.get(name, "does not know it"))
                    ignored += strange
                    given = {k: v for k, v in request.options.given().items() if k not in strange}
                    request = msgspec.structs.replace(request, options=GenerationOptions(**given))  # type: ignore[arg-type]  # they come from one
                except ServiceError as error:
                    if reader.first is not None or error.wait is None or attempt >= self._retries:
                        raise
                    if error.wait > _LONGEST_WAIT:
                        raise
                    yield from self._countdown(request.run, run, error, _FIRST_BACKOFF * 2**attempt)
                    attempt += 1
                reader = StreamReader(self.url, request.run, request.options.logprobs)
        except CancelledError:
            yield from reader.flush()
            reason: FinishReason = "cancelled"
        except Exception as error:
            yield from reader.flush()
            yield Failed(run=request.run, error=self._told(error, run), metrics=reader.metrics(run.started))
            return
        else:
            reason = reader.finish or "stop"
        if asked.stop and any(s in "".join(reader.texts) for s in asked.stop):
            ignored.append("stop")
        if asked.max_tokens is not None and (reader.usage.completion_tokens or 0) > asked.max_tokens:
            ignored.append("max_tokens")
        if asked.logprobs is not None and "logprobs" not in ignored and reader.texts and not reader.scored:
            ignored.append("logprobs")
        finished = Finished(
            run=request.run,
            reason=reason,
            usage=reader.usage,
            metrics=reader.metrics(run.started),
            applied=GenerationOptions(**{k: v for k, v in asked.given().items() if k not in ignored}),  # type: ignore[arg-type]  # they come from one
            ignored=tuple(ignored),
        )
        usage.note(finished, model=request.model, engine="server")
        yield finished

    def _ignored(self, request: Request, option: str, why: str) -> Notice:
        message = f"{option} was ignored: {self.name} {why}."
        return Notice(run=request.run, code="option_ignored", message=message, model=request.model)

    def _countdown(self, name: str, run: Run, error: ServiceError, backoff: float) -> Iterator[Event]:
        """Wait until a failed request may be sent again, with a notice each second."""
        why = self._told(error, run).message
        until = time.monotonic() + max(error.wait or 0.0, backoff)
        while (left := until - time.monotonic()) > 0:
            seconds = math.ceil(left)
            yield Notice(run=name, code="retry", message=f"{why} Trying again in {seconds} s.", seconds=seconds)
            if run.cancelled.wait(left - (seconds - 1)):
                raise CancelledError
        yield Notice(run=name, code="retry", message=f"{why} It was tried again.", seconds=0)

    def _received(self, request: Request, run: Run, reader: StreamReader) -> Iterator[Event]:
        """The events of one try; every way it can end too early, as one of our errors."""
        body = openai_wire.body(request, self.url, self._name_here(request.model, run))

        with closing(self._bytes(body, run, reader)) as received:
            for data in received:
                yield from reader.feed(data)
        yield from reader.end()

    def _bytes(self, body: dict[str, Any], run: Run, reader: StreamReader) -> Generator[bytes, None, None]:
        def ask() -> Any:
            return openai_client.chat(self._openai(), body)

        try:
            with run.opened(ask, connect=self._connect_timeout, answer=self._first_token_timeout) as response:
                exchange = run.exchange
                left, beats, since = self._first_token_timeout, reader.beats, run.started
                for data in openai_wire.pieces(response, self.url, openai_wire.LONGEST_ANSWER):
                    left -= time.perf_counter() - since
                    exchange.rest()
                    yield data
                    if reader.done:
                        return
                    if exchange.silent:  # a socket that was shut down still gives what it held
                        break
                    if reader.beats != beats:
                        left, beats = self._patience(reader), reader.beats
                        exchange.hurried = reader.first is not None
                    exchange.expect(left)
                    since = time.perf_counter()
        except Exception as error:
            if run.cancelled.is_set() or reader.finish is None:
                raise self._broken(error, run, reader) from None
        if run.cancelled.is_set() or (run.exchange.silent and reader.finish is None):
            raise self._broken(None, run, reader)

    def _patience(self, reader: StreamReader) -> float:
        """Seconds to wait for the next piece."""
        if reader.finish is not None:
            return _AFTERWORD_TIMEOUT
        return self._silence_timeout if reader.first is not None else self._first_token_timeout

    def _models(self, run: Run) -> list[ModelInfo]:
        """As `models`; raises `CancelledError` when the run is cancelled."""
        entries: list[dict[str, Any]] = []
        query: dict[str, str] = {}
        deadline = time.monotonic() + _LISTING_TIMEOUT

        def ask() -> Any:
            return openai_client.models(self._openai(), query)

        try:
            for _ in range(_MOST_PAGES):
                left = max(0.0, deadline - time.monotonic())
                with run.opened(ask, connect=self._connect_timeout, answer=left) as response:
                    data = b"".join(openai_wire.pieces(response, self.url, openai_wire.LONGEST_LIST))
                page, query = openai_wire.listed(data, self.url)
                entries += page
                if not query:
                    break
        except Exception as error:
            if run.cancelled.is_set():
                raise CancelledError from None
            fault = SilentError() if run.exchange.silent else error
            raise self._told(self._mapped(fault, run, _LISTING_TIMEOUT), run).to_error() from None
        self._continues = any(entry.get("owned_by") == _CONTINUES for entry in entries)
        return [info for entry in entries if (info := openai_wire.model(entry, self.name)) is not None]

    def _openai(self) -> openai.OpenAI:
        with self._client_lock:
            key = self._key if self._ask_key is None else _checked_key(self._ask_key())
            if self._client is None or key != self._key:
                self._key = key
                self._client = openai_client.make(self.url, self._key, self._connect_timeout)
            return self._client

    def _name_here(self, model: str, run: Run) -> str:
        """The model's name on the server: the id without the endpoint's name."""
        name = model.removeprefix(f"{self.name}:") or self.model
        if not name:
            offered = self._models(run)
            if not offered:
                raise ModelNotFoundError(f"{self.name} offers no model.", next_step="Load or pull one on the server.")
            name = offered[0].name
        return name

    def _broken(self, error: Exception | None, run: Run, reader: StreamReader) -> Exception:
        """Why a try that did not end well did not."""
        if run.cancelled.is_set():
            return CancelledError()
        if run.exchange.silent and run.exchange.sent:
            begun = reader.first is not None
            limit = self._silence_timeout if begun else self._first_token_timeout
            what = "went silent in the midst of the answer" if begun else "did not begin to answer"
            return ServiceTimeoutError(
                f"{place(self.url)} {what}: nothing for {limit:g} s.", next_step="Try again, or look at the server."
            )
        if error is None or (run.exchange.answered and not openai_client.is_telling(error)):
            return reader.cut()
        return self._mapped(error, run, self._connect_timeout)

    def _mapped(self, error: Exception, run: Run, limit: float) -> WorkbenchError:
        return openai_client.mapped(self.url, error, f"within {limit:g} s", run.exchange.connected_to)

    def _told(self, error: Exception, run: Run) -> ErrorInfo:
        """An error as data: with the server's name for the request, and without the key, which some servers quote."""
        info = without_key(describe(error), self._key)
        if said := run.exchange.request_id:
            info = msgspec.structs.replace(info, details=f"{info.details}\nRequest id: {said}".strip())
        return info


def checked_name(name: str) -> str:
    """An endpoint's name, if it can stand before the ``:`` of a model id; else raises `UsageError`."""
    if not name or any(c in "/\\:" or c.isspace() for c in name) or name in ("local", "builtin"):
        raise UsageError(
            f"An endpoint cannot be named {name!r}.",
            next_step='Choose a word without "/", ":" and spaces, other than "local" and "builtin".',
        )
    return name


def _checked_key(key: str | None) -> str | None:
    key = (key or "").strip()
    if not all("!" <= c <= "~" for c in key):
        raise UsageError("The key holds characters that no key has.", next_step="Copy it again, without quotes.")
    return key or None
