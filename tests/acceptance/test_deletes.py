"""What somebody has deleted stays deleted, whatever about it is in flight."""

from __future__ import annotations

import pytest

from tests.acceptance.installation import wait_for
from tests.acceptance.platform import MARKS, Client, Platform, wait_settled

pytestmark = MARKS

SAID = "I live in Lisbon."
# What the add in flight says of the memory; what is left once both have ended.
IN_FLIGHT = [
    pytest.param(SAID, [], id="repeats it"),
    pytest.param("I live in Lisbon with my brother Rui.", [], id="enriches it"),
    pytest.param("I moved to Berlin.", ["Berlin"], id="contradicts it"),
]


@pytest.fixture
def lisbon(platform: Platform, client: Client, user: str) -> str:
    """The id of the memory that somebody is going to delete."""
    client.settled(client.add(user, SAID))
    (memory,) = client.list(user)
    return memory["id"]


def add_until_asked(platform: Platform, client: Client, user: str, text: str) -> str:
    """An add that is at the model, which does not answer yet."""
    platform.renew_model(hold="chat", reword=True)
    event = client.add(user, text)
    wait_for(lambda: platform.stats()["chat"], "the model to be asked")
    return event


def answer(platform: Platform) -> None:
    platform.control(hold="")


def assert_gone(client: Client, user: str, memory_id: str) -> None:
    assert client.http.get(f"/v1/memories/{memory_id}/").status_code == 404
    assert not [text for text in client.texts(user) if "Lisbon" in text]
    assert not [hit for hit in client.search(user, SAID) if "Lisbon" in hit["memory"]]


@pytest.mark.parametrize(("text", "left"), IN_FLIGHT)
def test_an_add_at_the_model(platform, client, user, lisbon, text, left):
    event = add_until_asked(platform, client, user, text)
    client.delete(lisbon)
    answer(platform)
    assert client.settled(event)["status"] == "SUCCEEDED"
    assert_gone(client, user, lisbon)
    texts = client.texts(user)
    assert len(texts) == len(left)
    assert all(word in text for word, text in zip(left, texts, strict=True))


@pytest.mark.parametrize("text", [case.values[0] for case in IN_FLIGHT])
def test_an_add_at_the_model_of_a_deleted_scope(platform, client, user, lisbon, text):
    """All that was accepted before the delete is meant by it, also what is new."""
    event = add_until_asked(platform, client, user, text)
    client.delete_all(user)
    answer(platform)
    assert client.settled(event)["status"] == "SUCCEEDED"
    wait_for(lambda: client.texts(user) == [], "the scope's end")
    assert_gone(client, user, lisbon)


def test_an_add_that_waits_behind_another(platform, client, user, lisbon):
    """It is decided after the delete, by a model that words it anew."""
    first = add_until_asked(platform, client, user, "I play chess.")
    second = client.add(user, SAID)
    client.delete(lisbon)
    answer(platform)
    wait_settled(platform, [first, second])
    assert_gone(client, user, lisbon)
    assert ["chess" in text for text in client.texts(user)] == [True]


def test_a_failed_add_that_is_tried_again(platform, client, user, lisbon):
    platform.control(faults=[{"kind": "refusal"}])
    event = client.add(user, SAID)
    assert client.settled(event)["status"] == "FAILED"
    client.delete(lisbon)
    platform.control(reword=True)
    platform.manage("retry_operation", "demo", event)
    assert client.settled(event)["status"] == "SUCCEEDED"
    assert_gone(client, user, lisbon)


def test_what_is_said_afterwards_is_learned(platform, client, user, lisbon):
    client.delete(lisbon)
    client.settled(client.add(user, SAID))
    (memory,) = client.list(user)
    assert memory["id"] != lisbon
