"""Probabilities of tokens in what servers send: each token keeps its own text, whatever is cut, parsed or misnamed."""

from __future__ import annotations

import pytest

from tests.servers.scripted import DONE, ScriptedServer, data, delta, reply, stream, text
from tests.services.contract import ask
from tests.services.contract import text as text_of
from workbench.events import Finished, ReasoningDelta, TextDelta
from workbench.services.remote import RemoteChatService
from workbench.tokens import written

STOP = delta(finish="stop")


def entry(token, logprob=-0.5, **more):
    return {"token": token, "bytes": list(token.encode()), "logprob": logprob, **more}


def scored(content, *tokens, field="content"):
    """The line of a chunk with the probabilities of its tokens."""
    choice = {"index": 0, "delta": {field: content}, "finish_reason": None, "logprobs": {"content": list(tokens)}}
    return data({"choices": [choice]})


def answered(*parts, logprobs=2):
    """The events of a request for probabilities, and what was asked of the server."""
    with ScriptedServer(*[list(part) if isinstance(part, tuple) else [part] for part in parts]) as server:
        remote = RemoteChatService(server.url, name="box", retries=0)
        events = list(remote.stream(ask("box:m", "hello", logprobs=logprobs)))
        remote.close()
    return events, [request["body"] for request in server.requests]


def tokens(events, kind=TextDelta):
    return [token for event in events if isinstance(event, kind) for token in event.logprobs]


def test_probabilities_are_asked_for_and_read() -> None:
    others = [entry(" there", -1.5, id=7), entry(" you", -0.5, id=3), entry(" all", -3.0)]
    events, (body,) = answered(
        stream(
            scored("Hi", entry("Hi", -0.1)), scored(" you", entry(" you", -0.5, id=3, top_logprobs=others)), STOP, DONE
        )
    )
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    hi, you = tokens(events)
    assert (hi.id, hi.text, hi.logprob, hi.alternatives) == (None, "Hi", -0.1, ())
    assert [(a.id, a.text) for a in you.alternatives] == [(3, " you"), (7, " there")]
    assert isinstance(events[-1], Finished)
    assert events[-1].ignored == ()
    assert events[-1].applied.logprobs == 2


def test_none_are_asked_for_unless_wanted() -> None:
    events, (body,) = answered(stream(scored("Hi", entry("Hi")), STOP, DONE), logprobs=None)
    assert "logprobs" not in body
    assert "top_logprobs" not in body
    assert tokens(events) == []


def test_the_token_that_was_taken_can_be_asked_for_alone() -> None:
    line = scored("Hi", entry("Hi", top_logprobs=[entry("Hi"), entry("Ho")]))
    events, (body,) = answered(stream(line, STOP, DONE), logprobs=0)
    assert body["top_logprobs"] == 1  # llama.cpp's server tells nothing for 0
    assert [(t.text, t.alternatives) for t in tokens(events)] == [("Hi", ())]


def test_tokens_keep_their_text_when_thinking_comes_in_tags() -> None:
    pieces = ("<think>", "\n", "Hm", ".", "</th", "ink>\n", "\n", "Yes", " <b>")
    events, _ = answered(stream(*(scored(piece, entry(piece)) for piece in pieces), STOP, DONE))
    assert [t.text for t in tokens(events, ReasoningDelta)] == ["Hm", "."]
    assert [t.text for t in tokens(events)] == ["Yes", " <b>"]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thoughts_have_tokens_too(field) -> None:
    events, _ = answered(
        stream(scored("\n2", entry("2"), field=field), scored("Two", entry("Two")), STOP, DONE)
    )  # llama.cpp's server sends a line break that it names no token for
    assert [t.text for t in tokens(events, ReasoningDelta)] == ["\n2"]
    assert [t.text for t in tokens(events)] == ["Two"]


def test_several_tokens_of_a_chunk_share_its_text() -> None:
    half = {"token": "\\x9f", "bytes": [0x9F], "logprob": -0.2}
    events, _ = answered(stream(scored("a 😀!", entry("a"), half, entry("😀"), entry("!")), STOP, DONE))
    assert written(tokens(events)) == text_of(events) == "a 😀!"


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"content": None},
        {"content": [None, 3, {"token": "x"}]},
        {"content": [{"logprob": "a", "token": "x"}]},
    ],
)
def test_a_server_that_tells_nothing_is_said_to(told) -> None:
    line = data({"choices": [{"delta": {"content": "Hi"}, "logprobs": told}]})
    events, _ = answered(stream(line, STOP, DONE))
    assert text_of(events) == "Hi"
    assert tokens(events) == []
    assert events[-1].ignored == ("logprobs",)
    assert events[-1].applied.logprobs is None


@pytest.mark.parametrize(
    "message",
    ["You are not allowed to request logprobs from this model", "top_logprobs must be an int between 0 and 11"],
)
def test_a_server_that_refuses_is_asked_without_and_said_to(message) -> None:
    refused = reply(f'{{"error": {{"message": "{message}"}}}}', status="400 Bad Request")
    events, bodies = answered((refused,), (stream(text("Hi"), STOP, DONE),))
    assert text_of(events) == "Hi"
    assert ["logprobs" in body for body in bodies] == [True, False]
    assert events[-1].ignored == ("logprobs",)
