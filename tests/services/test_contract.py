"""The contract, put to a local service and to a remote one in front of the real llama.cpp server."""

from __future__ import annotations

import pytest

from tests.services.contract import ServiceContract


class TestLocal(ServiceContract):
    @pytest.fixture
    def service(self, kept_local):
        return kept_local

    @pytest.fixture
    def model(self):
        return "builtin"


class TestRemote(ServiceContract):
    @pytest.fixture
    def service(self, llama):
        return llama

    @pytest.fixture
    def model(self):
        return "llama:builtin"
