"""What was stored without asking what it is about learns that afterwards, once."""

from __future__ import annotations

import pytest

from memories.models import LlmCall, Outbox, Uncategorized
from memories.services.categories import assign_categories, wake_due_projects
from memories.services.configuration import change_settings
from memories.services.deletion import erase_subject, purge
from memories.services.edit import restore_version
from memories.store import categories as queue
from memories.types import Actor
from memplatform.lib import clock
from tests.memories.agents import adds

GUITAR = "I play the guitar in a band."
PEANUTS = "I am allergic to peanuts."


def categorize(agent) -> int:
    return assign_categories(agent.access.tenant_id, agent.access.project_id)


def categories(agent, memory_id):
    return agent.get(memory_id).categories


@pytest.fixture(params=["local", "model"])
def judge(request, agent):
    """What chooses: likeness of embeddings, or the project's model."""
    if request.param == "model":
        request.getfixturevalue("models")
    return request.param


def test_a_verbatim_memory_waits_and_is_categorized(db, agent, judge):
    memory_id = agent.keep(GUITAR)
    assert categories(agent, memory_id) is None
    assert categorize(agent) == 1
    assert "music" in categories(agent, memory_id)
    assert agent.events(memory_id) == ["ADD", "CATEGORIZE"]
    assert agent.versions(memory_id)[0].categories is None


def test_the_filter_finds_it_from_then_on(db, agent):
    agent.keep(GUITAR)
    agent.keep(PEANUTS)
    wanted = {"AND": [{"user_id": "ann"}, {"categories": {"in": ["music"]}}]}
    assert agent.texts(wanted) == []
    categorize(agent)
    assert agent.texts(wanted) == [GUITAR]
    assert agent.found("what do I play", wanted) == [GUITAR]


def test_webhooks_are_told_in_the_same_transaction(db, agent):
    agent.subscribe("memory_categorize")
    memory_id = agent.keep(GUITAR)
    categorize(agent)
    with agent.scope():
        (told,) = Outbox.objects.filter(topic="memory_categorize")
    assert told.payload == {"memory_id": str(memory_id), "number": 2}


def test_webhooks_are_told_of_categories_that_came_with_the_fact(db, agent):
    agent.subscribe("memory_categorize")
    agent.decide(adds("Ann plays the guitar.", categories=("music",)))
    topics = {"topic": "memory_categorize"}
    assert agent.count(Outbox, **topics) == 1
    assert agent.count(Uncategorized) == 0


def test_a_fact_that_fits_no_category_is_not_looked_at_again(db, agent):
    agent.decide(adds("Ann hums.", categories=()))
    assert agent.heads()[0].categories == []
    assert agent.count(Uncategorized) == 0


def test_it_is_done_once_and_never_again(db, agent):
    memory_id = agent.keep(GUITAR)
    categorize(agent)
    agent.edit(memory_id, text=PEANUTS)
    assert categorize(agent) == 0
    assert "music" in categories(agent, memory_id)


def test_the_list_of_the_add_counts_then_that_of_the_project(db, agent, judge):
    own = {"allergies": "what somebody is allergic to, such as peanuts"}
    first = agent.keep(PEANUTS, categories=own)
    with agent.scope():
        catalogue = [{"instruments": "guitar, piano, playing in a band"}]
        change_settings(agent.company.project, {"custom_categories": catalogue})
    second = agent.keep(GUITAR)
    assert categorize(agent) == 2
    assert categories(agent, first) == ("allergies",)
    assert categories(agent, second) == ("instruments",)


def test_many_are_one_call_of_the_model(db, agent, models):
    agent.say(GUITAR, PEANUTS, "I bought new sneakers.")
    categorize(agent)
    assert models.stats()["by_purpose"] == {"categories": 1}
    with agent.scope():
        call = LlmCall.objects.get()
    assert (call.purpose, call.request, call.reply) == ("categories", None, None)


def test_a_model_that_fails_is_asked_later(db, agent, models, frozen, settings):
    settings.RETRY_BASE_S = 30.0
    memory_id = agent.keep(GUITAR)
    models.order("unauthorized", times=2)
    assert categorize(agent) == 0
    assert wake_due_projects() == 0
    frozen.advance(seconds=31)
    assert categorize(agent) == 0
    frozen.advance(seconds=31)
    assert categorize(agent) == 0  # the pause has doubled
    frozen.advance(seconds=31)
    assert wake_due_projects() == 1
    assert categorize(agent) == 1
    assert "music" in categories(agent, memory_id)


