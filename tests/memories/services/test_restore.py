"""A subject, or one memory, back to what was known at an instant: seen before, undone
after, and through the one door like everything else.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from memories.models import (
    MemoryEvent,
    MemoryVector,
    Operation,
    Relation,
    Subject,
)
from memories.selectors.compare import About
from memories.selectors.restoring import Aim
from memories.services import restore as restoring
from memories.services.deletion import erase_subject
from memories.services.edit import restore_version
from memories.services.restore import (
    PreviewIsStale,
    aim_of_undo,
    preview_restore,
    restore,
)
from memories.services.restore_plan import IMMUTABLE, Effect
from memories.store.apply import StaleContext
from memories.types import Actor, ProposedEntity, ProposedRelation, State, Verdict
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.models import AuditEntry
from tenants.selectors import Access
from tests.memories.agents import (
    adds,
    counters,
    decides,
    now,
    overlapping,
    recount,
    seen,
)

ANN = About("user", "ann")
TEA, JAM, BEER = "Ann likes tea.", "Ann likes jam.", "Ann likes beer."
LISBON, BERLIN = "Ann lives in Lisbon.", "Ann lives in Berlin."


@pytest.fixture
def operator(agent, alice) -> Access:
    """Alice in person, not a key of hers."""
    access = agent.access
    return Access(
        access.tenant_id, access.project_id, None, alice.id, alice.email, address="::1"
    )


@pytest.fixture
def back(operator):
    """``back(at)`` restores ann's memories, or what details say, as previewed."""

    def restored(at: datetime, **details) -> Operation:
        aim = Aim(ANN, at, **details)
        return restore(operator, aim, preview_restore(operator, aim).token)

    return restored


@pytest.fixture
def undo(agent, operator):
    def undone(operation: Operation) -> Operation:
        with agent.scope():
            aim = aim_of_undo(ANN, operation.id)
        return restore(operator, aim, preview_restore(operator, aim).token)

    return undone


def known(agent, at: datetime | None = None) -> list:
    """Everything that can be read of ann at an instant, in every state."""
    page = agent.page(as_of=at, include_merged=True, show_expired=True)
    return sorted((seen(memory) for memory in page.items), key=lambda m: m.id)


def said(agent) -> dict:
    """What ann's memories say, by id: all that a restore brings back."""
    return {
        m.id: (m.text, m.metadata, m.categories, m.state, m.valid_to, m.replaced_by)
        for m in known(agent)
    }


# --- what comes of it ---------------------------------------------------------


@pytest.fixture
def eventful(agent):
    """(instant, what was known then): since then everything happened."""
    lisbon, tea, jam, cat = (
        agent.keep(text, metadata={"n": n})
        for n, text in enumerate((LISBON, TEA, JAM, "Ann has a cat."))
    )
    at, then = now(), said(agent)
    agent.decide(decides(Verdict.DELETE, BERLIN, lisbon))
    agent.edit(tea, text=BEER, metadata=None)
    agent.delete(jam)
    agent.keep("Ann has a dog.")
    agent.delete(agent.keep("Ann has a bird."))
    agent.edit(cat, metadata={"n": 30})
    return at, then


def test_what_was_known_then_is_known_again(agent, back, eventful):
    at, then = eventful
    operation = back(at)
    assert said(agent) == then
    assert operation.status == Operation.Status.SUCCEEDED
    assert sorted(agent.texts()) == sorted(text for text, *_ in then.values())


def test_it_is_found_by_its_old_words_again(agent, back, eventful):
    back(eventful[0])
    assert agent.found("Which drink does Ann like?", top_k=1) == [TEA]
    assert BERLIN not in agent.found("Where does Ann live?")


def test_a_restore_can_be_undone_and_that_too(agent, back, undo, eventful):
    at, then = eventful
    before = said(agent)
    undone = undo(back(at))
    assert said(agent) == before
    undo(undone)
    assert said(agent) == then


def test_the_past_stays_as_it_was(agent, back, eventful):
    at, _ = eventful
    instants = [at, now()]
    past = [known(agent, instant) for instant in instants]
    back(at)
    assert [known(agent, instant) for instant in instants] == past


def test_counters_and_versions_stay_right(agent, back, undo, eventful):
    undo(back(eventful[0]))
    assert counters(agent) == recount(agent)
    for head in agent.heads():
        assert overlapping(agent.versions(head.id)) == []


def test_the_preview_says_exactly_what_is_done(agent, operator, back, eventful):
    at, _ = eventful
    plan = preview_restore(operator, Aim(ANN, at))
    told = {step.memory_id: (step.kind, step.moved.number) for step in plan.steps}
    operation = back(at)
    with agent.scope():
        events = MemoryEvent.objects.filter(operation=operation)
        done = {e.memory_id: (e.kind, e.old_number) for e in events}
    assert done == told
    assert sorted(step.effect for step in plan.steps) == sorted(
        [Effect.BACK] * 2 + [Effect.REWORDED] * 2 + [Effect.DELETED] * 2
    )


