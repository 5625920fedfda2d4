"""What is asked of a search for models: words, filters and an order, in one frozen value. Knows no index and no hub.

`make` takes what people write (``"3B"``, ``"4GB"``, ``"chat"``, ``"4-bit"``) and says what is wrong with the rest;
`SearchQuery.matches` and `order` are the plain truth that every index must agree with.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import unquote, urlsplit

import msgspec

from workbench.errors import UsageError
from workbench.manager import fit, quantizations
from workbench.model import HubModel

Sort: TypeAlias = Literal["quality", "trending", "downloads", "likes", "newest", "size"]
"""From the most down; ``size`` from the smallest up; a model that lacks the figure goes last, equal ones by id."""
SORTS: tuple[Sort, ...] = get_args(Sort)

TASKS: dict[str, frozenset[str]] = {
    "text-generation": frozenset({"text-generation", "text2text-generation"}),
    "text-to-image": frozenset({"text-to-image"}),
    "image-to-text": frozenset({"image-to-text", "image-text-to-text", "visual-question-answering"}),
    "image-classification": frozenset({"image-classification", "zero-shot-image-classification"}),
    "object-detection": frozenset({"object-detection", "zero-shot-object-detection"}),
    "image-segmentation": frozenset({"image-segmentation", "mask-generation"}),
    "embeddings": frozenset({"feature-extraction", "sentence-similarity", "image-feature-extraction"}),
    "translation": frozenset({"translation"}),
    "summarization": frozenset({"summarization"}),
    "question-answering": frozenset({"question-answering", "document-question-answering"}),
    "conversational": frozenset({"conversational"}),
}
"""What a model is for, and the hub's pipeline tags that mean it; ``conversational`` is a tag of its own."""
_OTHER_TASKS = (
    "any-to-any", "audio-classification", "audio-text-to-text", "automatic-speech-recognition", "depth-estimation",
    "fill-mask", "image-text-to-text", "image-to-image", "image-to-video", "sentence-similarity",
    "feature-extraction", "text-classification", "text-ranking", "text-to-audio", "text-to-speech", "text-to-video",
    "token-classification", "video-classification", "video-text-to-text", "visual-question-answering",
    "zero-shot-classification",
)  # fmt: skip
_TASK_NAMES = {
    "chat": "conversational", "conversation": "conversational", "embedding": "embeddings", "llm": "text-generation",
    "captioning": "image-to-text", "vision": "image-to-text", "segmentation": "image-segmentation",
    "summarisation": "summarization", "qa": "question-answering", "image-generation": "text-to-image",
}  # fmt: skip
SIZE_CLASSES: dict[str, tuple[float, float]] = {
    "tiny": (0, 1e8),
    "small": (1e8, 1e9),
    "medium": (1e9, 7e9),
    "large": (7e9, 13e9),
    "xlarge": (13e9, math.inf),
}
"""Parameters: from the first up to, not with, the second."""
FORMATS = ("mlx", "safetensors", "gguf", "onnx", "coreml", "tflite", "litertlm", "executorch", "npz", "pytorch")
"""Of files, and ``mlx``: safetensors that the MLX engine runs."""
ENGINES = ("mlx", "llama_cpp")
_ENGINE_NAMES = {"llama.cpp": "llama_cpp", "llamacpp": "llama_cpp", "llama-cpp": "llama_cpp", "mlx-lm": "mlx"}
QUANTIZATIONS = (
    "2bit", "3bit", "4bit", "5bit", "6bit", "8bit", "bf16", "fp16", "MXFP4", "NVFP4", "Q2_K", "Q3_K_M", "Q4_0",
    "Q4_K_S", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "IQ2_M", "IQ3_M", "IQ4_XS",
)  # fmt: skip
"""Those met most often; any that `workbench.manager.quantizations` reads may be asked for."""
_COUNTS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_ID = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[^:\s]+))?(:(?P<quantization>[\w.-]+))?", re.ASCII)


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One search. Of several values of a field any will do, but for `tags`: a model must have all of them."""

    text: str = ""
    """Words that must all occur in the id; case, ``-`` and ``_`` do not count."""
    exact: str | None = None
    """One repository, from a pasted address or id; the words then do not count."""
    revision: str | None = None
    """Branch, tag or commit of `exact`."""
    format: tuple[str, ...] = ()
    engine: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    """Keys of `TASKS`, or pipeline tags of the hub."""
    size_class: tuple[str, ...] = ()
    """Keys of `SIZE_CLASSES`."""
    min_parameters: int | None = None
    max_parameters: int | None = None
    quantization: tuple[str, ...] = ()
    """In lower case; ``q4`` stands for every ``q4_...``. Of a GGUF repository one file is enough."""
    bits: tuple[int, ...] = ()
    """Nominal bits a weight: 4 for ``4bit`` and for ``Q4_K_M``."""
    architecture: tuple[str, ...] = ()
    """Beginnings, in lower case: ``qwen3`` also finds ``qwen3_moe``."""
    exclude_architectures: tuple[str, ...] = ()
    """Beginnings, in lower case; a model whose architecture is unknown stays."""
    tags: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    """In lower case."""
    licence: tuple[str, ...] = ()
    """Beginnings, in lower case: ``llama3`` also finds ``llama3.2``."""
    gated: bool | None = None
    max_size: int | None = None
    """In bytes."""
    min_downloads: int | None = None
    min_likes: int | None = None
    fits: bool = False
    """Only what fits this machine, tightly or well; unknown does not."""
    context: int | None = None
    """Tokens that `fits` counts memory for; ``None``: as `workbench.manager.fit` does by itself."""
    sort: Sort = "quality"

    @property
    def words(self) -> tuple[str, ...]:
        """The folded words of the text, each once."""
        return () if self.exact else tuple(dict.fromkeys(filter(None, map(fold, self.text.split()))))

    @property
    def parameter_ranges(self) -> tuple[tuple[float, float], ...]:
        """Parameters asked for by class: each from the first up to, not with, the second."""
        return tuple(SIZE_CLASSES[name] for name in self.size_class)

    def matches(self, model: HubModel) -> bool:
        """Whether a model passes everything asked. What is unknown of it passes no filter that needs it."""
        folded = fold(model.id)
        if not all(word in folded for word in self.words):
            return False
        count, architecture = model.parameters, (model.architecture or "").lower()
        task, tags = (model.task or "").lower(), {tag.lower() for tag in model.tags}
        checks = (
            self.exact is None or model.id.lower() == self.exact.lower(),
            not self.format or model.format in self.format or ("mlx" in self.format and model.engine == "mlx"),
            not self.engine or model.engine in self.engine,
            not self.task or any(task_matches(wanted, task, tags) for wanted in self.task),
            not self.size_class
            or (count is not None and any(low <= count < high for low, high in self.parameter_ranges)),
            self.min_parameters is None or (count is not None and count >= self.min_parameters),
            self.max_parameters is None or (count is not None and count <= self.max_parameters),
            not self.quantization or any(_is_or_begins(q, self.quantization) for q in quantization_names(model)),
            not self.bits or not nominal_bits(model).isdisjoint(self.bits),
            not self.architecture or (bool(architecture) and architecture.startswith(self.architecture)),
            not (architecture and self.exclude_architectures and architecture.startswith(self.exclude_architectures)),
            tags.issuperset(self.tags),
            not self.author or (model.author or "").lower() in self.author,
            not self.licence or (model.licence or "").lower().startswith(self.licence),
            self.gated is None or (model.gated is not None) == self.gated,
            self.max_size is None or (model.size is not None and model.size <= self.max_size),
            self.min_downloads is None or (model.downloads or 0) >= self.min_downloads,
            self.min_likes is None or (model.likes or 0) >= self.min_likes,
        )
        return all(checks) and (not self.fits or fit.fit(model, self.context).verdict in ("fits", "tight"))

    @property
    def is_id(self) -> bool:
        """Whether the words are a whole id: the model of that id then goes first."""
        return self.exact is None and _ID.fullmatch(self.text) is not None

    def order(self, model: HubModel) -> tuple[bool, float, str]:
        """Key to sort by, the first first."""
        other = not (self.is_id and model.id.lower() == self.text.lower())
        return other, rank(sort_value(model, self.sort), self.sort), model.id


def make(text: str = "", **filters: Any) -> SearchQuery:
    """A query of what a person wrote. Raises `UsageError` with the nearest valid value for a wrong one.

    Counts are numbers or ``"3B"``, ``"500M"``, ``"10k"``; sizes are bytes or ``"4GB"``; a field takes one value or a
    list. An address of the hub, or an id with ``@revision`` or ``:quantization``,
    becomes an exact look-up.
    """
    known = [name for name in SearchQuery.__struct_fields__ if name not in ("text", "exact", "revision")]
    values: dict[str, Any] = {}
    for name, value in filters.items():
        if name == "license":
            name = "licence"
        if name in ("exact", "revision"):
            values[name] = None if value is None else str(value)
            continue
        if name not in known:
            raise _wrong(name, known, "a filter")
        if value is not None and value != "" and value != []:
            values[name] = _READERS[name](value, name)
    if not isinstance(text, str):
        raise UsageError("The words to search for must be text.")
    text = text.replace("\0", " ").encode("utf-8", "replace").decode().strip()
    return SearchQuery(**({"text": text} | values | _pasted(text)))


def fold(text: str) -> str:
    """Text as it is compared: without case, ``-`` and ``_``, so that ``llama3.2`` finds ``Llama-3.2``."""
    return text.lower().replace("-", "").replace("_", "")


def task_matches(task: str, of_model: str, tags: Container[str]) -> bool:
    """Whether a model's pipeline tag (or, of a conversational one, its tags) means a task."""
    return of_model in TASKS.get(task, (task,)) or (task == "conversational" and task in tags)


