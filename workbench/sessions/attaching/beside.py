"""The base of a chat with attachments: they stand beside its composer until the next message. Knows no command."""

from __future__ import annotations

from typing import Any

import msgspec

from workbench.errors import UsageError, WorkbenchError
from workbench.messages import File, Image, new_id
from workbench.messages import user as user_message
from workbench.request import Request
from workbench.sessions.attaching import sight
from workbench.sessions.attaching.attachment import Attachment
from workbench.sessions.talk import Talk

ROOM = 1500
"""Tokens that a table or an object is described in; a quarter of the context, where that is less."""


class Attaching(Talk):
    """Base of a chat: what goes with its next message."""

    def attach(self, *things: Any, name: str | None = None) -> tuple[Attachment, ...]:
        """Put things beside the composer: they go with the next message, from a cell or from the widget.

            chat.attach(df)                     # a table: its shape, columns, statistics and first rows
            chat.attach(fig, "notes.md")        # a matplotlib figure, and a file
            chat.attach(log, name="log")        # a string as a text of that name
            chat.attach(error)                  # an exception: its traceback

        Taken are frames and series (pandas, polars, pyarrow), NumPy arrays, matplotlib figures and axes, Pillow images,
        paths and bytes of text files, notebooks, CSV files and pictures (PNG, JPEG, WebP, GIF), exceptions, strings,
        and any other object as a cell would show it. A large table is described, a large picture is shrunk, and the
        attachment's `note` says so. `name` is for one thing; without it, the name it has in the notebook is used.
        Raises `KeyFoundError` where one holds a key or a password, `FolderError` for a file that is damaged, too
        large or not there, `UsageError` for what is neither text nor picture; then nothing is attached.
        """
        made = self._made(things, name)
        with self.lock:
            self._check_open()
            self._tray.attachments.update({attachment.id: attachment for attachment in made})
            self._tell_attachments()
        return made

    def attach_output(self) -> tuple[Attachment, ...]:
        """Attach what the notebook's last cell with a value gave. Raises `StateError` where there is none."""
        from workbench.sessions.attaching import latest

        thing, name = latest.output()
        return self.attach(thing, name=latest.name_of(thing) or name)

    def attach_error(self) -> tuple[Attachment, ...]:
        """Attach the traceback of the error that ended a cell last. Raises `StateError` where there is none."""
        from workbench.sessions.attaching import latest

        return self.attach(latest.error())

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """What goes with the next message, in order."""
        with self.lock:
            return tuple(self._tray.attachments.values())

    def detach(self, *which: str | Attachment) -> None:
        """Take attachments away: by themselves, their ids or their names; all of them, when none is named.

        Raises `UsageError` where there is none of that name.
        """
        with self.lock:
            tray = self._tray
            for id in [tray.find(each) for each in which] if which else [*tray.attachments, *tray.reading]:
                tray.drop(id)
            self._tell_attachments()

    # What the chat asks

    def _made(self, things: Any, name: str | None = None) -> tuple[Attachment, ...]:
        """Attachments of one thing, or of a list or tuple of them; nothing is put beside the composer."""
        listed = list(things) if isinstance(things, list | tuple) else [things]
        if not listed:
            return ()
        if name is not None and len(listed) != 1:
            raise UsageError("A name is for one thing.", next_step="Attach them one by one.")
        from workbench.sessions.attaching import things as kinds

        limit = self.context.limit
        room = ROOM if limit is None else min(ROOM, limit // 4)
        return tuple(
            each if isinstance(each, Attachment) else self._counted(kinds.part_of(each, name, room, self.services))
            for each in listed
        )

    def _counted(self, part: File | Image) -> Attachment:
        """An attachment whose tokens are counted, where the model is in memory; that may wait for its next token."""
        found: int | None = None
        if isinstance(part, File):
            try:
                service, info = self.services.resolve(self.model)
                request = Request(messages=(user_message("?"),), model=info.id)
                alone = service.count_tokens(request)
                both = service.count_tokens(msgspec.structs.replace(request, messages=(user_message("?", part),)))
                found = None if both is None or alone is None else both - alone
            except WorkbenchError:  # it is estimated then
                pass
            part = msgspec.structs.replace(part, tokens=found)
        return Attachment(id=new_id(), part=part, model=self.model if found is not None else None)

    # What a screen draws; the lock is held

    def _tell_attachments(self) -> None:
        self._tell(attachments=self._attachment_views())

    def _attachment_views(self) -> list[dict[str, Any]]:
        """What stands beside the composer, with what is wrong with it for the model chosen."""
        tray = self._tray
        if not tray.attachments:
            return tray.reading_views()
        info = self._model_info()
        found = []
        for each in tray.attachments.values():
            tokens, limit = each.tokens, info.context_length
            problem = sight.blind(info) if each.kind == "image" else ""
            if tokens is not None and limit is not None and tokens > limit:
                problem = f"Longer than the context of {info.id}: {limit:,} tokens."
            found.append(each.view(info.id) | {"problem": problem, "busy": False})
        return [*found, *tray.reading_views()]

    def _model_fields(self) -> dict[str, Any]:
        fields = super()._model_fields()
        return {**fields, "attachments": self._attachment_views()} if self._tray.attachments else fields
