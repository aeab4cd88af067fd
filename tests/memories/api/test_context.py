"""POST /v1/context/"""

from __future__ import annotations

import pytest

from memories.models import Anchor, Message, Operation
from memories.providers.local import count_tokens
from memories.retrieval.answerable import ABSTAIN_BELOW
from memories.retrieval.context import DOUBTFUL, NOTHING
from memories.services.background import refresh_anchor_summary
from memories.services.configuration import configure_provider
from memories.store.retention import empty_messages
from memplatform.lib import clock
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import SCOPE, entity_path, memory_path

CONTEXT = "/v1/context/"
IDA = {"user_id": "ida"}
BEES = {"query": "Who keeps bees?", "filters": IDA}


@pytest.fixture
def ask(client):
    """``ask(token_budget=300)``: the answer about ida's bees."""

    def ask(by=client, **fields):
        answer = by.post(CONTEXT, {**BEES, **fields})
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return ask


def test_it_answers_with_a_block_and_what_is_in_it(client, store, ask, acme, frozen):
    memory_id = store("I keep bees behind the barn.")
    with tenant_scope(acme.id):
        message = Message.objects.get()
    answer = ask(recent_messages=0)
    memory = client.get(memory_path(memory_id)).json()
    score = answer["facts"][0].pop("score")
    assert 0.1 <= score <= 1
    assert ABSTAIN_BELOW < answer.pop("confidence") <= 1
    assert set(answer.pop("evidence")) == {"meaning", "words", "lead"}
    assert answer == {
        "context": (
            "<memories>\n1. [2026-03-01] I keep bees behind the barn.\n</memories>"
        ),
        "tokens": count_tokens(answer["context"]),
        "token_budget": 1000,
        "tokenizer": "all-MiniLM-L6-v2",
        "nothing_relevant": False,
        "facts": [
            {
                "id": memory_id,
                "memory": "I keep bees behind the barn.",
                "created_at": memory["created_at"],
                "valid_from": memory["valid_from"],
                "valid_to": None,
                "lifecycle_state": "active",
                "is_cut": False,
                "message_ids": [str(message.id)],
            }
        ],
        "summaries": [],
        "recent_messages": [],
        "excerpts": [],
        "left_out": {"facts": 0, "summaries": 0, "recent_messages": 0},
    }


def test_it_is_the_same_each_time(store, ask):
    for n in range(10):
        store(f"I keep bees in hive {n}.")
    assert ask(token_budget=100) == ask(token_budget=100)


def test_the_budget_is_never_exceeded_and_facts_come_in_order(store, ask):
    for n in range(30):
        store(f"I keep bees in the hive of number {n} behind the barn.")
    whole = ask(token_budget=32_000)
    assert len(whole["facts"]) == 30
    for budget in (50, 90, 200, 400):
        answer = ask(token_budget=budget)
        told = [fact["id"] for fact in answer["facts"]]
        assert count_tokens(answer["context"]) == answer["tokens"] <= budget
        assert told == [fact["id"] for fact in whole["facts"]][: len(told)]
        assert answer["left_out"]["facts"] == 30 - len(told)


def test_what_nobody_spoke_of_is_said_to_be_unknown(store, ask):
    store("I keep bees behind the barn.")
    answer = ask(query="The GDP of Peru in 1987", threshold=0.3, recent_messages=0)
    assert (answer["nothing_relevant"], answer["facts"]) == (True, [])
    assert answer["context"].splitlines() == ["<memories>", NOTHING, "</memories>"]


def test_without_any_memory_it_is_the_same(ask):
    answer = ask()
    assert (answer["nothing_relevant"], answer["confidence"]) == (True, 0)


def test_what_is_near_but_no_answer_is_told_with_that_word(store, ask):
    store("I keep bees behind the barn.")
    doubtful = ask(abstain_below=1)
    assert doubtful["nothing_relevant"] is True
    assert doubtful["context"].splitlines()[1] == DOUBTFUL
    assert len(doubtful["facts"]) == 1
    sure = ask(abstain_below=0)
    assert sure["nothing_relevant"] is False
    assert DOUBTFUL not in sure["context"]


def test_confidence_tells_questions_apart(store, ask):
    store("I keep bees behind the barn.")
    far = ask(query="The GDP of Peru in 1987", threshold=0)
    assert far["confidence"] < ABSTAIN_BELOW < ask()["confidence"]
    assert far["nothing_relevant"] is True


def test_what_was_said_last_stands_behind_it(learn, store, ask):
    learn("I keep bees behind the barn.")
    learn("Hello there, good morning!")
    store("I keep goats.", user_id="bo")
    answer = ask(recent_messages=2)
    said = [message["content"] for message in answer["recent_messages"]]
    assert said == ["I keep bees behind the barn.", "Hello there, good morning!"]
    assert "user: Hello there" in answer["context"]
    assert "goats" not in answer["context"]
    assert len(ask(recent_messages=1)["recent_messages"]) == 1


def test_a_run_tells_of_itself_only(learn, ask):
    learn("I keep bees behind the barn.", run_id="r")
    learn("I live in Lisbon.", run_id="other")
    answer = ask(filters={"AND": [IDA, {"run_id": "r"}]})
    assert "Lisbon" not in answer["context"]
    assert len(answer["recent_messages"]) == 1
    assert len(ask(filters={"run_id": "other"})["recent_messages"]) == 1


