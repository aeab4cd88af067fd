"""The search lab: what a search returns and why, and what it did not return."""

from __future__ import annotations

import html
import json
import re
import shlex
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.models import MemoryUse, Operation
from memories.retrieval import journal
from memories.services.configuration import change_settings, configure_provider
from memories.types import ValidTime, Verdict
from tenants import usage
from tests.memories.agents import ANN, adds, decides

FACTS = ("Ann keeps bees.", "Ann drives a bus in Porto.")


@pytest.fixture
def ann(agent):
    for text in FACTS:
        agent.keep(text)
    return agent


@pytest.fixture
def lab(console, bob, page, ann):
    """What a viewer is told; ``lab(query="bees", subject="ann")``."""

    def lab(status=200, **query):
        response = console(bob).get(page("memories:search-lab", **query))
        assert response.status_code == status
        text = re.sub(r"<[^>]+>", " ", response.content.decode())
        return re.sub(r"\s+", " ", html.unescape(text))

    return lab


def test_it_asks_before_it_is_asked(lab):
    assert "Search lab" in lab()


def test_it_shows_each_signal(lab, ann):
    told = lab(query="Who keeps bees?", subject="ann")
    best = ann.search("Who keeps bees?")[0]
    assert f"{best.score:.3f}" in told
    assert f"cosine {best.signals['semantic']:.3f}, place 1" in told
    assert f"BM25 {best.signals['bm25']:.3f}, place 1" in told
    assert f"{best.signals['fused']:.3f}" in told


def test_it_shows_what_is_not_returned_and_at_which_gate(lab):
    told = lab(query="Who keeps bees?", subject="ann", threshold="0.5", top_k="1")
    assert "1 more candidate that is not returned" in told
    assert "below threshold" in told


def test_it_shows_what_a_successor_was_given(lab, ann):
    bees = next(head for head in ann.heads() if "bees" in head.text)
    ann.decide(decides(Verdict.DELETE, "Ann gave everything away.", bees.id))
    told = lab(query="Who keeps bees?", subject="ann")
    assert "superseded" in told
    assert "by this alone" in told


def test_the_filters_are_those_of_the_api(lab):
    both = json.dumps({"text": {"icontains": "bus"}})
    assert FACTS[0] not in lab(query="bees", subject="ann", filters=both, threshold="0")
    whole = json.dumps({"AND": [ANN, {"text": {"icontains": "bus"}}]})
    assert FACTS[1] in lab(query="bees", filters=whole, threshold="0")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"query": "bees"}, "Name a subject"),
        ({"query": "bees", "filters": "{"}, "JSON parse error"),
        ({"query": "bees", "filters": '{"colour": "red"}'}, "unknown filter key"),
        ({"query": "bees", "filters": '{"user_id": "a\\u0000"}'}, "NUL"),
        ({"query": "bees", "filters": '{"metadata": {"a": "\\u0000"}}', "subject": "ann"}, "NUL"),
        ({"query": "bees", "filters": '{"metadata": {"a": "\\ud800"}}', "subject": "ann"}, "surrogate"),
        ({"query": "bees", "filters": '{"metadata": {"a": NaN}}', "subject": "ann"}, "not a JSON number"),
        ({"query": "", "subject": "ann"}, "required"),
        ({"query": "x" * 2_001, "subject": "ann"}, "at most 2000"),
        ({"query": "bees", "subject": "ann", "top_k": "0"}, "greater than or equal to 1"),
        ({"query": "bees", "subject": "ann", "threshold": "2"}, "less than or equal to 1"),
        ({"query": "bees", "subject": "ann", "as_of": "yesterday"}, "valid date"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_at_its_field(lab, query, told):
    assert told in lab(status=422, **query)


def test_it_looks_back(lab, ann, frozen):
    frozen.advance(days=1)
    ann.keep("Ann eats figs.")
    now = lab(query="figs", subject="ann", threshold="0")
    then = lab(query="figs", subject="ann", threshold="0", as_of="2026-03-01T10:00:00")
    assert ("Ann eats figs." in now, "Ann eats figs." in then) == (True, False)


def test_it_says_why_a_memory_was_not_returned(lab, ann):
    bees = next(head for head in ann.heads() if "bees" in head.text)
    told = lab(
        query="bus", subject="ann", top_k="1", threshold="0", memory=str(bees.id)
    )
    assert "not returned" in told
    assert "Place 2 of the ranking; 1 were asked for." in told


def test_a_memory_can_be_named_by_its_words(lab):
    told = lab(query="bus", subject="ben", memory="keeps bees")
    assert "The filter excludes it" in told
    assert "No memory of this project says that" in lab(
        query="bus", subject="ann", memory="keeps llamas"
    )


def test_it_shows_what_an_agent_is_given(lab, ann, api):
    """Word for word what the API answers."""
    body = {"query": "Who keeps bees?", "filters": ANN, "top_k": 1, "token_budget": 60}
    answer = api(ann.company.key).post("/v1/context/", body).json()
    assert "1. [" in answer["context"]
    told = lab(query=body["query"], subject="ann", top_k="1", token_budget="60")
    assert " ".join(answer["context"].split()) in told
    assert f"{answer['tokens']} tokens" in told


def test_it_shows_what_a_reranker_said(lab, ann, model_server):
    with ann.scope():
        configure_provider(
            ann.company.project, "rerank", base_url=model_server.base_url, model="r-1"
        )
    told = lab(query="Who keeps bees?", subject="ann", rerank="on")
    assert "r-1 put the best" in told
    assert "Reranker" not in lab(query="Who keeps bees?", subject="ann")
    model_server.order("unauthorized", path="rerank", times=2)
    told = lab(query="Who keeps bees?", subject="ann", rerank="on")
    assert "The reranker was not heard" in told
    assert "provider_rejected" in told


def test_the_block_is_made_of_as_many_as_the_api_takes(lab, ann, api):
    """Which are more than a search returns."""
    for number in range(14):
        ann.keep(f"Ann keeps bees in hive number {number}.")
    body = {"query": "Who keeps bees?", "filters": ANN}
    answer = api(ann.company.key).post("/v1/context/", body).json()
    assert len(answer["facts"]) > 10
    told = lab(query=body["query"], subject="ann")
    assert " ".join(answer["context"].split()) in told


def test_the_lab_says_when_a_search_is_asked(lab, ann):
    asked = {"query": "What happened yesterday?", "subject": "ann", "threshold": "0"}
    told = lab(**asked, reference_date="2026-03-02T08:00")
    assert "2026-03-01 to 2026-03-01" in told
    assert '"reference_date": "2026-03-02T08:00:00+00:00"' in told


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("Where did she live before Porto?", "it asks for what was before: porto"),
        ("Where does she currently work?", "it asks for what is so now"),
        ('Who said "bees are fine"?', "the words “bees are fine”"),
        ("What will she do next?", "it asks for what is still to come"),
        ("When did she move?", "it asks for a time"),
        ("What did you recommend?", "it asks for what the agent said"),
    ],
)
def test_it_says_what_it_read_in_the_question(lab, query, told):
    assert told in lab(query=query, subject="ann", threshold="0")


