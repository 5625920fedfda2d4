"""MLX, through mlx-lm: folders of safetensors, on Apple silicon or a Linux CPU. Knows no process and no thread.

Arrays belong to the thread that made them, so an engine lives on one thread. The framework is imported by
`make`, not by this module.

The key-value cache of the last run is kept. The next prompt starts from the longest prefix the two share, where
the model's cache can be cut back (a rotating cache that has wrapped and a state-space model's cannot: those start
anew), so a chat's next turn does not pay for the turns before it.
"""

from __future__ import annotations

import gc
import json
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from workbench.engines import Capabilities, Engine, LoadedModel, LoadSpec
from workbench.engines.limits import allotted, check, room, settle
from workbench.engines.meter import Meter
from workbench.engines.textstream import (
    THINK,
    TOOL,
    TextStream,
    Utf8,
    byte_level,
    gone_on,
    named_calls,
    opens_thinking,
    parse_calls,
)
from workbench.errors import (
    EngineError,
    EngineMissingError,
    ModelFilesError,
    StateError,
    UsageError,
    WorkbenchError,
    describe,
)
from workbench.events import Event, Failed, FinishReason, PrefillProgress
from workbench.messages import plain
from workbench.options import GenerationOptions
from workbench.request import Request

LOAD_STEPS = 16
"""A load shows at least this many steps, as far as single arrays are small enough."""
LOAD_PIECE = 64 * 2**20
"""Most bytes of weights materialised in one step, one larger array aside."""
FIRST_PIECE = 32
"""Prompt tokens read in the first step; the steps then adapt to the machine, so that a cancel is soon heard."""
PENALTY_WINDOW = 64
"""Tokens a repetition penalty looks back on, the prompt included; llama.cpp's own number."""
FALLBACK_CONTEXT = 4096
"""Tokens of context for a model whose config does not say."""
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "tiktoken.model")
SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


def make() -> Engine:
    """The engine, its framework imported now (about a second).

    Raises `EngineMissingError` on a machine MLX has no build for; `ImportError` where mlx-lm is not installed.
    """
    if sys.platform == "win32" or (sys.platform == "darwin" and platform.machine() != "arm64"):
        here = "Windows" if sys.platform == "win32" else "a Mac with an Intel processor"
        raise EngineMissingError(
            f"MLX runs on Macs with Apple silicon and on Linux, not on {here}.",
            next_step="Use a GGUF model with llama.cpp, or connect to a server.",
        )
    import mlx_lm  # noqa: F401  # the slow import happens here, once

    return MlxEngine()


