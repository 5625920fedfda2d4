"""A host: the process in which an engine holds one model. Started by `hosted.py`; knows no service and no kernel.

    python -m workbench.engines.host ENGINE ASKS ANSWERS PARENT

ASKS and ANSWERS are numbers of pipe ends handed down by the parent, PARENT is its process id. Standard output is
not the wire: frameworks print. The main thread is the engine's; it never ends before the process does. Three more
read asks, write answers, and watch the parent: when it is gone the process ends at once, whatever the engine does.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import groupby

import msgspec

from workbench.engines.wire import Answer, Ask, Happened
from workbench.engines.worker import Worker
from workbench.events import Event, ReasoningDelta, TextDelta

FLUSH_SECONDS = 0.016
"""Least time between two writes of streamed events: one frame of a screen."""
WATCH_SECONDS = 0.5
"""How often the parent is looked for."""


class Outbox:
    """Writes answers to a pipe. More of the same kind of event goes up in batches, anything else at once.

    `put` never blocks, so an engine is never held up by a parent that does not read.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._ready = threading.Condition()
        self._waiting: list[Answer] = []
        self._kind: type | None = None
        self._urgent = False
        self._idle = True
        self._closed = False

    def put(self, answer: Answer) -> None:
        """Add an answer, from any thread."""
        kind = type(answer.events[0]) if isinstance(answer, Happened) else None
        with self._ready:
            self._waiting.append(answer)
            self._urgent = self._urgent or kind is None or kind is not self._kind
            self._kind = kind
            if self._idle or self._urgent:
                self._ready.notify()

    def close(self) -> None:
        """Let `run` write what waits, and end."""
        with self._ready:
            self._closed = True
            self._ready.notify()

    def run(self) -> None:
        """Write until `close`; belongs to one thread."""
        while batch := self._next():
            data = memoryview(b"".join(msgspec.json.encode(answer) + b"\n" for answer in merged(batch)))
            while data:
                data = data[os.write(self._pipe, data) :]
            with self._ready:
                self._ready.wait_for(lambda: self._urgent or self._closed, FLUSH_SECONDS)

    def _next(self) -> list[Answer]:
        with self._ready:
            self._idle = True
            self._ready.wait_for(lambda: self._waiting or self._closed)
            self._idle = self._urgent = False
            batch, self._waiting = self._waiting, []
        return batch


def merged(answers: list[Answer]) -> Iterator[Answer]:
    """The same answers in fewer: events of one call together, adjacent deltas of one run joined."""
    happened: list[Event] = []
    call = 0
    for answer in answers:
        if happened and not (isinstance(answer, Happened) and answer.call == call):
            yield Happened(call=call, events=_joined(happened))
            happened = []
        if isinstance(answer, Happened):
            call = answer.call
            happened.extend(answer.events)
        else:
            yield answer
    if happened:
        yield Happened(call=call, events=_joined(happened))


def _joined(events: list[Event]) -> tuple[Event, ...]:
    joined: list[Event] = []
    for (kind, run), group in groupby(events, lambda event: (type(event), event.run)):
        same = list(group)
        if kind in (TextDelta, ReasoningDelta) and len(same) > 1:
            text = "".join(delta.text for delta in same)  # type: ignore[union-attr]  # kind says it is a delta
            tokens = tuple(token for delta in same for token in delta.tokens)  # type: ignore[union-attr]  # as above
            logprobs = tuple(token for delta in same for token in delta.logprobs)  # type: ignore[union-attr]  # as above
            joined.append(kind(run=run, text=text, tokens=tokens, logprobs=logprobs))
        else:
            joined.extend(same)
    return tuple(joined)


def listen(pipe: int, worker: Worker) -> None:
    """Pass asks on until the pipe closes; then the parent is gone, and so is this process."""
    decode = msgspec.json.Decoder(Ask).decode
    with open(pipe, "rb") as lines:
        for line in lines:
            worker.take(decode(line))
    os._exit(0)


def watch(parent: int) -> None:
    """End this process when its parent is another one; a process forked from it may hold the pipe open."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Run a host until it is asked to end or its parent is gone; does not return."""
    engine, (asks, answers, parent) = arguments[0], map(int, arguments[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(asks, False)
    os.set_inheritable(answers, False)
    outbox = Outbox(answers)
    worker = Worker(engine, outbox.put)
    writer = _start(outbox.run)
    _start(lambda: listen(asks, worker))
    _start(lambda: watch(parent))
    worker.work()
    outbox.close()
    writer.join(1)
    os._exit(0)


def _start(task: Callable[[], None]) -> threading.Thread:
    """A thread for a task without which the host is deaf or dumb: if it fails, the process ends with it."""

    def run() -> None:
        try:
            task()
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


if __name__ == "__main__":
    main(sys.argv[1:])