def test_a_preview_changes_nothing(agent, operator, eventful):
    at, _ = eventful
    events = agent.events()
    preview_restore(operator, Aim(ANN, at))
    assert agent.events() == events


def test_restoring_twice_is_once(agent, back, eventful):
    back(eventful[0])
    with pytest.raises(InvalidRequest, match="nothing to restore"):
        back(eventful[0])


# what may happen next to a memory that is current, as a function of agent and head
def _reword(agent, head, n):
    agent.edit(head.id, text=f"Ann said {n} things.")


def _supersede(agent, head, n):
    agent.decide(decides(Verdict.DELETE, f"Ann has {n} dogs.", head))


def _update(agent, head, n):
    agent.decide(decides(Verdict.UPDATE, f"Ann owns {n} boats.", head))


def _merge(agent, head, n):
    agent.decide(decides(Verdict.MERGE, f"Ann, as said, has {n} cats.", head))


def _retire(agent, head, n):
    agent.decide(
        decides(Verdict.DELETE, None, head, evidence="No more.", messages=(0,))
    )


def _tag(agent, head, n):
    agent.edit(head.id, metadata={"n": n})


def _delete(agent, head, n):
    agent.delete(head.id)


def _bring_back(agent, head, n):
    agent.delete(head.id)
    restore_version(agent.access, head.id, 1)


CHANGES = (_reword, _supersede, _update, _merge, _retire, _tag, _delete, _bring_back)


def all_there_is(agent, at: datetime | None = None) -> dict:
    """Every memory that is not deleted, whatever its state, with all it says."""
    then = "known_to IS NULL" if at is None else "(known_to IS NULL OR known_to > %s)"
    since = "" if at is None else " AND known_from <= %s"
    rows = agent.sql(
        "SELECT memory_id, text, metadata::text, categories, state, valid_from,"
        " valid_to, valid_precision, expires_on, replaced_by_id, created_at, confidence"
        f" FROM memories_memoryversion WHERE state <> 'deleted' AND {then}{since}",
        *((at, at) if at else ()),
    )
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_has_happened_any_instant_can_be_restored(agent, back, undo, seed):
    chance = random.Random(seed)
    for n in range(4):
        agent.keep(f"Ann has {n} cats.")
    instants = []
    for n in range(10):
        instants.append(now())
        current = [head for head in agent.heads() if head.state == State.ACTIVE]
        current = current or [agent.head(agent.keep(f"Ann has {n} goats."))]
        chance.choice(CHANGES)(agent, chance.choice(current), n)
    for at in chance.sample(instants, 2):
        before = all_there_is(agent)
        operation = back(at)
        assert all_there_is(agent) == all_there_is(agent, at)
        undone = undo(operation)
        assert all_there_is(agent) == before
        undo(undone)
        assert counters(agent) == recount(agent)
    for head in agent.heads():
        assert overlapping(agent.versions(head.id)) == []


# --- whose doing it was -------------------------------------------------------


def test_each_event_names_the_operator_and_one_operation(
    agent, alice, back, undo, eventful
):
    operation = back(eventful[0])
    with agent.scope():
        events = MemoryEvent.objects.filter(operation=operation)
        assert {(e.actor_kind, e.actor_id) for e in events} == {("operator", alice.id)}
        assert all("Restored to" in event.reason for event in events)
    assert (operation.kind, operation.operator_id) == ("RESTORE", alice.id)
    assert operation.user_id == "ann"
    assert len(operation.results) == operation.payload["done"] == 6
    assert undo(operation).payload["undoes"] == str(operation.id)


def test_the_audit_names_who_and_what_never_the_words(agent, alice, back, eventful):
    operation = back(eventful[0])
    with agent.scope():
        entry = AuditEntry.objects.get(action="subject.restore")
        subject = Subject.objects.get(kind="user", external_id="ann")
    assert (entry.actor_id, entry.object_id) == (alice.id, str(subject.id))
    assert entry.address == "::1"
    assert entry.changes["operation"] == [None, str(operation.id)]
    assert "Ann" not in str(entry.changes)


def test_webhooks_are_told_as_of_other_edits(agent, back, eventful):
    agent.subscribe()
    back(eventful[0])
    # jam and Lisbon come back; tea, the cat; Berlin and the dog
    assert sorted(agent.told()) == sorted(
        ["memory_add"] + ["memory_update"] * 3 + ["memory_delete"] * 2
    )


# --- one memory ---------------------------------------------------------------


