"""What a model's files on this disk are, by their headers and extents. Knows no engine and no hub.

    FOLDER/  config.json          architecture, context length, quantization
             tokenizer.json       or another tokenizer file
             *.safetensors        weights, in one file or in those the index names
             chat_template.jinja  or inside tokenizer_config.json
             README.md            the model card: licence
    FILE.gguf                     all of it in one file, or in FILE-00001-of-00003.gguf and its fellows
    FILE.json                     no weights: a script for the scripted engine, which checks it itself

A flipped byte in the weights cannot be seen here: only a checksum sees it.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import msgspec

from workbench.errors import ModelFilesError
from workbench.manager import bounded_json, gguf_header, model_card, names, quantizations, safetensors_header
from workbench.manager.gguf_header import Header
from workbench.manager.safetensors_header import Tensor

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "tiktoken.model", "vocab.txt")
_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx")
_EXPERT_KEYS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_USED_KEYS = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts", "moe_topk", "moe_k")
_EXPERTS = {"experts", "switch_mlp", "switch_glu"}
"""Parts of the names of the experts' tensors; those of shared experts, which every token uses, are others."""
_LARGEST = 2**53
_LONGEST_TEMPLATE = 1 << 22
_MOST_FILES = 10_000
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
_AGAIN = "Download it again."


class ModelFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model from its files. ``None`` means: they do not say."""

    path: Path
    format: Literal["safetensors", "gguf", "json"]
    size: int
    """Bytes of the weights' files."""
    parameters: int | None = None
    """Counted; of a GGUF file that was only glanced at, as its name rounds it."""
    active_parameters: int | None = None
    """Used per token, of a mixture of experts."""
    dtype: str | None = None
    """Most of the weights are stored as this, e.g. ``"BF16"``."""
    bits: float | None = None
    """Stored bits a parameter, scales of a quantization included."""
    architecture: str | None = None
    context_length: int | None = None
    """In tokens."""
    quantization: str | None = None
    """``"4bit"``, ``"Q4_K_M"``, ``"MXFP4"``; ``None`` also for none."""
    method: str | None = None
    """``"affine"``, ``"k-quant"``, ``"mxfp4"``, ``"dwq"``; ``None`` also for none."""
    vocabulary: int | None = None
    """Number of token ids."""
    licence: str | None = None
    capabilities: frozenset[str] = frozenset()
    """Of ``vision``, ``tools``, ``reasoning``, ``embeddings``; from the config and the chat template."""
    missing: tuple[str, ...] = ()
    """Pieces that it can run without, but not as well: ``"chat template"``."""

    @property
    def has_template(self) -> bool:
        """Whether it has a chat template."""
        return "chat template" not in self.missing


def check(path: str | Path) -> ModelFiles:
    """Verify a model folder or ``.gguf`` file: everything is there, and is what it claims to be.

    Raises `ModelFilesError` that says what is wrong and what to do.
    """
    return _read(Path(path), whole=True)


def glance(path: str | Path) -> ModelFiles:
    """The same facts for a list, faster: a GGUF file's tensors are not looked at, so their parameters are not counted.

    Raises `ModelFilesError` like `check`.
    """
    return _read(Path(path), whole=False)


def _read(path: Path, *, whole: bool) -> ModelFiles:
    try:
        if path.is_dir():
            return _folder(path)
        if path.is_file() and path.suffix == ".json":
            return ModelFiles(path=path, format="json", size=path.stat().st_size)
        if path.is_file():
            return _gguf(path, whole)
    except OSError as error:
        raise ModelFilesError(
            f"{error.filename or path} cannot be read: {error.strerror}.", next_step="Check the file."
        ) from None
    raise ModelFilesError(f"There is nothing at {path}.", next_step="Check the path.")


