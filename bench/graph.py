"""The graph after ten thousand contradictions: its size, and how long reads take.

    python -m bench.graph [--publish] [contradictions]

Runs in a database of its own on the tests' PostgreSQL. One subject moves again and
again, each move superseding the memory of the last. A few go through the store; their
rows are copied until there are as many as 10,000 moves leave. Measured before, after,
and after the edges that are over were archived: bytes of the tables, the walks that a
search adds for a question that names the subject (``retrieval.links``, the statement
that it runs: of today, looking back, as of an instant), the subject's graph page, and
what one more move takes the store. ``--publish`` writes them into docs/BENCHMARKS.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any
from uuid import UUID

from bench import report

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

CONTRADICTIONS = 10_000
READS = 50
MOVES = 20
TABLES = ("relation", "relationsupport", "entity", "mention")
_SIZE = "SELECT pg_total_relation_size(%s)"
# As many more of what the first contradiction left: a memory, its place, both rows of
# the edge (believed until then; over since), and who said so.
_COPY = """
WITH model AS (
    SELECT m.* FROM memories_memory m WHERE m.tenant_id = %(tenant)s
       AND m.state = 'superseded' ORDER BY m.known_from LIMIT 1
), ids AS (
    SELECT n, gen_random_uuid() AS memory, gen_random_uuid() AS node
    FROM generate_series(1, %(count)s) AS n
), heads AS (
    INSERT INTO memories_memory SELECT (jsonb_populate_record(
        NULL::memories_memory, to_jsonb(model) || jsonb_build_object(
        'id', ids.memory, 'text', 'User lives in Spot ' || ids.n || '.',
        'text_hash', NULL))).* FROM model, ids RETURNING id
), nodes AS (
    INSERT INTO memories_entity SELECT (jsonb_populate_record(
        NULL::memories_entity, to_jsonb(e) || jsonb_build_object(
        'id', ids.node, 'name', 'Spot ' || ids.n, 'normalized', 'spot ' || ids.n))).*
    FROM ids, memories_entity e
    WHERE e.tenant_id = %(tenant)s AND e.normalized = 'place 0' RETURNING id
), spoken AS (
    INSERT INTO memories_mention SELECT (jsonb_populate_record(
        NULL::memories_mention, to_jsonb(m) || jsonb_build_object(
        'id', gen_random_uuid(), 'memory_id', ids.memory,
        'entity_id', CASE WHEN e.normalized = 'user' THEN e.id ELSE ids.node END,
        'said', CASE WHEN e.normalized = 'user' THEN e.id ELSE ids.node END))).*
    FROM ids, model JOIN memories_mention m ON m.tenant_id = %(tenant)s
        AND m.memory_id = model.id
    JOIN memories_entity e ON e.tenant_id = %(tenant)s AND e.id = m.entity_id
    RETURNING id
), edges AS (
    SELECT to_jsonb(r) AS edge, ids.memory, ids.node, s.number, gen_random_uuid() AS id
    FROM ids, model
    JOIN memories_relationsupport s ON s.tenant_id = %(tenant)s
     AND s.memory_id = model.id
    JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
), rows AS (
    INSERT INTO memories_relation SELECT (jsonb_populate_record(
        NULL::memories_relation, edge || jsonb_build_object(
            'id', id, 'target_id', node, 'target_said', node))).*
    FROM edges RETURNING id
)
INSERT INTO memories_relationsupport
    (id, tenant_id, project_id, relation_id, memory_id, number, created_at)
SELECT gen_random_uuid(), (edge ->> 'tenant_id')::uuid,
       (edge ->> 'project_id')::uuid, id, memory, number, now()
