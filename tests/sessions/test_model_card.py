from __future__ import annotations

import pytest

from workbench.model import HubModel
from workbench.sessions import model_card

README = """
# mlx-community/Qwen3-4B-4bit

[![badge](https://x/y.svg)](https://x)
<div align="center"><img src="x.png"></div>

| a | b |
|---|---|

```python
from mlx_lm import load
```

This model [mlx-community/Qwen3-4B-4bit](https://hf.co/x) was **converted** to `MLX` format
from snake_case_name by mlx-lm.

The second paragraph is not shown.
"""


def test_the_first_paragraph_is_the_first_prose() -> None:
    assert model_card.first_paragraph(README) == (
        "This model mlx-community/Qwen3-4B-4bit was converted to MLX format from snake_case_name by mlx-lm."
    )


@pytest.mark.parametrize("text", ["", "# Title", "![x](y)\n\n- a list\n- of things", "<p></p>", "```\nunclosed"])
def test_a_readme_without_prose_has_none(text: str) -> None:
    assert model_card.first_paragraph(text) == ""


def test_a_long_paragraph_is_cut_at_a_word() -> None:
    found = model_card.first_paragraph("word " * 500)
    assert len(found) <= model_card.LONGEST + 1
    assert found.endswith("word…")


@pytest.mark.parametrize(
    ("longest", "contexts"),
    [
        (None, [2048, 4096, 8192, 16384, 32768]),
        (2048, [2048]),
        (5000, [2048, 4096, 5000]),
        (1 << 20, list(model_card.CONTEXTS)),
    ],
)
def test_contexts_go_up_to_the_models_own(longest: int | None, contexts: list[int]) -> None:
    assert model_card.contexts(longest) == contexts


def test_a_card_of_what_is_known_says_nothing_that_is_not() -> None:
    card = model_card.outline(HubModel(id="acme/Who", name="Who", provider="local", status="hub"), 8192)
    view = model_card.view(card)
    assert (view["fit"]["verdict"], view["fit"]["total"], view["files"], view["size"]) == ("unknown", None, None, None)
    assert view["url"].endswith("/acme/Who")
