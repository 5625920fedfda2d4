from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from tests.servers.natives import Natives, listed, ollama
from tests.servers.scripted import HANG, ScriptedServer, reply
from workbench.errors import ModelNotFoundError, UsageError
from workbench.services.registry import Services, default
from workbench.store import settings
from workbench.store.settings import EndpointSettings


@pytest.fixture
def services():
    made = Services()
    yield made
    made.close()
    settings.change(endpoints=(), default_model=None)


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


# The list that is kept


def heard(services, until):
    """Refresh, and wait until the listing is as it should be; how often there was news."""
    news = threading.Semaphore(0)
    services.refresh(news.release)
    count = 0
    deadline = time.monotonic() + 10
    while not until(services.listing()):
        assert news.acquire(timeout=max(0.0, deadline - time.monotonic())), services.listing()
        count += 1
    return count


def test_a_listing_is_there_at_once_and_grows_as_servers_answer(services):
    with ScriptedServer([listing("a")]) as quick, ScriptedServer([0.5, listing("b")]) as late:
        services.connect(quick.url, name="quick")
        services.connect(late.url, name="late")
        began = time.monotonic()
        before = services.listing()
        assert time.monotonic() - began < 0.3
        assert next(m.id for m in before.models) == "builtin"
        assert (before.at, before.errors, quick.requests) == (None, {}, [])
        began = time.monotonic()
        heard(services, lambda now: "quick:a" in {m.id for m in now.models})
        assert time.monotonic() - began < 0.4
        assert services.listing().refreshing == {"late"}
        heard(services, lambda now: not now.refreshing)
    ids = [m.id for m in services.listing().models]
    assert ids[-2:] == ["quick:a", "late:b"]


def test_a_server_is_not_asked_twice_at_once_and_all_who_asked_hear(services):
    with ScriptedServer([0.2, listing("a")]) as server:
        services.connect(server.url, name="box")
        told = [threading.Event(), threading.Event()]
        for event in told:
            services.refresh(event.set)
        assert all(event.wait(5) for event in told)
        assert [r["path"] for r in server.requests].count("/v1/models") == 1


def test_a_server_that_goes_away_keeps_its_models_as_down_until_it_comes_back(services):
    with Natives({"/v1/models": listed("a")}) as server:
        services.connect(server.url, name="box")
        assert services.models()[0][-1].status == "ready"
        server.answers["/v1/models"] = 503
        found, errors = services.models()
        assert (found[-1].id, found[-1].status) == ("box:a", "down")
        assert list(errors) == ["box"]
        server.answers["/v1/models"] = listed("a", "b")
        found, errors = services.models()
    assert [(m.id, m.status) for m in found[-2:]] == [("box:a", "ready"), ("box:b", "ready")]
    assert errors == {}


def test_a_slow_server_delays_the_list_only_the_first_time(services):
    with Natives({"/v1/models": listed("a")}) as server:
        services.connect(server.url, name="box")
        services.models()
        server.delays["/v1/models"] = 1.5
        began = time.monotonic()
        found, errors = services.models()
        assert time.monotonic() - began < 1
    assert found[-1].id == "box:a"
    assert errors == {}


def test_what_a_server_tells_beyond_the_standard_is_in_the_list(services):
    with ollama() as server:
        services.connect(server.url, name="ollama")
        found, _ = services.models()
        (known,) = services.listing().servers
    llama = next(m for m in found if m.id == "ollama:llama3.2:latest")
    assert (llama.status, llama.size, llama.context_length) == ("loaded", 2019393189, 4096)
    assert services.resolve("ollama:llama3.2:latest")[1] == llama
    assert (known.title, known.models, known.asking) == ("Ollama", 2, False)


def test_an_answer_that_comes_after_its_server_was_forgotten_is_dropped(services):
    with ScriptedServer([0.3, listing("old")]) as before, ScriptedServer([listing("new")]) as after:
        services.connect(before.url, name="box")
        services.refresh()
        services.connect(after.url, name="box")
        heard(services, lambda now: not now.refreshing)
        time.sleep(0.4)  # the old server answers now
        assert [m.id for m in services.listing().models if m.provider == "box"] == ["box:new"]


# What is saved


def test_a_saved_endpoint_is_there_in_the_next_session_and_is_not_asked_before_it_is_listed(services):
    with Natives({"/v1/models": listed("a")}) as server:
        services.connect(server.url, name="box", model="a", save=True)
        later = Services()
        assert list(later.endpoints) == ["box"]
        assert later.resolve("box:")[1].id == "box:a"
        assert server.requests == []
        assert [m.id for m in later.models()[0] if m.provider == "box"] == ["box:a"]
        assert [s.saved for s in later.listing().servers] == [True]
        later.close()