FROM edges
"""
_WALK = """
WITH here AS MATERIALIZED (
    SELECT ARRAY(SELECT a.id FROM memories_anchor a WHERE a.tenant_id = %s) AS anchors),
{linked} SELECT count(*) FROM linked
"""
WALKS = ("walk", "walk back", "walk as of then")
COLUMNS = (
    *("after", *(f"{walk}, p50 ms" for walk in WALKS), "graph page, p50 ms"),
    *("one more move, p50 ms", *(f"{table}, MB" for table in TABLES)),
)


def main(arguments: Sequence[str]) -> None:
    options = _options(arguments)
    known = report.facts(f"python -m bench.graph {' '.join(arguments)}".strip())
    with _database() as agent:
        rows = list(_measure(agent, options.contradictions))
    text = report.graph_as_markdown(known, COLUMNS, rows)
    print(text)
    if options.publish:
        report.publish_graph(text)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.graph", description=__doc__)
    parser.add_argument("contradictions", type=int, nargs="?", default=CONTRADICTIONS)
    parser.add_argument(
        "--publish", action="store_true", help="write docs/BENCHMARKS.md"
    )
    return parser.parse_args(arguments)


@contextmanager
def _database() -> Iterator[Any]:
    import django

    django.setup()
    from memplatform.celery import app
    from tenants import services
    from tenants.models import Role
    from tenants.scopes import tenant_scope

    conftest, databases = _of_tests("conftest"), _of_tests("databases")
    agents, running = _of_tests("memories.agents"), _of_tests("services")
    app.conf.update(broker_url="memory://")  # nobody is to be woken
    found = databases.Server(*running.start_postgres())
    with databases.worker_database(found, "bench") as server:
        databases.point_django_at(server)
        owner = services.create_operator("bench@example.com", None)
        tenant = services.create_tenant("bench", "Bench")
        with tenant_scope(tenant.id):
            services.add_member(owner, Role.OWNER)
            project = services.create_project("Bench")
            key = services.issue_api_key(project, owner).text
        yield agents.Agent(conftest.Company(tenant, project, owner, key, key))
        from django.db import connections

        connections.close_all()


def _of_tests(name: str) -> Any:
    """What the tests have for such things; untyped, as they are."""
    return import_module(f"tests.{name}")


def _measure(agent: Any, count: int) -> Iterator[tuple[str, ...]]:
    from django.db import connection

    from memories.services.background import empty_what_is_over
    from memplatform.lib import clock

    took = _move(agent, range(MOVES))
    yield _row(agent, f"{MOVES - 1} contradictions", took)
    connection.close()  # with what it planned while the tables were tiny
    with agent.scope():
        _run("SET LOCAL enable_seqscan = off", {})
        _run(_COPY, {"tenant": agent.company.id, "count": count - MOVES})
    _vacuum()
    took = _move(agent, range(MOVES, 2 * MOVES))
    yield _row(agent, f"{count} contradictions", took)
    with clock.frozen(clock.now() + timedelta(days=100)):
        empty_what_is_over()
    _vacuum()
    took = _move(agent, range(2 * MOVES, 3 * MOVES))
    yield _row(agent, "these archived", took)


def _move(agent: Any, homes: range) -> list[float]:
    """Milliseconds that the store takes for each move."""
    from memories.types import Decision, ProposedEntity, ProposedRelation, Verdict

    took = []
    last = agent.heads()[-1].id if homes.start else None
    for number in homes:
        place = f"Place {number}"
        said = _of_tests("memories.agents").fact(
            f"User lives in {place}.",
            entities=(ProposedEntity(place, "place"),),
            relations=(ProposedRelation("User", "lives_in", place),),
        )
        verdict = Verdict.DELETE if last else Verdict.ADD
        decision = Decision(verdict, said, last, reason="moved")
        operation_id = agent.accept()
        plan = agent.plan(operation_id, decision)
        lease = agent.claim(operation_id)
        began = time.perf_counter()
        applied = agent.apply(lease, plan)
        took.append((time.perf_counter() - began) * 1000)
        last = applied.results[0].memory_id
    return took


def _row(agent: Any, title: str, adds: list[float]) -> tuple[str, ...]:
    from memories.selectors.compare import About
    from memories.selectors.graph import graph_of

    reads = [*_walks(agent.company.id), lambda: graph_of(About("user", "ann"))]
    sizes = (agent.sql(_SIZE, f"memories_{name}")[0][0] for name in TABLES)
    return (
        title,
        *(f"{_p50(agent, read):.2f}" for read in reads),
        f"{statistics.median(adds):.1f}",
        *(f"{size / 1e6:.1f}" for size in sizes),
    )


def _walks(tenant_id: UUID) -> Iterator[Callable[[], object]]:
    """What searches run that name the subject, each as in ``WALKS``."""
    from memories.retrieval.links import Walk
    from memories.retrieval.statement import LEG_DEPTH
    from memplatform.lib import clock

    now, names = clock.now(), ["user"]
    for walk in (
        Walk(tenant_id, names, now),
        Walk(tenant_id, names, now, looks_back=True),
        Walk(tenant_id, names, now, as_of=now),
    ):
        linked = walk.linked(LEG_DEPTH)
        statement = _WALK.format(linked=linked.sql)
        yield partial(_run, statement, [tenant_id, *linked.params])


def _p50(agent: Any, read: Callable[[], object]) -> float:
    took = []
    with agent.scope():
        for _ in range(READS):
            began = time.perf_counter()
            read()
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _run(statement: str, params: dict[str, Any] | list[Any]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        if cursor.description:
            cursor.fetchall()


def _vacuum() -> None:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM FULL ANALYZE memories_relation")
        cursor.execute("ANALYZE")  # as autovacuum does


if __name__ == "__main__":
    main(sys.argv[1:])
