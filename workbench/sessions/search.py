"""Finding a model from a cell: `wb.search`. Knows no widget; `wb.browse` shows the same search as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.manager import query as queries
from workbench.model import Status

if TYPE_CHECKING:
    from workbench.manager.search import Results


def search(query: str = "", **filters: Any) -> Results:
    """Models of the hub that match, best first: a list, a table in a notebook, a pandas frame.

        wb.search("qwen", quantization="4bit", max_size="4GB")
        wb.search(task="chat", size_class=["small", "medium"], fits=True, context=8192, sort="downloads")
        wb.search("https://huggingface.co/mlx-community/Qwen3-4B-4bit")[0]
        wb.search("llama 3b")[:200]                  # further pages come as they are read
        wb.search("llama", licence="llama3.2").to_frame()

    `query` holds words that must all be in the id, or an address of the hub, or an id. Filters, each one value or a
    list of which any will do:

    - `format` (``"mlx"``, ``"gguf"``, ``"safetensors"``, ...), `engine` (``"mlx"``, ``"llama_cpp"``)
    - `task` (``"text-generation"``, ``"conversational"``, ``"embeddings"``, ``"text-to-image"``, ...)
    - `size_class` by parameters: ``tiny`` < 100M, ``small`` < 1B, ``medium`` < 7B, ``large`` < 13B, ``xlarge``
    - `min_parameters`, `max_parameters` (``3e9`` or ``"3B"``)
    - `quantization` (``"4bit"``, ``"Q4_K_M"``), `bits` (4)
    - `architecture`, `exclude_architectures` (beginnings: ``"qwen3"``)
    - `tags` (all of them), `author`, `licence` (beginnings: ``"llama3"``), `gated` (True or False)
    - `max_size` (bytes or ``"4GB"``), `min_downloads`, `min_likes`
    - `fits`: only what fits this machine, at `context` tokens
    - `sort`: ``"quality"`` (default), ``"trending"``, ``"downloads"``, ``"likes"``, ``"newest"``, ``"size"``

    Without a network the local index answers, and the result says so. Raises `UsageError` for a wrong filter.
    """
    from workbench.manager import search as searches

    return searches.search(queries.make(query, **filters), statuses=statuses)


def statuses() -> dict[str, Status]:
    """What is on this machine and what is loaded, by repository."""
    from workbench.manager import search as searches
    from workbench.services.registry import default

    return searches.statuses_of((model.id, model.status) for model in default().local.models())
