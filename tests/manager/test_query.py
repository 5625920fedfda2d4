"""What people write into a search, and which models pass it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from workbench.errors import UsageError
from workbench.manager import query
from workbench.model import HubModel

QWEN = HubModel(
    id="mlx-community/Qwen3-4B-Instruct-2507-4bit",
    name="Qwen3-4B-Instruct-2507-4bit",
    provider="local",
    engine="mlx",
    format="safetensors",
    parameters=4_000_000_000,
    bits=4.5,
    quantization="4bit",
    architecture="qwen3",
    size=2_280_000_000,
    licence="apache-2.0",
    author="mlx-community",
    task="text-generation",
    tags=("mlx", "conversational", "license:apache-2.0"),
    downloads=48_700,
    likes=312,
    created="2025-08-06T10:00:00.000Z",
    quality=80.0,
    status="hub",
)
GGUF = msgspec.structs.replace(
    QWEN,
    id="bartowski/Qwen3-4B-GGUF",
    engine="llama_cpp",
    format="gguf",
    bits=4.89,
    quantization="Q4_K_M",
    quantizations=("Q4_K_M", "Q8_0", "IQ2_M"),
    author="bartowski",
    gated="manual",
    tags=("gguf",),
)
UNKNOWN = HubModel(id="someone/thing", name="thing", provider="local", status="hub")


@pytest.mark.parametrize(
    ("text", "filters", "passes"),
    [
        ("", {}, (True, True, True)),
        ("qwen", {}, (True, True, False)),
        ("QWEN 4b", {}, (True, True, False)),
        ("4-bit", {}, (True, False, False)),
        ("qwen3_4b", {}, (True, True, False)),
        ("community 2507", {}, (True, False, False)),
        ("- _", {}, (True, True, True)),
        ("", {"format": "mlx"}, (True, False, False)),
        ("", {"format": ["mlx", "gguf"]}, (True, True, False)),
        ("", {"format": "safetensors"}, (True, False, False)),
        ("", {"engine": "llama.cpp"}, (False, True, False)),
        ("", {"task": "text generation"}, (True, True, False)),
        ("", {"task": "chat"}, (True, False, False)),
        ("", {"task": "text-to-speech"}, (False, False, False)),
        ("", {"size_class": "medium"}, (True, True, False)),
        ("", {"size_class": ["tiny", "large"]}, (False, False, False)),
        ("", {"min_parameters": "4B"}, (True, True, False)),
        ("", {"min_parameters": 4_000_000_001}, (False, False, False)),
        ("", {"max_parameters": 3.9e9}, (False, False, False)),
        ("", {"quantization": "4 bit"}, (True, False, False)),
        ("", {"quantization": "q8_0"}, (False, True, False)),
        ("", {"quantization": "Q4"}, (False, True, False)),
        ("", {"quantization": "Q4_0"}, (False, False, False)),
        ("", {"bits": 4}, (True, True, False)),
        ("", {"bits": 8}, (False, True, False)),
        ("", {"architecture": "qwen"}, (True, True, False)),
        ("", {"architecture": "llama"}, (False, False, False)),
        ("", {"exclude_architectures": "Qwen"}, (False, False, True)),
        ("", {"tags": ["mlx", "Conversational"]}, (True, False, False)),
        ("", {"author": "Bartowski"}, (False, True, False)),
        ("", {"licence": "apache"}, (True, True, False)),
        ("", {"license": "mit"}, (False, False, False)),
        ("", {"gated": True}, (False, True, False)),
        ("", {"gated": False}, (True, False, True)),
        ("", {"max_size": "2.28 GB"}, (True, True, False)),
        ("", {"max_size": "2 GiB"}, (False, False, False)),
        ("", {"min_downloads": "48.7k", "min_likes": 312}, (True, True, False)),
        ("", {"min_likes": 313}, (False, False, False)),
        ("", {"fits": True}, (True, True, False)),
        ("", {"fits": True, "context": 20_000_000}, (False, False, False)),
        ("", {"fits": False, "format": None, "tags": []}, (True, True, True)),
    ],
)
def test_matches(
    monkeypatch: pytest.MonkeyPatch, text: str, filters: dict[str, Any], passes: tuple[bool, bool, bool]
) -> None:
    monkeypatch.setenv("WORKBENCH_MEMORY", "6GB")
    asked = query.make(text, **filters)
    assert tuple(asked.matches(model) for model in (QWEN, GGUF, UNKNOWN)) == passes


@pytest.mark.parametrize(("name", "low", "high"), [("tiny", 1, 99_999_999), ("xlarge", 13_000_000_000, 10**13)])
def test_size_classes_touch_but_do_not_overlap(name: str, low: int, high: int) -> None:
    for count in (low, high):
        model = msgspec.structs.replace(QWEN, parameters=count)
        classes = [c for c in query.SIZE_CLASSES if query.make(size_class=c).matches(model)]
        assert classes == [name]


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"task": "text generaton"}, "Did you mean 'text-generation'"),
        ({"format": "ggfu"}, "Did you mean 'gguf'"),
        ({"sort": "download"}, "Did you mean 'downloads'"),
        ({"size_class": "huge"}, "tiny, small, medium, large, xlarge"),
        ({"quantization": "four bits"}, "is not a quantization"),
        ({"quantisation": "4bit"}, "Did you mean 'quantization'"),
        ({"max_size": "big"}, "max_size must be a number such as 4GB"),
        ({"min_parameters": "3 apples"}, "min_parameters must be a number"),
        ({"min_parameters": -1}, "min_parameters must be a number"),
        ({"bits": "many"}, "bits must be a number"),
        ({"gated": "yes"}, "gated must be True or False"),
        ({"fits": 1}, "fits must be True or False"),
        ({"context": 0}, "at least 1 token"),
        ({"author": 7}, "author must be text"),
        ({"tags": ["a", None]}, "tags must be text"),
    ],
)
def test_a_wrong_filter_names_the_nearest(filters: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        query.make(**filters)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "exact", "revision", "quantization"),
    [
        ("https://huggingface.co/Qwen/Qwen3-4B", "Qwen/Qwen3-4B", None, ()),
        ("https://huggingface.co/Qwen/Qwen3-4B/tree/main", "Qwen/Qwen3-4B", None, ()),
        ("https://huggingface.co/Qwen/Qwen3-4B/tree/v1.0/sub?x=1#y", "Qwen/Qwen3-4B", "v1.0", ()),
        ("hf.co/acme/T-GGUF/blob/main/T-Q4_K_M.gguf", "acme/T-GGUF", None, ("q4_k_m",)),
        ("huggingface.co/acme/T@abc123", "acme/T", "abc123", ()),
        ("hf.co/acme/T-GGUF:Q8_0", "acme/T-GGUF", None, ("q8_0",)),
        ("acme/T@refs/pr/1", "acme/T", "refs/pr/1", ()),
        ("acme/T-GGUF:Q8_0", "acme/T-GGUF", None, ("q8_0",)),
        ("qwen 4bit", None, None, ()),
        ("acme/T", None, None, ()),
    ],
)
def test_pasted(text: str, exact: str | None, revision: str | None, quantization: tuple[str, ...]) -> None:
    asked = query.make(f"  {text} ")
    assert (asked.exact, asked.revision, asked.quantization) == (exact, revision, quantization)


@pytest.mark.parametrize("text", ["https://huggingface.co/datasets/a/b", "https://huggingface.co/models"])
def test_an_address_of_something_else(text: str) -> None:
    with pytest.raises(UsageError, match="no model"):
        query.make(text)


def test_a_whole_id_goes_first_among_its_like() -> None:
    longer = msgspec.structs.replace(QWEN, id="acme/Qwen-Instruct", quality=99.0)
    itself = msgspec.structs.replace(QWEN, id="acme/Qwen", quality=1.0)
    ordered = sorted([longer, itself], key=query.make("Acme/qwen").order)
    assert [model.id for model in ordered] == ["acme/Qwen", "acme/Qwen-Instruct"]


@pytest.mark.parametrize(
    ("sort", "first"), [("quality", QWEN), ("size", GGUF), ("newest", QWEN), ("likes", GGUF), ("downloads", QWEN)]
)
def test_orders(sort: str, first: HubModel) -> None:
    gguf = msgspec.structs.replace(
        GGUF, size=10, quality=1.0, created="2025-08-06T09:00:00+00:00", likes=999, downloads=None
    )
    ordered = sorted([UNKNOWN, gguf, QWEN], key=query.make(sort=sort).order)
    assert ordered[0].id == first.id
    assert ordered[-1].id == UNKNOWN.id


def test_a_query_crosses_a_border_and_comes_back() -> None:
    asked = query.make("qwen", quantization=["4bit", "Q8_0"], max_size="4GB", fits=True)
    assert msgspec.json.decode(msgspec.json.encode(asked), type=query.SearchQuery) == asked
