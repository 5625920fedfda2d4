"""The questions every service has to answer, wherever its model runs.

A subclass in a test module gives a fixture `service` and a fixture `model`, the id of the shipped model there.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing

import msgspec
import pytest

from workbench import messages
from workbench.events import Failed, Finished, LoadProgress, ReasoningDelta, TextDelta, UsageKnown
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.tokens import written

STORY = "tell me a story"


def ask(model, text=STORY, **options):
    """A request of one user message."""
    return Request(messages=(messages.user(text),), model=model, options=GenerationOptions(**options))


def text(events):
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def wait_for(condition, seconds=10.0):
    """Wait until a condition holds; whether it came to."""
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(held)


_talkative: dict[str, dict[str, float]] = {}


def talkative(service, model, tokens=400):
    """Options under which the model goes on for at least so many tokens, whatever it was trained on."""
    if service.name in _talkative:
        return _talkative[service.name]
    for seed in range(100):
        options = {"temperature": 5.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "seed": seed}
        if list(service.stream(ask(model, max_tokens=tokens, **options)))[-1].reason == "length":
            _talkative[service.name] = options
            return options
    raise AssertionError("the model never said that much")


class ServiceContract:
    """Subclass it, and give it the fixtures `service` and `model`; say there what its server cannot do."""

    lists_the_model = True
    knows_the_context = True
    honours_stops = True
    tells_probabilities = True
    continues = True
    unknown_options: frozenset[str] = frozenset()

    def test_an_answer_broken_off_is_gone_on_with_or_refused(self, service, model):
        assert service.can_continue(model) is self.continues
        whole = text(list(service.stream(ask(model, max_tokens=40, temperature=0))))
        first = text(list(service.stream(ask(model, max_tokens=15, temperature=0))))
        begun = Request(
            messages=(messages.user(STORY), messages.assistant(first)),
            model=model,
            continues=True,
            options=GenerationOptions(max_tokens=25, temperature=0),
        )
        events = list(service.stream(begun))
        if self.continues:
            assert first + text(events) == whole
        else:
            assert [event.error.kind for event in events] == ["UsageError"]

    def test_it_offers_the_model(self, service, model):
        found = [m for m in service.models() if m.id == model]
        assert len(found) == self.lists_the_model
        for info in found:
            assert info.provider == service.name
            assert info.context_length == (2048 if self.knows_the_context else None)

    def test_an_answer_streams_and_ends_once(self, service, model):
        request = ask(model, max_tokens=20)
        events = list(service.stream(request))
        ends = [e for e in events if isinstance(e, Finished | Failed)]
        assert ends == events[-1:]
        assert isinstance(ends[0], Finished)
        assert {e.run for e in events} == {request.run}
        assert len([e for e in events if isinstance(e, TextDelta | ReasoningDelta)]) > 1

    def test_tokens_are_counted_and_times_measured(self, service, model):
        events = list(service.stream(ask(model, max_tokens=20, **talkative(service, model))))
        end = events[-1]
        assert end.usage.prompt_tokens > 3
        assert end.usage.completion_tokens == 20
        for known in (e.usage for e in events if isinstance(e, UsageKnown)):
            told = {name: count for name, count in msgspec.structs.asdict(known).items() if count is not None}
            assert told.items() <= msgspec.structs.asdict(end.usage).items()
        assert 0 < end.metrics.ttft_s < end.metrics.total_s
        assert end.metrics.decode_tps > 0

    def test_the_most_tokens_are_kept_to(self, service, model):
        end = list(service.stream(ask(model, max_tokens=3, **talkative(service, model))))[-1]
        assert (end.reason, end.usage.completion_tokens) == ("length", 3)
        assert end.applied.max_tokens == 3
        assert set(end.ignored) <= self.unknown_options

    def test_a_stop_string_ends_the_answer_before_itself(self, service, model):
        whole = text(service.stream(ask(model, temperature=0.0, max_tokens=40)))
        stop = whole[10:15]
        events = list(service.stream(ask(model, temperature=0.0, max_tokens=40, stop=(stop,))))
        if self.honours_stops:
            assert text(events) == whole[: whole.index(stop)]
            assert events[-1].reason == "stop"
            assert events[-1].applied.stop == (stop,)
        else:  # then it is said
            assert events[-1].ignored == (("stop",) if stop in text(events) else ())

    def test_each_token_tells_how_likely_it_was_or_the_option_is_ignored(self, service, model):
        plain = list(service.stream(ask(model, "who are you?", max_tokens=12, temperature=0)))
        events = list(service.stream(ask(model, "who are you?", max_tokens=12, temperature=0, logprobs=3)))
        tokens = [token for e in events if isinstance(e, TextDelta) for token in e.logprobs]
        assert text(events) == text(plain)
        if not self.tells_probabilities:
            assert ("logprobs" in events[-1].ignored, tokens) == (True, [])
            return
        assert events[-1].ignored == ()
        assert written(tokens) == text(events)
        assert all(len(token.alternatives) == 3 for token in tokens)
        told = [token for token in tokens if token.logprob is not None]
        assert told
        for token in told:  # greedy takes the likeliest
            assert (token.id, token.logprob) == (token.alternatives[0].id, token.alternatives[0].logprob)

    def test_a_prompt_beyond_the_context_is_refused_with_the_count(self, service, model):
        if not self.knows_the_context:
            pytest.skip("the server knows no limit")
        (failed,) = [e for e in service.stream(ask(model, "word " * 4000)) if isinstance(e, Finished | Failed)]
        assert failed.error.kind == "ContextOverflowError"
        assert "2,048" in failed.error.message
        assert failed.error.next_step

    def test_a_cancel_from_another_thread_ends_the_run_and_keeps_the_text(self, service, model):
        request = ask(model, **talkative(service, model))
        events, cancelled = [], None
        for event in service.stream(request):
            events.append(event)
            if isinstance(event, TextDelta) and cancelled is None:
                cancelled = threading.Thread(target=service.cancel, args=(request.run,))
                cancelled.start()
                cancelled.join()
        assert events[-1].reason == "cancelled"
        assert text(events)
        assert list(service.stream(ask(model, max_tokens=1)))[-1].reason == "length"

    def test_a_cancel_before_the_first_event_ends_the_run(self, service, model):
        request = ask(model, max_tokens=500)
        stream = service.stream(request)
        service.cancel(request.run)
        assert list(stream)[-1].reason == "cancelled"

    def test_a_cancel_of_an_unknown_run_is_ignored(self, service, model):
        service.cancel("nobody")
        assert list(service.stream(ask(model, max_tokens=1)))[-1].reason == "length"

    def test_leaving_early_cancels(self, service, model):
        options = talkative(service, model)
        with closing(service.stream(ask(model, **options))) as stream:
            next(e for e in stream if isinstance(e, TextDelta))
        assert list(service.stream(ask(model, max_tokens=1)))[-1].reason == "length"

    def test_a_cancel_touches_no_other_run(self, service, model):
        options = talkative(service, model)
        other = ask(model, max_tokens=3)
        with closing(service.stream(ask(model, **options))) as first:
            next(e for e in first if isinstance(e, TextDelta))
            service.cancel(other.run)
            more = [next(first) for _ in range(3)]
            assert not any(isinstance(e, Finished | Failed) for e in more)

    def test_a_busy_model_answers_one_after_the_other(self, service, model):
        answers, options = {}, talkative(service, model)

        def run(name):
            answers[name] = list(service.stream(ask(model, max_tokens=30, **options)))[-1]

        threads = [threading.Thread(target=run, args=(name,)) for name in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert [answers[name].reason for name in range(3)] == ["length"] * 3

    def test_loading_says_how_long_it_took(self, service, model):
        events = list(service.load(model, run="load-1"))
        assert all(isinstance(e, LoadProgress) and e.run == "load-1" for e in events)
        assert events[-1].seconds is not None

    def test_no_thread_is_left(self, service, model):
        list(service.stream(ask(model, max_tokens=1)))
        before = set(threading.enumerate())
        list(service.stream(ask(model, max_tokens=1)))
        assert wait_for(lambda: set(threading.enumerate()) <= before)
