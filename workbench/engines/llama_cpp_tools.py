"""Calls of functions in formats that llama.cpp's own server reads: its chat chunks to events. Knows no connection.

llama.cpp knows how each model's template writes a call (Llama 3, Mistral, gpt-oss, ...), and tells the calls apart from
the text by itself; it then names no token ids, and no probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from workbench.events import Event, FinishReason, ReasoningDelta, TextDelta, ToolCalled
from workbench.messages import ToolCall, new_id, plain
from workbench.options import GenerationOptions
from workbench.request import Request

_REASONS: dict[str, FinishReason] = {"tool_calls": "tool_calls", "length": "length"}


def body(request: Request, completion: dict[str, Any], options: GenerationOptions) -> dict[str, Any]:
    """The request for ``/v1/chat/completions`` that a ``/completion`` with these arguments is otherwise."""
    left_out = ("prompt", "return_tokens", "preserved_tokens", "n_probs", "post_sampling_probs", "grammar")
    asked = {name: value for name, value in completion.items() if name not in left_out}
    asked |= {
        "messages": plain(request.asked),
        "tools": [tool.wire() for tool in request.tools],
        "parallel_tool_calls": True,
        "timings_per_token": True,
        "stop": list(options.stop),
    }
    if options.thinking is not None:
        asked["chat_template_kwargs"] = {"enable_thinking": options.thinking}
    return asked


class Chunks:
    """Reads one run's chunks: text and thinking as they come, the calls at the end, whole."""

    def __init__(self, run: str) -> None:
        self.reason: FinishReason | None = None
        """Why it ended; ``None`` before that."""
        self._run = run
        self._calls: dict[int, dict[str, str]] = {}

    def read(self, chunk: dict[str, Any]) -> Iterator[Event]:
        """What one chunk says."""
        (choice,) = chunk["choices"] or [{}]
        delta = choice.get("delta") or {}
        if thought := delta.get("reasoning_content"):
            yield ReasoningDelta(run=self._run, text=thought)
        if text := delta.get("content"):
            yield TextDelta(run=self._run, text=text)
        for piece in delta.get("tool_calls") or ():
            call = self._calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
            function = piece.get("function") or {}
            call["id"] = piece.get("id") or call["id"]
            call["name"] += function.get("name") or ""
            call["arguments"] += function.get("arguments") or ""
        if ended := choice.get("finish_reason"):
            self.reason = _REASONS.get(ended, "stop")

    def calls(self) -> Iterator[Event]:
        """The calls, in order; one that was cut off by the limit is text, as far as it was written."""
        for _, call in sorted(self._calls.items()):
            try:
                msgspec.json.decode(call["arguments"] or "{}")
            except msgspec.DecodeError:
                yield TextDelta(run=self._run, text=f"{call['name']}({call['arguments']}")
                continue
            yield ToolCalled(run=self._run, call=ToolCall(call["id"] or new_id(), call["name"], call["arguments"]))
