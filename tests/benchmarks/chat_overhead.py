"""What a chat costs beside its engine: CPU a token at a steady 200 tokens/s, and decode speed against raw mlx-lm.

CPU: a real Jupyter kernel with a displayed chat whose front end has said hello; user and system time of the kernel
and of the model's host over one answer, less that of the same scripted engine iterated bare, a token.
Decode: tokens/s from the first piece to the last, as a script sees them, against `mlx_lm.stream_generate` on the same
weights and prompt. Raw against raw varies a good deal on a busy machine: mind the spread.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from common import PYTHON, arguments, interleaved, last_line, ratio, spread, table
from jupyter_client.manager import KernelManager

from workbench.engines.scripted import Say, Script

KEYS = ("cpu_us_per_token", "decode_ratio")
RATE = 200
CHAT = """
import time, psutil
from workbench.services.local import LocalChatService
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
chat = Chat({script!r}, services=Services(LocalChatService(engine="scripted")))
chat
"""
MEASURE = """
def used():
    own, hosts = psutil.Process(), psutil.Process().children()
    return sum(t.user + t.system for t in (p.cpu_times() for p in [own, *hosts]))
before = used()
count = chat.send("go").wait(600) and chat.last.usage.completion_tokens
print((used() - before) / count * 1e6)
"""
BARE = """
import sys, time
from workbench.engines import LoadSpec, make_engine
from workbench.messages import user
from workbench.request import Request
engine = make_engine("scripted")
list(engine.load(LoadSpec(model="scripted", path={script!r}), lambda: False))
before = time.process_time()
*_, last = engine.generate([Request(messages=(user("go"),), model="scripted")], lambda run: False)
print((time.process_time() - before) / last.usage.completion_tokens * 1e6)
"""
STORY = "Tell me a long story"


class Kernel:
    """A Jupyter kernel with one displayed chat, and a front end that only listens."""

    def __init__(self, script: str) -> None:
        self._manager = KernelManager()
        self._manager.start_kernel()
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self._comms: list[str] = []
        self._printed = ""
        self.run(CHAT.format(script=script))
        for comm in self._comms:  # the widget's own answers; those of its layout and style ignore it
            hello = {"comm_id": comm, "data": {"method": "custom", "content": {"kind": "hello", "id": 1}}}
            self._client.shell_channel.send(self._client.session.msg("comm_msg", hello))
        self.deltas = 0
        self.run("chat.send('warm up').wait(600)")
        if not self.deltas:
            raise RuntimeError("The widget sends no deltas: nothing would be measured.")

    def run(self, code: str) -> str:
        """What the code prints; raises `RuntimeError` on an error."""
        self._printed = ""
        reply: dict[str, Any] = self._client.execute_interactive(
            code, timeout=600, output_hook=self._output, allow_stdin=False
        )
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        return self._printed

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def _output(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            self._printed += content["text"]
        elif kind == "comm_open":
            self._comms.append(content["comm_id"])
        elif kind == "comm_msg":
            self.deltas += content["data"].get("content", {}).get("kind") == "delta"


def bare(script: str) -> float:
    """CPU microseconds a token of the engine alone."""
    code = BARE.format(script=script)
    return float(subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout)


def cpu(tokens: int, rounds: int) -> tuple[list[float], list[float]]:
    """CPU microseconds a token with the chat around the engine, and of the engine alone."""
    with tempfile.TemporaryDirectory() as folder:
        script = str(Path(folder) / "paced.json")
        Script(answering=(Say("four ", times=tokens, rate=RATE),)).save(Path(script))
        kernel = Kernel(script)
        try:
            whole, engine = interleaved(rounds, lambda: float(kernel.run(MEASURE)), lambda: bare(script))
        finally:
            kernel.close()
    return whole, engine


def decode(tokens: int, rounds: int) -> tuple[list[float], list[float]]:
    """Decode tokens/s through a chat, and of mlx-lm alone."""
    from mlx_lm import load, stream_generate

    import workbench as wb
    from workbench.builtin import path

    loaded: Any = load(str(path("safetensors")))
    model, tokenizer = loaded[0], loaded[1]
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": STORY}], add_generation_prompt=True)

    def raw() -> float:
        times = [time.perf_counter() for _ in stream_generate(model, tokenizer, prompt, max_tokens=tokens)]
        return (len(times) - 1) / (times[-1] - times[0])

    def through() -> float:
        reply = wb.ask(STORY, max_tokens=tokens, temperature=0)
        times = [time.perf_counter() for _ in reply]
        return ((reply.usage.completion_tokens or 0) - 1) / (times[-1] - times[0])

    raw(), through()
    found = interleaved(rounds, through, raw)
    wb.unload()
    return found[0], found[1]


def main() -> None:
    """Measure and print."""
    smoke = arguments(__doc__).smoke
    whole, engine = cpu(100 if smoke else 1000, 1 if smoke else 5)
    through, raw = decode(20 if smoke else 200, 1 if smoke else 9)
    net = sorted(a - b for a, b in zip(whole, engine, strict=True))
    cost, speed = net[len(net) // 2], ratio(through, raw)
    table(
        [
            ("kernel and host, µs CPU a token", spread(whole)),
            ("the scripted engine alone, µs", spread(engine)),
            ("outside the engine, µs", spread(net)),
            ("decode through Chat, tokens/s", spread(through)),
            ("decode of raw mlx-lm, tokens/s", spread(raw)),
            ("decode ratio of each pair", spread([a / b for a, b in zip(through, raw, strict=True)])),
        ]
    )
    last_line(cpu_us_per_token=cost, decode_ratio=speed)


if __name__ == "__main__":
    main()
