"""Memories are found by what a question names, and by what that is related to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from memories.models import Memory
from memories.retrieval.links import MOST_EDGES
from memories.services.configuration import change_settings
from memories.types import (
    Decision,
    ProposedEntity,
    ProposedRelation,
    ValidTime,
    Verdict,
)
from memplatform.lib import clock
from tests.memories.agents import Agent, adds, fact

pytestmark = pytest.mark.django_db


FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def related(source: str, kind: str, target: str) -> dict:
    return {
        "entities": (
            ProposedEntity(source, "thing"),
            ProposedEntity(target, "thing"),
        ),
        "relations": (ProposedRelation(source, kind, target),),
    }


def learn(agent: Agent, *edges: tuple[str, str, str], **ids) -> None:
    """One memory for each edge, in words that name neither end."""
    agent.decide(
        *(
            adds(f"It is so, number {number}.", **related(*edge))
            for number, edge in enumerate(edges, start=agent.count(Memory))
        ),
        **ids,
    )


def links(agent: Agent, query: str, filters=None, **details) -> list[float]:
    """What the graph gave each memory, in the order of their numbers."""
    hits = agent.search(query, filters, top_k=100, threshold=0, **details)
    hits = sorted(hits, key=lambda hit: int(hit.memory.text.split()[-1].strip(".")))
    return [hit.signals["graph"] for hit in hits]


def test_each_step_from_what_is_named_counts_less(agent):
    learn(
        agent,
        ("Orchid Lane", "owned_by", "Quay"),
        ("Quay", "led_by", "Vega"),
        ("Vega", "speaks", "Latin"),
        ("Latin", "taught_at", "Kolleg"),
    )
    named, next_to_it, further, beyond = links(agent, "Who owns Orchid Lane?")
    assert named > next_to_it > further > 0.0
    assert beyond < further  # it mentions what two steps lead to, and no more


def test_names_are_looked_for_as_the_graph_spells_them(agent):
    learn(agent, ("Orchid Lane", "owned_by", "Quay"))
    for query in ("orchid lane", "ORCHID LANE’s owner", "Is “Orchid Lane” for sale?"):
        assert links(agent, query) > [0.0]
    assert links(agent, "Which lane has an orchid?") == [0.0]


def test_a_name_that_was_merged_leads_to_the_one_it_is(agent):
    melanie, mel = ProposedEntity("Melanie", "person"), ProposedEntity("Mel", "person")
    for number, who in enumerate((melanie, mel, mel)):
        liked = ProposedEntity(("tea", "tea", "jam")[number], "topic")
        relation = ProposedRelation(who.name, "likes", liked.name)
        agent.decide(
            adds(f"So, number {number}.", entities=(who, liked), relations=(relation,))
        )
    assert min(links(agent, "Mel?")) > 0.0


def test_a_thing_of_many_relations_leads_nowhere_in_particular(agent):
    many = [("User", "owns", f"Thing{n}") for n in range(MOST_EDGES)]
    learn(agent, ("User", "works_at", "Quay"), *many)
    quay, *others = links(agent, "Quay?")
    assert quay > 0.0
    assert max(others) < quay / 4  # only because they speak of the user as well
    assert min(links(agent, "User?")) > 0.0


def test_what_was_not_known_yet_is_no_way(agent, frozen):
    learn(agent, ("Quay", "led_by", "Vega"), ("Latin", "taught_at", "Kolleg"))
    frozen.advance(minutes=1)
    before = clock.now()
    frozen.advance(minutes=1)
    assert links(agent, "Quay?")[1] == 0.0
    learn(agent, ("Vega", "speaks", "Latin"))
    assert min(links(agent, "Quay?")) > 0.0
    assert links(agent, "Quay?", as_of=before)[1] == 0.0


def test_nobody_elses_graph_is_walked(agent, other):
    learn(agent, ("Quay", "led_by", "Vega"), user_id="bea")
    learn(other, ("Quay", "led_by", "Vega"))
    agent.keep("It is so, number 0.")
    assert links(agent, "Quay?") == [0.0]


def test_a_project_may_do_without(agent):
    learn(agent, ("Quay", "led_by", "Vega"))
    with agent.scope():
        change_settings(agent.company.project, {"link_weight": 0})
    assert links(agent, "Quay?") == [0.0]


def moves(agent: Agent, number: int) -> None:
    """Anna has lived in so many places; number 0 is of the first, 1 of the last."""
    homes = [
        adds(
            f"At Town{at}, number {at + 2}.",
            valid=ValidTime(FIRST_DAY + timedelta(days=at)),
            **related("Anna", "lives_in", f"Town{at}"),
        )
        for at in range(number)
    ]
    windmill, market = (
        adds(f"It is so, number {at}.", **related(town, "has", what))
        for at, (town, what) in enumerate(
            (("Town0", "Windmill"), (f"Town{number - 1}", "Market"))
        )
    )
    agent.decide(windmill, *homes, market)


def test_what_is_over_never_crowds_out_what_stands(agent):
    moves(agent, MOST_EDGES + 11)
    for is_archived in (False, True):
        if is_archived:
            agent.sql(
                "UPDATE memories_relation SET archived_at = now()"
                " WHERE known_to IS NOT NULL OR state <> 'active'"
            )
        first, last = links(agent, "What is there to see where Anna is?")[:2]
        assert (first, last > 0.0) == (0.0, True)


def test_a_question_that_looks_back_follows_what_was(agent):
    moves(agent, 3)
    first, last = links(agent, "What was there where Anna lived before?")[:2]
    assert min(first, last) > 0.0
    assert links(agent, "What is there where Anna is?")[0] == 0.0


def test_what_is_over_makes_nothing_a_thing_of_many_relations(agent):
    """Two steps away: from the firm to Anna, who moved often, to her town."""
    moves(agent, MOST_EDGES + 11)
    agent.decide(adds("So, number 2.", **related("Quay", "employs", "Anna")))
    first, last = links(agent, "Quay?")[:2]
    assert (first, last > 0.0) == (0.0, True)


def test_as_of_an_instant_what_stood_then_is_followed(agent):
    moves(agent, 2)
    before = clock.now()
    old = next(h for h in agent.heads() if h.text.startswith("At Town1"))
    new = fact("At Town9, number 9.", **related("Anna", "lives_in", "Town9"))
    agent.decide(Decision(Verdict.DELETE, new, old.id, reason="moved"))
    asked = "What is there where Anna is?"
    assert links(agent, asked)[1] == 0.0
    agent.sql(
        "UPDATE memories_relation SET archived_at = now() WHERE state <> 'active'"
    )
    assert links(agent, asked, as_of=before)[1] > 0.0
