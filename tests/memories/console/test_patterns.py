"""A pattern and the memories it rests on lead to one another in the console."""

from __future__ import annotations

import pytest

from memories.models import Memory, Subject
from memories.services.configuration import change_settings
from tests.memories.services.test_patterns import live, look


@pytest.fixture
def pattern(agent, frozen) -> Memory:
    """What rules make of six runs."""
    with agent.scope():
        change_settings(agent.company.project, {"patterns_enabled": True})
    live(agent, frozen)
    look(agent)
    with agent.scope():
        return Memory.objects.get(kind="pattern")


def test_a_pattern_shows_what_it_was_put_together_from(
    console, bob, page, agent, pattern
):
    rome = next(h for h in agent.heads() if h.text == "Ann went running in Rome.")
    said = console(bob).get(page("memories:memory", pattern.id)).content.decode()
    assert "What it was put together from" in said
    assert f'href="{page("memories:memory", rome.id)}"' in said
    theirs = console(bob).get(page("memories:memory", rome.id)).content.decode()
    assert "Patterns that rest on it" in theirs
    assert pattern.text in theirs


def test_it_is_undone_by_hand(console, sam, page, agent, pattern):
    address = page("memories:delete-memory", pattern.id)
    console(sam).post(address, {"reason": "Not so."})
    with agent.scope():
        assert Memory.objects.get(id=pattern.id).state == "deleted"


def test_the_list_of_memories_shows_patterns_alone(console, bob, page, agent, pattern):
    with agent.scope():
        ann = Subject.objects.get(kind="user", external_id="ann").id
    said = console(bob).get(page("memories:subject", ann, kind="pattern"))
    assert [m.text for m in said.context["page"].items] == [pattern.text]
