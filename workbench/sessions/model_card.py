"""A model's card: what the hub says of it, the files that are needed, and its memory here. Knows no session."""

from __future__ import annotations

import re
import shutil
from typing import Any

import msgspec

from workbench.errors import ErrorInfo, WorkbenchError, describe
from workbench.manager import choose, fit, hub, inventory
from workbench.manager.fit import Fit
from workbench.manager.hub import HubFile, HubRepo
from workbench.model import HubModel, ModelInfo

CONTEXTS = (2048, 4096, 8192, 16384, 32768, 65536, 131072)
"""Tokens of context that the card offers to count for, up to the model's own."""
FORMULA = (
    "30 for downloads, 15 for likes, 15 for freshness, 25 for how well it is described, 15 for a known author; "
    "it says nothing of how well it answers."
)
"""How the quality is counted, in a sentence; `workbench.manager.quality` has the exact terms."""
LONGEST = 600
"""Characters of a description; the rest is on the hub."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A model as its card shows it. ``None`` means unknown."""

    model: HubModel
    download: str
    """The id to download: with the quantization, where the repository has several."""
    description: str | None = None
    """The first paragraph of its card on the hub."""
    revision: str | None = None
    """Commit of the newest revision."""
    files: tuple[HubFile, ...] | None = None
    """The files that are needed, largest first."""
    files_total: int | None = None
    """How many files the repository has."""
    quantizations: tuple[tuple[str, int], ...] = ()
    """Of a GGUF repository: names and bytes."""
    quantization: str | None = None
    """The one that is downloaded."""
    fit: Fit
    context: int
    """Tokens the memory is counted for."""
    config: dict[str, Any] | None = None
    """The model's config.json."""
    error: ErrorInfo | None = None
    """Why some of it is missing."""

    @property
    def size(self) -> int | None:
        """Bytes to download."""
        return self.model.size if self.files is None else sum(file.size for file in self.files)

    def __repr__(self) -> str:
        model = self.model
        lines = [model.id, f"  {self.description}"] if self.description else [model.id]
        if self.files is not None:
            lines.append(f"  files: {len(self.files)} of {self.files_total} needed, {fit.gb(self.size or 0)} GB")
        lines += [f"  licence: {model.licence or 'not said'}", f"  memory at {self.context:,} tokens: {self.fit}"]
        if model.quality is not None:
            lines.append(f"  quality: {model.quality:.0f} of 100")
        return "\n".join([*lines, f"  {self.error.message} {self.error.next_step}"] if self.error else lines)


def outline(model: HubModel, context: int) -> Card:
    """A card of what is known without asking anybody."""
    return Card(model=model, download=model.id, fit=fit.fit(model, context), context=context)


def read(model: HubModel, context: int, quantization: str | None = None) -> Card:
    """A model's card, from the hub. What the hub does not give is missing, and `error` says why."""
    try:
        repo = hub.info(model.id)
    except WorkbenchError as error:
        card = outline(model, context)
        return msgspec.structs.replace(card, error=error.info)
    try:
        text: str | None = first_paragraph(hub.card(model.id, repo.sha))
    except WorkbenchError:
        text = None
    card = _with_files(repo, context, quantization)
    return msgspec.structs.replace(card, description=text or None)


def at(card: Card, context: int) -> Card:
    """The same card, with its memory counted for another context; asks nobody."""
    model = _weighed(card.model, card.files, card.quantization)
    return msgspec.structs.replace(card, fit=_fit(model, context, card.config), context=context)


