from __future__ import annotations

import socket
import time

import pytest

from tests.servers.hub import Hub, HubServer, mlx_repo
from workbench.manager import entries, updates
from workbench.model import ModelInfo


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


@pytest.fixture
def hub(monkeypatch):
    with HubServer(Hub([mlx_repo(f"acme/m{i}") for i in range(12)])) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server.hub


def entry(id, revision):
    model = ModelInfo(id=id, name=id, provider="local", path="/x", revision=revision)
    return entries.Entry(model=model, source="Hugging Face cache", folder="/x", files=(), size=0)


def test_newer_same_and_unknown_are_told_apart(hub):
    here = [
        entry("acme/m0", hub.repos["acme/m0"].main),
        entry("acme/m1:Q4_K_M", "a" * 40),
        entry("acme/gone", "b" * 40),
    ]
    hub.update("acme/m1", {"x": b"y"})
    found = updates.check(here)
    assert (found.newer, found.current, found.unknown) == (("acme/m1:Q4_K_M",), ("acme/m0",), ("acme/gone",))
    assert found.error is None
    assert "1 with a newer revision: acme/m1:Q4_K_M" in str(found)
    assert updates.known()["acme/m1"].sha == hub.repos["acme/m1"].main
    assert "acme/gone" not in updates.known()


def test_a_hub_that_never_answers_is_not_waited_for(hub, monkeypatch):
    updates.check([entry("acme/m0", "a" * 40)])  # so that the client's import is not timed here
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        found = updates.check([entry(f"acme/m{i}", "a" * 40) for i in range(12)], timeout=1)
    assert time.monotonic() - began < 5
    assert len(found.unknown) == 12
    assert found.error.message == "The hub did not answer within 1 s."


def test_offline_is_said_and_older_answers_stay(hub, monkeypatch):
    updates.check([entry("acme/m0", "a" * 40)])
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = updates.check([entry("acme/m0", "a" * 40)])
    assert found.error is not None
    assert found.error.kind == "OfflineError"
    assert found.error.message in str(found)
    assert "acme/m0" in updates.known()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set" in updates.check([entry("acme/m0", "a" * 40)]).error.message
