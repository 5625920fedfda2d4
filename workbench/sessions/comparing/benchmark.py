"""Models measured on this machine: the verb, and what it gives. Knows neither how a run is done nor how it is drawn.

benchmark.py           the verb `benchmark`, the object it returns, its tables
benchmark_run.py       the measuring
benchmark_prompts.py   the texts
"""

from __future__ import annotations

import html
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import EmptyPromptError, FolderError, UsageError
from workbench.model import ModelInfo
from workbench.sessions.comparing import receipts
from workbench.sessions.comparing.benchmark_prompts import LENGTHS
from workbench.sessions.comparing.benchmark_run import Plan, Run, Step, Subject, measure
from workbench.sessions.comparing.grid import short_names

if TYPE_CHECKING:
    import pandas

    from workbench.services.registry import Services
    from workbench.sessions.comparing.picture import Picture

UNKNOWN = "\u2013"
FORMAT = 1
"""Of the saved file; a newer one is refused."""
_COLUMNS = ("model", "prompt", "tokens in", "TTFT s", "prefill tok/s", "decode tok/s", "memory MB", "load s")


class Benchmark(msgspec.Struct, kw_only=True):
    """What was measured, and on what. `benchmark` makes one; it keeps everything as plain values.

    bench = wb.benchmark(["builtin", "ollama:llama3.2"])
    bench                       # medians, and the least and the most of all runs
    bench.to_frame()            # one row a run
    bench.summary()             # one row a model and prompt
    bench.chart()               # TTFT, prefill and decode speed by model
    bench.save("m3.json"); wb.Benchmark.load("m3.json")
    """

    format: int = FORMAT
    at: float
    """When it began, in seconds since 1970."""
    machine: str
    """``"Apple M3 Max, 64 GB, macOS 15.3, 14 cores"``."""
    runs_asked: int
    max_tokens: int
    """Most tokens of an answer."""
    models: list[Subject] = []
    runs: list[Run] = []
    stopped: bool = False
    """Whether it was interrupted before its end."""

    def rows(self) -> list[dict[str, Any]]:
        """One row for each model and prompt: medians, with the least and the most of the runs beside them.

        ``ttft_s``, ``prefill_tps``, ``decode_tps`` and ``peak_memory`` with ``_low`` and ``_high``; ``runs`` that
        ended well; ``load_s``; ``error`` and ``notes`` in words. A model that could not be measured has one row.
        """
        return [row for subject in self.models for row in self._rows_of(subject)]

    def to_frame(self) -> pandas.DataFrame:
        """One row a run; seconds, bytes, tokens a second. Needs pandas."""
        import pandas

        rows = [msgspec.structs.asdict(run) | {"error": run.error and run.error.message} for run in self.runs]
        return pandas.DataFrame(rows, columns=list(Run.__struct_fields__))

    def summary(self) -> pandas.DataFrame:
        """The `rows` as a frame. Needs pandas."""
        import pandas

        return pandas.DataFrame(self.rows())

    def chart(self) -> Picture:
        """Time to first token, prefill and decode speed by model and prompt: every run, its median and its spread."""
        from workbench.sessions.comparing import charts

        return charts.benchmark(self.runs, self.title)

    def save(self, path: str | Path) -> Path:
        """Write it as JSON. Raises `FolderError` when that cannot be."""
        path = Path(path).expanduser()
        try:
            path.write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        except OSError as error:
            raise FolderError(f"{path} cannot be written: {error.strerror or error}.") from None
        return path

    @classmethod
    def load(cls, path: str | Path) -> Benchmark:
        """Read what `save` wrote. Raises `FolderError` when it cannot be read, `UsageError` when it is no benchmark."""
        path = Path(path).expanduser()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise FolderError(f"{path} cannot be read: {error.strerror or error}.") from None
        try:
            found = msgspec.json.decode(data, type=dict[str, Any])
            if isinstance(found.get("format"), int) and found["format"] > FORMAT:
                raise UsageError(f"{path} was written by a newer workbench.", next_step="Update this one.")
            return msgspec.convert(found, cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is no saved benchmark: {error}.") from None

    @property
    def title(self) -> str:
        """When and where, in a line."""
        return f"{self.machine}, {time.strftime('%Y-%m-%d %H:%M', time.localtime(self.at))}"

    def __repr__(self) -> str:
        rows = [_COLUMNS, *self._lines()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
        lines = []
        for row in rows:
            cells = [
                cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *self.notes()])

    def _repr_html_(self) -> str:
        whole = '<span style="white-space:nowrap">('

        def line(cells: Sequence[str], tag: str) -> str:
            texts = [html.escape(cell) for cell in cells]
            numbers = [text.replace("(", whole).replace(")", ")</span>") for text in texts[2:]]
            left = "".join(f'<{tag} style="text-align:left">{text}</{tag}>' for text in texts[:2])
            return left + "".join(f"<{tag}>{text}</{tag}>" for text in numbers)

        body = "".join(f"<tr>{line(cells, 'td')}</tr>" for cells in self._lines())
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self.notes())
        return f"<table><thead><tr>{line(_COLUMNS, 'th')}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def notes(self) -> list[str]:
        """What belongs beside the numbers, in sentences: the machine, the versions, what was done otherwise."""
        engines = {f"{name} {version}": None for s in self.models for name, version in s.versions.items()}
        said = [
            f"{self.title}; {', '.join(engines)}.",
            f"Medians of {self.runs_asked} runs (least to most), answers of at most {self.max_tokens} tokens.",
        ]
        for subject in self.models:
            said += [f"{subject.model}: {note}" for note in subject.notes]
            if subject.error is not None:
                said.append(f"{subject.model}: {subject.error.message} {subject.error.next_step}".rstrip())
        for run in self.runs:
            if run.error is not None:
                said.append(f"{run.model}, {run.prompt}: {run.error.message} {run.error.next_step}".rstrip())
        cached = sum("cache" in run.note for run in self.runs)
        if cached:
            said.append(
                f"Runs that do not count for TTFT and prefill, because a cache had read their prompt: {cached}."
            )
        if self.stopped:
            said.append("It was interrupted; this is what was measured until then.")
        return said

    def _lines(self) -> list[tuple[str, ...]]:
        """The rows as text."""
        names = short_names([subject.model for subject in self.models])
        return [_cells({**row, "model": names[row["model"]]}) for row in self.rows()]

    def _rows_of(self, subject: Subject) -> list[dict[str, Any]]:
        runs = [run for run in self.runs if run.model == subject.model]
        names = list(dict.fromkeys(run.prompt for run in runs))
        return [self._row(subject, name, [run for run in runs if run.prompt == name]) for name in names or [""]]

    def _row(self, subject: Subject, name: str, runs: list[Run]) -> dict[str, Any]:
        errors = [run.error.message for run in runs if run.error is not None]
        if subject.error is not None:
            errors.append(subject.error.message)
        row: dict[str, Any] = {"model": subject.model, "prompt": name or None}
        row["runs"] = sum(run.error is None for run in runs)
        for field in ("prompt_tokens", "completion_tokens"):
            row[field] = _spread(getattr(run, field) for run in runs)[1]
        for field in ("ttft_s", "prefill_tps", "decode_tps", "peak_memory"):
            low, middle, high = _spread(getattr(run, field) for run in runs)
            row |= {field: middle, f"{field}_low": low, f"{field}_high": high}
        return row | {"load_s": subject.load_s, "error": errors[0] if errors else None}


