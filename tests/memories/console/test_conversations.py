"""Subject → Conversations: what was said, and what was learned from it, or why not."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.services.deletion import erase_subject
from memories.types import Actor, ChatMessage, Decision, Dropped, Verdict
from tests.memories.agents import adds, decides
from tests.memories.console.pages import subject_of, text_of

TEA, JAM = "Ann likes tea.", "Ann likes jam."


@pytest.fixture
def seen(console, bob, page, agent):
    """What bob reads of a subject's conversations."""

    def seen(name="ann", kind="user", **query) -> str:
        subject_id = subject_of(agent, name, kind)
        answer = console(bob).get(page("memories:conversations", subject_id, **query))
        assert answer.status_code == 200
        return text_of(answer)

    return seen


def learn(agent, said: str, *decisions: Decision, **plan) -> None:
    on = agent.accept(said)
    agent.apply(agent.claim(on), agent.plan(on, *decisions, **plan))


def test_what_was_learned_stands_beside_what_was_said(agent, seen):
    learn(agent, "I like tea.", adds(TEA))
    shown = seen()
    assert "I like tea." in shown
    assert f"learned {TEA}" in shown


def test_what_was_learned_and_is_over_says_so(agent, seen):
    learn(agent, "I like tea.", adds(TEA))
    (tea,) = agent.heads()
    learn(agent, "No, jam.", decides(Verdict.DELETE, JAM, tea))
    assert f"learned {TEA} superseded since" in seen()
    assert f"learned in place of another {JAM}" in seen()


# what the engine made of the message → what a person reads
WHY = [
    ({"dropped": (Dropped("small talk", messages=(0,)),)}, "small talk"),
    ({"recalled": (0,)}, "words of ours"),
    ({}, "there is no lasting fact in it"),
    ({"dropped": (Dropped("too vague", "Ann was here.", (0,)),)}, "too vague"),
]


@pytest.mark.parametrize(("plan", "expected"), WHY)
def test_why_nothing_was_learned(agent, seen, plan, expected):
    agent.keep(TEA)
    learn(agent, "Hello!", **plan)
    assert expected in seen()


def test_what_is_known_already_says_so(agent, seen):
    learn(agent, "I like tea.", adds(TEA))
    learn(agent, "Tea, as ever.", adds(TEA))
    assert f"known already {TEA}" in seen()


def test_what_waits_and_what_failed(agent, seen, models):
    agent.keep(TEA)
    waiting = agent.accept("Later.")
    assert "Being processed." in seen()
    models.configure(faults=[{"kind": "unauthorized", "times": 9}])
    agent.run(waiting)
    assert re.search("Later. failed .*HTTP 401", seen())


def test_sessions_newest_first_their_turns_oldest_first(agent, seen, frozen):
    agent.say("First.", "Second.")
    frozen.advance(days=3)
    agent.say("Third.", "Fourth.")
    agent.say("In a run.", user_id="ann", run_id="r1")
    shown = seen()
    turns = ("In a run.", "Third.", "Fourth.", "First.", "Second.")
    order = [shown.index(text) for text in turns]
    assert order == sorted(order)
    assert "Run r1" in shown


def test_a_run_shows_its_own_turns_only(agent, seen):
    agent.say("In a run.", user_id="ann", run_id="r1")
    agent.say("In another.", user_id="ann", run_id="r2")
    assert "In a run." in seen("r1", "run")
    assert "In another." not in seen("r1", "run")


def test_messages_that_are_kept_no_longer(agent, seen):
    agent.say("My secret.", user_id="ann", run_id="r1")
    agent.say(TEA)
    with agent.scope():
        actor = Actor("api_key", agent.access.key_id)
        erase_subject(agent.access.project_id, "run", "r1", actor)
    shown = seen()
    assert "The message is kept no longer." in shown
    assert "My secret." not in shown


def test_who_spoke_is_named(agent, seen):
    agent.say(ChatMessage("user", TEA, name="Ann Lee"))
    assert "Ann Lee ·" in seen()


def test_a_declared_subject_has_said_nothing(agent, seen):
    agent.keep(TEA, agent_id="bot")
    assert "Nobody" not in seen("bot", "agent")


def test_pages(agent, seen):
    agent.say(*(f"Ann has {n} cats." for n in range(51)))
    assert "Ann has 0 cats." not in seen()
    assert "Ann has 0 cats." in seen(page=2)


def test_it_asks_as_often_for_thirty_as_for_three(console, bob, page, agent):
    counts = []
    for many in (3, 27):
        for n in range(many):
            agent.keep(f"Ann has {many + n} cats.")
        url, browser = page("memories:conversations", subject_of(agent)), console(bob)
        with CaptureQueriesContext(connection) as queries:
            browser.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_another_tenants_subject_is_not_there(console, alice, page, other, acme):
    other.keep(TEA)
    url = page("memories:conversations", subject_of(other))
    assert console(alice).get(url).status_code == 404
