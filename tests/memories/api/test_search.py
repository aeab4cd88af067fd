from __future__ import annotations

import pytest

from memories.api.requests import read_search
from memories.retrieval.query import read_query
from memories.services.configuration import configure_provider
from memories.types import Verdict
from tenants.scopes import tenant_scope
from tests.memories.agents import adds, decides
from tests.memories.api.conftest import LIST, SEARCH, memories

MEMORY_KEYS = {
    "id",
    "memory",
    "user_id",
    "agent_id",
    "app_id",
    "run_id",
    "session_id",
    "metadata",
    "categories",
    "expiration_date",
    "created_at",
    "updated_at",
    "structured_attributes",
    "replaced_by",
    "synthesized",
    "lifecycle_state",
    "hash",
    "immutable",
    "version",
    "valid_from",
    "valid_to",
    "valid_precision",
    "recurs",
    "aspect",
    "attributed_to",
    "stale_suspect",
}


@pytest.fixture
def ask(client):
    """``ask("bees?")`` searches ida's memories."""

    def ask(query, **fields):
        return client.post(SEARCH, {"query": query, "filters": _IDA, **fields})

    return ask


_IDA = {"user_id": "ida"}


@pytest.fixture
def shelf(store):
    """Three memories of ida, and one of bo."""
    return {
        "bees": store("I keep bees behind the barn.", metadata={"kind": "hobby"}),
        "peanuts": store("I am allergic to peanuts.", metadata={"kind": "health"}),
        "lisbon": store("I live in Lisbon.", run_id="r-7", user_id="ida"),
        "wasps": store("I keep wasps behind the barn.", user_id="bo"),
    }


def test_the_best_answer_comes_first(shelf, ask):
    answer = ask("Who keeps bees?")
    assert answer.status_code == 200
    assert answer.json().keys() == {"results"}
    first = answer.json()["results"][0]
    assert first.keys() == MEMORY_KEYS | {"score", "score_breakdown"}
    assert first["score_breakdown"].keys() >= {"semantic", "bm25"}
    assert first["id"] == shelf["bees"]
    assert first["metadata"] == {"kind": "hobby"}