def test_a_text_that_the_model_refuses_keeps_nobody_else_waiting(
    db, agent, models, frozen, settings
):
    settings.RETRY_BASE_S = 30.0
    refused, taken = agent.keep("I play chess."), agent.keep(GUITAR)
    models.order("refusal", times=2, about="chess")
    assert categorize(agent) == 1
    assert (categories(agent, refused), categories(agent, taken)) == (None, ("music",))
    assert wake_due_projects() == 0
    frozen.advance(hours=1)
    assert categorize(agent) == 1
    assert categories(agent, refused) is not None


def test_a_model_that_refuses_everything_is_not_asked_about_each(db, agent, models):
    agent.say(*(f"I own {number} goats." for number in range(20)))
    models.order("unauthorized", times=99)
    assert categorize(agent) == 0
    assert models.stats()["chat"] <= 5


def test_a_worker_that_died_is_followed_by_another(db, agent, frozen):
    agent.keep(GUITAR)
    with agent.scope():
        assert len(queue.claim(agent.access.project_id, lease_s=60)) == 1
    assert (wake_due_projects(), categorize(agent)) == (0, 0)
    frozen.advance(seconds=61)
    assert (wake_due_projects(), categorize(agent)) == (1, 1)


def test_who_lost_the_lease_writes_nothing(db, agent, frozen):
    memory_id = agent.keep(GUITAR)
    project_id = agent.access.project_id
    with agent.scope():
        (late,) = queue.claim(project_id, lease_s=60)
    frozen.advance(seconds=61)
    with agent.scope():
        queue.claim(project_id, lease_s=60)
        assert queue.settle(project_id, {late: ("late",)}, queue.Cause("system")) == ()
    assert categories(agent, memory_id) is None


def test_what_was_found_for_another_text_is_dropped(db, agent):
    memory_id = agent.keep(GUITAR)
    project_id = agent.access.project_id
    with agent.scope():
        (early,) = queue.claim(project_id, lease_s=60)
    agent.edit(memory_id, text=PEANUTS)
    with agent.scope():
        queue.settle(project_id, {early: ("music",)}, queue.Cause("system"))
    assert categories(agent, memory_id) is None
    categorize(agent)
    assert categories(agent, memory_id) == ("health",)


def test_the_deleted_and_the_erased_leave_the_queue(db, agent):
    agent.delete(agent.keep(GUITAR))
    agent.keep(PEANUTS, user_id="bo")
    with agent.scope():
        actor = Actor("api_key", agent.access.key_id)
        erase_subject(agent.access.project_id, "user", "bo", actor)
    assert categorize(agent) == 0
    assert agent.count(Uncategorized) == 0


def test_what_was_deleted_first_is_categorized_when_it_is_restored(db, agent):
    memory_id = agent.keep(GUITAR)
    agent.delete(memory_id)
    categorize(agent)
    restore_version(agent.access, memory_id, 1)
    assert categorize(agent) == 1
    assert "music" in categories(agent, memory_id)


def test_vectors_are_not_rewritten_for_it(db, agent):
    agent.keep(GUITAR)
    place = "SELECT ctid FROM memories_memoryvector"
    before = agent.sql(place)
    categorize(agent)
    assert agent.sql(place) == before


def test_another_tenants_memories_are_not_touched(db, agent, other):
    mine, theirs = agent.keep(GUITAR), other.keep(GUITAR)
    assert wake_due_projects() == 2
    assert categorize(agent) == 1
    assert categories(agent, mine)
    assert categories(other, theirs) is None


def test_an_immutable_memory_is_categorized_as_well(db, agent):
    memory_id = agent.keep(GUITAR, is_immutable=True)
    categorize(agent)
    assert "music" in categories(agent, memory_id)


def test_a_purge_takes_what_waits_along(db, agent):
    agent.keep(GUITAR)
    with agent.scope():
        purge(agent.access.tenant_id, agent.access.project_id)
    assert agent.count(Uncategorized) == 0


def test_the_pause_is_an_hour_at_most(db, agent, frozen):
    agent.keep(GUITAR)
    with agent.scope():
        waiting = queue.claim(agent.access.project_id, lease_s=60)
        until = queue.postpone(waiting, pause_s=1e6)
    assert until == clock.now() + queue.LONGEST_PAUSE
