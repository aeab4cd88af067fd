"""What retention would take, as the console shows it."""

from __future__ import annotations

import pytest

from memories.services.archiving import archive_unused
from memories.services.configuration import change_settings


@pytest.fixture
def old(agent, frozen):
    """A memory that nobody used for a hundred days, where thirty are enough."""
    with agent.scope():
        change_settings(agent.company.project, {"archive_unused_days": 30})
    memory_id = agent.keep("Ann sings.")
    frozen.advance(days=100)
    return memory_id


def test_what_would_go_is_listed_with_links(console, bob, page, old):
    said = console(bob).get(page("memories:retention")).content.decode()
    assert "1 would be archived" in said
    assert f'href="{page("memories:memory", old)}"' in said
    assert "after 30 days" in said


def test_other_days_are_tried_and_nothing_is_changed(console, bob, page, agent, old):
    said = console(bob).get(page("memories:retention", archive_unused_days=365))
    assert "0 would be archived" in said.content.decode()
    assert agent.texts() == ["Ann sings."]


def test_edges_of_the_graph_are_among_them(console, bob, page, agent, frozen):
    agent.learn("I live in Lisbon.")
    frozen.advance(days=2)
    agent.learn("I live in Berlin now.")
    frozen.advance(days=100)
    said = console(bob).get(page("memories:retention")).content.decode()
    assert "Edges of the graph that are over" in said
    assert "User lives_in Lisbon" in said


def test_days_that_are_none_are_told(console, bob, page, old):
    answer = console(bob).get(page("memories:retention", message_days=-3))
    assert answer.status_code == 422


def test_the_settings_lead_to_it(console, bob, page):
    said = console(bob).get(page("memories:settings")).content.decode()
    assert f'href="{page("memories:retention")}"' in said


def test_support_brings_back_what_was_archived(console, bob, sam, page, agent, old):
    archive_unused(agent.access.tenant_id, agent.access.project_id)
    address = page("memories:memory", old)
    assert "Bring back…" not in console(bob).get(address).content.decode()
    assert "Bring back…" in console(sam).get(address).content.decode()
    console(sam).post(
        page("memories:restore-memory", old), {"reason": "She still does."}
    )
    assert agent.texts() == ["Ann sings."]


def test_other_tenants_do_not_see_it(console, carol, page):
    assert console(carol).get(page("memories:retention")).status_code == 404
