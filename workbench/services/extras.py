"""What servers tell of their models beyond the standard list. Knows no list, only how to add to one.

    Ollama      /api/tags: size, quantization, parameters; /api/ps: what is loaded, with which context;
                /api/show: the trained context, what it can do
    LM Studio   /api/v0/models: what is loaded, contexts, quantization, format, kind
    llama.cpp   /props: the context it was started with, whether it sees

Each is optional, asked at once with the others, and has a second; what does not answer is left out. Only servers of
this machine and its network are asked: others have no such addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import msgspec

from workbench.errors import WorkbenchError
from workbench.model import ModelInfo
from workbench.services import fetch
from workbench.services.address import is_near
from workbench.services.keys import Key

SECONDS = 1.0
"""How long each question may take."""
_MOST_SHOWN = 100
"""Models of one Ollama that are asked for one by one."""
_AT_ONCE = 8
_UNITS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def fill(key: Key, models: Iterable[ModelInfo]) -> list[ModelInfo]:
    """The same models with what their server tells beyond the standard; never raises for a server."""
    models = list(models)
    if not models or not is_near(urlsplit(key.url).hostname or ""):
        return models
    root = key.url.removesuffix("/v1")
    paths = ("/api/tags", "/api/ps", "/api/v0/models", "/props")
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="workbench extras") as pool:
        answers = list(pool.map(lambda path: _told(root + path, key), paths))
        tags, loaded = (_by_name(answer, "models") for answer in answers[:2])
        studio, props = _by_name(answers[2], "data"), answers[3]
        if tags:
            asked = [model.name for model in models if _tag(tags, model.name)][:_MOST_SHOWN]
            said = pool.map(lambda name: _told(f"{root}/api/show", key, {"model": name}), asked)
            shown = dict(zip(asked, said, strict=True))
            return [_ollama(m, _tag(tags, m.name), _tag(loaded, m.name), shown.get(m.name, {})) for m in models]
    if studio:
        return [_studio(model, studio.get(model.name, {})) for model in models]
    if _dict(props, "default_generation_settings"):
        return [_llama(model, props) for model in models] if len(models) == 1 else models
    return models


def _ollama(model: ModelInfo, tag: dict[str, Any], loaded: dict[str, Any], shown: dict[str, Any]) -> ModelInfo:
    if not tag:
        return model
    details, facts = _dict(tag, "details"), _dict(shown, "model_info")
    architecture = facts.get("general.architecture") or details.get("family")
    trained = _whole(facts.get(f"{architecture}.context_length"))
    can = {"vision": "vision", "tools": "tools", "thinking": "reasoning", "embedding": "embeddings"}
    told = shown.get("capabilities") or tag.get("capabilities") or ()
    return _known(
        model,
        size=_whole(tag.get("size")),
        format=_text(details.get("format")),
        quantization=_text(details.get("quantization_level")),
        parameters=_whole(facts.get("general.parameter_count")) or _count(details.get("parameter_size")),
        architecture=_text(architecture),
        capabilities=frozenset(can[each] for each in told if each in can),
        **_contexts(bool(loaded), _whole(loaded.get("context_length")), trained),
    )


def _studio(model: ModelInfo, entry: dict[str, Any]) -> ModelInfo:
    if not entry:
        return model
    can = {"vision"} if entry.get("type") == "vlm" else {"embeddings"} if entry.get("type") == "embeddings" else set()
    can |= {"tools"} if "tool_use" in (entry.get("capabilities") or ()) else set()
    now, most = _whole(entry.get("loaded_context_length")), _whole(entry.get("max_context_length"))
    return _known(
        model,
        format={"mlx": "safetensors", "gguf": "gguf"}.get(str(entry.get("compatibility_type"))),
        quantization=_text(entry.get("quantization")),
        architecture=_text(entry.get("arch")),
        capabilities=frozenset(can),
        **_contexts(entry.get("state") == "loaded", now, most),
    )


def _llama(model: ModelInfo, props: dict[str, Any]) -> ModelInfo:
    now = _whole(_dict(props, "default_generation_settings").get("n_ctx"))
    sees = _dict(props, "modalities").get("vision") is True
    asleep = props.get("is_sleeping") is True
    return _known(
        model,
        format="gguf",
        capabilities=model.capabilities | ({"vision"} if sees else set()),
        **_contexts(not asleep, now, model.context_length),
    )


def _contexts(loaded: bool, now: int | None, most: int | None) -> dict[str, Any]:
    """A loaded model's context is the one it was loaded with; the longest it could have is in the note."""
    if not loaded:
        return {"context_length": most}
    note = f"up to {most:,} tokens" if now and most and most > now else ""
    return {"status": "loaded", "context_length": now or most, "note": note}


def _known(model: ModelInfo, **facts: Any) -> ModelInfo:
    """The model with these facts, as far as they are known."""
    return msgspec.structs.replace(model, **{name: value for name, value in facts.items() if value})


def _told(url: str, key: Key, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One answer; empty when there is none."""
    try:
        answer = fetch.json(url, key=key, body=body, seconds=SECONDS)
    except WorkbenchError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _by_name(answer: dict[str, Any], list_name: str) -> dict[str, dict[str, Any]]:
    """The entries of a list by the name they are asked by."""
    entries = answer.get(list_name)
    found: dict[str, dict[str, Any]] = {}
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(name := entry.get("id") or entry.get("name"), str):
            found[name] = entry
    return found


def _tag(entries: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """Ollama's entry of a model; its tag may be left out for ``latest``."""
    return entries.get(name) or entries.get(f"{name}:latest") or {}


def _count(text: object) -> int | None:
    """``"8.0B"`` as a number."""
    found = re.fullmatch(r"([\d.]+)\s*([KMBT])", text) if isinstance(text, str) else None
    return round(float(found[1]) * _UNITS[found[2]]) if found else None


def _dict(entry: dict[str, Any], key: str) -> dict[str, Any]:
    found = entry.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
