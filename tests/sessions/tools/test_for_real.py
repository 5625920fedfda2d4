"""The model that ships calls a function and speaks of the result: on MLX, on llama.cpp, and behind a real server."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator

import pytest

import workbench.builtin
from tests.servers.llama_cpp import llama_cpp_server
from workbench.errors import StateError
from workbench.options import make_options
from workbench.services.local import LocalChatService
from workbench.services.registry import Services
from workbench.sessions.chat import Chat

SECONDS = 120


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}, 21 degrees"


def get_time() -> str:
    """What time it is now."""
    return datetime.datetime(2026, 11, 21, 9, 30).isoformat()


@pytest.fixture(scope="module", params=["mlx", "llama_cpp", "a server"])
def chat_of(request: pytest.FixtureRequest) -> Iterator[Callable[[], Chat]]:
    """Makes chats with the model that ships, on an engine of this machine or behind llama.cpp's server."""
    if request.param == "a server":
        with llama_cpp_server(workbench.builtin.path("gguf")) as url:
            services = Services()
            services.connect(url, name="box")
            yield lambda: Chat("box:builtin", services=services, private=True, options=make_options(temperature=0))
            services.close()
        return
    services = Services(LocalChatService(engine=request.param))
    yield lambda: Chat("builtin", services=services, private=True, options=make_options(temperature=0))
    services.close()


def test_it_calls_and_speaks_of_the_result(chat_of: Callable[[], Chat]) -> None:
    chat = chat_of()
    chat.tools = [add, get_weather, get_time]
    reply = chat.send("use the tool to add 3 and 4")
    with pytest.raises(StateError, match="asks to run add"):
        reply.result(SECONDS)
    chat.allow()
    assert "7" in reply.result(SECONDS)
    assert reply.calls[0].arguments == {"a": 3, "b": 4}
    reply = chat.send("what is the weather in Paris?")
    reply.result(SECONDS)
    assert [(c.name, c.status) for c in reply.calls] == [("get_weather", "done")]
    assert reply.text
    reply = chat.send("what time is it?")
    reply.result(SECONDS)
    assert [(c.name, c.arguments) for c in reply.calls] == [("get_time", {})]
    assert "09:30" in str(reply.calls[0].result)


def test_history_with_calls_is_read_again(chat_of: Callable[[], Chat]) -> None:
    chat = chat_of()
    chat.send("use the tool to add 30 and 14", tools=[add], allow=True).result(SECONDS)
    again = chat.regenerate()
    assert "44" in again.result(SECONDS)
    assert [c.value for c in again.calls] == [44]
    assert chat.send("thank you").result(SECONDS)
