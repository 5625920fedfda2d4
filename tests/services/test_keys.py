from __future__ import annotations

import io
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback

import keyring
import keyring.backends.fail
import nbformat
import pytest
from keyring.backend import KeyringBackend

import workbench as wb
from tests.servers.natives import Natives, listed
from workbench.errors import AuthenticationError, UsageError, WorkbenchError
from workbench.events import Finished
from workbench.messages import user
from workbench.request import Request
from workbench.services import keys, registry
from workbench.services.keys import Key, Secret
from workbench.store import paths, settings

URL = "https://api.openai.com/v1"


class Memory(KeyringBackend):
    """A keyring that keeps secrets in memory, and counts how often it is asked."""

    priority = 5
    viable = False  # it is never found by itself

    def __init__(self, delay: float = 0.0) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.asked = 0
        self.delay = threading.Event() if delay else None

    def get_password(self, service: str, username: str) -> str | None:
        self._count()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._count()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._count()
        del self.kept[service, username]

    def _count(self) -> None:
        self.asked += 1
        if self.delay is not None:
            self.delay.wait(30)


@pytest.fixture
def ring():
    """A keyring of this test's own."""
    before, made = keyring.get_keyring(), Memory()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def slow_ring(monkeypatch):
    before, made = keyring.get_keyring(), Memory(delay=30)
    monkeypatch.setattr(keys, "KEYRING_SECONDS", 0.2)
    keyring.set_keyring(made)
    yield made
    made.delay.set()
    keyring.set_keyring(before)


@pytest.fixture
def services():
    made = registry.Services()
    yield made
    made.close()
    settings.change(endpoints=())


def test_a_key_goes_to_the_keyring_and_comes_back_in_the_next_session(ring):
    kept, note = Key("openai", URL, "session", secret=Secret(" sk-sesame\n")).put()
    assert (kept.source, kept.where(), note) == ("keyring", "system keyring", "")
    assert list(ring.kept) == [("workbench", "openai at https://api.openai.com")]
    later = Key("openai", URL, "keyring")
    assert later.locked
    assert later.at_hand() is None
    asked = ring.asked
    assert later.get() == later.at_hand() == "sk-sesame"
    assert later.get() == "sk-sesame"
    assert ring.asked == asked + 1
    assert not later.locked
    later.forget()
    assert ring.kept == {}


def test_a_key_of_another_server_of_the_same_name_is_not_sent(ring):
    Key("openai", URL, "session", secret=Secret("sk-sesame")).put()
    with pytest.raises(AuthenticationError, match=r"holds no key of openai for evil\.example"):
        Key("openai", "https://evil.example/v1", "keyring").get()
    assert Key("openai", URL, "session", secret=Secret("sk-sesame")).at("https://evil.example/v1") is None


def test_a_keyring_that_does_not_answer_has_two_seconds(slow_ring):
    assert keys.KEYRING_SECONDS == 0.2
    began = time.monotonic()
    with pytest.raises(AuthenticationError, match=r"did not answer within 0\.2 s"):
        Key("openai", URL, "keyring").get()
    kept, note = Key("openai", URL, "session", secret=Secret("sk-sesame")).put()
    assert time.monotonic() - began < 2
    assert kept.where() == "this session only"
    assert "this session only" in note


def test_where_there_is_no_keyring_a_key_lives_in_this_session_and_says_so(ring, services):
    keyring.set_keyring(keyring.backends.fail.Keyring())
    endpoint = services.connect(URL, key="sk-sesame", save=True)
    assert "This system has no keyring. Its key is kept for this session only." in str(endpoint)
    assert settings.get().endpoints[0].key == "session"
    assert "sk-sesame" not in settings.path().read_text()


def test_a_backend_that_writes_plain_files_is_not_used(ring):
    class Plain(Memory):
        priority = 0.5

    plain = Plain()
    keyring.set_keyring(plain)
    kept, note = Key("openai", URL, "session", secret=Secret("sk-sesame")).put()
    assert plain.kept == {}
    assert (kept.source, note) == ("session", "This system has no keyring. Its key is kept for this session only.")


