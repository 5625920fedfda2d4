"""Stop strings, thinking, tool calls and characters, however the text was cut into tokens."""

from __future__ import annotations

import json

import pytest

from workbench.engines.textstream import TOOL, TextStream, Utf8, byte_level, opens_thinking, parse_calls, think_pair
from workbench.events import ReasoningDelta, TextDelta, ToolCalled

WEATHER = '<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich"}}\n</tool_call>'


def pieces(text, size):
    return [text[i : i + size] for i in range(0, len(text), size)]


def run(chunks, **options):
    """Feed chunks as tokens 0, 1, 2, ...; gives the events and the stream."""
    stream = TextStream("r", **options)
    events = [event for token, chunk in enumerate(chunks) for event in stream.feed(chunk, (token,))]
    return events + stream.close(), stream


def text(events, kind=TextDelta):
    return "".join(e.text for e in events if isinstance(e, kind))


def ids(events, kind=(TextDelta, ReasoningDelta)):
    return [t for e in events if isinstance(e, kind) for t in e.tokens]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
class TestStop:
    def test_text_before_a_stop_string_is_delivered_and_the_string_is_not(self, size):
        events, stream = run(pieces("one two ### three", size), stop=["###"])
        assert text(events) == "one two "
        assert stream.stopped

    def test_what_only_looks_like_a_stop_string_is_text(self, size):
        events, stream = run(pieces("a ## b #### c", size), stop=["###!"])
        assert text(events) == "a ## b #### c"
        assert not stream.stopped

    def test_the_stop_string_that_ends_first_wins(self, size):
        events, _ = run(pieces("xxabcd", size), stop=["abcd", "bc"])
        assert text(events) == "xxa"

    def test_a_stop_string_that_repeats_itself(self, size):
        events, _ = run(pieces("aaab", size), stop=["aab"])
        assert text(events) == "a"

    def test_a_stop_string_in_the_thinking_ends_nothing(self, size):
        events, stream = run(pieces("<think>so: stop it</think>now stop it", size), stop=["stop"])
        assert text(events, ReasoningDelta) == "so: stop it"
        assert text(events) == "now "
        assert stream.stopped


def test_text_is_held_back_only_while_it_may_be_the_start_of_a_stop_string():
    stream = TextStream("r", stop=["END"])
    shown = ["".join(e.text for e in stream.feed(c, (0,))) for c in ("a", "E", "N", "x", "EN", "E")]
    assert shown == ["a", "", "", "ENx", "", "EN"]
    assert "".join(e.text for e in stream.close()) == "E"


def test_nothing_comes_after_a_stop_string():
    stream = TextStream("r", stop=["x"])
    assert text(stream.feed("ax b", (0,))) == "a"
    assert stream.feed(" more", (1,)) == []
    assert stream.close() == []


@pytest.mark.parametrize("size", [1, 2, 4, 7, 100])
class TestThinking:
    def test_is_split_from_the_answer(self, size):
        events, _ = run(pieces("<think>\nhm\nok</think>\n\nThe answer", size))
        assert text(events, ReasoningDelta) == "hm\nok"
        assert text(events) == "The answer"

    def test_may_have_been_opened_by_the_prompt(self, size):
        events, _ = run(pieces("hm</think>yes", size), thinking=True)
        assert text(events, ReasoningDelta) == "hm"
        assert text(events) == "yes"

    def test_that_never_ends_stays_thinking(self, size):
        events, _ = run(pieces("<think>on and on </thi", size))
        assert text(events, ReasoningDelta) == "on and on </thi"
        assert text(events) == ""

    def test_of_nothing_leaves_no_trace(self, size):
        events, stream = run(pieces("<think>\n\n</think>\n\nhello", size))
        assert text(events, ReasoningDelta) == ""
        assert text(events) == "hello"
        assert stream.reasoning_tokens == 0

    def test_has_the_delimiters_a_model_wants(self, size):
        events, _ = run(pieces("[T]a[/T]b<think>", size), think=("[T]", "[/T]"))
        assert text(events, ReasoningDelta) == "a"
        assert text(events) == "b<think>"


def test_reasoning_tokens_are_those_of_the_thinking_alone():
    events, stream = run(["<think>", "a", "b", "</think>", "c"])
    assert stream.reasoning_tokens == 2
    assert ids(events, ReasoningDelta) == [1, 2]
    assert ids(events, TextDelta) == [4]


