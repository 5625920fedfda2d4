"""The frozen values of a comparison: rows, columns, cells and their receipts. They know no layer and no screen."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from workbench.errors import ErrorInfo
from workbench.events import FinishReason, Metrics, Notice, Usage
from workbench.messages import Message
from workbench.options import GenerationOptions

CellStatus: TypeAlias = Literal[
    "waiting", "queued", "loading", "prefill", "thinking", "writing", "done", "failed", "cancelled"
]
Score: TypeAlias = float | bool | dict[str, Any]
"""What a scorer says; that of a dict is its ``score``."""
ENDED = ("done", "failed", "cancelled")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt."""

    id: str
    """Made of its content: the same prompt has the same id in every comparison, a second one of it ends in ``-2``."""
    index: int
    """Its place, from 0."""
    messages: tuple[Message, ...]
    """What is sent, the columns' system prompt aside."""
    variables: dict[str, Any] = {}
    """What filled its template, and all else that came with it (``expected``, say); empty without a template."""

    @property
    def prompt(self) -> str:
        """The text that is to be answered."""
        return self.messages[-1].text

    @property
    def expected(self) -> Any:
        """The variable of that name, for scorers; ``None`` where there is none."""
        return self.variables.get("expected")


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One model with one set of options and one system prompt."""

    id: str
    """Made of its content, as a row's."""
    index: int
    model: str
    """Model id."""
    options: GenerationOptions = GenerationOptions()
    system: str | None = None
    """System prompt, in the place of those in the prompts; ``None`` leaves them as they are."""
    title: str
    """Short, and of no other column."""


class CellKey(NamedTuple):
    """Which cell: ids of its row and column, and the number of the sample, from 0."""

    row: str
    column: str
    sample: int = 0

    def __str__(self) -> str:
        return f"{self.row}:{self.column}:{self.sample}"


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is needed to repeat a cell. ``None`` and empty mean: not known, or there is none."""

    model: str
    provider: str
    """``"local"``, or the endpoint's name."""
    url: str | None = None
    """Address of the endpoint; ``None`` for local models."""
    revision: str | None = None
    files: dict[str, str] = {}
    """Hash of each file by its name: ``sha256:...``, or ``git:...`` for small files of the hub. Large files whose
    hash nobody has computed yet are not in it: verifying the model in the library does that.
    """
    format: str | None = None
    engine: str | None = None
    quantization: str | None = None
    template: str | None = None
    """SHA-256 of the chat template."""
    asked: GenerationOptions = GenerationOptions()
    """The sample's own seed among them."""
    applied: GenerationOptions = GenerationOptions()
    seed: int | None = None
    """The seed that was applied."""
    versions: dict[str, str] = {}
    """Of Python, the workbench, and the packages that computed."""
    machine: str = ""
    at: float = 0.0
    """When it ended, in seconds since 1970."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, or as much of it as there is."""

    key: CellKey
    status: CellStatus = "waiting"
    text: str = ""
    reasoning: str = ""
    error: ErrorInfo | None = None
    """Why it failed; the text that came before stays."""
    usage: Usage = Usage()
    metrics: Metrics = Metrics()
    finish: FinishReason | None = None
    notes: tuple[Notice, ...] = ()
    """What a person should know: an ignored option, a retry."""
    applied: GenerationOptions = GenerationOptions()
    ignored: tuple[str, ...] = ()
    cost: float | None = None
    """US dollars; ``None`` where no price or no usage is known."""
    scores: dict[str, Score] = {}
    score_errors: dict[str, str] = {}
    """Scorers that failed on it, and why."""
    rating: int | None = None
    """A person's, whatever scale they use."""
    receipt: Receipt | None = None
    batched: bool = False
    """Whether it was answered together with others, by its model or its server: its times are no fair measure."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in ENDED


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as a scorer sees it."""

    text: str
    reasoning: str = ""
    usage: Usage = Usage()
    metrics: Metrics = Metrics()
    error: ErrorInfo | None = None


class Progress(NamedTuple):
    """How far a comparison is."""

    finished: int
    total: int
    seconds_left: float | None
    """``None`` until enough is known to tell."""

    def __str__(self) -> str:
        left = "" if not self.seconds_left else f", about {self.seconds_left:.0f} s left"
        return f"{self.finished} of {self.total}{left}"


class Price(NamedTuple):
    """What a model costs, in US dollars a million tokens."""

    prompt: float
    completion: float
    cached: float | None = None
    """Prompt tokens from a cache; ``None`` for the price of others."""

    def of(self, usage: Usage) -> float | None:
        """The cost of a run; ``None`` when its tokens are not known."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        cached = min(usage.cached_tokens or 0, usage.prompt_tokens)
        cheap = self.prompt if self.cached is None else self.cached
        fresh = usage.prompt_tokens - cached
        return (fresh * self.prompt + cached * cheap + usage.completion_tokens * self.completion) / 1e6
