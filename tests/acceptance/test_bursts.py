"""Bursts on a real platform: fewer calls, the same effects, also when a worker dies."""

from __future__ import annotations

import pytest

from tests.acceptance.installation import wait_for
from tests.acceptance.platform import MARKS
from tests.acceptance.test_kills import add_facts, finish, make_facts

pytestmark = MARKS
ADDS = 60
"""Three of each user, as fast as eight clients can."""


@pytest.fixture(autouse=True)
def _window(platform):
    platform.manage("set_project", "demo", "add_window_s=1.5")
    yield
    platform.manage("set_project", "demo", "add_window_s=")


def test_what_comes_in_together_is_asked_about_together(platform, client):
    said = add_facts(client, make_facts(ADDS))
    finish(platform, said)
    assert platform.stats()["chat"] < ADDS * 2 / 3


def test_a_worker_is_killed_while_bursts_are_at_the_model(platform, client):
    platform.control(latency_s=1.5)
    said = add_facts(client, make_facts(ADDS))
    wait_for(lambda: platform.stats()["chat"] >= 5, "bursts at the model")
    platform.kill("worker")
    platform.start("worker")
    finish(platform, said)
    left = "SELECT count(*) AS n FROM memories_operation WHERE attempts > 1"
    assert platform.rows(left)[0]["n"] > 0  # or nothing was at the model
