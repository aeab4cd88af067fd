"""An add that is decided after a delete still knows what had been there.

It was accepted before: whatever words its engine finds, the deleted fact stays away.
"""

from __future__ import annotations

import pytest

from memories.services.configuration import change_settings

pytestmark = pytest.mark.usefixtures("models")
SAID = "I live in Lisbon."


@pytest.fixture
def lisbon(agent):
    (result,) = agent.learn(SAID).results
    return result["id"]


@pytest.mark.parametrize("engine", ["single_pass", "two_phase", "additive", "local"])
def test_a_deleted_fact_does_not_return_in_other_words(agent, lisbon, engine):
    with agent.scope():
        change_settings(agent.company.project, {"engine": engine})
    waiting = agent.accept("I reside in Lisbon these days.")
    agent.delete(lisbon)
    agent.run(waiting)
    assert agent.texts() == []
    assert agent.fates(waiting) == [("dropped", "deleted before applied")]


def test_what_replaces_it_is_learned(agent, lisbon):
    waiting = agent.accept("I moved to Berlin.")
    agent.delete(lisbon)
    agent.run(waiting)
    (text,) = agent.texts()
    assert "Berlin" in text


def test_what_was_deleted_before_the_add_is_forgotten(agent, lisbon):
    agent.delete(lisbon)
    agent.learn("I reside in Lisbon these days.")
    assert len(agent.texts()) == 1