def _folder(path: Path) -> ModelFiles:
    config = _json(path / "config.json")
    weights = _weights(path)
    if config is None:
        raise ModelFilesError(
            f"The folder {path.name} has no config.json.",
            next_step="Take the folder that holds the weights and their config, or download the model again.",
        )
    if not any((path / name).exists() for name in _TOKENIZERS):
        raise ModelFilesError(
            f"The folder {path.name} has no tokenizer.", next_step="Put the model's tokenizer.json beside its weights."
        )
    if not isinstance(config.get("model_type"), str):
        raise ModelFilesError(f"The config.json of {path.name} names no model_type.", next_step=_AGAIN)
    _tokenizer(path)
    tensors = {name: t for file in weights for name, t in safetensors_header.read(file).items()}
    quantization = config.get("quantization") or config.get("quantization_config")
    quantization = quantization if isinstance(quantization, dict) else {}
    elements = _elements(tensors, quantization)
    parameters = sum(elements.values())
    size = sum(t.bytes for t in tensors.values())
    kinds = Counter[str]()
    for tensor in tensors.values():
        kinds[tensor.dtype] += tensor.bytes
    text = config.get("text_config")
    facts = {**text, **config} if isinstance(text, dict) else config
    template = _template(path)
    stated, named = quantizations.in_config(quantization), names.read(_name(path))
    return ModelFiles(
        path=path,
        format="safetensors",
        size=sum(file.stat().st_size for file in weights),
        parameters=parameters or named.parameters,
        active_parameters=_active(elements, facts) or named.active_parameters,
        dtype=kinds.most_common(1)[0][0] if kinds else None,
        bits=round(8 * size / parameters, 2) if parameters else None,
        architecture=config["model_type"],
        context_length=next((n for k in _CONTEXT_KEYS if (n := _positive(facts.get(k)))), None),
        quantization=stated.name,
        method=named.method or stated.method if stated.method == "affine" else stated.method,
        vocabulary=_positive(facts.get("vocab_size")),
        licence=model_card.licence(path / "README.md"),
        capabilities=template_capabilities(template) | _kinds(config),
        missing=() if template else ("chat template",),
    )


def _weights(path: Path) -> list[Path]:
    """The weights' files of a folder: those the index names, else every safetensors file."""
    index = _json(path / "model.safetensors.index.json")
    if index is not None:
        named = index.get("weight_map")
        names = sorted(set(named.values())) if isinstance(named, dict) and _all_names(named.values()) else []
        if len(names) > _MOST_FILES:
            raise ModelFilesError(f"The index of {path.name} names {len(names):,} files.", next_step=_AGAIN)
        absent = [name for name in names if not (path / name).exists()]
        if absent:
            raise ModelFilesError(
                f"{len(absent)} of {len(names)} weights files are missing in {path.name}: {absent[0]} is the first.",
                next_step="Finish the download.",
            )
        found = [path / name for name in names]
    else:
        found = sorted(path.glob("*.safetensors"))
    for file in found:
        _refuse_impostor(file)
    if found:
        return found
    others = sorted(file for pattern in ("*.bin", "*.pt", "*.pth", "*.gguf") for file in path.glob(pattern))
    if others and others[0].suffix == ".gguf":
        raise ModelFilesError(f"The folder {path.name} holds GGUF files.", next_step=f"Name one of them: {others[0]}")
    for file in others:
        _refuse_impostor(file)
    raise ModelFilesError(f"The folder {path.name} holds no weights (*.safetensors).", next_step=_AGAIN)


