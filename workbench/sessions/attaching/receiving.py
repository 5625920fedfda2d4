"""What a front end attaches: bytes that come in pieces, pasted text, what a cell gave last. Knows no widget."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from workbench.errors import UsageError
from workbench.sessions.talk import GONE

if TYPE_CHECKING:
    from workbench.commands import Attach
    from workbench.sessions.attaching.beside import Attaching


def received(chat: Attaching, command: Attach) -> Callable[[], object] | None:
    """Take what a front end sends; gives what is to be done in the background with the last piece of it.

    Raises `UsageError` for a command without content, and what `Tray.take` raises.
    """
    with chat.lock:
        chat._check_open()
        if chat._notice not in (None, GONE):
            chat._notice = None
            chat._tell(notice=None)
        if command.content is not None:
            chat._tray.reading[command.attachment] = command.name
            thing: str | bytes | None = command.content
        elif command.data is not None:
            thing = chat._tray.take(command.attachment, command.name, command.data, more=command.more)
        else:
            raise UsageError(f"{command.name} came without its content.")
        chat._tell_attachments()
    return None if thing is None else partial(_attach, chat, command.attachment, thing, command.name)


def _attach(chat: Attaching, id: str, thing: str | bytes, name: str) -> None:
    """Put it beside the composer, unless it was taken away meanwhile."""
    try:
        made = chat._made((thing,), name)
    except BaseException:
        with chat.lock:
            chat._tray.drop(id)
            chat._tell_attachments()
        raise
    with chat.lock:
        if chat._tray.reading.pop(id, None) is not None:
            chat._tray.attachments.update({each.id: each for each in made})
            chat._tell_attachments()
