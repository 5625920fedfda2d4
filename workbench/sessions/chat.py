"""The chat: owns a transcript and the runs that answer. It knows no widget and no engine.

Its model, and what there is to choose from, is its base, `workbench.sessions.chosen.Chooser`.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.commands import Ack, Allow, ChooseModel, Command, Hello, ListModels, NewChat, Refuse, Retry, Send, Stop
from workbench.errors import (
    ConsentNeededError,
    EmptyPromptError,
    ErrorInfo,
    ModelError,
    StateError,
    UsageError,
    describe,
)
from workbench.events import Event, Failed, Finished, LoadProgress, Notice, ReasoningDelta, TextDelta, UsageKnown
from workbench.messages import Message
from workbench.messages import system as system_message
from workbench.messages import user as user_message
from workbench.model import ModelInfo, Status
from workbench.options import GenerationOptions, make_options
from workbench.request import Request
from workbench.services import consent
from workbench.services.address import place
from workbench.services.fallback import Run
from workbench.sessions import turns
from workbench.sessions.answer import Answer
from workbench.sessions.chosen import Chooser
from workbench.sessions.reply import Reply
from workbench.sessions.transcript import html_copy
from workbench.sessions.turns import Turn

if TYPE_CHECKING:
    from workbench.services import ChatService
    from workbench.services.registry import Services


class Chat(Chooser):
    """A conversation with a model. `chat` makes one; displaying it in a notebook draws its widget.

    A script, a cell and the widget call the same methods, and the runs of one chat go one after another on
    one thread of its own: a second `send` queues.

        chat = wb.chat()
        reply = chat.send("Hello")      # returns at once
        reply.result()                  # waits, and returns the text
        chat.messages                   # everything said
        chat.model = "ollama:llama3.2"  # answers from now on
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        system: str | None = None,
        options: GenerationOptions | None = None,
        services: Services | None = None,
        force: bool = False,
        fallback: bool | None = None,
    ) -> None:
        super().__init__(model, services=services, force=force, name="chat")
        self.options = options or GenerationOptions()
        """Options of every answer; `send` can put others on top."""
        self._fallback = fallback
        self._system = system_message(system) if system else None
        self._changed = threading.Condition(self.lock)
        self._turns: list[Turn] = []
        self._waiting: list[Reply] = []
        self._running: tuple[Reply, Run] | None = None
        self._held: _Held | None = None
        self._closed = False
        self._used: int | None = None

    # What a program does

    def send(self, text: str, **options: Any) -> Reply:
        """Ask; returns the `Reply` at once, while the answer is still to come.

        `options` are those of `GenerationOptions` (``temperature=0``, ``max_tokens=200``, ``seed=1``, ...),
        for this answer only. While another answer is being written, this one queues.
        Raises `EmptyPromptError`, `OptionError`, `ConsentNeededError` (it would leave this machine, and nobody has
        allowed that) or `StateError` (a closed chat) at once; what goes wrong later is the reply's `error`.
        If the model is not available, the fallback of the settings answers, and the reply's `notes` say so.
        """
        return self._send(text, self.options.merged(make_options(**options)))

    def retry(self, message: str | None = None) -> Reply:
        """Ask again, with the model chosen now, for the answer that a message was (the newest, if not given).

        An answer with no text (failed, or stopped early) is replaced; one with text stays in the transcript,
        and the new one follows. An answer with text from earlier in the conversation is asked for anew at its end.
        Raises `UsageError` when there is no such answer, `StateError` while it is still being written.
        """
        return self._retry(message)

    def stop(self, run: str | None = None) -> None:
        """Cancel a run, by its id; without one, the run being answered, or the load going on.

        What was written stays. Runs that have ended are ignored.
        """
        with self.lock:
            for reply in self._waiting:
                if reply.run == run:
                    self._waiting.remove(reply)
                    self._take(reply, Finished(run=reply.run, reason="cancelled"))
                    self._renumber()
                    self._end(reply)
                    return
            if self._running is not None and run in (None, self._running[0].run):
                self._running[0]._stopping = True
                cancel = self._running[1].cancel
            elif self._running is None and self._loading is not None and run in (None, self._loading[0]):
                cancel = partial(self._loading[1].cancel, self._loading[0])
            else:
                return
        cancel()

    def clear(self) -> None:
        """Start an empty transcript; runs are cancelled, the model and the system message stay."""
        with self.lock:
            gone, self._turns = self._turns, []
            self._used = self._notice = self._too_big = self._held = None
            for turn in gone:
                self._emit([["remove", turn.user.id], *(["remove", reply.id] for reply in turn.answers)])
            self._tell(context=self._context(), notice=None, too_big=None, consent=None)
            for reply in turns.replies(gone):
                reply._dropped = True
        for reply in turns.replies(gone):
            reply.stop()

    def close(self) -> None:
        """Cancel what is going on and end the chat's thread. What was said stays readable."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            asked = turns.replies(self._turns)
        for reply in asked:
            reply.stop()
        self.stop()
        self._worker.close()

    @property
    def messages(self) -> tuple[Message, ...]:
        """Everything said so far, oldest first, the system message included; an answer counts from its first text."""
        with self.lock:
            return turns.said(self._system, self._turns)

    @property
    def last(self) -> Reply | None:
        """The newest reply; ``None`` before the first."""
        with self.lock:
            return next((turn.answers[-1] for turn in reversed(self._turns) if turn.answers), None)

    # What a front end does

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values: what a screen draws."""
        with self.lock:
            running = self._running[0] if self._running else None
            return {
                "chat": self.id,
                **self._choice_view(),
                "messages": turns.views(self._system, self._turns),
                "run": running and running.run,
                "run_message": running and running.id,
                "context": self._context(),
                "consent": self._held and self._held.view(),
            }

    def html(self) -> str:
        """The transcript as plain HTML, every text escaped; at most 256 KB, the oldest turns left out."""
        with self.lock:
            messages = turns.views(self._system, self._turns)
        return html_copy(self.id, messages)

    def perform(self, command: Command) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        try:
            match command:
                case Hello():
                    pass
                case Send() | Retry():
                    self._do_or_hold(command)
                case Allow():
                    self._allow(command.always)
                case Refuse():
                    self._drop_held()
                case Stop():
                    self.stop(command.run)
                case ChooseModel():
                    self.choose(command.model, force=command.force)
                case ListModels():
                    self._list_in_background()
                case NewChat():
                    self.clear()
        except Exception as error:
            return Ack(id=command.id, ok=False, error=describe(error))
        return Ack(id=command.id, ok=True)

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

    def choose(self, model: str, *, force: bool = False) -> None:
        """Have another model answer from now on; see `Chooser.choose`. A message that waits for leave is dropped."""
        super().choose(model, force=force)
        self._drop_held()

    # A message that waits for leave to leave this machine

    def _do_or_hold(self, command: Send | Retry, leave: str | None = None) -> None:
        """What a front end asks; if it needs leave, it is held until the person has said whether."""
        with self.lock:
            if self._held is not None:
                raise StateError("Another message waits for your leave.", next_step="Answer that first.")
        try:
            if isinstance(command, Send):
                self._send(command.text, self.options, leave)
            else:
                self._retry(command.message, leave)
        except ConsentNeededError:
            with self.lock:
                service, info = self.services.resolve(self.model)
                self._held = _Held(command, info.id, getattr(service, "url", ""))
                self._tell(consent=self._held.view())

    def _allow(self, always: bool) -> None:
        with self.lock:
            held, self._held = self._held, None
        if held is None:
            raise StateError("No message waits for leave.")
        try:
            if always:
                consent.allow(held.url, always=True)
            self._do_or_hold(held.command, held.url)
        finally:
            with self.lock:
                self._tell(consent=self._held and self._held.view())

    def _drop_held(self) -> None:
        with self.lock:
            if self._held is not None:
                self._held = None
                self._tell(consent=None)

    # One run

    def _send(self, text: str, options: GenerationOptions, leave: str | None = None) -> Reply:
        if not isinstance(text, str):
            raise UsageError(f"A message is text, not {type(text).__name__}.")
        if not text.strip():
            raise EmptyPromptError("The message is empty.")
        asked = self._who(leave)
        with self.lock:
            return self._ask(self._new_turn(text), options, asked)

    def _retry(self, message: str | None, leave: str | None = None) -> Reply:
        asked = self._who(leave)
        with self.lock:
            turn, old = turns.find(self._turns, message)
            if not old.done:
                raise StateError("This answer is not finished.", next_step="Stop it first.")
            if not old._answer.said_something:
                turn.answers.remove(old)
                return self._ask(turn, old.options, asked, id=old.id)
            if turn is not self._turns[-1]:
                turn = self._new_turn(turn.user.text)
            return self._ask(turn, old.options, asked)

    def _new_turn(self, text: str) -> Turn:
        self._check_open()
        turn = Turn(user_message(text))
        self._turns.append(turn)
        self._emit([["message", turns.plain_view(turn.user)]])
        return turn

    def _ask(self, turn: Turn, options: GenerationOptions, who: _Who, *, id: str | None = None) -> Reply:
        self._check_open()
        answer = Answer(who.model, options, id=id)
        before = len(self._waiting) + (self._running is not None)
        if before:
            answer.patch(status="queued", position=before)
        elif self._info is not None and self._info.status == "loading":
            answer.patch(status="loading")
        reply = Reply(answer, self._changed, partial(_stop_run, weakref.ref(self)))
        turn.answers.append(reply)
        self._waiting.append(reply)
        self._emit([["message", answer.view()]])
        if self._notice is not None:
            self._notice = self._too_big = None
            self._tell(notice=None, too_big=None)
        self._worker.do(partial(self._answer, turn, reply, who))
        return reply

    def _answer(self, turn: Turn, reply: Reply, who: _Who) -> None:
        """Pull one run to its end, on the chat's thread."""
        with self.lock:
            if reply.done:
                return
            self._waiting.remove(reply)
            request = Request(
                messages=turns.said_before(self._system, self._turns, turn),
                model=reply.model,
                run=reply.run,
                options=reply.options,
                force=reply.model in self._forced,
            )
            run = Run(self.services, request, who.service, missing=who.missing, substitute=self._fallback)
            self._running = (reply, run)
            if reply.status != "prefill":
                self._emit([reply._answer.patch(status="prefill", position=None)])
            self._renumber()
            self._tell(run=reply.run, run_message=reply.id)
        try:
            self._pull(reply, run)
        except Exception as error:
            self._take(reply, Failed(run=reply.run, error=describe(error)))
        with self.lock:
            self._running = None
            self._tell(run=None, run_message=None)
            self._end(reply)

    def _pull(self, reply: Reply, run: Run) -> None:
        with closing(run.events()) as events:
            for event in events:
                self._take(reply, event)
                if reply._answer.ended:
                    return
        cut = ErrorInfo(kind="StreamCutError", message="The answer broke off before its end.", next_step="Try again.")
        self._take(reply, Failed(run=reply.run, error=cut))

    def _take(self, reply: Reply, event: Event) -> None:
        with self.lock:
            if reply._stopping and isinstance(event, TextDelta | ReasoningDelta):
                return  # late: it was stopped
            ops = reply._answer.fold(event)
            if not reply._dropped:
                self._emit(ops)
                self._note_of_run(reply, event)
            self._changed.notify_all()

    def _end(self, reply: Reply) -> None:
        """Let go of those who wait for it; the last thing that happens to a run."""
        reply._ended.set()
        self._changed.notify_all()

    def _note_of_run(self, reply: Reply, event: Event) -> None:
        """What a run's events say of the chat itself: its model's state, the context in use."""
        if isinstance(event, LoadProgress):
            self._model_progress(event)
        elif isinstance(event, Notice) and event.code == "fallback":
            asked = self._running[1].model if self._running else None
            if self._info is not None and self._info.id == asked:
                self._set_status("failed" if self._info.local else "down")
        elif isinstance(event, Finished | Failed) and self._info is not None and self._info.id == reply.model:
            self._set_status(_status_after(event, self._info))
        if isinstance(event, UsageKnown | Finished) and event.usage.prompt_tokens is not None:
            self._used = event.usage.prompt_tokens + (event.usage.completion_tokens or 0)
            self._tell(context=self._context())

    # Small questions; the lock is held

    def _who(self, leave: str | None) -> _Who:
        """Who answers, with which model; asked anew each time: a server may have been connected again.

        Raises `ConsentNeededError` where the message would leave this machine and nobody has allowed that; `leave`
        is the address allowed for this message.
        """
        with self.lock:
            self._check_open()
            model = self._model_info().id
        try:
            service, info = self.services.resolve(model)
        except ModelError as error:
            return _Who(model, None, error.info)
        url = getattr(service, "url", None)
        if url is not None and url != leave:
            consent.check(url)
        return _Who(info.id, service)

    def _may_follow(self) -> bool:
        return not self._turns and not self._closed

    def _busy(self) -> bool:
        return self._running is not None

    def _model_fields(self) -> dict[str, Any]:
        return {**super()._model_fields(), "context": self._context()}

    def _renumber(self) -> None:
        ahead = 1 if self._running else 0
        for number, reply in enumerate(self._waiting, ahead):
            if reply._answer.position not in (None, number):
                self._emit([reply._answer.patch(position=number)])

    def _context(self) -> dict[str, int | None]:
        return {"used": self._used, "limit": self._info.context_length if self._info else None}

    def _check_open(self) -> None:
        if self._closed:
            raise StateError("This chat is closed.", next_step="wb.chat() starts another.")


