"""The contract, put to a local service and to remote ones in front of real servers, all on the shipped weights."""

from __future__ import annotations

import pytest

import workbench.builtin
from tests.services.contract import ServiceContract


class TestLocal(ServiceContract):
    @pytest.fixture
    def service(self, kept_local):
        return kept_local

    @pytest.fixture
    def model(self):
        return "builtin"


class TestLlamaCppServer(ServiceContract):
    @pytest.fixture
    def service(self, llama):
        return llama

    @pytest.fixture
    def model(self):
        return "llama:builtin"


class TestMlxLmServer(ServiceContract):
    knows_the_context = False  # nor does it refuse a prompt for its length
    honours_stops = False  # those of several tokens it may miss
    tells_probabilities = False  # not in a stream
    continues = False

    @pytest.fixture
    def service(self, mlx):
        return mlx

    @pytest.fixture
    def model(self):
        return f"mlx:{workbench.builtin.path('safetensors').resolve()}"


class TestTransformersServe(ServiceContract):
    lists_the_model = False  # it lists the hub's cache, whatever it serves
    knows_the_context = False
    honours_stops = False  # the stop string comes with the text
    continues = False
    unknown_options = frozenset({"top_k", "min_p"})  # it refuses what it does not know
    tells_probabilities = False

    @pytest.fixture
    def service(self, transformers):
        return transformers

    @pytest.fixture
    def model(self):
        return f"transformers:{workbench.builtin.path('safetensors')}"
