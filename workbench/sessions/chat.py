"""The chat: owns a transcript, a model and the runs that answer. It knows no widget and no engine."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.commands import Ack, ChooseModel, Command, Hello, ListModels, NewChat, Retry, Send, Stop
from workbench.errors import EmptyPromptError, ErrorInfo, StateError, UsageError, describe
from workbench.events import Event, Failed, Finished, LoadProgress, ReasoningDelta, TextDelta, UsageKnown
from workbench.messages import Message, new_id
from workbench.messages import system as system_message
from workbench.messages import user as user_message
from workbench.model import ModelInfo
from workbench.options import GenerationOptions, make_options
from workbench.request import Request
from workbench.sessions.answer import Answer, Op
from workbench.sessions.catalogue import ModelList, list_models
from workbench.sessions.reply import Reply
from workbench.sessions.transcript import html_copy
from workbench.sessions.worker import Worker

if TYPE_CHECKING:
    from workbench.services import ChatService
    from workbench.services.registry import Services

Observer = Callable[[Op], None]


class Chat:
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
    ) -> None:
        self.id = new_id()
        self.options = options or GenerationOptions()
        """Options of every answer; `send` can put others on top."""
        self.lock = threading.RLock()
        """Held while the state changes and while observers are told."""
        self._system = system_message(system) if system else None
        self._services = services
        self._changed = threading.Condition(self.lock)
        self._worker = Worker(f"chat-{self.id}")
        self._turns: list[_Turn] = []
        self._waiting: list[Reply] = []
        self._running: tuple[Reply, ChatService] | None = None
        self._loading: tuple[str, ChatService] | None = None
        self._observers: list[Observer] = []
        self._closed = False
        self._info: ModelInfo | None = None if model is None else self.services.resolve(model)[1]
        self._follows = False
        """Whether it changes to whatever model is made the current one: none was chosen and nothing was said."""
        self._percent: float | None = None
        self._models: list[ModelInfo] = []
        self._servers: list[dict[str, str]] = []
        self._listing = False
        self._used: int | None = None
        self._notice: ErrorInfo | None = None
        self._too_big: str | None = None
        self._forced = {self._model_info().id} if force else set[str]()

    # What a program does

    def send(self, text: str, **options: Any) -> Reply:
        """Ask; returns the `Reply` at once, while the answer is still to come.

        `options` are those of `GenerationOptions` (``temperature=0``, ``max_tokens=200``, ``seed=1``, ...),
        for this answer only. While another answer is being written, this one queues.
        Raises `EmptyPromptError`, `OptionError`, `ModelNotFoundError` or `StateError` (a closed chat) at once;
        what goes wrong later is the reply's `error`.
        """
        if not isinstance(text, str):
            raise UsageError(f"A message is text, not {type(text).__name__}.")
        if not text.strip():
            raise EmptyPromptError("The message is empty.")
        wanted = self.options.merged(make_options(**options))
        service, model = self._chosen()
        with self.lock:
            return self._ask(self._new_turn(text), wanted, service, model)

    def retry(self, message: str | None = None) -> Reply:
        """Ask again, with the model chosen now, for the answer that a message was (the newest, if not given).

        An answer with no text (failed, or stopped early) is replaced; one with text stays in the transcript,
        and the new one follows. An answer with text from earlier in the conversation is asked for anew at its end.
        Raises `UsageError` when there is no such answer, `StateError` while it is still being written.
        """
        service, model = self._chosen()
        with self.lock:
            turn, old = self._find(message)
            if not old.done:
                raise StateError("This answer is not finished.", next_step="Stop it first.")
            if not old._answer.said_something:
                turn.answers.remove(old)
                return self._ask(turn, old.options, service, model, id=old.id)
            if turn is not self._turns[-1]:
                turn = self._new_turn(turn.user.text)
            return self._ask(turn, old.options, service, model)

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
            going = self._loading if self._running is None else (self._running[0].run, self._running[1])
            if going is None or run not in (None, going[0]):
                return
            if self._running is not None:
                self._running[0]._stopping = True
        going[1].cancel(going[0])

    def clear(self) -> None:
        """Start an empty transcript; runs are cancelled, the model and the system message stay."""
        with self.lock:
            turns, self._turns = self._turns, []
            self._used = self._notice = self._too_big = None
            for turn in turns:
                self._emit([["remove", turn.user.id], *(["remove", reply.id] for reply in turn.answers)])
            self._emit([["state", {"context": self._context(), "notice": None, "too_big": None}]])
            for reply in _replies(turns):
                reply._dropped = True
        for reply in _replies(turns):
            reply.stop()

    def close(self) -> None:
        """Cancel what is going on and end the chat's thread. What was said stays readable."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            turns = tuple(self._turns)
        for reply in _replies(turns):
            reply.stop()
        self.stop()
        self._worker.close()

    @property
    def messages(self) -> tuple[Message, ...]:
        """Everything said so far, oldest first, the system message included; an answer counts from its first text."""
        with self.lock:
            said = [] if self._system is None else [self._system]
            for turn in self._turns:
                said.append(turn.user)
                said.extend(r._answer.message for r in turn.answers if r._answer.said_something)
            return tuple(said)

    @property
    def last(self) -> Reply | None:
        """The newest reply; ``None`` before the first."""
        with self.lock:
            return next((turn.answers[-1] for turn in reversed(self._turns) if turn.answers), None)

    @property
    def model(self) -> str:
        """Id of the model that answers from now on.

        Setting it is `choose`.
        """
        with self.lock:
            return self._model_info().id

    @model.setter
    def model(self, model: str) -> None:
        self.choose(model)

    def choose(self, model: str, *, force: bool = False) -> None:
        """Have another model answer from now on.

        Raises `ModelNotFoundError` (the nearest id is named); a local model is then loaded at once, in the
        background. If that fails, the model before stays and the widget says why. With `force` one that does not
        fit this machine is loaded nevertheless, now and whenever this chat needs it.
        """
        service, info = self.services.resolve(model)
        with self.lock:
            self._check_open()
            before, self._info, self._percent = self._info, info, None
            self._follows = False
            self._notice = self._too_big = None
            superseded = self._loading
            if force:
                self._forced.add(info.id)
            if info.local and info.status != "loaded":
                self._info = msgspec.structs.replace(info, status="loading")
                self._worker.do(partial(self._load, service, info.id, before))
            told = {"model": self._model_view(), "context": self._context(), "notice": None, "too_big": None}
            self._emit([["state", told]])
        if superseded is not None:
            superseded[1].cancel(superseded[0])

    def models(self) -> ModelList:
        """The models there are: on this machine, and offered by connected servers (asked now)."""
        found = list_models(self.services)
        with self.lock:
            self._models = list(found)
            self._servers = [
                {"name": name, "message": error.message, "next_step": error.next_step}
                for name, error in found.errors.items()
            ]
            if self._info is not None and self._loading is None and self._running is None:
                self._info = next((m for m in found if m.id == self._info.id), self._info)
            models = [_model_view(m) for m in self._models]
            self._emit([["state", {"models": models, "servers": self._servers, "model": self._model_view()}]])
        return found

    @property
    def services(self) -> Services:
        """Who can answer: the services of this process, unless the chat was given its own."""
        if self._services is None:
            from workbench.services.registry import default

            self._services = default()
        return self._services

    # What a front end does

    def view(self) -> dict[str, Any]:
        """The whole state as JSON-ready values: what a screen draws."""
        with self.lock:
            running = self._running[0] if self._running else None
            return {
                "chat": self.id,
                "model": self._model_view(),
                "models": [_model_view(m) for m in self._models],
                "servers": self._servers,
                "listing": self._listing,
                "messages": self._message_views(),
                "run": running and running.run,
                "run_message": running and running.id,
                "context": self._context(),
                "notice": msgspec.to_builtins(self._notice),
                "too_big": self._too_big,
            }

    def html(self) -> str:
        """The transcript as plain HTML, every text escaped; at most 256 KB, the oldest turns left out."""
        return html_copy(self.id, self._message_views())

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Be told of every change, in order, as an operation on `view`; returns what ends it.

        The observer is called under `lock`, on whatever thread made the change, and must not block.
        """
        with self.lock:
            self._observers.append(observer)
        return partial(self._unobserve, observer)

    def perform(self, command: Command) -> Ack:
        """Do what a front end asks. Never raises: what is wrong with it is in the answer."""
        try:
            match command:
                case Hello():
                    pass
                case Send():
                    self.send(command.text)
                case Stop():
                    self.stop(command.run)
                case Retry():
                    self.retry(command.message)
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

    # One run, and one load

    def _new_turn(self, text: str) -> _Turn:
        self._check_open()
        turn = _Turn(user_message(text))
        self._turns.append(turn)
        self._emit([["message", _plain_view(turn.user)]])
        return turn

    def _ask(
        self, turn: _Turn, options: GenerationOptions, service: ChatService, model: str, *, id: str | None = None
    ) -> Reply:
        self._check_open()
        answer = Answer(model, options, id=id)
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
            self._emit([["state", {"notice": None, "too_big": None}]])
        self._worker.do(partial(self._answer, turn, reply, service))
        return reply

    def _answer(self, turn: _Turn, reply: Reply, service: ChatService) -> None:
        """Pull one run to its end, on the chat's thread."""
        with self.lock:
            if reply.done:
                return
            self._waiting.remove(reply)
            self._running = (reply, service)
            request = Request(
                messages=self._said_before(turn),
                model=reply.model,
                run=reply.run,
                options=reply.options,
                force=reply.model in self._forced,
            )
            if reply.status != "prefill":
                self._emit([reply._answer.patch(status="prefill", position=None)])
            self._renumber()
            self._emit([["state", {"run": reply.run, "run_message": reply.id}]])
        try:
            self._pull(reply, service, request)
        except Exception as error:
            self._take(reply, Failed(run=reply.run, error=describe(error)))
        with self.lock:
            self._running = None
            self._emit([["state", {"run": None, "run_message": None}]])
            self._end(reply)

    def _pull(self, reply: Reply, service: ChatService, request: Request) -> None:
        stream = service.stream(request)
        told = False
        try:
            for event in stream:
                self._take(reply, event)
                if reply._answer.ended:
                    return
                if reply._stopping and not told:  # a stop that came before the service knew the run
                    told = True
                    service.cancel(reply.run)
        finally:
            close = getattr(stream, "close", None)
            if close is not None:
                close()
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
        elif isinstance(event, Finished | Failed) and self._info and self._info.local and self._info.id == reply.model:
            status = self._info.status
            if isinstance(event, Finished) and event.reason != "cancelled":
                status = "loaded"
            elif status == "loading":
                status = "failed" if isinstance(event, Failed) else "ready"
            if status != self._info.status:
                self._set_model(msgspec.structs.replace(self._info, status=status), None)
        if isinstance(event, UsageKnown | Finished) and event.usage.prompt_tokens is not None:
            self._used = event.usage.prompt_tokens + (event.usage.completion_tokens or 0)
            self._emit([["state", {"context": self._context()}]])

    def _load(self, service: ChatService, model: str, before: ModelInfo | None) -> None:
        """Bring a chosen model into memory, on the chat's thread, unless another was chosen since."""
        run = new_id()
        with self.lock:
            if self._info is None or self._info.id != model:
                return
            self._loading = (run, service)
        loaded = True
        error: ErrorInfo | None = None
        try:
            for event in service.load(model, run=run, force=model in self._forced):
                with self.lock:
                    if isinstance(event, LoadProgress):
                        self._model_progress(event)
                    elif isinstance(event, Failed):
                        loaded, error = False, event.error
                    elif isinstance(event, Finished):
                        loaded = False  # cancelled
        except Exception as raised:
            loaded, error = False, describe(raised)
        with self.lock:
            self._loading = None
            if self._info.id != model:
                return
            if loaded:
                self._set_model(msgspec.structs.replace(self._info, status="loaded"), None)
            else:
                self._notice = error
                self._too_big = model if error is not None and error.kind == "ModelTooBigError" else None
                self._set_model(before, None)
                self._emit([["state", {"notice": msgspec.to_builtins(error), "too_big": self._too_big}]])

    def _model_progress(self, event: LoadProgress) -> None:
        if self._info is None or event.model != self._info.id:
            return
        if event.seconds is not None:
            self._set_model(msgspec.structs.replace(self._info, status="loaded"), None)
        else:
            percent = round(100 * event.done / event.total, 1) if event.total else None
            self._set_model(msgspec.structs.replace(self._info, status="loading"), percent)

    def _set_model(self, info: ModelInfo | None, percent: float | None) -> None:
        self._info, self._percent = info, percent
        self._emit([["state", {"model": self._model_view(), "context": self._context()}]])

    def _list_in_background(self) -> None:
        with self.lock:
            if self._listing:
                return
            self._listing = True
            self._emit([["state", {"listing": True}]])
        threading.Thread(target=self._list, name=f"list-{self.id}", daemon=True).start()

    def _list(self) -> None:
        try:
            self.models()
        except Exception as error:
            with self.lock:
                self._notice = describe(error)
                self._emit([["state", {"notice": msgspec.to_builtins(self._notice)}]])
        finally:
            with self.lock:
                self._listing = False
                self._emit([["state", {"listing": False}]])

    # Small questions; the lock is held

    def _chosen(self) -> tuple[ChatService, str]:
        """Who answers, with which model; asked anew each time: a server may have been connected again."""
        with self.lock:
            self._check_open()
            model = self._model_info().id
        service, info = self.services.resolve(model)
        return service, info.id

    def _model_info(self) -> ModelInfo:
        if self._info is None:
            self._info = self.services.resolve(None)[1]
            self._follows = True
            self.services.follow(self._use_current)
        return self._info

    def _use_current(self, info: ModelInfo) -> None:
        """Change to the new current model, unless one was chosen here or something was said."""
        with self.lock:
            if self._follows and not self._turns and not self._closed:
                self._set_model(info, None)

    def _said_before(self, turn: _Turn) -> tuple[Message, ...]:
        """What the model reads: the system message, each question with its newest answer, this question."""
        said = [] if self._system is None else [self._system]
        for earlier in self._turns:
            if earlier is turn:
                break
            answers = [r._answer for r in earlier.answers if r._answer.ended and r._answer.said_something]
            if answers:
                said += [earlier.user, answers[-1].message]
        return (*said, turn.user)

    def _message_views(self) -> list[dict[str, Any]]:
        with self.lock:
            said = [] if self._system is None else [_plain_view(self._system)]
            for turn in self._turns:
                said.append(_plain_view(turn.user))
                said.extend(r._answer.view() for r in turn.answers)
            return said

    def _find(self, message: str | None) -> tuple[_Turn, Reply]:
        for turn in reversed(self._turns):
            for reply in reversed(turn.answers):
                if message in (None, reply.id):
                    return turn, reply
        raise UsageError("There is no such answer to ask for again.")

    def _renumber(self) -> None:
        ahead = 1 if self._running else 0
        for place, reply in enumerate(self._waiting, ahead):
            if reply._answer.position not in (None, place):
                self._emit([reply._answer.patch(position=place)])

    def _context(self) -> dict[str, int | None]:
        return {"used": self._used, "limit": self._info.context_length if self._info else None}

    def _model_view(self) -> dict[str, Any] | None:
        try:
            return _model_view(self._model_info(), self._percent)
        except Exception as error:
            self._notice = describe(error)
            return None

    def _check_open(self) -> None:
        if self._closed:
            raise StateError("This chat is closed.", next_step="wb.chat() starts another.")

    def _unobserve(self, observer: Observer) -> None:
        with self.lock:
            if observer in self._observers:
                self._observers.remove(observer)

    def _emit(self, ops: Iterable[Op]) -> None:
        for op in ops:
            for observer in tuple(self._observers):
                try:
                    observer(op)
                except Exception:
                    logging.getLogger(__name__).exception("An observer of a chat failed")


