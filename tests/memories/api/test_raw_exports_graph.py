"""What a raw export and an import keep of the graph, of patterns and of evidence."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from memories.models import Entity, EntityMerge, Mention, Relation
from memories.services.graph import merge_entities, unmerge
from memories.types import (
    Decision,
    ProposedEntity,
    ProposedRelation,
    Verdict,
)
from tenants.audit import Actor
from tenants.scopes import tenant_scope
from tests.memories.agents import Agent, adds, decides, fact
from tests.memories.api.test_graph import ENTITIES, entity_path, undo_path
from tests.memories.api.test_raw_exports import parts
from tests.memories.services.test_graph import graph
from tests.memories.services.test_patterns import live, look, patterns, want_patterns

PROFILE, ANN = "/v1/profile/", {"user_id": "ann"}


@pytest.fixture
def agent(acme) -> Agent:
    return Agent(acme)


def named(*names: str) -> tuple[ProposedEntity, ...]:
    return tuple(ProposedEntity(name, "person") for name in names)


def edge(source: str, type_: str, target: str) -> dict:
    nodes = (ProposedEntity(source, "person"), ProposedEntity(target, "place"))
    return {
        "entities": nodes,
        "relations": (ProposedRelation(source, type_, target),),
    }


@pytest.fixture
def merged(agent):
    """Zed is Bo, who is Robert; Cy was taken for Robert, and no more; two Annas."""
    for name, town in (("Bo", "Riga"), ("Zed", "Oslo"), ("Robert", "Bern")):
        agent.decide(adds(f"{name} visited {town}.", **edge(name, "visited", town)))
    agent.decide(adds("Cy visited Rome.", **edge("Cy", "visited", "Rome")))
    for role in ("sister", "colleague"):
        relation = ProposedRelation("User", role, "Anna")
        agent.decide(
            adds(f"Anna is a {role}.", entities=named("Anna"), relations=(relation,))
        )
    operator = Actor.operator(agent.company.owner)
    with agent.scope():
        ids = dict(Entity.objects.values_list("name", "id"))
        project = agent.company.project
        for keep, other in (("Bo", "Zed"), ("Robert", "Bo")):
            proof = {"memory": str(agent.heads()[0].id), "cosine": 0.7}
            merge_entities(
                project, ids[keep], ids[other], actor=operator, evidence=proof
            )
        wrong = merge_entities(project, ids["Robert"], ids["Cy"], actor=operator)
        unmerge(project, wrong.id, actor=operator)
    return ids


@pytest.fixture
def moved(agent):
    """Ida lived in Lisbon, until she moved to Berlin; as the graph alone knows."""
    for town in ("Lisbon", "Berlin"):
        agent.decide(adds(f"Ida lives in {town}.", **edge("Ida", "lives_in", town)))


def pages(client) -> dict[str, dict]:
    """Every node's page by its name and role, merged ones too."""
    found = {}
    for state in ("active", "merged"):
        listed = client.get(ENTITIES, {**ANN, "state": state}).json()["results"]
        for entity in listed:
            page = client.get(entity_path(entity["id"])).json()
            found[f"{page['name']} {page['qualifier'] or ''}".strip()] = page
    return found


def test_pages_of_nodes_are_what_they_were(
    client, outsider, exported, imported, merged
):
    _, _, problems = imported(outsider, exported())
    assert problems == []
    assert {"Robert", "Zed", "Anna sister", "Anna colleague"} <= pages(client).keys()
    assert pages(outsider) == pages(client)


def test_a_merge_that_came_in_is_taken_back(
    client, outsider, agent, globex, exported, imported, merged
):
    imported(outsider, exported())
    with agent.scope():
        merge = EntityMerge.objects.get(absorbed_id=merged["Bo"], undone_at=None)
    for by in (client, outsider):
        assert by.post(undo_path(str(merge.id))).status_code == 200
    assert graph(Agent(globex)) == graph(agent)
    assert pages(outsider)["Bo"]["aliases"] == ["Zed"]


def test_another_project_of_the_tenant_has_merges_of_its_own(
    neighbour, agent, exported, imported, merged
):
    imported(neighbour, exported())
    (mine, theirs) = (pages(neighbour)["Robert"], merged["Robert"])
    assert UUID(mine["id"]) != theirs
    assert (mine["aliases"], len(mine["merges"])) == (["Bo", "Zed"], 3)
    zed = pages(neighbour)["Zed"]["merges"][0]
    assert zed["evidence"]["memory"] != str(agent.heads()[0].id)


