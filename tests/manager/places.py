"""Model folders of other apps, made as the apps make them, for the tests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from workbench import builtin

IMAGE = "application/vnd.ollama.image."
OWN = "registry.ollama.ai/library"


def repository(root: Path, repo: str, files: dict[str, bytes | Path], sha: str = "a" * 40, main: bool = True) -> Path:
    """A repository of the Hugging Face cache, its blobs named by their content; its folder."""
    folder = root / f"models--{repo.replace('/', '--')}"
    for name, source in files.items():
        data = source if isinstance(source, bytes) else source.read_bytes()
        blob = folder / "blobs" / hashlib.sha256(data).hexdigest()
        link = folder / "snapshots" / sha / name
        link.parent.mkdir(parents=True, exist_ok=True)
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(data)
        link.symlink_to(os.path.relpath(blob, link.parent))
    (folder / "refs").mkdir(exist_ok=True)
    if main:
        (folder / "refs" / "main").write_text(sha)
    return folder


def shipped() -> dict[str, bytes | Path]:
    """The files of the model that ships, by name."""
    return {file.name: file for file in builtin.MODEL.iterdir()}


class Ollama:
    """Ollama's model folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def blob(self, data: bytes) -> dict[str, object]:
        """Put a blob; what a manifest says of it."""
        digest = hashlib.sha256(data).hexdigest()
        (self.root / "blobs").mkdir(parents=True, exist_ok=True)
        (self.root / "blobs" / f"sha256-{digest}").write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def layer(self, kind: str, data: bytes, **more: object) -> dict[str, object]:
        """A layer with its blob."""
        return {"mediaType": IMAGE + kind, **self.blob(data), **more}

    def manifest(self, name: str, content: object) -> Path:
        """Write a manifest, whatever it says."""
        path = self.root / "manifests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    def model(self, name: str, data: bytes, *more: dict[str, object]) -> Path:
        """A GGUF model as ``ollama pull`` leaves it; its weights."""
        model = self.layer("model", data)
        self.manifest(
            name,
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {"mediaType": "application/vnd.docker.container.image.v1+json", **self.blob(b"{}")},
                "layers": [model, self.layer("license", b"MIT License"), self.layer("params", b"{}"), *more],
            },
        )
        return self.root / "blobs" / str(model["digest"]).replace(":", "-")


def lm_studio(root: Path) -> Path:
    """LM Studio's models folder with a GGUF file, a vision model's two and a folder of safetensors."""
    gguf = builtin.path("gguf")
    for name in ("bartowski/tiny-GGUF/tiny-Q8_0.gguf", "pub/two/m-Q4_K_M.gguf", "pub/two/m-Q8_0.gguf"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(gguf, root / name)
    (root / "pub" / "two" / "mmproj-m-F16.gguf").write_bytes(b"GGUF" + bytes(96))
    shutil.copytree(builtin.MODEL, root / "mlx-community" / "tiny-mlx")
    return root
