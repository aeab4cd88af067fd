"""POST /v1/summary/"""

from __future__ import annotations

import pytest

from memories.models import Anchor, LlmCall
from memories.services.background import refresh_anchor_summary
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import memory_path

SUMMARY = "/v1/summary/"
IDA = {"filters": {"user_id": "ida"}}


@pytest.fixture
def told(client):
    """What is told of a filter: (source, text)."""

    def told(body=None, by=client):
        answer = by.post(SUMMARY, body or IDA)
        assert answer.status_code == 200, answer.json()
        return [(item["source"], item["summary"]) for item in answer.json()]

    return told


@pytest.fixture
def refreshed(acme):
    """Write the rolling summary of every conversation."""

    def refreshed():
        with tenant_scope(acme.id):
            ids = list(Anchor.objects.values_list("id", flat=True))
        for anchor_id in ids:
            refresh_anchor_summary(acme.id, anchor_id)

    return refreshed


def test_without_a_model_each_memory_is_told(client, store, told, frozen):
    memory_id = store("I keep bees.", run_id="r", user_id="ida")
    store("I keep goats.", user_id="bo")
    (item,) = client.post(SUMMARY, IDA).json()
    memory = client.get(memory_path(memory_id)).json()
    assert item == {
        "summary": "I keep bees.",
        "source": "memory",
        "user_id": "ida",
        "agent_id": None,
        "app_id": None,
        "run_id": "r",
        "updated_at": memory["updated_at"],
    }


def test_nothing_remembered_is_nothing_told(told):
    assert told() == []


@pytest.mark.parametrize(
    "body",
    [
        {"filters": {"AND": [{"user_id": "ida"}]}},
        {"filters": {"user_id": "ida"}},
        {"user_id": "ida"},
    ],
)
def test_filters_are_flat_or_structured(store, told, body):
    store("I keep bees.")
    assert told(body) == [("memory", "I keep bees.")]


def test_a_kept_summary_of_the_conversation_is_told(
    client, learn, store, told, refreshed
):
    learn("I keep bees behind the barn.")
    store("I keep goats.", user_id="bo")
    refreshed()
    (item,) = client.post(SUMMARY, IDA).json()
    assert item["source"] == "conversation"
    assert "bees" in item["summary"]
    assert "goats" not in item["summary"]
    assert (item["user_id"], item["run_id"]) == ("ida", None)


def test_a_summary_never_tells_more_than_was_asked(learn, told, refreshed):
    learn("I keep bees behind the barn.", run_id="r")
    learn("I live in Lisbon.", run_id="other")
    refreshed()
    only_r = {"filters": {"AND": [{"user_id": "ida"}, {"run_id": "r"}]}}
    told_of_r = told(only_r)
    assert {source for source, _ in told_of_r} == {"memory"}
    assert "Lisbon" not in str(told_of_r)


def test_a_conversation_without_one_is_not_left_out(learn, store, told, refreshed):
    learn("I keep bees behind the barn.")
    refreshed()
    store("I keep goats.", user_id="ida", agent_id="bot")
    assert "I keep goats." in [text for _, text in told()]


def test_the_model_sums_up_outside_of_any_transaction(
    committed_db, store, told, models, acme
):
    store("I keep bees.")
    store("I keep goats.")
    models.reply('{"summary": "Ida keeps bees and goats."}')
    assert told() == [("model", "Ida keeps bees and goats.")]
    with tenant_scope(acme.id):
        call = LlmCall.objects.get()
    assert call.purpose == "summary"
    assert call.request is call.reply is None


def test_a_model_that_fails_is_as_none(store, told, models):
    store("I keep bees.")
    models.order("error", path="chat", times=10)
    assert told() == [("memory", "I keep bees.")]


@pytest.mark.parametrize(
    "body", [{}, {"filters": {}}, {"filters": {"shoe_size": 39}}, {"filters": "ida"}]
)
def test_bad_filters_are_400(client, body):
    assert client.post(SUMMARY, body).status_code == 400


def test_others_are_told_nothing(store, learn, told, refreshed, outsider, idas):
    learn("I keep bees.", user_id="bo")
    refreshed()
    assert told({"filters": {"user_id": "bo"}}, by=outsider) == []
    assert told({"filters": {"user_id": "*"}}, by=idas) == []
    assert idas.post(SUMMARY, {"filters": {"user_id": "bo"}}).status_code == 404
