"""A search: both legs, filters, visibility, one round trip, and whose memories."""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from datetime import UTC, datetime
from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.models import Operation
from memories.models.settings import ProjectSettings
from memories.retrieval.rank import WORDED_ALIKE, Weights, min_max
from memories.retrieval.search import search, weights_of
from memories.selectors.filters import parse_filters
from memories.services.configuration import change_settings
from memories.services.feedback import Opinion, give_feedback
from memories.types import SearchRequest, Verdict
from memplatform.lib import clock
from memplatform.lib.errors import ProviderError
from tenants.scopes import tenant_scope
from tenants.services import create_project, issue_api_key
from tests.memories.agents import ANN, Agent, adds, decides, now

WEIGHTS = [f.name for f in fields(ProjectSettings) if f.name.endswith("_weight")]
FACTS = (
    "Ann is allergic to peanuts.",
    "Ann keeps bees in her garden.",
    "Ann's order number is XK-4711.",
    "Ann works as a nurse in Porto.",
)


@pytest.fixture
def ann(agent) -> Agent:
    for text in FACTS:
        agent.keep(text)
    return agent


# --- the legs ------------------------------------------------------------------------


def test_the_dense_leg_finds_a_paraphrase(ann):
    assert ann.found("What food makes her ill?")[0] == "Ann is allergic to peanuts."


def test_the_text_leg_finds_a_rare_word(ann):
    hit = ann.search("XK-4711")[0]
    assert hit.memory.text == "Ann's order number is XK-4711."
    assert hit.signals["bm25"] > 0


def test_a_word_finds_its_other_forms(ann):
    hit = ann.search("bee gardens", threshold=0.0)[0]
    assert (hit.memory.text, hit.signals["bm25"] > 0) == (FACTS[1], True)


def test_a_memory_that_both_legs_find_is_shown_once(ann):
    found = ann.found("bees in the garden", threshold=0.0)
    assert sorted(found) == sorted(FACTS)


def test_every_signal_of_the_ranking_is_a_setting_of_the_project():
    """Its default is the ranking's, and what a project says instead is what counts."""
    numbers = {
        name: 7.0 + i
        for i, name in enumerate(f.name for f in fields(ProjectSettings))
        if name.endswith("_weight")
    }
    weights = weights_of(replace(ProjectSettings(), **numbers))
    assert weights_of(ProjectSettings()) == Weights()
    assert sorted(astuple(weights)) == sorted(numbers.values())


def test_a_project_weighs_the_legs(ann):
    """Words only: the paraphrase is not lifted any more."""
    query = "nurse, what is she allergic to, allergies, reactions"
    only_words = dict.fromkeys(WEIGHTS, 0) | {"text_weight": 2}
    with ann.scope():
        change_settings(ann.company.project, only_words)
    hits = ann.search(query, threshold=0.0)
    words = [hit.signals["bm25"] for hit in hits]
    assert words == sorted(words, reverse=True)
    assert [hit.signals["fused"] for hit in hits] == pytest.approx(
        [2 * scaled for scaled in min_max(words, WORDED_ALIKE)]
    )


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我在上海的一家书店工作。", "上海书店"),
        ("夏に京都へ旅行しました。", "京都"),
        ("ฉันเลี้ยงผึ้งที่เชียงใหม่", "เชียงใหม่"),
    ],
    ids=["Chinese", "Japanese", "Thai"],
)
def test_scripts_without_spaces_have_words_too(ann, text, query):
    ann.keep(text)
    hit = ann.search(query, threshold=0.0)[0]
    assert (hit.memory.text, hit.signals["bm25"] > 0) == (text, True)


def test_last_week_is_the_week_before_the_question(agent):
    """``reference_date`` is the day that it is asked on."""
    for day in (1, 8, 15):
        at = datetime(2024, 4, day, 12, tzinfo=UTC)
        agent.keep(f"We went for a walk, part {day}.", created_at=at)
    asked = "Where did we walk last week?"
    for reference, part in ((9, 1), (16, 8), (23, 15)):
        at = datetime(2024, 4, reference, tzinfo=UTC)
        assert f"part {part}." in agent.found(asked, reference=at, threshold=0.0)[0]


def test_what_people_think_of_it_moves_it(agent):
    for hour in ("four", "five"):
        agent.keep(f"Tea is served at {hour}.")
    query = "When is tea served?"
    best, other = agent.search(query, threshold=0.0)
    give_feedback(agent.access, best.memory.id, Opinion("VERY_NEGATIVE"))
    texts = [other.memory.text, best.memory.text]
    assert agent.found(query, threshold=0.0) == texts


def test_a_long_text_is_found_by_its_best_chunk(ann):
    """A chunk of its own beside one that speaks of something else."""
    weather = "the weather of the week " * 31 + "again."
    ann.keep(f"{weather} Ann's violin teacher is called Ottilie.")
    assert "Ottilie" in ann.found("Who teaches Ann the violin?")[0]


