"""The servers people use, by name: where each usually is, where its key comes from, how it is started.

Knows no connection. Addresses and variables are those of each server's own documentation.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from workbench.services.address import is_here

DEFAULT_URL = "http://localhost:11434/v1"
"""Where a server is looked for when no address is given."""
NO_KEY = "not-needed"
"""What is sent as the key to a server that needs none."""


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of server."""

    name: str
    """What its endpoint is called, and what its model ids start with."""
    title: str
    url: str
    """Its usual base URL."""
    key_env: str | None = None
    """Environment variable that holds its key, as its makers name it; ``None``: it has none."""
    key_needed: bool = False
    """Whether it answers nobody without a key."""
    hint: str = ""
    """How to start it, or where its key is made: one sentence."""

    @property
    def local(self) -> bool:
        """Whether it usually runs on this machine."""
        return is_here(urlsplit(self.url).hostname or "")


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(name="ollama", title="Ollama", url=DEFAULT_URL, hint="Start Ollama, or run `ollama serve`."),
        Preset(
            name="lmstudio",
            title="LM Studio",
            url="http://localhost:1234/v1",
            key_env="LM_API_TOKEN",
            hint="Start the server in LM Studio's Developer tab, or run `lms server start`.",
        ),
        Preset(
            name="localai",
            title="LocalAI",
            url="http://localhost:8080/v1",
            key_env="LOCALAI_API_KEY",
            hint="Run `local-ai run`, or start its container.",
        ),
        Preset(
            name="llama-server",
            title="llama-server",
            url="http://localhost:8080/v1",
            key_env="LLAMA_API_KEY",
            hint="Run `llama-server -m FILE.gguf`.",
        ),
        Preset(
            name="mlx-server",
            title="mlx_lm.server",
            url="http://localhost:8080/v1",
            hint="Run `mlx_lm.server --model MODEL`.",
        ),
        Preset(
            name="vllm",
            title="vLLM",
            url="http://localhost:8000/v1",
            key_env="VLLM_API_KEY",
            hint="Run `vllm serve MODEL`.",
        ),
        Preset(
            name="jan",
            title="Jan",
            url="http://localhost:1337/v1",
            key_env="JAN_API_KEY",
            key_needed=True,
            hint="Start it in Jan: Settings, Local API Server; the key is the one chosen there.",
        ),
        Preset(
            name="openai",
            title="OpenAI",
            url="https://api.openai.com/v1",
            key_env="OPENAI_API_KEY",
            key_needed=True,
            hint="Keys are made at platform.openai.com/api-keys.",
        ),
        Preset(
            name="gemini",
            title="Gemini",
            url="https://generativelanguage.googleapis.com/v1beta/openai",
            key_env="GEMINI_API_KEY",
            key_needed=True,
            hint="Keys are made at aistudio.google.com.",
        ),
        Preset(
            name="openrouter",
            title="OpenRouter",
            url="https://openrouter.ai/api/v1",
            key_env="OPENROUTER_API_KEY",
            key_needed=True,
            hint="Keys are made at openrouter.ai/keys.",
        ),
    )
}
"""By name, in the order a form offers them."""

_BY_PORT = {11434: "ollama", 1234: "lmstudio", 8000: "vllm", 1337: "jan", 6767: "jan", 9931: "llama-server"}


def of(url: str, name: str | None = None) -> Preset | None:
    """The preset of a base URL: by its host, by its port on this machine, or by the endpoint's `name` there.

    A name alone never makes a foreign host a known one: its key would be sent to a stranger.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not is_here(host):
        return next((p for p in PRESETS.values() if not p.local and urlsplit(p.url).netloc == parts.netloc), None)
    named = PRESETS.get(name or "")
    if named is not None and named.local:
        return named
    return PRESETS.get(_BY_PORT.get(parts.port or 80, ""))
