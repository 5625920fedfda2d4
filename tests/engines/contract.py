"""The questions every engine has to answer, whatever stands between it and the one who asks.

A subclass in a test module gives a fixture `start`, a function that makes a new subject with the shipped model
loaded, and a fixture `subject`, one of these kept for the class. A subject has `loaded`, `generate(requests)`,
`cancel(run)`, `render(request)` and `count_tokens(request)`: an `engines.handle.Handle`, say. The model is tiny and
is trained anew now and then, so no question here hangs on what it knows, but for the two that say so.
"""

from __future__ import annotations

import functools
import time

import pytest

from workbench import messages
from workbench.events import Failed, Finished, PrefillProgress, ReasoningDelta, TextDelta, ToolCalled
from workbench.options import GenerationOptions
from workbench.request import Request, Tool
from workbench.tokens import written

STORY = "tell me a story"
QUESTIONS = (
    "hello",
    STORY,
    "who are you?",
    "how do I compare two models?",
    "write a python function that adds two numbers",
    "what can you do?",
)
WEATHER = Tool(
    name="get_weather",
    description="The weather in a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def ask(text, *history, tools=(), **options):
    """A request: a user's message after a history."""
    conversation = (*history, messages.user(text))
    return Request(messages=conversation, model="builtin", tools=tools, options=GenerationOptions(**options))


def answer(subject, request):
    """All events of a run."""
    return list(subject.generate([request]))


def text(events):
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def ids(events):
    return [t for e in events if isinstance(e, TextDelta | ReasoningDelta) for t in e.tokens]


def scored(events):
    """The tokens of a run with their probabilities."""
    return [t for e in events if isinstance(e, TextDelta | ReasoningDelta) for t in e.logprobs]


def thought(events):
    return "".join(e.text for e in events if isinstance(e, ReasoningDelta))


def gone_on(question, written, *, thought="", **options):
    """A request to go on with what is written of an answer."""
    begun = messages.assistant(written, reasoning=thought)
    conversation = (messages.user(question), begun)
    return Request(messages=conversation, model="builtin", continues=True, options=GenerationOptions(**options))


def failure(events):
    """The error of a run that failed at once."""
    (failed,) = events
    assert isinstance(failed, Failed)
    return failed.error


def long_prompt(subject, tokens):
    """A request whose prompt has at least so many tokens, and few more."""
    words = ("one", "small", "model", "lived", "in", "a", "quiet", "notebook", "and", "counted", "its", "tokens")
    said = ""
    while (missing := tokens - subject.count_tokens(ask(said))) > 0:
        said += " ".join(words[i % len(words)] for i in range(missing // 3 + 1)) + " "
    return said


@functools.cache
def longest(subject):
    """The question with the longest answer, of at least 30 characters and 20 tokens."""
    answers = {question: answer(subject, ask(question, max_tokens=80)) for question in QUESTIONS}
    question = max(answers, key=lambda q: len(text(answers[q])))
    assert len(text(answers[question])) >= 30
    assert len(ids(answers[question])) >= 20
    return question


@functools.cache
def talkative(subject, tokens):
    """Options under which the model goes on for at least so many tokens."""
    for seed in range(40):
        options = {"temperature": 5.0, "seed": seed, "max_tokens": tokens}
        if answer(subject, ask(STORY, **options))[-1].reason == "length":
            return options | {"max_tokens": None}
    raise AssertionError("the model never said that much")


class EngineContract:
    """Subclass it, and give it the fixtures `start` and `subject`."""

    late = 1
    """Tokens that may still be generated after a cancel."""
    lasting = 150
    """Tokens of an answer that lasts long enough to be cancelled."""

    @pytest.fixture
    def question(self, subject):
        return longest(subject)

    def test_hello_is_answered(self, subject):
        events = answer(subject, ask("hello", max_tokens=60))
        end = events[-1]
        assert isinstance(end, Finished)
        assert text(events).strip()
        assert end.usage.completion_tokens >= len(ids(events)) > 0
        assert end.applied.temperature == 0
        assert end.applied.context_length == subject.loaded.context_length
        assert end.ignored == ()

    def test_events_come_in_order_and_end_once(self, subject, question):
        request = ask(question, max_tokens=30)
        events = answer(subject, request)
        kinds = [type(e) for e in events]
        assert kinds.count(Finished) == 1
        assert kinds[-1] is Finished
        assert kinds[0] is PrefillProgress
        first_delta = kinds.index(TextDelta)
        assert PrefillProgress not in kinds[first_delta:]
        assert {e.run for e in events} == {request.run}

    def test_a_batch_ends_every_run(self, subject, question):
        requests = [ask("hello", max_tokens=5), ask("hello", top_k=10**9), ask(question, max_tokens=5)]
        ends = [e for e in subject.generate(requests) if isinstance(e, Finished | Failed)]
        assert {e.run for e in ends} == {r.run for r in requests}
        assert [type(e) for e in sorted(ends, key=lambda e: [r.run for r in requests].index(e.run))] == [
            Finished,
            Failed,
            Finished,
        ]

    def test_times_and_counts_are_measured(self, subject, question):
        events = answer(subject, ask(question, max_tokens=20))
        usage, metrics = events[-1].usage, events[-1].metrics
        assert usage.completion_tokens == 20
        assert usage.reasoning_tokens == sum(len(e.tokens) for e in events if isinstance(e, ReasoningDelta))
        assert 0 < metrics.ttft_s < metrics.total_s
        assert metrics.prefill_tps > 0
        assert metrics.decode_tps == pytest.approx(19 / (metrics.total_s - metrics.ttft_s), rel=0.5)

    def test_the_prompt_can_be_seen_and_counted(self, subject):
        request = ask("What is 2 + 3?", messages.system("Be kind 😀."), messages.user("hi"), messages.assistant("Hé!"))
        prompt = subject.render(request)
        places = [prompt.index(said) for said in ("Be kind 😀.", "hi", "Hé!", "What is 2 + 3?")]
        assert places == sorted(places)
        assert answer(subject, request)[-1].usage.prompt_tokens == subject.count_tokens(request)

    def test_one_token_can_be_asked_for(self, subject, question):
        events = answer(subject, ask(question, max_tokens=1))
        assert events[-1].usage.completion_tokens == 1
        assert events[-1].reason == "length"
        assert events[-1].metrics.decode_tps is None

    def test_no_half_characters(self, subject):
        for question in ("Say 😀 and Zürich, 日本!", "thanks 👩‍👩‍👧", "hello"):
            assert "\ufffd" not in text(answer(subject, ask(question, max_tokens=60)))

    @pytest.mark.parametrize("at", [3, 10, 24])
    def test_a_stop_string_ends_the_answer_before_itself(self, subject, question, at):
        whole = text(answer(subject, ask(question, max_tokens=60)))
        stop = whole[at : at + 6]
        events = answer(subject, ask(question, max_tokens=60, stop=(stop,)))
        assert text(events) == whole[: whole.index(stop)]
        assert events[-1].reason == "stop"

    def test_a_stop_string_that_never_comes_changes_nothing(self, subject, question):
        plain = answer(subject, ask(question, max_tokens=40))
        events = answer(subject, ask(question, max_tokens=40, stop=("zebra!", plain[-2].text + "\0")))
        assert (text(events), ids(events)) == (text(plain), ids(plain))
        assert events[-1].reason == plain[-1].reason

    def test_a_seed_repeats_an_answer(self, subject, question):
        def sampled(seed):
            return answer(subject, ask(question, temperature=1.5, seed=seed, max_tokens=30))

        first = ids(sampled(7))
        assert ids(sampled(7)) == first
        assert any(ids(sampled(seed)) != first for seed in range(8, 13))

    def test_an_answer_sampled_without_a_seed_says_which_it_had(self, subject, question):
        events = answer(subject, ask(question, temperature=1.5, max_tokens=30))
        seed = events[-1].applied.seed
        assert ids(answer(subject, ask(question, temperature=1.5, seed=seed, max_tokens=30))) == ids(events)

    def test_the_likeliest_token_alone_is_greedy(self, subject, question):
        greedy = ids(answer(subject, ask(question, max_tokens=30)))
        assert ids(answer(subject, ask(question, temperature=2.0, top_k=1, seed=1, max_tokens=30))) == greedy
        assert ids(answer(subject, ask(question, temperature=2.0, min_p=1.0, seed=1, max_tokens=30))) == greedy
        assert ids(answer(subject, ask(question, temperature=0.5, top_p=1e-6, seed=1, max_tokens=30))) == greedy

    def test_each_token_tells_how_likely_it_was(self, subject, question):
        plain = answer(subject, ask(question, max_tokens=30))
        events = answer(subject, ask(question, max_tokens=30, logprobs=5))
        tokens = scored(events)
        assert (text(events), ids(events)) == (text(plain), ids(plain))
        assert [token.id for token in tokens] == ids(events)
        assert written(t for e in events if isinstance(e, TextDelta) for t in e.logprobs) == text(events)
        assert events[-1].applied.logprobs == 5
        assert events[-1].ignored == ()
        for token in tokens:
            chances = [other.logprob for other in token.alternatives]
            assert chances == sorted(chances, reverse=True)
            assert (token.id, token.logprob) == (token.alternatives[0].id, chances[0])  # greedy takes the likeliest
            assert len(chances) == 5
            assert sum(other.probability for other in token.alternatives) <= 1 + 1e-6

    def test_probabilities_are_those_before_temperature_and_filters(self, subject, question):
        cold, hot = (
            scored(answer(subject, ask(question, logprobs=3, max_tokens=1, **options)))[0]
            for options in ({}, {"temperature": 3.0, "seed": 1, "top_k": 1, "top_p": 0.5})
        )
        assert hot.logprob == pytest.approx(cold.logprob, abs=1e-4)
        assert [a.id for a in hot.alternatives] == [a.id for a in cold.alternatives]

    def test_the_taken_token_alone_can_be_asked_for(self, subject, question):
        tokens = scored(answer(subject, ask(question, logprobs=0, max_tokens=5)))
        assert [(token.logprob <= 0, token.alternatives) for token in tokens] == [(True, ())] * 5

    def test_no_probabilities_are_told_unless_asked_for(self, subject, question):
        assert scored(answer(subject, ask(question, max_tokens=10))) == []

    def test_tokens_stay_beside_their_text_where_some_is_held_back(self, subject, question):
        whole = text(answer(subject, ask(question, max_tokens=60)))
        stop = whole[9:15]
        events = answer(subject, ask(question, max_tokens=60, logprobs=1, stop=("zebra!", stop)))
        tokens = written(scored(events))
        assert tokens.startswith(text(events))
        assert whole.startswith(tokens)
        assert [token.id for token in scored(events)] == ids(events)

    def test_thinking_has_tokens_too(self, subject):
        """Hangs on what the shipped model was trained to do."""
        events = answer(subject, ask("What is 17 + 25?", max_tokens=200, logprobs=2))
        for kind, said in ((ReasoningDelta, thought(events)), (TextDelta, text(events))):
            assert written(t for e in events if isinstance(e, kind) for t in e.logprobs) == said

    def test_several_at_once_tell_what_each_alone_would(self, subject, question):
        requests = [ask(said, max_tokens=12, logprobs=count) for said, count in (("hello", 2), (question, 4))]
        together = list(subject.generate(requests))
        for request in requests:
            alone = scored(answer(subject, ask(request.messages[0].text, max_tokens=12, logprobs=4)))
            beside = scored([e for e in together if e.run == request.run])
            assert [t.id for t in beside] == [t.id for t in alone]
            assert [t.logprob for t in beside] == pytest.approx([t.logprob for t in alone], abs=1e-3)

    def test_a_repetition_penalty_is_felt(self, subject, question):
        plain, penalised = (
            ids(answer(subject, ask(question, max_tokens=120, repetition_penalty=p))) for p in (1.0, 3.0)
        )
        assert penalised != plain

    def test_top_k_beyond_the_vocabulary_is_refused_and_leaves_no_harm(self, subject, question):
        good = ask(question, temperature=1.5, seed=3, top_k=subject.loaded.vocabulary, max_tokens=20)
        before = ids(answer(subject, good))
        error = failure(answer(subject, ask("hello", temperature=1.0, top_k=subject.loaded.vocabulary + 1)))
        assert error.kind == "OptionError"
        assert f"{subject.loaded.vocabulary:,}" in error.message
        assert ids(answer(subject, good)) == before

    def test_a_context_beyond_what_was_allotted_is_refused(self, subject):
        error = failure(answer(subject, ask("hello", context_length=subject.loaded.context_length + 1)))
        assert error.kind == "OptionError"

    @pytest.mark.parametrize("conversation", [(), (messages.user("  \n"),)])
    def test_nothing_is_not_answered(self, subject, conversation):
        error = failure(answer(subject, Request(messages=conversation, model="builtin")))
        assert error.kind == "EmptyPromptError"

    def test_pictures_are_refused_by_a_model_that_cannot_see(self, subject):
        picture = messages.Image(b"\x89PNG")
        request = Request(messages=(messages.user("What is this?", picture),), model="builtin")
        assert failure(answer(subject, request)).kind == "UsageError"

    def test_a_prompt_too_long_is_refused_by_how_much(self, subject):
        request = ask(long_prompt(subject, subject.loaded.context_length + 50))
        over = subject.count_tokens(request) - subject.loaded.context_length + 1
        error = failure(answer(subject, request))
        assert error.kind == "ContextOverflowError"
        assert f"{over:,} too many" in error.message

    def test_an_answer_ends_where_the_context_does(self, subject):
        request = ask("one two three", context_length=subject.count_tokens(ask("one two three")) + 3)
        end = answer(subject, request)[-1]
        assert end.usage.completion_tokens <= end.applied.max_tokens == 3
        assert end.reason in ("length", "stop")

    def test_a_cancel_while_writing_is_heard_within_a_token(self, subject):
        request = ask(STORY, **talkative(subject, self.lasting))
        seen, asked = 0, None
        for event in subject.generate([request]):
            if isinstance(event, TextDelta | ReasoningDelta):
                seen += len(event.tokens)
                if asked is None and seen >= 5:
                    subject.cancel(request.run)
                    asked = time.perf_counter(), seen
        assert isinstance(event, Finished)
        assert event.reason == "cancelled"
        assert event.usage.completion_tokens <= asked[1] + self.late
        assert time.perf_counter() - asked[0] < 1

    def test_a_cancel_while_reading_is_heard_within_300_ms(self, subject, start):
        request = ask(long_prompt(subject, 1500))
        fresh = start()
        asked = None
        for event in fresh.generate([request]):
            if asked is None:
                assert isinstance(event, PrefillProgress)
                fresh.cancel(request.run)
                asked = time.perf_counter()
        assert isinstance(event, Finished)
        assert event.reason == "cancelled"
        assert event.usage.completion_tokens == 0
        assert time.perf_counter() - asked < 0.3
        assert answer(fresh, ask("hello", max_tokens=10))[-1].reason in ("stop", "length")

    def test_an_iterator_left_early_does_not_disturb_the_next_run(self, subject, question):
        greedy = ids(answer(subject, ask(question, max_tokens=30)))
        events = subject.generate([ask("hello", max_tokens=200)])
        next(events)
        events.close()
        assert ids(answer(subject, ask(question, max_tokens=30))) == greedy

    def test_the_next_turn_does_not_pay_for_the_turns_before(self, subject, start):
        opening = ask(long_prompt(subject, 600), max_tokens=30)
        first = answer(subject, opening)
        follow_up = ask("and then?", *opening.messages, messages.assistant(text(first)), max_tokens=60)
        warm, cold = answer(subject, follow_up), answer(start(), follow_up)
        assert warm[-1].usage.cached_tokens >= first[-1].usage.prompt_tokens - 1
        assert cold[-1].usage.cached_tokens == 0
        assert ids(warm) == ids(cold)
        assert text(warm) == text(cold)

    def test_the_same_question_again_is_read_but_for_its_last_token(self, subject):
        first, again = (answer(subject, ask("hello there, you", max_tokens=10)) for _ in range(2))
        assert again[-1].usage.cached_tokens == again[-1].usage.prompt_tokens - 1
        assert ids(again) == ids(first)

    @pytest.mark.parametrize("at", [1, 7, 34])
    def test_an_answer_broken_off_is_gone_on_with(self, subject, question, at):
        whole = answer(subject, ask(question, max_tokens=60))
        first = answer(subject, ask(question, max_tokens=at))
        begun = gone_on(question, text(first), max_tokens=60 - at)
        rest = answer(subject, begun)
        assert text(first) + text(rest) == text(whole)
        assert ids(first) + ids(rest) == ids(whole)
        assert rest[-1].usage.prompt_tokens == first[-1].usage.prompt_tokens + at == subject.count_tokens(begun)
        assert subject.render(begun).endswith(text(first))

    def test_only_an_answer_is_gone_on_with(self, subject):
        conversation = (messages.user("hi"), messages.user("there"))
        error = failure(answer(subject, Request(messages=conversation, model="builtin", continues=True)))
        assert error.kind == "UsageError"
        nothing = Request(messages=(messages.assistant("I"),), model="builtin", continues=True)
        assert failure(answer(subject, nothing)).kind == "EmptyPromptError"

    @pytest.mark.parametrize("at", [5, 30])
    def test_thinking_broken_off_is_gone_on_with(self, subject, at):
        """Hangs on what the shipped model was trained to do."""
        question = "What is 17 + 25?"
        whole, first = (answer(subject, ask(question, max_tokens=n)) for n in (100, at))
        rest = answer(subject, gone_on(question, text(first), thought=thought(first), max_tokens=100 - at))
        assert thought(first) + thought(rest) == thought(whole)
        assert text(first) + text(rest) == text(whole)

    def test_a_sum_is_thought_about_first(self, subject):
        """Hangs on what the shipped model was trained to do."""
        events = answer(subject, ask("What is 17 + 25?", max_tokens=200))
        thought = "".join(e.text for e in events if isinstance(e, ReasoningDelta))
        assert thought.strip()
        assert text(events).strip()
        assert "think>" not in thought + text(events)
        assert 0 < events[-1].usage.reasoning_tokens < events[-1].usage.completion_tokens
        unthinking = answer(subject, ask("What is 17 + 25?", max_tokens=200, thinking=False))
        assert not any(isinstance(e, ReasoningDelta) for e in unthinking)
        assert unthinking[-1].applied.thinking is False

    def test_thinking_that_the_template_drops_costs_only_what_follows_it(self, subject):
        """Hangs on what the shipped model was trained to do."""
        first = answer(subject, ask("What is 18 + 25?", max_tokens=200))
        assert thought(first)
        history = (messages.user("What is 18 + 25?"), messages.assistant(text(first), reasoning=thought(first)))
        follow_up = answer(subject, ask("and 19 + 25?", *history, max_tokens=5))
        assert follow_up[-1].usage.cached_tokens >= first[-1].usage.prompt_tokens - 1

    def test_a_tool_is_called(self, subject):
        """Hangs on what the shipped model was trained to do."""
        events = answer(subject, ask("What is the weather in Paris?", tools=(WEATHER,), max_tokens=200))
        (called,) = [e for e in events if isinstance(e, ToolCalled)]
        assert called.call.name == WEATHER.name
        assert "Paris" in called.call.arguments
        assert "tool_call" not in text(events)
        assert events[-1].reason == "tool_calls"