def test_one_memory_alone(agent, back, eventful):
    at, then = eventful
    (tea,) = (id_ for id_, (text, *_) in then.items() if text == TEA)
    back(at, memory_id=tea)
    assert agent.get(tea).text == TEA
    assert agent.get(tea).metadata == {"n": 1}
    assert "Ann has a dog." in agent.texts()
    with agent.scope():
        entry = AuditEntry.objects.get(action="memory.restore")
    assert entry.object_id == str(tea)


def test_another_subjects_memory_is_not_there(agent, operator, back):
    at = now()
    bobs = agent.keep("Bob likes tea.", user_id="bob")
    assert preview_restore(operator, Aim(ANN, at, memory_id=bobs)).all_steps == []


def test_another_tenants_subject_of_the_same_name_is_left_alone(
    agent, other, back, eventful
):
    at, _ = eventful
    other.keep(TEA)
    back(at)
    assert other.events() == ["ADD"]


def test_somebody_elses_restore_cannot_be_undone_here(agent, back, eventful):
    operation = back(eventful[0])
    with agent.scope(), pytest.raises(NotFound):
        aim_of_undo(About("user", "bob"), operation.id)


# --- what stands against it ---------------------------------------------------


def test_words_that_another_memory_says_by_now_are_named(agent, operator, back):
    tea = agent.keep(TEA)
    at = now()
    agent.edit(tea, text=JAM)
    twin = agent.keep(TEA)
    plan = preview_restore(operator, Aim(ANN, at, memory_id=tea))
    (step,) = plan.problems
    assert plan.steps == []
    assert str(twin) in step.problem
    with pytest.raises(InvalidRequest):
        back(at, memory_id=tea)
    # The twin came later: with all of the subject it goes, and gives the words back.
    back(at)
    assert (agent.texts(), agent.head(tea).state) == ([TEA], State.ACTIVE)


def test_an_immutable_memory_is_deleted_but_not_reworded(agent, operator, back, undo):
    tea = agent.keep(TEA)
    before = now()
    agent.edit(tea, text=JAM)
    fixed = agent.keep(BEER, is_immutable=True)
    operation = back(before - timedelta(days=1))
    assert agent.texts() == []
    undo(operation)
    assert set(agent.texts()) >= {JAM, BEER}
    assert agent.head(fixed).is_immutable
    assert agent.head(tea).text == JAM


def test_what_became_immutable_says_so(agent, operator, back):
    tea, jam = agent.keep(TEA), agent.keep(JAM)
    at = now()
    on = agent.accept(is_immutable=True)
    agent.decide(decides(Verdict.UPDATE, BEER, tea), on=on)
    agent.delete(jam)
    plan = preview_restore(operator, Aim(ANN, at))
    assert [(s.memory_id, s.problem) for s in plan.problems] == [(tea, IMMUTABLE)]
    operation = back(at)
    assert sorted(agent.texts()) == [BEER, JAM]
    assert operation.payload["left"] == [{"memory_id": str(tea), "why": IMMUTABLE}]


def test_erased_memories_are_counted_and_stay_erased(agent, operator, back):
    agent.keep(TEA, user_id="ann", run_id="secret")
    agent.keep(JAM)
    at = now()
    agent.keep(BEER)
    with agent.scope():
        actor = Actor("api_key", agent.access.key_id)
        erase_subject(agent.access.project_id, "run", "secret", actor)
    plan = preview_restore(operator, Aim(ANN, at))
    assert plan.erased == 1
    back(at)
    assert agent.texts() == [JAM]


# --- words that change hands --------------------------------------------------


def test_two_memories_that_have_changed_words_change_them_back(agent, back, undo):
    tea, jam = agent.keep(TEA), agent.keep(JAM)
    at = now()
    agent.edit(tea, text=BEER)
    agent.edit(jam, text=TEA)
    agent.edit(tea, text=JAM)
    operation = back(at)
    assert (agent.get(tea).text, agent.get(jam).text) == (TEA, JAM)
    undo(operation)
    assert (agent.get(tea).text, agent.get(jam).text) == (JAM, TEA)


def test_words_are_handed_down_a_row_of_memories(agent, back):
    ids = [agent.keep(f"Ann has {n} cats.") for n in range(4)]
    at, then = now(), said(agent)
    for n, memory_id in enumerate(ids[:3]):
        agent.edit(memory_id, text=f"Ann had {n} cats, they say.")
    agent.delete(ids[3])
    for n in range(3):
        agent.edit(ids[n], text=f"Ann has {n + 1} cats.")
    agent.keep("Ann has 0 cats.")
    back(at)
    assert said(agent) == then


# --- what follows memories ----------------------------------------------------


