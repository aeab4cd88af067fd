"""Patterns: looked for once enough is new, written once, doubted with their sources."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections

from memories.models import (
    Anchor,
    LlmCall,
    Memory,
    MemoryEvent,
    Operation,
    PatternSource,
)
from memories.selectors.patterns import sources_of
from memories.services.bring_back import bring_back
from memories.services.configuration import change_settings
from memories.services.deletion import delete_scope, erase_subject
from memories.services.patterns import doubt_patterns, look_for_patterns
from memories.services.review import approve_memories, reject_memories
from memories.services.suspects import confirm_memory
from memories.types import Actor, State
from memplatform.lib import clock
from tenants.selectors import Access
from tests.memories.agents import adds
from tests.memories.services.conftest import use_engine

TOWNS = "Rome Oslo Bern Nice Riga Kyiv Graz Lyon Bari Cork"
OTHERS = [
    "sings",
    "owns",
    "plants",
    "sews",
    "paints",
    "writes",
    "climbs",
    "rows",
    "skis",
    "boxes",
    "draws",
    "acts",
    "films",
    "teaches",
    "cooks",
    "dances",
    "prays",
    "votes",
    "sails",
]
RUNNING = "Mentions running on {} days since March 2026"


def want_patterns(agent, **others) -> None:
    with agent.scope():
        wanted = {"patterns_enabled": True, **others}
        change_settings(agent.company.project, wanted)


@pytest.fixture
def wanting(agent, frozen):
    """A project that wants patterns, grouped by rules."""
    want_patterns(agent)
    return agent


def live(agent, frozen, runs: int = 6, others: int = 14, **ids) -> None:
    """Runs on as many days, and other things, each of its own kind, on one day."""
    for town in TOWNS.split()[:runs]:
        agent.decide(adds(f"Ann went running in {town}."), **ids)
        frozen.advance(days=1)
    agent.decide(*(adds(f"Ann {verb}.") for verb in OTHERS[:others]), **ids)


def look(agent) -> int:
    """A beat, and the worker that it wakes."""
    asked = look_for_patterns()
    with agent.scope():
        looks = Operation.objects.filter(kind="SYNTHESIZE", status="PENDING")
        ids = list(looks.values_list("id", flat=True))
    for operation_id in ids:
        assert agent.run(operation_id).status == "SUCCEEDED"
    return asked


def patterns(agent) -> list[Memory]:
    with agent.scope():
        rows = Memory.objects.filter(kind="pattern").exclude(text=None)
        return list(rows.order_by("created_at", "id"))


def told(agent) -> list[tuple[str, str]]:
    return [(row.text, row.state) for row in patterns(agent)]


def sources(agent, pattern) -> set[str]:
    with agent.scope():
        rows = sources_of([pattern.id]).select_related("source")
        return {row.source.text for row in rows}


def source_of(agent, town: str) -> Memory:
    return next(h for h in agent.heads() if h.kind == "fact" and f"{town}." in h.text)


# --- when ----------------------------------------------------------------------------


def test_once_twenty_memories_are_new_patterns_are_written(wanting, frozen):
    live(wanting, frozen, others=13)
    assert look(wanting) == 0
    wanting.decide(adds("Ann knits."))
    assert look(wanting) == 1
    assert told(wanting) == [(RUNNING.format(6), "active")]
    (pattern,) = patterns(wanting)
    towns = TOWNS.split()[:6]
    assert sources(wanting, pattern) == {f"Ann went running in {t}." for t in towns}


def test_a_project_that_does_not_ask_has_none(agent, frozen):
    live(agent, frozen)
    assert look(agent) == 0


def test_run_again_nothing_is_new(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    with wanting.scope():
        Anchor.objects.update(patterns_asked_at=None)
    with wanting.scope():
        before = MemoryEvent.objects.count()
    assert look(wanting) == 1
    with wanting.scope():
        assert MemoryEvent.objects.count() == before
    assert len(patterns(wanting)) == 1


def test_the_next_look_waits_for_its_days_and_for_twenty_more(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    frozen.advance(minutes=5)
    wanting.decide(*(adds(f"Ann has {n} cats.") for n in range(20)))
    assert look(wanting) == 0
    frozen.advance(days=8)
    assert look(wanting) == 1
    frozen.advance(days=8)
    assert look(wanting) == 0


def test_a_pattern_that_grew_is_the_same_pattern(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    (first,) = patterns(wanting)
    frozen.advance(days=8)
    for town in TOWNS.split()[6:]:
        wanting.decide(adds(f"Ann went running in {town}."))
        frozen.advance(days=1)
    wanting.decide(*(adds(f"Ann met {n} cousins.") for n in range(16)))
    look(wanting)
    grown = next(p for p in patterns(wanting) if p.id == first.id)
    assert (grown.text, grown.number) == (RUNNING.format(10), 2)
    assert len(sources(wanting, grown)) == 10
    kinds = [entry.kind for entry in wanting.history(first.id)]
    assert kinds == ["ADD", "UPDATE"]


# --- what it is ----------------------------------------------------------------------


def test_it_is_found_like_any_memory_and_marked(wanting, frozen, api):
    live(wanting, frozen)
    look(wanting)
    client = api(wanting.company.key)
    body = {"query": "running", "filters": {"user_id": "ann"}, "threshold": 0}
    found = client.post("/v3/memories/search/", body).json()["results"]
    marked = {hit["memory"]: hit["synthesized"] for hit in found}
    assert marked[RUNNING.format(6)] is True
    assert marked["Ann went running in Rome."] is False


def test_it_says_how_it_came_about(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    (pattern,) = patterns(wanting)
    assert (pattern.origin, pattern.metadata) == ("synthesized", {"made_by": "rules"})
    (entry,) = wanting.history(pattern.id)
    assert (entry.actor_kind, entry.engine, entry.model) == ("engine", "local", None)
    assert entry.reason.startswith("by rules, no model was asked: 6 memories share")
    with wanting.scope():
        look_of_it = Operation.objects.get(kind="SYNTHESIZE")
    assert entry.operation_id == look_of_it.id
    assert [row["id"] for row in look_of_it.results] == [str(pattern.id)]


def test_no_add_is_decided_against_a_pattern(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    (pattern,) = patterns(wanting)
    wanting.learn(f"User said: {pattern.text}.")
    with wanting.scope():
        assert Memory.objects.get(id=pattern.id).number == 1
        assert not MemoryEvent.objects.filter(related_memory_id=pattern.id).exists()


def test_it_stands_in_the_profile_with_its_sources(wanting, frozen, api):
    live(wanting, frozen)
    look(wanting)
    (pattern,) = patterns(wanting)
    answer = api(wanting.company.key).get("/v1/profile/", {"user_id": "ann"}).json()
    facts = [fact for section in answer["categories"] for fact in section["facts"]]
    line = next(fact for fact in facts if fact["id"] == str(pattern.id))
    assert line["synthesized"] is True
    assert len(line["memory_ids"]) == 7


def test_a_model_writes_them_in_its_words_outside_of_transactions(
    wanting, frozen, models
):
    use_engine(wanting, "single_pass")
    live(wanting, frozen)
    look(wanting)
    texts = [text for text, _ in told(wanting)]
    assert "Keeps coming back to running." in texts
    pattern = patterns(wanting)[texts.index("Keeps coming back to running.")]
    assert pattern.metadata == {"made_by": "model"}
    assert len(sources(wanting, pattern)) == 6
    (entry,) = wanting.history(pattern.id)
    assert (entry.engine, entry.model) == ("single_pass", "stand-in")
    assert entry.prompt_version_id is not None
    with wanting.scope():
        call = LlmCall.objects.get(purpose="patterns")
        assert call.operation_id == entry.operation_id


# --- who -----------------------------------------------------------------------------


def test_tenants_do_not_meet(wanting, other, frozen):
    want_patterns(other)
    live(wanting, frozen, runs=3, others=10)
    live(other, frozen, runs=3, others=10)
    assert look_for_patterns() == 0
    live(wanting, frozen, runs=6)
    look(wanting)
    assert (len(patterns(wanting)), patterns(other)) == (1, [])


def test_a_pattern_stays_with_those_who_may_see_its_sources(wanting, frozen):
    live(wanting, frozen, user_id="ann", agent_id="coach")
    live(wanting, frozen, runs=2, user_id="ann")
    look(wanting)
    (pattern,) = patterns(wanting)
    assert (pattern.user_id, pattern.agent_id, pattern.run_id) == ("ann", "coach", None)


def test_two_beats_at_once_write_it_once(committed_db, agent, frozen):
    want_patterns(agent)
    live(agent, frozen)
    later = clock.now()

    def beat() -> None:
        try:
            with clock.frozen(later):
                look_for_patterns()
        finally:
            connections.close_all()

    beats = [threading.Thread(target=beat) for _ in range(2)]
    for thread in beats:
        thread.start()
    for thread in beats:
        thread.join(60)
    look(agent)
    with agent.scope():
        assert Operation.objects.filter(kind="SYNTHESIZE").count() == 1
    assert len(patterns(agent)) == 1


def test_a_model_that_fails_leaves_everything_as_it_was(
    wanting, frozen, models, settings
):
    settings.MAX_ATTEMPTS = 1
    use_engine(wanting, "single_pass")
    live(wanting, frozen)
    models.configure(faults=[{"kind": "unauthorized", "times": 9}])
    assert look_for_patterns() == 1
    with wanting.scope():
        operation_id = Operation.objects.get(kind="SYNTHESIZE").id
    assert wanting.run(operation_id).status == "FAILED"
    assert patterns(wanting) == []


# --- when its sources go ---------------------------------------------------------------


def test_with_a_source_gone_it_is_doubted_and_reworded_by_the_next_look(
    wanting, frozen
):
    live(wanting, frozen)
    look(wanting)
    wanting.delete(source_of(wanting, "Rome").id)
    assert (doubt_patterns(), doubt_patterns()) == (1, 0)
    (pattern,) = patterns(wanting)
    assert (pattern.is_stale_suspect, pattern.state) == (True, "active")
    assert wanting.history(pattern.id)[-1].kind == "SUSPECT"
    frozen.advance(days=8)
    wanting.decide(*(adds(f"Ann met {n} cousins.") for n in range(20)))
    look(wanting)
    again = next(p for p in patterns(wanting) if p.id == pattern.id)
    assert (again.text, again.is_stale_suspect) == (RUNNING.format(5), False)
    assert doubt_patterns() == 0


def test_confirmed_by_hand_it_is_doubted_no_more_for_the_same(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    wanting.delete(source_of(wanting, "Rome").id)
    doubt_patterns()
    frozen.advance(minutes=1)
    (pattern,) = patterns(wanting)
    confirm_memory(wanting.access, pattern.id)
    assert (doubt_patterns(), patterns(wanting)[0].is_stale_suspect) == (0, False)
    frozen.advance(minutes=1)
    wanting.delete(source_of(wanting, "Oslo").id)
    assert doubt_patterns() == 1


def test_with_a_source_in_other_words_it_is_doubted(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    wanting.edit(source_of(wanting, "Oslo").id, text="Ann went skiing in Oslo.")
    assert doubt_patterns() == 1
    assert patterns(wanting)[0].is_stale_suspect


def test_a_source_that_is_only_sorted_doubts_nothing(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    wanting.edit(source_of(wanting, "Oslo").id, categories=("sports",))
    assert doubt_patterns() == 0


def test_with_fewer_than_three_left_it_is_retired_and_may_come_back(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    gone = [source_of(wanting, town).id for town in TOWNS.split()[:4]]
    for memory_id in gone:
        wanting.delete(memory_id)
    assert (doubt_patterns(), doubt_patterns()) == (1, 0)
    assert told(wanting) == [(RUNNING.format(6), "retired")]
    bring_back(wanting.access, gone)
    with wanting.scope():
        Anchor.objects.update(patterns_asked_at=None)
    look(wanting)
    assert (RUNNING.format(6), "active") in told(wanting)


def test_what_somebody_deleted_does_not_come_back(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    wanting.delete(patterns(wanting)[0].id)
    with wanting.scope():
        Anchor.objects.update(patterns_asked_at=None)
    assert look(wanting) == 1
    assert [state for _, state in told(wanting)] == ["deleted"]


def test_a_source_deleted_while_the_model_is_asked_leaves_the_pattern_out(
    committed_db, wanting, frozen, while_asked
):
    use_engine(wanting, "single_pass")
    live(wanting, frozen)
    look_for_patterns()
    with wanting.scope():
        operation_id = Operation.objects.get(kind="SYNTHESIZE").id
    with while_asked(operation_id):
        # No transaction waits for the model: else this would wait for its lock.
        wanting.delete(source_of(wanting, "Rome").id)
    assert wanting.operation(operation_id).status == "SUCCEEDED"
    assert "Keeps coming back to running." not in dict(told(wanting))


def test_an_erasure_of_a_source_takes_the_pattern_along(wanting, frozen):
    for town in TOWNS.split()[:6]:
        run = "r1" if town == "Rome" else None
        wanting.decide(adds(f"Ann went running in {town}."), user_id="ann", run_id=run)
        frozen.advance(days=1)
    wanting.decide(*(adds(f"Ann {verb}.") for verb in OTHERS[:14]))
    look(wanting)
    assert len(patterns(wanting)) == 1
    with wanting.scope():
        erase_subject(
            wanting.access.project_id, "run", "r1", Actor("system"),
            accepted_at=clock.now() + timedelta(seconds=1),
        )  # fmt: skip
    assert patterns(wanting) == []
    with wanting.scope():
        ids = PatternSource.objects.values("pattern_id")
        (erased,) = Memory.objects.filter(id__in=ids)
        assert (erased.text, erased.state) == (None, State.DELETED)


def test_a_delete_of_the_user_takes_it_too(wanting, frozen):
    live(wanting, frozen)
    look(wanting)
    operation_id = delete_scope(wanting.access, {"user_id": "ann"})
    wanting.run(operation_id)
    assert [state for _, state in told(wanting)] == ["deleted"]


# --- where the project reviews what it learns ------------------------------------------

COACHED = {"user_id": "ann", "app_id": "coach"}


@pytest.fixture
def alices(agent, alice) -> Access:
    """Alice acts in the console."""
    key = agent.access
    return Access(key.tenant_id, key.project_id, None, alice.id, alice.email)


def test_what_the_project_reviews_waits_and_is_found_once(wanting, frozen, alices):
    want_patterns(wanting, review_untrusted=["app:coach"])
    live(wanting, frozen, **COACHED)
    look(wanting)
    assert told(wanting) == [(RUNNING.format(6), "quarantined")]
    with wanting.scope():
        Anchor.objects.update(patterns_asked_at=None)
    look(wanting)
    (pattern,) = patterns(wanting)
    approve_memories(alices, [pattern.id])
    (pattern,) = patterns(wanting)
    assert (pattern.state, len(sources(wanting, pattern))) == ("active", 6)
    assert wanting.events(pattern.id) == ["QUARANTINE", "APPROVE"]


def test_one_that_grew_says_what_it_said_until_it_is_approved(wanting, frozen, alices):
    live(wanting, frozen, **COACHED)
    look(wanting)
    (first,) = patterns(wanting)
    want_patterns(wanting, review_untrusted=["app:coach"])
    frozen.advance(days=8)
    for town in TOWNS.split()[6:]:
        wanting.decide(adds(f"Ann went running in {town}."), **COACHED)
        frozen.advance(days=1)
    wanting.decide(*(adds(f"Ann met {n} cousins.") for n in range(16)), **COACHED)
    look(wanting)
    said = {(RUNNING.format(6), "active"), (RUNNING.format(10), "quarantined")}
    assert set(told(wanting)) == said
    held = next(p for p in patterns(wanting) if p.state == State.QUARANTINED)
    approve_memories(alices, [held.id])
    pattern = wanting.head(first.id)
    assert (pattern.text, pattern.number) == (RUNNING.format(10), 2)
    assert len(sources(wanting, pattern)) == 10


def test_a_rejected_one_does_not_come_back(wanting, frozen, alices):
    want_patterns(wanting, review_untrusted=["app:coach"])
    live(wanting, frozen, **COACHED)
    look(wanting)
    reject_memories(alices, [patterns(wanting)[0].id])
    with wanting.scope():
        Anchor.objects.update(patterns_asked_at=None)
    look(wanting)
    assert told(wanting) == [(RUNNING.format(6), "deleted")]


def test_one_whose_growth_was_rejected_may_grow_further(wanting, frozen, alices):
    """Not to what was rejected; to what nobody has seen in it."""
    live(wanting, frozen, **COACHED)
    look(wanting)
    want_patterns(wanting, review_untrusted=["app:coach"])
    for runs in (slice(6, 9), slice(9, 10)):
        frozen.advance(days=8)
        for town in TOWNS.split()[runs]:
            wanting.decide(adds(f"Ann went running in {town}."), **COACHED)
            frozen.advance(days=1)
        kin = (adds(f"Ann met {n + 100 * runs.stop} cousins.") for n in range(20))
        wanting.decide(*kin, **COACHED)
        look(wanting)
        held = [p for p in patterns(wanting) if p.state == State.QUARANTINED]
        assert [p.text for p in held] == [RUNNING.format(runs.stop)]
        reject_memories(alices, [held[0].id])
        with wanting.scope():
            Anchor.objects.update(patterns_asked_at=None)
        look(wanting)
        assert not [p for p in patterns(wanting) if p.state == State.QUARANTINED]
    assert (RUNNING.format(6), "active") in told(wanting)
