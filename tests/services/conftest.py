"""What the service tests share: real servers on the shipped weights, and a local service."""

from __future__ import annotations

import pytest

import workbench.builtin
from tests.servers.llama_cpp import llama_cpp_server
from tests.servers.mlx_lm_server import mlx_lm_server
from tests.servers.transformers_serve import transformers_serve
from workbench.services.local import LocalChatService
from workbench.services.remote import RemoteChatService

pytest.register_assert_rewrite("tests.services.contract")

KEY = "open-sesame-4711"


@pytest.fixture(scope="session")
def llama_url():
    with llama_cpp_server(workbench.builtin.path("gguf"), key=KEY) as url:
        yield url


@pytest.fixture
def llama(llama_url):
    service = RemoteChatService(llama_url, key=KEY, name="llama", model="builtin")
    yield service
    service.close()


@pytest.fixture(scope="session")
def mlx_url(tmp_path_factory):
    with mlx_lm_server(workbench.builtin.path("safetensors"), tmp_path_factory.mktemp("hub")) as url:
        yield url


@pytest.fixture
def mlx(mlx_url):
    service = RemoteChatService(mlx_url, name="mlx")
    yield service
    service.close()


@pytest.fixture(scope="session")
def transformers_url(tmp_path_factory):
    for needed in ("torch", "accelerate", "fastapi", "uvicorn"):
        pytest.importorskip(needed)
    with transformers_serve(workbench.builtin.path("safetensors"), tmp_path_factory.mktemp("hub")) as url:
        yield url


@pytest.fixture
def transformers(transformers_url):
    service = RemoteChatService(transformers_url, name="transformers")
    yield service
    service.close()


@pytest.fixture(scope="session")
def kept_local():
    service = LocalChatService()
    yield service
    service.close()


@pytest.fixture
def local(tmp_path, monkeypatch):
    """A local service with a register of hosts of its own."""
    monkeypatch.setattr("workbench.services.local._register", lambda: tmp_path / "hosts")
    service = LocalChatService()
    yield service
    service.close()
