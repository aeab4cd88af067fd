"""A project's setup: read once, kept while nothing changes, never anothers'."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.prompts import shipped_prompts
from memories.selectors.projects import TEXT_CONFIGS, get_setup, known_setup
from memories.services.configuration import change_settings
from memories.services.setup import ready_setup
from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants.models import Project


def test_a_first_use_completes_it(agent):
    setup = agent.setup
    assert setup.active_space.provider == "local"
    assert set(setup.prompts) == set(shipped_prompts())


def test_it_costs_one_query_while_nothing_changed(agent):
    ready, access = agent.setup, agent.access
    with agent.scope(), CaptureQueriesContext(connection) as queries:
        again = get_setup(access.project_id)
    assert len(queries) == 1
    assert again is ready is known_setup(access.project_id, access.project_changed_at)


def test_every_change_is_seen_at_once(agent, frozen):
    """Also when the clock stands still."""
    before = agent.setup
    for most in (3, 4, 5):
        with agent.scope():
            change_settings(agent.company.project, {"recalled_memories": most})
        assert agent.setup.settings.recalled_memories == most
    assert before.settings.recalled_memories == 10


def test_anothers_project_is_not_there(agent, other):
    for project_id in (other.access.project_id, uuid4()):
        with agent.scope(), pytest.raises(NotFound):
            get_setup(project_id)


def test_two_first_uses_make_one_space(agent):
    first = ready_setup(agent.access.tenant_id, agent.access.project_id)
    again = ready_setup(agent.access.tenant_id, agent.access.project_id)
    assert first.active_space.id == again.active_space.id


@pytest.mark.parametrize(
    ("languages", "text_config"),
    [
        (["de", "en"], "german"),
        (["ja"], "simple"),
        ([], "english"),
        (["pt-BR"], "portuguese"),  # a region has its language's stems
        (["en-US"], "english"),
        (["zh-Hant"], "simple"),
        (["pt_BR"], "portuguese"),  # as locales are written
        (["nb"], "norwegian"),  # the two written forms of one language
        (["nn-NO"], "norwegian"),
        (["ca"], "catalan"),
    ],
)
def test_the_first_language_chooses_how_words_are_read(agent, languages, text_config):
    with agent.scope():
        project = Project.objects.filter(id=agent.access.project_id)
        project.update(languages=languages, updated_at=clock.now())
    assert agent.setup.text_config == text_config


def test_every_language_has_a_configuration_in_the_database(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT cfgname FROM pg_ts_config")
        known = {name for (name,) in cursor.fetchall()}
    assert set(TEXT_CONFIGS.values()) <= known
