"""`schema=` from code: the object it gives, what held it, what is asked again, what is kept."""

from __future__ import annotations

import dataclasses

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices, fail, say, until_cancelled
from workbench.errors import ConnectionFailedError, SchemaError, StateError, UsageError
from workbench.events import Finished, TextDelta, Usage
from workbench.messages import Shape
from workbench.sessions.answer import Answer
from workbench.sessions.chat import Chat
from workbench.sessions.stored import node_of, stored


@dataclasses.dataclass
class Person:
    name: str
    age: int


GOOD = '{"name": "Ann", "age": 20}'
BAD = '{"name": "Ann"}'
WHY = "$: 'age' is a required property"


def held(*pieces):
    """A script of an engine whose grammar holds the answer."""

    def script(request, cancelled):
        for piece in pieces:
            yield TextDelta(run=request.run, text=piece, tokens=(1,))
        yield Finished(run=request.run, reason="stop", usage=Usage(prompt_tokens=7, completion_tokens=9), grammar=True)

    return script


def begun(*scripts, url=None):
    service = ScriptedService(*scripts, url=url)
    return Chat(services=ScriptedServices(service), private=True), service


def shown(chat):
    return chat.view()["messages"][-1]


def test_the_shipped_model_gives_an_object(services):
    chat = Chat(services=services, private=True)
    reply = chat.send("Give me a person as JSON.", schema=Person, temperature=0, max_tokens=120)
    assert isinstance(reply.value, Person)
    assert reply.enforced == "grammar"
    assert reply.value is reply.value
    assert reply.notes == ()
    assert reply.ignored == ()
    assert shown(chat)["schema"] == {"name": "Person", "enforced": "grammar", "valid": True, "error": ""}
    chat.close()


def test_nothing_holds_it_so_it_is_looked_at():
    chat, service = begun(say("Sure:\n```json\n", GOOD, "\n```"))
    reply = chat.send("Who?", schema=Person)
    assert reply.value == Person("Ann", 20)
    assert reply.enforced == "checked"
    assert service.requests[0].schema["$defs"]["Person"]["additionalProperties"] is False
    assert service.requests[0].messages[-1].text == "Who?"


def test_what_does_not_fit_is_asked_for_again_in_one_reply():
    chat, service = begun(say(BAD), say(GOOD))
    reply = chat.send("Who?", schema=Person)
    pieces = list(reply)
    assert reply.value == Person("Ann", 20)
    assert "".join(pieces).endswith(GOOD)
    assert reply.text == GOOD
    assert [note.message for note in reply.notes] == [f"Asked again: {WHY}."]
    assert len(chat.messages) == 2
    again = service.requests[1].messages
    assert "JSON schema" in again[0].text
    assert [m.role for m in again] == ["user", "assistant", "user"]
    assert again[1].text == BAD
    assert WHY in again[2].text
    assert reply.usage.completion_tokens == 2
    assert chat.messages[0].text == "Who?"


def test_a_model_is_asked_three_times_at_most():
    chat, service = begun(say(BAD))
    reply = chat.send("Who?", schema=Person)
    with pytest.raises(SchemaError, match=r"does not fit Person: .*required property") as raised:
        _ = reply.value
    assert raised.value.details == BAD
    assert reply.result() == BAD
    assert len(service.requests) == 3
    assert shown(chat)["schema"] == {"name": "Person", "enforced": "checked", "valid": False, "error": WHY}


def test_a_fallback_that_does_not_fit_is_asked_again_itself():
    away = ScriptedService(fail(ConnectionFailedError("Nothing listens.")), name="box", models=("m",))
    here = ScriptedService(say(BAD), say(GOOD), models=("builtin",))
    reply = Chat("box:m", services=ScriptedServices(away, here), private=True).send("Who?", schema=Person)
    assert reply.value == Person("Ann", 20)
    assert (len(away.requests), [request.model for request in here.requests]) == (1, ["builtin", "builtin"])


def test_a_server_is_told_the_schema_at_once(monkeypatch):
    monkeypatch.setattr("workbench.services.consent.check", lambda url: None)
    chat, service = begun(say(GOOD), url="http://localhost:1/v1")
    assert chat.send("Who?", schema=Person).value == Person("Ann", 20)
    assert service.requests[0].messages[-1].text.startswith("Who?\n\nAnswer with JSON only")


def test_an_answer_that_was_cut_off_says_so():
    chat, service = begun(say('{"name": ', reason="length"))
    reply = chat.send("Who?", schema=Person)
    with pytest.raises(SchemaError, match="cut off at 1 tokens"):
        _ = reply.value
    assert len(service.requests) == 1


def test_a_grammar_that_let_go_is_not_praised():
    chat, _ = begun(held("no"), held(GOOD))
    reply = chat.send("Who?", schema=Person)
    assert reply.value == Person("Ann", 20)
    assert reply.enforced == "grammar"
    other, _ = begun(held("no"))
    reply = other.send("Who?", schema=Person)
    reply.wait()
    assert reply.enforced == "checked"


def test_stopped_failed_and_without_a_schema():
    chat, _ = begun(until_cancelled('{"na'))
    reply = chat.send("Who?", schema=Person)
    next(iter(reply))
    reply.stop()
    with pytest.raises(SchemaError, match="stopped"):
        _ = reply.value
    assert shown(chat)["schema"]["valid"] is None
    chat, _ = begun(fail(ConnectionFailedError("Away."), '{"na'))
    with pytest.raises(ConnectionFailedError):
        _ = chat.send("Who?", schema=Person).value
    chat, _ = begun(say("Hello"))
    reply = chat.send("Who?")
    with pytest.raises(StateError, match="without a schema"):
        _ = reply.value
    assert reply.enforced is None
    assert shown(chat)["schema"] is None
    with pytest.raises(UsageError):
        chat.send("Who?", schema=3)
    assert len(chat.messages) == 2


def test_another_answer_and_another_wording_keep_the_schema():
    chat, service = begun(say(GOOD))
    reply = chat.send("Who?", schema=Person)
    reply.result()
    assert chat.regenerate().value == Person("Ann", 20)
    question = chat.messages[0]
    assert chat.edit(question, "Who is it?").value == Person("Ann", 20)
    assert all(request.schema for request in service.requests)
    chat.send("And now in words?").result()
    assert service.requests[-1].schema is None


def test_it_is_kept_and_comes_back_as_json_gives_it():
    chat, service = begun(say(GOOD))
    reply = chat.send("Who?", schema=Person)
    reply.result()
    kept = stored(chat._conversation.find(reply), "c")
    assert isinstance(kept.parts[0], Shape)
    back = node_of(kept, chat._conversation.changed).reply
    assert back.value == {"name": "Ann", "age": 20}
    assert back.enforced == "checked"
    assert isinstance(back._answer, Answer)
    fork = chat.fork()
    fork.regenerate().result()
    assert service.requests[-1].schema is not None


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_exports_say_what_held_it(form):
    chat, _ = begun(say(GOOD))
    chat.send("Who?", schema=Person).result()
    text = chat.export(form)
    assert "Person" in text
    assert "checked" in text


def test_the_program_asks_with_the_schema_again():
    chat, _ = begun(say("3"))
    chat.send("Which?", schema={"type": "integer"}).result()
    assert "reply = chat.send(\"Which?\", schema={'type': 'integer'})" in chat.export("python")
