"""The platform of this session: started once, mended before each test."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.acceptance.platform import Client, Platform, running_platform


@pytest.fixture(scope="session")
def _platform() -> Iterator[Platform]:
    with running_platform() as platform:
        yield platform


@pytest.fixture
def platform(_platform: Platform) -> Platform:
    """All of it up, whatever the test before has killed; the model without faults."""
    _platform.ensure_running()
    _platform.renew_model()
    return _platform


@pytest.fixture
def client(platform: Platform) -> Iterator[Client]:
    with Client(platform) as client:
        yield client


@pytest.fixture
def user() -> str:
    """Somebody nobody has spoken of yet."""
    return f"user-{uuid4().hex[:8]}"
