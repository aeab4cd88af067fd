"""The operators and pages of the console, as tests of memories' pages have them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.memories.console.conftest import ada, console, page, sam

__all__ = ["ada", "console", "page", "sam"]


@pytest.fixture
def queries() -> Callable[[Client, str], int]:
    """How many queries a page takes, once its caches are warm."""

    def queries(client: Client, url: str) -> int:
        assert client.get(url).status_code == 200
        with CaptureQueriesContext(connection) as asked:
            client.get(url)
        return len(asked)

    return queries
