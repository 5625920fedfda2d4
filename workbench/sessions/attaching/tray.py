"""What stands beside the composer: attachments, and what is still being read. Knows no chat, and takes no lock."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from workbench.errors import FolderError, StateError, UsageError
from workbench.sessions.attaching.attachment import Attachment

MOST_UPLOAD = 20 * 2**20
"""Bytes of a file that is dropped or pasted; a larger one is attached by its path."""


class Tray:
    """The attachments of the next message, in the order in which they came."""

    def __init__(self) -> None:
        self.attachments: dict[str, Attachment] = {}
        self.reading: dict[str, str] = {}
        """Names of what is still being read, by id."""
        self._pieces: dict[str, bytearray] = {}

    def find(self, which: str | Attachment) -> str:
        """The id of an attachment, by itself, its id or its name. Raises `UsageError`."""
        key = which if isinstance(which, str) else which.id
        if key in self.attachments or key in self.reading:
            return key
        named = [a.id for a in self.attachments.values() if a.name == key]
        if not named:
            raise UsageError(f"Nothing called {key!r} is attached.", next_step="chat.attachments lists what is.")
        return named[-1]

    def drop(self, id: str) -> None:
        """Take one away; what was being read of it comes to nothing."""
        for kept in (self.attachments, self.reading, self._pieces):
            kept.pop(id, None)

    def ready(self) -> list[Attachment]:
        """What goes with a message that is sent now. Raises `StateError` while something is still being read."""
        if self.reading:
            names = ", ".join(self.reading.values())
            raise StateError(f"Still being read: {names}.", next_step="Send again in a moment.")
        return list(self.attachments.values())

    def take(self, id: str, name: str, piece: str, *, more: bool) -> bytes | None:
        """Take a piece (base64) of a file; gives the whole of it with the last one.

        Raises `FolderError` when it gets too large, `UsageError` for what is not base64.
        """
        self.reading.setdefault(id, name)
        whole = self._pieces.setdefault(id, bytearray())
        try:
            whole += base64.b64decode(piece, validate=True)
        except binascii.Error:
            self.drop(id)
            raise UsageError(f"{name} arrived damaged.", next_step="Attach it again.") from None
        if len(whole) > MOST_UPLOAD:
            self.drop(id)
            raise FolderError(
                f"{name} is too large: more than {MOST_UPLOAD >> 20} MB.",
                next_step=f'Attach it by its path, from a cell: chat.attach("{name}").',
            )
        return None if more else bytes(self._pieces.pop(id))

    def reading_views(self) -> list[dict[str, Any]]:
        """What is still being read, as the front end reads it."""
        nothing = {"kind": "file", "tokens": None, "about": False, "note": "", "thumb": None, "problem": ""}
        return [{"id": id, "name": name, **nothing, "busy": True} for id, name in self.reading.items()]
