"""The page of a node of the graph: what is believed of it, merges, and their undoing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.models import Entity, EntityMerge, Subject
from memories.types import (
    Decision,
    ProposedEntity,
    ProposedRelation,
    ValidTime,
    Verdict,
)
from tenants.models import AuditEntry
from tests.memories.agents import adds, fact


def edge(source: str, type_: str, target: str, kind: str = "place") -> dict:
    return {
        "entities": (ProposedEntity(source, "person"), ProposedEntity(target, kind)),
        "relations": (ProposedRelation(source, type_, target),),
    }


@pytest.fixture
def moved(agent):
    """Ann lived in Lisbon until May, and lives in Berlin."""
    agent.decide(adds("Ann lives in Lisbon.", **edge("Ann", "lives_in", "Lisbon")))
    since = ValidTime(start=datetime(2026, 5, 1, tzinfo=UTC))
    moves = fact(
        "Ann lives in Berlin.", valid=since, **edge("Ann", "lives_in", "Berlin")
    )
    agent.decide(Decision(Verdict.DELETE, moves, agent.heads()[0].id, reason="moved"))


@pytest.fixture
def zed(agent, moved):
    """Who lives in Rome, and is Ann, as somebody knows."""
    agent.decide(adds("Zed lives in Rome.", **edge("Zed", "lives_in", "Rome")))
    return node(agent, "Zed")


def node(agent, name: str) -> Entity:
    with agent.scope():
        return Entity.objects.get(name=name)


@pytest.fixture
def at(agent, page):
    """The address of a page about one of ann's nodes."""

    def at(name: str, entity: Entity, *args: object, **query: object) -> str:
        with agent.scope():
            ann = Subject.objects.get(kind="user", external_id="ann").id
        return page(f"memories:{name}", ann, entity.id, *args, **query)

    return at


def told(answer) -> list[tuple[str, str, bool, str]]:
    """(words, state, is believed, successor) of each belief on a page."""
    return [
        (b.words, str(b.state), b.known_to is None, b.successor)
        for b in answer.context["story"].beliefs
    ]


def test_it_tells_what_is_believed_what_was_and_what_ended_it(
    console, bob, agent, at, moved
):
    seen = console(bob).get(at("entity", node(agent, "Ann")))
    berlin = "Ann lives_in Berlin"
    assert told(seen)[:2] == [
        (berlin, "active", True, ""),
        ("Ann lives_in Lisbon", "superseded", True, berlin),
    ]
    assert not any(is_believed for _, _, is_believed, _ in told(seen)[2:])
    assert {m.text for m in seen.context["story"].memories} == {
        "Ann lives in Lisbon.",
        "Ann lives in Berlin.",
    }
    assert "since then Ann lives_in Berlin" in seen.content.decode()


def test_a_viewer_is_offered_no_merge(console, bob, sam, agent, at, zed):
    ann = at("entity", node(agent, "Ann"))
    assert "Merge with another" not in console(bob).get(ann).content.decode()
    assert "Merge with another" in console(sam).get(ann).content.decode()


def test_the_other_is_looked_for_among_the_same_subjects(console, sam, agent, at, zed):
    agent.decide(
        adds("Zedekiah sings.", **edge("Zedekiah", "likes", "song", "topic")),
        user_id="bea",
    )
    merge = at("merge-entity", node(agent, "Ann"), text="zE")
    seen = console(sam).get(merge)
    assert [one.name for one in seen.context["offered"]] == ["Zed"]


def test_a_merge_says_what_moves_before_and_is_audited(console, sam, agent, at, zed):
    ann, browser = node(agent, "Ann"), console(sam)
    preview = browser.get(at("merge-entity", ann, other=zed.id)).context["preview"]
    assert (preview.keep.name, preview.other.name, preview.mentions) == (
        "Ann",
        "Zed",
        1,
    )
    assert [belief.words for belief in preview.moved] == ["Zed lives_in Rome"]
    ((mine, its),) = preview.contended
    assert (mine.words, its.words) == ("Ann lives_in Berlin", "Zed lives_in Rome")
    with agent.scope():
        assert not EntityMerge.objects.exists()
    answer = browser.post(at("merge-entity", ann), {"other": zed.id}, follow=True)
    assert answer.redirect_chain == [(at("entity", ann), 302)]
    assert "Ann and Zed are one." in answer.content.decode()
    assert node(agent, "Ann").aliases == ["Zed"]
    with agent.scope():
        entry = AuditEntry.objects.get(action="entity.merge")
    assert entry.actor_id == sam.id


def test_a_merge_is_undone_on_the_page_of_either(console, sam, agent, at, zed):
    ann, browser = node(agent, "Ann"), console(sam)
    browser.post(at("merge-entity", ann), {"other": zed.id})
    with agent.scope():
        merge = EntityMerge.objects.get()
    seen = browser.get(at("entity", zed))
    assert seen.context["story"].becomes.name == "Ann"
    assert [belief.words for belief in seen.context["story"].beliefs][:1]
    undo = at("undo-merge", zed, merge.id)
    assert undo in seen.content.decode()
    assert "is not" in browser.get(undo).content.decode()
    answer = browser.post(undo, follow=True)
    assert "Ann and Zed are two again." in answer.content.decode()
    assert node(agent, "Zed").state == "active"
    assert browser.post(undo).status_code == 400


def test_what_cannot_be_merged_is_refused(console, sam, agent, at, zed):
    ann, browser = node(agent, "Ann"), console(sam)
    merge = at("merge-entity", ann)
    assert browser.post(merge).status_code == 400
    assert browser.post(merge, {"other": ann.id}).status_code == 400
    assert browser.get(at("merge-entity", ann, other=ann.id)).status_code == 400
    agent.decide(
        adds("Bo lives in Rome.", **edge("Bo", "lives_in", "Rome")), user_id="bea"
    )
    assert browser.post(merge, {"other": node(agent, "Bo").id}).status_code == 404


def test_an_outsider_and_another_subject_find_no_node(
    console, carol, bob, globex, agent, page, at, moved
):
    ann = node(agent, "Ann")
    assert console(carol).get(at("entity", ann)).status_code == 404
    agent.say("Bea likes tea.", user_id="bea")
    with agent.scope():
        bea = Subject.objects.get(kind="user", external_id="bea").id
    assert console(bob).get(page("memories:entity", bea, ann.id)).status_code == 404


def test_more_beliefs_cost_no_more_queries(console, bob, agent, at, moved, queries):
    address = at("entity", node(agent, "Ann"))
    few = queries(console(bob), address)
    for number in range(5):
        agent.decide(
            adds(f"Ann likes T{number}.", **edge("Ann", "likes", f"T{number}", "topic"))
        )
    assert queries(console(bob), address) == few
