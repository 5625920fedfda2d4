"""Trains the model that ships, from the text of `workbench.builtin.text`, on a CPU or a GPU.

    pip install "workbench[train]"
    python -m workbench.builtin.train                     from nothing: about an hour on two cores
    python -m workbench.builtin.train --steps 3 --out X   a smoke run
    python -m workbench.builtin.train --start workbench/builtin/model --steps 4000 --rate 2.5e-3
                                                          on from the shipped weights, when the text has changed
    python -m workbench.builtin.train --device cuda --workers 14 --tokens 8192
                                                          in minutes, on a GPU; samples are written by 14 processes

The shipped weights took 62 minutes in three legs, while the text grew: 5,185 steps from nothing, then 1,000 and
4,358 with ``--start``; each leg but the second ran down to the lowest rate. A run in one go takes as many steps.

Run it from a checkout: the held-out questions are read, only to leave out every sample that shares a run of
four words with one of them. The seed is fixed; another thread count rounds differently, so weights may differ
in their last digits between machines. What is written is the shipped folder: fp16 weights, configuration,
tokenizer and chat template. It knows nothing of the engines.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jinja2 import Environment
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from workbench.builtin import MODEL, text
from workbench.builtin.files import read_safetensors, write_safetensors

QUESTIONS = Path(__file__).parents[2] / "tests" / "builtin"
HELD_OUT = QUESTIONS / "questions.json"
DEVELOPMENT = QUESTIONS / "dev.json"
TEMPLATE = Path(__file__).with_name("template.jinja")
SPECIAL = ("<|pad|>", "<|bos|>", "<|im_start|>", "<|im_end|>")
MARKS = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
Row: TypeAlias = tuple[list[int], list[int]]
"""Ids, and for each the id to learn there: its own, or `IGNORED`."""
IGNORED = -100
WIDTHS = (32, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1024, 1536, 2048)
"""Lengths that rows are padded to: few, because every new shape costs the matrix library a compilation."""
COPIES_FIRST = 600
"""Batches in which four samples in ten only ask to repeat something: copying is learnt first, the rest needs it."""
DROPOUT = 0.08
"""Share of merges left out when a prompt is tokenized for training, so that odd spellings are understood."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the Llama."""

    vocabulary: int = 1280
    width: int = 256
    layers: int = 6
    inner: int = 512
    heads: int = 4
    kv_heads: int = 2
    context: int = 2048

    @property
    def head(self) -> int:
        """Width of one head."""
        return self.width // self.heads

    def config(self) -> dict[str, Any]:
        """The hub's `config.json`."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocabulary,
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "intermediate_size": self.inner,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head,
            "max_position_embeddings": self.context,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "tie_word_embeddings": True,
            "attention_bias": False,
            "mlp_bias": False,
            "torch_dtype": "float16",
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 3,
        }


class Attention(nn.Module):
    """Causal attention with rotary positions; names as the hub has them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.q_proj = nn.Linear(shape.width, shape.heads * shape.head, bias=False)
        self.k_proj = nn.Linear(shape.width, shape.kv_heads * shape.head, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.kv_heads * shape.head, bias=False)
        self.o_proj = nn.Linear(shape.heads * shape.head, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x: (batch, time, width); cos, sin: (time, head).

        Written out, as on short rows in bf16 it is five times faster on a CPU than the fused kernel.
        """
        batch, length, _ = x.shape
        shape, groups = self.shape, self.shape.heads // self.shape.kv_heads
        q = rotate(self.q_proj(x).view(batch, length, shape.heads, -1).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(x).view(batch, length, shape.kv_heads, -1).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(batch, length, shape.kv_heads, -1).transpose(1, 2)
        future = torch.full((length, length), -torch.inf, dtype=q.dtype, device=x.device).triu(1)
        scores = q.reshape(batch, shape.kv_heads, groups * length, -1) @ k.transpose(-1, -2) / math.sqrt(shape.head)
        weights = (scores.view(batch, shape.heads, length, length) + future).softmax(-1)
        out = weights.view(batch, shape.kv_heads, groups * length, length).to(v.dtype) @ v
        out = out.view(batch, shape.heads, length, -1).transpose(1, 2).reshape(batch, length, -1)
        result: Tensor = self.o_proj(out)
        return result


class MLP(nn.Module):
    """The gated feed-forward part."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.inner, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.inner, bias=False)
        self.down_proj = nn.Linear(shape.inner, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x: (batch, time, width)."""
        result: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return result


class Layer(nn.Module):
    """Attention, then feed-forward, each added to its input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.width, 1e-5)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, 1e-5)
        self.mlp = MLP(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x: (batch, time, width)."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Llama(nn.Module):
    """A small Llama whose output shares the embedding's weights."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, 1e-5)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.04 / (math.sqrt(2 * shape.layers) if deep else 1))

    def forward(self, ids: Tensor) -> Tensor:
        """ids: (batch, time) to hidden states (batch, time, width)."""
        x: Tensor = self.embed_tokens(ids)
        half = torch.arange(0, self.shape.head, 2, device=ids.device) / self.shape.head
        angles = torch.outer(torch.arange(ids.shape[1], device=ids.device), 1 / 10000.0**half).repeat(1, 2)
        cos, sin = angles.cos(), angles.sin()
        for layer in self.layers:
            x = layer(x, cos, sin)
        out: Tensor = self.norm(x)
        return out

    def read(self, path: Path) -> None:
        """Take over the weights of a file."""
        tensors = read_safetensors(path)
        self.load_state_dict({k.removeprefix("model."): torch.tensor(v.astype("float32")) for k, v in tensors.items()})

    def tensors(self) -> dict[str, Any]:
        """All weights as fp16 arrays under the hub's names."""
        return {f"model.{k}": v.detach().cpu().numpy().astype(np.float16) for k, v in self.state_dict().items()}


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding, halves split. x: (batch, heads, time, head)."""
    a, b = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-b, a), dim=-1) * sin.to(x.dtype)


def kept_out() -> set[tuple[str, ...]]:
    """The runs of four words that no sample may hold: those of the held-out and of the development questions."""
    return text.held_out_runs(HELD_OUT) | text.held_out_runs(DEVELOPMENT)


class Renderer:
    """Writes samples as the chat template does."""

    def __init__(self) -> None:
        environment = Environment()
        environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
        self.template = environment.from_string(TEMPLATE.read_text("utf-8"))

    def prompt(self, sample: text.Sample) -> str:
        """What the model reads before it answers."""
        return self.template.render(
            messages=list(sample.messages),
            tools=list(sample.tools) or None,
            add_generation_prompt=True,
            enable_thinking=sample.thinking,
        )


def make_tokenizer(written: Iterator[str], vocabulary: int) -> Tokenizer:
    """Byte-level BPE as llama.cpp's ``gpt-2``; no merge holds a digit, so digits stay single."""
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(MARKS),
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(written, trainer)
    tokenizer.pre_tokenizer = byte_level
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in MARKS])
    return tokenizer


