"""What computes: the protocol every inference framework is put behind, and the lookup by file name.

One file a framework (`mlx.py`, `llama_cpp.py`), imported only when it is asked for. An engine holds one
model, knows no widget, no session and no thread: everything is called from one long-lived thread, and a run
is a plain iterator.

    worker.py      one engine at work on one thread
    host.py        a worker in a process of its own, the other end of a pipe
    wire.py        what crosses that pipe
    handle.py      what a service holds of a live engine: hosted.py (a process) or inprocess.py (a thread)
    hosts.py       the register of live hosts, so that all kernels' memory can be counted
    prompt_cache.py, cache_file.py   what MLX has read already, kept for later prompts, and on disk
    mlx_reading.py, mlx_writing.py, mlx_batch.py   a prompt read, an answer written, several at once
    scripted.py    an engine that plays a script
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from workbench.errors import EngineMissingError
from workbench.events import Event
from workbench.request import Request

NAMES = ("llama_cpp", "mlx", "scripted")
"""The engines there are, by file name, sorted. ``scripted`` plays a script, for tests of what lies above."""

_PACKAGES = {"mlx": "mlx-lm", "mlx_lm": "mlx-lm"}


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine can do with the model it holds."""

    seed: bool = False
    stop: bool = False
    logprobs: bool = False
    schema: bool = False
    tools: bool = False
    vision: bool = False
    prompt_cache: bool = False
    batch: bool = False
    """Whether several requests share forward passes."""
    continues: bool = False
    """Whether it goes on with an answer from the next character on; see `Request.continues`."""
    formats: tuple[str, ...] = ()
    """File formats it reads: ``"safetensors"``, ``"gguf"``."""


class LoadSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What to load, and how."""

    model: str
    """Model id, for messages."""
    path: str
    """Folder or file on this machine."""
    projector: str | None = None
    """File through which the model sees pictures, where it is one of its own; ``None``: it sees none."""
    context_length: int | None = None
    """Tokens of context to allow; ``None`` for the model's own."""
    cache_limit: int = 256 * 2**20
    """Most bytes of freed buffers the engine may keep for reuse."""
    cache_budget: int | None = None
    """Most bytes of prompts already read to keep for later ones; 0 for none, ``None`` for the engine's own number."""


class LoadedModel(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model once it is in memory."""

    model: str
    engine: str
    capabilities: Capabilities
    context_length: int
    """Most tokens of prompt and completion together."""
    vocabulary: int
    """Number of token ids."""
    weights: int
    """Bytes of weights in memory."""
    parameters: int | None = None
    seconds: float | None = None
    """How long loading took."""


class Engine(Protocol):
    """One inference framework holding one model.

    All methods are called from one thread, the one that made the engine, and raise errors of
    `workbench.errors` only.
    """

    name: str

    def load(self, spec: LoadSpec, cancelled: Callable[[], bool]) -> Iterator[tuple[int, int | None]]:
        """Load a model; yields (bytes of weights materialised, bytes in all), at least ten times a GiB.

        Returns early when `cancelled` says so. Raises `ModelFilesError`, `EngineMissingError`.
        """
        ...

    @property
    def loaded(self) -> LoadedModel:
        """What is loaded. Raises `StateError` before `load` has ended."""
        ...

    def generate(self, requests: Sequence[Request], cancelled: Callable[[str], bool]) -> Iterator[Event]:
        """Answer the requests: together where the engine can (`Capabilities.batch`), else one after another.

        Each event carries its run. Every run ends with exactly one `Finished` or `Failed`. `cancelled(run)` is asked
        between tokens and between pieces of the prompt; a cancelled run ends with reason ``"cancelled"``.
        """
        ...

    def render(self, request: Request) -> str:
        """The exact prompt the model would read."""
        ...

    def count_tokens(self, request: Request) -> int:
        """Tokens of that prompt."""
        ...

    def save_cache(self, request: Request, file: Path) -> int:
        """Write what is kept of a request's prompt to a file; gives its tokens, 0 where nothing is or it cannot.

        Raises `FolderError` when the file cannot be written.
        """
        ...

    def restore_cache(self, file: Path) -> int:
        """Keep what such a file holds, if it is whole and of this very model; gives its tokens, else 0."""
        ...

    def unload(self) -> None:
        """Let go of the model and its memory."""
        ...


def make_engine(name: str) -> Engine:
    """The engine of that file name, its framework imported now.

    Raises `EngineMissingError` when there is none, or its package is not installed.
    """
    import importlib

    if name not in NAMES:
        raise EngineMissingError(f"There is no engine {name!r}.", next_step=f"The engines are: {', '.join(NAMES)}.")
    try:
        module = importlib.import_module(f"workbench.engines.{name}")
        engine: Engine = module.make()
    except ImportError as error:
        raise missing_package(name, error) from error
    return engine


def missing_package(engine: str, error: ImportError) -> EngineMissingError:
    """A failed import of a framework as an error that says what to install."""
    module = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not module:
        return EngineMissingError(f"The engine {engine} cannot be imported: {error}.", next_step="Install it again.")
    package = _PACKAGES.get(module, module.replace("_", "-"))
    return EngineMissingError(
        f"The engine {engine} needs the package {package}, which is not installed.",
        next_step=f"Run: pip install {package}",
    )