def test_what_is_one_at_a_time_stays_so(
    client, outsider, globex, exported, imported, moved
):
    """What comes in goes on: the next town ends the one that stands."""
    file = exported()
    imported(outsider, file)
    assert parts(exported(by=outsider))["relation"] == parts(file)["relation"]
    there = Agent(globex)
    there.decide(adds("Ida lives in Oslo.", **edge("Ida", "lives_in", "Oslo")))
    with there.scope():
        rows = Relation.objects.filter(state="active", known_to=None)
        assert [row.target.name for row in rows] == ["Oslo"]


def test_a_node_of_a_name_that_is_taken_joins_the_one_that_is_there(
    outsider, globex, exported, imported, moved
):
    """With its edges and mentions; and of two towns one is where she lives."""
    there = Agent(globex)
    there.decide(adds("Ida visited Rome.", **edge("Ida", "visited", "Rome")))
    there.decide(adds("Ida lives in Paris.", **edge("Ida", "lives_in", "Paris")))
    _, _, problems = imported(outsider, exported())
    assert problems == []
    with there.scope():
        (ida,) = Entity.objects.filter(name="Ida", state="active")
        edges = Relation.objects.filter(source=ida, state="active", known_to=None)
        assert {(row.type, row.target.name) for row in edges} == {
            ("visited", "Rome"),
            ("lives_in", "Paris"),
        }
        towns = Relation.objects.filter(source=ida, type="lives_in")
        assert {row.target.name for row in towns} == {"Paris", "Berlin", "Lisbon"}
        mentioned = Mention.objects.filter(entity=ida)
        assert mentioned.values("memory").distinct().count() == 4


def test_what_bears_one_name_is_not_parted(outsider, globex, exported, imported, moved):
    """Two nodes that nothing tells apart cannot stand; it is said, and nothing is lost."""
    there = Agent(globex)
    there.decide(adds("Ida visited Rome.", **edge("Ida", "visited", "Rome")))
    imported(outsider, exported())
    with there.scope():
        (merge,) = EntityMerge.objects.filter(absorbed__name="Ida")
    before = graph(there)
    answer = outsider.post(undo_path(str(merge.id)))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "could not be told apart" in answer.json()["detail"]
    assert graph(there) == before


def test_what_joined_a_node_comes_in_once(outsider, globex, exported, imported, moved):
    there = Agent(globex)
    there.decide(adds("Ida visited Rome.", **edge("Ida", "visited", "Rome")))
    file = exported()
    imported(outsider, file)
    with there.scope():
        first = graph(there), EntityMerge.objects.count()
    added, _, problems = imported(outsider, file)
    assert (added, problems) == (0, [])
    with there.scope():
        assert (graph(there), EntityMerge.objects.count()) == first


def test_the_order_of_lines_changes_nothing(
    client, outsider, exported, imported, merged, moved
):
    """Sections stay in their order, edges behind their nodes; the rest is turned."""
    file = exported()
    header, *lines, end = file.splitlines()
    kinds = ["subject", "add", "entity", "memory", "relation"]
    lines.reverse()
    turned = sorted(lines, key=lambda line: kinds.index(json.loads(line)["type"]))
    imported(outsider, "\n".join([header, *turned, end]))
    assert pages(outsider) == pages(client)
    key = lambda relation: relation["id"]  # noqa: E731
    assert sorted(parts(exported(by=outsider))["relation"], key=key) == sorted(
        parts(file)["relation"], key=key
    )


def test_nodes_and_edges_are_found_by_meaning_again(
    outsider, globex, exported, imported, learn
):
    learn("I live in Lisbon. My sister Mia works at Northwind.")
    imported(outsider, exported())
    with tenant_scope(globex.id):
        assert not Entity.objects.filter(embedding=None).exists()
        assert Relation.objects.exists()
        assert not Relation.objects.filter(embedding=None).exists()


