"""A subject's profile: what is held true of it by category, at any instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.models import Subject
from memories.types import Decision, Fact, ValidTime, Verdict
from tests.memories.agents import adds, decides

MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def ann(agent, frozen):
    """Who sings, and lived in Lisbon until May."""
    frozen.move_to(MARCH)
    agent.decide(
        adds("Ann sings.", categories=("music",)), adds("Ann lives in Lisbon.")
    )
    with agent.scope():
        return Subject.objects.get(kind="user", external_id="ann").id


def moves(agent, frozen) -> None:
    """To Berlin, in May; told in June."""
    frozen.move_to(datetime(2026, 6, 1, 12, tzinfo=UTC))
    lisbon = next(head for head in agent.heads() if "Lisbon" in head.text)
    berlin = Fact("Ann lives in Berlin.", (0,), valid=ValidTime(start=MAY))
    agent.decide(Decision(Verdict.DELETE, berlin, lisbon.id, reason="she moved"))


def shown(answer) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return {
        section.category: [line.memory.text for line in section.lines]
        for section in answer.context["picture"].sections
    }


def test_facts_stand_by_category_with_links_to_their_memories(
    console, bob, page, agent, ann
):
    sings = next(head for head in agent.heads() if head.text == "Ann sings.")
    agent.decide(decides(Verdict.MERGE, "Ann loves singing.", sings))
    merged = next(head for head in agent.heads() if head.replaced_by_id)
    seen = console(bob).get(page("memories:picture", ann))
    assert shown(seen) == {"music": ["Ann sings."], "Other": ["Ann lives in Lisbon."]}
    said = seen.content.decode()
    for memory_id in (sings.id, merged.id):
        assert f'href="{page("memories:memory", memory_id)}"' in said
    assert "last confirmed 10 Mar 2026" in said


def test_it_is_a_tab_of_the_subject(console, bob, page, ann):
    said = console(bob).get(page("memories:subject", ann)).content.decode()
    assert f'href="{page("memories:picture", ann)}"' in said


def test_it_is_shown_as_of_any_instant(console, bob, page, agent, ann, frozen):
    moves(agent, frozen)
    address = page("memories:picture", ann)
    assert shown(console(bob).get(address))["Other"] == ["Ann lives in Berlin."]
    then = console(bob).get(address, {"as_of": "2026-03-11T00:00"})
    assert shown(then)["Other"] == ["Ann lives in Lisbon."]
    true_then = console(bob).get(address, {"valid_at": "2026-04-01T12:00"})
    assert shown(true_then)["Other"] == ["Ann lives in Lisbon."]
    assert 'value="2026-04-01T12:00"' in true_then.content.decode()


def test_before_anything_was_known_it_says_so(console, bob, page, ann):
    answer = console(bob).get(
        page("memories:picture", ann), {"as_of": "2026-01-01T00:00"}
    )
    assert "Nothing was held true then" in answer.content.decode()


def test_an_instant_that_is_none_is_refused(console, bob, page, ann):
    answer = console(bob).get(page("memories:picture", ann), {"valid_at": "soon"})
    assert answer.status_code == 400


def test_other_tenants_do_not_see_it(console, carol, page, ann):
    assert console(carol).get(page("memories:picture", ann)).status_code == 404
