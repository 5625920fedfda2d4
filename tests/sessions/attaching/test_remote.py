"""Pictures and files as a server receives them, and a server's refusal as a person sees it."""

from __future__ import annotations

import base64
import io

import pandas as pd
import pytest
from PIL import Image as pillow

import workbench.builtin
from tests.servers.llama_cpp import llama_cpp_server
from tests.servers.scripted import DONE, ScriptedServer, delta, stream, text
from workbench.errors import RequestRefusedError
from workbench.services import consent
from workbench.services.registry import Services
from workbench.sessions.chat import Chat

FRAME = pd.DataFrame({"city": ["Oslo", "Bergen"], "temp": [3.5, 6.25]})


@pytest.fixture
def services() -> Services:
    return Services()


def test_a_server_receives_the_picture_the_table_and_the_words(services: Services) -> None:
    with ScriptedServer([stream(text("a red field"), delta("stop"), DONE)]) as server:
        services.connect(server.url, name="far", model="seer", save=False)
        consent.allow(server.url)
        chat = Chat("far:seer", services=services, private=True)
        reply = chat.send("What is this?", attach=[pillow.new("RGB", (3136, 1000), "red"), FRAME])
        assert reply.result(30) == "a red field"
        services.close()
    (asked,) = [r["body"] for r in server.requests if r["path"].endswith("/chat/completions")]
    picture, words = asked["messages"][-1]["content"]
    kind, _, data = picture["image_url"]["url"].partition(";base64,")
    assert kind == "data:image/png"
    sent = pillow.open(io.BytesIO(base64.b64decode(data)))
    assert sent.size == (1568, 500)
    assert sent.getpixel((9, 9)) == (255, 0, 0)
    assert words["type"] == "text"
    assert words["text"].startswith("File table:\nA table of 2 rows and 2 columns")
    assert words["text"].endswith("\n\nWhat is this?")


def test_a_real_server_without_sight_refuses_and_the_refusal_is_shown(services: Services) -> None:
    with llama_cpp_server(workbench.builtin.path("gguf")) as url:
        services.connect(url, name="llama", model="builtin", save=False)
        consent.allow(url)
        chat = Chat("llama:builtin", services=services, private=True)
        chat.attach(pillow.new("RGB", (20, 10), "red"))
        assert chat.view()["attachments"][0]["problem"] == ""  # the server does not say what it can
        reply = chat.send("What is this?")
        assert reply.wait(30)
        assert isinstance(reply.error, RequestRefusedError)
        assert "image input is not supported" in reply.error.message
        assert reply.model == "llama:builtin"  # nobody else was asked
        services.close()
