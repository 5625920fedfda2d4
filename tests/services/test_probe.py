from __future__ import annotations

import socket

from tests.servers.natives import Natives, listed
from tests.servers.scripted import ScriptedServer, reply
from tests.services.conftest import KEY
from workbench.services import probe

CHOICE = {"choices": [{"message": {"content": "Hi"}}]}


def steps(*args, **kwargs):
    return {step.name: step for step in probe.test(*args, **kwargs)}


def test_a_real_server_passes_every_step(llama_url):
    found = steps(llama_url, KEY)
    assert tuple(found) == probe.STEPS
    assert all(step.ok for step in found.values()), found
    assert found["model list"].message == "1 model."
    assert all(found[name].seconds for name in probe.STEPS[1:])
    assert KEY not in repr(found)


def test_a_wrong_key_stops_it_and_says_what_to_do(llama_url):
    found = steps(llama_url, "wrong-sesame")
    stopped = next(step for step in found.values() if step.ok is False)
    assert "refused the key" in stopped.message
    assert stopped.next_step
    assert found["streaming"].ok is None
    assert "wrong-sesame" not in repr(found)


def test_what_is_no_address_stops_at_the_first_step():
    found = steps("two words")
    assert [step.ok for step in found.values()] == [False, None, None, None, None]
    assert found["address"].next_step


def test_an_address_is_repaired_in_sight():
    with Natives({"/v1/models": listed("m"), "/v1/chat/completions": CHOICE}) as server:
        (first, *_) = probe.test(f"{server.url.removeprefix('http://')}/chat/completions")
    assert first.message == f"The address is well formed. It is read as {server.url}."


def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = steps(f"http://127.0.0.1:{port}")
    assert [step.ok for step in found.values()] == [True, False, None, None, None]
    assert found["connects"].message == f"Nothing listens at 127.0.0.1:{port}."
    assert "Start the server" in found["connects"].next_step


def test_a_web_page_connects_and_fails_at_the_list():
    with ScriptedServer([reply("<html>hello")]) as server:
        found = steps(server.url)
    assert [step.ok for step in found.values()] == [True, True, False, None, None]
    assert "a web page" in found["model list"].message


def test_a_server_without_models_says_so():
    with Natives({"/v1/models": listed()}) as server:
        found = steps(server.url)
    assert found["model list"].ok is False
    assert "no model" in found["model list"].message


def test_a_named_model_is_asked_even_where_there_is_no_list():
    with Natives({"/v1/chat/completions": CHOICE}) as server:
        found = steps(server.url, model="llama3")
        assert server.requests[1]["body"]["model"] == "llama3"
    assert found["model list"].ok
    assert "no list" in found["model list"].message
    assert found["one-token answer"].ok


def test_a_model_that_is_not_listed_is_told():
    with Natives({"/v1/models": listed("a"), "/v1/chat/completions": CHOICE}) as server:
        assert steps(server.url, model="b")["model list"].message == "1 model; b is not among them."
        assert steps(server.url, model="a")["model list"].message == "1 model."


def test_an_answer_without_a_message_fails():
    with Natives({"/v1/models": listed("a"), "/v1/chat/completions": {"ok": True}}) as server:
        found = steps(server.url)
    assert found["one-token answer"].ok is False
    assert found["streaming"].ok is None


def test_a_server_that_answers_but_does_not_stream_fails_at_the_last_step():
    with Natives(
        {"/v1/models": listed("a"), "/v1/chat/completions": lambda body: 500 if body.get("stream") else CHOICE}
    ) as server:
        found = steps(server.url)
    assert [step.ok for step in found.values()] == [True, True, True, True, False]


def test_only_a_fixed_question_is_sent():
    with Natives({"/v1/models": listed("a"), "/v1/chat/completions": CHOICE}) as server:
        steps(server.url)
        asked = [r["body"]["messages"] for r in server.requests if r["body"]]
    assert asked
    assert all(messages == [{"role": "user", "content": "Say hello."}] for messages in asked)