def test_one_connected_for_this_session_is_not_saved(services):
    services.connect("http://localhost:1", name="box")
    assert settings.get().endpoints == ()
    assert [s.saved for s in services.listing().servers] == [False]


def test_a_change_of_the_settings_is_followed(services):
    services.connect("http://localhost:1", name="mine")
    settings.change(endpoints=(EndpointSettings(name="box", url="http://localhost:2/v1"),))
    assert list(services.endpoints) == ["mine", "box"]
    settings.change(endpoints=(EndpointSettings(name="box", url="http://localhost:3/v1", model="m"),))
    assert services.endpoints["box"].url == "http://localhost:3/v1"
    assert services.resolve("box:")[1].id == "box:m"
    services.connect("http://localhost:4", name="box")  # for this session, in the place of the saved one
    settings.change(endpoints=())
    assert {name: s.url for name, s in services.endpoints.items()} == {
        "mine": "http://localhost:1/v1",
        "box": "http://localhost:4/v1",
    }


def test_saving_a_name_twice_replaces_it_and_keeps_the_others(services):
    services.connect("http://localhost:1", name="a", save=True)
    services.connect("http://localhost:2", name="b", save=True)
    endpoint = services.connect("http://localhost:3", name="a", save=True)
    assert "takes the place" in str(endpoint)
    assert [(e.name, e.url) for e in settings.get().endpoints] == [
        ("a", "http://localhost:3/v1"),
        ("b", "http://localhost:2/v1"),
    ]


def test_an_endpoint_is_renamed_with_its_key_and_in_the_settings(services):
    services.connect("http://localhost:1", name="a", key="sesame-42", save=True)
    services.connect("http://localhost:2", name="b")
    services.rename("a", "c")
    assert list(services.endpoints) == ["b", "c"]
    assert services._keys["c"].get() == "sesame-42"
    assert [e.name for e in settings.get().endpoints] == ["c"]
    with pytest.raises(UsageError, match="already"):
        services.rename("c", "b")
    with pytest.raises(UsageError, match="No server is connected as 'z'"):
        services.rename("z", "y")
    with pytest.raises(UsageError):
        services.rename("c", "x:y")


def test_disconnecting_forgets_the_endpoint_everywhere(services):
    services.connect("http://localhost:1", name="box", key="sesame-42", save=True)
    services.disconnect("box")
    assert (dict(services.endpoints), settings.get().endpoints) == ({}, ())
    with pytest.raises(ModelNotFoundError):
        services.resolve("box:a")
    with pytest.raises(UsageError, match="No server is connected as 'box'"):
        services.disconnect("box")


def test_connecting_again_keeps_the_key_of_the_same_server_only(services):
    services.connect("http://localhost:1", name="box", key="sesame-42")
    services.connect("http://localhost:1", name="box", model="m")
    assert services._keys["box"].get() == "sesame-42"
    services.connect("http://localhost:2", name="box")
    assert services._keys["box"].get() is None
    services.connect("http://localhost:2", name="box", key="sesame-42")
    services.connect("http://localhost:2", name="box", key="")
    assert services._keys["box"].get() is None


def test_a_key_over_plain_http_to_another_machine_warns(services):
    assert "plain HTTP" in services.connect("http://gpu-box:8000", key="sesame-42", name="lab").warning
    assert services.connect("https://gpu-box:8000", key="sesame-42", name="lab").warning == ""
    assert services.connect("http://127.0.0.1:8000", key="sesame-42", name="here").warning == ""
    assert services.connect("http://gpu-box:8001", name="open").warning == ""


def test_without_an_address_it_is_ollamas(services):
    endpoint = services.connect()
    assert (endpoint.name, endpoint.url, endpoint.model) == ("ollama", "http://localhost:11434/v1", None)


def test_the_name_of_a_usual_server_will_do(services):
    gemini = services.connect("gemini", key="sesame-42")
    assert (gemini.name, gemini.url) == ("gemini", "https://generativelanguage.googleapis.com/v1beta/openai")
    assert services.connect("localai", name="mine").name == "mine"
    assert services.listing().servers[0].title == "Gemini"


def test_the_settings_name_the_default_model(services, monkeypatch):
    monkeypatch.delenv("WORKBENCH_MODEL", raising=False)
    services.connect("http://localhost:1", name="box")
    settings.change(default_model="box:big")
    assert services.current == services.resolve()[1].id == "box:big"


def test_a_model_that_loads_says_how_far(services):
    shares = []
    for _ in services.local.load("builtin"):
        shares += [m.note for m in services.listing().models if m.id == "builtin" and m.status == "loading"]
    assert all(share.endswith(" %") for share in shares if share)
    assert next(m.status for m in services.listing().models if m.id == "builtin") == "loaded"
