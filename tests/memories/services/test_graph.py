"""Nodes that are one: found by rule, said by an operator, and taken back exactly."""

from __future__ import annotations

import pytest

from memories.models import Entity, EntityMerge, Mention, Relation
from memories.services.graph import merge_entities, unmerge
from memories.types import ProposedEntity, ProposedRelation
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.audit import Actor
from tenants.models import AuditEntry
from tests.memories.agents import adds, at_once
from tests.memories.services.test_erasure import erase

MEL, MELANIE = ProposedEntity("Mel", "person"), ProposedEntity("Melanie", "person")


def likes(who: ProposedEntity, what: str) -> dict:
    return {
        "entities": (who, ProposedEntity(what, "topic")),
        "relations": (ProposedRelation(who.name, "likes", what),),
    }


def known_as(name: str, role: str, **extra) -> dict:
    return {
        "entities": (ProposedEntity(name, "person"),),
        "relations": (ProposedRelation("User", role, name),),
    }


def graph(agent) -> dict:
    """Everything of the graph that a merge may touch, by names."""
    with agent.scope():
        edges = Relation.objects.values_list("source_id", "type", "target_id", "state")
        return {
            "edges": sorted(edges, key=str),
            "mentions": sorted(
                Mention.objects.values_list("entity_id", "memory_id"), key=str
            ),
            "nodes": sorted(
                Entity.objects.values_list("name", "state", "merged_into", "aliases"),
                key=str,
            ),
        }


def node(agent, name: str, **conditions) -> Entity:
    with agent.scope():
        return Entity.objects.get(name=name, **conditions)


def names(agent) -> list[str]:
    with agent.scope():
        rows = Entity.objects.filter(state="active").exclude(name="User")
        return sorted(rows.values_list("name", flat=True))


@pytest.fixture
def operator(agent) -> Actor:
    return Actor.operator(agent.company.owner)


def test_a_shortened_name_is_merged_on_evidence_and_known_ever_after(agent):
    agent.decide(adds("Melanie likes tea.", **likes(MELANIE, "tea")))
    agent.decide(adds("Mel likes tea and sleep.", **likes(MEL, "tea")))
    agent.decide(adds("Mel likes jam.", **likes(MEL, "jam")))
    melanie = node(agent, "Melanie")
    assert (melanie.state, melanie.aliases) == ("active", ["Mel"])
    with agent.scope():
        merge = EntityMerge.objects.get()
        edges = Relation.objects.filter(source_id=melanie.id)
        assert set(edges.values_list("target__name", flat=True)) == {"tea", "jam"}
    assert (merge.kept_id, merge.decided_by) == (melanie.id, "rule")
    assert merge.evidence["grounds"] == "shortened"
    assert "Mel" not in str(merge.evidence)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Paul", "friend"), ("Paula", "friend")),
        (("Julia", "cousin"), ("Julian", "friend")),
        (("Maria", "aunt"), ("Mariana", "friend")),
        (("Christina", "daughter"), ("Chris", "daughter")),
        (("Alex", "colleague"), ("Alexandra", "neighbour")),
        (("Rob", "friend"), ("Robert", "friend")),
    ],
)
def test_who_is_introduced_by_each_of_two_names_is_two(agent, one, other):
    """All are related to the user, which says nothing."""
    for number, (name, role) in enumerate((one, other)):
        said = known_as(name, role)
        agent.decide(adds(f"User's {role} {name} is number {number}.", **said))
    assert names(agent) == sorted([one[0], other[0]])


def test_a_short_name_is_the_same_until_something_tells_them_apart(agent):
    agent.decide(adds("User met Melanie.", **known_as("Melanie", "met")))
    agent.decide(adds("User met Mel.", **known_as("Mel", "met")))
    assert names(agent) == ["Melanie"]


def test_two_homes_tell_two_names_apart(agent):
    agent.decide(adds("Melissa lives in Rome.", **at_home("Melissa", "Rome")))
    agent.decide(adds("Mel lives in Oslo.", **at_home("Mel", "Oslo")))
    assert {"Mel", "Melissa"} <= set(names(agent))
    with agent.scope():
        homes = Relation.objects.filter(type="lives_in", state="active")
        assert homes.count() == 2


def at_home(name: str, place: str) -> dict:
    there = ProposedEntity(place, "place")
    lives = ProposedRelation(name, "lives in", place)
    return {"entities": (ProposedEntity(name, "person"), there), "relations": (lives,)}


def test_names_in_one_sentence_are_two_people(agent):
    agent.decide(adds("Melanie likes tea.", **likes(MELANIE, "tea")))
    met = {"entities": (MEL, MELANIE), "relations": ()}
    agent.decide(adds("Mel met Melanie.", **met))
    assert "Mel" in names(agent)


