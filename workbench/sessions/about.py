"""What a chat is, beside what is said: its title, system prompt, options, place in the history, context in use.

Knows no run. The model, and what there is to choose from, is its base, `workbench.sessions.chosen.Chooser`.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.errors import ModelError, StateError, UsageError, describe
from workbench.options import GenerationOptions
from workbench.sessions.begun import Said
from workbench.sessions.begun import nodes as nodes_of
from workbench.sessions.chat_state import Context, PreviewState, context_of, option_fields, settings_fields
from workbench.sessions.chosen import Chooser, missing_model
from workbench.sessions.conversation import Conversation
from workbench.sessions.option_ranges import ranges_of
from workbench.sessions.overflow import How
from workbench.sessions.recorder import Recorder
from workbench.store import settings

if TYPE_CHECKING:
    from workbench.services.registry import Services
    from workbench.store.history_values import StoredChat, StoredMessage


class About(Chooser):
    """Base of a chat: its conversation, and what can be set of it."""

    def __init__(
        self,
        model: str | None,
        *,
        system: str | None,
        options: GenerationOptions | None,
        services: Services | None,
        force: bool,
        private: bool,
        id: str | None,
        lock: threading.RLock | None,
    ) -> None:
        super().__init__(model, services=services, force=force, name="chat", id=id, lock=lock)
        self._conversation = Conversation(self._audience, Recorder(self.id, private=private), system=system)
        self._conversation.options = options or GenerationOptions()
        self._overflow: How | None = None
        self._preview = PreviewState()
        self._ranges_of: object = None
        """What the ranges told last depend on."""
        self._closed = False
        observer = _told_by(weakref.ref(self))
        weakref.finalize(self, settings.observe(observer)).atexit = False

    @property
    def title(self) -> str:
        """Its title: as given, else from the first question; empty before that."""
        with self.lock:
            return self._conversation.called()

    @title.setter
    def title(self, title: str) -> None:
        with self.lock:
            self._conversation.title = " ".join(title.split())
            self._conversation.recorder.change(title=self._conversation.called())
            self._tell(title=self._conversation.called())

    @property
    def system(self) -> str:
        """What tells the model how to behave; empty for nothing."""
        with self.lock:
            return "" if self._conversation.system is None else self._conversation.system.text

    @system.setter
    def system(self, text: str) -> None:
        with self.lock:
            self._conversation.set_system(text)

    @property
    def options(self) -> GenerationOptions:
        """Options of every answer from now on; `send` can put others on top."""
        with self.lock:
            return self._conversation.options

    @options.setter
    def options(self, options: GenerationOptions) -> None:
        with self.lock:
            self._conversation.options = options
            self._conversation.recorder.change(options=options)
            self._tell(**self._option_fields(), context=self._context_view())

    @property
    def overflow(self) -> How | None:
        """What is done with a message that does not fit the context: ``"drop"`` leaves out the oldest turns,
        ``"summarise"`` has them summed up, ``"raise"`` loads the model with a longer context; the reply's `notes` say
        what was done. ``None``: it fails with a `ContextOverflowError`, and the widget lets the person choose.
        """
        return self._overflow

    @overflow.setter
    def overflow(self, how: How | None) -> None:
        if how not in (None, "drop", "summarise", "raise"):
            raise UsageError(f"overflow cannot be {how!r}.", next_step='It is "drop", "summarise", "raise" or None.')
        self._overflow = how

    @property
    def private(self) -> bool:
        """Whether it stays out of the history. Setting it deletes what is kept of it; taking it back keeps it all."""
        return self._conversation.recorder.private

    @private.setter
    def private(self, private: bool) -> None:
        with self.lock:
            conversation = self._conversation
            if private:
                conversation.recorder.leave()
            elif conversation.tree.nodes:
                conversation.enter_history()
            else:
                conversation.recorder.private = False
            self._notice = None
            self._tell(notice=None, **self._about())

    @property
    def history_id(self) -> str:
        """Its id in the history: `workbench.reopen` takes it. Another after `clear`."""
        return self._conversation.recorder.chat

    @property
    def context(self) -> Context:
        """Tokens of the context: in use after the last answer shown, kept free for the next one, and in all."""
        with self.lock:
            limit = self._info.context_length if self._info else None
            return context_of(self._conversation.path, self.options, limit)

    # What is drawn beside the messages; the lock is held

    def _about(self) -> dict[str, Any]:
        """The fields of the view that are neither messages nor the model."""
        conversation = self._conversation
        return {
            "title": conversation.called(),
            "system": "" if conversation.system is None else conversation.system.text,
            "context": self._context_view(),
            "preview": self._preview.view,
            "ranges": ranges_of(self.services, self._info),
            **self._option_fields(),
            **settings_fields(settings.get()),
            **self._kept_fields(),
        }

    def _option_fields(self) -> dict[str, Any]:
        return option_fields(self._conversation.options, settings.get())

    def _kept_fields(self) -> dict[str, Any]:
        recorder = self._conversation.recorder
        return {
            "private": recorder.private,
            "kept": recorder.kept,
            "history_problem": msgspec.to_builtins(recorder.problem),
        }

    def _context_view(self) -> dict[str, int | None]:
        limit = self._info.context_length if self._info else None
        found: dict[str, int | None] = msgspec.to_builtins(
            context_of(self._conversation.path, self._conversation.options, limit)
        )
        return found

    def _heard_settings(self, found: settings.Settings) -> None:
        with self.lock:
            self._tell(**self._option_fields(), **settings_fields(found), **self._kept_fields())

    def _begin_with(self, messages: Iterable[Said]) -> None:
        """Have these been said before. Raises `UsageError`."""
        conversation = self._conversation
        with self.lock:
            said = nodes_of(messages, self.model, conversation.changed)
            conversation.put_all(said, conversation.tree.ground)

    def _restore(self, chat: StoredChat, messages: list[StoredMessage]) -> None:
        """Be the chat that the history keeps; if its model is gone, that is told."""
        with self.lock:
            self._conversation.restore(chat, messages)
            if chat.model is None:
                return
            try:
                self._info = self.services.resolve(chat.model)[1]
            except ModelError as error:
                self._info, self._notice = missing_model(chat.model), describe(error)

    def _model_fields(self) -> dict[str, Any]:
        fields = {**super()._model_fields(), "context": self._context_view()}
        known = self._info and (self._info.id, self._info.status, self._info.context_length)
        if known != self._ranges_of:
            self._ranges_of = known
            fields["ranges"] = ranges_of(self.services, self._info)
        return fields

    def _check_open(self) -> None:
        if self._closed:
            raise StateError("This chat is closed.", next_step="wb.chat() starts another.")


def _told_by(about: weakref.ref[About]) -> Callable[[settings.Settings], None]:
    """Tells a chat of the settings, for as long as somebody holds it."""

    def tell(found: settings.Settings) -> None:
        alive = about()
        if alive is not None:
            alive._heard_settings(found)

    return tell