@pytest.mark.parametrize(
    "query", ["'); DROP TABLE x; --", "& | ! <-> :*", "%s %(a)s", "🐝", "the of and", "?" * 20_000]
)  # fmt: skip
def test_no_query_breaks_it(ann, query):
    assert len(ann.search(query, threshold=0.0)) == len(FACTS)


def test_a_project_speaks_its_language(agent):
    with agent.scope():
        agent.company.project.languages = ["de"]
        agent.company.project.updated_at = clock.now()
        agent.company.project.save()
    agent.keep("Ann sammelt alte Bücher.")
    assert agent.search("Buch", threshold=0.0)[0].signals["bm25"] > 0


# --- how many, how relevant ----------------------------------------------------------


def test_the_best_come_first_and_no_more_than_asked_for(ann):
    scores = [hit.score for hit in ann.search("bees", top_k=3, threshold=0.0)]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)


def test_the_threshold_keeps_what_is_irrelevant_away(ann):
    assert ann.found("Who keeps bees in the garden?", threshold=0.7) == [FACTS[1]]
    assert ann.found("The GDP of Peru in 1987", threshold=0.3) == []


def test_threshold_0_returns_the_whole_scope(agent):
    for shelf in range(13):
        agent.say(*(f"Ann owns book {shelf}/{n}." for n in range(10)))
    assert len(agent.search("a car", threshold=0.0, top_k=1000)) == 130


# --- filters -------------------------------------------------------------------------


@pytest.fixture
def tagged(agent) -> Agent:
    agent.keep("Ann drinks tea.", metadata={"source": "chat", "rank": 3})
    agent.keep("Ann drinks coffee.", metadata={"source": "mail", "rank": 7})
    agent.keep("Ann drinks water.", user_id="ann", run_id="r1")
    agent.keep("Ben drinks tea.", user_id="ben")
    return agent


@pytest.mark.parametrize(
    ("filters", "texts"),
    [
        (ANN, {"Ann drinks tea.", "Ann drinks coffee.", "Ann drinks water."}),
        ({"AND": [ANN, {"metadata": {"source": "mail"}}]}, {"Ann drinks coffee."}),
        ({"AND": [ANN, {"run_id": "r1"}]}, {"Ann drinks water."}),
        ({"OR": [{"user_id": "ben"}, {"run_id": "r1"}]}, {"Ben drinks tea.", "Ann drinks water."}),
        ({"AND": [ANN, {"NOT": {"metadata": {"source": "chat"}}}]}, {"Ann drinks coffee.", "Ann drinks water."}),
        ({"user_id": "*"}, {"Ann drinks tea.", "Ann drinks coffee.", "Ann drinks water.", "Ben drinks tea."}),
        ({"user_id": "zoe"}, set()),
    ],
)  # fmt: skip
def test_filters_hold_in_every_leg(tagged, filters, texts):
    assert set(tagged.found("drinks tea", filters, threshold=0.0)) == texts


def test_a_filter_is_part_of_the_search_not_of_its_answer(agent):
    """The one match is far behind the depth of both legs."""
    for shelf in range(13):
        agent.say(*(f"Ann likes tea brand {shelf}/{n}." for n in range(10)))
    agent.keep("Ann once flew over Greenland.", metadata={"rare": True})
    wanted = {"AND": [ANN, {"metadata": {"rare": True}}]}
    found = agent.found("Ann likes tea", wanted, threshold=0.0, top_k=1)
    assert found == ["Ann once flew over Greenland."]


# --- what is visible -----------------------------------------------------------------


def test_expired_memories_are_shown_when_asked_for(ann, frozen):
    ann.keep("Ann is in Paris.", expires_on=frozen.instant.date())
    assert "Ann is in Paris." in ann.found("Paris")
    frozen.advance(days=1)
    assert "Ann is in Paris." not in ann.found("Paris", threshold=0.0)
    assert ann.found("Paris", show_expired=True)[0] == "Ann is in Paris."


def test_a_deleted_memory_is_not_found(ann):
    ann.delete(ann.heads()[1].id)
    assert FACTS[1] not in ann.found("bees", threshold=0.0)


@pytest.fixture
def moved(agent) -> Agent:
    lisbon = agent.keep("Ann lives in Lisbon.")
    agent.decide(decides(Verdict.DELETE, "Ann moved to Berlin.", lisbon))
    return agent


def test_a_current_fact_stands_before_what_it_superseded(moved):
    found = moved.search("Does Ann live in Lisbon?", threshold=0.0)
    assert [hit.memory.text for hit in found] == [
        "Ann moved to Berlin.",
        "Ann lives in Lisbon.",
    ]
    assert found[1].memory.replaced_by == found[0].memory.id