def test_a_key_comes_from_the_environment_at_the_moment_of_use(monkeypatch):
    for variable in ("OPENAI_API_KEY", "MY_KEY"):
        monkeypatch.delenv(variable, raising=False)
    usual, named = Key("openai", URL), Key("box", "http://localhost:5555/v1", "env:MY_KEY")
    assert (usual.get(), usual.where()) == (None, "no key")
    monkeypatch.setenv("OPENAI_API_KEY", " sk-one ")
    monkeypatch.setenv("MY_KEY", "sk-two")
    assert (usual.get(), usual.where()) == ("sk-one", "OPENAI_API_KEY")
    assert (named.get(), named.where()) == ("sk-two", "MY_KEY")
    assert Key("openai", "https://evil.example/v1").get() is None
    assert Key("mine", URL, "session", secret=Secret("sk-own")).get() == "sk-own"


@pytest.mark.parametrize("key", ["sk-sesame\nX-Evil: 1", "sk sesame", "schlüssel"])
def test_a_key_that_no_server_gave_is_refused_without_being_shown(services, key):
    with pytest.raises(UsageError, match="characters that no key has") as raised:
        services.connect(URL, key=key)
    assert key not in str(raised.value)
    assert services.endpoints == {}


def test_a_line_break_around_a_key_is_cut_off(services):
    services.connect("http://localhost:1", key="sk-sesame\n", name="box")
    assert services._keys["box"].get() == "sk-sesame"


@pytest.mark.parametrize("key", ["", "not-needed", None])
def test_no_key_is_no_key(services, key):
    services.connect("http://gpu-box:8000/v1", key=key, name="lab")
    (server,) = services.listing().servers
    assert (server.key, server.warning) == ("no key", "")


def test_a_key_in_a_box_shows_nothing(services):
    secret = Secret("sk-sesame")
    key = Key("openai", URL, "session", secret=secret)
    assert "sesame" not in f"{secret!r} {key!r} {secret} {key}"
    for value in (secret, key):
        with pytest.raises(UsageError):
            pickle.dumps(value)


def test_the_keyring_is_not_touched_by_importing_connecting_or_listing(ring, services):
    with Natives({"/v1/models": listed("a")}) as server:
        services.connect(server.url, key="sk-sesame", name="box", save=True)
        asked = ring.asked
        later = registry.Services()
        found, errors = later.models()
        assert [m.id for m in found if m.provider == "box"] == ["box:a"]
        assert errors == {}
        assert "not-needed" in server.requests[-1]["headers"]["authorization"]
        (listed_server,) = later.listing().servers
        assert "read when a model of it is used" in listed_server.note
        assert ring.asked == asked
        later.close()
    code = "import workbench, workbench.services.registry, sys; assert 'keyring' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def ask(services, model):
    """The last event of asking a model, whose server gets the key."""
    service, info = services.resolve(model)
    return list(service.stream(Request(messages=(user("Hello"),), model=info.id)))[-1]


def test_a_key_in_the_keyring_is_read_when_a_model_of_it_is_used(ring, services):
    chat = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    with Natives({"/v1/models": listed("a"), "/v1/chat/completions": chat}, key="sk-sesame") as server:
        services.connect(server.url, key="sk-sesame", name="box", save=True)
        later = registry.Services()
        assert "in the system keyring and not read for a list" in str(later.models()[1]["box"])
        assert isinstance(ask(later, "box:a"), Finished)
        assert later.models()[1] == {}
        assert later.listing().servers[0].note == ""
        later.close()


def test_a_keyring_that_does_not_answer_fails_the_message_in_time(slow_ring, services):
    with Natives({"/v1/models": listed("a")}) as server:
        settings.change(endpoints=(settings.EndpointSettings(name="box", url=server.url, key="keyring"),))
        began = time.monotonic()
        failed = ask(services, "box:a")
        assert time.monotonic() - began < 2
        assert "did not answer within 0.2 s" in failed.error.message
        assert "key=..." in failed.error.next_step
        assert server.requests == [], "nothing is sent without the key"


