"""The small model that ships: what is known of it, and its files in the format an engine reads.

    model/                              shipped: fp16 weights, config, tokenizer, chat template
    <cache>/builtin/<hash>/safetensors/ derived on first use: the same weights in fp32 (fp16 is slow on CPUs)
    <cache>/builtin/<hash>/builtin.gguf derived on first use: the same fp32 weights for llama.cpp

It is made by `workbench.builtin.train` from the text of `workbench.builtin.text`; neither is needed to use it.
This module loads no framework and knows no engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal, TypeAlias

from workbench.model import ModelInfo
from workbench.store import paths

Format: TypeAlias = Literal["safetensors", "gguf"]

ID = "builtin"
"""Its model id."""
CONTEXT_LENGTH = 2048
"""Most tokens of prompt and completion together."""
MODEL = Path(__file__).parent / "model"
"""The shipped folder."""


def info() -> ModelInfo:
    """What is known of it; the size is that of the shipped file, in bytes."""
    from workbench.builtin.files import read_header

    weights = MODEL / "model.safetensors"
    header = read_header(weights)
    return ModelInfo(
        id=ID,
        name=ID,
        provider="local",
        format="safetensors",
        parameters=sum(_product(entry["shape"]) for entry in header.values()),
        bits=16,
        architecture="llama",
        context_length=CONTEXT_LENGTH,
        size=weights.stat().st_size,
        capabilities=frozenset({"tools", "reasoning"}),
        licence="mit",
    )


def path(format: Format = "safetensors") -> Path:
    """Its files in fp32: a folder for ``"safetensors"``, one file for ``"gguf"``.

    Derived on first use under the cache folder, about 16 MB each, and kept until the shipped weights change.
    Safe when several processes derive at once: the first to finish wins and the others use its result.
    Raises `ValueError` on another format, `OSError` when the cache folder cannot be written.
    """
    if format not in ("safetensors", "gguf"):
        raise ValueError(f"There is no format {format!r}; there are 'safetensors' and 'gguf'.")
    folder = paths.cache_dir() / "builtin" / _hash()
    target = folder / ("builtin.gguf" if format == "gguf" else "safetensors")
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".deriving-", dir=folder))
    try:
        made = work / target.name
        derive(MODEL, made, format)
        try:
            os.replace(made, target)
        except OSError:
            if not target.exists():  # a folder that another process put there first cannot be replaced
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def derive(model: Path, target: Path, format: Format) -> None:
    """Write the fp32 form of a shipped folder to `target`, a folder or a ``.gguf`` file that does not exist yet."""
    from workbench.builtin.files import read_safetensors, write_gguf, write_safetensors

    tensors = {name: tensor.astype("float32") for name, tensor in read_safetensors(model / "model.safetensors").items()}
    config = json.loads((model / "config.json").read_text("utf-8"))
    if format == "gguf":
        tokenizer = json.loads((model / "tokenizer.json").read_text("utf-8"))
        template = json.loads((model / "tokenizer_config.json").read_text("utf-8"))["chat_template"]
        write_gguf(target, config, tokenizer, template, tensors)
        return
    target.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copyfile(model / name, target / name)
    (target / "config.json").write_text(json.dumps(config | {"torch_dtype": "float32"}, indent=1), "utf-8")
    write_safetensors(target / "model.safetensors", tensors)


def _hash() -> str:
    """Twelve hexadecimal digits that change with any shipped file."""
    digest = hashlib.sha256()
    for file in sorted(MODEL.iterdir()):
        if file.is_file():
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _product(shape: list[int]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size
