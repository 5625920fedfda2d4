"""llama.cpp, through xllamacpp: GGUF files, on any machine. Knows no process and no thread.

xllamacpp holds the model behind llama.cpp's own server, in this process. Its Python calls give text but no
token ids, so this engine speaks to the server's loopback port, which only the key drawn at load opens: that also
makes a run a plain iterator, and a cancel a closed connection, heard at once even while the server computes.
"""

from __future__ import annotations

import gc
import http.client
import io
import os
import secrets
import socket
import struct
import sys
import time
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from workbench.engines import Capabilities, Engine, LoadedModel, LoadSpec, grammar
from workbench.engines.going_on import gone_on, tokens_of
from workbench.engines.limits import allotted, check, room, settle
from workbench.engines.llama_cpp_tools import Chunks
from workbench.engines.llama_cpp_tools import body as tool_body
from workbench.engines.meter import Meter
from workbench.engines.textstream import TOOL, TextStream, opens_thinking, think_pair
from workbench.errors import EngineError, ModelFilesError, StateError, UsageError, WorkbenchError, describe
from workbench.events import Event, Failed, FinishReason, PrefillProgress
from workbench.messages import Image, plain
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.tokens import Alternative, Token

PREFILL_PIECE = 128
"""Prompt tokens the server reads between two looks at whether it was cancelled."""
PICTURE_PIECE = 512
"""The same for a model that sees: some of them must read a picture in one piece."""
RESERVED_CONTEXT = 16_384
"""Most tokens of context where none was asked for: llama.cpp takes the memory for all of it up front."""
READ_PIECE = 16 * 2**20
"""Bytes of weights read in one step of a load."""
LISTEN_SECONDS = 0.05
"""How often a wait for the server looks whether it was cancelled."""
PENALTY_WINDOW = 64
"""Tokens a repetition penalty looks back on, the prompt included."""
CACHE_BUDGET = 2**30
"""Most bytes of prompts already read beside the last one's, where the load names no other number."""
ALL_F32 = 0
"""What a GGUF file's ``general.file_type`` says when every weight is fp32."""


def make() -> Engine:
    """The engine, its framework imported now. Raises `ImportError` where xllamacpp is not installed."""
    import xllamacpp  # noqa: F401  # so that a missing package is said here

    return LlamaCppEngine()