@pytest.mark.parametrize(
    "filters",
    [
        {"AND": [IDA, {"categories": {"contains": "food"}}]},
        {"OR": [IDA, {"user_id": "bo"}]},
        {"user_id": "*"},
    ],
)
def test_a_filter_of_more_than_ids_gets_memories_only(learn, ask, filters):
    learn("I keep bees behind the barn.")
    assert ask(filters=filters)["recent_messages"] == []


def test_a_deleted_memory_takes_its_message_along(client, learn, store, ask):
    learn("Hello there, good morning!")
    memory_id = store("I keep bees behind the barn.")
    client.delete(memory_path(memory_id))
    answer = ask(threshold=0)
    assert "bees" not in answer["context"]
    assert len(answer["recent_messages"]) == 1


def test_what_a_delete_of_the_whole_scope_covered_is_not_told(
    client, learn, store, ask, frozen
):
    learn("Hello there, good morning!")
    client.delete(f"{SCOPE}?user_id=ida")
    frozen.advance(seconds=1)
    store("I keep bees behind the barn.")
    said = [message["content"] for message in ask()["recent_messages"]]
    assert said == ["I keep bees behind the barn."]


def test_what_was_erased_or_is_kept_no_longer_is_not_told(
    client, learn, store, ask, acme, frozen
):
    learn("Hello there, good morning!")
    frozen.advance(days=1)
    with tenant_scope(acme.id, project_id=acme.project.id):
        empty_messages(clock.now())
    assert ask(threshold=0, excerpts=True)["recent_messages"] == []
    store("I keep bees behind the barn.")
    client.delete(entity_path())
    assert ask(threshold=0)["recent_messages"] == []


def test_a_rolling_summary_stands_between(learn, ask, acme):
    learn("I keep bees behind the barn.")
    with tenant_scope(acme.id):
        (anchor_id,) = Anchor.objects.values_list("id", flat=True)
    refresh_anchor_summary(acme.id, anchor_id)
    (summary,) = ask()["summaries"]
    assert "bees" in summary["summary"]
    lines = ask()["context"].splitlines()
    assert lines[1].startswith("1. [")
    assert any(line.startswith("Summary [") for line in lines)
    assert ask(summaries=False)["summaries"] == []


def test_sources_are_quoted_on_request(learn, ask):
    learn("Well, you know, I keep bees behind the barn since last year.")
    assert ask(recent_messages=0)["excerpts"] == []
    answer = ask(recent_messages=0, excerpts=True)
    (quoted,) = answer["excerpts"]
    assert quoted["content"].startswith("Well, you know")
    assert quoted["id"] in answer["facts"][0]["message_ids"]
    assert "(1) [" in answer["context"]


def test_it_answers_as_it_would_have_then(store, ask, frozen):
    store("I keep bees behind the barn.")
    then = clock.now().isoformat()
    frozen.advance(days=1)
    store("I keep bees on the roof.")
    answer = ask(as_of=then)
    assert "roof" not in answer["context"]
    assert len(answer["recent_messages"]) == 1


def test_a_narrowed_key_hears_of_its_own_only(store, ask, idas):
    store("I keep bees behind the barn.")
    store("I keep bees and goats.", user_id="bo")
    answer = ask(by=idas, filters={"user_id": "*"}, threshold=0)
    assert [fact["memory"] for fact in answer["facts"]] == [
        "I keep bees behind the barn."
    ]
    assert "goats" not in answer["context"]
    foreign = {**BEES, "filters": {"user_id": "bo"}}
    assert idas.post(CONTEXT, foreign).status_code == 404


def test_another_tenant_hears_nothing(store, ask, outsider):
    store("I keep bees behind the barn.")
    answer = ask(by=outsider, threshold=0)
    assert (answer["facts"], answer["recent_messages"]) == ([], [])


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"query": " "}, "query"),
        ({"filters": None}, "filters"),
        ({"token_budget": 49}, "token_budget"),
        ({"token_budget": 32_001}, "token_budget"),
        ({"token_budget": "many"}, "token_budget"),
        ({"recent_messages": -1}, "recent_messages"),
        ({"recent_messages": 51}, "recent_messages"),
        ({"summaries": "yes"}, "summaries"),
        ({"excerpts": 1}, "excerpts"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": 1001}, "top_k"),
        ({"threshold": 2}, "threshold"),
        ({"abstain_below": -1}, "abstain_below"),
    ],
)
def test_bad_input_is_400_and_named(client, fields, name):
    answer = client.post(CONTEXT, {**BEES, **fields})
    assert answer.status_code == 400
    assert name in answer.json()["detail"]


def test_it_counts_as_a_search(store, ask, acme):
    store("I keep bees behind the barn.")
    ask()
    with tenant_scope(acme.id):
        searched = Operation.objects.get(kind=Operation.Kind.SEARCH)
    assert searched.payload["query"] == BEES["query"]


def test_a_block_can_be_reranked_too(store, ask, acme, model_server):
    store("I keep bees behind the barn.")
    assert ask(rerank=True)["rerank"]["problem"] == "no_reranker"
    with tenant_scope(acme.id):
        configure_provider(
            acme.project, "rerank", base_url=model_server.base_url, model="r-1"
        )
    assert ask(rerank=True)["rerank"]["is_applied"] is True


def test_an_unknown_field_is_named(client):
    answer = client.post(CONTEXT, {**BEES, "budget": 3})
    assert "budget" in answer["X-Memplatform-Warning"]
