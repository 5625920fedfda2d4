from __future__ import annotations

import pytest

from workbench.services.address import whole_url
from workbench.services.presets import DEFAULT_URL, PRESETS, of


def test_every_preset_is_a_whole_address_with_a_word_on_what_to_do():
    names = ["ollama", "lmstudio", "localai", "llama-server", "mlx-server", "vllm", "jan"]
    assert list(PRESETS) == [*names, "openai", "gemini", "openrouter"]
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert whole_url(preset.url) == preset.url
        assert preset.title
        assert preset.hint
        assert preset.local == preset.url.startswith("http://localhost")
    assert PRESETS["ollama"].url == DEFAULT_URL == "http://localhost:11434/v1"


@pytest.mark.parametrize(
    ("url", "name", "found"),
    [
        ("http://localhost:11434/v1", None, "ollama"),
        ("http://127.0.0.1:1234/v1", "whatever", "lmstudio"),
        ("http://localhost:6767/v1", None, "jan"),
        ("http://localhost:8080/v1", None, None),
        ("http://localhost:8080/v1", "localai", "localai"),
        ("https://api.openai.com/v1", "work", "openai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", None, "gemini"),
        ("https://evil.example/v1", "openai", None),
        ("http://localhost:5555/v1", "openai", None),
        ("https://api.openai.com.evil.example/v1", None, None),
    ],
)
def test_a_server_is_known_by_its_address_and_never_a_stranger_by_a_name(url, name, found):
    preset = of(url, name)
    assert (preset and preset.name) == found
