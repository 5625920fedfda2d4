"""A model on an OpenAI-compatible server: Ollama, LM Studio, vLLM, llama.cpp, OpenAI. Knows no session.

The openai client makes and signs the requests; its raw response is read by `openai_stream`. Nothing is tried
twice. Every run has a connection of its own, so that cancelling one closes it and the server stops working.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import msgspec

from workbench.errors import (
    BadResponseError,
    ModelNotFoundError,
    ServiceError,
    ServiceTimeoutError,
    UsageError,
    WorkbenchError,
    describe,
)
from workbench.events import Event, Failed, Finished, FinishReason, LoadProgress, Notice
from workbench.messages import new_id, plain
from workbench.model import ModelInfo
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.address import is_here, place, usual_name, whole_url
from workbench.services.http_errors import UNREADABLE, fault_of, not_the_protocol, refused, reported, unreachable
from workbench.services.openai_stream import StreamReader

if TYPE_CHECKING:
    import openai

_LISTING_TIMEOUT = 5.0
_AFTERWORD_TIMEOUT = 3.0  # for the usage and [DONE], when the answer itself has ended
_WATCH_PERIOD = 1.0
_HEADERS = {"Connection": "close"}  # one connection a run: closing it cancels that run and no other


class RemoteChatService:
    """Chats answered by an OpenAI-compatible server; a `workbench.services.ChatService`.

    `url` may be what people paste (see `workbench.services.address`). `key` is sent to this server only and shown
    nowhere. `model` is the default model's name on the server. The timeouts are seconds: to connect, to the
    first piece of an answer, and from one piece to the next. A busy server keeps its own queue.

    Raises `UsageError` on a bad address, name or key.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        name: str | None = None,
        model: str | None = None,
        connect_timeout: float = 5.0,
        first_token_timeout: float = 600.0,
        silence_timeout: float = 120.0,
    ) -> None:
        self.url = whole_url(url)
        self.name = usual_name(self.url) if name is None else checked_name(name)
        self.model = model
        self._key = _checked_key(key)
        self._connect_timeout = connect_timeout
        self._first_token_timeout = first_token_timeout
        self._silence_timeout = silence_timeout
        self._runs: WeakValueDictionary[str, _Run] = WeakValueDictionary()
        self._client: openai.OpenAI | None = None
        self._client_lock = threading.Lock()
        self._here = threading.local()

    def __repr__(self) -> str:
        return f"RemoteChatService({self.url!r}, name={self.name!r})"

    def models(self) -> list[ModelInfo]:
        """The models the server offers now. Raises errors under `ServiceError`."""
        try:
            response = self._openai().models.with_raw_response.list(timeout=_LISTING_TIMEOUT, extra_headers=_HEADERS)
            body = response.http_response.text
        except Exception as error:
            raise self._redacted(self._mapped(error, f"within {_LISTING_TIMEOUT:g} s")) from None
        try:
            listing = msgspec.json.decode(body)
        except UNREADABLE:
            raise not_the_protocol(self.url, body) from None
        if (fault := fault_of(listing)) is not None:
            raise reported(self.url, fault)
        entries = _entries(listing)
        if entries is None:
            raise not_the_protocol(self.url, body)
        return [self._info(e, name) for e in entries if (name := _name_of(e))]

    def stream(self, request: Request) -> Iterator[Event]:
        """Answer; never raises for a failure: the last event is one `Finished` or `Failed`."""
        run = _Run()
        self._runs[request.run] = run
        return self._answer(request, run)

    def cancel(self, run: str) -> None:
        """Close the run's connection, which makes the server stop; unknown or ended runs are ignored."""
        if (known := self._runs.get(run)) is not None:
            known.cancel()

    def load(self, model: str, *, run: str | None = None, force: bool = False) -> Iterator[Event]:
        """Ask whether the server answers: loading is its own business. One `LoadProgress`, or one `Failed`."""
        run, started = run or new_id(), time.perf_counter()
        try:
            self.models()
        except WorkbenchError as error:
            yield Failed(run=run, error=error.info)
            return
        yield LoadProgress(run=run, model=model, done=0, seconds=time.perf_counter() - started)

    def unload(self, model: str | None = None) -> None:
        """Nothing: the server decides what it keeps in memory."""

    def count_tokens(self, request: Request) -> int | None:
        """``None``: only the server can count."""
        return None

    def render(self, request: Request) -> str | None:
        """``None``: the server makes the prompt."""
        return None

    def close(self) -> None:
        """Cancel every run and let go of the client."""
        for run in list(self._runs.values()):
            run.cancel()
        with self._client_lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _answer(self, request: Request, run: _Run) -> Iterator[Event]:
        reader = StreamReader(self.url, request.run)
        asked = request.options
        ignored = ["context_length"] if asked.context_length is not None else []
        for name in ignored:
            yield Notice(
                run=request.run,
                code="option_ignored",
                message=f"{name} was ignored: {self.name} decides that itself.",
                model=request.model,
            )
        run.start()
        try:
            with closing(self._received(request, run, reader)) as received:
                for data in received:
                    yield from reader.feed(data)
            yield from reader.end()
        except _CancelledError:
            yield from reader.flush()
            reason: FinishReason = "cancelled"
        except WorkbenchError as error:
            yield from reader.flush()
            yield Failed(run=request.run, error=self._redacted(error).info, metrics=reader.metrics(run.started))
            return
        except Exception as error:
            yield Failed(run=request.run, error=describe(error), metrics=reader.metrics(run.started))
            return
        else:
            reason = reader.finish or "stop"
        finally:
            run.end()
        if asked.stop and any(s in "".join(reader.texts) for s in asked.stop):
            ignored.append("stop")
        if asked.max_tokens is not None and (reader.usage.completion_tokens or 0) > asked.max_tokens:
            ignored.append("max_tokens")
        yield Finished(
            run=request.run,
            reason=reason,
            usage=reader.usage,
            metrics=reader.metrics(run.started),
            applied=GenerationOptions(**{k: v for k, v in asked.given().items() if k not in ignored}),  # type: ignore[arg-type]  # they come from one
            ignored=tuple(ignored),
        )

    def _received(self, request: Request, run: _Run, reader: StreamReader) -> Generator[bytes, None, None]:
        """The bytes of the answer; every way they can end too early, as one of our errors."""
        try:
            run.expect(self._first_token_timeout)
            with self._opened(request, run) as response:
                for data in _body(response):
                    run.rest()
                    yield data
                    if reader.done:
                        return
                    run.expect(self._patience(reader))
        except Exception as error:
            if run.cancelled or reader.finish is None:
                raise self._broken(error, run, reader) from None
        if run.cancelled or (run.silent and reader.finish is None):
            raise self._broken(None, run, reader)

    def _patience(self, reader: StreamReader) -> float:
        """Seconds to wait for the next bytes."""
        if reader.finish is not None:
            return _AFTERWORD_TIMEOUT
        return self._silence_timeout if reader.first is not None else self._first_token_timeout

    @contextmanager
    def _opened(self, request: Request, run: _Run) -> Iterator[Any]:
        """The raw response of a request; leaving closes its connection."""
        completions = self._openai().chat.completions.with_streaming_response
        body = self._body(request)
        if run.cancelled:
            raise _CancelledError
        run.started = time.perf_counter()  # importing the client is not the server's time
        self._here.run = run
        try:
            opening = completions.create(**body, extra_headers=_HEADERS)
            response = opening.__enter__()
        finally:
            del self._here.run
        try:
            yield response
        finally:
            opening.__exit__(None, None, None)

    def _openai(self) -> openai.OpenAI:
        with self._client_lock:
            if self._client is None:
                import openai

                # Proxies and the person's own OpenAI organisation and key stay out of talks with other servers.
                host = place(self.url).rpartition(":")[0] or place(self.url)
                timeout = openai.Timeout(None, connect=self._connect_timeout, write=60.0, pool=self._connect_timeout)
                http = openai.DefaultHttpxClient(
                    timeout=timeout, trust_env=not is_here(host.strip("[]")), event_hooks={"request": [self._traced]}
                )
                self._client = openai.OpenAI(
                    base_url=self.url, api_key=self._key or "none", max_retries=0, timeout=timeout, http_client=http
                )
                if not host.endswith("openai.com"):
                    self._client.organization = self._client.project = None
            return self._client

    def _traced(self, request: Any) -> None:
        """Lets a run see its own socket, to cut it while another thread waits on it."""
        run = getattr(self._here, "run", None)
        if run is not None:
            request.extensions["trace"] = run.traced

    def _body(self, request: Request) -> dict[str, Any]:
        """What is sent: standard options by their names, the others in the request's extra body."""
        options = request.options
        body: dict[str, Any] = {
            "model": self._name_here(request.model),
            "messages": plain(request.messages),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        # OpenAI's newer models refuse max_tokens; several local servers know nothing else.
        longest = "max_completion_tokens" if place(self.url) == "api.openai.com" else "max_tokens"
        standard: dict[str, Any] = {
            longest: options.max_tokens,
            "temperature": options.temperature,
            "top_p": options.top_p,
            "seed": options.seed,
            "stop": list(options.stop) or None,
        }
        extra: dict[str, Any] = {
            "top_k": options.top_k,
            "min_p": options.min_p,
            "repeat_penalty": options.repetition_penalty,  # llama.cpp's name for it
            "repetition_penalty": options.repetition_penalty,  # that of vLLM and mlx_lm.server
            "chat_template_kwargs": None if options.thinking is None else {"enable_thinking": options.thinking},
        }
        body |= {k: v for k, v in standard.items() if v is not None}
        if given := {k: v for k, v in extra.items() if v is not None}:
            body["extra_body"] = given
        if request.tools:
            body["tools"] = [t.wire() for t in request.tools]
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": request.schema, "strict": True},
            }
        return body

    def _name_here(self, model: str) -> str:
        """The model's name on the server: the id without the endpoint's name."""
        name = model.removeprefix(f"{self.name}:") or self.model
        if not name:
            offered = self.models()
            if not offered:
                raise ModelNotFoundError(f"{self.name} offers no model.", next_step="Load or pull one on the server.")
            name = offered[0].name
        return name

    def _info(self, entry: dict[str, Any], name: str) -> ModelInfo:
        found = entry.get("meta")
        meta: dict[str, Any] = found if isinstance(found, dict) else {}
        length = meta.get("n_ctx") or meta.get("n_ctx_train") or entry.get("max_model_len")
        shape = entry.get("architecture")
        takes = shape.get("input_modalities") if isinstance(shape, dict) else None
        return ModelInfo(
            id=f"{self.name}:{name}",
            name=name,
            provider=self.name,
            context_length=length if isinstance(length, int) else None,
            parameters=meta.get("n_params") if isinstance(meta.get("n_params"), int) else None,
            size=meta.get("size") if isinstance(meta.get("size"), int) else None,
            capabilities=frozenset({"vision"}) if isinstance(takes, list) and "image" in takes else frozenset(),
        )

    def _broken(self, error: Exception | None, run: _Run, reader: StreamReader) -> Exception:
        """Why a run that did not end well did not."""
        if run.cancelled:
            return _CancelledError()
        if run.silent:
            begun = reader.first is not None
            limit = self._silence_timeout if begun else self._first_token_timeout
            what = "went silent in the midst of the answer" if begun else "did not begin to answer"
            return ServiceTimeoutError(
                f"{place(self.url)} {what}: nothing for {limit:g} s.", next_step="Try again, or look at the server."
            )
        if error is None or (run.answered and not _is_mappable(error)):
            return reader.cut()
        return self._mapped(error, f"within {self._connect_timeout:g} s")

    def _mapped(self, error: Exception, limit: str) -> WorkbenchError:
        """The one place where the client's exceptions become ours."""
        import openai

        if isinstance(error, WorkbenchError):
            return error
        if isinstance(error, openai.APIStatusError):
            return refused(self.url, error.status_code, error.response.text, error.response.headers)
        if isinstance(error, openai.APITimeoutError):
            return ServiceTimeoutError(
                f"{place(self.url)} did not answer {limit}.", next_step="Check the address and the network."
            )
        if isinstance(error, openai.APIConnectionError | OSError):
            return unreachable(self.url, error)
        if isinstance(error, openai.APIError):
            return BadResponseError(f"{place(self.url)}: {error.message}", next_step="Look at the server's log.")
        return ServiceError(f"Talking to {place(self.url)} failed: {type(error).__name__}: {error}.")

    def _redacted(self, error: WorkbenchError) -> WorkbenchError:
        """The error with the key struck out: some servers quote it."""
        if not self._key:
            return error
        words = {f: getattr(error, f).replace(self._key, "(key)") for f in ("message", "next_step", "details")}
        return msgspec.structs.replace(error.info, **words).to_error()


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


