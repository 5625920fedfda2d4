"""From a fresh process to the first token: `wb.ask("hello")` against a bare script that uses mlx-lm itself.

Both load the model that ships, in fp32, and both are timed from outside, from starting Python to the first token.
"""

from __future__ import annotations

from common import arguments, fresh, interleaved, last_line, ratio, spread, table

KEYS = ("cold_ratio",)
BARE = """
import time
from mlx_lm import load, stream_generate
model, tokenizer = load({path!r})
prompt = tokenizer.apply_chat_template([{{"role": "user", "content": "hello"}}], add_generation_prompt=True)
for _ in stream_generate(model, tokenizer, prompt, max_tokens=1):
    print(time.monotonic())
    break
"""
ASK = """
import time
import workbench as wb
for _ in wb.ask("hello"):
    print(time.monotonic(), flush=True)
    break
wb.unload()
"""


def main() -> None:
    """Measure and print."""
    from workbench.builtin import path

    rounds = 1 if arguments(__doc__).smoke else 7
    bare_code = BARE.format(path=str(path("safetensors")))
    fresh(ASK)  # once, so that both read warm files
    bare, ask = interleaved(rounds, lambda: fresh(bare_code), lambda: fresh(ASK))
    found = ratio(ask, bare)
    table(
        [
            ("bare mlx-lm script, s", spread(bare)),
            ("wb.ask, s", spread(ask)),
            ("ratio", f"{found:.2f}"),
        ]
    )
    last_line(cold_ratio=found)


if __name__ == "__main__":
    main()
