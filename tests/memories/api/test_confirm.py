"""POST /v1/memories/{id}/confirm/: a memory that may be stale still holds."""

from __future__ import annotations

import pytest

from memories.models import Memory
from memories.store.batch import Batch, Cause

SAID = "User goes to the office by bicycle."


@pytest.fixture
def doubted(agent):
    """As when what it rests on is over."""
    memory_id = agent.keep(SAID)
    agent.keep("User likes tea.")
    with agent.scope():
        head = Memory.objects.get(id=memory_id)
        batch = Batch.open(head.project_id, [head.anchor_id])
        batch.doubt(head, None, Cause("system", reason="what it rests on is over"))
        batch.flush()
    return str(memory_id)


def test_every_answer_tells_of_the_doubt(client, doubted):
    filters = {"filters": {"user_id": "ann"}}
    answers = (
        client.post("/v3/memories/", filters),
        client.post("/v3/memories/search/", {"query": "bicycle?", **filters}),
    )
    for answer in answers:
        told = {row["id"]: row["stale_suspect"] for row in answer.json()["results"]}
        assert [memory_id for memory_id, is_so in told.items() if is_so] == [doubted]
    assert client.get(f"/v1/memories/{doubted}/").json()["stale_suspect"] is True


def test_it_is_lifted_and_stands_in_the_history(client, agent, doubted):
    lifted = client.post(f"/v1/memories/{doubted}/confirm/")
    assert (lifted.status_code, lifted.json()["stale_suspect"]) == (200, False)
    assert agent.events(doubted) == ["ADD", "SUSPECT", "CONFIRM"]


def test_what_nobody_doubts_is_refused(client, doubted):
    client.post(f"/v1/memories/{doubted}/confirm/")
    again = client.post(f"/v1/memories/{doubted}/confirm/")
    assert (again.status_code, again.json()["detail"]) == (
        400,
        "Nobody doubts this memory.",
    )


def test_others_and_readers_lift_nothing(outsider, reader, agent, doubted):
    path = f"/v1/memories/{doubted}/confirm/"
    assert outsider.post(path).status_code == 404
    assert reader.post(path).status_code == 403
    assert agent.head(doubted).is_stale_suspect


def test_a_user_of_that_name_is_still_read(client, agent):
    """The older address of a user's memories, which this one looks like."""
    agent.keep("Sails.", user_id="confirm")
    answer = client.get("/v1/memories/user/confirm/")
    assert [row["memory"] for row in answer.json()["results"]] == ["Sails."]
    refused = client.get("/v1/memories/nobody/confirm/")
    assert refused.status_code == 405
    assert "GET" not in refused["Allow"]