class MlxEngine:
    """One model under mlx-lm."""

    name = "mlx"

    def __init__(self) -> None:
        self._loaded: LoadedModel | None = None
        self._model: Any = None
        self._tokenizer: Any = None
        self._defaults = GenerationOptions()
        self._kept: tuple[list[Any], list[int]] | None = None  # a cache, and the tokens it holds
        self._piece = FIRST_PIECE

    @property
    def loaded(self) -> LoadedModel:
        """What is loaded. Raises `StateError` before `load` has ended."""
        if self._loaded is None:
            raise StateError("No model is loaded.", next_step="Load one first.")
        return self._loaded

    def load(self, spec: LoadSpec, cancelled: Callable[[], bool]) -> Iterator[tuple[int, int | None]]:
        """Load a folder lazily, then materialise its weights piece by piece; yields bytes done and in all.

        Raises `ModelFilesError` with the framework's reason, `OptionError` on a context beyond the model's own.
        """
        import mlx.core as mx
        from mlx.utils import tree_flatten
        from mlx_lm.utils import (
            get_total_parameters,
            load_model,
            load_tokenizer,
            maybe_set_recommended_wired_limit,
        )

        _end_streams_with_this_thread()
        started = time.perf_counter()
        folder = Path(spec.path)
        _require(folder)
        mx.set_cache_limit(spec.cache_limit)
        maybe_set_recommended_wired_limit()
        if mx.default_device() == mx.cpu:
            mx.disable_compile()  # on a CPU it runs a C++ compiler in the middle of an answer, and gains nothing
        try:
            model, config = load_model(folder, lazy=True)
            tokenizer = load_tokenizer(folder, eos_token_ids=config.get("eos_token_id"))  # type: ignore[no-untyped-call]  # mlx-lm
        except Exception as error:
            raise _unloadable(spec.model, error) from error
        text_config = config.get("text_config") or config
        context = allotted(spec.context_length, _context_length(text_config, tokenizer))

        flat: Any = tree_flatten(model.parameters())
        arrays = [array for _, array in flat]
        total = sum(array.nbytes for array in arrays)
        yield 0, total
        done = 0
        for piece in _pieces(arrays, min(LOAD_PIECE, total // LOAD_STEPS)):
            if cancelled():
                return
            try:
                mx.eval(piece)
            except Exception as error:
                raise _unloadable(spec.model, error) from error
            done += sum(array.nbytes for array in piece)
            yield done, total
        if cancelled():
            return

        self._model, self._tokenizer, self._kept = model, tokenizer, None
        self._defaults = _defaults(folder)
        self._loaded = LoadedModel(
            model=spec.model,
            engine=self.name,
            capabilities=Capabilities(
                seed=True,
                stop=True,
                tools=tokenizer.has_tool_calling or TOOL[0] in str(tokenizer.chat_template),
                prompt_cache=True,
                continues=True,
                formats=("safetensors",),
            ),
            context_length=context,
            vocabulary=text_config.get("vocab_size") or len(tokenizer),
            weights=total,
            parameters=get_total_parameters(model),  # type: ignore[no-untyped-call]  # mlx-lm
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
                self._kept = None
                failure = EngineError(f"MLX failed: {type(error).__name__}: {error}.", details=traceback.format_exc())
                yield Failed(run=request.run, error=describe(failure))

    def render(self, request: Request) -> str:
        """The exact prompt, by the model's own template. An answer to be gone on with is its end.

        Raises `ModelFilesError` for a model without one, `UsageError` where the template refuses the conversation.
        """
        model = self.loaded.model
        if not self._tokenizer.has_chat_template:
            raise ModelFilesError(
                f"{model} has no chat template: it completes text and cannot chat.",
                next_step="Choose an instruct or chat model.",
            )
        tools = [tool.wire() for tool in request.tools] if self.loaded.capabilities.tools else []
        thinking = request.options.thinking
        try:
            prompt: str = self._tokenizer.apply_chat_template(
                _template_messages(request),
                tools=tools or None,
                add_generation_prompt=True,
                tokenize=False,
                **({} if thinking is None else {"enable_thinking": thinking}),
            )
        except Exception as error:
            raise UsageError(f"The chat template of {model} refuses this conversation: {error}.") from error
        return prompt if request.begun is None else gone_on(prompt, request.begun, self._think)

    def count_tokens(self, request: Request) -> int:
        """Tokens of that prompt."""
        return len(self._encode(self.render(request)))

    def save_cache(self, request: Request, file: Path) -> int:
        """Nothing yet: 0."""
        return 0

    def restore_cache(self, file: Path) -> int:
        """Nothing yet: 0."""
        return 0

    def unload(self) -> None:
        """Let go of the model and its memory. Some stays with the process until it ends."""
        if self._model is None:
            return
        import mlx.core as mx

        self._loaded = self._model = self._tokenizer = self._kept = None
        gc.collect()
        mx.clear_cache()

    def _answer(self, request: Request, cancelled: Callable[[str], bool]) -> Iterator[Event]:
        import mlx.core as mx
        from mlx_lm.generate import generate_step

        run, meter = request.run, Meter(request.run)
        mx.reset_peak_memory()
        check(request, self.loaded)
        options = settle(request.options, self._defaults, self.loaded)
        prompt = self.render(request)
        ids = self._encode(prompt)
        limit = room(len(ids), options)
        stream = self._stream(request, prompt)
        piece, utf8 = _piece_of(self._tokenizer, stream.delimiters), Utf8()
        sampler, processors = _sampling(options, self.loaded.vocabulary, ids)

        cache, cached = self._start(ids)
        meter.prompt, meter.cached = len(ids), cached
        generated: list[int] = []
        reason: FinishReason = "length"
        steps = None
        try:
            for done in self._prefill(ids, cache, cached, lambda: cancelled(run)):
                yield PrefillProgress(run=run, done=done, total=len(ids))
            steps = generate_step(
                mx.array(ids[-1:]),
                self._model,
                max_tokens=limit,
                sampler=sampler,
                logits_processors=processors,
                prompt_cache=cache,
            )
            while True:
                if cancelled(run):
                    reason = "cancelled"
                    break
                if (step := next(steps, None)) is None:
                    break
                token = int(step[0])
                generated.append(token)
                yield from meter.generated(len(generated))
                if token in self._tokenizer.eos_token_ids:
                    reason = "stop"
                    break
                yield from stream.feed(*utf8.feed(token, piece(token)))
                if stream.stopped:
                    reason = "stop"
                    break
        finally:
            if steps is not None:
                steps.close()
            self._keep(cache, ids + generated)
        yield from stream.feed("", utf8.close())
        yield from stream.close()
        yield meter.finished(
            "tool_calls" if stream.called and reason == "stop" else reason,
            reasoning_tokens=stream.reasoning_tokens,
            peak_memory=mx.get_peak_memory(),
            applied=msgspec.structs.replace(options, max_tokens=limit),
            ignored=self._ignored(request),
        )

    def _stream(self, request: Request, prompt: str) -> TextStream:
        tokenizer = self._tokenizer
        think, tool = self._think, TOOL
        parse: Callable[[str], list[tuple[str, str]]] = parse_calls
        if tokenizer.has_tool_calling:
            tool = (tokenizer.tool_call_start, tokenizer.tool_call_end or "")
            parse = _parser(tokenizer.tool_parser, request)
        return TextStream(
            request.run,
            stop=request.options.stop,
            think=think,
            tool=tool if request.tools and self.loaded.capabilities.tools else None,
            thinking=opens_thinking(prompt, think, request.begun),
            after="" if request.begun is None else request.begun.text + request.begun.reasoning,
            parse=parse,
        )

    @property
    def _think(self) -> tuple[str, str]:
        tokenizer = self._tokenizer
        return (tokenizer.think_start, tokenizer.think_end) if tokenizer.has_thinking else THINK

    def _encode(self, prompt: str) -> list[int]:
        return list(self._tokenizer.encode(prompt, add_special_tokens=False))

    def _ignored(self, request: Request) -> tuple[str, ...]:
        template = self._tokenizer.chat_template
        asked = {
            "schema": request.schema is not None,
            "thinking": request.options.thinking is not None and "enable_thinking" not in str(template),
            "tools": bool(request.tools) and not self.loaded.capabilities.tools,
        }
        return tuple(name for name, ignored in asked.items() if ignored)

    def _start(self, ids: list[int]) -> tuple[list[Any], int]:
        """A cache to go on from, and how many tokens of the prompt it holds."""
        from mlx_lm.models.cache import can_trim_prompt_cache, make_prompt_cache, trim_prompt_cache

        kept, self._kept = self._kept, None
        if kept is not None and can_trim_prompt_cache(kept[0]):
            cache, held = kept
            shared = _shared(held, ids[:-1])  # the last token is always read: it makes the first logits
            trim_prompt_cache(cache, len(held) - shared)
            if shared and cache[0].offset == shared:
                return cache, shared
        return make_prompt_cache(self._model), 0

    def _keep(self, cache: list[Any], ids: list[int]) -> None:
        offset = getattr(cache[0], "offset", None) if cache else None
        if isinstance(offset, int) and 0 < offset <= len(ids):
            self._kept = cache, ids[:offset]

    def _prefill(self, ids: list[int], cache: list[Any], done: int, cancelled: Callable[[], bool]) -> Iterator[int]:
        """Read the prompt but for its last token; yields how many tokens are read. Stops early when cancelled."""
        import mlx.core as mx
        from mlx_lm.generate import generation_stream

        yield done
        while done < len(ids) - 1 and not cancelled():
            piece = ids[done : min(done + self._piece, len(ids) - 1)]
            began = time.perf_counter()
            with mx.stream(generation_stream):
                self._model(mx.array([piece]), cache=cache)
                mx.eval([c.state for c in cache])
            done += len(piece)
            yield done
            took = time.perf_counter() - began
            if took > 0.15 and self._piece > 16:
                self._piece //= 2
            elif took < 0.06 and len(piece) == self._piece < 512:
                self._piece *= 2
        mx.clear_cache()


def _piece_of(tokenizer: Any, markers: Sequence[str]) -> Callable[[int], bytes]:
    """A function from a token to its bytes, for one run's tokens in order.

    Special tokens have none, but for those the delimiters in `markers` are made of. mlx-lm's own
    detokenizer drops a leading space of byte-level tokens, so those are read here.
    """
    from mlx_lm.tokenizer_utils import BPEStreamingDetokenizer

    added = {token: str(name) for token, name in tokenizer.added_tokens_decoder.items()}
    special = {token for token, name in tokenizer.added_tokens_decoder.items() if name.special}
    special.update(tokenizer.all_special_ids)
    hidden = {token for token in special if token not in added or not any(added[token] in m for m in markers)}
    detokenizer = tokenizer.detokenizer
    names = detokenizer.tokenmap if isinstance(detokenizer, BPEStreamingDetokenizer) else None

    def piece(token: int) -> bytes:
        if token in hidden:
            return b""
        if names is None:
            detokenizer.add_token(token)
            return str(detokenizer.last_segment).encode()
        if token in added:
            return str(added[token]).encode()
        return byte_level(names[token]) if token < len(names) else b""

    return piece


def _sampling(options: GenerationOptions, vocabulary: int, prompt: list[int]) -> tuple[Any, list[Any]]:
    """A sampler and logits processors; every value has been checked, for mlx-lm does not survive a bad one."""
    import mlx.core as mx
    from mlx_lm.sample_utils import make_repetition_penalty, make_sampler

    if options.seed is not None:
        mx.random.seed(options.seed)
    top_k = options.top_k or 0
    sampler = make_sampler(
        temp=options.temperature or 0.0,
        top_p=options.top_p or 1.0,
        min_p=options.min_p or 0.0,
        top_k=top_k if top_k < vocabulary else 0,
    )
    if options.repetition_penalty in (None, 1):
        return sampler, []
    penalise = make_repetition_penalty(options.repetition_penalty, PENALTY_WINDOW)
    before = mx.array(prompt[-PENALTY_WINDOW:-1], dtype=mx.int32)  # the prompt's last token comes with the first step
    return sampler, [lambda tokens, logits: penalise(mx.concatenate([before, tokens.astype(mx.int32)]), logits)]


def _template_messages(request: Request) -> list[dict[str, Any]]:
    """Messages for a template: the arguments of tool calls as objects, which most templates want."""
    messages: list[dict[str, Any]] = plain(request.asked)
    for message in messages:
        for call in message.get("tool_calls", ()):
            try:
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
            except ValueError:
                continue
    return messages


def _parser(parse: Callable[..., Any], request: Request) -> Callable[[str], list[tuple[str, str]]]:
    """One of mlx-lm's tool parsers, its many ways to fail made one."""
    tools = [tool.wire() for tool in request.tools]

    def calls(text: str) -> list[tuple[str, str]]:
        try:
            return named_calls(parse(text, tools))
        except Exception as error:
            raise ValueError(f"not a tool call: {error}") from error

    return calls


def _require(folder: Path) -> None:
    """Raises `ModelFilesError` where a file is missing without which mlx-lm would go looking elsewhere."""
    if not folder.is_dir():
        raise ModelFilesError(f"There is no model folder at {folder}.")
    if not (folder / "config.json").is_file():
        raise ModelFilesError(f"{folder} has no config.json, so it is not a model folder.")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ModelFilesError(f"{folder} has no tokenizer: none of {', '.join(TOKENIZERS)} is there.")


def _unloadable(model: str, error: Exception) -> ModelFilesError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return ModelFilesError(
        f"MLX cannot load {model}: {reason[0].rstrip('. :')}.",
        next_step="Download it again, or choose another model.",
        details=f"{type(error).__name__}: {error}",
    )


def _defaults(folder: Path) -> GenerationOptions:
    """What generation_config.json says of sampling; nothing where it forbids it or is damaged."""
    try:
        given = json.loads((folder / "generation_config.json").read_text())
        if given.get("do_sample") is False:
            return GenerationOptions()
        said = {name: given[name] for name in SAMPLING if given.get(name) is not None}
        if said.keys() & {"top_p", "top_k", "min_p"}:
            said.setdefault("temperature", 1.0)
        return GenerationOptions(**said)
    except (OSError, ValueError, AttributeError):
        return GenerationOptions()


def _context_length(config: dict[str, Any], tokenizer: Any) -> int:
    """The model's own context, from its config or else its tokenizer."""
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        if isinstance(config.get(name), int):
            return int(config[name])
    most = getattr(tokenizer, "model_max_length", None)
    return most if isinstance(most, int) and most < 2**31 else FALLBACK_CONTEXT


def _pieces(arrays: list[Any], most: int) -> Iterator[list[Any]]:
    """Arrays in groups of about `most` bytes."""
    piece: list[Any] = []
    for array in arrays:
        piece.append(array)
        if sum(a.nbytes for a in piece) >= most:
            yield piece
            piece = []
    if piece:
        yield piece


def _shared(one: list[int], other: list[int]) -> int:
    """Length of the prefix two lists share."""
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return i
    return min(len(one), len(other))


_thread = threading.local()


class _EndOfThread:
    """Ends MLX's streams with the thread that used them; otherwise the process often aborts when it exits."""

    def __del__(self) -> None:
        import mlx.core as mx

        mx.clear_streams()


def _end_streams_with_this_thread() -> None:
    if threading.current_thread() is not threading.main_thread() and not hasattr(_thread, "end"):
        _thread.end = _EndOfThread()
