"""Memories that may be stale: a model is asked, or somebody looks."""

from __future__ import annotations

import json

import pytest

from memories.models import Entity, Memory
from memories.services.edit import restore_version
from memories.services.graph import merge_entities, unmerge
from memories.services.suspects import MOST, confirm_memory, redecide, redecide_due
from memories.types import Decision, ProposedEntity, ProposedRelation, Verdict
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.audit import Actor
from tests.memories.agents import adds, fact

ACME, GLOBEX = "User works at Acme.", "User works at Globex."
OFFICE = "User works at the office of Acme."


def works_at(place: str):
    return fact(
        f"User works at {place}.",
        entities=(ProposedEntity(place, "company"),),
        relations=(ProposedRelation("User", "works_at", place),),
    )


def marked(agent) -> list[str]:
    with agent.scope():
        rows = Memory.objects.filter(is_stale_suspect=True, state="active")
        return list(rows.values_list("text", flat=True))


@pytest.fixture
def doubted(agent):
    """A memory that hung on a job which is over."""
    acme, globex = works_at("Acme"), works_at("Globex")
    agent.decide(adds(acme.text, entities=acme.entities, relations=acme.relations))
    agent.decide(adds(OFFICE))
    (old,) = [h for h in agent.heads() if h.text == ACME]
    decision = adds(globex.text, entities=globex.entities, relations=globex.relations)
    agent.decide(type(decision)(Verdict.DELETE, decision.fact, old.id, reason="moved"))
    assert marked(agent) == [OFFICE]
    (head,) = [h for h in agent.heads() if h.text == OFFICE]
    return head


def says(op: str) -> str:
    row = {"fact": 1, "why": "moved on", "op": op, "id": 1, "text": None}
    return json.dumps({"decisions": [row]})


def test_a_model_says_that_it_still_holds(models, agent, doubted):
    models.configure(replies=[says("NONE")])
    assert redecide(agent.company.id, agent.company.project.id) == 1
    assert marked(agent) == []
    assert agent.events(doubted.id) == ["ADD", "SUSPECT", "CONFIRM"]


def test_a_model_ends_what_no_longer_holds(models, agent, doubted):
    models.configure(replies=[says("DELETE")])
    assert redecide(agent.company.id, agent.company.project.id) == 1
    head = agent.head(doubted.id)
    assert (head.state, head.is_stale_suspect) == ("superseded", False)
    assert agent.head(head.replaced_by_id).text == GLOBEX
    assert agent.events(head.id) == ["ADD", "SUSPECT", "SUPERSEDE"]


def test_without_a_model_the_mark_stays(agent, doubted):
    assert redecide_due() == 0
    assert marked(agent) == [OFFICE]


def test_a_model_that_cannot_be_reached_leaves_it(models, agent, doubted):
    models.configure(faults=[{"kind": "unauthorized", "times": 9}])
    assert redecide_due() == 0
    assert marked(agent) == [OFFICE]


def test_somebody_who_has_looked_lifts_the_mark(agent, doubted):
    assert not confirm_memory(agent.access, doubted.id).is_stale_suspect
    assert agent.events(doubted.id)[-1] == "CONFIRM"
    with pytest.raises(InvalidRequest, match="Nobody doubts"):
        confirm_memory(agent.access, doubted.id)


def test_another_tenants_memory_is_not_there(other, doubted):
    with pytest.raises(NotFound):
        confirm_memory(other.access, doubted.id)


def test_the_mark_goes_once_the_premise_is_so_again(agent, doubted):
    """Globex began later and stands as long as somebody says it."""
    acme, globex = (
        next(h for h in agent.heads() if h.text == t) for t in (ACME, GLOBEX)
    )
    restore_version(agent.access, acme.id, 1)
    assert marked(agent) == [OFFICE]
    agent.delete(globex.id)
    assert marked(agent) == []
    assert agent.events(doubted.id) == ["ADD", "SUSPECT", "CONFIRM"]


def test_a_premise_that_is_said_anew_lifts_the_mark(agent, doubted):
    globex = next(h for h in agent.heads() if h.text == GLOBEX)
    back = fact(
        "User works at Acme again.",
        relations=(ProposedRelation("User", "works_at", "Acme"),),
    )
    agent.decide(Decision(Verdict.DELETE, back, globex.id, reason="went back"))
    assert marked(agent) == []


def test_what_lost_to_somebody_else_is_not_doubted_once_they_are_parted(agent):
    """They were one when Zuzu's job was told."""
    agent.decide(adds("Anna works at Farol.", **job("Anna", "Farol")))
    agent.decide(adds("Zuzu is a person.", **person("Zuzu")))
    actor, project = Actor.operator(agent.company.owner), agent.company.project
    with agent.scope():
        anna, zuzu = (Entity.objects.get(name=name) for name in ("Anna", "Zuzu"))
        merge = merge_entities(project, anna.id, zuzu.id, actor=actor)
    agent.decide(adds("Zuzu works at Globex.", **job("Zuzu", "Globex")))
    assert marked(agent) == ["Anna works at Farol."]
    with agent.scope():
        unmerge(project, merge.id, actor=actor)
    assert marked(agent) == []


def person(who: str) -> dict:
    return {"entities": (ProposedEntity(who, "person"),)}


def job(who: str, place: str) -> dict:
    return {
        "entities": (ProposedEntity(who, "person"), ProposedEntity(place, "company")),
        "relations": (ProposedRelation(who, "works_at", place),),
    }


def test_marks_that_nothing_is_known_of_block_no_others(models, agent, doubted):
    """Doubted patterns name no premise; and there may be many."""
    models.configure(replies=[says("NONE")])
    ids = [agent.keep(f"So it goes, {number}.") for number in range(MOST)]
    agent.sql(
        "UPDATE memories_memory SET is_stale_suspect = true,"
        " updated_at = '2020-01-01' WHERE id = ANY(%s)",
        ids,
    )
    assert redecide(agent.company.id, agent.company.project.id) == 1
    assert OFFICE not in marked(agent)
