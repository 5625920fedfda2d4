"""What MLX has read is kept: chats of every kind on tiny models of every kind, each as from a cold start."""

from __future__ import annotations

import random

import pytest

from tests.engines import tiny
from tests.engines.chatting import SCENARIOS, Desk, begin, grow, load, said, written
from workbench import messages
from workbench.engines.prompt_cache import CHECKPOINTS, PromptCache, Reading, checkpoints_for, packed, shared_tokens
from workbench.errors import FolderError
from workbench.options import GenerationOptions
from workbench.request import Request


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("tiny")
    return {kind: tiny.make(kind, place / kind) for kind in tiny.KINDS}


@pytest.fixture(scope="module")
def cold(folders):
    return {kind: load(folder, 0) for kind, folder in folders.items()}


@pytest.fixture(scope="module")
def warm(folders):
    return {kind: load(folder) for kind, folder in folders.items()}


@pytest.fixture
def desk(warm, cold):
    """A desk with an engine that has read nothing yet."""

    def desk(kind, budget=2**30):
        warm[kind]._kept = PromptCache(warm[kind]._model, budget)
        return Desk(warm[kind], cold[kind], trims=kind == "llama")

    return desk


def request(conversation, **options):
    return Request(
        messages=tuple(conversation), model="tiny", options=GenerationOptions(**({"max_tokens": 8} | options))
    )


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_little_is_read_and_the_answers_are_those_of_a_cold_start(desk, scenario, kind):
    played = desk(kind)
    scenario(played)
    assert played.mismatched == 0
    assert played.ratio <= (1.01 if played.trims else 1.05)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_budget_is_kept_and_the_longest_unused_makes_room(desk, kind):
    played = desk(kind)
    grow(played, begin(played), 2)
    budget = played.engine._kept.nbytes * 2
    played = desk(kind, budget=budget)
    chats = [begin(played) for _ in range(4)]
    for chat in chats:
        grow(played, chat, 2)
        assert played.engine._kept.nbytes <= budget
    newest, oldest = (played.ask(chat)[-1].usage.cached_tokens for chat in (chats[-1], chats[0]))
    assert newest > 60
    assert oldest < newest
    assert played.mismatched == 0


def test_without_a_budget_nothing_is_kept(cold):
    chat = [messages.user("hello there")]
    for _ in range(2):
        *_, end = cold["llama"].generate([request(chat)], lambda run: False)
        assert end.usage.cached_tokens == 0
    assert cold["llama"]._kept.nbytes == 0


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_an_answer_left_early_is_kept_as_far_as_it_went(desk, kind):
    played = desk(kind)
    chat = begin(played)
    events = played.engine.generate([request(chat, max_tokens=40)], lambda run: False)
    seen = []
    while len(written(seen)) < 5:
        seen.append(next(events))
    events.close()
    again = played.ask([*chat, messages.assistant(said(seen)), messages.user("go on")])
    count = len(played.engine._encode(played.engine.render(request(chat))))
    assert again[-1].usage.cached_tokens >= count + 4
    assert played.mismatched == 0


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_an_answer_gone_on_with_reads_nothing_again(desk, kind):
    played = desk(kind)
    chat = begin(played)
    whole = said(played.ask(chat, max_tokens=30))
    first = said(played.ask(chat, max_tokens=12))
    begun = Request(
        messages=(*chat, messages.assistant(first)),
        model="tiny",
        continues=True,
        options=GenerationOptions(max_tokens=18),
    )
    events = list(played.engine.generate([begun], lambda run: False))
    assert first + said(events) == whole
    missed = events[-1].usage.prompt_tokens - events[-1].usage.cached_tokens
    assert missed <= (1 if kind == "llama" else 18)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_chat_saved_is_restored_in_another_process(desk, folders, cold, kind, tmp_path):
    played, file = desk(kind), tmp_path / "deep" / "chat.cache"
    chat = begin(played)
    grow(played, chat, 2)
    saved = played.engine.save_cache(request(chat[:-1]), file)
    assert saved > 50
    other = Desk(load(folders[kind]), cold[kind], trims=played.trims)
    assert other.engine.restore_cache(file) == saved
    assert other.ask(chat)[-1].usage.cached_tokens == saved
    assert other.mismatched == 0
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name]


