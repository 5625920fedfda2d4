"""The settings session, against a real llama.cpp server that wants a key."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend

import workbench.builtin
from tests.servers.llama_cpp import llama_cpp_server
from tests.widgets.recorded import until
from workbench import commands
from workbench.commands import ChangeSettings, CheckAddress, FindModels, SavePreset, SaveServer, SettingsCommand
from workbench.errors import FolderError, ModelNotFoundError, OptionError, UsageError
from workbench.services.registry import Services
from workbench.sessions.settings import SettingsSession
from workbench.store import settings as store

KEY = "open-sesame-4711"


class Memory(KeyringBackend):
    """A system keyring that lives as long as a test."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with llama_cpp_server(workbench.builtin.path("gguf"), key=KEY) as found:
        yield found


@pytest.fixture
def ring() -> Iterator[Memory]:
    before = keyring.get_keyring()
    backend = Memory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ring: Memory) -> Iterator[SettingsSession]:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    services = Services()
    yield SettingsSession(services=services)
    services.close()


def row(session: SettingsSession, name: str) -> dict[str, Any]:
    return next(row for row in session.servers if row["id"] == name)


def ask(session: SettingsSession, command: SettingsCommand) -> Any:
    ack = session.perform(command)
    assert ack.ok, ack.error
    return ack.data


def test_a_server_is_added_tested_and_there_in_the_next_session(
    session: SettingsSession, url: str, ring: Memory
) -> None:
    session.add(url.removesuffix("/v1").removeprefix("http://") + "/v1/chat/completions", key=KEY, name="lab")
    steps = session.test("lab")
    assert [(step.name, step.ok) for step in steps] == [
        ("address", True),
        ("connects", True),
        ("model list", True),
        ("one-token answer", True),
        ("streaming", True),
    ]
    shown = row(session, "lab")
    assert (shown["url"], shown["key"]) == (url, "system keyring")
    assert shown["test"]["summary"].endswith("1 model, streams.")
    until(lambda: row(session, "lab")["state"] == "up")
    assert list(ring.kept.values()) == [KEY]

    after = SettingsSession(services=Services())
    assert row(after, "lab")["state"] == "unasked"
    assert all(step.ok for step in after.test("lab")), "its key came from the keyring"
    after.services.close()


def test_a_wrong_key_is_said_in_words_with_what_to_do(session: SettingsSession, url: str) -> None:
    session.add(url, key="wrong", name="lab")
    failed = next(step for step in session.test("lab") if step.ok is False)
    assert "key" in failed.message
    assert failed.next_step
    assert row(session, "lab")["test"]["left"] == ["one-token answer", "streaming"]
    until(lambda: row(session, "lab")["words"] == "key missing or refused")


def test_what_does_not_listen_is_said(session: SettingsSession) -> None:
    session.add("http://127.0.0.1:9/v1", name="nobody")
    assert [step.ok for step in session.test("nobody")] == [True, False, None, None, None]
    test = row(session, "nobody")["test"]
    assert test["left"] == ["model list", "one-token answer", "streaming"]
    assert test["summary"] == ""
    until(lambda: row(session, "nobody")["words"] == "does not answer")


