"""The versions of a project's ontology: seen, compared, used again."""

from __future__ import annotations

import pytest

from memories.services.configuration import change_settings
from tenants.models import Project

FIRST = {"relation_types": ["lives_in", "works_at"]}
SECOND = {"relation_types": ["lives_in", "likes"]}


@pytest.fixture
def allow(agent):
    """Let acme's graph hold what an ontology names; None: anything."""

    def allow(ontology):
        with agent.scope():
            change_settings(agent.company.project, {"ontology": ontology})

    return allow


@pytest.fixture
def allowed(agent):
    """What it may hold now."""

    def allowed():
        with agent.scope():
            project = Project.objects.get(id=agent.company.project.id)
            return project.settings.get("ontology")

    return allowed


def test_where_there_was_none_it_says_so(console, bob, page):
    said = console(bob).get(page("memories:ontologies")).content.decode()
    assert "There never was one" in said


def test_each_version_is_listed_and_the_last_two_compared(console, bob, page, allow):
    allow(FIRST)
    allow(SECOND)
    said = console(bob).get(page("memories:ontologies")).content.decode()
    assert "From version 1 to version 2" in said
    assert said.count("<del>") == said.count("<ins>") == 1
    assert said.index("current") < said.index("works_at")


def test_any_two_are_compared(console, bob, page, allow):
    for ontology in (FIRST, SECOND, FIRST):
        allow(ontology)
    answer = console(bob).get(page("memories:ontologies") + "?from=1&to=3")
    assert "They allow the same." in answer.content.decode()


def test_an_admin_uses_one_again_as_the_next_version(
    console, ada, page, allow, allowed
):
    allow(FIRST)
    allow(SECOND)
    at = page("memories:ontologies")
    said = console(ada).post(at, {"version": "1"}, follow=True).content.decode()
    assert allowed() == {**FIRST, "version": 3}
    assert "ada@acme.example" in said


def test_a_viewer_is_offered_none_to_use(console, bob, page, allow):
    allow(FIRST)
    allow(SECOND)
    said = console(bob).get(page("memories:ontologies")).content.decode()
    assert "Use again" not in said


def test_none_is_a_version_too_and_the_next_goes_on_counting(
    console, bob, page, allow, allowed
):
    allow(FIRST)
    allow(None)
    assert allowed() == {"version": 2}
    settings = console(bob).get(page("memories:settings")).content.decode()
    assert "0 changed from the default" in settings
    allow(SECOND)
    assert allowed() == {**SECOND, "version": 3}
    said = console(bob).get(page("memories:ontologies")).content.decode()
    assert "Anything" in said


@pytest.mark.parametrize(("query", "status"), [("from=9", 404), ("to=x", 400)])
def test_one_that_is_none_is_told(console, bob, page, allow, query, status):
    allow(FIRST)
    allow(SECOND)
    answer = console(bob).get(f"{page('memories:ontologies')}?{query}")
    assert answer.status_code == status


def test_the_settings_lead_to_them(console, bob, page):
    said = console(bob).get(page("memories:settings")).content.decode()
    assert f'href="{page("memories:ontologies")}"' in said
