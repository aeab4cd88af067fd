"""Memories that may be stale: a model is asked, or somebody looks."""

from __future__ import annotations

import json

import pytest

from memories.models import Memory
from memories.services.suspects import confirm_memory, redecide, redecide_due
from memories.types import ProposedEntity, ProposedRelation, Verdict
from memplatform.lib.errors import InvalidRequest, NotFound
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
