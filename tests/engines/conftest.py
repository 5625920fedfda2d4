"""What the engine tests share: the shipped model's files, and an engine behind the calls a handle has."""

from __future__ import annotations

import pytest

import workbench.builtin
from workbench.engines import LoadSpec, make_engine

pytest.register_assert_rewrite("tests.engines.contract")

FORMATS = {"mlx": "safetensors", "llama_cpp": "gguf"}


@pytest.fixture(scope="session")
def spec_for():
    """The shipped model, in fp32, as an engine of that name reads it."""
    return lambda engine, **more: LoadSpec(model="builtin", path=str(workbench.builtin.path(FORMATS[engine])), **more)


class Direct:
    """An engine on this very thread, with the calls that a handle has."""

    def __init__(self, name, spec):
        self.engine = make_engine(name)
        self.progress = list(self.engine.load(spec, lambda: False))
        self.loaded = self.engine.loaded
        self.render = self.engine.render
        self.count_tokens = self.engine.count_tokens
        self._cancelled = set()

    def generate(self, requests):
        return self.engine.generate(requests, self._cancelled.__contains__)

    def cancel(self, run):
        self._cancelled.add(run)

    def close(self):
        self.engine.unload()


@pytest.fixture(scope="session")
def direct(spec_for):
    """Starts an engine by name on this thread, the shipped model loaded."""
    started = []

    def start(name, **more):
        started.append(Direct(name, spec_for(name, **more)))
        return started[-1]

    yield start
    for subject in started:
        subject.close()
