"""History is written once: what the serving role may not do, whatever the code says."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError

# statement → the role that serves may not run it
FORBIDDEN = [
    "UPDATE memories_memoryversion SET text = 'x'",
    "UPDATE memories_memoryversion SET known_from = known_from",
    "DELETE FROM memories_memoryversion",
    "UPDATE memories_memoryevent SET reason = 'x'",
    "DELETE FROM memories_memoryevent",
    "DELETE FROM memories_memory",
    "DELETE FROM memories_anchor",
    "DELETE FROM memories_subject",
    "DELETE FROM memories_operation",
    "DELETE FROM memories_ingestion",
    "UPDATE memories_message SET position = position + 1",
    "UPDATE memories_message SET role = 'assistant'",
    "DELETE FROM memories_message",
    "UPDATE memories_llmcall SET prompt_tokens = 0",
    "DELETE FROM memories_llmcall",
    "UPDATE memories_deletebarrier SET pattern = '{}'",
    "DELETE FROM memories_deletebarrier",
    "UPDATE memories_promptversion SET text = 'x'",
    "DELETE FROM memories_promptversion",
    "DELETE FROM memories_entity",
    "DELETE FROM memories_relation",
    "TRUNCATE memories_memoryversion",
    "TRUNCATE memories_memoryevent",
    "ALTER TABLE memories_memoryversion DISABLE TRIGGER append_only",
    "DROP TRIGGER append_only ON memories_memoryversion",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_application_cannot_rewrite_history(agent, statement):
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
        agent.sql(statement)


CLOSE = "UPDATE memories_memoryversion SET known_to = %s WHERE memory_id = %s"


def test_a_version_is_closed_once_and_for_all(agent):
    tea = agent.keep("Ann likes tea.")
    (version,) = agent.versions(tea)
    agent.sql(CLOSE, version.known_from, tea)
    with pytest.raises(DatabaseError, match="already closed"):
        agent.sql(CLOSE, None, tea)
    assert agent.versions(tea)[0].known_to == version.known_from


# column → what it may become: nothing, when its retention is over
RETAINED = [
    ("memories_message", "content"),
    ("memories_llmcall", "reply"),
]


@pytest.mark.parametrize(("table", "column"), RETAINED)
def test_what_was_said_can_be_forgotten_but_not_reworded(agent, models, table, column):
    agent.learn("I like tea.")
    with pytest.raises(DatabaseError, match="only be emptied"):
        agent.sql(f"UPDATE {table} SET {column} = 'I like coffee.'")
    agent.sql(f"UPDATE {table} SET {column} = NULL")
    assert set(agent.sql(f"SELECT {column} FROM {table}")) == {(None,)}


def test_not_even_a_nested_scope_of_another_tenant_reaches_a_version(agent, other):
    tea = agent.keep("Ann likes tea.")
    with agent.scope():
        other.sql("UPDATE memories_memoryversion SET known_to = known_from")
    assert agent.versions(tea)[0].known_to is None


def test_the_functions_that_remove_text_ask_for_the_tenants_own_scope(
    committed_db, agent
):
    with (
        psycopg.connect(committed_db.app_url) as app,
        pytest.raises(psycopg.Error, match="open scope of its own tenant"),
    ):
        app.execute(
            "SELECT erase_subject(%s, 'user', 'ann', now(), %s, %s, 'system', NULL,"
            " NULL, '')",
            [agent.company.project.id] * 3,
        )
