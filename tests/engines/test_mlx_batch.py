"""Several answers at once: each is what it would have been alone, whatever happens to the others."""

from __future__ import annotations

import pytest

from tests.engines import tiny
from tests.engines.chatting import load
from tests.engines.contract import ask, ids, text
from workbench import messages
from workbench.engines import mlx_batch
from workbench.events import Failed, Finished, PrefillProgress, TextDelta

SYSTEM = messages.system("You are brief and kind in all that you say, and you count your tokens every evening. " * 2)
SAID = ("hello", "one small model", "the sun was high over the hill " * 6, "what is 17 + 25?", "in a quiet notebook")
OPTIONS = (
    {},
    {"temperature": 1.0, "seed": 7},
    {"temperature": 0.7, "seed": 7, "top_k": 20, "top_p": 0.9, "min_p": 0.01},
    {"repetition_penalty": 1.5},
    {"max_tokens": 3},
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: tiny.make(kind, tmp_path_factory.mktemp(kind)) for kind in tiny.KINDS}


@pytest.fixture
def engine(folders):
    return load(folders["llama"])


def mixed():
    """Requests of every sort; two are samples of one prompt."""
    asked = [ask(said, SYSTEM, **{"max_tokens": 30} | options) for said, options in zip(SAID, OPTIONS, strict=True)]
    return [*asked, *(ask("hello", SYSTEM, temperature=1.0, seed=seed, max_tokens=20) for seed in (1, 2))]


def together(engine, requests, cancelled=lambda run: False):
    """Each run's events."""
    events = list(engine.generate(requests, cancelled))
    return [[event for event in events if event.run == request.run] for request in requests]


def alone(folder, requests):
    """The same, each on its own and from a cold start."""
    cold = load(folder, 0)
    return [list(cold.generate([request], lambda run: False)) for request in requests]


def answers(runs):
    return [(ids(run), text(run), run[-1].reason) for run in runs]


def counted(engine, monkeypatch):
    """The shape of every forward pass from now on: answers at once, tokens of each."""
    shapes = []
    model = type(engine._model)
    forward = model.__call__

    def counting(self, inputs, *args, **more):
        shapes.append(inputs.shape)
        return forward(self, inputs, *args, **more)

    monkeypatch.setattr(model, "__call__", counting)
    return shapes


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_answers_are_what_they_would_be_alone(folders, kind):
    engine, requests = load(folders[kind]), mixed()
    assert engine.loaded.capabilities.batch
    expected = answers(alone(folders[kind], requests))
    assert answers(together(engine, requests)) == expected
    again = together(engine, requests)
    assert answers(again) == expected
    assert all(run[-1].usage.cached_tokens == run[-1].usage.prompt_tokens - 1 for run in again)


def test_what_prompts_share_is_read_once(engine, monkeypatch):
    shapes, requests = counted(engine, monkeypatch), mixed()
    runs = together(engine, requests)
    usage = [run[-1].usage for run in runs]
    shared = engine.count_tokens(ask("", SYSTEM)) - 10
    assert sorted(u.cached_tokens >= shared for u in usage) == [False] + [True] * 6
    assert sum(rows * tokens for rows, tokens in shapes if tokens > 1) < 2 * sum(
        u.prompt_tokens - u.cached_tokens for u in usage
    )


def test_one_pass_a_token_serves_all(engine, monkeypatch):
    requests = [ask(f"{count} and nothing else", SYSTEM, max_tokens=60) for count in range(5)]
    together(engine, requests[:2])
    shapes = counted(engine, monkeypatch)
    runs = together(engine, requests)
    longest = max(run[-1].usage.completion_tokens for run in runs)
    assert len(shapes) <= 1.05 * (longest + 2)


def test_events_of_each_run_come_in_order_and_say_that_it_was_a_batch(engine):
    for run in together(engine, mixed()):
        kinds = [type(event) for event in run]
        assert kinds.count(Finished) == 1
        assert kinds[-1] is Finished
        assert kinds[0] is PrefillProgress
        assert PrefillProgress not in kinds[kinds.index(TextDelta) :]
        assert (run[-1].metrics.batch, run[-1].metrics.ttft_s > 0) == (7, True)
    assert together(engine, mixed()[:1])[0][-1].metrics.batch is None


def test_a_request_that_is_refused_leaves_the_others(engine):
    good = mixed()
    runs = together(engine, [good[0], ask("hello", top_k=10**9), *good[1:]])
    assert isinstance(runs[1][-1], Failed)
    assert [run[-1].reason for run in (runs[0], *runs[2:])] == ["length"] * 7


