"""Edges of which a subject has one at a time: which stands, and what became of others."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from memories.models import Entity, Memory, Relation
from memories.services.edit import restore_version
from memories.services.graph import merge_entities, unmerge
from memories.store import operations
from memories.store.operations import Lease
from memories.types import Fact, ProposedEntity, ProposedRelation, ValidTime, Verdict
from tenants.audit import Actor
from tests.memories.agents import adds, at_once, decides, fact

Y2010, Y2012, Y2014, Y2018, Y2020, Y2022 = (
    datetime(year, 1, 1, tzinfo=UTC) for year in (2010, 2012, 2014, 2018, 2020, 2022)
)


def works_at(
    place: str, text: str = "", start=None, end=None, who: str = "User"
) -> Fact:
    return fact(
        text or f"{who} works at {place}.",
        valid=ValidTime(start, end),
        entities=(ProposedEntity(who, "person"), ProposedEntity(place, "company")),
        relations=(ProposedRelation(who, "works at", place),),
    )


def learn(agent, *facts: Fact) -> None:
    for one in facts:
        agent.decide(adds(one.text, **details(one)))


def details(one: Fact) -> dict:
    return {
        "valid": one.valid, "entities": one.entities, "relations": one.relations
    }  # fmt: skip


def replaces(one: Fact, target):
    """What an engine decides that sees the contradiction."""
    decision = decides(Verdict.DELETE, one.text, target)
    return type(decision)(Verdict.DELETE, one, target.id, reason="moved on")


def beliefs(agent, as_of=None) -> dict[str, tuple]:
    """By target: (state, valid_from, valid_to, who replaced it), as it is believed."""
    with agent.scope():
        rows = Relation.objects.filter(known_to=None).select_related(
            "target", "replaced_by__target"
        )
        return {
            row.target.name: (
                row.state,
                row.valid_from,
                row.valid_to,
                row.replaced_by.target.name if row.replaced_by_id else None,
            )
            for row in rows
        }


def head(agent, text: str) -> Memory:
    (found,) = [one for one in agent.heads() if one.text == text]
    return found


def test_what_began_later_retires_what_was_said_before(agent):
    learn(agent, works_at("Acme"), works_at("Globex", start=Y2022))
    assert beliefs(agent) == {
        "Acme": ("superseded", None, Y2022, "Globex"),
        "Globex": ("active", Y2022, None, None),
    }


def test_undated_the_last_word_stands(agent):
    learn(agent, works_at("Acme"), works_at("Globex"))
    found = beliefs(agent)
    assert (found["Acme"][0], found["Acme"][3]) == ("superseded", "Globex")
    assert found["Globex"] == ("active", None, None, None)


def test_what_was_true_earlier_does_not_retire_what_is(agent):
    learn(agent, works_at("Globex", start=Y2020), works_at("Acme", start=Y2010))
    found = beliefs(agent)
    assert found["Globex"] == ("active", Y2020, None, None)
    assert found["Acme"] == ("superseded", Y2010, Y2020, "Globex")


def test_disjoint_times_never_conflict(agent):
    learn(
        agent,
        works_at("Acme", start=Y2010, end=Y2014),
        works_at("Globex", start=Y2018),
    )
    assert {name: one[0] for name, one in beliefs(agent).items()} == {
        "Acme": "active", "Globex": "active"
    }  # fmt: skip


def test_what_was_over_when_it_is_told_is_no_rival_of_what_goes_on(agent):
    learn(agent, works_at("Globex"), works_at("Acme", end=Y2014))
    found = beliefs(agent)
    assert found["Globex"] == ("active", None, None, None)
    assert found["Acme"] == ("active", None, Y2014, None)
    assert suspects(agent) == []


def test_a_visit_within_keeps_its_interval_and_ends_nothing(agent):
    learn(
        agent,
        works_at("Globex", start=Y2010),
        works_at("Acme", start=Y2012, end=Y2014),
    )
    found = beliefs(agent)
    assert found["Globex"] == ("active", Y2010, None, None)
    assert found["Acme"] == ("superseded", Y2012, Y2014, "Globex")


@pytest.mark.parametrize(
    "other",
    [
        works_at("Globex", who="Bob"),  # another subject
        fact(
            "User likes Globex.",
            relations=(ProposedRelation("User", "likes", "Globex"),),
        ),
    ],
)
def test_another_subject_or_relation_retires_nothing(agent, other):
    learn(agent, works_at("Acme"), other)
    assert beliefs(agent)["Acme"] == ("active", None, None, None)


def test_the_retired_edge_of_a_superseded_memory_names_its_successor(agent):
    learn(agent, works_at("Acme"))
    agent.decide(replaces(works_at("Globex"), head(agent, "User works at Acme.")))
    state, _, over, successor = beliefs(agent)["Acme"]
    assert (state, successor) == ("superseded", "Globex")
    assert over == head(agent, "User works at Acme.").valid_to


def test_what_lost_stands_again_once_the_other_is_gone(agent):
    learn(agent, works_at("Acme"), works_at("Globex"))
    agent.delete(head(agent, "User works at Globex.").id)
    assert beliefs(agent) == {"Acme": ("active", None, None, None)}


def test_of_three_the_last_two_settle_it_when_one_goes(agent):
    learn(agent, works_at("Acme"), works_at("Globex"), works_at("Initech"))
    assert beliefs(agent)["Globex"][3] == "Initech"
    agent.delete(head(agent, "User works at Globex.").id)
    found = beliefs(agent)
    assert (found["Acme"][0], found["Acme"][3]) == ("superseded", "Initech")
    agent.delete(head(agent, "User works at Initech.").id)
    assert beliefs(agent) == {"Acme": ("active", None, None, None)}


def test_what_lost_stays_so_when_its_memory_changes_in_nothing_that_matters(agent):
    learn(agent, works_at("Acme"), works_at("Globex"))
    before = beliefs(agent)
    agent.edit(head(agent, "User works at Acme.").id, metadata={"checked": True})
    assert beliefs(agent) == before


def test_what_lost_keeps_its_end_when_the_other_is_over_in_its_turn(agent):
    """A third one ends the second; of the first nothing is known that was not."""
    learn(agent, works_at("Acme", start=Y2010), works_at("Globex", start=Y2012))
    globex = head(agent, "User works at Globex.")
    agent.decide(replaces(works_at("Initech", start=Y2018), globex))
    assert beliefs(agent) == {
        "Acme": ("superseded", Y2010, Y2012, "Globex"),
        "Globex": ("superseded", Y2012, Y2018, "Initech"),
        "Initech": ("active", Y2018, None, None),
    }


@pytest.mark.parametrize("first", ["Acme", "Globex"])
def test_until_a_year_and_from_that_year_on_follow_one_another(agent, first):
    acme = works_at("Acme", "User worked at Acme from 2010 to 2014.")
    acme = vaguely(acme, ValidTime(Y2010, Y2014 + timedelta(days=365), "year"))
    globex = vaguely(works_at("Globex"), ValidTime(Y2014, None, "year"))
    learn(agent, *([acme, globex] if first == "Acme" else [globex, acme]))
    assert {one[0] for one in beliefs(agent).values()} == {"active"}
    assert suspects(agent) == []


def test_a_job_that_began_a_year_earlier_ends_it(agent):
    acme = works_at("Acme", "User worked at Acme from 2010 to 2014.")
    acme = vaguely(acme, ValidTime(Y2010, Y2014 + timedelta(days=365), "year"))
    learn(agent, acme, vaguely(works_at("Globex"), ValidTime(Y2012, None, "year")))
    assert beliefs(agent)["Acme"] == ("superseded", Y2010, Y2012, "Globex")


def vaguely(one: Fact, valid: ValidTime) -> Fact:
    return replace(one, valid=valid)


def test_of_what_was_told_at_once_the_last_word_stands_however_nodes_are_merged(agent):
    """A merge and its undoing believe edges anew; who said them when is as it was."""
    said = [
        works_at(firm, who=who)
        for who, firm in (("Alpha", "Acme"), ("Beta", "Globex"), ("Gamma", "Initech"))
    ]
    agent.decide(*(adds(one.text, **details(one)) for one in said))
    with agent.scope():
        found = Entity.objects.filter(type="person")
        alpha, beta, gamma = (found.get(name=n).id for n in ("Alpha", "Beta", "Gamma"))
        project, actor = agent.company.project, Actor("system")
        first = merge_entities(project, alpha, beta, actor=actor)
        merge_entities(project, beta, gamma, actor=actor)
    assert standing(agent) == {"Initech"}
    with agent.scope():
        unmerge(project, first.id, actor=actor)
    assert standing(agent) == {"Globex", "Initech"}


def standing(agent) -> set[str]:
    return {name for name, one in beliefs(agent).items() if one[0] == "active"}


def test_what_was_believed_then_is_kept(agent):
    learn(agent, works_at("Acme"))
    then = head(agent, "User works at Acme.").known_from
    learn(agent, works_at("Globex"))
    with agent.scope():
        rows = Relation.objects.filter(known_from__lte=then).exclude(known_to__lte=then)
        assert list(rows.values_list("target__name", "state")) == [("Acme", "active")]


def test_a_day_that_is_found_out_dates_the_edge(agent):
    learn(agent, works_at("Acme"))
    learn(agent, works_at("Acme", "User joined Acme in 2012.", start=Y2012))
    assert beliefs(agent) == {"Acme": ("active", Y2012, None, None)}


def test_two_in_one_sentence_are_both_so(agent):
    both = fact(
        "User works at Acme and Globex.",
        relations=tuple(
            ProposedRelation("User", "works_for", name) for name in ("Acme", "Globex")
        ),
    )
    learn(agent, both)
    assert {one[0] for one in beliefs(agent).values()} == {"active"}


# An engine takes one for the other; the graph knows better.
APART = [
    (
        "Bob works at Globex.",
        works_at("Globex", who="Bob"),
        works_at("Acme", who="Ann"),
    ),
    (
        "Ann lives in Rome.",
        fact(
            "Ann lives in Rome.",
            relations=(ProposedRelation("Ann", "lives_in", "Rome"),),
        ),
        works_at("Acme", who="Ann"),
    ),
]


@pytest.mark.parametrize(("text", "new", "old"), APART)
def test_only_the_same_subject_and_relation_ends_a_memory(agent, text, new, old):
    learn(agent, old, works_at("Initech", who="Bob"))
    operation = agent.decide(replaces(new, head(agent, old.text)))
    assert head(agent, old.text).state == "active"
    assert head(agent, text).state == "active"
    ((_, note),) = agent.fates(operation.id)
    assert note == "its target is about another subject or relation"


def test_what_was_over_by_then_is_left_as_it_is(agent):
    learn(agent, works_at("Acme", start=Y2010, end=Y2014))
    old = head(agent, "User works at Acme.")
    operation = agent.decide(replaces(works_at("Globex", start=Y2018), old))
    assert agent.head(old.id).state == "active"
    assert agent.fates(operation.id) == [("stored", "its target was over by then")]


def test_racing_adds_leave_the_graph_of_a_sequence(committed_db, agent, other):
    """Fifty adds of one subject at once, each a fact of its own and one job, and told
    in another order than it was so."""
    facts = [
        works_at(f"Company {n}", start=Y2010 + timedelta(days=n)) for n in range(50)
    ]
    for one in facts:
        other.decide(adds(one.text, **details(one)))
    told = random.Random(7).sample(facts, len(facts))
    accepted = [agent.accept() for _ in told]
    plans = [
        (on, agent.plan(on, adds(one.text, **details(one))))
        for on, one in zip(accepted, told, strict=True)
    ]
    applied = Applied()
    answers = at_once(*(partial(in_turn, agent, *one, applied) for one in plans))
    assert [one for one in answers if isinstance(one, Exception)] == []
    assert beliefs(agent) == beliefs(other)
    assert agent.count(Entity) == other.count(Entity) == 51
    standing = [name for name, one in beliefs(agent).items() if one[0] == "active"]
    assert standing == ["Company 49"]


def in_turn(agent, operation_id, plan, applied):
    """Only the oldest of an anchor may be claimed: all ask again once one is applied.

    Fifty who ask every few milliseconds would leave the database to nobody.
    """
    while True:
        before = applied.count
        with agent.scope():
            operation = operations.claim(operation_id, lease_s=60)
        if operation is not None:
            break
        applied.wait_for_more_than(before)
    try:
        lease = Lease(operation.id, operation.lease_token)
        return agent.apply(lease, plan)
    finally:
        applied.one_more()


class Applied:
    """How many are; others wait for one more."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def one_more(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait_for_more_than(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count > count, 60)


