from __future__ import annotations

import pytest

from workbench.errors import UsageError
from workbench.services.address import how_to_start, place, usual_name, whole_url


@pytest.mark.parametrize(
    ("pasted", "whole"),
    [
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1"),
        ("localhost:11434", "http://localhost:11434/v1"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("[::1]:8080", "http://[::1]:8080/v1"),
        ("192.168.1.5:1234", "http://192.168.1.5:1234/v1"),
        ("mac.local:1234", "http://mac.local:1234/v1"),
        ("gpu-box:8000", "http://gpu-box:8000/v1"),
        ("api.openai.com", "https://api.openai.com/v1"),
        ("  https://api.openai.com/v1/chat/completions ", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/models", "https://api.openai.com/v1"),
        ("http://localhost:11434/", "http://localhost:11434/v1"),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            "https://generativelanguage.googleapis.com/v1beta/openai",
        ),
        ("https://host/chat/completions", "https://host/v1"),
    ],
)
def test_what_people_paste_becomes_a_base_url(pasted, whole):
    assert whole_url(pasted) == whole
    assert whole_url(whole) == whole


@pytest.mark.parametrize(
    "pasted",
    ["", "  ", "ftp://host", "http://", "two words", "http://h:99999", "http://h:0", "file:///etc", "http://h:x"],
)
def test_what_is_no_address_is_refused(pasted):
    with pytest.raises(UsageError) as raised:
        whole_url(pasted)
    assert raised.value.next_step


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(UsageError) as raised:
        whole_url("https://me:hunter2@host/v1")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://localhost:11434/v1", "ollama"),
        ("http://127.0.0.1:1234/v1", "lmstudio"),
        ("http://[::1]:8000/v1", "vllm"),
        ("http://localhost:5555/v1", "local-5555"),
        ("https://api.openai.com/v1", "openai"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("http://192.168.1.5:8080/v1", "192.168.1.5-8080"),
        ("https://gpu:9000/v1", "gpu-9000"),
    ],
)
def test_an_endpoint_nobody_named_gets_a_name(url, name):
    assert usual_name(url) == name


def test_how_to_start_depends_on_the_port():
    assert "ollama serve" in how_to_start("http://localhost:11434/v1")
    assert "ollama" not in how_to_start("http://elsewhere:11434/v1")
    assert place("http://localhost:11434/v1") == "localhost:11434"