def _body(response: Any) -> Iterator[bytes]:
    """The bytes of a response as they come; a JSON body comes whole and on one line."""
    if "application/json" in response.headers.get("content-type", ""):
        yield response.read().replace(b"\n", b" ") + b"\n"
    else:
        yield from response.iter_bytes()


def _entries(listing: object) -> list[dict[str, Any]] | None:
    """The entries of a model list, in whatever key they come; ``None`` when it is no list at all."""
    if isinstance(listing, dict):
        listing = next((listing[k] for k in ("data", "models") if k in listing), None)
        listing = [] if listing is None else listing
    return [e if isinstance(e, dict) else {"id": e} for e in listing] if isinstance(listing, list) else None


def _name_of(entry: dict[str, Any]) -> str | None:
    """What to ask a listed model by; ``None`` for an entry without a name."""
    names = (entry.get(k) for k in ("id", "name", "model"))
    return next((n for n in names if isinstance(n, str) and n), None)


def _is_mappable(error: Exception) -> bool:
    """Whether an error says itself what happened, unlike a transport's in the midst of an answer."""
    import openai

    return isinstance(error, WorkbenchError | openai.OpenAIError)


class _CancelledError(Exception):
    """The run was cancelled; never leaves this module."""


class _Run:
    """One run's connection, and the patience with it."""

    def __init__(self) -> None:
        self.cancelled = False
        self.silent = False
        """Whether patience ran out."""
        self.answered = False
        """Whether the server began its answer, headers included."""
        self.started = 0.0
        self._deadline = math.inf
        self._socket: socket.socket | None = None
        self._over = threading.Event()

    def start(self) -> None:
        self.started = time.perf_counter()
        threading.Thread(target=self._watch, name="workbench-remote-watch", daemon=True).start()

    def expect(self, seconds: float) -> None:
        """The next bytes are due within that many seconds."""
        self._deadline = time.perf_counter() + seconds

    def rest(self) -> None:
        """Nothing is due: bytes came, and whoever reads them may take their time."""
        self._deadline = math.inf

    def cancel(self) -> None:
        self.cancelled = True
        self._hang_up()

    def end(self) -> None:
        self._over.set()

    def traced(self, name: str, info: dict[str, Any]) -> None:
        """Called by the transport as the request goes on."""
        if name.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if self.cancelled:
                self._hang_up()
        elif name.endswith("receive_response_headers.complete"):
            self.answered = True

    def _watch(self) -> None:
        while not self._over.wait(min(max(0.0, self._deadline - time.perf_counter()), _WATCH_PERIOD)):
            if time.perf_counter() >= self._deadline:
                self.silent = True
                self._hang_up()
                return

    def _hang_up(self) -> None:
        """Wakes whoever reads the socket; closing it from another thread would not."""
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
