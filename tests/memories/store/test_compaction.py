"""Edges that are over for long go out of the way, and are not forgotten."""

from __future__ import annotations

from datetime import timedelta

from memories.models import Relation
from memories.selectors.compare import About
from memories.selectors.graph import graph_of
from memories.services.background import empty_what_is_over
from memories.services.edit import restore_version
from memories.types import ProposedEntity, ProposedRelation, Verdict
from tests.memories.agents import adds, decides, fact


def home(place: str):
    return fact(
        f"Ann lives in {place}.",
        entities=(ProposedEntity("Ann", "person"), ProposedEntity(place, "city")),
        relations=(ProposedRelation("Ann", "lives_in", place),),
    )


def moved(agent):
    """Ann has moved from Lisbon to Berlin; the memory of Lisbon."""
    lisbon, berlin = home("Lisbon"), home("Berlin")
    agent.decide(
        adds(lisbon.text, entities=lisbon.entities, relations=lisbon.relations)
    )
    (old,) = agent.heads()
    decision = decides(Verdict.DELETE, berlin.text, old)
    agent.decide(type(decision)(Verdict.DELETE, berlin, old.id, reason="moved"))
    return old


def archived(agent) -> set[str]:
    with agent.scope():
        rows = Relation.objects.exclude(archived_at=None)
        return set(rows.values_list("target__name", flat=True))


def test_what_is_over_for_long_is_archived(agent, frozen):
    moved(agent)
    frozen.advance(days=89)
    empty_what_is_over()
    assert archived(agent) == set()
    frozen.advance(days=2)
    empty_what_is_over()
    assert archived(agent) == {"Lisbon"}
    with agent.scope():
        assert not Relation.objects.exclude(archived_at=None).exclude(fact=None)
        assert Relation.objects.filter(archived_at=None).count() == 1


def test_a_read_of_then_shows_it_and_a_restored_memory_says_it_anew(agent, frozen):
    old = moved(agent)
    then = old.known_from
    frozen.advance(days=100)
    empty_what_is_over()
    with agent.scope():
        seen = graph_of(About("user", "ann"), as_of=then)
    assert {edge.target.name for edge in seen.edges} == {"Lisbon"}
    restore_version(agent.access, old.id, 1)
    with agent.scope():
        standing = Relation.objects.filter(state="active", known_to=None)
        assert "Lisbon" in standing.values_list("target__name", flat=True)


def test_a_project_may_keep_all_of_it(agent, frozen):
    from memories.services.configuration import change_settings

    with agent.scope():
        change_settings(agent.company.project, {"graph_days": 0})
    moved(agent)
    frozen.advance(days=timedelta(weeks=100).days)
    empty_what_is_over()
    assert archived(agent) == set()
