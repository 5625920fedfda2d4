"""How a chat asks, and what it hears of its runs. Knows no command, and nothing of what a program may call."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import msgspec

from workbench.errors import ErrorInfo, ModelError, StateError, UsageError
from workbench.events import Event, Failed, Finished, LoadProgress, Notice, UsageKnown
from workbench.messages import Image, Message, Part
from workbench.messages import user as user_message
from workbench.model import ModelInfo, Status
from workbench.options import GenerationOptions
from workbench.services import consent
from workbench.sessions import open_chats
from workbench.sessions.acting import Acting, Means
from workbench.sessions.answer import Answer, Op
from workbench.sessions.attaching import sight
from workbench.sessions.attaching.tray import Tray
from workbench.sessions.audience import Audience
from workbench.sessions.conversation import Which, id_of
from workbench.sessions.held import Held, leave
from workbench.sessions.overflow import How, Overflowing
from workbench.sessions.reply import Reply
from workbench.sessions.runs import Heard, Job, Runs, Who, stop_run
from workbench.sessions.structured.wanted import Wanted
from workbench.sessions.tools.offer import Offer
from workbench.sessions.tree import Node

if TYPE_CHECKING:
    from workbench.services.local import LocalChatService
    from workbench.services.registry import Services
    from workbench.sessions.chat import Chat

GONE = ErrorInfo(
    kind="ChatNotFoundError",
    message="This chat was deleted from the history elsewhere. It stays here, and is no longer kept.",
    next_step="Keep it again, if you want it back.",
    retryable=False,
)


class Talk(Acting):
    """Base of a chat: its runs, and what is told of them."""

    def __init__(
        self,
        model: str | None = None,
        *,
        system: str | None = None,
        options: GenerationOptions | None = None,
        services: Services | None = None,
        force: bool = False,
        fallback: bool | None = None,
        private: bool = False,
        id: str | None = None,
        lock: threading.RLock | None = None,
    ) -> None:
        super().__init__(
            model,
            system=system,
            options=options,
            services=services,
            force=force,
            private=private,
            id=id,
            lock=lock,
        )
        self._means = Means()
        alive = weakref.ref(self)
        heard = Heard(
            event=partial(_passed_on, alive, "_heard_event"),
            running=partial(_passed_on, alive, "_heard_running"),
            overflow=partial(_passed_on, alive, "_heard_overflow"),
            raised=partial(_passed_on, alive, "_heard_raised"),
            gone=partial(_passed_on, alive, "_heard_gone"),
        )
        self._runs = Runs(self._audience, self._conversation, self._worker, heard)
        self._fallback = fallback
        self._overflowing: tuple[Job, Overflowing] | None = None
        self._held: Held | None = None
        self._tray = Tray()
        self._forks: list[Chat] = []
        """Chats forked from this one: they live as long as it does, whether they are kept or not."""
        open_chats.put(self.id, cast("Chat", self))

    # Asking; the lock is held

    def _ask(
        self,
        text: str,
        parent: Node,
        who: Who,
        own: GenerationOptions,
        *,
        next: bool = False,
        note: str = "",
        parts: Iterable[Part] = (),
        offer: Offer | None = None,
        wanted: Wanted | None = None,
    ) -> Reply:
        """Put a question below a message, and have it answered; `parts` come with its text, `offer` is what may be
        called for it alone, and `wanted` the shape of its answer.
        """
        self._check_open()
        said = user_message(text, *parts)
        self._check_sight(who, parent, said)
        self._conversation.model = who.model
        node = Node(plain=said, own=own)
        node.offer, node.wanted = offer, wanted
        question = self._conversation.put(node, parent)
        return self._answer(question, who, own, next=next, note=note)

    def _answer(
        self,
        question: Node,
        who: Who,
        own: GenerationOptions,
        *,
        instead: Node | None = None,
        continues: Node | None = None,
        begun: Answer | None = None,
        next: bool = False,
        note: str = "",
        how: How | None = None,
    ) -> Reply:
        """Have a question answered: beside its other answers, or `instead` of one without text."""
        self._check_open()
        self._check_sight(who, question)
        answer = Answer(who.model, self._conversation.options.merged(own), id=None if instead is None else instead.id)
        wanted = question.shape_wanted()
        answer.shape = None if wanted is None else wanted.shape
        if continues is not None and continues.reply is not None:
            answer.begin(continues.reply._answer)
        if begun is not None:
            answer.begin(begun)
        if note:
            answer.notes.append(Notice(run=answer.run, code="note", message=note))
        going = self._runs.going is not None
        before = going if next else len(self._runs.waiting) + going
        if before:
            answer.patch(status="queued", position=int(before))
        elif self._info is not None and self._info.status == "loading":
            answer.patch(status="loading")
        offer = question.offer or self._offer()
        stop = partial(stop_run, weakref.ref(self._runs))
        reply = Reply(answer, self._conversation.changed, stop, offer=offer, watched=partial(_there, self._audience))
        node = instead
        if node is None:
            node = self._conversation.put(Node(reply=reply, own=own), question)
        else:
            self._conversation.replace(node, reply)
        if self._notice not in (None, GONE) or self._overflowing is not None:
            self._notice = GONE if self._notice == GONE else None  # that stays, until it is kept again
            self._too_big = self._overflowing = None
            self._tell(notice=msgspec.to_builtins(self._notice), too_big=None, overflow=None)
        self._runs.ask(
            Job(
                node=node,
                reply=reply,
                who=who,
                services=self.services,
                force=who.model in self._forced,
                fallback=self._fallback,
                continues=continues,
                begun=begun,
                how=how or self._overflow,
                offer=offer,
                line=self._line(),
                wanted=wanted,
            ),
            next=next,
        )
        self._tell(**self._kept_fields())
        return reply

    def _question_of(self, message: Which | None) -> tuple[Node, Node | None]:
        """A question and the answer that a message is of it; without one, the newest shown.

        Raises `UsageError`, and `StateError` while it is being written.
        """
        nothing = UsageError("There is no such answer to ask for again.")
        if message is None:
            node = next((n for n in reversed(self._conversation.path) if n.role != "system"), None)
        else:
            node = self._conversation.tree.nodes.get(id_of(message))
        if node is None:
            raise nothing
        if node.role == "user":
            return node, None
        if node.parent is None or node.parent.role != "user" or node.reply is None:
            raise nothing
        if not node.reply.done:
            raise StateError("This answer is not finished.", next_step="Stop it first.")
        return node.parent, node

    def _who(self, model: str | None = None) -> Who:
        """Who answers, with which model; asked anew each time: a server may have been connected again.

        Raises `ConsentNeededError` where the message would leave this machine and nobody has allowed that.
        """
        with self.lock:
            self._check_open()
            chosen = model is None
            model = model or self._model_info().id
        try:
            service, info = self.services.resolve(model)
        except ModelError as error:
            if not chosen:
                raise
            return Who(model, None, error.info)
        url = getattr(service, "url", None)
        if url is not None and url != leave.get():
            consent.check(url)
        return Who(info.id, service)

    def _check_sight(self, who: Who, node: Node, *said: Message) -> None:
        """Raise `UsageError` where a model that sees no pictures would be sent one."""
        if who.service is None:
            return  # another one answers, if any
        path = (*(each.plain for each in node.lineage() if each.plain is not None), *said)
        if any(isinstance(part, Image) for message in path for part in message.parts):
            sight.check(self.services.resolve(who.model)[1], path)

    def _local(self) -> tuple[LocalChatService, str]:
        """The service of a model on this machine, and the model's id. Raises `StateError`."""
        from workbench.services.local import LocalChatService

        service, info = self.services.resolve(self.model)
        if not isinstance(service, LocalChatService):
            raise StateError(f"What {info.id} has read is kept by its server.")
        return service, info.id

    def _settle_overflow(self, choice: str) -> None:
        """Do what the person chose for the message that does not fit. Raises as `_who`, and `StateError`."""
        with self.lock:
            waiting = self._overflowing
        if waiting is None:
            raise StateError("No message waits for a choice.")
        job, found = waiting
        if choice != "cancel" and not found.choice(choice).able:
            raise StateError(found.choice(choice).words)
        who = None if choice == "cancel" else self._who(job.who.model)
        with self.lock:
            self._overflowing = None
            self._tell(overflow=None)
            if who is None:
                return
            if choice == "drop":
                self._overflow = "drop"
            if choice == "new":
                self._conversation.branch_off(job.node, job.question)
            how: How | None = choice if choice in ("drop", "summarise", "raise") else None  # type: ignore[assignment]  # just looked
            question = job.node.parent or job.question
            self._answer(
                question, who, job.node.own, instead=job.node, continues=job.continues, begun=job.begun, how=how
            )

    def _tell_message(self, message: str, op: Op) -> None:
        """Tell of a change of a message that no run made, if it is shown."""
        node = self._conversation.tree.nodes.get(message)
        if node is not None and self._conversation.shows(node):
            self._audience.emit([op])

    def _hold(self, held: Held | None) -> None:
        """Have a message wait for leave, or none."""
        with self.lock:
            self._held = held
            self._tell(consent=None if held is None else held.view())

    def _let_go(self, nodes: Iterable[Node]) -> None:
        """Hear no more of these messages, which are gone."""
        gone = set()
        for node in nodes:
            gone.add(node.id)
            if node.reply is not None:
                node.reply._dropped = True
        if self._overflowing is not None and self._overflowing[0].node.id in gone:
            self._overflowing = None
            self._tell(overflow=None)
        self._tell(context=self._context_view(), title=self._conversation.called())

    # What is heard of the runs, under the lock

    def _heard_event(self, job: Job, asked: str, event: Event) -> None:
        """What a run's events say of the chat itself: its model's state, the context in use."""
        if isinstance(event, LoadProgress):
            self._model_progress(event)
        elif isinstance(event, Notice) and event.code == "fallback":
            if self._info is not None and self._info.id == asked:
                self._set_status("failed" if self._info.local else "down")
        elif isinstance(event, Finished | Failed) and self._info is not None and self._info.id == job.reply.model:
            applied = event.applied.context_length if isinstance(event, Finished) and self._info.local else None
            if applied is not None and applied != self._info.context_length:  # as it was loaded for this run
                self._set_model(msgspec.structs.replace(self._info, context_length=applied))
            self._set_status(_status_after(event, self._info))
        if isinstance(event, UsageKnown | Finished) and event.usage.prompt_tokens is not None:
            self._tell(context=self._context_view())

    def _heard_running(self) -> None:
        going = self._runs.going
        self._tell(run=going and going.reply.run, run_message=going and going.node.id, **self._kept_fields())

    def _heard_overflow(self, job: Job, found: Overflowing) -> None:
        self._overflowing = job, found
        self._tell(overflow=found.view())

    def _heard_raised(self, length: int) -> None:
        if self._info is not None:
            self._set_model(msgspec.structs.replace(self._info, context_length=length))
        self.options = msgspec.structs.replace(self.options, context_length=length)

    def _heard_gone(self) -> None:
        self._notice = GONE
        self._tell(notice=msgspec.to_builtins(GONE), **self._kept_fields())

    # What the base asks; the lock is held

    def _may_follow(self) -> bool:
        return not self._conversation.tree.nodes and not self._closed

    def _busy(self) -> bool:
        return self._runs.going is not None


def _there(audience: Audience) -> bool:
    return audience.there


def stop_all(nodes: Iterable[Node]) -> None:
    """Stop the answers among these messages; called without the lock."""
    for node in nodes:
        if node.reply is not None and not node.reply.done:
            node.reply.stop()


def _passed_on(chat: weakref.ref[Talk], method: str, *arguments: Any) -> None:
    """Tell a chat of something, for as long as somebody holds it."""
    alive = chat()
    if alive is not None:
        getattr(alive, method)(*arguments)


def _status_after(event: Finished | Failed, info: ModelInfo) -> Status:
    """How a model is after a run of its own that ended so."""
    if isinstance(event, Finished) and event.reason != "cancelled":
        return "loaded" if info.local else "ready" if info.status == "down" else info.status
    if info.status == "loading":
        return "failed" if isinstance(event, Failed) else "ready"
    return info.status
