"""What is needed to repeat a cell: which model exactly, its files, the options, the versions, the machine.

Nothing costly is computed: a file's hash is what the hub promised, what verifying the model found, or, of a small file,
computed here. Knows no run.
"""

from __future__ import annotations

import hashlib
import platform
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.manager import files, inventory, machine, verify
from workbench.model import ModelInfo
from workbench.options import GenerationOptions
from workbench.sessions.comparing.values import Receipt

if TYPE_CHECKING:
    from workbench.services.registry import Services

SMALL = 16 * 2**20
"""Bytes up to which a file is read for its hash."""
_PACKAGES = {"mlx": ("mlx", "mlx-lm"), "llama_cpp": ("xllamacpp",), None: ("openai",)}
"""What computes for each engine; without one, what asks."""


def facts(info: ModelInfo, url: str | None) -> dict[str, Any]:
    """The fields of a receipt that are the same for all cells of a model. May read files, but never large ones."""
    engine = info.engine if info.local else None
    path = _path(info) if info.local else None
    return {
        "model": info.id,
        "provider": info.provider,
        "url": url,
        "revision": info.revision,
        "files": _hashes(path) if path else {},
        "format": info.format,
        "engine": engine,
        "quantization": info.quantization,
        "template": _template(path) if path else None,
        "versions": versions(engine),
        "machine": machine_words(),
    }


class Receipts:
    """Makes receipts; what all cells of a model share is read once its first has ended."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._facts: dict[str, dict[str, Any]] = {}

    def of(self, model: str, asked: GenerationOptions, applied: GenerationOptions) -> Receipt | None:
        """The receipt of a cell that ends now; ``None`` where the model is gone."""
        if model not in self._facts:
            try:
                service, info = self._services.resolve(model)
                self._facts[model] = facts(info, getattr(service, "url", None))
            except ModelError:
                return None
        return receipt(self._facts[model], asked, applied)


def receipt(facts: dict[str, Any], asked: GenerationOptions, applied: GenerationOptions) -> Receipt:
    """The receipt of a cell that ends now."""
    return Receipt(**facts, asked=asked, applied=applied, seed=applied.seed, at=time.time())


@cache
def versions(engine: str | None) -> dict[str, str]:
    """Versions of Python, the workbench, and the packages behind an engine (``None``: behind servers)."""
    import workbench

    found = {"python": platform.python_version(), "workbench": workbench.__version__}
    for package in _PACKAGES.get(engine, ()):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def machine_words() -> str:
    """This machine in a few words: ``"Apple M3 Max, 64 GB, macOS 15.3"``."""
    here = machine.this()
    return f"{here.chip or platform.machine()}, {here.memory / 1e9:.0f} GB, {here.system}"


def _path(info: ModelInfo) -> Path | None:
    """Where its files are; ``None`` when they have gone meanwhile."""
    try:
        return inventory.locate(info)
    except ModelError:
        return None


def _hashes(path: Path) -> dict[str, str]:
    try:
        there = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
        found = {file.name: _cheap(file) for file in there}
    except OSError:
        return {}
    if None in found.values():
        found |= _verified(path)
    return {name: known for name, known in found.items() if known}


def _cheap(file: Path) -> str | None:
    """A file's hash if it is promised by the name of its blob, or quickly computed."""
    real = file.resolve()
    promised = verify.PROMISES.fullmatch(real.name) if real.parent.name == "blobs" else None
    if promised is not None:
        return f"sha256:{promised[1]}" if promised[1] else f"git:{promised[2]}"
    if real.stat().st_size > SMALL:
        return None
    return f"sha256:{hashlib.sha256(real.read_bytes()).hexdigest()}"


def _verified(path: Path) -> dict[str, str]:
    """What verifying the model at this place found."""
    entries = [entry for entry in inventory.entries() if entry.model.path == str(path)]
    known = verify.known(entries).values()
    return {file.name: f"sha256:{file.sha256}" for each in known for file in each.files if file.sha256}


def _template(path: Path) -> str | None:
    try:
        text = files.chat_template(path)
    except (ModelError, OSError):
        return None
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text else None
