"""An answer's tokens with their probabilities, and other answers that branch off at one of them."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sessions.scripted import Script, say
from tests.sessions.test_chat import Front, make, until
from workbench.commands import BranchAt, ReadTokens, Regenerate
from workbench.errors import OptionError, StateError, UsageError
from workbench.events import Event, Finished, ReasoningDelta, TextDelta
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
from workbench.tokens import Alternative, Token, perplexity, written


def token(text: str, *others: str, p: float = 0.5) -> Token:
    """A token of that probability, its alternatives half as likely each."""
    texts = (text, *others)
    alternatives = tuple(Alternative(len(o), o, math.log(p / 2**at)) for at, o in enumerate(texts))
    return Token(len(text), text, math.log(p), alternatives)


def tell(*tokens: Token, thought: tuple[Token, ...] = (), cut: str = "") -> Script:
    """A script that writes these tokens one by one; `cut` is an end that a stop string takes away."""

    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        for each in thought:
            yield ReasoningDelta(run=request.run, text=each.text, tokens=(each.id or 0,), logprobs=(each,))
        for each in tokens:
            yield TextDelta(run=request.run, text=each.text.removesuffix(cut), tokens=(each.id or 0,), logprobs=(each,))
        yield Finished(run=request.run, reason="stop")

    return script


PARIS = (token("It", "Well"), token(" is", " was"), token(" Paris", " Rome", " Oslo"), token(".", "!"))


def begun(request: Request) -> tuple[bool, str, str]:
    """Whether a request goes on with an answer, and with what."""
    last = request.messages[-1]
    return request.continues, last.reasoning, last.text


def test_a_reply_has_its_tokens_as_they_come() -> None:
    chat, service = make(tell(*PARIS))
    reply = chat.send("Where?", logprobs=3)
    reply.result(5)
    assert service.requests[0].options.logprobs == 3
    assert [t.text for t in reply.tokens] == ["It", " is", " Paris", "."]
    assert reply.tokens[2].probability == pytest.approx(0.5)
    assert [(a.text, round(a.probability, 3)) for a in reply.tokens[2].alternatives] == [
        (" Paris", 0.5),
        (" Rome", 0.25),
        (" Oslo", 0.125),
    ]
    assert reply.perplexity == pytest.approx(2)


def test_an_answer_whose_probabilities_were_not_asked_for_has_none() -> None:
    chat, _ = make(say("Yes"))
    front = Front(chat)
    reply = chat.send("Well?")
    reply.result(5)
    assert (reply.tokens, reply.perplexity) == ((), None)
    assert front.state["messages"][1]["scored"] is False
    with pytest.raises(UsageError, match="tokens are not known"):
        chat.branch_at(reply, 0, 0)


@pytest.mark.parametrize("value", [-1, 21, 2.5, True, "5"])
def test_a_number_of_alternatives_is_0_to_20(value: Any) -> None:
    with pytest.raises(OptionError, match="logprobs"):
        GenerationOptions(logprobs=value)


def test_an_answer_goes_another_way_at_a_token() -> None:
    chat, service = make(tell(*PARIS), tell(token(", of", " in"), token(" course", " Italy")))
    front = Front(chat)
    first = chat.send("Where?", logprobs=3, temperature=0)
    first.result(5)
    other = chat.branch_at(first, 2, 1)
    assert other.result(5) == "It is Rome, of course"
    assert begun(service.requests[1]) == (True, "", "It is Rome")
    assert service.requests[1].options == GenerationOptions(logprobs=3, temperature=0)
    assert [m.text for m in chat.messages] == ["Where?", "It is Rome, of course"]
    assert [m.text for m in chat.branches(other)] == ["It is Paris.", "It is Rome, of course"]
    assert written(other.tokens) == other.text
    assert [(t.text, t.probability) for t in other.tokens][2] == (" Rome", pytest.approx(0.25))
    assert front.state == chat.view()


def test_it_goes_on_from_a_text_of_one_s_own_and_from_nothing_but_a_space() -> None:
    chat, service = make(tell(*PARIS), say(" then"), say("x"))
    first = chat.send("Where?", logprobs=3)
    first.result(5)
    assert chat.branch_at(first, 2, " Ghent").result(5) == "It is Ghent then"
    assert chat.branch_at(first, 0, " ").result(5) == " x"
    assert begun(service.requests[2]) == (True, "", " ")
    assert [m.role for m in service.requests[2].messages] == ["user", "assistant"]


def test_a_branch_of_a_branch_begins_with_the_text_of_both() -> None:
    chat, service = make(tell(*PARIS), tell(token(",", ";"), token(" yes", " no")), say("."))
    first = chat.send("Where?", logprobs=3)
    first.result(5)
    second = chat.branch_at(first, 2, 2)
    second.result(5)
    assert chat.branch_at(second, 4, 1).result(5) == "It is Oslo, no."
    assert begun(service.requests[2]) == (True, "", "It is Oslo, no")


def test_thinking_goes_another_way_too_and_the_answer_keeps_its_thinking() -> None:
    thought = (token("Hm", "Oh"), token(".", "?"))
    chat, service = make(tell(*PARIS, thought=thought), say("so"), say("so"))
    first = chat.send("Where?", logprobs=3)
    first.result(5)
    assert [t.thinking for t in first.tokens] == [True, True, False, False, False, False]
    chat.branch_at(first, 1, 1).result(5)
    assert begun(service.requests[1]) == (True, "Hm?", "")
    chat.branch_at(first, 4, 1).result(5)
    assert begun(service.requests[2]) == (True, "Hm.", "It is Rome")


def test_what_a_stop_string_cut_off_is_cut_off_the_last_token() -> None:
    chat, service = make(tell(*PARIS, token(" Yes##", " No##"), cut="##"), say("x"))
    first = chat.send("Where?", logprobs=3)
    assert first.result(5) == "It is Paris. Yes"
    assert written(first.tokens) == first.text
    chat.branch_at(first, 3, 1).result(5)
    assert begun(service.requests[1]) == (True, "", "It is Paris!")


@pytest.mark.parametrize(
    ("index", "alternative", "why"),
    [
        (9, 0, "no token 9"),
        (-1, 0, "no token -1"),
        (0, 5, "no alternative 5"),
        (0, 1, "ends the answer"),
        (0, 2, "half a character"),
        (0, "", "ends the answer"),
    ],
)
def test_what_cannot_be_branched_says_why(index: int, alternative: int | str, why: str) -> None:
    chat, _ = make(tell(token("Hi", "", "\ufffd")))
    reply = chat.send("a", logprobs=3)
    reply.result(5)
    with pytest.raises(UsageError, match=why):
        chat.branch_at(reply, index, alternative)
    assert len(chat.messages) == 2


def test_an_edited_answer_has_no_tokens() -> None:
    chat, _ = make(tell(*PARIS))
    reply = chat.send("Where?", logprobs=3)
    reply.result(5)
    chat.edit(reply, "It is Rome.")
    assert chat.last is not None
    with pytest.raises(UsageError, match="tokens are not known"):
        chat.branch_at(chat.last, 0, 0)


def test_an_answer_that_is_being_written_is_not_branched() -> None:
    def script(request: Request, cancelled: threading.Event) -> Iterator[Event]:
        yield TextDelta(run=request.run, text="Hi", logprobs=(token("Hi", "Ho"),))
        assert cancelled.wait(20)
        yield Finished(run=request.run, reason="cancelled")

    chat, _ = make(script)
    reply = chat.send("a", logprobs=1)
    until(lambda: reply.tokens)
    with pytest.raises(StateError, match="not finished"):
        chat.branch_at(reply, 0, 1)
    reply.stop()


def test_a_server_that_cannot_continue_is_said_to() -> None:
    chat, service = make(tell(*PARIS))
    front = Front(chat)
    reply = chat.send("Where?", logprobs=3)
    reply.result(5)
    service.continues = False
    with pytest.raises(UsageError, match="cannot continue"):
        chat.branch_at(reply, 2, 1)
    chat.perform(ReadTokens(id=1, message=reply.id))
    until(lambda: front.state["messages"][1]["no_branch"])
    assert "cannot continue" in front.state["messages"][1]["no_branch"]


def test_a_front_end_reads_the_tokens_and_branches() -> None:
    chat, _ = make(tell(*PARIS), say("!"))
    front = Front(chat)
    reply = chat.send("Where?", logprobs=3)
    reply.result(5)
    assert front.state["messages"][1]["scored"] is True
    read = chat.perform(ReadTokens(id=1, message=reply.id))
    assert read.ok
    assert read.data["perplexity"] == pytest.approx(2)
    assert read.data["tokens"][2] == {
        "text": " Paris",
        "p": 0.5,
        "thinking": False,
        "chosen": 0,
        "others": [[" Paris", 0.5], [" Rome", 0.25], [" Oslo", 0.125]],
    }
    assert chat.perform(BranchAt(id=2, message=reply.id, token=2, alternative=1)).ok
    until(lambda: chat.last is not None and chat.last.done and chat.last.text == "It is Rome!")
    refused = chat.perform(BranchAt(id=3, message=reply.id, token=2, alternative=9))
    assert refused.error is not None
    assert "no alternative 9" in refused.error.message
    assert chat.perform(ReadTokens(id=4, message="nothing")).ok is False


def test_an_answer_is_asked_again_with_probabilities() -> None:
    chat, service = make(say("Yes"), tell(*PARIS))
    reply = chat.send("Where?")
    reply.result(5)
    assert chat.perform(Regenerate(id=1, message=reply.id, logprobs=5)).ok
    until(lambda: len(service.requests) == 2)
    assert service.requests[1].options.logprobs == 5


def test_an_answer_gone_on_with_keeps_its_tokens() -> None:
    chat, _ = make(tell(*PARIS), tell(token(" Yes", " No")))
    chat.send("Where?", logprobs=3).result(5)
    longer = chat.go_on()
    longer.result(5)
    assert written(longer.tokens) == longer.text == "It is Paris. Yes"


def test_tokens_are_in_memory_only_so_a_copy_has_none() -> None:
    chat, _ = make(tell(*PARIS))
    chat.send("Where?", logprobs=3).result(5)
    copy = chat.fork().last
    assert copy is not None
    assert (copy.text, copy.tokens) == ("It is Paris.", ())


def test_perplexity_counts_what_is_known() -> None:
    known = [token("a", p=0.5), Token(1, "b", None), token("c", p=0.125)]
    assert perplexity(known) == pytest.approx(4)
    assert perplexity([Token(1, "b", None)]) is None


def test_the_model_that_ships_goes_another_way(services: Services) -> None:
    chat = Chat(services=services)
    first = chat.send("who are you?", temperature=0, max_tokens=20, logprobs=5)
    first.result(60)
    assert written(first.tokens) == first.text
    at = next(i for i, t in enumerate(first.tokens) if i and len([a for a in t.alternatives if a.sayable]) > 1)
    which = next(i for i, a in enumerate(first.tokens[at].alternatives) if a.sayable and a.id != first.tokens[at].id)
    other = chat.branch_at(first, at, which, max_tokens=10)
    other.result(60)
    begin = written(first.tokens[:at]) + first.tokens[at].alternatives[which].text
    assert other.text.startswith(begin)
    assert written(other.tokens) == other.text
    assert len(chat.branches(other)) == 2
    chat.close()
