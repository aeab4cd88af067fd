"""What people are to each other outlives the news that it was said with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.models import Memory, Relation
from memories.selectors.compare import About
from memories.selectors.entities import WantedEntities, list_entities
from memories.selectors.graph import graph_of
from memories.selectors.relations import TRUE_ONCE, WantedRelations, read_relations
from memories.selectors.restoring import Aim
from memories.selectors.sight import Sight
from memories.selectors.walks import Along, shortest_path
from memories.services.edit import restore_version
from memories.services.restore import preview_restore, restore
from memories.types import (
    Decision,
    ProposedEntity,
    ProposedRelation,
    ValidTime,
    Verdict,
)
from memplatform.lib import clock
from tests.memories.agents import Agent, adds, decides, fact
from tests.memories.services.conftest import use_engine

pytestmark = pytest.mark.django_db

IN_OSLO = "User's sister Anna lives in Oslo"


def edges(agent: Agent, states=("active",), as_of=None) -> set[str]:
    """What readers see, "source relation target"."""
    with agent.scope():
        found = read_relations(
            Sight(as_of=as_of), WantedRelations(states=states), most=100
        )
        return {f"{r.source.name} {r.type} {r.target.name}" for r in found}


def memory(agent: Agent, text: str) -> Memory:
    with agent.scope():
        return Memory.objects.get(text__startswith=text)


def says(*edges: tuple[str, str, str]) -> dict:
    return {
        "entities": tuple(ProposedEntity(edge[2], "thing") for edge in edges),
        "relations": tuple(ProposedRelation(*edge) for edge in edges),
    }


@pytest.fixture
def local(agent) -> Agent:
    use_engine(agent, "local")
    return agent


@pytest.fixture
def moved(local) -> Agent:
    local.learn("My sister Anna lives in Oslo.")
    local.learn("Anna moved to Bergen.")
    assert memory(local, IN_OSLO).state == "superseded"
    return local


def test_who_moves_is_a_sister_still(moved):
    assert edges(moved) == {"User sister Anna", "Anna lives_in Bergen"}
    assert "Anna lives_in Oslo" in edges(moved, states=("superseded",))
    with moved.scope():
        sister = Relation.objects.get(type="sister", known_to=None)
    assert (sister.state, sister.valid_to, sister.replaced_by) == ("active", None, None)


def test_a_walk_leads_from_the_user_to_where_the_sister_is(moved):
    with moved.scope():
        named = {
            e.name: e
            for e in list_entities(Sight(), WantedEntities(), page=1, page_size=9).items
        }
        way = shortest_path(
            Sight(), named["User"], named["Bergen"], Along(), most_steps=3
        )
    assert [end.name for end in way.nodes] == ["User", "Anna", "Bergen"]


def test_the_picture_of_a_subject_shows_it(moved):
    with moved.scope():
        shown = {edge.type for edge in graph_of(About("user", "ann")).edges}
    assert shown == {"sister", "lives_in"}


def test_who_has_a_new_job_is_the_boss_still(local):
    local.learn("My boss Priya works at Acme.")
    local.learn("Priya started a new job at Globex.")
    assert memory(local, "User's boss Priya works at Acme").state == "superseded"
    assert edges(local) >= {"User reports_to Priya"}
    assert "Priya works_at Acme" not in edges(local)


def test_who_is_no_longer_the_boss_works_there_still(agent):
    """Another one takes the place of what is one at a time, and of nothing else."""
    said = says(("User", "reports_to", "Priya"), ("Priya", "works_at", "Acme"))
    agent.decide(adds("User's boss at Acme is Priya.", **said))
    old = memory(agent, "User's boss at Acme")
    new = fact("User's boss is Tom.", **says(("User", "reports_to", "Tom")))
    agent.decide(Decision(Verdict.DELETE, new, old.id, reason="changed"))
    assert edges(agent) == {"User reports_to Tom", "Priya works_at Acme"}


def bonds(agent: Agent) -> dict[str, tuple]:
    """By what somebody is to another: (state, when it began, and ended)."""
    with agent.scope():
        rows = Relation.objects.filter(known_to=None, target__type="person")
        spans = rows.values_list("type", "state", "valid_from", "valid_to")
        return {
            kind: (state, start and start.year, end and end.year)
            for kind, state, start, end in spans
        }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("My brother Kuba worked at Orlen until 2019.", "brother"),
        ("My sister Anna moved to Berlin on 1 May 2025.", "sister"),
        ("My husband Pekka joined Kone in January 2024.", "married_to"),
        ("My aunt Vera used to live in Lodz.", "aunt"),
        ("My boss Priya worked at Acme from 2010 to 2014.", "reports_to"),
        ("My sister Outi ran the marathon on 1 September 2024.", "sister"),
    ],
)
def test_the_time_of_the_news_is_not_that_of_the_bond(local, text, kind):
    local.learn(text)
    assert bonds(local)[kind] == ("active", None, None)


@pytest.mark.parametrize("kind", ["married_to", "reports_to", "dating"])
def test_a_bond_that_is_the_news_has_its_time(agent, kind):
    said = says(("User", kind, "Aino"))
    said["entities"] = (ProposedEntity("Aino", "person"),)
    june, july = (datetime(2024, month, 1, tzinfo=UTC) for month in (6, 7))
    agent.decide(adds("User and Aino.", valid=ValidTime(june, july), **said))
    assert bonds(agent) == {kind: ("active", 2024, 2024)}


def test_a_bond_that_was_told_in_passing_has_no_time_when_it_is_said_anew(local):
    local.learn("My sister Anna moved to Oslo on 1 May 2025.")
    local.learn("Anna moved to Bergen on 1 June 2025.")
    assert bonds(local)["sister"] == ("active", None, None)
    restore_version(local.access, memory(local, "User's sister Anna").id, 1)
    assert bonds(local)["sister"] == ("active", None, None)


def test_what_outlived_is_over_once_another_contends_and_stands_again_after(agent):
    said = says(("User", "reports_to", "Priya"), ("Priya", "works_at", "Acme"))
    agent.decide(adds("User's boss at Acme is Priya.", **said))
    old = memory(agent, "User's boss at Acme")
    new = fact("User's boss is Tom.", **says(("User", "reports_to", "Tom")))
    agent.decide(Decision(Verdict.DELETE, new, old.id, reason="changed"))
    at_globex = says(("Priya", "works_at", "Globex"))
    agent.decide(adds("Priya works at Globex.", **at_globex))
    assert edges(agent) == {"User reports_to Tom", "Priya works_at Globex"}
    agent.delete(memory(agent, "Priya works at Globex").id)
    assert edges(agent) == {"User reports_to Tom", "Priya works_at Acme"}


def test_a_memory_that_says_one_thing_ends_with_it(agent):
    agent.decide(adds("User likes fado.", **says(("User", "likes", "fado"))))
    old = memory(agent, "User likes fado.")
    agent.decide(decides(Verdict.DELETE, "User no longer likes fado.", old))
    assert edges(agent) == set()


def test_what_was_known_before_is_known_as_it_was(local):
    local.learn("My sister Anna lives in Oslo.")
    before, seen = clock.now(), edges(local)
    local.learn("Anna moved to Bergen.")
    assert edges(local, as_of=before) == seen
    assert edges(local, as_of=clock.now()) == edges(local)


def test_a_delete_ends_all_that_a_memory_says_and_a_restore_brings_it_back(moved):
    old = memory(moved, IN_OSLO)
    moved.delete(old.id)
    assert edges(moved) == {"Anna lives_in Bergen"}
    restore_version(moved.access, old.id, 1)
    assert "User sister Anna" in edges(moved)


def test_who_is_restored_as_over_says_again_what_outlived(moved):
    """Deleted, and brought back to the instant when it was over already."""
    at, before = clock.now(), edges(moved, states=TRUE_ONCE)
    moved.delete(memory(moved, IN_OSLO).id)
    access = moved.access
    aim = Aim(About("user", "ann"), at)
    restore(access, aim, preview_restore(access, aim).token)
    assert memory(moved, IN_OSLO).state == "superseded"
    assert edges(moved, states=TRUE_ONCE) == before


def test_an_edit_ends_what_the_new_words_do_not_say(moved):
    old = memory(moved, IN_OSLO)
    restore_version(moved.access, old.id, 1)
    moved.edit(old.id, text="User's friend Otto lives in Oslo.")
    assert "User sister Anna" not in edges(moved)


def test_the_successor_deleted_leaves_what_outlived(moved):
    with moved.scope():
        new = Memory.objects.get(state="active")
    moved.delete(new.id)
    assert edges(moved) == {"User sister Anna"}


def test_new_words_of_a_memory_are_read_by_the_rules(local):
    local.learn("I live in Lisbon.")
    old = memory(local, "User lives in Lisbon")
    assert edges(local) == {"User lives_in Lisbon"}
    local.edit(old.id, text="User lives in Madrid")
    assert edges(local) == {"User lives_in Madrid"}
    restore_version(local.access, old.id, 1)
    assert edges(local) == {"User lives_in Lisbon"}


def test_an_edit_that_ends_what_another_says_marks_it(local):
    local.learn("I live in Lisbon.")
    local.learn("My cat Mia likes tuna.")
    local.edit(memory(local, "User's cat Mia").id, text="User lives in Madrid")
    assert edges(local) == {"User lives_in Madrid"}
    assert memory(local, "User lives in Lisbon").is_stale_suspect


def test_two_friends_of_like_names_have_a_home_each(local):
    local.learn("My friend Paul lives in Rome.")
    local.learn("My friend Paula lives in Oslo.")
    assert edges(local) >= {"Paul lives_in Rome", "Paula lives_in Oslo"}
