"""What suits this machine: the fit of one model, the curated list, a recommendation. Knows no widget and no engine."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from workbench.errors import FolderError, ModelNotFoundError, OfflineError, UsageError
from workbench.manager import choose, index, inventory, machine
from workbench.manager import curated as curated_list
from workbench.manager import fit as fitting
from workbench.manager.fit import CONTEXT, Fit, gb
from workbench.manager.machine import Machine
from workbench.model import HubModel, ModelInfo, is_remote

if TYPE_CHECKING:
    import pandas

    from workbench.manager.hub import HubRepo

USEFUL_TPS = 12.0
"""Tokens a second that a person reads along with; a model expected to be slower is recommended after the others."""
_HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^:]+))?(:(?P<quantization>[\w.-]+))?")
_SHIPPED = "The model that ships: nothing to download, and honest about being tiny."
_COLUMNS = ("id", "size", "fit", "why")
_CHATS = ("text-generation", "image-text-to-text", "any-to-any", "conversational")


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One model, and what speaks for it here."""

    model: ModelInfo
    fit: Fit
    reason: str
    """What it is good for."""
    why: str
    """How it suits this machine: memory and speed, in a sentence."""
    default: bool = False
    """Whether it is the one to take when nothing else is known."""

    @property
    def id(self) -> str:
        """The model id, for `workbench.download` and `workbench.chat`."""
        return self.model.id