# --- what hung on it --------------------------------------------------------------


COMMUTE = "User takes the tram to the office of Acme."


def suspects(agent) -> list[str]:
    with agent.scope():
        rows = Memory.objects.filter(is_stale_suspect=True)
        return sorted(rows.values_list("text", flat=True))


@pytest.fixture
def employed(agent):
    learn(agent, works_at("Acme"))
    agent.decide(
        adds(COMMUTE),
        adds("User likes tea."),
        adds(
            "Bob likes Acme.",
            **{
                "entities": (
                    ProposedEntity("Bob", "person"),
                    ProposedEntity("Acme", "company"),
                ),
                "relations": (ProposedRelation("Bob", "likes", "Acme"),),
            },
        ),
    )
    return head(agent, "User works at Acme.")


def test_what_hangs_on_a_superseded_premise_is_suspect(agent, employed):
    agent.decide(replaces(works_at("Globex"), employed))
    assert suspects(agent) == [COMMUTE]
    commute = head(agent, COMMUTE)
    assert agent.events(commute.id) == ["ADD", "SUSPECT"]
    entry = agent.history(commute.id)[-1]
    assert entry.related_memory_id == employed.id


def test_so_it_is_when_an_operator_supersedes_or_a_sentence_retracts(agent, employed):
    gone = decides(Verdict.DELETE, None, employed, evidence="I left.", messages=(0,))
    agent.decide(gone)
    assert suspects(agent) == [COMMUTE]