class LlamaCppEngine:
    """One model under llama.cpp."""

    name = "llama_cpp"

    def __init__(self) -> None:
        self._loaded: LoadedModel | None = None
        self._server: Any = None
        self._address = ""
        self._key = ""
        self._template = ""
        self._parses = False
        """Whether llama.cpp reads the calls of functions: their format is not one that is read here."""
        self._defaults = GenerationOptions()

    @property
    def loaded(self) -> LoadedModel:
        """What is loaded. Raises `StateError` before `load` has ended."""
        if self._loaded is None:
            raise StateError("No model is loaded.", next_step="Load one first.")
        return self._loaded

    def load(self, spec: LoadSpec, cancelled: Callable[[], bool]) -> Iterator[tuple[int, int | None]]:
        """Read a file through, so that it lies in the system's memory, then start the server on it.

        Yields bytes read and in all. Raises `ModelFilesError` on what is no GGUF file or cannot be loaded,
        `OptionError` on a context beyond the model's own. `cache_limit` means nothing here.
        """
        started = time.perf_counter()
        path = Path(spec.path)
        own, file_type = _header(path)
        context = allotted(spec.context_length, own)
        if spec.context_length is None:
            context = min(context, RESERVED_CONTEXT)

        parts = _parts(path)
        total = sum(part.stat().st_size for part in parts)
        yield 0, total
        done = 0
        for read in _read_through(parts, min(READ_PIECE, max(1, total // 16))):
            if cancelled():
                return
            done += read
            yield done, total
        if cancelled():
            return

        self._key = secrets.token_urlsafe(24)
        budget = CACHE_BUDGET if spec.cache_budget is None else spec.cache_budget
        self._server = _serve(path, spec, context, file_type == ALL_F32, self._key, budget // 2**20)
        self._address = self._server.listening_address.removeprefix("http://")
        about = self._ask("GET", "/props")
        meta = self._ask("GET", "/v1/models")["data"][0]["meta"]
        self._template = about.get("chat_template", "")
        can = about.get("chat_template_caps", {})
        self._parses = TOOL[0] not in self._template and bool(
            can.get("supports_tools") and can.get("supports_tool_calls")
        )
        self._defaults = _defaults(about["default_generation_settings"]["params"])
        self._loaded = LoadedModel(
            model=spec.model,
            engine=self.name,
            capabilities=Capabilities(
                seed=True,
                stop=True,
                logprobs=True,
                schema=self._reads_grammars(),
                tools=TOOL[0] in self._template or self._parses,
                prompt_cache=True,
                vision=about.get("modalities", {}).get("vision") is True,
                continues=True,
                formats=("gguf",),
            ),
            context_length=context,
            vocabulary=meta["n_vocab"],
            weights=meta["size"],
            parameters=meta["n_params"],
            seconds=time.perf_counter() - started,
        )

    def generate(self, requests: Sequence[Request], cancelled: Callable[[str], bool]) -> Iterator[Event]:
        """Answer the requests, one after another."""
        for request in requests:
            try:
                yield from self._answer(request, cancelled)
            except WorkbenchError as error:
                yield Failed(run=request.run, error=describe(error))
            except Exception as error:
                failure = EngineError(
                    f"llama.cpp failed: {type(error).__name__}: {error}.", details=traceback.format_exc()
                )
                yield Failed(run=request.run, error=describe(failure))

    def render(self, request: Request) -> str:
        """The exact prompt, by the model's own template; a beginning-of-text token the server adds is not in it. An
        answer to be gone on with is its end.

        Raises `UsageError` where the template refuses the conversation.
        """
        body: dict[str, Any] = {"messages": plain(request.asked)}
        if request.tools and self.loaded.capabilities.tools:
            body["tools"] = [tool.wire() for tool in request.tools]
        if request.options.thinking is not None:
            body["chat_template_kwargs"] = {"enable_thinking": request.options.thinking}
        prompt: str = self._ask("POST", "/apply-template", body)["prompt"]
        return prompt if request.begun is None else gone_on(prompt, request.begun, think_pair(self._template))

    def count_tokens(self, request: Request) -> int:
        """Tokens of that prompt."""
        return len(tokens_of(self.render(request), request.begun, self._encode))

    def save_cache(self, request: Request, file: Path) -> int:
        """llama.cpp keeps its own cache to itself: 0."""
        return 0

    def restore_cache(self, file: Path) -> int:
        """llama.cpp keeps its own cache to itself: 0."""
        return 0

    def unload(self) -> None:
        """Stop the server and let go of the model."""
        self._loaded = self._server = None
        gc.collect()

    def _answer(self, request: Request, cancelled: Callable[[str], bool]) -> Iterator[Event]:
        run, meter = request.run, Meter(request.run)
        check(request, self.loaded)
        options = settle(request.options, self._defaults, self.loaded)
        prompt = self.render(request)
        ids = tokens_of(prompt, request.begun, self._encode)
        meter.prompt = len(ids)
        limit = room(len(ids), options)
        if request.tools and self._parses and not request.continues:
            yield from self._answer_parsed(request, _completion(ids, limit, options, ()), options, meter, cancelled)
            return
        think = think_pair(self._template)
        stream = TextStream(
            run,
            stop=options.stop,
            think=think,
            tool=TOOL if request.tools and not self._parses and self.loaded.capabilities.tools else None,
            thinking=opens_thinking(prompt, think, request.begun),
            after="" if request.begun is None else request.begun.text + request.begun.reasoning,
        )
        body = _completion(ids, limit, options, stream.delimiters)
        if pictures := [p for message in request.messages for p in message.parts if isinstance(p, Image)]:
            body["prompt"] = {
                "prompt_string": prompt,
                "multimodal_data": [b64encode(p.data).decode() for p in pictures],
            }
        held = grammar.written(request, stream, self._tokens) if self.loaded.capabilities.schema else None
        if held is not None:
            body["grammar"] = held

        silent: tuple[int, ...] = ()  # tokens without text: special ones; the last may be the end of the turn
        reason: FinishReason = "cancelled"
        for chunk in self._complete(body, lambda: cancelled(run)):
            progress = chunk.get("prompt_progress")
            if progress:
                meter.cached, meter.prompt = progress["cache"], progress["total"]
                yield PrefillProgress(run=run, done=progress["processed"], total=meter.prompt)
                continue
            before, count = meter.count, chunk["tokens_predicted"]
            if chunk["stop"]:
                meter.count = count  # the end of the turn is counted, too late to be timed
                reason = "stop" if chunk["stop_type"] == "eos" else "length"
                silent = () if reason == "stop" else silent
                break
            yield from meter.generated(count)
            if not chunk["content"]:
                silent += tuple(chunk["tokens"])
                continue
            tokens = silent + self._ids(chunk["content"], tuple(chunk["tokens"]), count - before)
            silent = ()
            logprobs = _with_chances(tokens, chunk, options.logprobs, stream.delimiters)
            yield from stream.feed(chunk["content"], tokens, max(len(tokens), count - before), logprobs)
            if stream.stopped:
                reason = "stop"
                break
        yield from stream.feed("", silent, logprobs=_with_chances(silent, {}, options.logprobs, ()))
        yield from stream.close()
        yield meter.finished(
            "tool_calls" if stream.called and reason == "stop" else reason,
            reasoning_tokens=stream.reasoning_tokens,
            applied=msgspec.structs.replace(options, max_tokens=limit),
            ignored=self._ignored(request, held),
            grammar=held is not None,
        )

    def _answer_parsed(
        self,
        request: Request,
        completion: dict[str, Any],
        options: GenerationOptions,
        meter: Meter,
        cancelled: Callable[[str], bool],
    ) -> Iterator[Event]:
        """Answer a request with tools whose calls llama.cpp itself reads."""
        chunks = Chunks(request.run)
        body = tool_body(request, completion, options)
        for chunk in self._complete(body, lambda: cancelled(request.run), path="/v1/chat/completions"):
            if progress := chunk.get("prompt_progress"):
                meter.cached = progress["cache"]
                yield PrefillProgress(run=request.run, done=progress["processed"], total=meter.prompt)
            elif counted := chunk.get("timings"):
                yield from meter.generated(counted["predicted_n"])
            yield from chunks.read(chunk)
        yield from chunks.calls()
        asked = {"logprobs": options.logprobs is not None, "schema": request.schema is not None}
        yield meter.finished(
            chunks.reason or "cancelled",
            reasoning_tokens=0,
            applied=msgspec.structs.replace(options, max_tokens=completion["n_predict"], logprobs=None),
            ignored=tuple(dict.fromkeys((*(name for name in asked if asked[name]), *self._ignored(request, None)))),
        )

    def _encode(self, prompt: str) -> list[int]:
        body = {"content": prompt, "add_special": True, "parse_special": True}
        ids: list[int] = self._ask("POST", "/tokenize", body)["tokens"]
        return ids

    def _tokens(self, mark: str) -> list[int]:
        """The tokens of a delimiter."""
        ids: list[int] = self._ask("POST", "/tokenize", {"content": mark, "parse_special": True})["tokens"]
        return ids

    def _reads_grammars(self) -> bool:
        """Whether this build has llguidance inside: it shows in what it makes of a schema. One without it ends the
        process where it meets such a grammar.
        """
        body = {"prompt": [0], "n_predict": 0, "json_schema": {}, "cache_prompt": False}
        made = self._ask("POST", "/completion", body)["generation_settings"]["grammar"]
        return isinstance(made, str) and made.startswith("%llguidance")

    def _ids(self, text: str, known: tuple[int, ...], count: int) -> tuple[int, ...]:
        """The ids behind a text of `count` tokens.

        The server sends whole characters, and names only the token that completed one. The others are found
        by writing the character again; where that gives another spelling, they stay unknown.
        """
        if len(known) == count:
            return known
        again = tuple(self._ask("POST", "/tokenize", {"content": text})["tokens"])
        return again if len(again) == count and again[-len(known) :] == known else known

    def _ignored(self, request: Request, held: str | None) -> tuple[str, ...]:
        asked = {
            "schema": request.schema is not None and held is None,
            "thinking": request.options.thinking is not None and "enable_thinking" not in self._template,
            "tools": bool(request.tools) and not self.loaded.capabilities.tools,
        }
        return tuple(name for name, ignored in asked.items() if ignored)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One call to the server, answered whole."""
        connection = http.client.HTTPConnection(self._address)
        try:
            with self._send(connection, method, path, body) as response:
                return msgspec.json.decode(response.read())
        finally:
            connection.close()

    def _complete(
        self, body: dict[str, Any], cancelled: Callable[[], bool], *, path: str = "/completion"
    ) -> Iterator[dict[str, Any]]:
        """A completion's chunks as they come; ends early when cancelled. Closing it stops the server too."""
        connection = _Connection(self._address, cancelled)
        try:
            with self._send(connection, "POST", path, body) as response:
                for line in response:
                    if cancelled():
                        return
                    kind, _, data = line.partition(b": ")
                    if kind == b"error":
                        raise _refusal(data)
                    if kind == b"data" and data.strip() != b"[DONE]":
                        yield msgspec.json.decode(data)
        except _CancelledError:
            return
        finally:
            connection.close()

    def _send(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: dict[str, Any] | None
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else msgspec.json.encode(body), headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"llama.cpp's server does not answer: {error}.") from error
        if response.status != 200:
            raise _refusal(response.read())
        return response


class _CancelledError(Exception):
    """A wait for the server was cut short."""


class _Wire(io.RawIOBase):
    """What a socket sends, read with an ear for a cancel."""

    def __init__(self, sock: socket.socket, cancelled: Callable[[], bool]) -> None:
        self._socket = sock
        self._cancelled = cancelled

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            try:
                return self._socket.recv_into(buffer)
            except TimeoutError:
                if self._cancelled():
                    raise _CancelledError from None


class _Response(http.client.HTTPResponse):
    """A response read through a `_Wire`."""

    def __init__(self, sock: socket.socket, *args: Any, cancelled: Callable[[], bool], **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        sock.settimeout(LISTEN_SECONDS)
        self.fp = io.BufferedReader(_Wire(sock, cancelled))


class _Connection(http.client.HTTPConnection):
    """A connection whose responses end with `_CancelledError` soon after a cancel, whatever the server does."""

    def __init__(self, address: str, cancelled: Callable[[], bool]) -> None:
        super().__init__(address)
        self.response_class = lambda sock, *a, **k: _Response(sock, *a, cancelled=cancelled, **k)  # type: ignore[assignment]  # called like the class


def _serve(path: Path, spec: LoadSpec, context: int, full_precision: bool, key: str, cache_mib: int) -> Any:
    """llama.cpp's server on one file, for this process only. Raises `ModelFilesError` when it does not start.

    It goes on from the prompt it read last as far as the next one begins like it; `cache_mib` is for those before.
    """
    import xllamacpp

    mac = sys.platform == "darwin"
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {spec.model}
    if spec.projector is not None:
        params.mmproj.path = spec.projector
        params.mmproj_use_gpu = mac
    params.api_keys = [key]
    params.cors_origins = "http://127.0.0.1"
    params.ui = False
    params.endpoint_slots = False
    params.prefill_assistant = False
    params.n_threads_http = 4
    params.n_parallel = 1
    params.n_ctx = context
    params.n_batch = params.n_ubatch = PREFILL_PIECE if spec.projector is None else PICTURE_PIECE
    params.cache_ram_mib = cache_mib
    params.warmup = False
    params.verbosity = 0
    params.n_gpu_layers = -1 if mac else 0
    if not mac:
        threads = max(1, (os.cpu_count() or 2) // 2)
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    if full_precision:  # a cache as fine as the weights: what parity with other engines needs
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    # Everything off, so that what the server says of its sampling is what the file asks for.
    params.sampling.temp, params.sampling.top_k = 0.0, 0
    params.sampling.top_p, params.sampling.min_p = 1.0, 0.0
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        if spec.projector is not None:
            raise ModelFilesError(
                f"llama.cpp cannot load {spec.model} with {Path(spec.projector).name}, through which it would see.",
                next_step="Download that file again; or move it away, and the model answers without pictures.",
                details=str(error),
            ) from error
        raise ModelFilesError(
            f"llama.cpp cannot load {spec.model}: the file is damaged, or of a kind this version does not know.",
            next_step="Download it again, or choose another model.",
            details=str(error),
        ) from error


def _completion(ids: list[int], limit: int, options: GenerationOptions, delimiters: tuple[str, ...]) -> dict[str, Any]:
    seed = {} if options.seed is None else {"seed": options.seed % (2**32 - 1)}  # the last one means: draw one
    return seed | {
        "prompt": ids,
        "n_predict": limit,
        "stream": True,
        "return_tokens": True,
        "return_progress": True,
        "cache_prompt": True,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "min_p": options.min_p,
        "repeat_penalty": options.repetition_penalty,
        "repeat_last_n": PENALTY_WINDOW,
        "preserved_tokens": list(delimiters),
        "n_probs": 0 if options.logprobs is None else max(1, options.logprobs),
        "post_sampling_probs": False,
    }


def _with_chances(
    tokens: tuple[int, ...], chunk: dict[str, Any], asked: int | None, delimiters: tuple[str, ...]
) -> tuple[Token, ...]:
    """The tokens of a chunk with their probabilities: the server says those of the last one, which completed the text.

    They are the log-softmax of the logits before any sampler: temperature, filters and penalties do not count.
    """
    if asked is None:
        return ()
    before = [Token(token, "", None) for token in tokens]
    told = chunk.get("completion_probabilities")
    if not told:
        return tuple(before)
    last = told[-1]
    likeliest = []
    for each in last["top_logprobs"][:asked]:
        text = bytes(each["bytes"]).decode(errors="replace")
        likeliest.append(Alternative(each["id"], "" if text in delimiters else text, each["logprob"]))
    return (*before[:-1], Token(last["id"], chunk["content"], last["logprob"], tuple(likeliest)))


def _defaults(params: dict[str, Any]) -> GenerationOptions:
    """The sampling a file asks for; the server writes its numbers in single precision."""
    return GenerationOptions(
        temperature=round(params["temperature"], 6),
        top_p=round(params["top_p"], 6) or None,
        top_k=max(0, params["top_k"]),
        min_p=round(params["min_p"], 6),
        repetition_penalty=round(params["repeat_penalty"], 6) or None,
    )


def _refusal(data: bytes) -> WorkbenchError:
    """What the server says of a request it does not take."""
    try:
        error = msgspec.json.decode(data)["error"]
        code, message = error["code"], error["message"]
    except (msgspec.DecodeError, LookupError, TypeError):
        return EngineError("llama.cpp failed without a reason.", details=data.decode(errors="replace"))
    if code == 400:
        return UsageError(f"llama.cpp refuses this request: {message}")
    return EngineError(f"llama.cpp failed: {message}")


def _header(path: Path) -> tuple[int, int | None]:
    """A GGUF file's own context length, in tokens, and its file type. Raises `ModelFilesError` on any other file."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise ModelFilesError(f"{path} is not a GGUF file.", next_step="Download it again.")
            version, _, count = struct.unpack("<IQQ", file.read(20))
            if version not in (2, 3):
                raise ModelFilesError(f"{path} is GGUF version {version}; versions 2 and 3 can be read.")
            return _facts(file, count)
    except OSError as error:
        raise ModelFilesError(f"{path} cannot be read: {error.strerror}.") from error
    except (struct.error, UnicodeDecodeError, KeyError) as error:
        raise ModelFilesError(f"{path} ends in its header, or is damaged.", next_step="Download it again.") from error


_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


def _facts(file: BinaryIO, count: int) -> tuple[int, int | None]:
    """Context length and file type from the key-value part of a GGUF header, read only as far as needed."""
    context, file_type = None, None
    for _ in range(count):
        key = _string(file)
        value = _value(file, *struct.unpack("<I", file.read(4)))
        if key == "general.file_type":
            file_type = value
        elif key.endswith(".context_length"):
            context = value
        if context is not None and file_type is not None:
            break
    return context or RESERVED_CONTEXT, file_type


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        kind, length = struct.unpack("<IQ", file.read(12))
        return [_value(file, kind) for _ in range(length)]
    (value,) = struct.unpack("<" + _SCALARS[kind], file.read(struct.calcsize(_SCALARS[kind])))
    return value


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    return file.read(length).decode()


def _parts(path: Path) -> list[Path]:
    """The files of a model split as ``name-00001-of-00003.gguf``, or the one file."""
    stem, mark, count = path.stem.rpartition("-of-")
    if not mark or not count.isdigit():
        return [path]
    parts = sorted(path.parent.glob(f"{stem[:-5]}?????-of-{count}.gguf"))
    if len(parts) != int(count):
        raise ModelFilesError(f"{path} is one of {int(count)} files, of which {len(parts)} are there.")
    return parts


def _read_through(paths: list[Path], piece: int) -> Iterator[int]:
    for path in paths:
        with path.open("rb", buffering=0) as file:
            buffer = bytearray(piece)
            while read := file.readinto(buffer):
                yield read
