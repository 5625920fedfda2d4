"""MLX, through mlx-lm: folders of safetensors, on Apple silicon or a Linux CPU. Knows no process and no thread.

Arrays belong to the thread that made them, so an engine lives on one thread. The framework is imported by
`make`, not by this module.

What was read is kept (`prompt_cache`), so a chat's next turn does not pay for the turns before it.
"""

from __future__ import annotations

import gc
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from workbench.engines import Capabilities, Engine, LoadedModel, LoadSpec, cache_file, grammar
from workbench.engines.going_on import gone_on, tokens_of
from workbench.engines.limits import allotted, check, room, settle
from workbench.engines.meter import Meter
from workbench.engines.mlx_batch import Batch, Size, can_batch
from workbench.engines.mlx_chances import Chances
from workbench.engines.mlx_files import context_length, defaults, require, unloadable
from workbench.engines.mlx_grammar import Held, vocabulary_of
from workbench.engines.mlx_reading import Reader
from workbench.engines.mlx_text import opener, parser, piece_of, template_messages, words_of
from workbench.engines.mlx_writing import Writing
from workbench.engines.prompt_cache import PromptCache
from workbench.engines.textstream import (
    THINK,
    TOOL,
    TextStream,
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
from workbench.events import Event, Failed, PrefillProgress
from workbench.options import GenerationOptions
from workbench.request import Request

LOAD_STEPS = 16
"""A load shows at least this many steps, as far as single arrays are small enough."""
LOAD_PIECE = 64 * 2**20
"""Most bytes of weights materialised in one step, one larger array aside."""
CACHE_BUDGET = 2**30
"""Most bytes of prompts already read, where the load names no other number."""


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
        self._kept = PromptCache(None, 0)
        self._reader = Reader(None, None)
        self._size: Size | None = None
        self._identity = ""
        self._vocabulary: Any = None
        """The tokenizer as grammars read it, once one was asked for."""

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
        require(folder)
        mx.set_cache_limit(spec.cache_limit)
        maybe_set_recommended_wired_limit()
        if mx.default_device() == mx.cpu:
            mx.disable_compile()  # on a CPU it runs a C++ compiler in the middle of an answer, and gains nothing
        try:
            model, config = load_model(folder, lazy=True)
            tokenizer = load_tokenizer(folder, eos_token_ids=config.get("eos_token_id"))  # type: ignore[no-untyped-call]  # mlx-lm
        except Exception as error:
            raise unloadable(spec.model, error) from error
        text_config = config.get("text_config") or config
        context = allotted(spec.context_length, context_length(text_config, tokenizer))

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
                raise unloadable(spec.model, error) from error
            done += sum(array.nbytes for array in piece)
            yield done, total
        if cancelled():
            return

        self._model, self._tokenizer = model, tokenizer
        self._kept = PromptCache(model, CACHE_BUDGET if spec.cache_budget is None else spec.cache_budget)
        self._reader, self._size = Reader(model, opener(tokenizer)), None
        self._identity = cache_file.identity(folder)
        self._defaults = defaults(folder)
        self._loaded = LoadedModel(
            model=spec.model,
            engine=self.name,
            capabilities=Capabilities(
                seed=True,
                stop=True,
                logprobs=True,
                schema=True,
                tools=tokenizer.has_tool_calling or TOOL[0] in str(tokenizer.chat_template),
                prompt_cache=True,
                batch=can_batch(model),
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
        """Answer the requests: together where the model can, else one after another."""
        if len(requests) > 1 and self.loaded.capabilities.batch:
            yield from self._answer_together(requests, cancelled)
            return
        for request in requests:
            try:
                yield from self._answer(self._writing(request), cancelled)
            except Exception as error:
                yield _failed(request.run, error)

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
                template_messages(request),
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
        return len(tokens_of(self.render(request), request.begun, self._encode))

    def save_cache(self, request: Request, file: Path) -> int:
        """Write what is held of a request's prompt to a file; gives its tokens. Raises `FolderError`."""
        ids = tokens_of(self.render(request), request.begun, self._encode)
        return self._kept.save(ids, file, self._identity)

    def restore_cache(self, file: Path) -> int:
        """Hold what a file of these very model files holds; gives its tokens, else 0."""
        return self._kept.restore(file, self._identity)

    def unload(self) -> None:
        """Let go of the model and its memory. Some stays with the process until it ends."""
        if self._model is None:
            return
        import mlx.core as mx

        self._loaded = self._model = self._tokenizer = self._vocabulary = None
        self._kept, self._reader = PromptCache(None, 0), Reader(None, None)
        gc.collect()
        mx.clear_cache()

    def _writing(self, request: Request) -> Writing:
        """A request's answer before its first token. Raises what refuses the request."""
        meter = Meter(request.run)
        check(request, self.loaded)
        options = settle(request.options, self._defaults, self.loaded)
        prompt = self.render(request)
        ids = tokens_of(prompt, request.begun, self._encode)
        stream = self._stream(request, prompt)
        asked = request.options.logprobs
        held = self._held(request, stream)
        return Writing(
            request,
            ids,
            options=options,
            limit=room(len(ids), options),
            ends=self._tokenizer.eos_token_ids,
            stream=stream,
            piece=piece_of(self._tokenizer, stream.delimiters, goes_on=request.continues),
            meter=meter,
            vocabulary=self.loaded.vocabulary,
            ignored=self._ignored(request, held),
            grammar=held,
            chances=None if asked is None else Chances(asked, words_of(self._tokenizer, stream.delimiters)),
        )

    def _answer(self, writing: Writing, cancelled: Callable[[str], bool]) -> Iterator[Event]:
        import mlx.core as mx
        from mlx_lm.generate import generate_step

        run, ids = writing.run, writing.ids
        mx.reset_peak_memory()
        reading = self._kept.start(ids)
        others = self._kept.nbytes
        writing.held(reading.done)
        steps = None
        known = True
        try:
            for done in self._reader.read(ids, reading, lambda: cancelled(run)):
                yield PrefillProgress(run=run, done=done, total=len(ids))
            steps = generate_step(
                mx.array(ids[-1:]),
                self._model,
                max_tokens=writing.left,
                sampler=writing.sampler,
                logits_processors=writing.processors,
                prompt_cache=reading.cache,
            )
            while writing.reason is None and not cancelled(run):
                token, logprobs = next(steps)
                yield from writing.take(int(token), logprobs)
        except Exception:
            known = False  # what its cache holds
            raise
        finally:
            if steps is not None:
                steps.close()
            if known:
                self._kept.keep(reading, writing.tokens if writing.generated else ids[: reading.done])
        yield from writing.close(peak_memory=self._peak(others))

    def _answer_together(self, requests: Sequence[Request], cancelled: Callable[[str], bool]) -> Iterator[Event]:
        import mlx.core as mx

        going: dict[str, Writing] = {}
        for request in requests:
            try:
                going[request.run] = self._writing(request)
            except Exception as error:
                yield _failed(request.run, error)
        count, others = len(going), self._kept.nbytes
        mx.reset_peak_memory()

        def end(writing: Writing) -> Iterator[Event]:
            yield from writing.close(peak_memory=self._peak(others), batch=count)
            del going[writing.run]

        try:
            self._size = self._size or Size(self._model)
            batch = Batch(
                self._model,
                self._kept,
                self._reader,
                size=self._size,
                ends=self._tokenizer.eos_token_ids,
                most_bytes=max(self._kept.budget, self._size.of(self.loaded.context_length)),
                end=end,
            )
            yield from batch.answer(list(going.values()), cancelled)
        except Exception as error:
            for run in going:
                yield _failed(run, error)

    def _peak(self, others: int) -> int:
        """Most bytes held since the count began, less those of other prompts."""
        import mlx.core as mx

        return max(self.loaded.weights, mx.get_peak_memory() - others)

    def _stream(self, request: Request, prompt: str) -> TextStream:
        tokenizer = self._tokenizer
        think, tool = self._think, TOOL
        parse: Callable[[str], list[tuple[str, str]]] = parse_calls
        if tokenizer.has_tool_calling:
            tool = (tokenizer.tool_call_start, tokenizer.tool_call_end or "")
            parse = parser(tokenizer.tool_parser, request)
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

    def _held(self, request: Request, stream: TextStream) -> Held | None:
        """What holds an answer to its schema; ``None`` where nothing is to, or nothing can."""
        text = grammar.written(request, stream, self._encode)
        if text is not None and self._vocabulary is None:
            self._vocabulary = vocabulary_of(self._tokenizer, self.loaded.vocabulary)
        return Held(text, self._vocabulary) if text and self._vocabulary else None

    def _ignored(self, request: Request, held: Held | None) -> tuple[str, ...]:
        template = self._tokenizer.chat_template
        asked = {
            "schema": request.schema is not None and held is None,
            "thinking": request.options.thinking is not None and "enable_thinking" not in str(template),
            "tools": bool(request.tools) and not self.loaded.capabilities.tools,
        }
        return tuple(name for name, ignored in asked.items() if ignored)


def _failed(run: str, error: Exception) -> Failed:
    if not isinstance(error, WorkbenchError):
        error = EngineError(
            f"MLX failed: {type(error).__name__}: {error}.", details="".join(traceback.format_exception(error))
        )
    return Failed(run=run, error=describe(error))


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


_thread = threading.local()


class _EndOfThread:
    """Ends MLX's streams with the thread that used them; otherwise the process often aborts when it exits."""

    def __del__(self) -> None:
        import mlx.core as mx

        mx.clear_streams()


def _end_streams_with_this_thread() -> None:
    if threading.current_thread() is not threading.main_thread() and not hasattr(_thread, "end"):
        _thread.end = _EndOfThread()
