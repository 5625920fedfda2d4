from __future__ import annotations

import json
import socket
import time

import pytest

from tests.servers.scripted import HANG, ScriptedServer, reply
from workbench.errors import ModelNotFoundError, UsageError
from workbench.services.registry import Services, default


@pytest.fixture
def services():
    made = Services()
    yield made
    made.close()


def listing(*names):
    return reply(json.dumps({"data": [{"id": name} for name in names]}))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_the_shipped_model_answers_when_nobody_is_named(services, monkeypatch):
    monkeypatch.delenv("WORKBENCH_MODEL", raising=False)
    service, info = services.resolve()
    assert (service, info.id, info.status) == (services.local, "builtin", "ready")
    assert info.engine in ("mlx", "llama_cpp")


def test_the_environment_names_the_default_model(services, monkeypatch):
    services.connect("http://localhost:1", name="box")
    monkeypatch.setenv("WORKBENCH_MODEL", "box:big")
    assert services.resolve()[1].id == "box:big"
    assert services.resolve("builtin")[1].id == "builtin"


def test_an_endpoint_answers_for_its_models_without_being_asked(services):
    endpoint = services.connect("localhost:11434", model="llama3.2")
    assert (endpoint.name, endpoint.url) == ("ollama", "http://localhost:11434/v1")
    service, info = services.resolve("ollama:qwen3:4b")
    assert service is services.endpoints["ollama"]
    assert (info.id, info.name, info.provider, info.local) == ("ollama:qwen3:4b", "qwen3:4b", "ollama", False)
    assert services.resolve("ollama:")[1].id == "ollama:llama3.2"


def test_a_name_used_before_is_replaced_with_a_word(services):
    services.connect("http://localhost:1", name="box")
    first = services.endpoints["box"]
    endpoint = services.connect("http://localhost:2", name="box", key="sesame-42")
    assert services.endpoints["box"] is not first
    assert "takes the place" in str(endpoint)
    assert "http://localhost:1/v1" in str(endpoint)
    assert "sesame-42" not in str(endpoint) + repr(services)


@pytest.mark.parametrize(("url", "name"), [("", None), ("http://h", "a:b"), ("http://h", "a/b")])
def test_a_bad_connection_is_refused_and_changes_nothing(services, url, name):
    with pytest.raises(UsageError):
        services.connect(url, name=name)
    assert services.endpoints == {}


def test_an_unknown_model_names_the_nearest(services):
    with pytest.raises(ModelNotFoundError, match="Did you mean 'builtin'"):
        services.resolve("bultin")
    with pytest.raises(ModelNotFoundError, match=r"wb\.connect"):
        services.resolve("olama:llama3.2")
    services.connect("localhost:11434")
    with pytest.raises(ModelNotFoundError, match=r"Did you mean 'ollama:llama3.2'"):
        services.resolve("olama:llama3.2")


def test_a_model_of_a_server_is_named_when_its_endpoint_was_forgotten(services):
    with ScriptedServer([listing("llama3.2")]) as server:
        services.connect(server.url, name="box")
        services.models()
    with pytest.raises(ModelNotFoundError, match=r"Did you mean 'box:llama3.2'"):
        services.resolve("lama3.2")


def test_all_are_listed_and_who_does_not_answer_is_named(services):
    with (
        ScriptedServer([listing("a", "b")]) as good,
        ScriptedServer([listing()]) as empty,
        ScriptedServer([HANG]) as slow,
        ScriptedServer([reply("{}", status="401 Unauthorized")]) as locked,
    ):
        services.connect(good.url, name="good")
        services.connect(empty.url, name="empty")
        services.connect(slow.url, name="slow")
        services.connect(locked.url, name="locked")
        services.connect(f"127.0.0.1:{free_port()}", name="gone")
        services.endpoints["good"].models()  # so that the client's import is not timed here
        started = time.monotonic()
        found, failed = services.models()
        assert time.monotonic() - started < 3
    ids = [m.id for m in found]
    assert ids[0] == "builtin"
    assert [i for i in ids if ":" in i and "/" not in i] == ["good:a", "good:b"]
    assert {name: type(error).__name__ for name, error in failed.items()} == {
        "slow": "ServiceTimeoutError",
        "locked": "AuthenticationError",
        "gone": "ConnectionFailedError",
    }
    assert services.resolve("good:a")[1] == next(m for m in found if m.id == "good:a")


def test_the_default_is_made_once():
    assert default() is default()


def test_the_current_model_is_what_answers_when_none_is_named(services, monkeypatch):
    monkeypatch.setenv("WORKBENCH_MODEL", "box:big")
    services.connect("http://localhost:1", name="box")
    assert services.current == "box:big"
    told = []

    class Follower:
        def hear(self, info):
            told.append(info.id)

    follower = Follower()
    services.follow(follower.hear)
    assert services.use("box:small").id == services.current == "box:small"
    assert services.resolve()[1].id == "box:small"
    with pytest.raises(ModelNotFoundError, match="Did you mean 'builtin'"):
        services.use("bultin")
    assert services.current == "box:small"
    del follower
    services.use("builtin")
    assert told == ["box:small"]
