"""The chat as a program uses it: ask, edit, ask again, go back and forth. It knows no widget and no engine.

attaching/        its base: what goes with the next message
talk.py           the base of that: how it asks, and what it hears
about.py          the base of that: title, system prompt, options; and of that chosen.py: the model
conversation.py   what is said: the tree, what of it is shown, what is kept
runs.py           the runs that answer, one after another
chat_commands.py  what a front end asks
chat_state.py     what a front end draws beside the messages: options, presets, context
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.commands import Ack, Command
from workbench.errors import EmptyPromptError, StateError, UsageError
from workbench.messages import Message, new_id
from workbench.messages import system as system_message
from workbench.messages import user as user_message
from workbench.options import GenerationOptions, make_options
from workbench.request import Request
from workbench.sessions import branching, chat_commands, open_chats
from workbench.sessions.answer import Answer
from workbench.sessions.attaching.attachment import attached
from workbench.sessions.attaching.beside import Attaching
from workbench.sessions.begun import Said
from workbench.sessions.conversation import Conversation, Which, id_of
from workbench.sessions.preview import Preview, previewed
from workbench.sessions.recorder import Recorder
from workbench.sessions.reply import Reply
from workbench.sessions.stored import copied, ended
from workbench.sessions.structured.wanted import wanted
from workbench.sessions.talk import stop_all
from workbench.sessions.tools.modes import Mode, with_line
from workbench.sessions.transcript import html_copy
from workbench.sessions.tree import Node
from workbench.store import settings

if TYPE_CHECKING:
    import pandas

GO_ON = "Go on exactly where you stopped."
"""What is asked of a model whose server cannot continue an answer."""


class Chat(Attaching):
    """A conversation with a model. `chat` makes one; displaying it in a notebook draws its widget.

    A script, a cell and the widget call the same methods, and the runs of one chat go one after another on
    one thread of its own: a second `send` queues. What is said is a tree: another version of a message stands
    beside it, and nothing is lost. Methods that take a message take it
    from `messages`, its id, or the `Reply` that it is.

        chat = wb.chat()
        reply = chat.send("Hello")      # returns at once
        reply.result()                  # waits, and returns the text
        chat.messages                   # everything said, on the path that is shown
        chat.regenerate()               # another answer, beside the first
        chat.model = "ollama:llama3.2"  # answers from now on
    """

    # Asking

    def send(
        self,
        text: str,
        *,
        attach: Any = (),
        tools: Iterable[Callable[..., Any]] | None = None,
        allow: bool = False,
        schema: Any = None,
        interrupt: bool = False,
        **options: Any,
    ) -> Reply:
        """Ask; returns the `Reply` at once, while the answer is still to come.

        `options` are those of `GenerationOptions` (``temperature=0``, ``max_tokens=200``, ``seed=1``, ...),
        for this answer only. `attach` is a thing, or a list of things, that goes with the message, after what stands
        beside the composer (see `attach`). `tools` are functions that the model may call for this answer, in place of
        the chat's; each call waits until the person allows it, or runs at once with `allow`. With a `schema` the answer
        is JSON of it, and `Reply.value` the object: a JSON schema, a pydantic model, a dataclass, a TypedDict or a
        msgspec.Struct. While another answer is being written, this one queues; with `interrupt` that answer is stopped,
        and this message is next, before those that wait.
        Raises at once: `EmptyPromptError`, `OptionError`, `ConsentNeededError` (it would leave this machine, and nobody
        has allowed that), `StateError` (a closed chat), `UsageError` (a picture for a model that sees none, a function
        that no model could call, a schema that is none), and what `attach` raises. What goes wrong later is the reply's
        `error`.
        If the model is not available, the fallback of the settings answers, and the reply's `notes` say so.
        """
        own = make_options(**options)
        _check_text(text)
        given = self._made(attach)
        shape = None if schema is None else wanted(schema)
        who = self._who()
        with self.lock:
            going = self._runs.going if interrupt else None
            parent = self._conversation.tree.end()
            follows = None
            offer = None if tools is None and not allow else self._offer(tools, free=allow)
            if going is not None and self._conversation.shows(going.node):
                parent, follows = going.node, going.node.chosen
            parts = [part for each in (*self._tray.ready(), *given) for part in each.parts]
            reply = self._ask(text, parent, who, own, next=interrupt, parts=parts, offer=offer, wanted=shape)
            if parts:
                self.detach()
            if follows is not None:
                self._conversation.move(follows, self._conversation.find(reply.id))
        if going is not None:
            going.reply.stop()
        return reply

    def edit(self, message: Which, text: str, **options: Any) -> Reply | None:
        """Another version of a message, beside it. One of a person's is asked, and its `Reply` is returned; an answer
        gets that text, and nobody is asked. What came with a message stays with it.

        `options` are as for `send`. Raises as `send`, and `UsageError` when there is no such message, `StateError`
        while it is still being written.
        """
        own = make_options(**options)
        _check_text(text)
        with self.lock:
            conversation = self._conversation
            if conversation.system is not None and id_of(message) == conversation.system.id:
                conversation.set_system(text)
                return None
            node = conversation.find(message)
            if node.role != "user":
                self._check_open()
                conversation.put(_rewritten(node, text, conversation), node.parent or conversation.tree.ground)
                return None
        who = self._who()
        with self.lock:
            parts = () if node.plain is None else attached(node.plain.parts)
            return self._ask(
                text,
                node.parent or conversation.tree.ground,
                who,
                node.own.merged(own),
                parts=parts,
                offer=node.offer,
                wanted=node.shape_wanted(),
            )

    def regenerate(self, message: Which | None = None, *, model: str | None = None, **options: Any) -> Reply:
        """Ask again for the answer that a message was, or to a question (the newest, if not given); at once.

        The new answer stands beside the old one; one without text (failed, or stopped early) is replaced. `model`
        answers instead of the one chosen. `options` are as for `send`, on top of those that the message had.
        Raises as `send`, and `UsageError` when there is no such message, `StateError` while it is still being written.
        """
        own = make_options(**options)
        with self.lock:
            question, old = self._question_of(message)
        who = self._who(model)
        with self.lock:
            own = question.own.merged(own)
            if old is not None and old.reply is not None and not old.reply._answer.said_something:
                return self._answer(question, who, own, instead=old)
            return self._answer(question, who, own)

    def retry(self, message: Which | None = None) -> Reply:
        """The same as `regenerate`."""
        return self.regenerate(message)

    def go_on(self, message: Which | None = None) -> Reply:
        """Continue an answer (the newest, if not given) where it stopped.

        The longer answer stands beside it and begins with its text. A server that cannot do that is asked in an
        ordinary turn, and the reply's `notes` say so; whether it can, it may have to be asked first. Raises as
        `regenerate`, and `UsageError` for an answer without text.
        """
        with self.lock:
            question, old = self._question_of(message)
        if old is None or old.reply is None or not old.reply.partial.strip():
            raise UsageError("There is no text to go on from.", next_step="Ask for the answer again.")
        who = self._who()
        if not old.reply.calls and (who.service is None or who.service.can_continue(who.model)):
            with self.lock:
                return self._answer(question, who, old.own, continues=old)
        note = f"{who.model} cannot continue an answer, so it was asked to go on."
        with self.lock:
            return self._ask(GO_ON, old, who, old.own, note=note)

    def branch_at(self, message: Which, index: int, alternative: int | str, **options: Any) -> Reply:
        """Have an answer go another way at one of its tokens (`Reply.tokens`); returns at once.

        The new answer stands beside the old one: it begins with the text before that token and an alternative in its
        place (an index into the token's alternatives, or a text), and the same model goes on from there. Raises as
        `regenerate`, and `UsageError` where there is no such token or alternative, or the server cannot continue.
        """
        own = make_options(**options)
        with self.lock:
            question, old = self._question_of(message)
            if old is None or old.reply is None:
                raise UsageError("A question has no tokens to branch at.", next_step="Choose an answer.")
            begun = branching.beginning(old.reply._answer, index, alternative)
        who = self._who(old.reply.model)
        if who.service is not None and not who.service.can_continue(who.model):
            raise UsageError(branching.cannot(who.model), next_step="Ask a model that runs here.")
        own = old.own.merged(GenerationOptions(logprobs=old.reply.options.logprobs)).merged(own)
        with self.lock:
            return self._answer(question, who, own, begun=begun)

    def stop(self, run: str | None = None) -> None:
        """Cancel a run, by its id; without one, the run being answered, or the load going on.

        What was written stays. Runs that have ended are ignored.
        """
        with self.lock:
            cancel = self._runs.stopping(run)
            if cancel is None and self._runs.going is None and self._loading and run in (None, self._loading[0]):
                cancel = partial(self._loading[1].cancel, self._loading[0])
        if cancel is not None:
            cancel()

    # What was said

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is said on the path shown, oldest first, the system message included; an answer counts from its first
        text.
        """
        with self.lock:
            return self._conversation.said()

    @property
    def last(self) -> Reply | None:
        """The newest reply shown; ``None`` before the first."""
        with self.lock:
            return next((node.reply for node in reversed(self._conversation.path) if node.reply is not None), None)

    def branches(self, message: Which) -> tuple[Message, ...]:
        """The versions of a message, itself among them, oldest first; those without text yet are left out.

        Raises `UsageError` when there is no such message.
        """
        with self.lock:
            parent = self._conversation.find(message).parent
            versions = [] if parent is None else [node.message for node in parent.children]
            return tuple(version for version in versions if version is not None)

    def show(self, message: Which) -> None:
        """Show the path that holds a message, down to its newest end; the next question goes there.

        An answer that is being written elsewhere is written on. Raises `UsageError` when there is no such message.
        """
        with self.lock:
            self._conversation.show(self._conversation.find(message))
            self._tell(context=self._context_view())

    def delete(self, message: Which) -> None:
        """Delete a message and all that follows from it, from the history too; what runs there is stopped.

        Raises `UsageError` when there is no such message.
        """
        with self.lock:
            conversation = self._conversation
            if conversation.system is not None and id_of(message) == conversation.system.id:
                conversation.set_system("")
                return
            gone = conversation.remove(conversation.find(message))
            self._let_go(gone)
        stop_all(gone)

    def clear(self) -> None:
        """Start an empty transcript; runs are cancelled, the model, the system message and the options stay.

        What was said stays in the history, if it is kept there: this is a new chat, with a `history_id` of its own.
        """
        with self.lock:
            fresh = Recorder(new_id(), private=self._conversation.recorder.private)
            open_chats.drop(self.history_id)
            open_chats.put(fresh.chat, self)
            gone = self._conversation.begin_anew(fresh)
            self._held = self._overflowing = None
            self._notice = self._too_big = None
            self._let_go(gone)
            self._tell(notice=None, too_big=None, consent=None, overflow=None, **self._about())
        stop_all(gone)

    def fork(self, message: Which | None = None) -> Chat:
        """A chat of its own that begins with a copy of what is said up to a message (the last shown, if not given).

        Raises `UsageError` when there is no such message.
        """
        with self.lock:
            conversation = self._conversation
            end = conversation.tree.end() if message is None else conversation.find(message)
            other = Chat(services=self._services, options=self.options, private=self.private, fallback=self._fallback)
            other._info, other._forced = self._model_info(), set(self._forced)
            other._conversation.set_system(self.system)
            other._conversation.title = conversation.called()
            other._conversation.parent = conversation.recorder.chat
            other._conversation.model = other._info.id
            other._means.functions, other._means.mode = self._means.functions, self._means.mode
            other._means.timeout = self._means.timeout
            copies = [copied(node, other._conversation.changed) for node in end.lineage()]
            other._conversation.put_all(copies, other._conversation.tree.ground)
            self._forks.append(other)
        return other

    # What is done with it

    def preview(self, text: str = "") -> Preview:
        """What would be sent with this message: the exact prompt and its tokens for a local model that is in memory,
        the request for a remote one. Nothing is sent, and nothing loaded.
        """
        with self.lock:
            messages = self._conversation.read(self._conversation.tree.end())
            model = self._model_info().id
            options, context = self.options, self.context
            offer, line = self._offer(), self._line()
            parts = [part for each in self._tray.attachments.values() for part in each.parts]
        if text.strip() or parts:
            messages = (*messages, user_message(text, *parts))
        if line and messages:
            messages = with_line(messages, line)
        return previewed(self.services, model, messages, options, context, () if offer is None else offer.tools)

    def save_cache(self, file: str | os.PathLike[str]) -> int:
        """Write what its model has read of the path shown into a file, so that `restore_cache` can spare the reading.

        Gives the tokens saved; 0 where the model holds nothing of it. The file holds what was said: keep it as you
        would the text. Waits for a run that goes on. Raises `StateError` for a model on a server, `FolderError` when
        the file cannot be written.
        """
        with self.lock:
            messages = self._conversation.read(self._conversation.tree.end())
            options, offer, line = self.options, self._offer(), self._line()
        local, model = self._local()
        request = Request(
            messages=with_line(messages, line) if line else messages,
            model=model,
            options=options,
            tools=() if offer is None else offer.tools,
        )
        return local.save_cache(request, Path(file).expanduser())

    def restore_cache(self, file: str | os.PathLike[str]) -> int:
        """Give its model what `save_cache` wrote, loading the model if need be; the next answer begins sooner.

        Gives the tokens restored; 0 where the file is not there, damaged, or of another model: then nothing is lost
        but time. Waits until it is done. Raises `StateError` for a model on a server, and what loading raises.
        """
        local, model = self._local()
        return local.restore_cache(model, Path(file).expanduser())

    def to_frame(self) -> pandas.DataFrame:
        """One row a message shown, the system prompt's included: role, model, text, reasoning, tokens, times, speeds,
        when, which version of how many, calls of tools, and why it failed. Raises `UsageError` without pandas.

        `workbench.sessions.chat_frame.COLUMNS` are its columns; times are in seconds, rates in tokens a second.
        """
        from workbench.sessions import chat_frame

        with self.lock:
            chat, messages = self._conversation.chat(), self._conversation.stored()
        return chat_frame.frame(chat, messages)

    def export(
        self,
        to: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        branches: bool = False,
        code_cells: bool = False,
        answers: bool = True,
    ) -> str | Path:
        """The conversation as text (``"markdown"``, ``"json"``, ``"html"``, ``"notebook"``, ``"python"``), or in a
        file whose suffix says which of them (``.md``, ``.json``, ``.html``, ``.ipynb``, ``.py``). Returns the text, or
        the file's path.

        `workbench.sessions.export.export` says what each format holds, and what `branches`, `code_cells` and `answers`
        change. Raises `UsageError` for another format, and `FolderError` where the file cannot be written, or is there
        already and `overwrite` is not given.
        """
        from workbench.sessions import export

        with self.lock:
            chat, messages = self._conversation.chat(), self._conversation.stored()
        as_text = isinstance(to, str) and to in export.MEDIA_TYPES
        format = str(to) if as_text else export.format_of(to)
        how = {"branches": branches, "code_cells": code_cells, "answers": answers}
        text = export.export(chat, messages, format, **how)
        return text if as_text else export.write(text, to, overwrite=overwrite)

    def close(self) -> None:
        """Cancel what is going on and end the chat's thread. What was said stays readable."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            asked = list(self._conversation.tree.nodes.values())
        stop_all(asked)
        self.stop()
        self._worker.close()

    def choose(self, model: str, *, force: bool = False) -> None:
        """Have another model answer from now on; see `Chooser.choose`. A message that waits for leave is dropped."""
        super().choose(model, force=force)
        with self.lock:
            self._conversation.model = self._model_info().id
            self._conversation.recorder.change(model=self._conversation.model)
            if self._held is not None:
                self._hold(None)

    # What a front end does

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values: what a screen draws."""
        with self.lock:
            going = self._runs.going
            return {
                "chat": self.id,
                **self._choice_view(),
                "messages": self._conversation.views(),
                "run": None if going is None else going.reply.run,
                "run_message": None if going is None else going.node.id,
                "consent": None if self._held is None else self._held.view(),
                "overflow": None if self._overflowing is None else self._overflowing[1].view(),
                "attachments": self._attachment_views(),
                **self._means_fields(),
                **self._about(),
            }

    def html(self) -> str:
        """The transcript as plain HTML, every text escaped; at most 256 KB, the oldest turns left out."""
        with self.lock:
            messages = self._conversation.views()
        return html_copy(self.id, messages)

    def perform(self, command: Command) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        return chat_commands.perform(self, command)

    def __repr__(self) -> str:
        with self.lock:
            model = f" with {self._info.id}" if self._info else ""
            count = len(self.messages)
        return f"<Chat{model}: {count} message{'' if count == 1 else 's'}>"

    def _ipython_display_(self) -> None:
        from workbench import display

        display.show(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from workbench import display

        return display.mimebundle(self)


def chat(
    model: str | None = None,
    *,
    system: str | None = None,
    preset: str | None = None,
    private: bool = False,
    messages: Iterable[Said] = (),
    force: bool = False,
    fallback: bool | None = None,
    tools: Iterable[Callable[..., Any]] = (),
    mode: Mode = "act",
    **options: Any,
) -> Chat:
    """Talk to a model. In a notebook, the chat that ends a cell draws itself: type, and read the answer as it comes.

    Without a model the one that ships inside answers: no key, no download, no network.

        wb.chat()                                        # talk at once
        wb.chat("ollama:llama3.2", system="Be brief.")   # a model of a connected server
        chat = wb.chat(temperature=0, max_tokens=200)    # options of every answer
        chat.send("Hello").result()                      # the same from code

    `model` is a model id, as `models` lists them. `system` tells the model how to behave. `preset` names options kept
    in the settings, `options` go on top of them. A `private` chat is never kept in the history. `messages` are what was
    said before, as ``[("user", "Hello"), ("assistant", "Hi")]``: the chat goes on from there. `force` loads a local
    model even if it does not fit this machine's memory. `fallback` says whether another model may answer when this
    one is not available (a note above the answer says so); ``None`` leaves that to the settings. `tools` are functions
    that the model may call, each after the person has allowed it; `mode` is ``"act"``, ``"ask"`` (talk only: tools are
    not sent) or ``"edit"`` (answers are code for cells). `options` are those
    of `GenerationOptions`: max_tokens, temperature, top_p, top_k, min_p, repetition_penalty, stop, seed,
    context_length, thinking, logprobs.
    Raises `ModelNotFoundError` (the nearest id is named), `OptionError`, and `UsageError` for an unknown preset.
    """
    made = make_options(**options)
    if preset is not None:
        made = settings.preset(preset).merged(made)
    begun = Chat(model, system=system, options=made, private=private, force=force, fallback=fallback)
    begun.tools, begun.mode = tuple(tools), mode
    if messages := tuple(messages):
        begun._begin_with(messages)
    return begun


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise UsageError(f"A message is text, not {type(text).__name__}.")
    if not text.strip():
        raise EmptyPromptError("The message is empty.")


def _rewritten(node: Node, text: str, conversation: Conversation) -> Node:
    """Another version of an answer, or of a summary, that a person wrote."""
    if node.reply is None:
        return Node(plain=system_message(text), edited=True)
    if not node.reply.done:
        raise StateError("This answer is not finished.", next_step="Stop it first.")
    answer = Answer(node.reply.model, node.reply.options)
    answer.status, answer.pieces = "done", [text]
    return Node(reply=ended(answer, conversation.changed), edited=True)