def test_of_a_time_what_was_so_then_is_no_worse_for_being_over(moved):
    """All that the filter lets through was true then: the words say which answers."""
    span = ["2020-01-01T00:00:00Z", now().isoformat()]
    asked = {"AND": [ANN, {"valid_between": span}]}
    found = moved.search("Does Ann live in Lisbon now?", filters=asked, threshold=0.0)
    assert found[0].memory.text == "Ann lives in Lisbon."


def test_latest_only_hides_what_was_superseded(moved):
    found = moved.found("Lisbon", threshold=0.0, latest_only=True)
    assert found == ["Ann moved to Berlin."]


def test_as_of_finds_what_was_believed_then(ann):
    bees = ann.heads()[1]
    ann.edit(bees.id, text="Ann keeps sheep.")
    before, sheep_at = bees.known_from, ann.head(bees.id).known_from
    ann.delete(bees.id)
    assert "Ann keeps sheep." not in ann.found("sheep", threshold=0.0)
    assert ann.found("sheep", as_of=sheep_at)[0] == "Ann keeps sheep."
    assert "Ann keeps sheep." not in ann.found("sheep", as_of=before, threshold=0.0)
    assert ann.found("bees", as_of=before)[0] == FACTS[1]


def test_as_of_before_everything_finds_nothing(ann, frozen):
    assert ann.found("bees", as_of=frozen.instant, threshold=0.0) == []


def test_a_text_that_was_replaced_is_not_found_by_its_old_words(ann):
    bees = ann.heads()[1]
    ann.edit(bees.id, text="Ann plays chess.")
    hits = ann.search("bees", threshold=0.0)
    assert all(hit.signals["bm25"] == 0 for hit in hits)
    assert len(hits) == len(FACTS)


# --- cost ----------------------------------------------------------------------------


@pytest.fixture
def unprepared(settings):
    """As behind PgBouncer; only Django's own cursors can be listened to."""
    settings.DB_PREPARED_STATEMENTS = False


def test_it_is_one_round_trip_behind_one_embedding(models, agent, unprepared):
    for text in FACTS:
        agent.keep(text)
    agent.found("bees")  # the process knows the project now
    access, asked = agent.access, models.stats()["embeddings"]
    request = SearchRequest("Who keeps bees?", parse_filters(ANN))
    with CaptureQueriesContext(connection) as queries:
        search(access, request)
    asked_db = [query["sql"] for query in queries if "halfvec" in query["sql"]]
    assert len(asked_db) == 1
    assert models.stats()["embeddings"] == asked + 1


def test_outside_a_transaction_it_is_one_message(
    committed_db, agent, settings, unprepared
):
    settings.SEARCH_LOG_SAMPLE = 0.0
    agent.keep("Ann keeps bees.")
    agent.found("bees")
    access = agent.access
    request = SearchRequest("bees", parse_filters(ANN))
    with CaptureQueriesContext(connection) as queries:
        assert len(search(access, request)) == 1
    assert len(queries) == 1


def test_a_search_is_recorded_with_ids_only(ann):
    ann.found("bees", top_k=1)
    with ann.scope():
        (operation,) = Operation.objects.filter(kind="SEARCH")
    (result,) = operation.results
    assert result["event"] == "SEARCH"
    assert "bees" not in str(operation.results)


def test_an_embedder_that_fails_is_said_not_hidden(models, agent):
    agent.keep("Ann keeps bees.")
    models.order("unauthorized", path="embeddings")
    with pytest.raises(ProviderError):
        agent.found("bees")


# --- whose ---------------------------------------------------------------------------


def test_a_project_without_any_memory_finds_nothing(agent):
    assert agent.found("bees") == []


def test_tenants_never_find_each_others(ann, other):
    other.keep("Bea keeps bees.")
    assert other.found("bees", {"user_id": "*"}, threshold=0.0) == ["Bea keeps bees."]
    assert "Bea keeps bees." not in ann.found("bees", {"user_id": "*"}, threshold=0.0)


def test_projects_never_find_each_others(ann, alice):
    with tenant_scope(ann.company.id):
        project = create_project("second")
        key = issue_api_key(project, alice).text
    second = Agent(replace(ann.company, project=project, key=key))
    second.keep("Ann keeps wasps.")
    assert second.found("bees", threshold=0.0) == ["Ann keeps wasps."]
    assert "Ann keeps wasps." not in ann.found("bees", threshold=0.0)


# --- long texts -----------------------------------------------------------------------


def test_more_words_than_an_index_holds_are_stored_and_found(agent):
    """A tsvector holds 1 MB: the words, and again joined as they stand in the text."""
    letters = [chr(0x4E00 + n) for n in range(20_000)]
    pairs = [f"{a}{b}-{b}{a}" for a, b in product(letters[:200], letters[200:400])]
    text = " ".join(["Honeycomb", *pairs])[:200_000]
    agent.decide(adds(text))
    assert agent.found("honeycomb", threshold=0) == [text]
    assert agent.search("honeycomb", threshold=0, as_of=now())[0].signals["bm25"] > 0
