"""What a front end asks of chats side by side: each command is what a program can call, too. Knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

import msgspec

from workbench.commands import (
    Ack,
    AddPane,
    Hello,
    InPane,
    KeepPane,
    PanesCommand,
    RemovePane,
    Send,
    SendAll,
    StopAll,
)
from workbench.errors import StateError, describe

if TYPE_CHECKING:
    from workbench.sessions.panes import Panes


def perform(panes: Panes, command: PanesCommand) -> Ack:
    """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
    try:
        if isinstance(command, InPane):
            return msgspec.structs.replace(panes.chat(command.pane).perform(command.command), id=command.id)
        return Ack(id=command.id, ok=True, data=_do(panes, command))
    except Exception as error:
        return Ack(id=command.id, ok=False, error=describe(error))


def _do(panes: Panes, command: Hello | SendAll | StopAll | AddPane | RemovePane | KeepPane) -> Any:
    match command:
        case Hello():
            pass
        case SendAll():
            _send_all(panes, command)
        case StopAll():
            panes.stop()
        case AddPane():
            panes.add(command.model)
        case RemovePane():
            panes.remove(command.pane)
        case KeepPane():
            return {"chat": panes.keep(command.pane).history_id}
        case _:
            assert_never(command)
    return None


def _send_all(panes: Panes, command: SendAll) -> None:
    """Send to all; where the person has to allow it first, that pane asks."""
    from workbench.sessions.panes import loaded_first

    chats = panes.chats
    if any(chat._held is not None for chat in chats):
        raise StateError("A message waits for your leave in one of the chats.", next_step="Answer that first.")
    beside = panes.beside(chats)
    for chat in chats[1:]:
        chat.attach(*beside)
    for chat in loaded_first(chats):
        ack = chat.perform(Send(id=command.id, text=command.text, interrupt=command.interrupt))
        if ack.error is not None:
            raise ack.error.to_error()