def quantization_names(model: HubModel) -> set[str]:
    """What a repository offers, in lower case."""
    return {name.lower() for name in (model.quantization, *model.quantizations) if name}


def nominal_bits(model: HubModel) -> set[int]:
    """Bits a weight by the names of its quantizations; without a name those stored."""
    found = {quantizations.in_name(name).bits for name in quantization_names(model)} - {None}
    if not found and model.bits is not None:
        found = {model.bits}
    return {int(bits) for bits in found if bits is not None}


def sort_value(model: HubModel, sort: Sort) -> float | None:
    """The figure that a model is sorted by."""
    return _SORT_VALUES[sort](model)


def rank(value: float | None, sort: Sort) -> float:
    """A figure as a number that puts the first first."""
    if value is None:
        return math.inf
    return value if sort == "size" else -value


def _created(model: HubModel) -> float | None:
    try:
        return datetime.fromisoformat(model.created or "").timestamp()
    except (ValueError, OverflowError):
        return None


_SORT_VALUES: dict[Sort, Callable[[HubModel], float | None]] = {
    "quality": lambda model: model.quality,
    "trending": lambda model: model.trending,
    "downloads": lambda model: model.downloads,
    "likes": lambda model: model.likes,
    "newest": _created,
    "size": lambda model: model.size,
}


