from __future__ import annotations

import time
import warnings
from collections.abc import Iterator

import pytest

from tests.servers.natives import Natives, ollama
from workbench.errors import ConnectionFailedError, ModelNotFoundError
from workbench.model import ModelInfo
from workbench.services import consent
from workbench.services.registry import Services
from workbench.sessions.catalogue import ModelList, connect, disconnect, discover, models, unload
from workbench.sessions.chat import Chat
from workbench.store import settings

TINY = ModelInfo(id="builtin", name="builtin", provider="local", engine="mlx", size=6_800_000, context_length=2048)
FAR = ModelInfo(id="ollama:<b>", name="<b>", provider="ollama", status="down", note="refused")


@pytest.fixture
def verbs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The services behind the verbs, for one test."""
    made = Services()
    monkeypatch.setattr("workbench.services.registry.default", lambda: made)
    yield made
    made.close()
    settings.change(endpoints=(), allowed=())


def test_it_reads_as_a_table_by_server() -> None:
    lines = repr(ModelList([TINY, FAR])).splitlines()
    assert lines[0].split() == ["id", "engine", "quantization", "size", "context", "status"]
    assert lines[1] == "on this machine"
    assert lines[2].split() == ["builtin", "mlx", "\u2013", "6.8", "MB", "2,048", "ready"]
    assert lines[3] == "ollama"
    assert "down, refused" in lines[4]
    assert lines[0].index("size") == lines[2].index("6.8 MB")


def test_its_html_is_escaped() -> None:
    page = ModelList([FAR])._repr_html_()
    assert "ollama:&lt;b&gt;" in page
    assert "<b>" not in page


def test_servers_that_did_not_answer_are_shown_beside_their_name() -> None:
    listed = ModelList([TINY, FAR], {"lm": ConnectionFailedError("Nothing listens.", next_step="Start it.")})
    lines = repr(listed).splitlines()
    assert lines[lines.index("lm") + 1] == "  Nothing listens. Start it."
    assert "Nothing listens. Start it." in listed._repr_html_()


def test_a_list_of_thousands_shows_quickly_and_holds_them_all() -> None:
    many = ModelList(ModelInfo(id=f"big:m{i}", name=f"m{i}", provider="big") for i in range(5000))
    began = time.perf_counter()
    text, page = repr(many), many._repr_html_()
    assert time.perf_counter() - began < 0.5
    assert len(many) == 5000
    assert len(text.splitlines()) < 60
    assert "and 4,960 more" in text
    assert "and 4,960 more" in page


def test_to_frame_has_a_row_a_model_and_a_column_a_field() -> None:
    pytest.importorskip("pandas")
    frame = ModelList([TINY, FAR]).to_frame()
    assert list(frame["id"]) == ["builtin", "ollama:<b>"]
    assert list(frame["local"]) == [True, False]
    assert frame["size"][0] == 6_800_000
    assert list(ModelList().to_frame().columns) == list(frame.columns)


def test_models_connect_and_unload_speak_to_the_services(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.services.registry.default", lambda: services)
    assert Chat(services=services).send("Hello", temperature=0).result(60)
    assert {m.id: m.status for m in models()}["builtin"] == "loaded"
    endpoint = connect("http://127.0.0.1:9/v1", key="s3cret", name="nowhere")
    assert endpoint.name == "nowhere"
    assert "s3cret" not in repr(endpoint)
    listed = models()
    assert list(listed.errors) == ["nowhere"]
    assert "builtin" in [m.id for m in listed]
    unload("builtin")
    assert {m.id: m.status for m in models()}["builtin"] == "ready"
    with pytest.raises(ModelNotFoundError, match="'builtin'"):
        unload("builtn")
    unload()
    services.endpoints.clear()


def test_a_server_that_is_not_there_is_an_error_in_place(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_USE_FALLBACK", "no")
    services.connect("http://127.0.0.1:9/v1", name="nowhere")
    chat = Chat("nowhere:some-model", services=services)
    with pytest.raises(ConnectionFailedError):
        chat.send("Hello").result(30)
    chat.model = "builtin"
    assert chat.retry().result(60)
    assert [m.role for m in chat.messages] == ["user", "assistant"]
    services.endpoints.clear()


def test_a_failure_stands_beside_its_server_and_the_rest_is_usable(verbs: Services) -> None:
    with ollama() as server:
        connect(server.url, name="ollama")
        connect("http://127.0.0.1:9/v1", name="nowhere")
        text = repr(models())
    lines = text.splitlines()
    there = next(i for i, line in enumerate(lines) if line.startswith(f"ollama, Ollama at {server.url}, "))
    assert "Q4_K_M" in lines[there + 1]
    assert "loaded, up to 131,072 tokens" in lines[there + 1]
    away = lines.index("nowhere, http://127.0.0.1:9/v1")
    assert lines[away + 1].startswith("  Nothing listens at 127.0.0.1:9.")


def test_connecting_with_a_key_over_plain_http_warns(verbs: Services) -> None:
    with pytest.warns(UserWarning, match="plain HTTP") as warned:
        connect("gpu-box:8000", key="s3cret", name="lab")
    assert warned[0].filename == __file__
    assert "s3cret" not in str(warned[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        connect("localhost:8000", key="s3cret", name="here")


def test_connecting_may_allow_prompts_to_leave(verbs: Services) -> None:
    connect("https://one.example/v1", name="one")
    assert consent.needed("https://one.example/v1")
    connect("https://one.example/v1", name="one", allow=True)
    assert not consent.needed("https://one.example/v1")
    assert settings.get().allowed == ()
    connect("https://two.example/v1", name="two", allow=True, save=True)
    assert settings.get().allowed == ("https://two.example",)
    assert [e.name for e in settings.get().endpoints] == ["two"]
    disconnect("two")
    assert settings.get().endpoints == ()


def test_a_look_around_offers_the_line_that_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    with ollama() as server, Natives({}, key="s3cret") as locked:
        monkeypatch.setattr("workbench.services.discover.PORTS", (server.port, locked.port))
        found = discover()
    assert [f.name for f in found] == ["ollama", f"local-{locked.port}"]
    lines = repr(found).splitlines()
    assert lines[0] == f"Ollama at http://localhost:{server.port}/v1: 2 models"
    assert lines[1].strip() == f"wb.connect('http://localhost:{server.port}/v1', name='ollama')"
    assert lines[3].strip() == f"wb.connect('http://localhost:{locked.port}/v1', key=...)"
    monkeypatch.setattr("workbench.services.discover.PORTS", (9,))
    assert "No server answers" in repr(discover())
