"""What is counted while the platform serves is written when it is asked to stop."""

from __future__ import annotations

import pytest

from tests.acceptance.platform import MARKS

pytestmark = MARKS
COUNTED = """
SELECT operation, sum(requests)::int AS requests,
       sum(prompt_tokens + embedding_tokens)::int AS tokens
  FROM tenants_usage GROUP BY operation
"""


@pytest.fixture
def counted(platform):
    """Requests and tokens by operation, since the test began."""

    def read():
        rows = platform.rows(COUNTED)
        return {row["operation"]: (row["requests"], row["tokens"]) for row in rows}

    platform.stop("web")
    platform.stop("worker")
    before = read()
    platform.ensure_running()

    def since(operation):
        pairs = zip(
            read().get(operation, (0, 0)), before.get(operation, (0, 0)), strict=True
        )
        return tuple(now - then for now, then in pairs)

    yield since
    platform.ensure_running()


def test_a_clean_stop_loses_no_count(platform, client, user, counted):
    """Well within the seconds between two writes."""
    client.settled(client.add(user, "I keep seven hives behind the barn."))
    for _ in range(5):
        client.search(user, "bees")
    assert platform.stop("web") == 0
    assert platform.stop("worker") == 0
    requests, tokens = counted("add")
    assert requests == 1
    assert tokens > 0
    assert counted("search")[0] == 5