def test_a_person_is_no_place(agent):
    paris = ProposedEntity("Paris", "person")
    agent.decide(adds("Paris likes tea.", **likes(paris, "tea")))
    there = {"entities": (ProposedEntity("Paris", "city"),)}
    agent.decide(adds("User saw Paris.", **there))
    assert names(agent).count("Paris") == 2


def test_two_annas_of_one_user_stay_two(agent):
    agent.decide(adds("User's sister is Anna.", **known_as("Anna", "has_sister")))
    agent.decide(adds("Anna from work sings.", **known_as("Anna", "works_with")))
    with agent.scope():
        annas = Entity.objects.filter(name="Anna", state="active")
        assert sorted(annas.values_list("qualifier", flat=True)) == [
            "colleague", "sister"
        ]  # fmt: skip


def test_a_short_name_is_what_its_whole_one_is_to_the_user(agent):
    """The boss is called Mikko as well; the son is another."""
    for said in (
        "My boss Mikko Virtanen is strict.",
        "Mikko lives in Kotka.",
        "My son Mikko likes chess.",
    ):
        agent.learn(said)
    with agent.scope():
        edges = Relation.objects.filter(type__in=("reports_to", "son", "likes"))
        found = sorted(edges.values_list("source__name", "type", "target__name"))
    assert found == [
        ("Mikko", "likes", "chess"),
        ("User", "reports_to", "Mikko Virtanen"),
        ("User", "son", "Mikko"),
    ]


@pytest.mark.parametrize(("role", "people"), [("neighbour", 2), ("friend", 1)])
def test_another_job_tells_two_of_one_name_apart_unless_they_are_one_to_the_user(
    agent, role, people
):
    agent.learn("My friend Sari works at Fazer.")
    agent.learn(f"My {role} Sari works at Kone.")
    assert names(agent).count("Sari") == people
    with agent.scope():
        now = {"state": "active", "known_to": None}
        jobs = Relation.objects.filter(type="works_at", **now)
        assert jobs.count() == people


def test_who_bears_anothers_name_is_found_by_meaning_as_well(agent):
    agent.decide(adds("User's sister is Anna.", **known_as("Anna", "has_sister")))
    agent.decide(adds("Anna from work sings.", **known_as("Anna", "works_with")))
    with agent.scope():
        annas = Entity.objects.filter(name="Anna")
        assert annas.count() == 2
        assert not annas.filter(embedding=None).exists()
        assert annas.values("space_id").distinct().count() == 1


def test_annas_of_two_users_are_two(agent):
    anna = likes(ProposedEntity("Anna", "person"), "tea")
    agent.decide(adds("Anna likes tea.", **anna))
    agent.decide(adds("Anna likes tea.", **anna), user_id="bea")
    assert names(agent).count("Anna") == 2


def test_who_is_said_to_be_called_otherwise_is_one(agent):
    agent.decide(
        adds("Roberta likes tea.", **likes(ProposedEntity("Roberta", "person"), "tea"))
    )
    agent.decide(
        adds("Zuzu likes jam.", **likes(ProposedEntity("Zuzu", "person"), "jam"))
    )
    called = {"relations": (ProposedRelation("Roberta", "goes_by", "Zuzu"),)}
    agent.decide(adds("Roberta goes by Zuzu.", **called))
    assert node(agent, "Roberta").aliases == ["Zuzu"]
    with agent.scope():
        jam = Relation.objects.get(target__name="jam")
        assert jam.source_id == node(agent, "Roberta").id


@pytest.fixture
def two(agent):
    """Two nodes that no rule takes for one, each with an edge."""
    agent.decide(adds("Melanie likes tea.", **likes(MELANIE, "tea")))
    agent.decide(
        adds("Zuzu likes cake.", **likes(ProposedEntity("Zuzu", "person"), "cake"))
    )
    return node(agent, "Melanie"), node(agent, "Zuzu")


def test_an_operator_merges_and_takes_it_back_exactly(agent, two, operator):
    melanie, zuzu = two
    before = graph(agent)
    with agent.scope():
        merge = merge_entities(
            agent.company.project, melanie.id, zuzu.id, actor=operator,
            evidence={"said": "they told me"},
        )  # fmt: skip
        assert Relation.objects.filter(source_id=melanie.id).count() == 2
    assert node(agent, "Melanie").aliases == ["Zuzu"]
    with agent.scope():
        unmerge(agent.company.project, merge.id, actor=operator)
    assert graph(agent) == before
    with agent.scope():
        actions = AuditEntry.objects.filter(action__startswith="entity.")
        assert sorted(actions.values_list("action", flat=True)) == [
            "entity.merge", "entity.unmerge"
        ]  # fmt: skip