@pytest.mark.parametrize("size", [1, 3, 8, 100])
class TestTools:
    def test_a_call_is_an_event_and_no_text(self, size):
        events, stream = run(pieces(f"Let me see. {WEATHER}", size), tool=TOOL)
        (called,) = [e for e in events if isinstance(e, ToolCalled)]
        assert called.call.name == "weather"
        assert json.loads(called.call.arguments) == {"city": "Zürich"}
        assert text(events) == "Let me see. "
        assert stream.called

    def test_several_calls_have_ids_of_their_own(self, size):
        events, _ = run(pieces(f"{WEATHER}\n{WEATHER}\nDone", size), tool=TOOL)
        calls = [e.call for e in events if isinstance(e, ToolCalled)]
        assert len({c.id for c in calls}) == len(calls) == 2
        assert text(events) == "Done"

    def test_a_call_that_cannot_be_read_is_shown_as_written(self, size):
        broken = "<tool_call>{'name': oops}</tool_call> sorry"
        events, stream = run(pieces(broken, size), tool=TOOL)
        assert text(events) == broken
        assert not stream.called

    def test_a_call_cut_short_is_shown_as_written(self, size):
        events, _ = run(pieces(WEATHER[:30], size), tool=TOOL)
        assert text(events) == WEATHER[:30]

    def test_a_call_that_ends_with_the_text_counts(self, size):
        events, _ = run(pieces('[CALLS]{"name": "f"}', size), tool=("[CALLS]", ""))
        (called,) = events
        assert (called.call.name, called.call.arguments) == ("f", "{}")

    def test_without_tools_offered_it_is_text(self, size):
        events, _ = run(pieces(WEATHER, size))
        assert text(events) == WEATHER

    def test_a_call_out_of_the_thinking(self, size):
        events, _ = run(pieces(f"<think>hm {WEATHER}ok", size), tool=TOOL)
        assert text(events, ReasoningDelta) == "hm "
        assert [e.call.name for e in events if isinstance(e, ToolCalled)] == ["weather"]
        assert text(events) == "ok"


def test_a_parser_of_the_models_own_is_used():
    events, _ = run(["<tool_call>f(1)</tool_call>"], tool=TOOL, parse=lambda inside: [(inside[0], inside[1:])])
    assert (events[0].call.name, events[0].call.arguments) == ("f", "(1)")


def test_arguments_may_come_as_text_and_calls_as_a_list():
    assert parse_calls('[{"name": "a", "arguments": "{}"}, {"name": "b"}]') == [("a", "{}"), ("b", "{}")]


@pytest.mark.parametrize("bad", ["", "{}", '{"name": 3}', "[1]", '"a"', '{"name": "a"'])
def test_what_is_no_call_is_a_value_error(bad):
    with pytest.raises(ValueError, match=r".+"):
        parse_calls(bad)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9, 100])
def test_every_token_outside_delimiters_is_in_exactly_one_delta(size):
    whole = f"<think>\nwell</think>\n\nYes. {WEATHER} And more END not this"
    events, _ = run(pieces(whole, size), tool=TOOL, stop=["END"])
    seen = ids(events)
    assert seen == sorted(set(seen))
    inside = {i // size for part in ("well", "Yes. ", " And more ") for i in _span(whole, part)}
    assert set(seen) == inside


def _span(whole, part):
    start = whole.index(part)
    return range(start, start + len(part))


def test_a_token_that_is_half_delimiter_rides_with_its_visible_half():
    events, _ = run(["ab<th", "ink>c", "d</think>e"])
    assert [(type(e), e.text, e.tokens) for e in events] == [
        (TextDelta, "ab", (0,)),
        (ReasoningDelta, "c", (1,)),
        (ReasoningDelta, "d", (2,)),
        (TextDelta, "e", ()),
    ]


def test_tokens_without_text_ride_with_the_next_text():
    stream = TextStream("r")
    assert stream.feed("", (7,)) == []
    assert ids(stream.feed("a", (8,))) == [7, 8]
    assert ids([*stream.feed("", (9,)), *stream.close()]) == [9]


@pytest.mark.parametrize("said", ["naïve café", "Ω≈ç√", "日本語", "😀👩‍👩‍👧 🇨🇭", "a\u0301"])
def test_a_character_cut_by_token_borders_is_shown_whole(said):
    utf8 = Utf8()
    shown, tokens = [], []
    for token, byte in enumerate(said.encode()):
        piece, behind = utf8.feed(token, bytes([byte]))
        shown.append(piece)
        tokens += behind
    assert "".join(shown) == said
    assert not any("\ufffd" in piece for piece in shown)
    assert tokens == list(range(len(said.encode())))
    assert utf8.close() == ()


def test_half_a_character_at_the_end_is_left_out_and_its_ids_are_known():
    utf8 = Utf8()
    assert utf8.feed(1, b"ok") == ("ok", (1,))
    assert utf8.feed(2, "😀".encode()[:2]) == ("", ())
    assert utf8.close() == (2,)


@pytest.mark.parametrize("said", [" a", "é", "日", "\n", "\u00ad~", "\x00\x7f"])
def test_byte_level_names_are_read_back(said):
    from tokenizers.pre_tokenizers import ByteLevel

    ((name, _),) = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(said)
    assert byte_level(name) == said.encode()


def test_a_template_says_how_thinking_is_marked():
    assert think_pair("{{ '<|think:start|>' }}{{ '<|think:end|>' }}") == ("<|think:start|>", "<|think:end|>")
    assert think_pair("no word of it") == ("<think>", "</think>")


def test_a_prompt_that_ends_in_an_open_block_opens_the_thinking():
    think = ("<think>", "</think>")
    assert opens_thinking("<|im_start|>assistant\n<think>\n", think)
    assert not opens_thinking("<|im_start|>assistant\n<think>\n\n</think>\n\n", think)
    assert not opens_thinking("what is <think> for?<|im_end|>\nassistant\n", think)