def _is_or_begins(name: str, asked: tuple[str, ...]) -> bool:
    return any(name == value or name.startswith(f"{value}_") for value in asked)


def _pasted(text: str) -> dict[str, Any]:
    """The fields that an address of the hub, or an id with a revision or quantization, means; none for words."""
    if re.match(r"(https?://)?(www\.)?(huggingface\.co|hf\.co|hf-mirror\.com)/", text):
        path = unquote(urlsplit(text if "://" in text else f"https://{text}").path)
        parts = [part for part in path.split("/") if part]
        if parts and parts[0] in ("datasets", "spaces"):
            raise UsageError(f"{text} is no model: it is one of the hub's {parts[0]}.")
        match = _ID.fullmatch("/".join(parts[:2]))
        if match is None:
            raise UsageError(f"{text} names no model.", next_step="Paste the address of a model's own page.")
        found = {"text": text, "exact": match["repo"], "revision": match["revision"]}
        if len(parts) > 3 and parts[2] in ("tree", "blob", "resolve", "raw", "commit"):
            found["revision"] = None if parts[3] == "main" else parts[3]
        name = quantizations.in_name(parts[-1]).name if parts[-1].endswith(".gguf") else match["quantization"]
    else:
        match = _ID.fullmatch(text)
        if match is None or not (match["revision"] or match["quantization"]):
            return {}
        found, name = {"text": text, "exact": match["repo"], "revision": match["revision"]}, match["quantization"]
    return {**found, "quantization": (name.lower(),)} if name else found


