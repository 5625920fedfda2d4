from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import workbench.builtin as builtin
from workbench.builtin.files import read_safetensors

pytest.importorskip("torch")


def test_a_smoke_run_writes_a_folder_that_can_be_derived(tmp_path):
    out = tmp_path / "model"
    command = [sys.executable, "-m", "workbench.builtin.train", "--steps", "2", "--threads", "1", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert {file.name for file in out.iterdir()} == {file.name for file in builtin.MODEL.iterdir()}
    assert json.loads((out / "config.json").read_text()) == json.loads((builtin.MODEL / "config.json").read_text())
    builtin.derive(out, tmp_path / "m.gguf", "gguf")
    assert (tmp_path / "m.gguf").stat().st_size > 4 * 3_000_000


def test_it_can_go_on_from_the_shipped_weights(tmp_path):
    from workbench.builtin.train import train

    train(1, tmp_path / "model", start=builtin.MODEL, threads=1, rate=1e-6)
    assert (tmp_path / "model" / "tokenizer.json").read_text() == (builtin.MODEL / "tokenizer.json").read_text()
    before, after = (read_safetensors(folder / "model.safetensors") for folder in (builtin.MODEL, tmp_path / "model"))
    assert before.keys() == after.keys()
    assert all(np.allclose(before[name], after[name], atol=1e-3) for name in before)


def test_the_shipped_template_is_the_one_in_the_source():
    from workbench.builtin.train import TEMPLATE

    settings = json.loads((builtin.MODEL / "tokenizer_config.json").read_text())
    assert settings["chat_template"] == TEMPLATE.read_text()


def test_our_llama_computes_what_the_hub_s_does():
    import torch

    mx = pytest.importorskip("mlx.core")
    from mlx_lm import load

    from workbench.builtin.train import Llama, Shape

    model, tokenizer, *_ = load(str(builtin.path()))
    ours = Llama(Shape())
    ours.read(builtin.MODEL / "model.safetensors")
    ids = tokenizer.encode("<|im_start|>user\nhello<|im_end|>\n", add_special_tokens=False)
    with torch.no_grad():
        mine = torch.nn.functional.linear(ours(torch.tensor([ids])), ours.embed_tokens.weight)[0, -1].numpy()
    theirs = np.array(model(mx.array([ids]))[0, -1])
    assert np.abs(mine - theirs).max() < 1e-2


def test_the_pace_warms_up_and_falls():
    from workbench.builtin.train import pace

    shares = [pace(step, 1000) for step in range(1000)]
    assert shares[0] < 0.1
    assert shares[60] > 0.9
    assert shares[60:] == sorted(shares[60:], reverse=True)
    assert shares[-1] < 0.05
