"""The picker on its own, over scripted services and the real ones of a process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench import builtin
from workbench.commands import ChooseModel, Hello, ListModels
from workbench.services.registry import Services
from workbench.sessions.chat import Chat
from workbench.sessions.picker import ModelPicker


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    made = Services()
    yield made
    made.close()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def test_what_is_chosen_is_loaded_and_then_used_by_new_chats(services: Services, tmp_path: Path) -> None:
    gguf = builtin.path("gguf")
    picker, open_chat = ModelPicker(services=services), Chat(services=services)
    assert picker.model == open_chat.model == "builtin"
    percents: list[object] = []
    picker.observe(lambda op: percents.append((op[1].get("model") or {}).get("percent")))
    assert picker.perform(ChooseModel(id=1, model=str(gguf))).ok
    assert picker.info.status == "loading"
    assert services.current == "builtin", "not before it is loaded"
    until(lambda: picker.info.status == "loaded" and services.current == picker.model)
    assert Chat(services=services).model == open_chat.model == picker.model
    assert any(percent is not None for percent in percents)
    assert repr(picker) == f"<ModelPicker: {picker.model}, loaded>"


def test_a_model_that_does_not_load_is_not_used(services: Services, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(builtin.path("gguf").read_bytes()[:200_000])
    picker = ModelPicker(services=services)
    answer = picker.perform(ChooseModel(id=1, model=str(broken)))
    until(lambda: not answer.ok or picker.view()["notice"])
    assert picker.model == services.current == "builtin"


def test_it_follows_what_is_chosen_elsewhere(services: Services) -> None:
    services.connect("http://127.0.0.1:9", name="box")
    first, second = ModelPicker(services=services), ModelPicker(services=services)
    first.choose("box:small")
    assert services.current == second.model == "box:small"
    until(lambda: first.view()["notice"])
    assert first.info.status == "down"
    second.choose("builtin")
    until(lambda: services.current == "builtin")
    assert first.model == "builtin"


def test_it_lists_what_there_is_with_what_did_not_answer(services: Services) -> None:
    services.connect("http://127.0.0.1:9", name="box")
    picker = ModelPicker(services=services)
    assert picker.perform(Hello(id=1)).ok
    assert picker.perform(ListModels(id=2)).ok
    until(lambda: picker.view()["models"] and not picker.view()["listing"])
    view = picker.view()
    assert "builtin" in [model["id"] for model in view["models"]]
    assert [server["name"] for server in view["servers"]] == ["box"]
    refused = picker.perform(ChooseModel(id=3, model="bultin"))
    assert refused.error is not None
    assert "'builtin'" in refused.error.next_step
    assert "builtin" in picker.html()
