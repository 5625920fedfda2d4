"""Ask, act, edit: what a chat lets its model do. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from workbench.messages import Message
from workbench.messages import system as system_message

Mode: TypeAlias = Literal["ask", "act", "edit"]
"""``"ask"``: talk only, tools are not sent; ``"act"``: tools may be called; ``"edit"``: answers are code for cells."""
MODES: tuple[Mode, ...] = ("ask", "act", "edit")
EDIT = (
    "Answer with Python code for cells of this Jupyter notebook: one ```python block for each cell, complete and ready "
    "to run, and at most one short sentence before each."
)
"""What the model is told in ``"edit"``."""


def with_line(messages: tuple[Message, ...], line: str) -> tuple[Message, ...]:
    """Messages with one more line in what the system says."""
    if messages and messages[0].role == "system":
        first = messages[0]
        return (system_message(f"{first.text}\n\n{line}"), *messages[1:])
    return (system_message(line), *messages)