def test_the_key_is_nowhere_but_in_the_keyring(
    session: SettingsSession, url: str, ring: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []
    session.observe(told.append)
    command = SaveServer(id=1, url=url, name="lab", key=KEY)
    ack = session.perform(command)
    until(lambda: (test := row(session, "lab")["test"]) and not test["running"])
    refused = session.perform(SaveServer(id=2, url=url, name="lab", key=KEY))
    try:
        session.add(url, name="a b", key=KEY)
    except UsageError:
        trace = traceback.format_exc()
    session.export(tmp_path / "out.toml")
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    seen = [repr(command), repr(ack), repr(refused), repr(session), session.html(), repr(told), caplog.text, trace]
    assert not any(KEY in text for text in seen)
    assert not any(KEY.encode() in data for data in files)
    assert list(ring.kept.values()) == [KEY]
    with pytest.raises(Exception, match="pickle"):
        pickle.dumps(session)


def test_an_edit_keeps_the_key_a_rename_takes_it_along_and_removing_forgets_it(
    session: SettingsSession, url: str, ring: Memory
) -> None:
    session.add(url, key=KEY, name="lab")
    session.edit("lab", model="builtin", rename="box")
    assert [row["id"] for row in session.servers] == ["box"]
    assert (row(session, "box")["model"], row(session, "box")["key"]) == ("builtin", "system keyring")
    assert session.test("box")[-1].ok
    session.edit("box", key="")
    assert row(session, "box")["key"] == ""
    session.edit("box", key=KEY)
    session.remove("box")
    assert session.servers == []
    assert store.get().endpoints == ()
    assert ring.kept == {}


def test_a_name_is_taken_once(session: SettingsSession, url: str) -> None:
    session.add(url, name="lab")
    with pytest.raises(UsageError, match="already"):
        session.add("http://127.0.0.1:9", name="lab")
    checked = ask(session, CheckAddress(id=1, url="localhost:9", name="lab"))
    assert "already" in checked["name_problem"]
    assert ask(session, CheckAddress(id=2, url=url, name="lab", replaces="lab"))["name_problem"] == ""


@pytest.mark.parametrize(
    ("typed", "saved", "name"),
    [
        ("localhost:11434", "http://localhost:11434/v1", "ollama"),
        ("http://localhost:1234/v1/chat/completions", "http://localhost:1234/v1", "lmstudio"),
        ("api.openai.com/v1/", "https://api.openai.com/v1", "openai"),
    ],
)
def test_an_address_is_repaired_and_named(session: SettingsSession, typed: str, saved: str, name: str) -> None:
    checked = ask(session, CheckAddress(id=1, url=typed))
    assert (checked["url"], checked["name"], checked["preset"]) == (saved, name, name)


def test_what_is_no_address_says_why_and_plain_http_warns(session: SettingsSession) -> None:
    assert "address" in ask(session, CheckAddress(id=1, url="not one"))["url_problem"]
    assert "plain HTTP" in ask(session, CheckAddress(id=2, url="http://gpu-box:8000/v1"))["warning"]
    assert ask(session, CheckAddress(id=3, url="http://localhost:8000/v1"))["warning"] == ""


def test_a_test_can_be_stopped(session: SettingsSession) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        session.add(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", name="silent")
        ask(session, commands.TestServer(id=1, name="silent"))
        assert row(session, "silent")["test"]["running"]
        ask(session, commands.StopTest(id=2, name="silent"))
        assert not row(session, "silent")["test"]["running"]


def test_values_are_set_checked_and_told(session: SettingsSession) -> None:
    told: list[Any] = []
    session.observe(told.append)
    session.change(use_fallback=False, memory_budget="8GB", idle_timeout=60)
    assert (session.values.use_fallback, session.values.memory_budget) == (False, 8 * 10**9)
    assert told[-1][1]["values"]["idle_timeout"] == 60
    with pytest.raises(UsageError):
        session.change(at_once=99)
    with pytest.raises(ModelNotFoundError):
        session.change(default_model="no/such-model")
    refused = session.perform(ChangeSettings(id=1, fields={"connections": "many"}))
    assert refused.error is not None
    assert "connections" in refused.error.message


def test_the_default_model_is_what_answers_from_now_on(session: SettingsSession) -> None:
    session.change(default_model="builtin")
    assert session.services.current == "builtin"
    assert session.view()["statuses"]["default_model"] in ("ready", "loaded", "unknown")
    assert any(choice["id"] == "builtin" for choice in _chosen(session, "built"))
    assert _chosen(session, "nothing of that name") == []


def _chosen(session: SettingsSession, text: str) -> list[dict[str, Any]]:
    assert session.servers is not None  # the models are listed
    found: list[dict[str, Any]] = ask(session, FindModels(id=1, text=text))
    return found


def test_the_environment_decides_and_says_so(session: SettingsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_FALLBACK", "builtin")
    assert session.view()["environment"] == {"fallback": "WORKBENCH_FALLBACK"}
    assert "WORKBENCH_FALLBACK" in repr(session)


def test_a_broken_file_shows_its_line_and_the_last_good_values(session: SettingsSession) -> None:
    session.change(at_once=3)
    session.file.write_text("[downloads]\nat_once = 'many'\n")
    shown = session.view()
    assert shown["problem"]["line"] == 2
    assert shown["values"]["at_once"] == 3
    assert "line 2" in repr(session)


def test_another_kernels_change_is_seen(session: SettingsSession) -> None:
    told: list[Any] = []
    session.observe(told.append)
    session.file.parent.mkdir(parents=True, exist_ok=True)
    session.file.write_text('[[endpoints]]\nname = "lab"\nurl = "http://127.0.0.1:9/v1"\n')
    assert [row["id"] for row in session.servers] == ["lab"]
    assert ["row", row(session, "lab")] in told


def test_presets_are_kept_renamed_and_dropped(session: SettingsSession) -> None:
    session.save_preset("dry", temperature=0.2, stop=["END"])
    assert session.view()["presets"] == [
        {"name": "dry", "options": {"temperature": 0.2, "stop": ["END"]}, "words": "temperature 0.2, stop END"}
    ]
    ask(session, SavePreset(id=1, name="facts", options={"temperature": 0}, replaces="dry"))
    assert list(session.values.presets) == ["facts"]
    with pytest.raises(OptionError):
        session.save_preset("hot", temperature=99)
    assert not session.perform(SavePreset(id=2, name="", options={})).ok
    session.remove_preset("facts")
    assert session.view()["presets"] == []


def test_settings_are_carried_to_another_machine(session: SettingsSession, tmp_path: Path, monkeypatch: Any) -> None:
    session.add("https://models.example/v1", key=KEY, name="lab")
    session.save_preset("dry", temperature=0)
    written = session.export(tmp_path / "carried.toml")
    with pytest.raises(FolderError):
        session.export(written)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "other"))
    other = SettingsSession(services=Services())
    done = other.import_(written)
    assert "lab" in done.report
    assert [row["id"] for row in other.servers] == ["lab"]
    assert list(other.values.presets) == ["dry"]
    other.services.close()


def test_a_command_that_cannot_be_is_answered_with_why(session: SettingsSession) -> None:
    for command in (commands.TestServer(id=1, name="none"), SaveServer(id=2, url="not one"), FindModels(id=3)):
        ack = session.perform(command)
        assert ack.ok == isinstance(command, FindModels)
        assert ack.ok or (ack.error and ack.error.message)


def test_as_html_every_text_is_escaped(session: SettingsSession) -> None:
    session.save_preset("<b>", temperature=0)
    assert "<b>&lt;b&gt;" not in session.html()
    assert "&lt;b&gt;" in session.html()
