"""Nothing is asked before everything that adds and upgrades began has ended."""

from __future__ import annotations

import pytest

from memories.evaluation.client import Client, PlatformRefused
from memories.evaluation.evaluate import settle
from tests.memories.evaluation.wire import Answering, serving


@pytest.fixture
def platform():
    """Answers lists of events with these counts, one after the other, then none."""
    counts, asked = [], []

    class Handler(Answering):
        def do_GET(self):
            asked.append(self.path)
            self.answer({"count": counts.pop(0) if counts else 0})

    with serving(Handler) as url, Client(url, "key") as client:
        yield client, counts, asked


def test_it_waits_for_what_waits_and_for_what_runs(platform):
    client, counts, asked = platform
    counts += [1, 0, 0, 1]  # pending, running; pending, running
    settle(client)
    assert len(asked) == 6
    assert {path.partition("status=")[2][:7] for path in asked} == {
        "PENDING",
        "RUNNING",
    }


def test_it_does_not_wait_for_ever(platform):
    client, counts, _ = platform
    counts += [1] * 10
    with pytest.raises(PlatformRefused, match="not ended in time"):
        settle(client, within_s=0)