def _one_of(known: Iterable[str], names: Mapping[str, str], what: str) -> Callable[[Any, str], tuple[str, ...]]:
    def read(value: Any, field: str) -> tuple[str, ...]:
        found = []
        for text in _texts(value, field):
            plain = text.lower().replace(" ", "-").replace("_", "-")
            fitting = [k for k in known if k.replace("_", "-") == plain]
            if not fitting and plain not in names:
                raise _wrong(text, [*known, *names], what)
            found.append(fitting[0] if fitting else names[plain])
        return tuple(found)

    return read


def _quantization(value: Any, field: str) -> tuple[str, ...]:
    found = []
    for text in _texts(value, field):
        name = quantizations.in_name(text).name
        if name is None:
            raise _wrong(text, QUANTIZATIONS, "a quantization")
        found.append(name.lower())
    return tuple(found)


def _bits(value: Any, field: str) -> tuple[int, ...]:
    return tuple(_count(item, field) for item in (value if isinstance(value, list | tuple | set) else [value]))


def _lower(value: Any, field: str) -> tuple[str, ...]:
    return tuple(text.lower() for text in _texts(value, field))


def _texts(value: Any, field: str) -> list[str]:
    values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    if not all(isinstance(item, str) and item.strip() for item in values):
        raise UsageError(f"{field} must be text or a list of texts, not {value!r}.")
    return [item.strip() for item in values]


def _number(units: Mapping[str, int], example: str) -> Callable[[Any, str], int]:
    def read(value: Any, field: str) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", str(value).strip().lower().replace(",", ""))
        if match is None or match[2] not in units or isinstance(value, bool):
            raise UsageError(f"{field} must be a number such as {example}, not {value!r}.")
        return round(float(match[1]) * units[match[2]])

    return read


def _yes(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{field} must be True or False, not {value!r}.")
    return value


def _sort(value: Any, field: str) -> str:
    if value not in SORTS:
        raise _wrong(str(value), SORTS, "an order")
    return str(value)


def _tokens(value: Any, field: str) -> int:
    if not (found := _count(value, field)):
        raise UsageError("context must be at least 1 token.")
    return found


_count = _number(_COUNTS, '3B, 500M or "10k"')
_size = _number(_BYTES, '4GB or "500 MB"')
_task = _one_of([*TASKS, *_OTHER_TASKS], _TASK_NAMES, "a task")
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "format": _one_of(FORMATS, {}, "a format"),
    "engine": _one_of(ENGINES, _ENGINE_NAMES, "an engine"),
    "task": _task,
    "size_class": _one_of(SIZE_CLASSES, {}, "a size class"),
    "min_parameters": _count,
    "max_parameters": _count,
    "quantization": _quantization,
    "bits": _bits,
    "architecture": _lower,
    "exclude_architectures": _lower,
    "tags": _lower,
    "author": _lower,
    "licence": _lower,
    "gated": _yes,
    "max_size": _size,
    "min_downloads": _count,
    "min_likes": _count,
    "fits": _yes,
    "context": _tokens,
    "sort": _sort,
}


def _wrong(text: str, known: Iterable[str], what: str) -> UsageError:
    names = list(known)
    near = difflib.get_close_matches(text.lower(), [name.lower() for name in names], 1, 0.5)
    hint = next((f"Did you mean {name!r}? " for name in names if near and name.lower() == near[0]), "")
    return UsageError(f"{text!r} is not {what}.", next_step=f"{hint}There are: {', '.join(names)}.")