def benchmark(
    models: str | ModelInfo | Iterable[str | ModelInfo],
    prompts: str | Sequence[str] | Mapping[str, str] | None = None,
    *,
    runs: int = 3,
    lengths: Sequence[str | int] = ("short", "medium", "long"),
    max_tokens: int = 128,
    force: bool = False,
    on_progress: Callable[[Step], None] | None = None,
    services: Services | None = None,
) -> Benchmark:
    """Measure models on this machine: load time, time to first token, prefill and decode speed, memory.

        wb.benchmark(["builtin", "mlx-community/Qwen3-4B-4bit", "ollama:llama3.2"])

    Takes its time, strictly one run after another; an interrupt ends it and keeps what is measured. A local model is
    unloaded and loaded anew first (chats that use it load it again), warmed up, and unloaded at the end. `prompts`
    are your own, as a list or by name; without any, texts of about 64, 512 and 2,048 tokens are made (`lengths`:
    ``"short"``, ``"medium"``, ``"long"`` or numbers of tokens), shorter where the model's context is. Each begins with
    a word of its own, yours too, so that no prompt cache answers for the prefill; runs that a cache helped all the
    same do not count for it. `runs` is how often each prompt is asked, `max_tokens` how long an answer may be;
    answers are greedy. `force` loads models that do not fit. `on_progress` is called with a `Step` (done, total,
    words) in the place of the line that is shown. Models of a server work too; what it does not tell stays unknown.

    A model that fails has its error in its place. Raises `UsageError` on arguments that are none.
    """
    from workbench.services import registry

    plan = _plan(models, prompts, runs, lengths, max_tokens, force)
    found = Benchmark(
        at=time.time(),
        machine=f"{receipts.machine_words()}, {os.cpu_count()} cores",
        runs_asked=runs,
        max_tokens=max_tokens,
    )
    tell = on_progress or _line()
    subjects: dict[str, Subject] = {}
    try:
        for measured in measure(plan, services or registry.default(), tell):
            if isinstance(measured, Subject):
                subjects[measured.model] = measured
            else:
                found.runs.append(measured)
    except KeyboardInterrupt:
        found.stopped = True
    found.models = list(subjects.values())
    ended = "stopped" if found.stopped else "done"
    tell(Step(len(found.runs), plan.total, f"{ended} after {time.time() - found.at:.0f} s", ended=True))
    return found


