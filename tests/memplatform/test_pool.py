"""A connection out of the pool works, also after the server has ended what it held."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from memplatform import settings
from memplatform.lib.pool import check_if_closed


@pytest.fixture
def pool(postgres) -> Iterator[ConnectionPool]:
    with ConnectionPool(
        postgres.app_url, min_size=1, max_size=1, check=check_if_closed, open=True
    ) as pool:
        yield pool


def test_a_connection_that_the_server_ended_is_replaced(postgres, pool):
    with pool.connection() as before:
        pid = before.info.backend_pid
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    with pool.connection() as after:
        assert after.execute("SELECT 1").fetchone() == (1,)
        assert after.info.backend_pid != pid


def test_one_that_lives_is_kept_and_not_asked(postgres, pool):
    with pool.connection() as connection:
        pid = connection.info.backend_pid
        connection.execute("SELECT 1")
    with (
        pool.connection() as connection,
        psycopg.connect(postgres.admin_url, autocommit=True) as admin,
    ):
        assert connection.info.backend_pid == pid
        last = "SELECT query FROM pg_stat_activity WHERE pid = %s"
        assert admin.execute(last, [pid]).fetchone() == ("COMMIT",)


def test_after_an_outage_it_is_tried_again_while_a_request_waits():
    """Attempts are made at twice the distance each: for five minutes, as psycopg has
    it, the next came 31 s after an outage of 33."""
    assert settings.DB_POOL["reconnect_timeout"] <= settings.DB_POOL["timeout"]