def test_a_file_of_another_model_or_a_damaged_one_restores_nothing(desk, folders, tmp_path):
    played, file = desk("llama"), tmp_path / "chat.cache"
    chat = begin(played)
    played.ask(chat)
    assert played.engine.save_cache(request(chat), file) > 0
    same_sizes = load(tiny.make("llama", tmp_path / "other", seed=1))
    assert same_sizes.restore_cache(file) == 0
    assert load(folders["mamba2"]).restore_cache(file) == 0
    whole = file.read_bytes()
    for at in (0, 8, 200, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        assert load(folders["llama"]).restore_cache(file) == 0
    for damaged in (b"", b"x", whole[:-1], whole[: len(whole) // 2], whole + b"x"):
        file.write_bytes(damaged)
        assert load(folders["llama"]).restore_cache(file) == 0
    assert load(folders["llama"]).restore_cache(tmp_path / "nowhere") == 0
    file.write_bytes(whole)
    assert load(folders["llama"]).restore_cache(file) > 0


def test_nothing_held_is_nothing_saved(desk, tmp_path):
    played, file = desk("llama"), tmp_path / "chat.cache"
    assert played.engine.save_cache(request([messages.user("hello")]), file) == 0
    assert not file.exists()


def test_a_file_that_cannot_be_written_says_so(desk, tmp_path):
    played = desk("llama")
    chat = begin(played)
    played.ask(chat)
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="cannot be written"):
        played.engine.save_cache(request(chat), tmp_path / "file" / "chat.cache")


def test_a_quantized_cache_is_cut_back_and_forked(tmp_path):
    import mlx.core as mx
    from mlx_lm.generate import generate_step

    engine = load(tiny.make("llama", tmp_path, head_dim=32))
    ids = [2, *range(300, 400)]

    def answered(prompt, cache):
        steps = generate_step(mx.array(prompt), engine._model, max_tokens=6, prompt_cache=cache)
        return [int(token) for token, _ in steps]

    def quantized(prompt):
        reading = PromptCache(engine._model, 2**30).start(prompt)
        engine._model(mx.array([prompt[:-1]]), cache=reading.cache)
        return Reading([layer.to_quantized(group_size=32, bits=8) for layer in reading.cache], len(prompt) - 1)

    kept = PromptCache(engine._model, 2**30)
    kept.keep(quantized(ids), ids[:-1])
    fork = kept.start([*ids[:60], 500, 501])
    assert fork.done == 60
    assert fork.cache[0].keys[0].shape[-2] == 60
    assert answered([500, 501], fork.cache) == answered([500, 501], quantized([*ids[:60], 0]).cache)
    assert kept.start(ids).done == len(ids) - 1


def test_packed_tokens_share_what_the_ids_share():
    rng = random.Random(3)
    for _ in range(200):
        one = [rng.randrange(70_000) for _ in range(rng.randrange(1, 60))]
        cut = rng.randrange(len(one) + 1)
        other = one[:cut] + [rng.randrange(70_000, 80_000) for _ in range(rng.randrange(9))]
        assert shared_tokens(packed(one), packed(other)) == cut
        assert shared_tokens(packed(other), packed(one)) == cut


def test_the_longest_beginning_is_found_among_many(cold):
    """The neighbours in the order of the tokens are looked at, not all: the same is found."""
    import mlx.core as mx
    from mlx_lm.models.cache import KVCache

    rng = random.Random(5)
    kept, sequences = PromptCache(cold["llama"]._model, 2**30), []
    for _ in range(60):
        ids = [rng.randrange(3) for _ in range(rng.randrange(1, 12))]
        layer = KVCache()
        layer.update_and_fetch(mx.zeros((1, 1, len(ids), 8)), mx.zeros((1, 1, len(ids), 8)))
        kept.keep(Reading([layer], len(ids)), ids)
        sequences.append(packed(ids))
    for _ in range(200):
        ids = packed([rng.randrange(3) for _ in range(rng.randrange(1, 12))])
        assert kept.longest(ids) == max(shared_tokens(ids, known) for known in sequences)


@pytest.mark.parametrize(
    ("turns", "end", "places"),
    [
        ([0, 10, 50, 90], 95, [10, 50, 90]),
        ([0, 10], 100, [10, 99]),
        ([], 100, [99]),
        ([0], 20, [19]),
        (list(range(0, 400, 10)), 395, [10, *range(400 - 10 * (CHECKPOINTS - 1), 400, 10)]),
    ],
)
def test_checkpoints_are_kept_where_messages_begin(turns, end, places):
    assert checkpoints_for(turns, end) == places
