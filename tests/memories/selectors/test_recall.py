"""What a decision looks at: s nearest memories, m last turns, of one anchor."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.models import Ingestion
from memories.selectors import recall
from memories.services.deletion import erase_subject
from memories.types import Actor, Verdict
from memplatform.lib import clock
from tests.memories.agents import decides


@pytest.fixture
def near(agent):
    """``near(query, most=10)``: texts of the nearest memories of ann, nearest first."""

    def look(*queries: str, most: int = 10, anchor_of: str = "ann", **when):
        setup = agent.setup
        space = setup.active_space
        vectors = setup.embedders[space.id].embed(queries)
        (anchor,) = {h.anchor_id for h in agent.heads() if h.user_id == anchor_of}
        with agent.scope():
            accepted_at = when.pop("accepted_at", clock.now())
            found = recall.nearest(
                anchor, space.id, vectors, most=most, accepted_at=accepted_at, **when
            )
        return [[memory.text for memory in row] for row in found]

    return look


def test_the_nearest_come_first_and_no_more_than_asked_for(agent, near):
    for n in range(12):
        agent.keep(f"Ann owns a boat named Boat {n}.")
    agent.keep("Ann keeps bees.")
    (found,) = near("Who has beehives?")
    assert (found[0], len(found)) == ("Ann keeps bees.", 10)
    assert len(near("boats", most=3)[0]) == 3


def test_every_query_has_its_own_nearest(agent, near):
    agent.keep("Ann keeps bees.")
    agent.keep("Ann works as a nurse.")
    bees, work = near("beekeeping", "profession", most=1)
    assert (bees, work) == (["Ann keeps bees."], ["Ann works as a nurse."])
    assert near() == []


def test_it_looks_across_runs_but_not_at_others(agent, other, near):
    agent.keep("Ann keeps bees.", user_id="ann", run_id="r1")
    agent.keep("Ann keeps wasps.", user_id="ann", run_id="r2")
    agent.keep("Ben keeps bees.", user_id="ben")
    other.keep("Bea keeps bees.", user_id="ann")
    assert near("bees") == [["Ann keeps bees.", "Ann keeps wasps."]]


def test_only_what_is_believed_now_is_recalled(agent, near):
    lisbon = agent.keep("Ann lives in Lisbon.")
    agent.decide(decides(Verdict.DELETE, "Ann lives in Berlin.", lisbon))
    agent.delete(agent.keep("Ann lives in Rome."))
    bees = agent.keep("Ann lives in Oslo.")
    agent.edit(bees, text="Ann lives with bees.")
    assert sorted(near("Where does Ann live?")[0]) == [
        "Ann lives in Berlin.",
        "Ann lives with bees.",
    ]


def test_an_expired_memory_is_not_recalled(agent, near, frozen):
    """Nothing may be confirmed by, or joined to, what no reader is shown."""
    agent.keep("Ann is in Paris.", expires_on=frozen.instant.date())
    agent.keep("Ann keeps bees.")
    assert near("Paris")[0] == ["Ann is in Paris.", "Ann keeps bees."]
    frozen.advance(days=1)
    assert near("Paris")[0] == ["Ann keeps bees."]


def test_a_fact_said_again_after_its_expiry_is_stored(agent, frozen):
    agent.learn("I am in Paris this week.", expires_on=frozen.instant.date())
    frozen.advance(days=30)
    agent.learn("I am in Paris these days.")
    assert any("Paris" in text for text in agent.texts())


def test_the_last_turns_before_an_add_come_oldest_first(agent):
    first = agent.accept(*(f"Turn {n}." for n in range(12)))
    agent.accept("Ben speaks.", user_id="ben")
    second = agent.accept("And now?")
    with agent.scope():
        adds = {row.operation_id: row for row in Ingestion.objects.all()}
        said = recall.read_said(adds[second], recent=10)
        nothing_before = recall.read_said(adds[first], recent=10)
    assert [turn.content for turn in said.messages] == ["And now?"]
    assert [turn.content for turn in said.recent] == [
        f"Turn {n}." for n in range(2, 12)
    ]
    assert (said.summary, said.unsummarized) == (None, 13)
    assert len(nothing_before.messages) == 12
    assert nothing_before.recent == ()


def test_no_table_of_the_tenant_is_read_once_per_memory(agent, near):
    """Not even before the first ANALYZE, when the planner knows nothing of sizes."""
    for n in range(30):
        agent.keep(f"Friend {n} keeps bees.", user_id=f"friend-{n}")
    agent.keep("Ann keeps bees.")
    with CaptureQueriesContext(connection) as captured:
        near("bees", "wasps", most=3)
    (statement,) = [q["sql"] for q in captured if "CROSS JOIN LATERAL" in q["sql"]]
    with agent.scope(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        ((plan,),) = cursor.fetchall()[0]
    reads = {
        node["Relation Name"]: node["Actual Loops"]
        for node in nodes(plan["Plan"])
        if "Relation Name" in node
    }
    assert reads["memories_memoryvector"] <= 2
    assert reads["memories_memory"] <= 6


def nodes(plan):
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


# --- as it was -----------------------------------------------------------------------


def test_what_was_known_then_is_recalled_in_the_words_of_then(agent, near):
    bees = agent.keep("Ann keeps bees.")
    before = clock.now()
    agent.edit(bees, text="Ann keeps wasps.")
    agent.keep("Ann keeps hornets.")
    assert near("bees", as_of=before) == [["Ann keeps bees."]]
    assert set(near("bees")[0]) == {"Ann keeps wasps.", "Ann keeps hornets."}


def test_the_nearest_of_then_come_first_and_no_more_than_asked_for(agent, near):
    for n in range(12):
        agent.keep(f"Ann owns a boat named Boat {n}.")
    agent.keep("Ann keeps bees.")
    then = clock.now()
    (found,) = near("Who has beehives?", as_of=then)
    assert (found[0], len(found)) == ("Ann keeps bees.", 10)
    assert near("boats", "bees", most=3, as_of=then) == near("boats", "bees", most=3)


def test_what_was_deleted_since_an_add_came_in_is_recalled_as_then(agent, near):
    bees = agent.keep("Ann keeps bees.")
    accepted_at = clock.now()
    agent.delete(bees)
    after = clock.now()
    assert near("bees", as_of=after) == [[]]
    assert near("bees", as_of=after, accepted_at=accepted_at) == [["Ann keeps bees."]]
    assert near("bees", as_of=accepted_at) == [["Ann keeps bees."]]


def test_what_had_expired_then_is_not_recalled(agent, near, frozen):
    day = frozen.instant.date()
    agent.keep("Ann keeps bees.", expires_on=day)
    then = frozen.instant + timedelta(hours=1)
    frozen.advance(days=2)
    assert near("bees") == [[]]
    assert near("bees", as_of=then) == [["Ann keeps bees."]]
    assert near("bees", as_of=then + timedelta(days=1)) == [[]]


def test_what_was_erased_is_absent_from_then_too(agent, near):
    agent.keep("Ann keeps bees.", user_id="ann", run_id="r1")
    agent.keep("Ann keeps wasps.", user_id="ann", run_id="r2")
    then = clock.now()
    with agent.scope():
        erase_subject(agent.access.project_id, "run", "r1", Actor("system"))
    assert near("bees", as_of=then) == [["Ann keeps wasps."]]


def test_then_is_no_way_to_another_tenant(agent, other, near):
    agent.keep("Ann keeps bees.")
    other.keep("Bea keeps bees.")
    assert near("bees", as_of=clock.now()) == [["Ann keeps bees."]]
