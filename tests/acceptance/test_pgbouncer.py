"""Web and worker behind a real PgBouncer in transaction mode: tenants never meet.

A few server connections serve both tenants, so that a setting which outlived its
transaction would be the next tenant's.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.platform import MARKS, SERVING, Client, Platform
from tests.pgbouncer import POOL_SIZE, pgbouncer

pytestmark = MARKS
ROUNDS = 12
SERVED = """
SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'memplatform_app'
"""


@pytest.fixture(scope="module")
def behind(_platform: Platform) -> Iterator[Platform]:
    """Web, worker and beat reach PostgreSQL through PgBouncer only."""
    with pgbouncer(_platform.environment["DATABASE_URL"]) as url:
        _platform.ensure_running()
        _platform.renew_model()
        kill_serving(_platform)
        _platform.ensure_running(DATABASE_URL=url, DB_PREPARED_STATEMENTS="false")
        yield _platform
        kill_serving(_platform)


def kill_serving(platform: Platform) -> None:
    for name in SERVING:
        platform.kill(name)


def journey(client: Client, name: str, own: str, foreign: str) -> None:
    """Add, wait, list, search, delete: of one's own words only."""
    event = client.add(name, f"I collect {own} at home.")
    (result,) = client.settled(event)["results"]
    assert own in result["memory"]
    assert [own in text for text in client.texts(name)] == [True]
    assert [own in hit["memory"] for hit in client.search(name, own)] == [True]
    assert not [hit for hit in client.search(name, foreign) if own not in hit["memory"]]
    client.delete(result["id"])
    assert client.texts(name) == []


def test_two_tenants_take_turns(behind, user):
    """Users of the same names, at the same time, in both tenants."""
    with (
        Client(behind) as demo,
        Client(behind, behind.demo["api_key_2"]) as neighbour,
        ThreadPoolExecutor(6) as pool,
    ):
        journeys = [
            pool.submit(journey, client, f"{user}-{number}", own, foreign)
            for number in range(ROUNDS)
            for client, own, foreign in (
                (demo, "stamps", "coins"),
                (neighbour, "coins", "stamps"),
            )
        ]
        for done in journeys:
            done.result()
    assert 0 < behind.rows(SERVED)[0]["n"] <= POOL_SIZE


def test_an_id_of_the_other_tenant_is_not_there(behind, user):
    with Client(behind) as demo, Client(behind, behind.demo["api_key_2"]) as neighbour:
        event = demo.add(user, "I live in Lisbon.")
        memory_id = demo.settled(event)["results"][0]["id"]
        for path in (f"/v1/memories/{memory_id}/", f"/v1/event/{event}/"):
            assert demo.http.get(path).status_code == 200
            assert neighbour.http.get(path).status_code == 404
