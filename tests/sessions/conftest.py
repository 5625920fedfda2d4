"""What the session tests share: the services of a process, over the model that ships."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workbench.services.registry import Services


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Real services; the model stays loaded between tests."""
    found = Services()
    yield found
    found.close()
