"""Ollama's model folder: manifests that lead to blobs. Knows no server.

    $OLLAMA_MODELS, else ~/.ollama/models, else the Linux service's /usr/share/ollama/.ollama/models
        manifests/HOST/NAMESPACE/MODEL/TAG     JSON: a config and layers, each a media type, digest and size
        blobs/sha256-HEX                       the layer of type ...image.model is a GGUF file

Models of Ollama's own MLX engine have many ``tensor`` layers in place of one ``model``: only Ollama runs those.
Manifests are read as what any program could have written: a digest is no path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from workbench.manager.remembered import Watch
from workbench.manager.tree import Found, Tree

SERVICE = Path("/usr/share/ollama/.ollama/models")
OWN_LAYOUT = "Only Ollama runs its safetensors form; connect it with wb.connect('http://localhost:11434/v1')."
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MODEL, _TENSOR = "application/vnd.ollama.image.model", "application/vnd.ollama.image.tensor"
_LONGEST_MANIFEST = 4 * 2**20
_MOST_MANIFESTS = 5_000
_DEFAULTS = ("registry.ollama.ai", "library")


class _Layer(msgspec.Struct):
    digest: str
    kind: str = msgspec.field(name="mediaType", default="")

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.digest):
            raise ValueError("no digest")


class _Manifest(msgspec.Struct):
    layers: list[_Layer]
    config: _Layer | None = None


def models_folder() -> Path:
    """Where Ollama keeps its models; it need not exist."""
    if named := os.environ.get("OLLAMA_MODELS"):
        return Path(named).expanduser()
    own = Path("~/.ollama/models").expanduser()
    return own if own.is_dir() or not SERVICE.is_dir() else SERVICE


def read(root: str, watch: Watch) -> Tree:
    """Ollama's models; tags that lead to the same weights make one, named by the first."""
    found: dict[str, Found] = {}
    refused: list[str] = []
    watch.see(f"{root}/blobs")
    manifests = []
    for path in _manifests(f"{root}/manifests", watch, refused):
        manifests.append(path)
        if len(manifests) > _MOST_MANIFESTS:
            break
    for path in manifests:
        model = _model(root, path)
        if model is None:
            continue
        before = found.get(model.path)
        if before is not None:
            names = f"{before.name}, {model.name}"
            files = tuple(dict.fromkeys(before.files + model.files))
            model = msgspec.structs.replace(before, name=names, files=files)
        found[model.path] = model
    return Tree(tuple(found.values()), tuple(refused), len(manifests) > _MOST_MANIFESTS)


def _manifests(folder: str, watch: Watch, refused: list[str], depth: int = 0) -> Iterator[str]:
    """The files four folders down, sorted; links to folders are not followed."""
    watch.see(folder)
    try:
        listing = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError:
        refused.append(folder)
        return
    for entry in listing:
        if depth < 3 and entry.is_dir(follow_symlinks=False):
            yield from _manifests(entry.path, watch, refused, depth + 1)
        elif depth == 3 and entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
            watch.see(entry.path)
            yield entry.path


def _model(root: str, path: str) -> Found | None:
    """The model of one manifest; ``None`` when it only names one that runs elsewhere."""
    name = _name(Path(path).relative_to(f"{root}/manifests").parts)
    try:
        if os.path.getsize(path) > _LONGEST_MANIFEST:
            raise ValueError("too long")
        manifest = msgspec.json.decode(Path(path).read_bytes(), type=_Manifest)
    except (OSError, ValueError, msgspec.DecodeError, RecursionError):
        return Found(path, name, "gguf", (path,), f"Ollama's manifest of {name} cannot be read.")
    layers = [*([manifest.config] if manifest.config else []), *manifest.layers]
    blobs = [f"{root}/blobs/{layer.digest.replace(':', '-')}" for layer in layers]
    files = (path, *dict.fromkeys(blobs))
    weights = [blob for layer, blob in zip(layers, blobs, strict=True) if layer.kind == _MODEL]
    if weights:
        absent = sum(not os.path.exists(blob) for blob in blobs)
        problem = (
            f"{absent} of its {len(blobs)} files are missing; `ollama pull {name}` fetches them." if absent else ""
        )
        return Found(weights[0], name, "gguf", files, problem)
    if any(layer.kind.startswith(_TENSOR) for layer in layers):
        return Found(path, name, "safetensors", files, OWN_LAYOUT)
    return None


def _name(parts: tuple[str, ...]) -> str:
    """``mistral:7b``; with its namespace or host where they are not Ollama's own."""
    host, namespace, model, tag = parts
    short = f"{model}:{tag}"
    if (host, namespace) == _DEFAULTS:
        return short
    return f"{namespace}/{short}" if host == _DEFAULTS[0] else f"{host}/{namespace}/{short}"
