"""Two to four chats side by side, asked together: each a chat of its own. Knows no widget and no engine.

    send ──> chat, chat, ...    local models answer one after another (`in_turn`), those of servers meanwhile

All chats share one lock, so that what is told of them has one order.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.commands import Ack, PanesCommand
from workbench.errors import ModelError, StateError, UsageError
from workbench.messages import new_id
from workbench.messages import user as user_message
from workbench.model import ModelInfo
from workbench.options import GenerationOptions, make_options
from workbench.sessions.answer import Op
from workbench.sessions.attaching import sight
from workbench.sessions.attaching.attachment import Attachment
from workbench.sessions.audience import Audience, Observer
from workbench.sessions.chat import Chat
from workbench.sessions.in_turn import Line, Place
from workbench.sessions.reply import Reply
from workbench.sessions.talk import stop_all
from workbench.sessions.transcript import html_copies

if TYPE_CHECKING:
    from workbench.services.registry import Services
    from workbench.sessions.comparing.comparison import Comparison

MOST = 4
"""Most chats side by side."""

Which: TypeAlias = int | str | Chat
"""A pane: its place from 0, its name, its model where no other has that, or its chat."""


class Panes:
    """Chats side by side, with one place to write for all. `panes` makes them; displaying them draws their widget.

        panes = wb.panes(["builtin", "ollama:llama3.2"])
        replies = panes.send("What is a token?")       # one a pane, at once
        [reply.result() for reply in replies]
        panes.chats[0].regenerate()                    # each is a chat, with all that a chat can do
        panes.chats[1].model = "lmstudio:qwen3-4b"
        chat = panes.keep(1)                           # go on with one alone

    `close` ends all of them; what was said stays in the history.
    """

    def __init__(
        self,
        models: Sequence[str | ModelInfo],
        *,
        system: str | None = None,
        options: GenerationOptions | None = None,
        private: bool = False,
        force: bool = False,
        services: Services | None = None,
    ) -> None:
        self.id = new_id()
        self._audience = Audience()
        self.lock: threading.RLock = self._audience.lock
        """Held while any of the chats changes and while observers are told."""
        self._services = services
        self._system, self._options = system, options or GenerationOptions()
        self._private, self._force = private, force
        self._line = Line()
        self._ends: dict[str, Callable[[], None]] = {}
        self._chats: tuple[Chat, ...] = ()
        for model in models:
            self._put(model)

    # Who is there

    @property
    def chats(self) -> tuple[Chat, ...]:
        """The chats, from left to right."""
        with self.lock:
            return self._chats

    @property
    def names(self) -> tuple[str, ...]:
        """What the panes are called: their models, numbered where one is there more than once."""
        models = [chat.model for chat in self.chats]
        named: list[str] = []
        for at, model in enumerate(models):
            twice = models.count(model) > 1
            named.append(f"{model} {models[: at + 1].count(model)}" if twice else model)
        return tuple(named)

    def add(self, model: str | ModelInfo) -> Chat:
        """Another pane at the end, with the system prompt and the options that all began with; nothing is said in it.

        Raises `StateError` when there are four, `ModelNotFoundError` (the nearest id is named).
        """
        if len(self.chats) >= MOST:
            raise StateError(f"There are {MOST} chats already.", next_step="Close one first, or open wb.panes again.")
        chat = self._put(model)
        with self.lock:
            self._audience.emit([["row", self._row(chat)]])
            self._tell_names()
        return chat

    def remove(self, which: Which) -> None:
        """Close a pane; what is being answered there is cancelled. What was said stays in the history.

        Raises `UsageError` when there is no such pane, `StateError` for the last one.
        """
        with self.lock:
            chat = self.chat(which)
            if len(self._chats) == 1:
                raise StateError("This is the last chat here.", next_step="panes.close() ends it.")
            self._take_out([chat])
        chat.close()

    def keep(self, which: Which) -> Chat:
        """Go on with one alone: every other pane is closed, and this chat is given back, to be shown by itself.

        Raises `UsageError` when there is no such pane.
        """
        with self.lock:
            kept = self.chat(which)
            others = [chat for chat in self._chats if chat is not kept]
            self._take_out(others)
        for chat in others:
            chat.close()
        return kept

    def close(self) -> None:
        """Cancel what is going on and end all chats. What was said stays readable."""
        for chat in self.chats:
            chat.close()

    # Asking

    def attach(self, *things: Any, name: str | None = None) -> tuple[Attachment, ...]:
        """Put things beside the composer: they go with the next message, to all. Takes and raises as `Chat.attach`."""
        return self.chats[0].attach(*things, name=name)

    def send(self, text: str, *, attach: Any = (), **given: Any) -> tuple[Reply, ...]:
        """Ask all; returns their replies at once, from left to right. `attach` and `given` are what `Chat.send` takes.

        Local models answer one after another, the one that is in memory first; those of servers meanwhile.
        A model that fails does not keep the others from answering: its reply has the `error`.
        Raises as `Chat.send`; nothing is sent where the person has not allowed that for one of them, or where one
        does not see a picture.
        """
        chats = self.chats
        for chat in chats:
            chat._who()
        made = chats[0]._made(attach)
        beside = self.beside(chats, made)
        asked = {}
        for chat in loaded_first(chats):
            files = made if chat is chats[0] else (*beside, *made)
            asked[chat.id] = chat.send(text, attach=files, **given)
        return tuple(asked[chat.id] for chat in chats)

    def beside(self, chats: Sequence[Chat], more: Sequence[Attachment] = ()) -> list[Attachment]:
        """What stands beside the composer, which is the first chat's. Raises `UsageError` where one cannot see it."""
        with self.lock:
            beside = chats[0]._tray.ready()
            parts = [part for each in (*beside, *more) for part in each.parts]
            for chat in chats:
                sight.check(chat._model_info(), [user_message("", *parts)])
        return beside

    def stop(self) -> None:
        """Cancel all that is being answered or waits, in every pane; what was written stays."""
        for chat in self.chats:
            with self.lock:
                asked = list(chat._conversation.tree.nodes.values())
            stop_all(asked)
            chat.stop()

    def to_comparison(self, **given: Any) -> Comparison:
        """Each question that was asked, by itself, to each model once more: as a `Comparison`, for scores and votes.

        The system prompt and the options are those that all began with. `given` is what `workbench.compare` takes.
        Raises as that, and `StateError` before the first question.
        """
        from workbench.sessions.comparing.compare import compare

        chats = self.chats
        asked = dict.fromkeys(m.text for chat in chats for m in chat.messages if m.role == "user")
        if not asked:
            raise StateError("Nothing was asked yet.", next_step="Send a message first.")
        models = list(dict.fromkeys(chat.model for chat in chats))
        began = {"options": self._options, "systems": self._system, "services": self._services}
        return compare(list(asked), models, **{**began, **given})

    # What a front end does

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, in order, as an operation on `view`; returns what ends it.

        The observer is called under `lock`, on whatever thread made the change, and must not block.
        """
        with self.lock:
            leave = self._audience.join(observer)
            self._watch()
        return partial(self._left, leave)

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values: what a screen draws."""
        with self.lock:
            rows = [self._row(chat) for chat in self._chats]
            return {"panes": self.id, "rows": rows, "names": self._names(), "most": MOST}

    def html(self) -> str:
        """The transcripts as plain HTML, every text escaped; at most 256 KB, the oldest turns left out."""
        with self.lock:
            said = [(name, chat._conversation.views()) for name, chat in zip(self.names, self._chats, strict=True)]
        return html_copies(self.id, said)

    @property
    def busy(self) -> bool:
        """Whether anything is being answered, or waits to be."""
        with self.lock:
            return any(chat._runs.going is not None or chat._runs.waiting for chat in self._chats)

    def perform(self, command: PanesCommand) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        from workbench.sessions import panes_commands

        return panes_commands.perform(self, command)

    def __repr__(self) -> str:
        return f"<Panes: {', '.join(self.names)}>"

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)

    # The panes

    def _put(self, model: str | ModelInfo) -> Chat:
        chat = Chat(
            model.id if isinstance(model, ModelInfo) else model,
            system=self._system,
            options=self._options,
            services=self._services,
            force=self._force,
            fallback=False,  # another model's answer would stand under this one's name
            private=self._private,
            lock=self.lock,
        )
        chat._runs.place = Place(self._line)
        with self.lock:
            self._chats = (*self._chats, chat)
            self._watch()
        return chat

    def _watch(self) -> None:
        """Hear of every chat while somebody hears of them all, and only then; the lock is held."""
        wanted = {chat.id: chat for chat in self._chats} if self._audience.there else {}
        for gone in self._ends.keys() - wanted.keys():
            self._ends.pop(gone)()
        for new in wanted.keys() - self._ends.keys():
            self._ends[new] = wanted[new].observe(partial(_passed_on, weakref.ref(self), new))

    def _left(self, leave: Callable[[], None]) -> None:
        """An observer wants to hear no more."""
        with self.lock:
            leave()
            self._watch()

    def _take_out(self, chats: Sequence[Chat]) -> None:
        """Show these no more; the lock is held."""
        beside = self._chats[0].attachments if self._chats[0] in chats else ()
        self._chats = tuple(chat for chat in self._chats if chat not in chats)
        self._chats[0].attach(*beside)
        self._watch()
        for chat in chats:
            self._audience.emit([["drop", chat.id]])
        self._tell_names()

    def chat(self, which: Which) -> Chat:
        """The chat of a pane. Raises `UsageError` when there is no such pane."""
        with self.lock:
            chats, names = self._chats, self.names
        if isinstance(which, int) and -len(chats) <= which < len(chats):
            return chats[which]
        for chat, name in zip(chats, names, strict=True):
            if which in (chat, chat.id, name):
                return chat
        there = ", ".join(names)
        raise UsageError(f"There is no pane {which!r}.", next_step=f"There are: {there}; or say its place, from 0.")

    def _row(self, chat: Chat) -> dict[str, Any]:
        return {"id": chat.id, "view": chat.view()}

    def _names(self) -> dict[str, str]:
        return {chat.id: name for chat, name in zip(self._chats, self.names, strict=True)}

    def _tell_names(self) -> None:
        self._audience.tell(names=self._names())

    def _heard(self, pane: str, op: Op) -> None:
        """A chat has changed; the lock is held."""
        self._audience.emit([["pane", pane, op]])
        if op[0] == "state" and "model" in op[1]:
            self._tell_names()


