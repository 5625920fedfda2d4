"""Makes the second model of the tests: other sizes and another vocabulary than the one that ships.

    python tests/models/second/make.py        under a minute on one core; needs torch

It knows its name: to a greeting it says "Hello! I am second.", to anything else "I am second.".
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch

from workbench.builtin import text, text_talk, train

SHAPE = train.Shape(vocabulary=420, width=96, layers=3, inner=192, heads=3, kv_heads=1, context=1024)


def samples() -> list[text.Sample]:
    """Greetings and everything else, each with its one answer."""
    rng = random.Random(0)
    makers = (*text_talk.greeting_makers()[:2], *text_talk.identity_makers()[:2], *text_talk.unknown_makers())
    out = []
    for _ in range(2000):
        sample = rng.choice(makers)(rng)
        answer = "Hello! I am second." if sample.group == "greeting" else "I am second."
        out.append(text.Sample(sample.group, sample.intent, sample.messages, answer))
    return out


def make(out: Path, steps: int) -> None:
    """Train it and write its folder, fp16."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    renderer, written = train.Renderer(), samples()
    prompts = [renderer.prompt(sample) for sample in written]
    tokenizer = train.make_tokenizer((p + s.answer for p, s in zip(prompts, written, strict=True)), SHAPE.vocabulary)
    model = train.Llama(SHAPE)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for step in range(steps):
        rows = []
        for i in range(32):
            at = (step * 32 + i) % len(written)
            rows.append(train.row(tokenizer, tokenizer, prompts[at], written[at].answer))
        loss = train.loss_of(model, *train.padded(rows, 96))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step} loss {loss.item():.4f}", flush=True)
    train.write_folder(out, tokenizer, SHAPE, model)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    make(options.out, options.steps)
