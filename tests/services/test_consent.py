from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import ConsentNeededError
from workbench.services import consent
from workbench.store import settings


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(consent, "_allowed_now", set())


@pytest.mark.parametrize(
    ("url", "asks"),
    [
        ("http://localhost:11434/v1", False),
        ("http://127.0.0.1:8080/v1", False),
        ("http://127.8.8.8/v1", False),
        ("http://[::1]:8080/v1", False),
        ("http://ollama.localhost/v1", False),
        ("https://api.openai.com/v1", True),
        ("http://192.168.1.20:11434/v1", True),
        ("http://127.0.0.1.example.com/v1", True),
        ("http://localhost.example.com/v1", True),
    ],
)
def test_only_this_machine_needs_no_leave(url: str, asks: bool) -> None:
    assert consent.needed(url) is asks


def test_leave_is_for_an_origin_and_lasts_as_long_as_it_was_given_for() -> None:
    consent.allow("https://api.openai.com/v1")
    assert not consent.needed("https://API.openai.com:443/v1/other")
    assert consent.needed("http://api.openai.com/v1"), "another scheme"
    assert consent.needed("https://api.openai.com:8443/v1"), "another port"
    assert settings.get().allowed == ()
    consent.allow("https://box.example:8443/v1", always=True)
    assert settings.get().allowed == ("https://box.example:8443",)
    code = (
        "from workbench.services import consent\n"
        "print(consent.needed('https://box.example:8443/v1'), consent.needed('https://api.openai.com/v1'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    consent.forget("https://box.example:8443/v1")
    assert consent.needed("https://box.example:8443/v1")
    assert settings.get().allowed == ()


def test_leave_can_be_given_to_all_and_written_by_hand() -> None:
    settings.change(allowed=("https://api.openai.com/",))
    assert not consent.needed("https://api.openai.com/v1")
    assert consent.needed("https://other.example/v1")
    settings.change(ask_before_sending=False)
    assert not consent.needed("https://other.example/v1")


def test_the_error_says_where_it_would_go_and_how_to_allow_it() -> None:
    with pytest.raises(
        ConsentNeededError, match=r"to api\.openai\.com.*wb\.connect\('https://api.openai.com/v1', allow=True\)"
    ):
        consent.check("https://api.openai.com/v1")
