"""Subjects are found by part of a name, among however many there are."""

from __future__ import annotations

import pytest

from memories.models import Subject


@pytest.fixture
def people(agent):
    """Ann with two memories, Bea with one, and the helper that knows them both."""
    agent.say("Ann likes tea.", user_id="ann", agent_id="helper")
    agent.say("Ann likes jam.", user_id="ann", agent_id="helper")
    agent.say("Bea sails.", user_id="bea-7", run_id="r1")


def names(answer) -> list[str]:
    return [found.name for found in answer.context["page"].items]


def test_the_last_active_come_first_with_their_counts(console, bob, page, people):
    seen = console(bob).get(page("memories:subjects"))
    assert set(names(seen)[:2]) == {"r1", "bea-7"}
    assert set(names(seen)[2:]) == {"helper", "ann"}
    counted = {found.name: found.memory_count for found in seen.context["page"].items}
    assert counted == {"ann": 2, "helper": 2, "bea-7": 1, "r1": 1}


def test_a_part_of_an_id_in_any_case_is_enough(console, bob, page, people):
    seen = console(bob).get(page("memories:subjects", text="EA-"))
    assert names(seen) == ["bea-7"]
    assert 'value="EA-"' in seen.content.decode()


def test_who_is_called_exactly_so_comes_first(console, bob, page, agent):
    agent.say("One.", user_id="ann")
    agent.say("Two.", user_id="joanna")
    assert names(console(bob).get(page("memories:subjects", text="ann"))) == [
        "ann",
        "joanna",
    ]


def test_a_display_name_is_found_as_well(console, bob, page, people, agent):
    with agent.scope():
        Subject.objects.filter(external_id="bea-7").update(display_name="Beatrice Ö.")
    seen = console(bob).get(page("memories:subjects", text="trice ö"))
    assert names(seen) == ["bea-7"]
    assert "Beatrice Ö." in seen.content.decode()


def test_percent_signs_are_ordinary_characters(console, bob, page, people):
    assert names(console(bob).get(page("memories:subjects", text="%"))) == []


def test_one_kind_is_shown_while_every_kind_is_counted(console, bob, page, people):
    seen = console(bob).get(page("memories:subjects", kind="user"))
    assert names(seen) == ["bea-7", "ann"]
    assert seen.context["found"].by_kind == {"user": 2, "agent": 1, "app": 0, "run": 1}


def test_they_are_sorted_by_memories_or_by_id(console, bob, page, people):
    most = console(bob).get(page("memories:subjects", sort="memories", kind="user"))
    assert names(most) == ["ann", "bea-7"]
    by_id = console(bob).get(page("memories:subjects", sort="name"))
    assert names(by_id) == ["ann", "bea-7", "helper", "r1"]


def test_who_lost_every_memory_can_still_be_found(console, bob, page, agent):
    memory = agent.keep("Ann likes tea.", user_id="ann")
    agent.delete(memory)
    assert names(console(bob).get(page("memories:subjects", text="ann"))) == ["ann"]


def test_as_it_is_typed_only_what_was_found_is_sent(console, bob, page, people):
    address = page("memories:subjects", text="ann")
    seen = console(bob).get(address, headers={"HX-Request": "true"})
    said = seen.content.decode()
    assert said.strip().startswith('<div id="found">')
    assert "ann" in said
    assert "<html" not in said


def test_an_empty_project_shows_the_call_that_fills_it(console, bob, page):
    said = console(bob).get(page("memories:subjects")).content.decode()
    assert "Nobody is remembered yet" in said
    assert "/v3/memories/add/" in said


def test_nonsense_is_refused(console, bob, page):
    assert console(bob).get(page("memories:subjects", kind="cat")).status_code == 400
    assert console(bob).get(page("memories:subjects", sort="size")).status_code == 400


def test_a_page_costs_the_same_for_three_and_for_thirty(
    console, bob, page, agent, queries
):
    browser, address = console(bob), page("memories:subjects")
    with agent.scope():
        _make(agent, 3)
    few = queries(browser, address)
    with agent.scope():
        _make(agent, 27)
    assert queries(browser, address) == few <= MOST_QUERIES


MOST_QUERIES = 18
"""Session, operator, memberships, projects, what opens scopes, and two of its own."""


def _make(agent, count: int) -> None:
    already = Subject.objects.count()
    Subject.objects.bulk_create(
        Subject(
            project_id=agent.company.project.id,
            kind="user",
            external_id=f"user-{already + n}",
        )
        for n in range(count)
    )


def test_pages_follow_one_another(console, bob, page, agent):
    with agent.scope():
        _make(agent, 60)
    first = console(bob).get(page("memories:subjects", sort="name"))
    second = console(bob).get(page("memories:subjects", sort="name", page=2))
    assert (len(names(first)), len(names(second))) == (50, 10)
    assert not set(names(first)) & set(names(second))


def test_another_tenants_subjects_are_not_there(console, carol, globex, page, people):
    assert console(carol).get(page("memories:subjects")).status_code == 404