def _gguf(path: Path, whole: bool) -> ModelFiles:
    _refuse_impostor(path)
    if path.suffix == ".safetensors":
        raise ModelFilesError(f"{path.name} is only the weights.", next_step=f"Name its folder: {path.parent}")
    parts = _parts(path)
    header = gguf_header.read(parts[0], tensors=whole)
    rest = [gguf_header.read(part, tensors=whole) for part in parts[1:]]
    parameters = sum(h.parameters or 0 for h in (header, *rest)) if whole else None
    size = sum(h.bytes or 0 for h in (header, *rest)) if whole and all(h.bytes for h in (header, *rest)) else None
    template = header.fact("tokenizer.chat_template", str)
    named = names.read(_name(path))
    unnamed = header.fact("general.file_type", int) is None
    quantization = quantizations.in_name(header.quantization or (named.quantization or "" if unnamed else ""))
    return ModelFiles(
        path=path,
        format="gguf",
        size=sum(part.stat().st_size for part in parts),
        parameters=parameters
        or names.read(header.fact("general.size_label", str) or "").parameters
        or named.parameters,
        active_parameters=_active_gguf(parameters, header, rest) or named.active_parameters,
        bits=round(8 * size / parameters, 2) if size and parameters else quantization.stored,
        architecture=header.fact("general.architecture", str),
        context_length=_positive(header.fact("{arch}.context_length", int)),
        quantization=quantization.name,
        method=quantization.method,
        vocabulary=_positive(header.values.get("len:tokenizer.ggml.tokens")),
        licence=header.fact("general.license", str) or model_card.licence(path.parent / "README.md"),
        capabilities=template_capabilities(template),
        missing=() if template or not whole else ("chat template",),
    )


def _parts(path: Path) -> list[Path]:
    """A GGUF file and, when it is one of several, all of them in order."""
    split = _SPLIT.search(path.name)
    if split is None:
        return [path]
    count = int(split[2])
    if not 1 <= count <= 1000:
        raise ModelFilesError(f"{path.name} claims to be one of {count:,} files.", next_step=_AGAIN)
    parts = [path.with_name(f"{path.name[: split.start()]}-{i:05}-of-{split[2]}.gguf") for i in range(1, count + 1)]
    absent = [part.name for part in parts if not part.exists()]
    if absent:
        raise ModelFilesError(
            f"{len(absent)} of {count} files of {path.name} are missing: {absent[0]} is the first.",
            next_step="Put all of them into one folder.",
        )
    return parts


def _refuse_impostor(path: Path) -> None:
    """Raises for what often stands where weights should: web pages, git-lfs pointers, pickles, nothing."""
    with path.open("rb") as file:
        head = file.read(64)
    begin = head.lstrip().lower()
    if not head:
        raise ModelFilesError(f"{path.name} is empty.", next_step=_AGAIN)
    if begin.startswith(b"version https://git-lfs"):
        raise ModelFilesError(
            f"{path.name} is a git-lfs pointer, not the weights.",
            next_step="Run `git lfs pull` in its folder, or download it again.",
        )
    if begin.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise ModelFilesError(
            f"{path.name} is a web page, not the weights.", next_step="Download the file itself, not its page."
        )
    if head.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        raise ModelFilesError(
            f"{path.name} is a pickle, which can run any code when it is loaded.",
            next_step="Take the model's safetensors or GGUF files instead.",
        )
    if path.suffix not in (".safetensors", ".gguf") and not head.startswith(b"GGUF"):  # Ollama names blobs by digest
        raise ModelFilesError(
            f"{path.name} is no weights file the workbench reads.", next_step="It reads safetensors folders and GGUF."
        )
    if path.suffix == ".safetensors" and head[8:9] != b"{":
        raise ModelFilesError(
            f"{path.name} is damaged: it does not begin as a safetensors file does.", next_step=_AGAIN
        )


