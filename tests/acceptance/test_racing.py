"""Eight adds of one fact at once, for one user: one memory, and an outcome for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.platform import MARKS, Client, Platform, count_in, wait_settled

pytestmark = MARKS

IDENTICAL = ["I live in Lisbon."] * 8
# The stand-in's vectors are words thrown at random: these are alike to it, each to each.
# "I now reside" was not to "I currently live" (.19 where a real embedder has .9), so that
# the rules kept both whenever one of them came first.
PARAPHRASES = [
    "I live in Lisbon.",
    "I reside in Lisbon.",
    "I'm living in Lisbon.",
    "I am based in Lisbon.",
    "I currently live in Lisbon.",
    "I really live in Lisbon.",
    "I'm currently based in Lisbon.",
    "I'm based in Lisbon now.",
]
LEDGERS = """
SELECT i.ledger, i.engine FROM memories_ingestion i
WHERE i.operation_id = ANY(%s::uuid[])
"""
LEFT = """
SELECT m.state, m.number,
  (SELECT count(*) FROM memories_memoryversion v WHERE v.memory_id = m.id) AS versions,
  (SELECT count(*) FROM memories_memoryevent e
    WHERE e.memory_id = m.id AND e.kind = 'ADD') AS adds
FROM memories_memory m WHERE m.user_id = %s
"""


@pytest.fixture
def neighbour(platform: Platform) -> Iterator[Client]:
    """A tenant whose engine is the rules, without a model."""
    platform.manage("set_project", "demo-neighbour", "engine=local")
    with Client(platform, platform.demo["api_key_2"]) as client:
        yield client
    platform.manage("set_project", "demo-neighbour", "engine=")


def race(platform: Platform, client: Client, user: str, texts: list[str]) -> list[str]:
    """Add all of them before the first is done; the events' ids once all have ended."""
    platform.control(hold="embeddings", reword=True)
    with ThreadPoolExecutor(len(texts)) as pool:
        events = list(pool.map(lambda text: client.add(user, text), texts))
    assert count_in(platform, events, "PENDING", "RUNNING") == len(events)
    platform.control(hold="")
    wait_settled(platform, events)
    assert count_in(platform, events, "SUCCEEDED") == len(events)
    return events


def assert_one_memory(
    platform: Platform, user: str, events: list[str], engine: str
) -> None:
    """One head, added once; every other add found its fact known already."""
    (memory,) = platform.rows(LEFT, user)
    assert (memory["state"], memory["adds"]) == ("active", 1)
    assert memory["versions"] == memory["number"]
    ingestions = platform.rows(LEDGERS, events)
    assert {row["engine"] for row in ingestions} == {engine}
    fates = Counter(
        fact["outcome"] for row in ingestions for fact in row["ledger"]["facts"]
    )
    assert fates == {
        "stored": 1,
        "confirmed": len(events) - memory["versions"],
        **({"updated": memory["versions"] - 1} if memory["versions"] > 1 else {}),
    }


@pytest.mark.parametrize("texts", [IDENTICAL, PARAPHRASES], ids=["same", "reworded"])
def test_a_model_that_words_each_differently(platform, client, user, texts):
    events = race(platform, client, user, texts)
    assert_one_memory(platform, user, events, "single_pass")
    assert platform.stats()["chat"] >= len(texts)  # each was asked about for itself


def test_the_rules(platform, neighbour, user):
    for name, texts in ((f"{user}-same", IDENTICAL), (f"{user}-reworded", PARAPHRASES)):
        events = race(platform, neighbour, name, texts)
        assert_one_memory(platform, name, events, "local")
    assert platform.stats()["chat"] == 0