def test_the_graph_follows(agent, back):
    lives = {
        "entities": (ProposedEntity("Ann", "person"), ProposedEntity("Lisbon", "city")),
        "relations": (ProposedRelation("Ann", "lives in", "Lisbon"),),
    }
    agent.decide(adds(LISBON, **lives))
    (lisbon,) = agent.heads()
    at = now()
    agent.delete(lisbon.id)
    with agent.scope():
        assert not Relation.objects.filter(known_to=None).exists()
    back(at)
    with agent.scope():
        standing = Relation.objects.get(known_to=None)
    assert (standing.fact, standing.state) == (LISBON, "active")


def test_old_vectors_stand_for_the_old_words_and_no_embedder_is_asked(
    agent, back, models
):
    tea = agent.keep(TEA)
    at = now()
    agent.edit(tea, text=JAM)
    asked = models.stats()["embeddings"]
    back(at)
    assert models.stats()["embeddings"] == asked
    with agent.scope():
        rows = MemoryVector.objects.filter(memory_id=tea).order_by("number")
        assert list(rows.values_list("number", "state")) == [(1, "active"), (2, "past")]


def test_vectors_that_were_lost_are_made_anew_by_a_worker(agent, back, models):
    tea = agent.keep(TEA)
    at = now()
    agent.edit(tea, text=JAM)
    agent.sql("DELETE FROM memories_memoryvector WHERE number = 1")
    operation = back(at)
    assert operation.status == Operation.Status.PENDING
    assert agent.run(operation.id).status == Operation.Status.SUCCEEDED
    assert agent.found(TEA) == [TEA]


# --- what changes meanwhile ---------------------------------------------------


def test_a_stale_preview_is_refused(agent, operator, eventful):
    at, _ = eventful
    aim = Aim(ANN, at)
    token = preview_restore(operator, aim).token
    late = agent.keep("Ann plays the violin.")
    with pytest.raises(PreviewIsStale):
        restore(operator, aim, token)
    assert agent.get(late).state == State.ACTIVE
    assert "RESTORE" not in agent.events()


def test_an_add_that_was_decided_before_sees_its_target_move(agent, back):
    lisbon = agent.keep(LISBON)
    at = now()
    agent.edit(lisbon, text="Ann lives in Porto.")
    on = agent.accept()
    plan = agent.plan(on, decides(Verdict.UPDATE, BERLIN, lisbon))
    lease = agent.claim(on)
    back(at)
    with pytest.raises(StaleContext):
        agent.apply(lease, plan, accept_stale=False)


# --- large ones ---------------------------------------------------------------


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(restoring, "AT_ONCE", 2)


@pytest.fixture
def many(agent):
    """(instant, what was known then) of five memories, all deleted since."""
    ids = [agent.keep(f"Ann has {n} cats.") for n in range(5)]
    at, then = now(), said(agent)
    for memory_id in ids:
        agent.delete(memory_id)
    return at, then


def test_a_large_restore_is_done_in_the_background(agent, back, many, small_chunks):
    at, then = many
    operation = back(at)
    assert operation.status == Operation.Status.PENDING
    assert said(agent) == {}
    operation = agent.run(operation.id)
    assert said(agent) == then
    assert (operation.payload["done"], operation.payload["left"]) == (5, [])
    assert len(operation.results) == 5


def test_it_goes_on_where_it_was_stopped(
    agent, back, undo, many, small_chunks, monkeypatch
):
    at, then = many
    monkeypatch.setattr(restoring, "CHUNKS_A_RUN", 1)
    operation = back(at)
    halves = []
    while agent.run(operation.id).status != Operation.Status.SUCCEEDED:
        halves.append(len(said(agent)))
    assert halves == [2, 4, 5]
    assert said(agent) == then
    assert agent.events().count("RESTORE") == 5
    agent.run(undo(operation).id)


def test_what_changes_before_its_turn_is_left_and_named(
    agent, back, many, small_chunks
):
    at, then = many
    operation = back(at)
    new = agent.keep("Ann plays the violin.")
    first = min(then)
    restore_version(agent.access, first, 1)
    agent.edit(first, text="Ann has no cats.")
    operation = agent.run(operation.id)
    assert agent.get(new).text == "Ann plays the violin."
    assert agent.get(first).text == "Ann has no cats."
    left = {entry["memory_id"]: entry["why"] for entry in operation.payload["left"]}
    assert left == {
        str(first): restoring.MEANWHILE,
        str(new): restoring.MEANWHILE,
    }
    assert operation.payload["done"] == 4


def test_a_large_restore_is_undone_as_a_whole(agent, back, undo, many, small_chunks):
    operation = back(many[0])
    agent.run(operation.id)
    agent.run(undo(operation).id)
    assert said(agent) == {}


def test_an_operation_forgets_the_subject_with_its_erasure(agent, back, eventful):
    operation = back(eventful[0])
    with agent.scope():
        actor = Actor("api_key", agent.access.key_id)
        erase_subject(agent.access.project_id, "user", "ann", actor)
    operation = agent.operation(operation.id)
    assert operation.user_id != "ann"
    assert operation.payload == {}
