"""What each generation option may be for a model: its real limits, as far as they are known. Knows no chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from workbench.errors import WorkbenchError
from workbench.model import ModelInfo
from workbench.services.address import place

if TYPE_CHECKING:
    from workbench.engines import LoadedModel
    from workbench.services.registry import Services

EXTENDED = ("llama-server", "lmstudio", "localai", "mlx-server", "vllm")
"""The servers known to take top_k, min_p and a repetition penalty beside what OpenAI's API has (their own
documentation); what others do with them is not known."""
_SAMPLING = ("top_p", "top_k", "min_p", "repetition_penalty")
_STANDARD = ("max_tokens", "temperature", "top_p", "seed", "stop")


class OptionRange(msgspec.Struct, frozen=True, kw_only=True):
    """One option; ``None`` is unknown, or does not exist."""

    name: str
    kind: Literal["integer", "number", "strings", "flag"]
    min: float | None = None
    max: float | None = None
    step: float | None = None
    default: float | bool | None = None
    """What is used when it is not set."""
    off: float | None = None
    """The value that turns it off."""
    supported: bool | None = None
    """Whether it is honoured."""
    note: str = ""
    """Why not, or what else there is to know."""


def ranges_of(services: Services, info: ModelInfo | None) -> list[dict[str, Any]]:
    """The ranges of all options for a model, as the front end reads them; asks no server and loads nothing."""
    ranges = _general(info)
    if info is not None and info.local:
        ranges = _local(ranges, info, _loaded(services, info))
    elif info is not None:
        ranges = _remote(ranges, info, _url(services, info))
    return [msgspec.to_builtins(each) for each in ranges]


def _general(info: ModelInfo | None) -> list[OptionRange]:
    context = info.context_length if info is not None else None
    return [
        OptionRange(
            name="max_tokens", kind="integer", min=1, max=context, step=1, note="At most what the context leaves."
        ),
        OptionRange(name="temperature", kind="number", min=0, max=5, step=0.05, note="0 takes the likeliest word."),
        OptionRange(name="top_p", kind="number", min=0.01, max=1, step=0.01, off=1),
        OptionRange(name="top_k", kind="integer", min=0, step=1, off=0),
        OptionRange(name="min_p", kind="number", min=0, max=1, step=0.01, off=0),
        OptionRange(name="repetition_penalty", kind="number", min=0.01, max=10, step=0.05, off=1),
        OptionRange(name="stop", kind="strings", note="Texts that end the answer."),
        OptionRange(name="seed", kind="integer", min=0, max=2**32 - 1, step=1, note="The same seed, the same answer."),
        OptionRange(name="context_length", kind="integer", min=1, max=context, step=1),
        OptionRange(name="thinking", kind="flag"),
    ]


def _local(ranges: list[OptionRange], info: ModelInfo, loaded: LoadedModel | None) -> list[OptionRange]:
    """As the loaded engine tells; before it is loaded the vocabulary, and what the engine can do, are not known."""
    own = _own_context(info)
    found: dict[str, dict[str, Any]] = {name: {"supported": True} for name in ("max_tokens", "temperature", *_SAMPLING)}
    note = "Counts when the model is loaded."
    found["context_length"] = {"max": own, "supported": True, "default": own, "note": note}
    found["thinking"] = {
        "supported": True if "reasoning" in info.capabilities else None,
        "note": "" if "reasoning" in info.capabilities else "Counts if the model's template knows of thinking.",
    }
    if loaded is not None:
        found["top_k"]["max"] = loaded.vocabulary
        found["top_k"]["note"] = f"The vocabulary has {loaded.vocabulary:,} tokens."
        found["max_tokens"]["max"] = loaded.context_length
        found["seed"] = {"supported": loaded.capabilities.seed}
        found["stop"] = {"supported": loaded.capabilities.stop}
    return [msgspec.structs.replace(each, **found.get(each.name, {})) for each in ranges]


def _remote(ranges: list[OptionRange], info: ModelInfo, url: str) -> list[OptionRange]:
    """As the server's kind is known to do."""
    from workbench.services import presets

    found: dict[str, dict[str, Any]] = {name: {"supported": True} for name in _STANDARD}
    preset = presets.of(url, info.provider)
    others: dict[str, Any] = {"supported": None, "note": "Not every server knows it; an ignored option is told."}
    if place(url) == "api.openai.com":
        others = {"supported": False, "note": "OpenAI's API has no such option."}
        found["temperature"]["max"] = 2
    elif preset is not None and preset.name in EXTENDED:
        others = {"supported": True}
    found |= {name: others for name in _SAMPLING[1:]}
    found["thinking"] = {"supported": None, "note": "Counts if the server passes it to the model's template."}
    found["context_length"] = {"supported": False, "note": "The server decides that itself."}
    return [msgspec.structs.replace(each, **found.get(each.name, {})) for each in ranges]


def _loaded(services: Services, info: ModelInfo) -> LoadedModel | None:
    local = getattr(services, "local", None)
    return None if local is None or info.status != "loaded" else local.loaded(info.id)


def _own_context(info: ModelInfo) -> int | None:
    """Tokens of context that the model was made for, however it is loaded now."""
    from workbench.manager import inventory

    try:
        return inventory.find(info.id).context_length
    except WorkbenchError:
        return info.context_length


def _url(services: Services, info: ModelInfo) -> str:
    try:
        return getattr(services.resolve(info.id)[0], "url", None) or ""
    except WorkbenchError:
        return ""
