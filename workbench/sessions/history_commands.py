"""What a front end asks of the history, done. It knows no widget."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from workbench.commands import (
    Ack,
    DropPlan,
    ExecutePlan,
    ExportChat,
    Hello,
    HistoryCommand,
    KeepChats,
    PinChat,
    PlanDeleteChats,
    ReadHistory,
    RenameChat,
    SearchChats,
    TagChat,
)
from workbench.errors import describe
from workbench.sessions import export as exporting
from workbench.sessions import history_rows, open_chats
from workbench.store import settings

if TYPE_CHECKING:
    from workbench.sessions.history import HistorySession

MOST_FOUND = 200
"""Messages that a search in the panel takes."""


def perform(past: HistorySession, command: HistoryCommand) -> Ack:
    """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
    try:
        data = _do(past, command)
    except Exception as error:
        return Ack(id=command.id, ok=False, error=describe(error))
    return Ack(id=command.id, ok=True, data=data)


def _do(past: HistorySession, command: HistoryCommand) -> Any:
    """Do it; gives the data of the answer. What writes is done behind it."""
    match command:
        case Hello():
            pass
        case ReadHistory():
            past._notice = None
            past._look(again=True)
        case SearchChats():
            return _found(past, command.words, command.tag)
        case RenameChat():
            past._behind(partial(past.rename, command.chat, history_rows.title(command.title)))
        case PinChat():
            past._behind(partial(past.pin, command.chat, command.pinned))
        case TagChat():
            past._behind(partial(past._set_tags, command.chat, history_rows.tags(command.tags)))
        case PlanDeleteChats():
            past._behind(partial(past.plan_delete, command.chats))
        case DropPlan():
            past.drop_plan()
        case ExecutePlan():
            past._behind(partial(past.execute, past._waiting(command.plan)))
        case ExportChat():
            return _exported(past, command.chat, command.format)
        case KeepChats():
            settings.change(keep_history=command.keep)
            past._publish()
        case _:
            assert_never(command)
    return None


def _found(past: HistorySession, words: str, tag: str | None) -> list[dict[str, Any]]:
    hits = past._history.search(words, limit=MOST_FOUND)
    return history_rows.groups(hits, past._history.chats(words, tag=tag, limit=MOST_FOUND), open_chats.ids())


def _exported(past: HistorySession, chat: str, format: exporting.Format) -> dict[str, str]:
    kept, messages = past._history.load(chat)
    return {
        "name": exporting.file_name(kept.title, format),
        "text": exporting.export(kept, messages, format),
        "media_type": exporting.MEDIA_TYPES[format],
    }
