"""The contract, put to each engine in a process of its own."""

from __future__ import annotations

import pytest

from tests.engines.contract import EngineContract
from workbench.engines.hosted import HostedEngine


@pytest.fixture(scope="module", params=["mlx", "llama_cpp"])
def start(request, spec_for):
    hosts = []

    def start():
        hosts.append(HostedEngine(request.param))
        list(hosts[-1].load(spec_for(request.param), "load"))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.fixture(scope="module")
def subject(start):
    return start()


class TestHostedEngines(EngineContract):
    # An engine writes on while a cancel is on its way to its process: there, the time is what counts.
    lasting = 400
    late = 2000
