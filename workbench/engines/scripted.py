"""An engine that plays a script: what to say, how fast, when to fail. It knows no model; it needs no weights.

For tests of pacing, crashes, slow loads and slow prompts, in your own code as well:

    script = Script(loading=(Weights(bytes=1_000_000, seconds=0.5),), answering=(Think("Hm."), Say("Hello", times=3)))
    script.save(path)
    spec = LoadSpec(model="scripted", path=str(path))

A script is a JSON file: ``{"answering": [{"do": "say", "text": "Hello "}, {"do": "crash"}]}``. Every request is
answered by the same steps. Of the options only `max_tokens` is honoured; one piece of text counts as one token.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from workbench.engines import Capabilities, LoadedModel, LoadSpec
from workbench.errors import ModelFilesError, StateError
from workbench.events import (
    Event,
    Finished,
    FinishReason,
    Metrics,
    PrefillProgress,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    Usage,
    UsageKnown,
    snake,
)
from workbench.messages import ToolCall
from workbench.options import GenerationOptions
from workbench.request import Request

GLANCE_SECONDS = 0.01
"""How often a waiting step looks whether it is cancelled."""


class _Step(msgspec.Struct, frozen=True, tag_field="do", tag=snake):
    pass


class Say(_Step, frozen=True):
    """Say a piece of text, once or several times."""

    text: str
    times: int = 1
    rate: float | None = None
    """Pieces a second; ``None`` for as fast as it goes."""


class Think(_Step, frozen=True):
    """The same as reasoning."""

    text: str
    times: int = 1
    rate: float | None = None


class Echo(_Step, frozen=True):
    """Say what the last message says, a word at a time."""

    rate: float | None = None


class Prefill(_Step, frozen=True, kw_only=True):
    """Take time over the prompt, in ten pieces."""

    tokens: int
    seconds: float = 0.0
    busy: bool = False
    """In one piece instead, computing all the while, looking at nothing."""


class Weights(_Step, frozen=True, kw_only=True):
    """Load so many bytes, taking so long."""

    bytes: int
    seconds: float = 0.0
    pieces: int = 10
    stubborn: bool = False
    """Goes on when cancelled."""


class Wait(_Step, frozen=True):
    """Do nothing for so many seconds."""

    seconds: float


class Print(_Step, frozen=True):
    """Print to standard output, or to standard error, as frameworks do."""

    text: str
    to: Literal["stdout", "stderr"] = "stdout"


class Call(_Step, frozen=True):
    """Ask for a function."""

    name: str
    arguments: str = "{}"


class Fail(_Step, frozen=True):
    """Raise an exception that is no `WorkbenchError`."""

    message: str


class Need(_Step, frozen=True):
    """Import a module, which may be missing."""

    module: str


class Crash(_Step, frozen=True):
    """End the process by a signal."""

    signal: str = "SIGKILL"


Step: TypeAlias = Say | Think | Echo | Prefill | Weights | Wait | Print | Call | Fail | Need | Crash


class Script(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to do when a model is loaded, and when a request is answered."""

    loading: tuple[Weights | Wait | Print | Fail | Need | Crash, ...] = ()
    answering: tuple[Step, ...] = (Echo(),)
    context_length: int = 4096
    """In tokens."""

    def save(self, path: str | Path) -> Path:
        """Write it to a file; gives the file."""
        file = Path(path)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        return file


