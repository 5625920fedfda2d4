"""A model on this machine that sees: llama.cpp with a projector beside the file, found, loaded and asked for real."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image as pillow

import workbench.builtin
from tests.engines.seeing import PICTURE_TOKENS, save_projector
from workbench.errors import ModelFilesError
from workbench.events import Event, Failed, Finished
from workbench.manager import facts
from workbench.messages import Image, user
from workbench.options import GenerationOptions
from workbench.request import Request
from workbench.services.local import LocalChatService
from workbench.services.registry import Services
from workbench.sessions.chat import Chat


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model with its projector, in a folder of their own."""
    folder = tmp_path / "seeing"
    folder.mkdir()
    save_projector(folder / "mmproj-F16.gguf")
    return Path(shutil.copy(workbench.builtin.path("gguf"), folder / "tiny-Q4_K_M.gguf"))


@pytest.fixture
def service() -> Iterator[LocalChatService]:
    found = LocalChatService()
    yield found
    found.close()


def picture(colour: str) -> Image:
    out = io.BytesIO()
    pillow.new("RGB", (60, 40), colour).save(out, "PNG")
    return Image(data=out.getvalue(), name=colour)


def end(service: LocalChatService, model: Path, *parts: Image) -> Event:
    request = Request(
        messages=(user("hello", *parts),), model=str(model), options=GenerationOptions(temperature=0, max_tokens=5)
    )
    return list(service.stream(request))[-1]


def test_a_model_with_a_projector_reads_pictures(service: LocalChatService, model: Path) -> None:
    assert "vision" in service.find(str(model)).capabilities
    alone, one, two = (
        end(service, model, *pictures) for pictures in ((), (picture("red"),), (picture("red"), picture("blue")))
    )
    for finished in (alone, one, two):
        assert isinstance(finished, Finished), finished
    counts = [finished.usage.prompt_tokens for finished in (alone, one, two)]  # type: ignore[attr-defined]  # just looked
    assert counts[1] == counts[0] + PICTURE_TOKENS
    assert counts[2] == counts[0] + 2 * PICTURE_TOKENS
    loaded = service.loaded(str(model))
    assert loaded is not None
    assert loaded.capabilities.vision
    request = Request(messages=(user("hello", picture("red")),), model=str(model))
    assert service.count_tokens(request) is None  # known when it was read


def test_a_chat_with_it_takes_a_picture(model: Path) -> None:
    services = Services()
    chat = Chat(str(model), services=services, private=True)
    chat.attach(pillow.new("RGB", (300, 200), "red"))
    assert chat.view()["attachments"][0]["problem"] == ""
    reply = chat.send("hello", max_tokens=5)
    assert reply.result(60)
    assert chat.preview("").note == "How many tokens the pictures take is known when they have been read."
    services.close()


def test_without_one_it_sees_nothing(model: Path, service: LocalChatService) -> None:
    (model.parent / "mmproj-F16.gguf").unlink()
    assert "vision" not in service.find(str(model)).capabilities
    failed = end(service, model, picture("red"))
    assert isinstance(failed, Failed)
    assert "cannot see pictures" in failed.error.message


def test_a_model_that_could_see_does_not_under_an_engine_that_reads_text(
    tmp_path: Path, service: LocalChatService
) -> None:
    folder = Path(shutil.copytree(workbench.builtin.path("safetensors"), tmp_path / "vlm"))
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"vision_config": {}}))
    assert "vision" in facts.info(folder).capabilities
    assert "vision" not in service.find(str(folder)).capabilities


def test_a_damaged_or_foreign_projector_is_named(model: Path, service: LocalChatService) -> None:
    save_projector(model.parent / "mmproj-F16.gguf", width=128)
    failed = end(service, model)
    assert isinstance(failed, Failed)
    assert failed.error.kind == ModelFilesError.__name__
    assert "mmproj-F16.gguf" in failed.error.message
    assert "move it away" in failed.error.next_step


def test_which_projector_belongs_to_which_model(tmp_path: Path) -> None:
    names = ["a-7b-Q4_K_M.gguf", "a-7b-Q8_0.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf"]
    for name in names:
        (tmp_path / name).touch()
    assert facts.projector(tmp_path / "a-7b-Q8_0.gguf") == tmp_path / "mmproj-BF16.gguf"
    (tmp_path / "b-3b.gguf").touch()
    assert facts.projector(tmp_path / "b-3b.gguf") is None  # nobody knows whose it is
    (tmp_path / "mmproj-b-3b-f16.gguf").touch()
    assert facts.projector(tmp_path / "b-3b.gguf") == tmp_path / "mmproj-b-3b-f16.gguf"
    assert facts.projector(tmp_path / "a-7b-Q4_K_M.gguf") is None
    assert facts.projector(tmp_path / "nowhere" / "x.gguf") is None
