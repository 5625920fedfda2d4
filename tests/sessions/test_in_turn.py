from __future__ import annotations

import threading

from tests.sessions.scripted import ScriptedService, ScriptedServices, say
from workbench.events import Event, Finished, Queued, TextDelta
from workbench.messages import user
from workbench.request import Request
from workbench.sessions.in_turn import Line, Place, Turn

WAIT = 60.0


def turn(place: Place) -> Turn:
    service = ScriptedService(say("ok"))
    request = Request(messages=(user("Hi"),), model="tiny")
    return Turn(place, ScriptedServices(service), request, service)  # type: ignore[arg-type]  # scripted


def test_a_run_begins_when_its_place_is_the_first_and_says_for_how_many_it_waits() -> None:
    line = Line()
    first, second, third = (Place(line) for _ in range(3))
    for place in (first, second, third):
        place.ask()
    events: list[Event] = []
    told = threading.Semaphore(0)

    def pull() -> None:
        for event in turn(third).events():
            events.append(event)
            told.release()

    thread = threading.Thread(target=pull)
    thread.start()
    assert told.acquire(timeout=WAIT)
    first.leave()
    assert told.acquire(timeout=WAIT)
    second.leave()
    thread.join(WAIT)
    assert [event.position for event in events if isinstance(event, Queued)] == [2, 1]
    assert [type(event) for event in events[2:]] == [TextDelta, Finished]


def test_one_that_is_cancelled_while_it_waits_ends_at_once() -> None:
    line = Line()
    Place(line).ask()
    behind = Place(line)
    behind.ask()
    waiting = turn(behind)
    events = waiting.events()
    assert isinstance(next(events), Queued)
    waiting.cancel()
    last = next(events)
    assert isinstance(last, Finished)
    assert last.reason == "cancelled"


def test_a_place_that_asked_twice_leaves_what_it_asked_for_first_or_last() -> None:
    line = Line()
    one, other = Place(line), Place(line)
    for place in (one, other, one):
        place.ask()
    one.leave(newest=True)
    assert line.places == [one, other]
    one.leave()
    assert line.places == [other]
    one.leave()
    assert line.places == [other]