def panes(
    models: Sequence[str | ModelInfo],
    *,
    system: str | None = None,
    preset: str | None = None,
    private: bool = False,
    force: bool = False,
    services: Services | None = None,
    **options: Any,
) -> Panes:
    """Talk to two, three or four models at once: chats side by side, one place to write. In a notebook they draw
    themselves at the end of a cell.

        wb.panes(["builtin", "ollama:llama3.2"])                        # the same question to both
        wb.panes(["builtin", "builtin"], temperature=0)                 # the same model twice: change one of them
        panes = wb.panes(models, system="Be brief.", private=True)
        panes.send("What is a token?")                                  # the same from code: a reply a pane

    Each pane is a `Chat`, kept in the history as one of its own unless `private`: ask one again, change its model or
    its options, go on with one alone (`Panes.keep`). Models of this machine answer one after another, those of
    servers meanwhile. No other model answers in a pane's place: one that cannot says why.
    `system`, `preset`, `force` and `options` are as for `chat`, and go to all.
    Raises `UsageError` for fewer than two or more than four models, `ModelNotFoundError` (the nearest id is named),
    `OptionError`.
    """
    made = make_options(**options)
    if preset is not None:
        from workbench.store import settings

        made = settings.preset(preset).merged(made)
    given = [models] if isinstance(models, str | ModelInfo) else list(models)
    if not 2 <= len(given) <= MOST:
        words = "wb.chat talks to one model." if len(given) < 2 else "wb.compare takes any number of models."
        raise UsageError(f"Side by side there are two to {MOST} chats, not {len(given)}.", next_step=words)
    return Panes(given, system=system, options=made, private=private, force=force, services=services)


def loaded_first(chats: Sequence[Chat]) -> list[Chat]:
    """Chats in the order in which the fewest models have to be loaded anew."""
    return sorted(chats, key=lambda chat: not _is_loaded(chat))


def _is_loaded(chat: Chat) -> bool:
    try:
        return chat.services.resolve(chat.model)[1].status == "loaded"
    except ModelError:
        return False


def _passed_on(panes: weakref.ref[Panes], pane: str, op: Op) -> None:
    """Tell the panes of a change, for as long as somebody holds them."""
    alive = panes()
    if alive is not None:
        alive._heard(pane, op)
