"""``kill -9`` of any part, in the middle of 100 adds: each has its effect exactly once."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.acceptance.effects import assert_stored_once
from tests.acceptance.installation import wait_for
from tests.acceptance.platform import (
    MARKS,
    Client,
    Platform,
    count_in,
    wait_settled,
)

pytestmark = MARKS
ADDS, USERS = 100, 20
ACCEPTED_WITHIN_S = 3.0  # with a dead broker: one impatient attempt to reach it


def make_facts(count: int = ADDS) -> list[tuple[str, str, str]]:
    """(user, text, the word that only this fact has); users take turns."""
    batch = uuid4().hex[:6]
    words = [f"w{batch}{number}" for number in range(count)]
    return [
        (f"{batch}-{number % USERS}", f"I collect {word} from q{word}.", word)
        for number, word in enumerate(words)
    ]


def add_facts(client: Client, facts: list[tuple[str, str, str]]) -> dict[str, tuple]:
    """What assert_stored_once wants to know, by the event's id."""
    events = client.add_all([(user, text) for user, text, _ in facts])
    return {e: (user, word) for e, (user, _, word) in zip(events, facts, strict=True)}


def wait_for_the_middle(platform: Platform, said: dict[str, tuple]) -> None:
    wait_for(lambda: count_in(platform, list(said), "SUCCEEDED") >= 15, "some progress")
    assert count_in(platform, list(said), "PENDING", "RUNNING") >= 15


@pytest.fixture
def adds(platform: Platform, client: Client) -> dict[str, tuple]:
    """100 adds accepted, some of them done, the others in every stage of work."""
    # Five adds of one user follow one another: done after 7.5 s, accepted long before.
    platform.control(latency_s=1.5)
    said = add_facts(client, make_facts())
    wait_for_the_middle(platform, said)
    return said


def finish(platform: Platform, said: dict[str, tuple]) -> None:
    platform.control(latency_s=0.0)
    wait_settled(platform, list(said))
    assert_stored_once(platform, said)


def test_of_a_worker(platform, adds):
    platform.kill("worker")
    platform.start("worker")
    finish(platform, adds)
    again = "SELECT count(*) AS n FROM memories_operation WHERE attempts > 1"
    assert platform.rows(again)[0]["n"] > 0  # or nothing was running when it died


def test_of_the_broker(platform, adds):
    platform.kill("valkey")
    platform.start("valkey")
    finish(platform, adds)


def test_of_postgres(platform, adds):
    platform.kill("postgres")
    platform.start("postgres")
    finish(platform, adds)


def test_of_the_web_right_after_its_answer(platform, client):
    """A client that hears nothing asks again with the same Idempotency-Key."""
    said = {}
    for number, (user, text, word) in enumerate(make_facts()):
        event = client.add(user, text, retry_key=uuid4().hex)
        if number in (10, 50, 90):
            kill_web_workers(platform)
        said[event] = (user, word)
    finish(platform, said)


def kill_web_workers(platform: Platform) -> None:
    master = platform.running["web"].pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    for pid in children:
        os.kill(int(pid), signal.SIGKILL)


def test_without_a_broker_adds_are_accepted_and_wait(platform, client):
    platform.kill("valkey")
    said, slow = {}, []
    for user, text, word in make_facts(10):
        began = time.monotonic()
        said[client.add(user, text)] = (user, word)
        slow += [text] if time.monotonic() - began > ACCEPTED_WITHIN_S else []
    assert slow == []
    assert count_in(platform, list(said), "PENDING") == len(said)
    platform.start("valkey")
    finish(platform, said)


def test_a_stopping_worker_finishes_and_leaves_the_rest(platform, client):
    """SIGTERM: what runs is finished, what waits is done by the next worker."""
    platform.control(latency_s=1.0)
    facts = make_facts(60)
    said = add_facts(client, facts)
    wait_for(lambda: platform.stats()["chat"] >= USERS, "models to be waited for")
    assert platform.stop("worker") == 0
    left = platform.rows(
        "SELECT id FROM memories_operation"
        " WHERE status = 'RUNNING' AND id = ANY(%s::uuid[])",
        list(said),
    )
    assert left == []
    platform.start("worker")
    finish(platform, said)
    tried = (
        "SELECT max(attempts) AS n FROM memories_operation WHERE id = ANY(%s::uuid[])"
    )
    assert platform.rows(tried, list(said))[0]["n"] == 1


def test_connections_are_returned_between_tasks(platform, client):
    """After many adds on 32 threads, the worker's pool is back at rest."""
    busy = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'memplatform_app'"
        " AND state <> 'idle'"
    )
    said = add_facts(client, make_facts(60))
    finish(platform, said)
    wait_for(lambda: platform.rows(busy)[0]["n"] == 0, "connections at rest", 10)
    assert "PoolTimeout" not in platform.log("worker").read_text()
