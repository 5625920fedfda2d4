"""A schema for a server: sent as `response_format`, left out with a notice where the server refuses it."""

from __future__ import annotations

import json

import jsonschema
import msgspec
import pytest

from tests.servers.scripted import DONE, ScriptedServer, delta, reply, stream, text
from tests.services.contract import ask
from tests.services.contract import text as text_of
from workbench.events import Failed, Finished, Notice
from workbench.services.openai_wire import body
from workbench.services.remote import RemoteChatService

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 10},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
ANSWERS = [stream(text('{"name": "Ann", "age": 3}'), delta(finish="stop"), DONE)]


def asked(schema, **options):
    return msgspec.structs.replace(ask("box:m", "Who?", **options), schema=schema)


@pytest.mark.parametrize(
    "refusal",
    [
        '{"error": {"message": "Invalid schema for response_format \'answer\': \'x\' is not permitted."}}',
        '{"error": "json_schema is not supported"}',
        '{"detail": "Unexpected fields in the request: {\'response_format\'}"}',
        '{"error": {"code": 400, "message": "failed to parse grammar"}}',
    ],
)
def test_a_server_that_refuses_the_schema_is_asked_without_it(refusal):
    with ScriptedServer([reply(refusal, status="400 Bad Request")], ANSWERS) as server:
        remote = RemoteChatService(server.url, name="box", retries=0)
        events = list(remote.stream(asked(SCHEMA)))
        remote.close()
        sent = ["response_format" in request["body"] for request in server.requests]
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert notices == ["schema was ignored: box does not take it."]
    assert isinstance(events[-1], Finished)
    assert events[-1].ignored == ("schema",)
    assert not events[-1].grammar
    assert sent == [True, False]


def test_another_refusal_is_told():
    with ScriptedServer([reply('{"error": "the model is tired"}', status="400 Bad Request")]) as server:
        remote = RemoteChatService(server.url, name="box", retries=0)
        events = list(remote.stream(asked(SCHEMA)))
        remote.close()
    assert isinstance(events[-1], Failed)


def test_strict_only_where_openai_would_take_it():
    def strict(schema):
        return body(asked(schema), "http://localhost/v1", "m")["response_format"]["json_schema"]["strict"]

    assert strict(SCHEMA)
    assert not strict(SCHEMA | {"required": ["name"]})
    assert not strict({"type": "object", "properties": {"a": SCHEMA | {"additionalProperties": True}}})


def test_llama_cpps_own_server_holds_to_it(llama):
    for seed in range(3):
        options = {"temperature": 1.5, "seed": seed, "max_tokens": 200, "thinking": False}
        request = msgspec.structs.replace(ask("llama:builtin", "Give me a person as JSON.", **options), schema=SCHEMA)
        events = list(llama.stream(request))
        assert isinstance(events[-1], Finished), events[-1]
        if events[-1].reason == "stop":
            jsonschema.validate(json.loads(text_of(events)), SCHEMA)
        assert events[-1].ignored == ()