def test_what_lost_in_the_graph_alone_is_suspect_itself(agent, employed):
    learn(agent, works_at("Globex"))
    assert suspects(agent) == [COMMUTE, "User works at Acme."]


def test_nothing_is_suspect_while_the_premise_still_holds(agent, employed):
    more = works_at("Acme", "User works at Acme as a cook.")
    agent.decide(replaces(more, employed))
    assert suspects(agent) == []


def test_the_mark_goes_once_somebody_has_looked(agent, employed):
    agent.decide(replaces(works_at("Globex"), employed))
    agent.edit(head(agent, COMMUTE).id, text="User took the tram to Acme.")
    assert suspects(agent) == []


def test_the_mark_goes_when_it_is_said_again(agent, employed):
    agent.decide(replaces(works_at("Globex"), employed))
    agent.decide(decides(Verdict.NONE, COMMUTE, head(agent, COMMUTE)))
    assert suspects(agent) == []
    assert agent.events(head(agent, COMMUTE).id)[-1] == "CONFIRM"


def test_another_tenants_memories_are_nobodys_dependants(agent, other, employed):
    other.decide(adds(COMMUTE))
    agent.decide(replaces(works_at("Globex"), employed))
    assert suspects(other) == []


def test_a_restored_premise_stands_in_the_graph_again(agent, employed):
    agent.decide(replaces(works_at("Globex"), employed))
    agent.delete(head(agent, "User works at Globex.").id)
    restore_version(agent.access, employed.id, 1)
    assert beliefs(agent)["Acme"][0] == "active"