def test_its_formula_names_every_part(lab):
    told = lab(query="bees", subject="ann")
    assert "what the graph links, ×" in told
    assert "− 0.3 where it was replaced" in told
    assert "− 0.9 where it is over and the question asks for now" in told


def test_it_says_what_the_block_had_no_room_for(lab, ann):
    for n in range(20):
        ann.keep(f"Ann keeps bees in the hive of number {n}.")
    told = lab(query="bees", subject="ann", top_k="20", token_budget="60")
    assert re.search(r"For \d+ of the memories found there was no room", told)


def test_its_curl_is_the_same_search(console, bob, page, ann, api):
    response = console(bob).get(
        page("memories:search-lab", query="Who's keeping bees?", subject="ann", top_k=1)
    )
    shown = re.search(
        r'id="curl" tabindex="0">(.*?)</pre>', response.content.decode(), re.S
    )
    words = shlex.split(html.unescape(shown[1]).replace("\\\n", " "))
    assert words[3].endswith("/v3/memories/search/")
    assert "Authorization: Token $MEMPLATFORM_API_KEY" in words
    body = json.loads(words[-1])
    answer = api(ann.company.key).post("/v3/memories/search/", body, format="json")
    assert [hit["memory"] for hit in answer.json()["results"]] == ["Ann keeps bees."]


def test_nothing_is_recorded_or_counted(lab, ann):
    with ann.scope():
        change_settings(ann.company.project, {"decay": True})
    before = ann.count(Operation)
    lab(query="bees", subject="ann")
    journal.flush()
    usage.flush()
    assert ann.count(Operation) == before
    assert ann.count(MemoryUse) == 0


def test_a_project_that_weighs_recent_use_shows_how(lab, ann):
    with ann.scope():
        change_settings(ann.company.project, {"decay": True})
    assert "Recent use" in lab(query="bees", subject="ann")


def test_an_embedder_that_fails_is_told(console, bob, page, models, agent):
    agent.keep("Ann keeps bees.")
    models.order("unauthorized", path="embeddings", times=9)
    response = console(bob).get(
        page("memories:search-lab", query="bees", subject="ann")
    )
    assert response.status_code == 200
    assert "could not be embedded" in response.content.decode()


def test_a_project_without_a_memory_has_nothing_to_find(console, bob, page):
    response = console(bob).get(page("memories:search-lab", query="x", subject="ann"))
    told = response.content.decode()
    assert "relevant enough" in told
    assert "The context block" not in told


@pytest.mark.parametrize("count", [3, 30])
def test_it_asks_as_often_for_many(console, bob, page, agent, count):
    for n in range(count):
        agent.keep(f"Ann owns book {n}.")
    browser = console(bob)
    url = page("memories:search-lab", query="book", subject="ann", top_k=30)
    with CaptureQueriesContext(connection) as asked:
        browser.get(url)
    assert len([q for q in asked if "memories_" in q["sql"]]) <= 8


def test_a_hostile_memory_is_only_text(console, bob, page, agent):
    agent.keep("Ann says <script>alert(1)</script>.")
    response = console(bob).get(
        page("memories:search-lab", query="script", subject="ann", threshold=0)
    )
    assert "<script>alert" not in response.content.decode()


def test_an_outsider_finds_nothing(console, carol, globex, page, ann):
    url = page("memories:search-lab", query="bees", subject="ann")
    assert console(carol).get(url).status_code == 404


def test_another_tenants_memories_are_not_found(console, alice, page, ann, other):
    other.keep("Ann keeps wasps.")
    response = console(alice).get(
        page("memories:search-lab", query="wasps", subject="ann", threshold=0)
    )
    assert "wasps." not in response.content.decode()


def test_it_asks_what_was_true_then(lab, ann):
    moved = ValidTime(end=datetime(2026, 5, 1, tzinfo=UTC))
    ann.decide(adds("Ann lived in Porto.", valid=moved))
    asked = {"query": "Where does Ann live?", "subject": "ann", "threshold": "0"}
    assert "Ann lived in Porto." in lab(**asked, valid_at="2026-04-30T12:00:00")
    assert "Ann lived in Porto." not in lab(**asked, valid_at="2026-05-01T00:00:00")
