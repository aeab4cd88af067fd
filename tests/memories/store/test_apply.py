"""What becomes of each decision: made true, made safe, or recorded as refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.db.models import Q

from memories.models import (
    Entity,
    Ingestion,
    LlmCall,
    Memory,
    MemoryEvent,
    MemoryVector,
    MemoryVersion,
    Mention,
    Relation,
    RelationSupport,
)
from memories.services.edit import restore_version
from memories.store.apply import StaleContext
from memories.store.barriers import covers
from memories.store.operations import LeaseLost
from memories.types import (
    Aspect,
    ModelCall,
    ProposedEntity,
    ProposedRelation,
    Scope,
    ValidTime,
    Verdict,
)
from tests.memories.agents import adds, at_once, decides

LISBON = "Ann lives in Lisbon."
BERLIN = "Ann lives in Berlin."
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def lisbon(agent):
    """The memory most tests decide about."""
    agent.decide(adds(LISBON, valid=ValidTime(start=datetime(2020, 1, 1, tzinfo=UTC))))
    return agent.heads()[0]


def states(agent):
    return {head.text: str(head.state) for head in agent.heads()}


# --- what verdicts do ---------------------------------------------------------


def test_add_stores_a_memory_with_its_version_and_event(agent):
    operation = agent.decide(adds(LISBON, categories=("travel",), confidence=0.7))
    head = agent.heads()[0]
    (version,) = agent.versions(head.id)
    assert (version.number, version.text, version.known_to) == (1, LISBON, None)
    assert (head.categories, head.confidence) == (["travel"], 0.7)
    assert agent.events(head.id) == ["ADD"]
    assert operation.results == [{"id": str(head.id), "event": "ADD", "number": 1}]


def test_update_keeps_what_was_said_before(agent, lisbon):
    agent.decide(decides(Verdict.UPDATE, "Ann lives in Lisbon, Portugal.", lisbon))
    old, new = agent.versions(lisbon.id)
    assert (old.text, new.text) == (LISBON, "Ann lives in Lisbon, Portugal.")
    assert old.known_to == new.known_from
    assert agent.events(lisbon.id) == ["ADD", "UPDATE"]
    assert agent.head(lisbon.id).valid_from == lisbon.valid_from


def test_a_contradiction_supersedes_and_keeps_the_new_fact(agent, lisbon):
    decision = decides(Verdict.DELETE, BERLIN, lisbon)
    moved = replace(decision, fact=replace(decision.fact, valid=ValidTime(start=MAY)))
    operation = agent.decide(moved)
    heads = {head.text: head for head in agent.heads()}
    old, new = heads[LISBON], heads[BERLIN]
    assert states(agent) == {LISBON: "superseded", BERLIN: "active"}
    assert (old.valid_to, old.replaced_by_id) == (MAY, new.id)
    assert [r["event"] for r in operation.results] == ["ADD", "UPDATE"]
    assert agent.fates(operation.id) == [("superseded", "")]


def test_none_changes_nothing(agent, lisbon):
    operation = agent.decide(decides(Verdict.NONE, "Ann is a Lisbonite.", lisbon))
    assert len(agent.versions(lisbon.id)) == 1
    assert agent.fates(operation.id) == [("confirmed", "")]
    assert agent.ledger(operation.id)["messages"][0]["outcome"] == "confirmed"


def test_merge_hides_the_fact_behind_the_memory_that_says_it(agent, lisbon):
    agent.decide(decides(Verdict.MERGE, "Ann's home is Lisbon.", lisbon))
    merged = agent.heads()[1]
    assert (merged.state, merged.replaced_by_id) == ("merged", lisbon.id)
    assert agent.texts() == [LISBON]
    assert agent.texts(include_merged=True) == [LISBON, "Ann's home is Lisbon."]


def test_a_retraction_with_evidence_retires(agent, lisbon):
    forget = decides(Verdict.DELETE, None, lisbon, evidence="Forget my address.")
    operation = agent.decide(forget)
    assert states(agent) == {LISBON: "retired"}
    assert agent.head(lisbon.id).valid_to is not None
    assert agent.history(lisbon.id)[-1].reason == "Forget my address."
    assert agent.fates(operation.id) == [("retired", "")]


# --- what would do harm is made safe ------------------------------------------

# decision → (outcome, note); the memory decided about stays as it was
HARMLESS = [
    # a deletion that neither replaces nor quotes who took it back
    ((Verdict.DELETE, None, {}), ("refused", "no sentence takes it back")),
    # an answer the engine could make nothing of
    (
        (
            Verdict.DELETE,
            None,
            {"problem": "DELETE names memory 9, which was not shown"},
        ),
        ("refused", "DELETE names memory 9, which was not shown"),
    ),
    # … whose fact is stored all the same
    (
        (Verdict.UPDATE, BERLIN, {"problem": "names memory 9"}),
        ("stored", "names memory 9"),
    ),
    (
        (Verdict.NONE, BERLIN, {"problem": "names memory 9"}),
        ("stored", "names memory 9"),
    ),
]


@pytest.mark.parametrize(("decision", "fate"), HARMLESS)
def test_an_unusable_decision_is_recorded_and_harmless(agent, lisbon, decision, fate):
    verdict, text, details = decision
    target = None if "problem" in details else lisbon
    operation = agent.decide(decides(verdict, text, target, **details))
    assert agent.fates(operation.id) == [fate]
    assert len(agent.versions(lisbon.id)) == 1
    assert operation.status == "SUCCEEDED"
    assert (BERLIN in agent.texts()) == (text is not None)


@pytest.mark.parametrize("verdict", [Verdict.UPDATE, Verdict.DELETE, Verdict.MERGE])
def test_an_unknown_target_leaves_the_fact_beside(agent, verdict):
    operation = agent.decide(decides(verdict, BERLIN, uuid4()))
    assert agent.texts() == [BERLIN]
    assert agent.fates(operation.id) == [("stored", "its target is unknown")]


@pytest.mark.parametrize("verdict", [Verdict.UPDATE, Verdict.DELETE])
def test_a_memory_of_another_anchor_is_unknown(agent, verdict):
    theirs = agent.keep("Bea lives in Lisbon.", user_id="bea")
    operation = agent.decide(decides(verdict, BERLIN, theirs))
    assert agent.fates(operation.id) == [("stored", "its target is unknown")]
    assert len(agent.versions(theirs)) == 1


@pytest.mark.parametrize("verdict", [Verdict.UPDATE, Verdict.DELETE])
def test_an_immutable_memory_stays_and_the_fact_is_beside(agent, verdict):
    fixed = agent.keep(LISBON, is_immutable=True)
    operation = agent.decide(decides(verdict, BERLIN, fixed))
    assert states(agent) == {LISBON: "active", BERLIN: "active"}
    assert agent.fates(operation.id) == [("stored", "its target is immutable")]


def test_an_immutable_memory_is_not_retired(agent):
    fixed = agent.keep(LISBON, is_immutable=True)
    operation = agent.decide(decides(Verdict.DELETE, None, fixed, evidence="Forget."))
    assert agent.fates(operation.id) == [("refused", "its target is immutable")]


def test_two_contradictions_of_one_memory_keep_both_facts(agent, lisbon):
    agent.decide(
        decides(Verdict.DELETE, BERLIN, lisbon),
        decides(Verdict.DELETE, "Ann lives in Oslo.", lisbon),
    )
    assert states(agent) == {
        LISBON: "superseded", BERLIN: "active", "Ann lives in Oslo.": "active"
    }  # fmt: skip


def test_two_updates_of_one_memory_keep_both_facts(agent, lisbon):
    """Parts of a long add see the same memories, and each may speak of one."""
    operation = agent.decide(
        decides(Verdict.UPDATE, "Ann lives in Lisbon, Alfama.", lisbon),
        decides(Verdict.UPDATE, "Ann lives in Lisbon, alone.", lisbon),
    )
    assert agent.texts() == [
        "Ann lives in Lisbon, Alfama.", "Ann lives in Lisbon, alone."
    ]  # fmt: skip
    assert agent.fates(operation.id) == [
        ("updated", ""), ("stored", "its target was updated in the same add")
    ]  # fmt: skip


# what becomes of the target first → its state, when another fact comes to it
GONE = [
    (decides(Verdict.DELETE, BERLIN, None), "superseded"),
    (decides(Verdict.DELETE, None, None, evidence="Forget my address."), "retired"),
]


@pytest.mark.parametrize("verdict", [Verdict.NONE, Verdict.MERGE])
@pytest.mark.parametrize(("first", "state"), GONE)
def test_nothing_hides_behind_a_memory_that_is_gone(
    agent, lisbon, verdict, first, state
):
    home = "Ann's home is Lisbon."
    operation = agent.decide(
        replace(first, target=lisbon.id), decides(verdict, home, lisbon)
    )
    assert states(agent)[home] == "active"
    assert agent.fates(operation.id)[1] == ("stored", f"its target is {state}")


def test_nobodys_words_are_rewritten_by_another(agent, lisbon):
    decision = decides(Verdict.UPDATE, "Ann lives near Lisbon.", lisbon)
    guess = replace(decision.fact, attributed_to="agent", speaker="Bot")
    operation = agent.decide(replace(decision, fact=guess))
    authors = {head.text: head.attributed_to for head in agent.heads()}
    assert authors == {LISBON: "user", "Ann lives near Lisbon.": "agent"}
    assert agent.fates(operation.id) == [("stored", "its target is another's words")]


# who is known to have said it, who says it now → the speaker of the memory
SPEAKERS = [("Ann", None, "Ann"), (None, "Ann", "Ann"), ("Ann", "Ann K.", "Ann K.")]


@pytest.mark.parametrize(("known", "now", "speaker"), SPEAKERS)
def test_an_update_knows_its_speaker(agent, known, now, speaker):
    agent.decide(adds(LISBON, speaker=known))
    decision = decides(Verdict.UPDATE, BERLIN, agent.heads()[0])
    agent.decide(replace(decision, fact=replace(decision.fact, speaker=now)))
    assert [head.speaker for head in agent.heads()] == [speaker]


def test_what_an_add_was_given_goes_to_the_memory_it_updates(agent):
    tea = agent.keep("Ann likes tea.", metadata={"source": "chat", "k": 1})
    given = {"metadata": {"k": 2}, "expires_on": date(2099, 1, 1), "is_immutable": True}
    operation_id = agent.accept("I like green tea.", **given)
    agent.decide(decides(Verdict.UPDATE, "Ann likes green tea.", tea), on=operation_id)
    head = agent.head(tea)
    assert head.metadata == {"source": "chat", "k": 2}
    assert (head.expires_on, head.is_immutable) == (date(2099, 1, 1), True)


def test_an_update_without_options_leaves_them(agent):
    given = {"metadata": {"k": 1}, "expires_on": date(2099, 1, 1)}
    tea = agent.keep("Ann likes tea.", **given)
    agent.decide(decides(Verdict.UPDATE, "Ann likes green tea.", tea))
    head = agent.head(tea)
    assert (head.metadata, head.expires_on) == ({"k": 1}, date(2099, 1, 1))
    assert not head.is_immutable


# --- when it was true ---------------------------------------------------------

IN_2018, IN_2024 = datetime(2018, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)


def contradicts(text, target, **valid):
    decision = decides(Verdict.DELETE, text, target)
    return replace(decision, fact=replace(decision.fact, valid=ValidTime(**valid)))


def test_what_was_true_earlier_does_not_supersede(agent, lisbon):
    operation = agent.decide(contradicts(BERLIN, lisbon, start=IN_2018))
    heads = {head.text: head for head in agent.heads()}
    assert states(agent) == {LISBON: "active", BERLIN: "active"}
    berlin = heads[BERLIN]
    assert (berlin.valid_from, berlin.valid_to) == (IN_2018, lisbon.valid_from)
    assert agent.fates(operation.id) == [
        ("stored", "it was true before its target")
    ]  # fmt: skip


def test_what_was_said_earlier_does_not_supersede(agent):
    """A conversation imported out of order, with nothing dated in it."""
    agent.decide(adds(LISBON))
    (lisbon,) = agent.heads()
    agent.decide(decides(Verdict.DELETE, BERLIN, lisbon), created_at=IN_2018)
    assert states(agent) == {LISBON: "active", BERLIN: "active"}
    assert agent.heads()[1].valid_to == lisbon.created_at


def test_a_plan_that_is_off_is_superseded(agent):
    """It was to begin after that was said; until then it was only meant to be."""
    plan = "Ann plans to see Rome."
    agent.decide(adds(plan, valid=ValidTime(start=datetime(2999, 1, 1, tzinfo=UTC))))
    agent.decide(decides(Verdict.DELETE, "Ann stays at home.", agent.heads()[0]))
    assert states(agent) == {plan: "superseded", "Ann stays at home.": "active"}
    stays = next(head for head in agent.heads() if head.text != plan)
    assert stays.valid_to is None


MET, MET_SOONER = "Ann met Bob on 21 August.", "Ann met Bob on 14 August."
TO_MOVE, MOVED = "Ann plans to move to Berlin.", "Ann moved to Berlin."


@pytest.mark.parametrize("day", [14, 28])
def test_an_event_told_wrongly_is_superseded(agent, day):
    """Whether it was sooner or later; one event is not true until another is."""
    when = {"start": datetime(2025, 8, 21, tzinfo=UTC)}
    over = {"end": datetime(2025, 8, 22, tzinfo=UTC)}
    agent.decide(adds(MET, valid=ValidTime(**when, **over), aspect=Aspect.EVENT))
    (met,) = agent.heads()
    told = contradicts(MET_SOONER, met, start=datetime(2025, 8, day, tzinfo=UTC))
    agent.decide(replace(told, fact=replace(told.fact, aspect=Aspect.EVENT)))
    assert states(agent) == {MET: "superseded", MET_SOONER: "active"}


@pytest.mark.parametrize(
    ("aspect", "state"), [(Aspect.EVENT, "superseded"), (Aspect.PLAN, "active")]
)
def test_a_plan_that_came_about_sooner_is_over(agent, aspect, state):
    """Another plan, for an earlier day, may stand beside it."""
    planned = ValidTime(start=datetime(2024, 5, 1, tzinfo=UTC))
    agent.decide(adds(TO_MOVE, valid=planned, aspect=Aspect.PLAN))
    (plan,) = agent.heads()
    told = contradicts(MOVED, plan, start=IN_2024)
    agent.decide(replace(told, fact=replace(told.fact, aspect=aspect)))
    assert states(agent) == {TO_MOVE: state, MOVED: "active"}


def test_a_dated_correction_of_an_undated_memory_supersedes(agent):
    agent.decide(adds(LISBON))
    agent.decide(contradicts(BERLIN, agent.heads()[0], start=IN_2018))
    assert states(agent) == {LISBON: "superseded", BERLIN: "active"}


def test_known_words_that_were_true_earlier_supersede_nothing(agent, lisbon):
    agent.keep(BERLIN)
    agent.decide(contradicts(BERLIN, lisbon, start=IN_2018))
    assert states(agent) == {LISBON: "active", BERLIN: "active"}


def test_what_is_over_is_no_contradiction_of_what_began_since(agent):
    agent.decide(adds(LISBON, valid=ValidTime(IN_2018, IN_2024)))
    (lisbon,) = agent.heads()
    agent.decide(contradicts(BERLIN, lisbon, start=MAY))
    assert agent.head(lisbon.id).state == "active"
    assert agent.head(lisbon.id).valid_to == IN_2024


def test_a_future_fact_taken_back_was_never_true(agent):
    agent.decide(adds(LISBON, valid=ValidTime(datetime(2099, 1, 1, tzinfo=UTC))))
    (lisbon,) = agent.heads()
    agent.decide(decides(Verdict.DELETE, None, lisbon, evidence="Forget it."))
    assert agent.head(lisbon.id).valid_to == lisbon.valid_from


# the memory's time, what an update says → what it becomes
UPDATED_TIMES = [
    ((IN_2018, None), (None, IN_2024), (IN_2018, IN_2024)),
    ((None, IN_2018), (IN_2024, None), (IN_2024, None)),
    ((IN_2024, None), (None, IN_2018), (None, IN_2018)),
    ((None, None), (IN_2024, IN_2018), (IN_2024, None)),
]


@pytest.mark.parametrize(("known", "said", "becomes"), UPDATED_TIMES)
def test_an_update_never_ends_before_it_starts(agent, known, said, becomes):
    agent.decide(adds(LISBON, valid=ValidTime(*known)))
    decision = decides(Verdict.UPDATE, BERLIN, agent.heads()[0])
    valid = ValidTime(*said)
    agent.decide(replace(decision, fact=replace(decision.fact, valid=valid)))
    (head,) = agent.heads()
    assert (head.valid_from, head.valid_to) == becomes


# --- several decisions on one memory ------------------------------------------


def test_a_fact_added_and_updated_at_once_has_two_versions(agent):
    """The supersede of a memory that this very add has made."""
    first = agent.decide(adds(LISBON))
    lisbon = agent.heads()[0]
    agent.decide(
        decides(Verdict.UPDATE, "Ann lived in Lisbon.", lisbon),
        decides(Verdict.DELETE, BERLIN, lisbon),
    )
    assert [v.known_to is None for v in agent.versions(lisbon.id)] == [
        False,
        False,
        True,
    ]
    assert first.status == "SUCCEEDED"


# --- the same words -----------------------------------------------------------


@pytest.mark.parametrize("verdict", [Verdict.ADD, Verdict.UPDATE, Verdict.MERGE])
def test_a_fact_in_the_very_words_of_its_target_confirms_it(agent, lisbon, verdict):
    target = None if verdict == Verdict.ADD else lisbon
    operation = agent.decide(decides(verdict, LISBON, target))
    assert agent.fates(operation.id) == [("confirmed", "")]
    assert len(agent.versions(lisbon.id)) == 1
    assert len(agent.heads()) == 1


def test_a_memory_is_not_contradicted_by_its_own_words(agent, lisbon):
    operation = agent.decide(decides(Verdict.DELETE, LISBON, lisbon))
    assert agent.fates(operation.id) == [("confirmed", "")]
    assert states(agent) == {LISBON: "active"}


def test_a_contradiction_in_known_words_supersedes_by_the_known(agent, lisbon):
    berlin = agent.keep(BERLIN)
    agent.decide(decides(Verdict.DELETE, BERLIN, lisbon))
    assert agent.head(lisbon.id).replaced_by_id == berlin
    assert agent.head(lisbon.id).valid_to is not None
    assert states(agent) == {LISBON: "superseded", BERLIN: "active"}


def test_words_given_up_in_the_same_add_may_be_said_anew(agent, lisbon):
    agent.decide(
        decides(Verdict.UPDATE, "Ann lived in Lisbon until May.", lisbon),
        adds(LISBON),
    )
    assert set(agent.texts()) == {LISBON, "Ann lived in Lisbon until May."}


def test_words_of_a_memory_superseded_in_the_same_add_are_new(agent, lisbon):
    operation = agent.decide(decides(Verdict.DELETE, BERLIN, lisbon), adds(LISBON))
    assert [outcome for outcome, _ in agent.fates(operation.id)] == [
        "superseded", "stored"
    ]  # fmt: skip


def test_an_update_may_reach_the_words_of_another_run(agent):
    """Anchors span runs; the same words are one memory within a run only."""
    agent.decide(adds(LISBON), user_id="ann", run_id="r1")
    agent.decide(adds("Ann lives in Portugal."), user_id="ann", run_id="r1")
    portugal = agent.heads()[1]
    decision = decides(Verdict.UPDATE, LISBON, portugal)
    operation = agent.decide(decision, user_id="ann", run_id="r2")
    assert operation.status == "SUCCEEDED"
    assert [outcome for outcome, _ in agent.fates(operation.id)] == ["confirmed"]
    assert len(agent.heads()) == 2


# --- heads that moved meanwhile -----------------------------------------------


def test_a_stale_head_asks_for_another_decision(agent, lisbon):
    operation_id = agent.accept()
    plan = agent.plan(operation_id, decides(Verdict.UPDATE, BERLIN, lisbon))
    agent.edit(lisbon.id, metadata={"checked": True})
    lease = agent.claim(operation_id)
    with pytest.raises(StaleContext):
        agent.apply(lease, plan, accept_stale=False)
    assert len(agent.versions(lisbon.id)) == 2
    assert agent.operation(operation_id).status == "RUNNING"


def test_a_stale_head_is_settled_safely_in_the_end(agent, lisbon):
    operation_id = agent.accept()
    plan = agent.plan(operation_id, decides(Verdict.UPDATE, BERLIN, lisbon))
    agent.edit(lisbon.id, metadata={"checked": True})
    agent.apply(agent.claim(operation_id), plan, accept_stale=True)
    head = agent.head(lisbon.id)
    assert (head.text, head.metadata, head.number) == (BERLIN, {"checked": True}, 3)


def test_another_heads_change_is_none_of_ours(agent, lisbon):
    oslo = agent.keep("Ann visits Oslo.")
    operation_id = agent.accept()
    plan = agent.plan(operation_id, decides(Verdict.UPDATE, BERLIN, lisbon))
    agent.edit(oslo, metadata={"checked": True})
    agent.apply(agent.claim(operation_id), plan, accept_stale=False)
    assert agent.head(lisbon.id).text == BERLIN


# --- a deleted memory stays deleted -------------------------------------------


@pytest.mark.parametrize("verdict", [Verdict.UPDATE, Verdict.NONE, Verdict.MERGE])
def test_a_memory_deleted_meanwhile_stays_deleted(agent, lisbon, verdict):
    operation_id = agent.accept()
    plan = agent.plan(operation_id, decides(verdict, "Ann is in Lisbon.", lisbon))
    agent.delete(lisbon.id)
    agent.apply(agent.claim(operation_id), plan, accept_stale=False)
    assert states(agent) == {LISBON: "deleted"}
    assert agent.fates(operation_id) == [("dropped", "deleted before applied")]


def test_what_contradicts_a_deleted_memory_is_still_new(agent, lisbon):
    operation_id = agent.accept()
    plan = agent.plan(operation_id, decides(Verdict.DELETE, BERLIN, lisbon))
    agent.delete(lisbon.id)
    agent.apply(agent.claim(operation_id), plan, accept_stale=False)
    assert states(agent) == {LISBON: "deleted", BERLIN: "active"}


def test_deleted_words_do_not_come_back_by_an_older_add(agent, lisbon):
    operation_id = agent.accept()
    agent.delete(lisbon.id)
    agent.decide(adds(LISBON), on=operation_id)
    assert states(agent) == {LISBON: "deleted"}
    assert agent.fates(operation_id) == [("dropped", "deleted before applied")]


def test_deleted_words_may_be_said_again_later(agent, lisbon):
    agent.delete(lisbon.id)
    agent.decide(adds(LISBON))
    assert agent.texts() == [LISBON]


# --- lease and repetition -----------------------------------------------------


def test_a_lost_lease_writes_nothing(agent, lisbon):
    operation_id = agent.accept()
    lease = agent.claim(operation_id)
    plan = agent.plan(operation_id, adds(BERLIN))
    stolen = replace(lease, token=lease.token - 1)
    with pytest.raises(LeaseLost):
        agent.apply(stolen, plan)
    assert agent.texts() == [LISBON]
    assert agent.ledger(operation_id) == {}


def test_the_same_ingestion_has_its_effect_once(agent):
    operation_id = agent.accept()
    lease = agent.claim(operation_id)
    plan = agent.plan(operation_id, adds(BERLIN))
    agent.apply(lease, plan)
    before = agent.ledger(operation_id)
    with pytest.raises(LeaseLost):
        agent.apply(lease, plan)
    assert agent.events() == ["ADD"]
    assert len(agent.versions(agent.heads()[0].id)) == 1
    assert agent.ledger(operation_id) == before


def test_two_threads_with_one_lease_have_one_effect(committed_db, agent):
    operation_id = agent.accept()
    lease = agent.claim(operation_id)
    plan = agent.plan(operation_id, adds(BERLIN))
    answers = at_once(*[lambda: agent.apply(lease, plan)] * 2)
    assert sorted(type(answer).__name__ for answer in answers) == [
        "Applied",
        "LeaseLost",
    ]
    assert agent.events() == ["ADD"]
    assert agent.fates(operation_id) == [("stored", "")]
    assert len(agent.versions(agent.heads()[0].id)) == 1


# --- all of it, or nothing ----------------------------------------------------


def test_a_write_that_fails_leaves_nothing(agent, lisbon):
    operation_id = agent.accept()
    plan = agent.plan(operation_id, decides(Verdict.DELETE, BERLIN, lisbon))
    lease = agent.claim(operation_id)
    impossible = {
        text: {uuid4(): v for v in spaces.values()}
        for text, spaces in plan.vectors.items()
    }
    with pytest.raises(IntegrityError):
        agent.apply(lease, replace(plan, vectors=impossible))
        agent.sql("SET CONSTRAINTS ALL IMMEDIATE")
    assert states(agent) == {LISBON: "active"}
    assert agent.events() == ["ADD"]
    assert agent.operation(operation_id).status == "RUNNING"


# --- the cause, the calls, the graph ------------------------------------------


def test_an_event_names_its_cause(agent):
    operation = agent.decide(adds(LISBON))
    (entry,) = agent.history(agent.heads()[0].id)
    assert (entry.actor_kind, entry.actor_id) == ("engine", agent.access.key_id)
    assert (entry.operation_id, entry.engine, entry.model) == (
        operation.id, "single_pass", "stand-in"
    )  # fmt: skip
    assert [message.content for message in entry.messages] == ["Hello."]
    assert entry.reason == "new"


def test_what_models_were_asked_is_kept_and_counted(agent):
    call = ModelCall("single_pass", "stand-in", "openai", "ok", 100, 20)
    operation = agent.decide(adds(LISBON), calls=(call, call))
    assert agent.count(LlmCall, operation_id=operation.id, prompt_tokens=100) == 2
    with agent.scope():
        ingestion = Ingestion.objects.get(operation_id=operation.id)
    assert (ingestion.prompt_tokens, ingestion.completion_tokens) == (200, 40)
    assert ingestion.model_calls == 2


def test_entities_and_relations_of_a_fact_are_linked_once(agent):
    ann, lisbon = ProposedEntity("Ann", "person"), ProposedEntity(" LISBON", "place")
    lives = ProposedRelation("ann", "lives in", "Lisbon")
    graph = {"entities": (ann, lisbon), "relations": (lives,)}
    agent.decide(adds(LISBON, **graph))
    agent.decide(adds("Ann's flat is in Lisbon.", **graph))
    counts = {m: agent.count(m) for m in (Entity, Mention, Relation, RelationSupport)}
    assert counts == {Entity: 2, Mention: 4, Relation: 1, RelationSupport: 2}


def lives_in(place: str) -> dict:
    ann = ProposedEntity("Ann", "person")
    return {
        "entities": (ann, ProposedEntity(place, "place")),
        "relations": (ProposedRelation("Ann", "lives in", place),),
    }


def said_of(place: str, decision):
    """The decision, its fact saying that Ann lives in a place."""
    return replace(decision, fact=replace(decision.fact, **lives_in(place)))


def believed(agent, place: str, as_of=None) -> list[tuple[str, datetime | None]]:
    """(state, valid_to) of what is believed of Ann living there; now, or then."""
    with agent.scope():
        rows = Relation.objects.filter(target__name=place)
        if as_of is None:
            rows = rows.filter(known_to=None)
        else:
            still = Q(known_to=None) | Q(known_to__gt=as_of)
            rows = rows.filter(still, known_from__lte=as_of)
        return list(rows.order_by("known_from").values_list("state", "valid_to"))


@pytest.fixture
def home(agent):
    """A memory that Ann lives in Lisbon, and the graph of it."""
    agent.decide(adds(LISBON, **lives_in("Lisbon")))
    return agent.heads()[0]


def test_a_relation_is_over_once_its_memory_is_superseded(agent, home):
    agent.decide(said_of("Berlin", contradicts(BERLIN, home, start=MAY)))
    then = home.known_from
    assert believed(agent, "Lisbon") == [("superseded", agent.head(home.id).valid_to)]
    assert believed(agent, "Lisbon", as_of=then) == [("active", None)]
    assert believed(agent, "Berlin") == [("active", None)]
    assert believed(agent, "Berlin", as_of=then) == []


def test_a_relation_is_believed_as_long_as_its_memory(agent, home):
    agent.delete(home.id)
    deleted_at = agent.head(home.id).known_from
    assert believed(agent, "Lisbon") == []
    assert believed(agent, "Lisbon", as_of=home.known_from) == [("active", None)]
    restore_version(agent.access, home.id, 1)
    assert believed(agent, "Lisbon") == [("active", None)]
    assert believed(agent, "Lisbon", as_of=deleted_at) == []


def test_a_restored_memory_is_no_longer_over_in_the_graph(agent, home):
    agent.decide(said_of("Berlin", contradicts(BERLIN, home, start=MAY)))
    restore_version(agent.access, home.id, 1)
    assert believed(agent, "Lisbon") == [("active", None)]


def test_a_relation_of_two_memories_outlives_one(agent, home):
    agent.decide(adds("Ann's flat is in Lisbon.", **lives_in("Lisbon")))
    agent.delete(home.id)
    assert believed(agent, "Lisbon") == [("active", None)]
    agent.delete(agent.heads()[0].id)
    assert believed(agent, "Lisbon") == []


def test_a_memory_that_says_something_else_asserts_that_only(agent, home):
    update = decides(Verdict.UPDATE, "Ann lives in Porto.", home)
    agent.decide(said_of("Porto", update))
    assert believed(agent, "Lisbon") == []
    assert believed(agent, "Porto") == [("active", None)]


def test_a_memory_that_says_more_asserts_its_relation_still(agent, home):
    update = decides(Verdict.UPDATE, "Ann lives in Lisbon, Alfama.", home)
    agent.decide(said_of("Lisbon", update))
    assert believed(agent, "Lisbon") == [("active", None)]


def test_a_change_of_anything_but_words_leaves_the_graph(agent, home):
    agent.edit(home.id, metadata={"checked": True})
    assert agent.count(Relation) == agent.count(RelationSupport) == 1
    assert believed(agent, "Lisbon") == [("active", None)]


@pytest.mark.parametrize("table", ["memory", "version", "relation"])
@pytest.mark.usefixtures("home")
def test_nothing_ends_before_it_begins(agent, table):
    """The database refuses it, whatever the code does."""
    rows = {"memory": Memory, "version": MemoryVersion, "relation": Relation}[table]
    with pytest.raises(IntegrityError, match="ends_after_it_begins"), agent.scope():
        row = rows.objects.get()
        row.id, row.valid_from, row.valid_to = uuid4(), IN_2024, IN_2018
        row.text_hash, row.number = None, 99
        row.save(force_insert=True)


def test_vectors_follow_the_state_of_their_head(agent, lisbon):
    agent.decide(decides(Verdict.UPDATE, "Ann lives in Lisbon, Alfama.", lisbon))
    agent.decide(decides(Verdict.DELETE, BERLIN, lisbon))
    with agent.scope():
        rows = MemoryVector.objects.filter(memory_id=lisbon.id).order_by("number")
        found = list(rows.values_list("number", "state"))
    assert found == [(1, "past"), (2, "superseded")]


# --- patterns of deletes ------------------------------------------------------

# pattern → whether it takes in (ann, bot, no app, run 1)
PATTERNS = [
    ({"user_id": "ann"}, True),
    ({"user_id": "*"}, True),
    ({"user_id": "ann", "run_id": "1"}, True),
    ({"user_id": "bea"}, False),
    # ``*`` is any value, not none
    ({"app_id": "*"}, False),
    ({"user_id": "ann", "app_id": "shop"}, False),
]


@pytest.mark.parametrize(("pattern", "is_covered"), PATTERNS)
def test_a_pattern_covers_a_scope(pattern, is_covered):
    assert covers(pattern, Scope("ann", "bot", None, "1")) is is_covered


def test_a_fact_may_become_true_again(agent, lisbon):
    agent.decide(decides(Verdict.DELETE, BERLIN, lisbon))
    (berlin,) = [head for head in agent.heads() if head.text == BERLIN]
    agent.decide(decides(Verdict.DELETE, LISBON, berlin))
    assert agent.texts(latest_only=True) == [LISBON]
    assert agent.count(MemoryEvent, kind="SUPERSEDE") == 2