def test_patterns_rest_on_their_sources(
    agent, outsider, globex, frozen, exported, imported
):
    want_patterns(agent)
    live(agent, frozen)
    look(agent)
    file = exported()
    imported(outsider, file)
    there = Agent(globex)
    (pattern,) = patterns(there)
    lines = [
        line
        for text in (file, exported(by=outsider))
        for line in parts(text)["memory"]
        if line["kind"] == "pattern"
    ]
    assert lines[0]["sources"] == lines[1]["sources"]
    assert len(lines[0]["sources"]) == 6
    want_patterns(there)
    look(there)
    assert [p.id for p in patterns(there)] == [pattern.id], "nothing is new"


def test_when_it_was_said_last_comes_along(
    agent, client, outsider, frozen, exported, imported
):
    agent.decide(adds("Ann sings."))
    frozen.advance(days=30)
    agent.decide(decides(Verdict.NONE, "Ann sings a lot.", agent.heads()[0]))
    imported(outsider, exported())
    told = [
        by.get(PROFILE, ANN).json()["categories"][0]["facts"][0]["last_confirmed_at"]
        for by in (client, outsider)
    ]
    assert told[0] == told[1]
    assert not told[0].startswith(agent.heads()[0].created_at.date().isoformat())


def test_a_subjects_file_has_no_merge_with_what_it_does_not_hold(
    outsider, agent, exported, imported
):
    """What is told in another run stays out, and what it was merged with is itself."""
    agent.decide(adds("Bo sings.", entities=named("Bo")), user_id="ann", run_id="r1")
    agent.decide(adds("Zed sews.", entities=named("Zed")), user_id="ann", run_id="r2")
    with agent.scope():
        ids = dict(Entity.objects.values_list("name", "id"))
        merge_entities(
            agent.company.project,
            ids["Bo"],
            ids["Zed"],
            actor=Actor.operator(agent.company.owner),
        )
    file = exported(run_id="r1")
    assert str(ids["Zed"]) not in file
    imported(outsider, file)
    assert pages(outsider).keys() == {"Bo"}


def test_merges_that_go_in_a_circle_are_left_out(
    outsider, globex, exported, imported, merged
):
    lines = [json.loads(line) for line in exported().splitlines()]
    for line in lines:
        for merge in line.get("merges", ()):
            merge["undone_at"] = None
    robert, bo = str(merged["Robert"]), str(merged["Bo"])
    back = {"id": "00000000-0000-4000-8000-000000000009", "kept_id": bo}
    back |= {"absorbed_id": robert, "decided_by": "rule", "actor_kind": "engine"}
    for line in lines:
        if line.get("id") in (robert, bo):
            line["merges"].append(back | {"at": "2026-01-01T00:00:00Z"})
    _, _, problems = imported(outsider, "\n".join(map(json.dumps, lines)))
    assert problems == []
    with tenant_scope(globex.id):
        standing = EntityMerge.objects.filter(undone_at=None)
        assert not standing.filter(absorbed_id=robert).exists()


def test_a_merge_of_the_future_is_told(outsider, exported, imported, merged):
    lines = [json.loads(line) for line in exported().splitlines()]
    line = next(line for line in lines if line.get("merges"))
    line["merges"][0]["at"] = "2999-01-01"
    _, _, problems = imported(outsider, "\n".join(map(json.dumps, lines)))
    assert [p["reason"] for p in problems] == ["merges.at must not lie in the future."]


def test_a_file_from_before_merges_comes_in_as_it_did(
    outsider, globex, exported, imported, merged
):
    lines = [json.loads(line) for line in exported().splitlines()]
    for line in lines:
        for name in ("merges", "qualifier", "sources", "confirmations", "replaces"):
            line.pop(name, None)
    imported(outsider, "\n".join(map(json.dumps, lines)))
    with tenant_scope(globex.id):
        assert Entity.objects.filter(name="Zed", state="active").exists()


def test_a_contradiction_comes_along_with_its_successor(
    agent, client, outsider, exported, imported, moved
):
    (berlin,) = [h for h in agent.heads() if "Berlin" in (h.text or "")]
    oslo = fact("Ida lives in Oslo.", **edge("Ida", "lives_in", "Oslo"))
    agent.decide(Decision(Verdict.DELETE, oslo, berlin.id, reason="she moved"))
    file = exported()
    imported(outsider, file)
    assert parts(exported(by=outsider))["relation"] == parts(file)["relation"]
    over = [r for r in parts(file)["relation"] if r["state"] == "superseded"]
    assert over and all(r["replaced_by_id"] for r in over)
