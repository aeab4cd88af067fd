"""A receiver on the network hears of what real workers have stored."""

from __future__ import annotations

from tests.acceptance.installation import wait_for
from tests.acceptance.platform import MARKS

pytestmark = MARKS


def told(platform, user):
    """What the receiver was told of a user, oldest first."""
    requests = platform.receiver.received
    return [r for r in requests if r.json["event_details"]["user_id"] == user]


def test_an_add_is_told_once_and_signed(platform, client, user):
    """Also when the worker that should tell it is gone: then another one does."""
    client.settled(client.add(user, "I keep bees."))
    (memory,) = client.list(user)
    (first,) = wait_for(lambda: told(platform, user), "the delivery")
    details = first.json["event_details"]
    assert (details["id"], details["event"]) == (memory["id"], "ADD")
    assert details["data"] == {"memory": memory["memory"]}
    assert first.is_signed_with(platform.webhook["secret"])

    platform.kill("worker")
    client.http.post(
        "/v3/memories/add/",
        json={"messages": "I keep goats.", "user_id": user, "infer": False},
    ).raise_for_status()
    platform.ensure_running()
    _, second = wait_for(
        lambda: told(platform, user) if len(told(platform, user)) > 1 else None,
        "the delivery that lost its worker",
    )
    assert second.json["event_details"]["data"] == {"memory": "I keep goats."}
