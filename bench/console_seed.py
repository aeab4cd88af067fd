"""A project that has been at work for months, for the pages of the console.

Beside what ``seed`` writes: the requests that brought the memories, their messages and
calls of models, searches, second versions, a graph, and usage by day. Ids of what
belongs to a memory are made of its own, so that rows name one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from bench import seed

OTHERS, DAYS = "visitor", 115
GRAPH = 2_000
"""Edges that the huge user's memories assert."""


@dataclass(frozen=True, slots=True)
class Size:
    """So many memories of so many users, of which one has ``huge``."""

    memories: int = 100_000
    users: int = 10_000
    huge: int = 20_000
    searches: int = 100_000


QUICK = Size(memories=5_000, users=500, huge=1_000, searches=5_000)


def seed_console(admin: psycopg.Connection, place: seed.Place, size: Size) -> None:
    """Fill an empty project; the newest of it is of today."""
    began = datetime.now(UTC) - timedelta(seconds=97 * size.memories + 3600)
    seeded = seed.Seeded(place, first_day=began)
    seed.fill(admin, seeded, _wanted(size))
    with admin.transaction():
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("SET LOCAL synchronous_commit = off")
        values = {
            **seed.vars_of(place),
            "searches": size.searches,
            "huge": seeded.anchors[seed.HUGE],
            "began": began,
            "edges": min(GRAPH, size.huge),
        }
        for statement in _STATEMENTS:
            admin.execute(statement, values)
    admin.execute("VACUUM ANALYZE")  # as autovacuum does within a minute


def _wanted(size: Size) -> dict[str, int]:
    """The rest is spread evenly; who came first gets what is over."""
    rest, users = size.memories - size.huge, size.users - 1
    each, over = divmod(rest, users)
    others = {f"{OTHERS}-{n}": each + (n < over) for n in range(users)}
    return {seed.HUGE: size.huge, **others}