def test_scores_fall_from_one_to_zero(shelf, ask):
    results = ask("bees", threshold=0).json()["results"]
    scores = [found["score"] for found in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_threshold_zero_returns_the_whole_scope(shelf, ask):
    found = memories(ask("quantum chromodynamics", threshold=0, top_k=1000))
    assert len(found) == 3
    assert memories(ask("quantum chromodynamics", threshold=1)) == []


def test_top_k_is_all_that_comes(shelf, ask):
    assert memories(ask("bees", top_k=1)) == ["I keep bees behind the barn."]
    assert len(memories(ask("bees", top_k=99_999, threshold=0))) == 3


def test_unless_asked_otherwise_ten_that_have_to_do_with_it(store, ask):
    for number in range(12):
        store(f"I keep bees in hive {number}.")
    store("Quarterly invoices are due in March.")
    everything = ask("bees in a hive", threshold=0, top_k=1000).json()["results"]
    near = [found["id"] for found in everything if found["score"] >= 0.1]
    assert 10 < len(near) < len(everything) == 13
    assert ids_of(ask("bees in a hive", top_k=1000)) == near
    assert ids_of(ask("bees in a hive")) == near[:10]


def ids_of(answer):
    return [found["id"] for found in answer.json()["results"]]


@pytest.mark.parametrize(
    "option",
    [
        {"rerank": True},
        {"keyword_search": True},
        {"reference_date": "2026-02-01"},
        {"reference_date": "2026-02-01T10:00:00+01:00"},
        {"reference_date": 1769936400},
    ],
)
def test_options_are_taken(shelf, ask, option):
    assert ids_of(ask("Who keeps bees?", **option))[0] == shelf["bees"]


@pytest.mark.parametrize(
    ("reference", "yesterday"),
    [
        ("2026-03-02T00:30:00+09:00", "2026-03-01"),  # 1 March, 15:30 in UTC
        ("2026-03-02T00:30:00Z", "2026-03-01"),
        ("2026-03-01T23:30:00-05:00", "2026-02-28"),  # 2 March in UTC
        ("2026-03-02", "2026-03-01"),
    ],
)
def test_yesterday_is_that_of_who_asks(agent, reference, yesterday):
    body = {
        "query": "What did I do yesterday?",
        "filters": _IDA,
        "reference_date": reference,
    }
    request = read_search(body, agent.access)
    query = read_query(request.query, reference=request.reference)
    assert [period.first.isoformat() for period in query.periods] == [yesterday]


def test_a_reranker_that_was_asked_is_told_of(shelf, ask, acme, model_server):
    with tenant_scope(acme.id):
        configure_provider(
            acme.project, "rerank", base_url=model_server.base_url, model="r-1"
        )
    answer = ask("Who keeps bees?", rerank=True)
    applied = {"is_applied": True, "model": "r-1", "problem": None}
    assert answer.json()["rerank"] == applied
    assert answer.json()["results"][0]["score_breakdown"]["rerank"] > 0
    assert "X-Memplatform-Warning" not in answer
    assert "rerank" not in ask("Who keeps bees?").json()


def test_without_a_reranker_the_answer_says_so(shelf, ask):
    answer = ask("Who keeps bees?", rerank=True)
    told = {"is_applied": False, "model": None, "problem": "no_reranker"}
    assert answer.json()["rerank"] == told
    assert answer["X-Memplatform-Warning"] == "not reranked: no_reranker"
    assert ids_of(answer)[0] == shelf["bees"]


def test_a_reranker_that_rests_is_told_of(shelf, ask, acme, model_server):
    with tenant_scope(acme.id):
        configure_provider(
            acme.project, "rerank", base_url=model_server.base_url, model="r-1"
        )
    model_server.order("drop", path="rerank", times=9)
    ask("Who keeps bees?", rerank=True)
    answer = ask("Who keeps bees?", rerank=True)
    assert answer.json()["rerank"]["problem"] == "reranker_resting"
    assert answer["X-Memplatform-Warning"] == "not reranked: reranker_resting"


def test_nothing_to_find_is_an_empty_list(ask):
    answer = ask("bees")
    assert answer.status_code == 200
    assert answer.json() == {"results": []}


def test_a_run_goes_by_both_of_its_names(shelf, ask):
    (found,) = ask("Lisbon", top_k=1).json()["results"]
    assert found["run_id"] == found["session_id"] == "r-7"


def test_metadata_narrows_beside_the_filters(shelf, ask):
    found = memories(ask("bees", metadata={"kind": "health"}, threshold=0))
    assert found == ["I am allergic to peanuts."]


def test_filters_may_be_a_tree(shelf, client):
    tree = {"AND": [_IDA, {"NOT": {"metadata": {"kind": "hobby"}}}]}
    answer = client.post(SEARCH, {"query": "bees", "filters": tree, "threshold": 0})
    assert set(memories(answer)) == {"I live in Lisbon.", "I am allergic to peanuts."}


def test_categories_are_any_of_the_list(learn, ask):
    learn("I play the violin in an orchestra. I am allergic to peanuts.")
    named = {
        found["memory"]: found["categories"]
        for found in ask("violin", threshold=0).json()["results"]
    }
    (violin,) = [text for text in named if "violin" in text]
    only = memories(ask("violin", categories=named[violin], threshold=0))
    assert violin in only
    assert memories(ask("violin", categories=["nobody's"], threshold=0)) == []


def test_fields_restrict_what_is_shown(shelf, ask):
    (found,) = ask("bees", top_k=1, fields=["memory", "score", "nonsense"]).json()[
        "results"
    ]
    assert found.keys() == {"memory", "score"}


def test_what_has_expired_is_found_on_request_only(store, ask):
    store("I keep bees.", expiration_date="2020-01-01")
    assert memories(ask("bees")) == []
    assert memories(ask("bees", show_expired=True)) == ["I keep bees."]


def test_a_deleted_memory_is_not_found(shelf, client, ask):
    client.delete(f"/v1/memories/{shelf['bees']}/")
    assert "I keep bees behind the barn." not in memories(ask("bees", threshold=0))


def test_it_answers_as_it_would_have_then(store, client, ask, frozen):
    memory_id = store("I keep bees.")
    then = frozen.instant.isoformat()
    frozen.advance(days=1)
    client.put(f"/v1/memories/{memory_id}/", {"text": "I keep goats."})
    store("I keep bumblebees too.")
    assert memories(ask("keep", as_of=then, threshold=0)) == ["I keep bees."]
    assert set(memories(ask("keep", threshold=0))) == {
        "I keep goats.",
        "I keep bumblebees too.",
    }


def test_only_the_latest_on_request(learn, ask):
    learn("I live in Lisbon.")
    learn("I moved to Berlin.")
    now = memories(ask("Where do I live?", latest_only=True, threshold=0))
    ever = memories(ask("Where do I live?", threshold=0))
    assert len(ever) == 2
    assert len(now) == 1
    assert "Berlin" in now[0]


@pytest.mark.parametrize("path", [LIST, SEARCH])
def test_merged_ones_on_request_only(agent, client, path):
    agent.decide(adds("Ann lives in Lisbon."))
    known = agent.heads()[0]
    agent.decide(decides(Verdict.MERGE, "Ann's home is Lisbon.", known))
    asked = {"query": "Lisbon", "threshold": 0, "filters": {"user_id": "ann"}}
    assert memories(client.post(path, asked)) == ["Ann lives in Lisbon."]
    both = client.post(path, {**asked, "include_merged": True})
    assert len(memories(both)) == 2


def test_a_query_of_any_length_is_answered(shelf, ask):
    """Joined by hyphens, all of it is one deep condition to PostgreSQL."""
    endless = "bees " + "-".join(chr(0x4E00 + n % 20_000) * 2 for n in range(40_000))
    assert ask(endless, threshold=0).status_code == 200


def test_it_ignores_what_it_does_not_know(shelf, ask):
    """npm sends the first with every search, the CLIs the second."""
    extra = {"output_format": "v1.1", "source": "CLI", "org_id": "o", "limit": 3}
    assert ask("bees", **extra).status_code == 200


def test_a_search_is_listed_among_the_events(shelf, ask, client):
    ask("bees")
    listed = client.get("/v1/events/", {"event_type": "SEARCH"}).json()
    assert listed["count"] == 1


# --- Outsiders --------------------------------------------------------------


def test_a_read_only_key_may(shelf, reader):
    answer = reader.post(SEARCH, {"query": "bees", "filters": _IDA})
    assert "I keep bees behind the barn." in memories(answer)


def test_another_tenant_finds_nothing(shelf, outsider):
    for filters in (_IDA, {"user_id": "*"}, {**_IDA, "memory_ids": [shelf["bees"]]}):
        body = {"query": "bees", "filters": filters, "threshold": 0}
        assert memories(outsider.post(SEARCH, body)) == []


def test_a_narrowed_key_finds_its_own_only(shelf, idas):
    body = {"query": "keeps behind the barn", "threshold": 0}
    found = memories(idas.post(SEARCH, {**body, "filters": {"user_id": "*"}}))
    assert len(found) == 3
    assert not any("wasps" in text for text in found)
    foreign = idas.post(SEARCH, {**body, "filters": {"user_id": "bo"}})
    assert foreign.status_code == 404
