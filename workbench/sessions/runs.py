"""The runs of one chat: one after another on one thread, each pulled to its end. Knows no command and no view.

Runs.ask -> a line of jobs -> the thread: the request, the service's events, folded into the answer
-> what does not fit the context: as `how` says, or told to the chat, whose person chooses
-> functions that the model calls: allowed, run, and the same answer goes on with what they gave
-> what does not fit the schema it was asked in: dropped, and asked for again
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from workbench.errors import ContextOverflowError, ErrorInfo, StateError, describe
from workbench.events import Event, Failed, Finished, Notice, ReasoningDelta, TextDelta
from workbench.messages import Message
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.fallback import Run
from workbench.sessions import overflow
from workbench.sessions.answer import Answer
from workbench.sessions.audience import Audience
from workbench.sessions.conversation import Conversation, node_view
from workbench.sessions.in_turn import Place, Turn
from workbench.sessions.overflow import How, Overflowing
from workbench.sessions.reply import Reply
from workbench.sessions.structured.asking import TRIES, asked_again, with_schema
from workbench.sessions.structured.wanted import Wanted, looked_at
from workbench.sessions.tools.modes import with_line
from workbench.sessions.tools.offer import Offer
from workbench.sessions.tools.rounds import ENOUGH, MOST_ROUNDS, Round, asking
from workbench.sessions.tree import Node, turns_of
from workbench.sessions.worker import Worker

if TYPE_CHECKING:
    from workbench.services import ChatService
    from workbench.services.registry import Services


class Who(NamedTuple):
    """Who is asked, with which model; without a service, why there is none."""

    model: str
    service: ChatService | None
    missing: ErrorInfo | None = None


class Job(msgspec.Struct, eq=False):
    """One answer to be written."""

    node: Node
    reply: Reply
    who: Who
    services: Services
    force: bool = False
    """Whether its model is loaded even if it does not fit this machine."""
    fallback: bool | None = None
    continues: Node | None = None
    """The answer that it goes on with."""
    begun: Answer | None = None
    """The beginning that it goes on with, where that is no message of the tree."""
    how: How | None = None
    """What to do if it does not fit the context; ``None``: the person is asked."""
    offer: Offer | None = None
    """The functions that the model may call."""
    line: str = ""
    """What the system says beside its own words."""
    wanted: Wanted | None = None
    """The shape it is asked in."""
    tries: int = 1
    """Times its model was asked for an answer that fits that shape."""
    unfit: tuple[Message, ...] = ()
    """The answer that did not fit last, and what was said to it."""

    @property
    def local(self) -> bool:
        """Whether a model of this machine answers it."""
        return self.who.service is not None and getattr(self.who.service, "url", None) is None

    @property
    def question(self) -> Node:
        """What it answers."""
        return self.continues or self.node.parent or self.node


class Heard(NamedTuple):
    """What a chat is told of its runs; each is called under the lock, or not at all once nobody holds the chat."""

    event: Callable[[Job, str, Event], None]
    """Something happened: the job, the model it was asked of, the event."""
    running: Callable[[], None]
    """Another job is being answered, or none."""
    overflow: Callable[[Job, Overflowing], None]
    """A message does not fit; the person has to choose."""
    raised: Callable[[int], None]
    """The model was loaded with a context of so many tokens."""
    gone: Callable[[], None]
    """The chat was deleted from the history elsewhere."""


class Runs:
    """The line of jobs and the thread that answers them, in order."""

    def __init__(self, audience: Audience, conversation: Conversation, worker: Worker, heard: Heard) -> None:
        self._audience = audience
        self._conversation = conversation
        self._worker = worker
        self._heard = heard
        self.lock: threading.RLock = audience.lock
        self.waiting: list[Job] = []
        self.running: tuple[Job, Run] | None = None
        self.place: Place | None = None
        """Where its local runs wait for those of other chats; ``None`` for a chat on its own."""

    # Called with the lock held

    def ask(self, job: Job, *, next: bool = False) -> None:
        """Put a job at the end of the line, or at its head."""
        self.waiting.insert(0 if next else len(self.waiting), job)
        self._renumber()
        if self.place is not None and job.local:
            self.place.ask()
        self._worker.do(self._answer_one)

    def stopping(self, run: str | None) -> Callable[[], None] | None:
        """Take a run out of the line, or give what cancels the one being answered; ``None`` when there is no such run.

        Without an id it is the one being answered. What is given must be called without the lock.
        """
        for job in self.waiting:
            if job.reply.run == run:
                self.waiting.remove(job)
                self._take(job, Finished(run=job.reply.run, reason="cancelled"))
                self._renumber()
                self._end(job)
                return lambda: None
        if self.running is not None and run in (None, self.running[0].reply.run):
            self.running[0].reply._stopping = True
            self._conversation.changed.notify_all()  # a call that waits for leave waits no longer
            return self.running[1].cancel
        return None

    @property
    def going(self) -> Job | None:
        """The job being answered."""
        return None if self.running is None else self.running[0]

    # On the thread

    def _answer_one(self) -> None:
        """Answer the job at the head of the line; one that was stopped has left it."""
        with self.lock:
            if not self.waiting:
                return
            job = self.waiting.pop(0)
            request = self._request(job)
            run = self._begun(job, request)
            reply = job.reply
            if reply.status != "prefill":
                self._tell(job, reply._answer.patch(status="prefill", position=None))
            self._renumber()
            self._heard.running()
        try:
            overflowing = self._pull(job, run)
            if overflowing is not None:
                self._fit(job, request, overflowing)
        except Exception as error:
            self._take(job, Failed(run=job.reply.run, error=describe(error)))
        with self.lock:
            self.running = None
            self._heard.running()
            if not job.reply._dropped:
                self._conversation.keep(job.node)
            self._end(job)
        if self._conversation.recorder.gone_elsewhere():  # it may wait for the disk: nobody waits for this run any more
            with self.lock:
                self._heard.gone()

    def _request(self, job: Job, *, without: int = 0) -> Request:
        """What is asked: the path to the question, `without` so many of its oldest turns; then what the answer says so
        far, if it has called functions.
        """
        answer = job.reply._answer
        again = bool(answer.calls)
        begun = job.continues if again else None
        question = job.question if begun is None else begun.parent or begun
        messages = self._conversation.read(question, without=without)
        if job.line:
            messages = with_line(messages, job.line)
        if job.wanted is not None and (job.tries > 1 or not job.local):
            messages = with_schema(messages, job.wanted.sent)
        return Request(
            messages=(*messages, *(begun.message for begun in (answer if again else job.begun,) if begun), *job.unfit),
            model=job.who.model,
            run=job.reply.run,
            options=job.reply.options,
            tools=() if job.offer is None else job.offer.tools,
            schema=None if job.wanted is None else job.wanted.sent,
            force=job.force,
            continues=(job.continues or job.begun) is not None and not again,
        )

    def _begun(self, job: Job, request: Request) -> Run:
        make = Run if self.place is None or not job.local else partial(Turn, self.place)
        run = make(job.services, request, job.who.service, missing=job.who.missing, substitute=job.fallback)
        self.running = (job, run)
        if job.reply._stopping:
            run.cancel()
        return run

    def _pull(self, job: Job, run: Run) -> Failed | None:
        """Pull a run to its end, with the rounds that follow from the functions it calls; a prompt that does not fit
        is given back, not folded.
        """
        ended: Event | None = self._pulled(job, run)
        while isinstance(ended, Finished):
            again = self._next_round(job, ended)
            ended = None if again is None else self._pulled(job, again)
        return ended if isinstance(ended, Failed) else None

    def _pulled(self, job: Job, run: Run) -> Finished | Failed | None:
        """Pull one run to its end. Given back, not folded: a prompt that does not fit, an end with calls to be made,
        one that does not fit its shape and may be asked for again.
        """
        with closing(run.events()) as events:
            for event in events:
                match event:
                    case Failed() if isinstance(event.error.to_error(), ContextOverflowError):
                        return event
                    case Finished() if event.reason != "cancelled" and (self._calls(job) or self._unfit(job, event)):
                        return event
                self._take(job, event)
                if job.reply._answer.ended:
                    return None
        cut = ErrorInfo(kind="StreamCutError", message="The answer broke off before its end.", next_step="Try again.")
        self._take(job, Failed(run=job.reply.run, error=cut))
        return None

    def _calls(self, job: Job) -> bool:
        """Whether the model called functions that can be run."""
        return job.offer is not None and any(call.result is None for call in job.reply._answer.calls)

    def _next_round(self, job: Job, event: Finished) -> Run | None:
        """Run what the model called, and ask it again with what came of it; ``None`` when the answer ends here."""
        if job.offer is None or not self._calls(job):
            return self._asked_again(job, event)
        reply = job.reply
        answer, changed = reply._answer, self._conversation.changed
        round = Round(answer, job.offer, changed, stopping=lambda: reply._stopping, tell=lambda: self._tell_calls(job))
        enough = len(answer.begins) > MOST_ROUNDS
        if not enough:
            round.run()
        with self.lock:
            if enough:
                round.refuse(ENOUGH)
                self._note(job, ENOUGH)
            self._tell(job, answer.tools_patch())
            if enough or reply._stopping or reply._dropped:
                last = event if enough else msgspec.structs.replace(event, reason="cancelled")
                self._take(job, last)
                return None
            self._tell(job, answer.next_round(event))
            self._conversation.keep(job.node)
            return self._goes_on(job)

    def _unfit(self, job: Job, event: Finished) -> bool:
        """Look whether an answer fits the shape it was asked in; whether it is to be asked for again."""
        answer = job.reply._answer
        if job.wanted is None or answer.shape is None:
            return False
        fit = job.wanted.fit(answer.text_now)
        with self.lock:
            answer.fit, answer.shape = fit, looked_at(answer.shape, fit, event)
        return bool(fit.why) and event.reason == "stop" and job.tries < TRIES and not (job.continues or job.begun)

    def _asked_again(self, job: Job, event: Finished) -> Run | None:
        """Drop an answer that does not fit, and ask for another; ``None`` when it was stopped meanwhile."""
        answer = job.reply._answer
        with self.lock:
            if job.reply._stopping or job.reply._dropped or answer.fit is None:
                self._take(job, msgspec.structs.replace(event, reason="cancelled"))
                return None
            job.unfit, job.tries = asked_again(answer.text_now, answer.fit.why), job.tries + 1
            answer.again(event)
            self._note(job, f"Asked again: {answer.fit.why}.")
            self._tell(job, ["message", node_view(job.node)])
            self._conversation.keep(job.node)
            return self._goes_on(job)

    def _goes_on(self, job: Job) -> Run:
        """The next run of an answer, of the model that answers it: that may be the fallback."""
        model = job.reply._answer.model
        if model != job.who.model:
            job.who = Who(model, job.services.resolve(model)[0])
        return self._begun(job, self._request(job))

    def _tell_calls(self, job: Job) -> None:
        """Show the calls as they are; those who wait for the answer hear when nobody is there to be asked."""
        self._tell(job, job.reply._answer.tools_patch())
        job.reply._heard_asking(bool(asking(job.reply._answer)))

    def _fit(self, job: Job, request: Request, failed: Failed) -> None:
        """The message does not fit: do what was chosen for that, or let the person choose."""
        with self.lock:
            turns = turns_of(job.question.lineage())
        limit = job.services.resolve(job.who.model)[1].context_length
        read = self._conversation.as_read
        found = overflow.measured(request, job.who.service, failed.error, turns, read, limit)
        choice = found.choice(job.how) if job.how is not None else None
        if choice is None or not choice.able:
            error = failed.error if choice is None else msgspec.structs.replace(failed.error, next_step=choice.words)
            self._take(job, Failed(run=failed.run, error=error, metrics=failed.metrics))
            with self.lock:
                if not job.reply._dropped:
                    self._heard.overflow(job, found)
            return
        again = self._fitting(job, found)
        if again is not None and (failed_again := self._pull(job, again)) is not None:
            self._take(job, failed_again)

    def _fitting(self, job: Job, found: Overflowing) -> Run | None:
        """The run of the same job made to fit; ``None`` when it was stopped or failed on the way."""
        match job.how:
            case "drop":
                self._note(job, overflow.dropped_note(found.dropping))
                with self.lock:
                    return self._begun(job, self._request(job, without=found.dropping))
            case "raise":
                return self._raised(job, found)
            case _:
                return self._summarised(job, found)

    def _raised(self, job: Job, found: Overflowing) -> Run:
        """The same request, to the model loaded anew with a longer context."""
        assert job.who.service is not None
        length = found.raised_to
        job.who.service.unload(job.who.model)
        with self.lock:
            self._heard.raised(length or 0)
            request = self._request(job)
            longer = msgspec.structs.replace(request.options, context_length=length)
            self._note(job, f"{job.who.model} was loaded anew with a context of {length:,} tokens.")
            return self._begun(job, msgspec.structs.replace(request, options=longer))

    def _summarised(self, job: Job, found: Overflowing) -> Run | None:
        """The same question, after a summary of the oldest turns: on a branch of its own, the old one stays."""
        count = found.summarising
        self._note(job, f"The oldest {overflow.turns(count)} are being summarised, to make room.")
        with self.lock:
            turns = turns_of(job.question.lineage())
            asked = self._request(job)
            messages = (*self._conversation.as_read(turns[:count]), overflow.ASK_FOR_SUMMARY)
            options = GenerationOptions(max_tokens=found.summary_tokens, temperature=0.0, thinking=False)
            run = self._begun(job, msgspec.structs.replace(asked, messages=messages, options=options, continues=False))
        written: list[str] = []
        with closing(run.events()) as events:
            for event in events:
                match event:
                    case TextDelta():
                        written.append(event.text)
                    case Failed():
                        self._take(job, event)
                        return None
                    case Finished(reason="cancelled"):
                        self._take(job, event)
                        return None
        summary = "".join(written).strip()
        if not summary:
            nothing = StateError("The model wrote no summary.", next_step="Leave out the oldest turns instead.")
            self._take(job, Failed(run=job.reply.run, error=nothing.info))
            return None
        with self.lock:
            if job.reply._dropped:
                return None
            self._note(job, f"A summary stands for the oldest {overflow.turns(count)}; all of them are kept beside it.")
            kept = [self._conversation.tree.nodes[m.id] for turn in turns[count:-1] for m in turn]
            text = f"{overflow.SUMMARY}\n\n{summary}"
            self._conversation.branch_off(job.node, job.question, summary=text, kept=kept)
            return self._begun(job, self._request(job))

    def _take(self, job: Job, event: Event) -> None:
        with self.lock:
            reply = job.reply
            if reply._stopping and isinstance(event, TextDelta | ReasoningDelta):
                return  # late: it was stopped
            if isinstance(event, Finished):
                self._check_cut(job, event)
            ops = reply._answer.fold(event)
            if not reply._dropped:
                self._conversation.heard(job.node, ops, event)
                asked = self.running[1].model if self.running else job.who.model
                self._heard.event(job, asked, event)
            self._conversation.changed.notify_all()

    def _check_cut(self, job: Job, event: Finished) -> None:
        """Say so when a server read less than it was sent."""
        counted = event.usage.prompt_tokens
        if counted is None or getattr(job.who.service, "url", None) is None or job.how == "drop":
            return
        path, system = job.question.lineage(), self._conversation.system
        since = self._conversation.system_since
        if words := overflow.silently_cut(path, system, since, job.reply.model, counted):
            self._note(job, words)

    def _note(self, job: Job, message: str) -> None:
        self._take(job, Notice(run=job.reply.run, code="note", message=message))

    def _end(self, job: Job) -> None:
        """Let go of those who wait for it; the last thing that happens to a run."""
        if self.place is not None and job.local:
            self.place.leave(newest=self.running is not None)
        job.reply._end()
        self._conversation.changed.notify_all()

    def _renumber(self) -> None:
        ahead = 1 if self.running else 0
        for number, job in enumerate(self.waiting, ahead):
            if job.reply._answer.position not in (None, number):
                self._tell(job, job.reply._answer.patch(position=number))

    def _tell(self, job: Job, op: list[object]) -> None:
        if self._conversation.shows(job.node):
            self._audience.emit([op])


def stop_run(runs: weakref.ref[Runs], run: str) -> None:
    """Stop a run, for as long as the chat it belongs to has not let go of it."""
    alive = runs()
    if alive is not None:
        with alive.lock:
            cancel = alive.stopping(run)
        if cancel is not None:
            cancel()