def test_a_variable_that_is_set_later_is_used_from_then_on(services, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    chat = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    with Natives({"/v1/models": listed("a"), "/v1/chat/completions": chat}, key="sk-sesame") as server:
        settings.change(endpoints=(settings.EndpointSettings(name="box", url=server.url, key="env:MY_KEY"),))
        assert ask(services, "box:a").error.kind == "AuthenticationError"
        monkeypatch.setenv("MY_KEY", "sk-sesame")
        assert isinstance(ask(services, "box:a"), Finished)


def test_a_key_reaches_its_server_and_nothing_else(ring, monkeypatch, tmp_path):
    """A known key is searched for wherever something could have kept it: see the names below."""
    key = "sk-" + os.urandom(12).hex()
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    made = registry.Services()
    monkeypatch.setattr(registry, "default", lambda: made)
    monkeypatch.setenv("WORKBENCH_USE_FALLBACK", "no")
    places: dict[str, str] = {}
    try:
        # The server quotes the key, as some do.
        quoting = {"/v1/models": listed("a"), "/v1/chat/completions": {"error": {"message": f"bad key {key}"}}}
        with Natives(quoting) as server:
            endpoint = wb.connect(server.url, key=key, name="box", model="a", save=True)
            listing = wb.models()
            chat = wb.Chat("box:a")
            reply = chat.send("Hello")
            with pytest.raises(WorkbenchError) as raised:
                reply.result(30)
            assert any(key in request["headers"]["authorization"] for request in server.requests)
        faults = [raised.value, *failures(key)]
        places["errors"] = " ".join(f"{fault!r} {fault} {fault.info}" for fault in faults)  # type: ignore[attr-defined]
        places["pickles of errors"] = repr([pickle.dumps(fault) for fault in faults])
        places["tracebacks with variables"] = "".join(map(shown, faults))
        values = [endpoint, listing, chat, reply, registry.default(), registry.default().listing()]
        places["reprs"] = " ".join(repr(value) for value in values) + listing._repr_html_() + chat.html()
        places["what a screen is told"] = json.dumps(chat.view(), default=repr)
        places["settings"] = settings.path().read_text()
        places["exported settings"] = settings.export(tmp_path / "out.toml").read_text()
        places["notebook"] = nbformat.writes(notebook(listing, chat, faults))
        places["log"] = log.getvalue()
        home = paths.config_dir().parent
        for file in home.rglob("*"):
            if file.is_file():
                places[str(file)] = file.read_bytes().decode("latin-1")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        registry.default().close()
        settings.change(endpoints=())
    assert key in ring.kept.values()
    assert [name for name, text in places.items() if key in text] == []
    assert places["settings"].count('\nkey = "keyring"') == 1
    assert "send_request_headers" in places["log"], "nothing was logged: the search of the log proves nothing"


def failures(key: str) -> list[Exception]:
    """The errors of connecting with a key in every wrong way."""
    attempts = [
        lambda: wb.connect("two words", key=key),
        lambda: wb.connect("http://localhost:1", key=key, name="a/b"),
        lambda: wb.connect("http://localhost:1", key=f"{key}\n{key}", name="bad"),
    ]
    found = []
    for attempt in attempts:
        with pytest.raises(WorkbenchError) as raised:
            attempt()
        found.append(raised.value)
    return found


def shown(error: BaseException) -> str:
    """A traceback with the variables of our own frames, those of what it was made from too."""
    lines = []
    seen: BaseException | None = error
    while seen is not None:
        for frame, _ in traceback.walk_tb(seen.__traceback__):
            if "workbench" in frame.f_code.co_filename and "tests" not in frame.f_code.co_filename:
                lines.append(f"{frame.f_code.co_qualname}: {frame.f_locals!r}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(lines)


def notebook(listing, chat, faults):
    """What cells that end in these values would save."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    outputs = [
        nbformat.v4.new_output(
            "display_data", data={k: str(v) for k, v in shell.display_formatter.format(value)[0].items()}
        )
        for value in (listing, chat)
    ]
    outputs += [nbformat.v4.new_output("error", ename="E", evalue=str(f), traceback=[repr(f)]) for f in faults]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=outputs)])
