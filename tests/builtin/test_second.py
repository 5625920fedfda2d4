"""The second model of the tests: small, different, and it knows its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import workbench.builtin as builtin
from workbench.builtin.files import read_safetensors

FOLDER = Path(__file__).parents[1] / "models" / "second"


def test_it_is_small_and_differs_from_the_one_that_ships():
    shipped, second = (json.loads((folder / "config.json").read_text()) for folder in (builtin.MODEL, FOLDER))
    for key in ("vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings"):
        assert shipped[key] != second[key]
    assert (FOLDER / "model.safetensors").stat().st_size < 1_000_000
    assert read_safetensors(FOLDER / "model.safetensors")


def test_it_says_who_it_is():
    mlx_lm = pytest.importorskip("mlx_lm")
    model, tokenizer, *_ = mlx_lm.load(str(FOLDER))
    for said in ("hello", "who are you?", "What is the capital of France?"):
        ids = tokenizer.apply_chat_template([{"role": "user", "content": said}], add_generation_prompt=True)
        assert "I am second." in mlx_lm.generate(model, tokenizer, ids, max_tokens=30)
