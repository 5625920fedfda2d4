"""LM Studio's model folder, and Jan's. Knows no server.

    $LMSTUDIO_HOME, else what ~/.lmstudio-home-pointer says, else ~/.cache/lm-studio (old), else ~/.lmstudio
        settings.json                     "downloadsFolder": the models were moved there
        models/PUBLISHER/MODEL/*.gguf     or a folder of safetensors

The order is LM Studio's own (its ``findLMStudioHome``).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import msgspec

from workbench.manager import hf_cache
from workbench.manager.remembered import Watch
from workbench.manager.tree import Found, Tree, walk


class _Settings(msgspec.Struct):
    downloads: str | None = msgspec.field(name="downloadsFolder", default=None)


def home() -> Path:
    """LM Studio's own folder; it need not exist."""
    if named := os.environ.get("LMSTUDIO_HOME"):
        return Path(named).expanduser()
    try:
        pointed = Path("~/.lmstudio-home-pointer").expanduser().read_text("utf-8").strip()
    except (OSError, ValueError):
        pointed = ""
    if pointed:
        return Path(pointed).expanduser()
    old = Path("~/.cache/lm-studio").expanduser()
    return old if old.is_dir() else Path("~/.lmstudio").expanduser()


def models_folder() -> Path:
    """Where LM Studio keeps its models; it need not exist."""
    try:
        settings = msgspec.json.decode((home() / "settings.json").read_bytes(), type=_Settings)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        settings = _Settings()
    moved = Path(settings.downloads).expanduser() if settings.downloads else None
    return moved if moved is not None and moved.is_absolute() else home() / "models"


def jan_folder() -> Path:
    """Where Jan keeps its data; it need not exist."""
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/Jan/data").expanduser()
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "Jan" / "data"


def read(root: str, watch: Watch) -> Tree:
    """LM Studio's models, named as it names them: publisher and model, and the quantization where there are several."""
    tree = walk(root, watch)
    names = {model.path: _name(root, model) for model in tree.found}
    often = Counter(names.values())
    found = tuple(
        msgspec.structs.replace(
            model, name=names[model.path] if often[names[model.path]] == 1 else f"{names[model.path]} {_tag(model)}"
        )
        for model in tree.found
    )
    return msgspec.structs.replace(tree, found=found)


def _name(root: str, model: Found) -> str:
    parts = Path(model.path).relative_to(root).parts
    return "/".join(parts[:2])


def _tag(model: Found) -> str:
    last = os.path.basename(model.path)
    return hf_cache.quantization(last) or last
