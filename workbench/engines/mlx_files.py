"""What the files of a model folder say beside its weights, and what is wrong with it. Knows no engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.errors import ModelFilesError
from workbench.options import GenerationOptions

FALLBACK_CONTEXT = 4096
"""Tokens of context for a model whose config does not say."""
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "tiktoken.model")
SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


def require(folder: Path) -> None:
    """Raises `ModelFilesError` where a file is missing without which mlx-lm would go looking elsewhere."""
    if not folder.is_dir():
        raise ModelFilesError(f"There is no model folder at {folder}.")
    if not (folder / "config.json").is_file():
        raise ModelFilesError(f"{folder} has no config.json, so it is not a model folder.")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ModelFilesError(f"{folder} has no tokenizer: none of {', '.join(TOKENIZERS)} is there.")


def unloadable(model: str, error: Exception) -> ModelFilesError:
    """The framework's reason as an error of ours."""
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return ModelFilesError(
        f"MLX cannot load {model}: {reason[0].rstrip('. :')}.",
        next_step="Download it again, or choose another model.",
        details=f"{type(error).__name__}: {error}",
    )


def defaults(folder: Path) -> GenerationOptions:
    """What generation_config.json says of sampling; nothing where it forbids it or is damaged."""
    try:
        given = json.loads((folder / "generation_config.json").read_text())
        if given.get("do_sample") is False:
            return GenerationOptions()
        said = {name: given[name] for name in SAMPLING if given.get(name) is not None}
        if said.keys() & {"top_p", "top_k", "min_p"}:
            said.setdefault("temperature", 1.0)
        return GenerationOptions(**said)
    except (OSError, ValueError, AttributeError):
        return GenerationOptions()


def context_length(config: dict[str, Any], tokenizer: Any) -> int:
    """The model's own context, from its config or else its tokenizer."""
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        if isinstance(config.get(name), int):
            return int(config[name])
    most = getattr(tokenizer, "model_max_length", None)
    return most if isinstance(most, int) and most < 2**31 else FALLBACK_CONTEXT