def _tokenizer(path: Path) -> None:
    """Raises when the tokenizer's file does not begin and end as it should: it may be megabytes, so no more is read."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        file = path / name
        if not file.exists():
            continue
        with file.open("rb") as opened:
            head = opened.read(64).lstrip()
            opened.seek(max(0, file.stat().st_size - 64))
            tail = opened.read().rstrip()
        if not head.startswith(b"{"):
            raise ModelFilesError(f"The {name} of {path.name} is no JSON object.", next_step=_AGAIN)
        if not tail.endswith(b"}"):
            raise ModelFilesError(f"The {name} of {path.name} is truncated.", next_step=_AGAIN)


def _template(path: Path) -> str:
    """The chat template, wherever it stands; empty for none."""
    for name in ("chat_template.jinja", "chat_template.json", "tokenizer_config.json"):
        file = path / name
        if not file.exists():
            continue
        if file.suffix == ".jinja":
            with file.open("rb") as opened:
                return opened.read(_LONGEST_TEMPLATE).decode("utf-8", "replace")
        found = (_json(file) or {}).get("chat_template")
        if found:
            return found if isinstance(found, str) else msgspec.json.encode(found).decode()
    return ""


def chat_template(path: str | Path) -> str:
    """The chat template of a model folder or ``.gguf`` file; empty for none. Raises `ModelFilesError`."""
    path = Path(path)
    if path.suffix == ".gguf":
        return gguf_header.read(path, tensors=True).fact("tokenizer.chat_template", str) or ""
    return _template(path)


def template_capabilities(template: str | None) -> frozenset[str]:
    """What a chat template can express, of ``tools`` and ``reasoning``."""
    template = template or ""
    return frozenset(name for name, mark in (("tools", "tools"), ("reasoning", "think>")) if mark in template)


def _kinds(config: dict[str, Any]) -> set[str]:
    """What the architecture's classes say: a model without one that generates gives embeddings."""
    names = [name for name in _list(config.get("architectures")) if isinstance(name, str)]
    generates = not names or any(name.endswith(("LM", "LMHeadModel", "Generation")) for name in names)
    return ({"vision"} if "vision_config" in config else set()) | (set() if generates else {"embeddings"})


def _elements(tensors: dict[str, Tensor], quantization: dict[str, Any]) -> dict[str, int]:
    """Number of weights of each tensor; what MLX packed into 32-bit words counts as the weights it was."""
    found = {}
    for name, tensor in tensors.items():
        base, _, kind = name.rpartition(".")
        packed = f"{base}.scales" in tensors
        if packed and kind in ("scales", "biases"):
            continue
        own = quantization.get(base)
        bits = (own if isinstance(own, dict) else quantization).get("bits")
        if packed and tensor.dtype == "U32" and isinstance(bits, int) and 1 <= bits <= 32:
            found[name] = tensor.elements * 32 // bits
        else:
            found[name] = tensor.elements
    return found


def _active(elements: dict[str, int], facts: dict[str, Any]) -> int | None:
    """Weights used per token: all but those of the experts that the config leaves out for each."""
    count = next((n for key in _EXPERT_KEYS if (n := _positive(facts.get(key)))), None)
    used = next((n for key in _USED_KEYS if (n := _positive(facts.get(key)))), None)
    experts = sum(n for name, n in elements.items() if _EXPERTS & set(name.split(".")))
    return _used(sum(elements.values()), experts, used, count)


def _active_gguf(parameters: int | None, header: Header, rest: list[Header]) -> int | None:
    used, count = header.fact("{arch}.expert_used_count", int), header.fact("{arch}.expert_count", int)
    return _used(parameters or 0, sum(h.experts or 0 for h in (header, *rest)), _positive(used), _positive(count))


def _used(parameters: int, experts: int, used: int | None, count: int | None) -> int | None:
    return parameters - experts + experts * used // count if experts and used and count and used < count else None


def _name(path: Path) -> str:
    """What a model is called by its place: its file, its folder, or its repository in the Hugging Face cache."""
    return path.parent.parent.name.rpartition("--")[2] if path.parent.name == "snapshots" else path.name


def _json(path: Path) -> dict[str, Any] | None:
    """A JSON object of a file; ``None`` without the file."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file:
            return bounded_json.decode(file.read(bounded_json.LONGEST + 1))
    except ValueError:
        raise ModelFilesError(f"The {path.name} of {path.parent.name} is no JSON object.", next_step=_AGAIN) from None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST else None


def _all_names(values: Any) -> bool:
    """Whether all are plain file names: an index must not lead out of its folder."""
    return all(isinstance(v, str) and v and "/" not in v and "\\" not in v and v != ".." for v in values)