_MINE = "tenant_id = %(tenant)s AND project_id = %(project)s"
_STATEMENTS = (
    # Each memory came with an add of its own.
    f"""
INSERT INTO memories_operation (id, tenant_id, project_id, kind, status, user_id,
    anchor_id, seq, payload, results, attempts, lease_token, request_id, created_at,
    started_at, completed_at, updated_at, latency_ms, error_code, error)
SELECT md5('add' || id)::uuid, tenant_id, project_id, 'ADD',
       CASE WHEN number = 1 AND hash %% 500 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
       user_id, anchor_id, row_number() OVER (PARTITION BY anchor_id ORDER BY at),
       '{{"infer": true}}',
       jsonb_build_array(jsonb_build_object('id', id, 'event', 'ADD', 'number', 1)),
       1, 1, '', at, at, at, at, 200 + hash %% 900,
       CASE WHEN hash %% 500 = 0 THEN 'provider_timeout' END,
       CASE WHEN hash %% 500 = 0 THEN 'The model did not answer.' END
  FROM (SELECT *, abs(hashtext(id::text)) AS hash, created_at AS at
          FROM memories_memory WHERE {_MINE}) AS m
""",
    f"""
INSERT INTO memories_ingestion (id, tenant_id, project_id, operation_id, anchor_id,
    infer, engine, memory_type, options, ledger, prompt_tokens, completion_tokens,
    model_calls, accepted_at)
SELECT md5('ingestion' || id)::uuid, tenant_id, project_id, md5('add' || id)::uuid,
       anchor_id, true, 'single_pass', 'fact', '{{}}',
       jsonb_build_object('version', 1, 'messages', jsonb_build_array(
           jsonb_build_object('id', md5('message' || id)::uuid, 'outcome', 'used',
                              'reason', '')), 'facts', '[]'::jsonb),
       900, 80, 1, created_at
  FROM memories_memory WHERE {_MINE}
""",
    f"""
INSERT INTO memories_message (id, tenant_id, project_id, ingestion_id, anchor_id,
    position, role, content, sent_at, created_at)
SELECT md5('message' || id)::uuid, tenant_id, project_id,
       md5('ingestion' || id)::uuid, anchor_id,
       row_number() OVER (PARTITION BY anchor_id ORDER BY created_at),
       'user', 'They told us: ' || text, created_at, created_at
  FROM memories_memory WHERE {_MINE}
""",
    f"""
INSERT INTO memories_llmcall (id, tenant_id, project_id, operation_id, purpose,
    provider, model, prompt_tokens, completion_tokens, latency_ms, outcome, error,
    reply, created_at)
SELECT md5('call' || id)::uuid, tenant_id, project_id, md5('add' || id)::uuid,
       'single_pass_user', 'openai', 'gpt-5-mini', 900, 80, 700, 'ok', '',
       '{{"facts": []}}', created_at
  FROM memories_memory WHERE {_MINE}
""",
    f"""
UPDATE memories_memoryevent
   SET operation_id = md5('add' || memory_id)::uuid, actor_kind = 'engine',
       engine = 'single_pass', model = 'gpt-5-mini', reason = 'new',
       message_ids = ARRAY[md5('message' || memory_id)::uuid]
 WHERE {_MINE}
""",
    # A fifth was changed by the next day.
    f"""
INSERT INTO memories_memoryversion (id, tenant_id, project_id, memory_id, number, text,
    state, is_immutable, confidence, created_at, known_from, vector_number)
SELECT gen_random_uuid(), tenant_id, project_id, id, 2, text || ', as we know now',
       'active', false, 1.0, created_at, known_from + interval '1 hour', 1
  FROM memories_memory WHERE {_MINE} AND abs(hashtext(id::text)) %% 5 = 0
""",
    f"""
UPDATE memories_memoryversion SET known_to = known_from + interval '1 hour'
 WHERE {_MINE} AND number = 1 AND abs(hashtext(memory_id::text)) %% 5 = 0
""",
    f"""
INSERT INTO memories_memoryevent (id, tenant_id, project_id, memory_id, kind,
    old_number, new_number, actor_kind, message_ids, reason, at)
SELECT gen_random_uuid(), tenant_id, project_id, memory_id, 'UPDATE', 1, 2, 'system',
       '{{}}', 'said more fully', known_from
  FROM memories_memoryversion WHERE {_MINE} AND number = 2
""",
    f"""
UPDATE memories_memory
   SET number = 2, text = text || ', as we know now',
       known_from = known_from + interval '1 hour'
 WHERE {_MINE} AND abs(hashtext(id::text)) %% 5 = 0
""",
    """
INSERT INTO memories_operation (id, tenant_id, project_id, kind, status, user_id,
    payload, results, attempts, lease_token, request_id, created_at, started_at,
    completed_at, updated_at, latency_ms)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, 'SEARCH', 'SUCCEEDED', 'huge',
       '{"query": "What does she like?", "top_k": 10}', '[]', 1, 0, '', at, at, at, at,
       5 + n %% 60
  FROM (SELECT n, now() - n * (now() - %(began)s) / %(searches)s AS at
          FROM generate_series(1, %(searches)s) AS n) AS searched
""",
    """
INSERT INTO tenants_usage (id, tenant_id, project_id, day, operation, requests,
    prompt_tokens, completion_tokens, embedding_tokens, model_calls, cost)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, current_date - day, operation,
       900, 800000, 70000, 90000, 900, 1.25
  FROM generate_series(0, 119) AS day,
       unnest(ARRAY['add', 'search', 'list', 'get', 'history', 'delete']) AS operation
""",
    """
INSERT INTO tenants_subjectusage (id, tenant_id, project_id, day, kind, name, operation,
    requests, prompt_tokens, completion_tokens, embedding_tokens, model_calls, cost)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, current_date - day, 'user',
       'visitor-' || n, 'add', 3, 2700, 240, 300, 3, 0.004
  FROM generate_series(0, 29) AS day, generate_series(0, 999) AS n
""",
    f"""
INSERT INTO memories_entity (id, tenant_id, project_id, anchor_id, name, normalized,
    type, aliases, state, mention_count, created_at, known_from)
SELECT md5('entity' || word)::uuid, %(tenant)s, %(project)s, %(huge)s, word,
       lower(word), 'topic', '{{}}', 'active', 1, %(began)s, %(began)s
  FROM unnest(string_to_array('User {seed.THINGS} {seed.PLACES}', ' ')) AS word
""",
    f"""
INSERT INTO memories_relation (id, tenant_id, project_id, anchor_id, source_id,
    target_id, source_said, target_said, type, fact, state, confidence, known_from)
SELECT md5('relation' || id)::uuid, tenant_id, project_id, anchor_id,
       md5('entityUser')::uuid, md5('entity' || split_part(text, ' ', 3))::uuid,
       md5('entityUser')::uuid, md5('entity' || split_part(text, ' ', 3))::uuid,
       split_part(text, ' ', 2), text, 'active', 1.0, known_from
  FROM memories_memory WHERE {_MINE} AND anchor_id = %(huge)s
 ORDER BY created_at LIMIT %(edges)s
""",
    f"""
INSERT INTO memories_mention (id, tenant_id, project_id, entity_id, said, memory_id,
    created_at)
SELECT gen_random_uuid(), r.tenant_id, r.project_id, named.id, named.id, m.id,
       m.created_at
  FROM memories_memory m
  JOIN memories_relation r ON r.id = md5('relation' || m.id)::uuid,
       unnest(ARRAY[r.source_id, r.target_id]) AS named (id)
 WHERE m.{_MINE.replace("project_id", "m.project_id")}
""",
    f"""
INSERT INTO memories_relationsupport (id, tenant_id, project_id, relation_id, memory_id,
    number, created_at)
SELECT gen_random_uuid(), r.tenant_id, r.project_id, r.id, m.id, 1, m.created_at
  FROM memories_memory m
  JOIN memories_relation r ON r.id = md5('relation' || m.id)::uuid
 WHERE m.{_MINE.replace("project_id", "m.project_id")}
""",
)