def test_what_was_said_meanwhile_goes_to_whom_it_named(agent, two, operator):
    melanie, zuzu = two
    with agent.scope():
        merge = merge_entities(
            agent.company.project, melanie.id, zuzu.id, actor=operator
        )
    agent.decide(
        adds("Zuzu likes jam.", **likes(ProposedEntity("Zuzu", "person"), "jam"))
    )
    with agent.scope():
        unmerge(agent.company.project, merge.id, actor=operator)
        jam = Relation.objects.get(target__name="jam")
    assert jam.source_id == zuzu.id


def test_chains_of_merges_part_link_by_link(agent, two, operator):
    melanie, zuzu = two
    agent.decide(
        adds("Kim likes nuts.", **likes(ProposedEntity("Kim", "person"), "nuts"))
    )
    kim, project = node(agent, "Kim"), agent.company.project
    with agent.scope():
        first = merge_entities(project, zuzu.id, kim.id, actor=operator)
        merge_entities(project, melanie.id, zuzu.id, actor=operator)
        assert Relation.objects.filter(source_id=melanie.id).count() == 3
        unmerge(project, first.id, actor=operator)
        assert Relation.objects.filter(source_id=melanie.id).count() == 2
        assert Relation.objects.filter(source_id=kim.id).count() == 1


def lives(who: str, place: str) -> dict:
    return {
        "entities": (ProposedEntity(who, "person"), ProposedEntity(place, "place")),
        "relations": (ProposedRelation(who, "lives_in", place),),
    }


def test_two_homes_of_one_person_contend_only_while_merged(agent, operator):
    agent.decide(adds("Melanie lives in Rome.", **lives("Melanie", "Rome")))
    agent.decide(adds("Zuzu lives in Oslo.", **lives("Zuzu", "Oslo")))
    melanie, zuzu = node(agent, "Melanie"), node(agent, "Zuzu")
    with agent.scope():
        standing = Relation.objects.filter(state="active", known_to=None)
        merge = merge_entities(
            agent.company.project, melanie.id, zuzu.id, actor=operator
        )
        assert [r.target.name for r in standing.select_related("target")] == ["Oslo"]
        unmerge(agent.company.project, merge.id, actor=operator)
        assert standing.count() == 2


def test_it_refuses_what_makes_no_sense(agent, other, two, operator):
    melanie, zuzu = two
    project = agent.company.project
    agent.decide(
        adds("Bo likes tea.", **likes(ProposedEntity("Bo", "person"), "tea")),
        user_id="bea",
    )
    with agent.scope():
        with pytest.raises(InvalidRequest, match="one already"):
            merge_entities(project, zuzu.id, zuzu.id, actor=operator)
        with pytest.raises(InvalidRequest, match="different subjects"):
            merge_entities(project, zuzu.id, node(agent, "Bo").id, actor=operator)
        merge = merge_entities(project, melanie.id, zuzu.id, actor=operator)
        unmerge(project, merge.id, actor=operator)
        with pytest.raises(InvalidRequest, match="taken back already"):
            unmerge(project, merge.id, actor=operator)
    with other.scope():
        with pytest.raises(NotFound):
            merge_entities(other.company.project, melanie.id, zuzu.id, actor=operator)
        with pytest.raises(NotFound):
            unmerge(other.company.project, merge.id, actor=operator)


def test_an_erasure_parts_what_only_the_erased_named(agent, operator):
    """One run's words go; a node that another run names too stays, under its name."""
    for run, name in (("1", "Melanie"), ("2", "Mel")):
        who = ProposedEntity(name, "person")
        own = {"user_id": "ann", "run_id": run}
        agent.decide(adds(f"{name} likes tea.", **likes(who, "tea")), **own)
    assert node(agent, "Melanie").aliases == ["Mel"]
    erase(agent, "1", "run")
    with agent.scope():
        left = Entity.objects.values_list("name", "state", "aliases")
        assert sorted(left) == [("Mel", "active", []), ("tea", "active", [])]
        assert Relation.objects.get().source_id == node(agent, "Mel").id
        assert not EntityMerge.objects.exists()


def test_racing_merges_leave_one(committed_db, agent, two, operator):
    melanie, zuzu = two

    def merge(keep, drop):
        with agent.scope():
            return merge_entities(agent.company.project, keep, drop, actor=operator)

    answers = at_once(
        lambda: merge(melanie.id, zuzu.id), lambda: merge(zuzu.id, melanie.id)
    )
    assert sorted(type(one).__name__ for one in answers) == [
        "EntityMerge", "InvalidRequest"
    ]  # fmt: skip
    assert agent.count(EntityMerge) == 1