class AdviceList(list[Advice]):
    """Models that read well: as text, as a table in a notebook, as a pandas frame."""

    def to_frame(self) -> pandas.DataFrame:
        """One row a model; sizes in bytes, speeds in tokens a second. Needs pandas."""
        import pandas

        return pandas.DataFrame([_record(advice) for advice in self])

    def __repr__(self) -> str:
        rows = [_COLUMNS, *(_row(advice) for advice in self)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
        rows = (
            "".join(f"<td>{html.escape(cell)}</td>" for cell in _row(a)[:-1])
            + f"<td>{html.escape(a.why)}<br><small>{html.escape(a.reason)}</small></td>"
            for a in self
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def fit(model: str, context: int | None = None) -> Fit:
    """Whether a model fits this machine, with the parts of what it needs; nothing is downloaded.

        wb.fit("mlx-community/Llama-3.2-3B-Instruct-4bit")            # fits: 3.3 of 11.5 GB (weights 1.8, ...)
        wb.fit("mlx-community/Qwen3-8B-4bit", context=32_768).verdict   # "fits", "tight", "too big", "unknown"

    `model` is a model of this disk or of the hub; `context` the tokens to hold, 8,192 if not given. For a model of
    the hub its list of files and its config are asked for; without a network what was seen of it before is used.
    Raises `ModelNotFoundError`, `NoUsableFilesError`, `GatedModelError`, `OfflineError`, and `UsageError` for a
    model of a server: it needs that machine's memory, not this one's.
    """
    if context is not None and context < 1:
        raise UsageError(f"A context has at least one token, not {context}.")
    if is_remote(model):
        raise UsageError(f"{model} runs on its server.", next_step="Ask for the id of a local model or of the hub.")
    try:
        return fitting.fit(inventory.find(model), context)
    except ModelNotFoundError:
        named = _HUB_ID.fullmatch(model)
        if named is None or Path(model).expanduser().exists():
            raise
    return _fit_of_hub(model, named["repo"], named["revision"], named["quantization"], context)


def curated(context: int = CONTEXT) -> AdviceList:
    """A short list of models worth a first look, each with its reason and its fit at so many tokens of context.

    wb.curated()
    wb.curated().to_frame()
    """
    here = machine.this()
    return AdviceList(_advice(e.model, e.reason, context, here, default=e.default) for e in _entries())


def recommend(n: int = 5, context: int = CONTEXT, task: str | None = None) -> AdviceList:
    """The curated models that suit this machine, best first, and why.

        wb.recommend()
        wb.download(wb.recommend(1)[0].id)

    Those made for so many tokens come before those with less context of their own, those that fit before those that
    are tight, those fast enough to read along before slower ones (where a speed is known), and then the larger before
    the smaller; what does not fit is left out. Where there are fewer
    than `n`, the model that ships, which always works, comes last. `context` is in tokens; `task` is a task of the
    hub (``"text-generation"``), without one models that chat.
    """
    if n < 1 or context < 1:
        raise UsageError("n and context are at least 1.")
    here = machine.this()
    tasks = (task,) if task else _CHATS
    advised = (
        _advice(entry.model, entry.reason, context, here, default=entry.default)
        for entry in _entries()
        if (entry.model.task or _CHATS[0]) in tasks
    )
    suitable = [advice for advice in advised if advice.fit.verdict in ("fits", "tight")]
    best = sorted(suitable, key=lambda advice: _rank(advice, context))[:n]
    if len(best) < n and _CHATS[0] in tasks:
        best.append(_advice(inventory.find(inventory.BUILTIN), _SHIPPED, context, here))
    return AdviceList(best)


def _fit_of_hub(model: str, repo: str, revision: str | None, quantization: str | None, context: int | None) -> Fit:
    from workbench.manager import hub

    try:
        found = hub.info(repo, revision, timeout=hub.QUICK)
    except OfflineError:
        known = {entry.model.id: entry.model for entry in curated_list.entries()}
        seen = known.get(model) or (index.default().get(repo) if quantization is None else None)
        if seen is None:
            raise
        return fitting.fit(seen, context)
    return fitting.fit(_sized(found, model, quantization), context, config=found.config)


def _sized(repo: HubRepo, model: str, quantization: str | None) -> ModelInfo:
    """A model of a repository with the size of the weights that would be fetched."""
    selection = choose.needed(repo.files, quantization)
    size = sum(file.size for file in selection.files if file.path.endswith((".safetensors", ".gguf")))
    facts = {"id": model, "format": selection.format, "size": size, "estimated": False}
    if selection.quantization is not None:
        facts["quantization"] = selection.quantization
    return msgspec.structs.replace(repo.model, **facts)


def _entries() -> Sequence[curated_list.Curated]:
    """The curated list, with what was seen of it on the hub; a model that is on this disk as it was found there."""
    seen: dict[str, HubModel] = {}
    with suppress(FolderError, OSError):  # the index cannot be read: the list stands by itself
        repos = {entry.model.id.partition(":")[0] for entry in curated_list.entries()}
        seen = {repo: found for repo in repos if (found := index.default().get(repo)) is not None}
    local = {info.id: info for info in inventory.local_models() if info.status != "failed"}
    return [
        msgspec.structs.replace(entry, model=_here(entry.model, local.get(entry.model.id)))
        for entry in curated_list.with_seen(curated_list.entries(), seen)
    ]


def _here(listed: HubModel, found: ModelInfo | None) -> HubModel:
    if found is None:
        return listed
    return msgspec.structs.replace(listed, size=found.size, path=found.path, status=found.status, estimated=False)


def _advice(model: ModelInfo, reason: str, context: int, here: Machine, *, default: bool = False) -> Advice:
    found = fitting.fit(model, context, machine=here)
    return Advice(model=model, fit=found, reason=reason, why=_why(model, found, context, here), default=default)


def _why(model: ModelInfo, found: Fit, context: int, here: Machine) -> str:
    if found.verdict == "unknown":
        return "its size is not known"
    verb = "would need" if found.verdict == "too big" else "uses"
    words = [f"{verb} {gb(found.total)} of your {gb(found.usable)} GB"]
    if found.context < context:
        words.append(f"reads at most {found.context:,} tokens")
    if found.decode_tps is not None:
        how = "measured here" if found.speed_measured else f"expected on {(here.chip or '').removeprefix('Apple ')}"
        words.append(f"about {_rounded(found.decode_tps)} tokens/s {how}")
    if model.status not in ("hub", "failed"):
        words.append("already on this machine")
    return "; ".join(words)


def _rank(advice: Advice, context: int) -> tuple[bool, bool, bool, int, float]:
    """Long enough, then comfortable, then fast enough, then large; of two that large the one with more bits."""
    model, found = advice.model, advice.fit
    slow = found.decode_tps is not None and found.decode_tps < USEFUL_TPS
    return found.context < context, found.verdict != "fits", slow, -(model.parameters or 0), -(model.bits or 0.0)


def _rounded(speed: float) -> str:
    return f"{speed:.0f}" if speed < 20 else f"{round(speed, -1):.0f}"


def _row(advice: Advice) -> tuple[str, ...]:
    size = advice.model.size
    words = "\u2013" if size is None else f"{gb(size)} GB" if size >= 5e7 else f"{size / 1e6:.0f} MB"
    about = "about " if getattr(advice.model, "estimated", False) else ""
    return advice.id + (" (default)" if advice.default else ""), about + words, advice.fit.verdict, advice.why


def _record(advice: Advice) -> dict[str, object]:
    model, found = advice.model, advice.fit
    return {
        "id": model.id,
        "parameters": model.parameters,
        "quantization": model.quantization,
        "size": model.size,
        "verdict": found.verdict,
        "total": found.total,
        "weights": found.weights,
        "kv_cache": found.kv_cache,
        "overhead": found.overhead,
        "usable": found.usable,
        "context": found.context,
        "decode_tps": found.decode_tps,
        "speed_measured": found.speed_measured,
        "reason": advice.reason,
        "why": advice.why,
        "default": advice.default,
    }