def chat(model: str | None = None, *, system: str | None = None, force: bool = False, **options: Any) -> Chat:
    """Talk to a model. In a notebook, the chat that ends a cell draws itself: type, and read the answer as it comes.

    Without a model the one that ships inside answers: no key, no download, no network.

        wb.chat()                                        # talk at once
        wb.chat("ollama:llama3.2", system="Be brief.")   # a model of a connected server
        chat = wb.chat(temperature=0, max_tokens=200)    # options of every answer
        chat.send("Hello").result()                      # the same from code

    `model` is a model id, as `models` lists them. `system` tells the model how to behave. `force` loads a local
    model even if it does not fit this machine's memory. `options` are those of `GenerationOptions`: max_tokens,
    temperature, top_p, top_k, min_p, repetition_penalty, stop, seed, context_length, thinking.
    Raises `ModelNotFoundError` (the nearest id is named) and `OptionError`.
    """
    return Chat(model, system=system, options=make_options(**options), force=force)


class _Turn:
    """One question and the answers it got."""

    __slots__ = ("answers", "user")

    def __init__(self, user: Message) -> None:
        self.user = user
        self.answers: list[Reply] = []


def _replies(turns: Iterable[_Turn]) -> list[Reply]:
    return [reply for turn in turns for reply in turn.answers]


def _stop_run(chat: weakref.ref[Chat], run: str) -> None:
    alive = chat()
    if alive is not None:
        alive.stop(run)


def _plain_view(message: Message) -> dict[str, Any]:
    """A person's or a system message as the front end reads it."""
    view = Answer("", GenerationOptions(), id=message.id).view()
    said = {"role": message.role, "model": None, "text": message.text, "status": "done", "run": None}
    return view | said


def _model_view(info: ModelInfo, percent: float | None = None) -> dict[str, Any]:
    """A model as the front end reads it; `percent` is how much of it is loaded."""
    fields = msgspec.to_builtins(info, order="sorted")
    return {**fields, "local": info.local, "percent": percent}