def view(card: Card, *, loading: bool = False) -> dict[str, Any]:
    """A card as JSON-ready values."""
    model, here = card.model, card.fit
    known = here.verdict != "unknown"
    return {
        "model": model.id,
        "download": card.download,
        "loading": loading,
        "description": card.description,
        "url": f"{hub.endpoint()}/{model.id}",
        "context_length": model.context_length,
        "licence": model.licence,
        "base_models": list(model.base_models),
        "updated": model.updated,
        "revision": card.revision,
        "quality": model.quality,
        "formula": FORMULA,
        "files": None if card.files is None else [{"path": f.path, "size": f.size} for f in card.files],
        "files_total": card.files_total,
        "size": card.size,
        "quantizations": [
            {"name": name, "size": size, "chosen": name == card.quantization} for name, size in card.quantizations
        ],
        "fit": {
            "verdict": here.verdict,
            "weights": here.weights if known else None,
            "kv_cache": here.kv_cache if known else None,
            "overhead": here.overhead if known else None,
            "total": here.total if known else None,
            "usable": here.usable,
            "estimated": here.estimated,
            "measured": here.measured.peak_memory if here.measured else None,
        },
        "context": here.context,
        "contexts": contexts(model.context_length),
        "free": _free(),
        "error": msgspec.to_builtins(card.error),
    }


def contexts(longest: int | None) -> list[int]:
    """The contexts to choose from, in tokens: doubling, up to the model's own."""
    if longest is None:
        return list(CONTEXTS[:5])
    most = min(longest, CONTEXTS[-1])
    return [*(tokens for tokens in CONTEXTS if tokens < most), most]


def first_paragraph(markdown: str) -> str:
    """The first words of a README that are prose: no headings, pictures, badges, tables, code or HTML."""
    text = re.sub(r"```.*?(```|\Z)|<!--.*?-->", "", markdown, flags=re.DOTALL)
    for block in re.split(r"\n\s*\n|\n(?=#)|(?<=\n)(?=[-*|>] )", text):
        lines = [line for line in block.strip().splitlines() if not line.lstrip().startswith("#")]
        plain = " ".join(lines)
        if plain.lstrip().startswith(("|", "- ", "* ", ">", "    ", "---", "===")):
            continue
        plain = re.sub(r"!\[[^\]]*\]\([^)]*\)|<[^>]+>", "", plain)
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
        plain = re.sub(r"(\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w))", "", plain)
        plain = re.sub(r"\s+", " ", plain).strip(" []|")
        if len(plain) >= 20 and " " in plain:
            return plain if len(plain) <= LONGEST else f"{plain[:LONGEST].rsplit(' ', 1)[0]}…"
    return ""


def _with_files(repo: HubRepo, context: int, quantization: str | None) -> Card:
    """The card of a repository: which of its files are needed, and how that fits."""
    model, error = repo.model, None
    files, chosen, offered = None, None, list[tuple[str, int]]()
    try:
        selection = choose.needed(repo.files, quantization)
        files, chosen = tuple(sorted(selection.files, key=lambda file: -file.size)), selection.quantization
        if selection.format == "gguf":
            offered = [(name, choose.needed(repo.files, name).size) for name in selection.quantizations]
    except WorkbenchError as raised:
        error = describe(raised)
    several = chosen is not None and len(offered) > 1
    return Card(
        model=model,
        download=f"{model.id}:{chosen}" if several else model.id,
        revision=repo.sha,
        files=files,
        files_total=len(repo.files),
        quantizations=tuple(offered),
        quantization=chosen,
        fit=_fit(_weighed(model, files, chosen), context, repo.config),
        context=context,
        config=repo.config,
        error=error,
    )


def _weighed(model: HubModel, files: tuple[HubFile, ...] | None, quantization: str | None) -> ModelInfo:
    """The model with the bytes of the weights that are needed, or as it is on this machine."""
    if (found := local(model.id, quantization)) is not None:
        return found
    weights = sum(file.size for file in files or () if file.path.endswith((".safetensors", ".gguf")))
    return msgspec.structs.replace(model, size=weights, estimated=False) if weights else model


def local(repo: str, quantization: str | None = None) -> ModelInfo | None:
    """The model as it is on this machine; ``None`` when it is not."""
    try:
        return inventory.find(f"{repo}:{quantization}" if quantization else repo)
    except WorkbenchError:
        return None


def _fit(model: ModelInfo, context: int, config: dict[str, Any] | None) -> Fit:
    return fit.fit(model, context, config=None if model.path else config)


def _free() -> int | None:
    """Bytes free where the Hugging Face cache is."""
    folder = inventory.cache_root()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
