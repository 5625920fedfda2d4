"""Every test runs in a state folder and a Hugging Face cache of its own session, with no key in its environment.

Processes that tests start can be interrupted, however pytest itself was started.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile

import pytest

FROM_OUTSIDE = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "HF_TOKEN", "HF_HUB_CACHE", "HF_ENDPOINT")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # a worker of xdist inherits all this
    for name in FROM_OUTSIDE:
        os.environ.pop(name, None)
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"  # the person's own is left alone
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts deaf to Ctrl-C
    config.stash[HOME] = tempfile.mkdtemp(prefix="workbench-tests-")
    os.environ["WORKBENCH_HOME"] = f"{config.stash[HOME]}/home"
    os.environ["HF_HOME"] = f"{config.stash[HOME]}/huggingface"


def pytest_unconfigure(config: pytest.Config) -> None:
    if home := config.stash.get(HOME, None):
        shutil.rmtree(home, ignore_errors=True)


HOME = pytest.StashKey[str]()