class ScriptedEngine:
    """Plays the script it has loaded. It is an `Engine`, and named in `workbench.engines.NAMES`."""

    name = "scripted"

    def __init__(self) -> None:
        self._script: Script | None = None
        self._loaded: LoadedModel | None = None

    def load(self, spec: LoadSpec, cancelled: Callable[[], bool]) -> Iterator[tuple[int, int | None]]:
        """Read the script and do its loading steps. Raises `ModelFilesError` when it is none."""
        try:
            script = msgspec.json.decode(Path(spec.path).read_bytes(), type=Script)
        except (OSError, msgspec.DecodeError) as error:
            raise ModelFilesError(f"{spec.path} is no script: {error}.") from error
        total = sum(step.bytes for step in script.loading if isinstance(step, Weights))
        done = 0
        for step in script.loading:
            if not isinstance(step, Weights):
                _act(step, cancelled)
                continue
            for _ in _paced(step.pieces, step.seconds, (lambda: False) if step.stubborn else cancelled):
                done += step.bytes // step.pieces
                yield done, total
        self._script = script
        self._loaded = LoadedModel(
            model=spec.model,
            engine=self.name,
            capabilities=Capabilities(tools=True, continues=True, formats=("json",)),
            context_length=min(script.context_length, spec.context_length or script.context_length),
            vocabulary=256,
            weights=total,
        )

    @property
    def loaded(self) -> LoadedModel:
        """What is loaded. Raises `StateError` before `load` has ended."""
        if self._loaded is None:
            raise StateError("No script is loaded.")
        return self._loaded

    def generate(self, requests: Sequence[Request], cancelled: Callable[[str], bool]) -> Iterator[Event]:
        """Play the answering steps for each request, one after the other."""
        for request in requests:
            yield from self._answer(request, cancelled)

    def render(self, request: Request) -> str:
        """The messages, a line each."""
        return "\n".join(f"{message.role}: {message.text}" for message in request.messages)

    def count_tokens(self, request: Request) -> int:
        """Words of the prompt."""
        return len(self.render(request).split())

    def save_cache(self, request: Request, file: Path) -> int:
        """Nothing is ever kept: 0."""
        return 0

    def restore_cache(self, file: Path) -> int:
        """Nothing is ever kept: 0."""
        return 0

    def unload(self) -> None:
        """Forget the script."""
        self._script = self._loaded = None

    def _answer(self, request: Request, cancelled: Callable[[str], bool]) -> Iterator[Event]:
        if self._script is None:
            raise StateError("No script is loaded.")
        run, options, prompt = request.run, request.options, self.count_tokens(request)
        started, first = time.perf_counter(), None
        said = thought = 0
        reason: FinishReason = "stop"
        yield UsageKnown(run=run, usage=Usage(prompt_tokens=prompt))
        for event in self._play(self._script.answering, request, lambda: cancelled(run)):
            yield event
            if isinstance(event, ToolCalled):
                reason = "tool_calls"
            if isinstance(event, TextDelta | ReasoningDelta):
                first = first or time.perf_counter()
                said += 1
                thought += isinstance(event, ReasoningDelta)
                if said == options.max_tokens:
                    reason = "length"
                    break
        now = time.perf_counter()
        yield Finished(
            run=run,
            reason="cancelled" if cancelled(run) else reason,
            usage=Usage(prompt_tokens=prompt, completion_tokens=said, reasoning_tokens=thought),
            metrics=Metrics(
                ttft_s=first and first - started,
                decode_tps=(said - 1) / (now - first) if first and said > 1 else None,
                total_s=now - started,
            ),
            applied=GenerationOptions(max_tokens=options.max_tokens),
            ignored=tuple(name for name in options.given() if name != "max_tokens"),
        )

    def _play(self, steps: Sequence[Step], request: Request, cancelled: Callable[[], bool]) -> Iterator[Event]:
        run, token = request.run, 0
        thought, said = (len(request.begun.reasoning), len(request.begun.text)) if request.begun else (0, 0)
        for step in steps:
            if cancelled():
                return
            if isinstance(step, Prefill):
                yield PrefillProgress(run=run, done=0, total=step.tokens)
                for piece in [10] if step.busy else range(1, 11):
                    _compute(step.seconds) if step.busy else _wait(step.seconds / 10, cancelled)
                    if not cancelled():
                        yield PrefillProgress(run=run, done=step.tokens * piece // 10, total=step.tokens)
            elif isinstance(step, Say | Think | Echo):
                pieces = _words(request) if isinstance(step, Echo) else [step.text] * step.times
                kind: type[ReasoningDelta | TextDelta] = ReasoningDelta if isinstance(step, Think) else TextDelta
                if isinstance(step, Think):
                    pieces, thought = _rest(pieces, thought)
                else:
                    pieces, said = _rest(pieces, said)
                seconds = len(pieces) / step.rate if step.rate else 0.0
                for index in _paced(len(pieces), seconds, cancelled):
                    yield kind(run=run, text=pieces[index], tokens=(token % 256,))
                    token += 1
            elif isinstance(step, Call):
                yield ToolCalled(run=run, call=ToolCall(id=f"{run}-{token}", name=step.name, arguments=step.arguments))
            else:
                _act(step, cancelled)


def make() -> ScriptedEngine:
    """A new engine."""
    return ScriptedEngine()


def _words(request: Request) -> list[str]:
    words = (request.asked[-1].text if request.asked else "").split(" ")
    return [f"{word} " for word in words[:-1]] + words[-1:]


def _rest(pieces: list[str], written: int) -> tuple[list[str], int]:
    """Pieces without their first `written` characters, and how many characters that is more than there are."""
    for index, piece in enumerate(pieces):
        if written < len(piece):
            return [piece[written:], *pieces[index + 1 :]], 0
        written -= len(piece)
    return [], written


def _act(step: object, cancelled: Callable[[], bool]) -> None:
    if isinstance(step, Wait):
        _wait(step.seconds, cancelled)
    elif isinstance(step, Print):
        print(step.text, file=sys.stdout if step.to == "stdout" else sys.stderr, flush=True)
    elif isinstance(step, Fail):
        raise RuntimeError(step.message)
    elif isinstance(step, Need):
        importlib.import_module(step.module)
    elif isinstance(step, Crash):
        os.kill(os.getpid(), signal.Signals[step.signal])


def _wait(seconds: float, cancelled: Callable[[], bool]) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0 and not cancelled():
        time.sleep(min(left, GLANCE_SECONDS))


def _paced(count: int, seconds: float, cancelled: Callable[[], bool]) -> Iterator[int]:
    """0 to count - 1, evenly over so many seconds, each at the end of its share; ends early when cancelled."""
    start = time.perf_counter()
    for index in range(count):
        _wait(start + seconds * (index + 1) / count - time.perf_counter(), cancelled)
        if cancelled():
            return
        yield index


def _compute(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        json.loads("[1, 2, 3]")