def test_stop_strings_end_their_own_run(engine):
    whole = together(engine, mixed())
    stop = text(whole[0])[20:26]
    stopped, *others = together(engine, [ask("hello", SYSTEM, max_tokens=30, stop=(stop,)), *mixed()[1:]])
    assert text(stopped) == text(whole[0]).partition(stop)[0]
    assert stopped[-1].reason == "stop"
    assert answers(others) == answers(whole[1:])


@pytest.mark.parametrize("kind", ["llama", "gemma3_text"])
@pytest.mark.parametrize("when", [PrefillProgress, TextDelta])
def test_a_cancelled_run_leaves_the_others(folders, kind, when):
    engine, requests, seen = load(folders[kind]), mixed(), set()
    expected = answers(alone(folders[kind], requests))
    events = []
    for event in engine.generate(requests, lambda run: run in seen):
        events.append(event)
        if isinstance(event, when) and event.run == requests[2].run:
            seen.add(event.run)
    runs = [[event for event in events if event.run == request.run] for request in requests]
    assert runs[2][-1].reason == "cancelled"
    assert runs[2][-1].usage.completion_tokens < 30
    assert answers([*runs[:2], *runs[3:]]) == [*expected[:2], *expected[3:]]


def test_all_can_be_cancelled_before_they_begin(engine):
    runs = together(engine, mixed(), lambda run: True)
    assert [(run[-1].reason, run[-1].usage.completion_tokens) for run in runs] == [("cancelled", 0)] * 7


def test_more_than_there_are_places_for(engine, folders, monkeypatch):
    monkeypatch.setattr(mlx_batch, "MOST", 3)
    monkeypatch.setattr(mlx_batch, "REFILL", 2)
    shapes, requests = counted(engine, monkeypatch), mixed()
    assert answers(together(engine, requests)) == answers(alone(folders["llama"], requests))
    assert max(rows for rows, _ in shapes) == 3


def test_where_memory_is_short_the_last_begun_wait_and_go_on(engine, folders, monkeypatch):
    monkeypatch.setattr(mlx_batch, "AHEAD", 0)
    size = mlx_batch.Size(engine._model)
    requests = [ask(said, SYSTEM, max_tokens=300, temperature=1.0, seed=5) for said in SAID[:4]]
    monkeypatch.setattr(engine.loaded.__class__, "context_length", 1024)
    engine._kept.budget = size.of(1024)
    put_back = []
    back = mlx_batch.Batch._put_back
    monkeypatch.setattr(mlx_batch.Batch, "_put_back", lambda batch: (back(batch), put_back.append(len(batch._waiting))))
    runs = together(engine, requests)
    assert max(put_back) > 0
    assert [run[-1].usage.completion_tokens for run in runs] == [300] * 4
    assert answers(runs) == answers(alone(folders["llama"], requests))


def test_a_failure_of_the_framework_fails_the_runs_and_the_next_ones_are_well(engine, monkeypatch):
    before = answers(together(engine, mixed()))
    with monkeypatch.context() as patch:
        patch.setattr(type(engine._model), "__call__", lambda *args, **more: 1 / 0)
        runs = together(engine, mixed())
    assert [run[-1].error.kind for run in runs] == ["EngineError"] * 7
    assert "ZeroDivisionError" in runs[0][-1].error.message
    assert answers(together(engine, mixed())) == before


def test_leaving_early_does_not_disturb_the_next_run(engine):
    expected = answers(together(engine, mixed()))
    events = engine.generate(mixed(), lambda run: False)
    for _ in range(40):
        next(events)
    events.close()
    assert answers(together(engine, mixed())) == expected


def test_afterwards_a_chat_goes_on_from_what_was_read(engine):
    requests = mixed()
    runs = together(engine, requests)
    chat = (*requests[0].messages, messages.assistant(text(runs[0])))
    (follow_up,) = together(engine, [ask("and then?", *chat, max_tokens=5)])
    assert follow_up[-1].usage.cached_tokens >= runs[0][-1].usage.prompt_tokens + 29


def test_a_quantized_cache_is_never_put_into_a_batch():
    from mlx_lm.models.cache import KVCache, QuantizedKVCache

    class Model:
        def __init__(self, *layers):
            self.make_cache = lambda: [layer() for layer in layers]

    assert mlx_batch.can_batch(Model(KVCache, KVCache))
    assert not mlx_batch.can_batch(Model(KVCache, QuantizedKVCache))
