from __future__ import annotations

from typing import Any

import pytest

from tests.sessions.scripted import ScriptedService, ScriptedServices
from workbench.options import GenerationOptions
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
from workbench.sessions.option_ranges import ranges_of


def by_name(chat: Chat) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in chat.view()["ranges"]}


def test_every_option_has_a_range_that_its_values_keep() -> None:
    ranges = {each["name"]: each for each in ranges_of(ScriptedServices(ScriptedService()), None)}  # type: ignore[arg-type]  # as a chat needs it
    asked_elsewhere = {"logprobs"}  # the token view asks for them
    assert list(ranges) == [name for name in GenerationOptions.__struct_fields__ if name not in asked_elsewhere]
    for name, each in ranges.items():
        for bound in (each["min"], each["max"], each["off"]):
            if bound is not None:
                value = int(bound) if each["kind"] == "integer" else bound
                GenerationOptions(**{name: value})


def test_a_loaded_model_tells_its_vocabulary_and_its_context(services: Services) -> None:
    chat = Chat(services=services)
    chat.send("Hello", temperature=0).result(60)
    ranges = by_name(chat)
    loaded = services.local.loaded("builtin")
    assert loaded is not None
    assert ranges["top_k"]["max"] == loaded.vocabulary
    assert ranges["context_length"]["max"] == ranges["max_tokens"]["max"] == 2048
    assert ranges["seed"]["supported"] is True
    assert ranges["temperature"]["supported"] is True
    GenerationOptions(top_k=loaded.vocabulary)


def test_before_it_is_loaded_what_only_the_engine_knows_is_unknown() -> None:
    services = Services()
    ranges = by_name(Chat("builtin", services=services))
    assert ranges["top_k"]["max"] is None
    assert ranges["seed"]["supported"] is None
    services.close()


@pytest.mark.parametrize(
    ("name", "url", "supported"),
    [
        ("openai", "https://api.openai.com/v1", False),
        ("vllm", "http://localhost:8000/v1", True),
        ("somewhere", "http://localhost:9999/v1", None),
    ],
)
def test_a_server_is_known_by_its_kind(name: str, url: str, supported: bool | None) -> None:
    far = ScriptedService(name=name, models=("big",), url=url)
    ranges = by_name(Chat(f"{name}:big", services=ScriptedServices(far)))
    assert ranges["temperature"]["supported"] is True
    assert [ranges[option]["supported"] for option in ("top_k", "min_p", "repetition_penalty")] == [supported] * 3
    assert ranges["context_length"]["supported"] is False
    assert ranges["context_length"]["note"]


def test_they_change_with_the_model() -> None:
    far = ScriptedService(name="far", models=("big",), url="http://localhost:1/v1")
    chat = Chat(services=ScriptedServices(ScriptedService(), far))
    ops: list[Any] = []
    chat.observe(ops.append)
    chat.model = "far:big"
    told = [op[1]["ranges"] for op in ops if op[0] == "state" and "ranges" in op[1]]
    assert told
    assert told[-1] == chat.view()["ranges"]