def write_folder(folder: Path, tokenizer: Tokenizer, shape: Shape, model: Llama) -> None:
    """Write everything that ships."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": SPECIAL[0], "bos_token": SPECIAL[1]}
    settings = names | {
        "eos_token": SPECIAL[3],
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": shape.context,
        "chat_template": TEMPLATE.read_text("utf-8"),
    }
    ends = {"bos_token_id": 1, "eos_token_id": 3, "pad_token_id": 0}
    for name, value in (
        ("config.json", shape.config()),
        ("tokenizer_config.json", settings),
        ("generation_config.json", ends),
    ):
        (folder / name).write_text(json.dumps(value, indent=1), "utf-8")
    write_safetensors(folder / "model.safetensors", model.tensors())


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """An endless stream of batches: samples tokenized and padded, those of about one length together.

    One sample in eight is a chat of two to four turns, one in five hundred fills up to the whole context. In a
    worker process of a `DataLoader` the seed is that process's own.
    """

    def __init__(self, tokenizer: Tokenizer, shape: Shape, seed: int, tokens: int, copies_first: int = 0) -> None:
        self.seed = seed
        self.copies_first = copies_first
        self.renderer = Renderer()
        self.exact = tokenizer
        self.loose = Tokenizer.from_str(tokenizer.to_str())
        self.loose.model.dropout = DROPOUT
        self.context = shape.context
        self.tokens = tokens
        self.waiting: defaultdict[int, list[Row]] = defaultdict(list)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        seed, workers = (self.seed, 1) if worker is None else (self.seed + 1000 * worker.id, worker.num_workers)
        self.rng = random.Random(seed)
        self.stream = text.samples(seed, kept_out(), copies=0.4)
        number = 0
        while True:
            if number == self.copies_first // workers:
                self.stream = text.samples(seed + 1, kept_out())
            made = self.row(self.rng.randrange(8, 40) if self.rng.random() < 0.002 else 0)
            width = next(width for width in WIDTHS if len(made[0]) <= width)
            self.waiting[width].append(made)
            if len(self.waiting[width]) * width >= self.tokens:
                number += 1
                yield padded(self.waiting.pop(width), width)

    def row(self, turns: int = 0) -> Row:
        """One sample, or a chat of so many turns, as ids and targets."""
        while True:
            if not turns:
                turns = self.rng.choice((2, 2, 3, 4)) if self.rng.random() < 0.125 else 1
            sample = next(self.stream) if turns == 1 else text.chat_of(self.stream, turns)
            reads = self.loose if self.rng.random() < 0.5 else self.exact
            made = row(reads, self.exact, self.renderer.prompt(sample), sample.answer)
            if len(made[0]) <= self.context:
                return made
            turns //= 2


def row(reads: Tokenizer, writes: Tokenizer, prompt: str, answer: str) -> Row:
    """A prompt and its answer as ids and targets; a target is ignored where the prompt is."""
    before = reads.encode(prompt, add_special_tokens=False).ids
    after = [*writes.encode(answer, add_special_tokens=False).ids, 3]
    return before + after, [IGNORED] * len(before) + after


def padded(rows: list[Row], width: int) -> tuple[Tensor, Tensor]:
    """Rows as two (batch, width) tensors, inputs and the ids that follow."""
    ids = torch.tensor([ids + [0] * (width + 1 - len(ids)) for ids, _ in rows])
    targets = torch.tensor([targets + [IGNORED] * (width + 1 - len(targets)) for _, targets in rows])
    return ids[:, :-1], targets[:, 1:]


def loss_of(model: Llama, ids: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over the answers' tokens."""
    with torch.autocast(ids.device.type, torch.bfloat16):
        logits = F.linear(model(ids), model.embed_tokens.weight)
    wanted = targets != IGNORED
    return F.cross_entropy(logits[wanted].float(), targets[wanted])


