"""POST /v1/feedback/"""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.models import Feedback
from memories.services.deletion import erase_subject
from memories.types import Actor
from tenants.scopes import tenant_scope
from tests.memories.agents import at_once
from tests.memories.api.conftest import FEEDBACK, MISSING, NOBODYS_ID, memory_path


@pytest.fixture
def rate(client):
    def rate(memory_id, value, reason=None, by=client):
        body = {"memory_id": memory_id, "feedback": value, "feedback_reason": reason}
        return by.post(FEEDBACK, body)

    return rate


@pytest.fixture
def kept(acme):
    """What is stored: (who, value, reason)."""

    def kept():
        with tenant_scope(acme.id):
            rows = Feedback.objects.values_list("operator_id", "feedback", "reason")
            return list(rows)

    return kept


@pytest.mark.parametrize("value", ["POSITIVE", "NEGATIVE", "VERY_NEGATIVE", "negative"])
def test_it_is_kept_for_the_user_of_the_key(store, rate, kept, acme, value):
    answer = rate(store("I keep bees."), value, "because")
    assert answer.status_code == 200
    body = answer.json()
    assert UUID(body.pop("id"))
    assert body == {"feedback": value.upper(), "feedback_reason": "because"}
    assert kept() == [(acme.owner.id, value.upper(), "because")]


def test_the_last_word_counts(store, rate, kept, acme):
    memory_id = store("I keep bees.")
    first, last = rate(memory_id, "POSITIVE", "yes"), rate(memory_id, "NEGATIVE")
    assert first.json()["id"] == last.json()["id"]
    assert kept() == [(acme.owner.id, "NEGATIVE", None)]


def test_null_takes_it_back(client, store, rate, kept, acme):
    memory_id = store("I keep bees.")
    rate(memory_id, "POSITIVE", "yes")
    answer = rate(memory_id, None, "no matter")
    assert answer.json()["feedback"] is answer.json()["feedback_reason"] is None
    assert kept() == [(acme.owner.id, None, None)]
    assert client.post(FEEDBACK, {"memory_id": memory_id}).status_code == 200


def test_two_at_once_are_one(committed_db, store, rate, kept):
    memory_id = store("I keep bees.")
    answers = at_once(*[lambda: rate(memory_id, "POSITIVE")] * 4)
    assert {answer.status_code for answer in answers} == {200}
    assert len(kept()) == 1


def test_an_erasure_takes_the_reason_along(store, rate, kept, acme):
    rate(store("I keep bees."), "NEGATIVE", "Ida sold the hives.")
    with tenant_scope(acme.id):
        erase_subject(acme.project.id, "user", "ida", Actor("system"))
    assert kept() == [(acme.owner.id, "NEGATIVE", None)]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"memory_id": "memory-123"}, "memory_id"),
        ({"memory_id": None}, "memory_id"),
        ({"memory_id": 7}, "memory_id"),
        ({"feedback": "MEH"}, "feedback"),
        ({"feedback": 1}, "feedback"),
        ({"feedback_reason": 1}, "feedback_reason"),
        ({"feedback_reason": "x" * 4001}, "feedback_reason"),
    ],
)
def test_bad_input_is_400(client, store, kept, wrong, field):
    right = {"memory_id": store("I keep bees."), "feedback": "POSITIVE"}
    answer = client.post(FEEDBACK, {**right, **wrong})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert kept() == []


def test_a_memory_that_is_not_there_is_404(client, store, rate):
    assert rate(NOBODYS_ID, "POSITIVE").json() == MISSING
    gone = store("I keep bees.")
    client.delete(memory_path(gone))
    assert rate(gone, "POSITIVE").status_code == 404


def test_another_tenants_memory_is_404(outsider, store, rate, kept):
    answer = rate(store("I keep bees."), "POSITIVE", by=outsider)
    assert answer.status_code == 404
    assert answer.json() == MISSING
    assert kept() == []


def test_a_narrowed_key_rates_its_own_only(idas, store, rate):
    assert rate(store("hers"), "POSITIVE", by=idas).status_code == 200
    bos = store("bo's", user_id="bo")
    assert rate(bos, "POSITIVE", by=idas).json() == MISSING
