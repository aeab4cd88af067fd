"""Subject → History: every event, newest first, with its diff and its cause."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.services.deletion import erase_subject
from memories.types import Actor, Verdict
from tests.memories.agents import decides
from tests.memories.console.pages import subject_of, text_of

TEA, JAM = "Ann likes tea.", "Ann likes jam."


@pytest.fixture
def seen(console, bob, page, agent):
    """``seen(kind="ADD")`` is what bob reads of ann's history."""

    def seen(**query) -> str:
        url = page("memories:history", subject_of(agent), **query)
        answer = console(bob).get(url)
        assert answer.status_code == 200
        return text_of(answer)

    return seen


def test_events_stand_newest_first_with_their_diff(console, bob, page, agent):
    tea = agent.keep(TEA)
    agent.edit(tea, text=JAM, metadata={"a": 1})
    agent.delete(tea)
    answer = console(bob).get(page("memories:history", subject_of(agent)))
    body, seen = answer.content.decode(), text_of(answer)
    assert "<del>tea</del><ins>jam</ins>" in body
    assert f"<del>{JAM}</del>" in body
    assert "metadata.a" in seen
    order = [seen.index(f" {kind} ") for kind in ("delete", "update", "add")]
    assert order == sorted(order)


def test_the_cause_of_what_was_learned_is_quoted(agent, seen):
    tea = agent.keep(TEA)
    on = agent.accept("I had too much tea.")
    prompt = agent.setup.prompts["single_pass_user"].version_id
    decision = decides(Verdict.UPDATE, JAM, tea)
    plan = agent.plan(on, decision, prompt_version_id=prompt)
    agent.apply(agent.claim(on), plan)
    assert "I had too much tea." in seen()
    assert "prompt single_pass_user version 1" in seen()
    assert "“because”" in seen()


def test_what_a_key_did_names_the_key(agent, seen):
    agent.keep(TEA)
    assert agent.company.key.split("_")[2] in seen()


# filter → how many events of add, update, delete are shown
FILTERS = [
    ({"kind": "ADD"}, (2, 0, 0)),
    ({"kind": "DELETE"}, (0, 0, 1)),
    ({"actor": "api_key"}, (2, 1, 1)),
    ({"actor": "engine"}, (0, 0, 0)),
    ({"since": "2026-03-02"}, (1, 1, 0)),
    ({"until": "2026-03-02"}, (2, 0, 1)),
    ({"since": "2026-03-02", "until": "2026-03-02"}, (1, 0, 0)),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_filters(agent, seen, frozen, query, expected):
    agent.delete(agent.keep(TEA))
    frozen.advance(days=1)
    jam = agent.keep(JAM)
    frozen.advance(days=1)
    agent.edit(jam, metadata={"a": 1})
    shown = seen(**query)
    assert tuple(shown.count(f" {k} ") for k in ("add", "update", "delete")) == expected


@pytest.mark.parametrize("query", [{"kind": "LOST"}, {"since": "now"}])
def test_nonsense_is_refused(console, bob, page, agent, query):
    agent.keep(TEA)
    url = page("memories:history", subject_of(agent), **query)
    assert console(bob).get(url).status_code == 400


def test_nothing_that_fits_says_what_to_do(agent, seen):
    agent.keep(TEA)
    assert "Take a filter away" in seen(kind="DELETE")


def test_erased_content_is_not_there(agent, seen):
    agent.keep(TEA, user_id="ann", run_id="secret")
    with agent.scope():
        actor = Actor("api_key", agent.access.key_id)
        erase_subject(agent.access.project_id, "run", "secret", actor)
    shown = seen()
    assert "The content has been erased." in shown
    assert "tea" not in shown


def test_pages_and_another_subjects_events(agent, seen):
    for n in range(51):
        agent.keep(f"Ann has {n} cats.")
    agent.keep("Bob has a dog.", user_id="bob")
    assert "Ann has 50 cats." in seen()
    assert "Ann has 0 cats." not in seen()
    assert "Ann has 0 cats." in seen(page=2)
    assert "Page 2 · 51 in all" in seen(page=2)
    assert "Bob" not in seen() + seen(page=2)


def test_it_asks_as_often_for_thirty_as_for_three(console, bob, page, agent):
    counts = []
    for many in (3, 27):
        for n in range(many):
            agent.keep(f"Ann has {many + n} cats.")
        url, browser = page("memories:history", subject_of(agent)), console(bob)
        with CaptureQueriesContext(connection) as queries:
            browser.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_rows_alone_for_htmx(console, bob, page, agent):
    agent.keep(TEA)
    url = page("memories:history", subject_of(agent))
    body = console(bob).get(url, headers={"HX-Request": "true"}).content.decode()
    assert TEA in body
    assert "<html" not in body


def test_another_tenants_subject_is_not_there(console, alice, page, other, acme):
    other.keep(TEA)
    url = page("memories:history", subject_of(other))
    assert console(alice).get(url).status_code == 404