def pace(step: int, steps: int) -> float:
    """The share of the learning rate at a step: a short warm-up, then straight down to a fiftieth."""
    return min((step + 1) / min(50, steps), max(0.02, 1 - step / steps))


def train(
    steps: int,
    out: Path,
    *,
    start: Path | None = None,
    seed: int = 0,
    threads: int = 2,
    tokens: int = 2048,
    rate: float = 3e-3,
    device: str = "cpu",
    workers: int = 0,
) -> None:
    """Train, from nothing or from the weights of a folder, and write the shipped folder; prints as it goes."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    shape = Shape()

    # 1. the tokenizer, from a sample of the text, or the one the weights know
    if start:
        tokenizer = Tokenizer.from_file(str(start / "tokenizer.json"))
    else:
        renderer = Renderer()
        stream = text.samples(seed + 2, kept_out())
        written = (renderer.prompt(sample) + sample.answer for sample, _ in zip(stream, range(20000), strict=False))
        tokenizer = make_tokenizer(written, shape.vocabulary)

    # 2. the model and its optimisers: Muon for the layers' matrices (half the steps of AdamW), AdamW for the rest
    model = Llama(shape)
    if start:
        model.read(start / "model.safetensors")
    model.to(device)
    matrices = [p for p in model.layers.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1 or p is model.embed_tokens.weight]
    optimisers = (
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    )
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {tokenizer.get_vocab_size()} tokens", flush=True)

    # 3. the steps
    started, seen, smooth = time.monotonic(), 0, torch.zeros(())
    batches = Batches(tokenizer, shape, seed, tokens, copies_first=0 if start else COPIES_FIRST)
    loader = DataLoader(batches, batch_size=None, num_workers=workers, prefetch_factor=8 if workers else None)
    for step, batch in zip(range(steps), loader, strict=False):
        ids, targets = (each.to(device) for each in batch)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * pace(step, steps)
            optimiser.zero_grad()
        loss = loss_of(model, ids, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        seen += ids.numel()
        smooth = loss.detach() if step == 0 else 0.97 * smooth + 0.03 * loss.detach()
        if step % 100 == 99:
            spent = time.monotonic() - started
            print(f"step {step + 1} loss {smooth:.4f} {spent:.0f} s {seen / spent:.0f} tokens/s", flush=True)
        if step % 500 == 499:
            write_folder(out, tokenizer, shape, model)

    # 4. the folder that ships
    write_folder(out, tokenizer, shape, model)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10500)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--start", type=Path, help="a folder whose weights and tokenizer to go on from")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=2048, help="tokens of a batch")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--workers", type=int, default=0, help="processes that write samples; 0: this one does")
    options = parser.parse_args()
    train(
        options.steps,
        options.out,
        start=options.start,
        seed=options.seed,
        threads=options.threads,
        rate=options.rate,
        tokens=options.tokens,
        device=options.device,
        workers=options.workers,
    )


if __name__ == "__main__":
    main()
