"""The messages of a chat as a table. Knows no run; pandas is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import UsageError
from workbench.messages import Text, ToolCall
from workbench.sessions import export_tree, export_words
from workbench.store.history_values import StoredChat, StoredMessage

if TYPE_CHECKING:
    import pandas

COLUMNS = (
    "id", "parent", "role", "model", "text", "reasoning", "status", "finish", "created", "version", "versions",
    "edited", "prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "load_s", "ttft_s",
    "prefill_tps", "decode_tps", "total_s", "peak_memory", "tool_calls", "files", "images", "options", "error",
)  # fmt: skip


def frame(chat: StoredChat, messages: Sequence[StoredMessage]) -> pandas.DataFrame:
    """One row a message shown, oldest first, the system prompt before them: times in seconds, rates in tokens a second,
    memory in bytes, `created` in UTC.

    `messages` are all there are, on all branches: of what was said in its place, a message is `version` of `versions`.
    What was not measured is missing. Raises `UsageError` where pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise UsageError(
            "A table needs pandas, which is not installed.", next_step="Run `pip install pandas`."
        ) from None
    siblings: dict[str | None, list[str]] = {}
    for message in sorted(messages, key=lambda message: message.created):
        siblings.setdefault(message.parent, []).append(message.id)
    lines = [_line(message, siblings[message.parent]) for message in export_tree.shown(chat, messages)]
    if chat.system:
        parts = (Text(chat.system),)
        said = StoredMessage(id="", chat=chat.id, parent=None, role="system", created=chat.created, parts=parts)
        lines.insert(0, _line(said, [said.id]))
    table = pandas.DataFrame(lines, columns=list(COLUMNS))
    table["created"] = pandas.to_datetime(table["created"], unit="s", utc=True)
    return table


def _line(message: StoredMessage, versions: list[str]) -> dict[str, Any]:
    return {
        "id": message.id,
        "parent": message.parent,
        "role": message.role,
        "model": message.model,
        "text": export_words.said(message),
        "reasoning": export_words.thought(message),
        "status": message.status,
        "finish": message.finish,
        "created": message.created,
        "version": versions.index(message.id) + 1,
        "versions": len(versions),
        "edited": message.edited,
        **msgspec.structs.asdict(message.usage),
        **msgspec.structs.asdict(message.metrics),
        "tool_calls": sum(isinstance(part, ToolCall) for part in message.parts),
        "files": len(export_words.files(message)),
        "images": len(export_words.images(message)),
        "options": ", ".join(export_words.options(message.options)),
        "error": None if message.error is None else message.error.message,
    }
