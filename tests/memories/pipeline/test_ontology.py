"""What a project's graph has a place for, and what becomes of the rest."""

from __future__ import annotations

import pytest

from memories.models import Entity, Relation
from memories.models.settings import ProjectSettings
from memories.pipeline.link import link
from memories.pipeline.ontology import Ontology, OntologyProblem
from memories.pipeline.prompting import system_text
from memories.prompts import shipped_prompts
from memories.services.configuration import change_settings
from memories.types import EngineOptions, Fact, ProposedEntity, ProposedRelation
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest
from tenants.models import AuditEntry, Project
from tests.memories.agents import adds

SHOP = {
    "entity_types": ["person", "product"],
    "relation_types": ["bought", "lives_in"],
    "single_valued": ["lives_in"],
    "synonyms": {"purchased": "bought"},
}
BUYS = Fact(
    "Ann purchased a lamp in Oslo.",
    entities=(
        ProposedEntity("Ann", "teacher"),
        ProposedEntity("Lamp", "product"),
        ProposedEntity("Oslo", "city"),
    ),
    relations=(
        ProposedRelation("Ann", "purchased", "Lamp"),
        ProposedRelation("Ann", "likes", "Lamp"),
    ),
)


def test_types_are_mapped_and_what_has_no_place_is_left_out_with_the_reason():
    ann = Fact(
        BUYS.text,
        entities=(ProposedEntity("Ann", "man"), *BUYS.entities[1:]),
        relations=BUYS.relations,
    )
    links = link([ann], [], Ontology.of(SHOP))
    found = links.facts[ann.text]
    assert {ref.type for ref in found.nodes} == {"person", "product"}
    assert [edge.type for edge in found.edges] == ["bought"]
    assert links.left_out[ann.text] == ("no entity type city", "no relation type likes")


def test_without_one_anything_may_be():
    found = link([BUYS], []).facts[BUYS.text]
    assert [edge.type for edge in found.edges] == ["purchased", "likes"]


def test_models_are_told():
    options = EngineOptions(reference=clock.now(), ontology=SHOP)
    for name in ("single_pass_user", "graph"):
        text = system_text(shipped_prompts()[name], options)
        assert "Only these relation types: bought, lives_in." in text


def test_the_store_keeps_to_it(agent):
    with agent.scope():
        change_settings(agent.company.project, {"ontology": SHOP})
    agent.decide(adds(BUYS.text, entities=BUYS.entities, relations=BUYS.relations))
    with agent.scope():
        assert not Entity.objects.filter(name="Oslo").exists()
        assert not Relation.objects.exclude(type="bought").exists()


def test_each_change_is_a_version_that_the_audit_keeps(agent):
    project = agent.company.project
    with agent.scope():
        change_settings(project, {"ontology": SHOP})
        change_settings(
            project,
            {"ontology": {**SHOP, "relation_types": ["bought", "lives_in", "likes"]}},
        )
        kept = ProjectSettings.of(Project.objects.get(id=project.id).settings)
        assert kept.ontology["version"] == 2
        change_settings(project, {"ontology": kept.ontology})  # the same again
        changes = [e.changes for e in AuditEntry.objects.order_by("at", "id")]
    versions = [c["ontology"][1]["version"] for c in changes if "ontology" in c]
    assert versions == [1, 2, 2]


WRONG = [
    ({"entities": ["person"]}, "has no entities"),
    ({"entity_types": "person"}, "as a list"),
    ({"relation_types": ["x"], "single_valued": ["y"]}, "what it allows"),
    ({"relation_types": [""]}, "1 to 64"),
]


@pytest.mark.parametrize(("given", "why"), WRONG)
def test_a_wrong_one_is_refused(agent, given, why):
    with pytest.raises(OntologyProblem, match=why):
        Ontology.of(given)
    with agent.scope(), pytest.raises(InvalidRequest, match=why):
        change_settings(agent.company.project, {"ontology": given})