def _plan(
    models: str | ModelInfo | Iterable[str | ModelInfo],
    prompts: str | Sequence[str] | Mapping[str, str] | None,
    runs: int,
    lengths: Sequence[str | int],
    max_tokens: int,
    force: bool,
) -> Plan:
    listed = [models] if isinstance(models, str | ModelInfo) else models
    names = tuple(dict.fromkeys(model.id if isinstance(model, ModelInfo) else model for model in listed))
    if not names:
        raise UsageError("No model is named.", next_step='Name some: wb.benchmark(["builtin"]).')
    for name, value in (("runs", runs), ("max_tokens", max_tokens)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UsageError(f"{name} must be a whole number of at least 1, not {value!r}.")
    own: dict[str, str] = {}
    if prompts is not None:
        given = [prompts] if isinstance(prompts, str) else prompts
        own = dict(given if isinstance(given, Mapping) else {f"prompt {n}": p for n, p in enumerate(given, 1)})
        if not own or not all(isinstance(p, str) and p.strip() for p in own.values()):
            raise EmptyPromptError("A prompt is empty, or no text.", next_step="Give texts, or leave prompts out.")
    made: dict[str, int] = {}
    for length in [lengths] if isinstance(lengths, str | int) else lengths:
        tokens = LENGTHS.get(length) if isinstance(length, str) else length
        if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1:
            raise UsageError(
                f"{length!r} is no length.", next_step=f"Give {', '.join(LENGTHS)}, or a number of tokens."
            )
        made[length if isinstance(length, str) else f"{length:,} tokens"] = tokens
    if not made and not own:
        raise UsageError("No length is named.", next_step=f"Give some of {', '.join(LENGTHS)}, or numbers of tokens.")
    return Plan(models=names, prompts=own, lengths=made, runs=runs, max_tokens=max_tokens, force=force)


def _line() -> Callable[[Step], None]:
    """What shows the progress: one line that changes, in a notebook or a terminal; nothing elsewhere."""
    from workbench import display

    if display.in_notebook():
        import IPython.display

        handle: Any = IPython.display.display({"text/plain": "…"}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        return lambda step: handle.update({"text/plain": _words(step)}, raw=True)
    if sys.stderr.isatty():
        return lambda step: print(
            f"\r\x1b[K{_words(step)}", end="\n" if step.ended else "", file=sys.stderr, flush=True
        )
    return lambda step: None


def _words(step: Step) -> str:
    return f"{step.done} of {step.total} runs, {step.words}"


def _spread(values: Iterable[float | None]) -> tuple[float | None, float | None, float | None]:
    """The least, the median and the most of those that are known."""
    known = [value for value in values if value is not None]
    return (min(known), statistics.median(known), max(known)) if known else (None, None, None)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table as text."""

    def spread(field: str, form: Callable[[float], str]) -> str:
        low, middle, high = (row[name] for name in (f"{field}_low", field, f"{field}_high"))
        if middle is None:
            return UNKNOWN
        shown = [form(value) for value in (low, middle, high)]
        return shown[1] if shown[0] == shown[2] else f"{shown[1]} ({shown[0]}{UNKNOWN}{shown[2]})"

    failed = " failed" if row["error"] and not row["runs"] else ""
    return (
        row["model"],
        (row["prompt"] or "") + failed,
        UNKNOWN if row["prompt_tokens"] is None else f"{row['prompt_tokens']:,.0f}",
        spread("ttft_s", _figures),
        spread("prefill_tps", _figures),
        spread("decode_tps", _figures),
        spread("peak_memory", lambda size: f"{size / 1e6:,.0f}"),
        UNKNOWN if row["load_s"] is None else f"{row['load_s']:.2f}",
    )


def _figures(value: float) -> str:
    """A number with three figures: what is measured is no more exact."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