def chat(
    model: str | None = None,
    *,
    system: str | None = None,
    force: bool = False,
    fallback: bool | None = None,
    **options: Any,
) -> Chat:
    """Talk to a model. In a notebook, the chat that ends a cell draws itself: type, and read the answer as it comes.

    Without a model the one that ships inside answers: no key, no download, no network.

        wb.chat()                                        # talk at once
        wb.chat("ollama:llama3.2", system="Be brief.")   # a model of a connected server
        chat = wb.chat(temperature=0, max_tokens=200)    # options of every answer
        chat.send("Hello").result()                      # the same from code

    `model` is a model id, as `models` lists them. `system` tells the model how to behave. `force` loads a local
    model even if it does not fit this machine's memory. `fallback` says whether another model may answer when this
    one is not available (a note above the answer says so); ``None`` leaves that to the settings. `options` are those
    of `GenerationOptions`: max_tokens, temperature, top_p, top_k, min_p, repetition_penalty, stop, seed,
    context_length, thinking.
    Raises `ModelNotFoundError` (the nearest id is named) and `OptionError`.
    """
    return Chat(model, system=system, options=make_options(**options), force=force, fallback=fallback)


class _Who(NamedTuple):
    """Who is asked, with which model; without a service, why there is none."""

    model: str
    service: ChatService | None
    missing: ErrorInfo | None = None


class _Held(NamedTuple):
    """What a front end asked, and the address it would go to."""

    command: Send | Retry
    model: str
    url: str

    def view(self) -> dict[str, str]:
        """As the front end reads it."""
        text = self.command.text if isinstance(self.command, Send) else ""
        return {"place": place(self.url), "model": self.model, "text": text}


def _stop_run(chat: weakref.ref[Chat], run: str) -> None:
    alive = chat()
    if alive is not None:
        alive.stop(run)


def _status_after(event: Finished | Failed, info: ModelInfo) -> Status:
    """How a model is after a run of its own that ended so."""
    if isinstance(event, Finished) and event.reason != "cancelled":
        return "loaded" if info.local else "ready" if info.status == "down" else info.status
    if info.status == "loading":
        return "failed" if isinstance(event, Failed) else "ready"
    return info.status
