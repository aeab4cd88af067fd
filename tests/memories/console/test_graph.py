"""What a subject's memories speak of: drawn, told in tables, at any instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.models import Relation, Subject
from memories.selectors.compare import About
from memories.selectors.graph import graph_of
from memories.types import (
    Decision,
    Fact,
    ProposedEntity,
    ProposedRelation,
    ValidTime,
    Verdict,
)
from tests.memories.agents import now


def lives_in(city: str, **details) -> Fact:
    return Fact(
        f"Ann lives in {city}.",
        messages=(0,),
        entities=(ProposedEntity("Ann", "person"), ProposedEntity(city, "place")),
        relations=(ProposedRelation("Ann", "lives in", city),),
        **details,
    )


def adds(fact: Fact) -> Decision:
    return Decision(Verdict.ADD, fact, reason="new")


@pytest.fixture
def lisbon(agent):
    """The memory that says where Ann lives."""
    agent.decide(adds(lives_in("Lisbon")))
    return agent.heads()[-1]


@pytest.fixture
def ann(agent, lisbon):
    with agent.scope():
        return Subject.objects.get(kind="user", external_id="ann").id


def moves(agent, lisbon, city: str = "Berlin") -> None:
    """In May, to where she lives now."""
    since = ValidTime(start=datetime(2026, 5, 1, tzinfo=UTC))
    fact = lives_in(city, valid=since)
    agent.decide(Decision(Verdict.DELETE, fact, lisbon.id, reason="she moved"))


def drawn(answer) -> tuple[set[str], set[tuple[str, bool]]]:
    """Names of the nodes; titles of the edges, and whether they are over."""
    drawing = answer.context["drawing"]
    nodes = {node["name"] for node in drawing["nodes"]}
    return nodes, {(edge["title"], edge["isOver"]) for edge in drawing["edges"]}


def test_what_is_true_is_drawn_and_told_in_a_table(console, bob, page, ann):
    seen = console(bob).get(page("memories:graph", ann))
    said = seen.content.decode()
    assert drawn(seen) == ({"Ann", "Lisbon"}, {("Ann lives_in Lisbon", False)})
    assert "<caption>Relations</caption>" in said
    assert 'id="graph-data" type="application/json"' in said
    assert "d3-force.min.js" in said


def test_what_is_over_is_left_out_until_it_is_asked_for(
    console, bob, page, agent, ann, lisbon
):
    moves(agent, lisbon)
    now = console(bob).get(page("memories:graph", ann))
    assert drawn(now) == ({"Ann", "Berlin"}, {("Ann lives_in Berlin", False)})
    past = console(bob).get(page("memories:graph", ann, past=1))
    assert drawn(past) == (
        {"Ann", "Berlin", "Lisbon"},
        {("Ann lives_in Berlin", False), ("Ann lives_in Lisbon (over)", True)},
    )


def test_an_earlier_instant_shows_what_was_believed_then(
    console, bob, page, agent, ann, lisbon
):
    moves(agent, lisbon)
    then = lisbon.known_from.isoformat()
    seen = console(bob).get(page("memories:graph", ann, as_of=then))
    assert drawn(seen) == ({"Ann", "Lisbon"}, {("Ann lives_in Lisbon", False)})
    before = console(bob).get(page("memories:graph", ann, as_of="2020-01-01T00:00"))
    assert drawn(before) == (set(), set())
    assert "Choose a later instant" in before.content.decode()


def test_a_deleted_memory_asserts_nothing(console, bob, page, agent, ann, lisbon):
    agent.delete(lisbon.id)
    assert drawn(console(bob).get(page("memories:graph", ann))) == (set(), set())


def test_when_a_memory_is_true_is_when_its_edge_is(agent, ann, lisbon):
    """Somebody corrects the days; what was believed before stays as it was."""
    began, ended = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2))
    before = now()
    agent.edit(lisbon.id, valid_from=began, valid_to=ended)
    with agent.scope():
        (edge,) = graph_of(About("user", "ann"), with_past=True).edges
        (old,) = graph_of(About("user", "ann"), as_of=before).edges
    assert (edge.valid_from, edge.valid_to, edge.is_over) == (began, ended, True)
    assert (old.valid_from, old.valid_to) == (None, None)
    agent.edit(lisbon.id, metadata={"plan": "gold"})
    with agent.scope():
        assert Relation.objects.filter(known_to=None).count() == 1


def test_an_edge_and_a_name_lead_to_the_memories_behind_them(
    console, bob, page, agent, ann, lisbon
):
    agent.say("Ann likes tea.")
    with agent.scope():
        relation = Relation.objects.get()
    browser = console(bob)
    seen = browser.get(page("memories:graph", ann))
    address = page("memories:subject", ann, state="any", relation=relation.id)
    assert seen.context["drawing"]["edges"][0]["url"] == address
    behind = browser.get(address).context["page"].items
    assert [memory.text for memory in behind] == ["Ann lives in Lisbon."]
    node = browser.get(seen.context["drawing"]["nodes"][0]["url"])
    told = [memory.text for memory in node.context["story"].memories]
    assert told == ["Ann lives in Lisbon."]


def test_an_agent_and_a_run_have_graphs_of_their_own(agent):
    agent.decide(adds(lives_in("Lisbon")), user_id="ann", agent_id="helper")
    agent.decide(adds(lives_in("Rome")), user_id="ann", run_id="trip")
    found = {}
    with agent.scope():
        for kind, name in (("agent", "helper"), ("run", "trip"), ("user", "ann")):
            graph = graph_of(About(kind, name))
            found[kind] = {edge.target.name for edge in graph.edges}
    assert found == {"agent": {"Lisbon"}, "run": {"Rome"}, "user": {"Lisbon", "Rome"}}


def test_the_most_mentioned_are_drawn_and_the_rest_counted(
    console, bob, page, agent, ann, monkeypatch
):
    monkeypatch.setattr("memories.selectors.graph.MOST_NODES", 2)
    agent.decide(adds(lives_in("Rome")))
    seen = console(bob).get(page("memories:graph", ann))
    nodes, _ = drawn(seen)
    assert len(nodes) == 2
    assert "Ann" in nodes
    assert "1 more names are mentioned less often" in seen.content.decode()


def test_more_names_cost_no_more_queries(console, bob, page, agent, ann, queries):
    few = queries(console(bob), page("memories:graph", ann))
    for number in range(10):
        agent.decide(adds(lives_in(f"City {number}")))
    assert queries(console(bob), page("memories:graph", ann)) == few


def test_an_instant_that_is_none_is_refused(console, bob, page, ann):
    seen = console(bob).get(page("memories:graph", ann, as_of="soon"))
    assert seen.status_code == 400


def test_an_empty_graph_says_where_names_come_from(console, bob, page, agent):
    agent.say("Ann likes tea.")
    with agent.scope():
        ann = Subject.objects.get(kind="user", external_id="ann").id
    said = console(bob).get(page("memories:graph", ann)).content.decode()
    assert "Names come from conversations" in said


def test_an_outsider_sees_no_graph(console, carol, globex, page, ann):
    assert console(carol).get(page("memories:graph", ann)).status_code == 404
