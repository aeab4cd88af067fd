"""Every leg of a search in one statement: what facts mean and say, and what stood
around the messages they were learned from.

Exact inside the anchors a filter names: no index error and no lossy filter. Queries
carry the tenant and the anchors as literals (decision 8). Windows are put together
here, from their messages (ADR 0500); words weigh by BM25 with the scope's own
frequencies (ADR 0501).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from memories.language.segments import searchable
from memories.providers.vectors import as_direction
from memories.retrieval.query import Query
from memories.retrieval.rank import Candidate
from memories.selectors.memories import (
    REPLACED_BY_AT,
    STATE_AT,
    VIEW_COLUMNS,
    shown_states,
    source,
    unexpired,
    view_of,
    visible,
)
from memories.selectors.projects import ProjectSetup
from memories.types import SCOPE_KEYS, MemoryView, SearchRequest, State, Vectors
from tenants.scopes import read_rows

LEG_DEPTH = 100
"""Candidates of a leg; more when more are asked for (decision 24)."""
QUERY_CHARS = 2_000
"""How much of a query is looked for by its words: parsing 20,000 characters of them
takes 30 to 90 ms, 120,000 exceed PostgreSQL's stack. All of it is embedded, as far as
the embedder reads."""
TEXT_CAP = 2000
"""Matches of a text query that are ranked: an OR of common words matches half of a
large scope, and ranking all of it took 199 ms (design/environment.md)."""
K1, B = 1.2, 0.75
"""BM25's usual parameters (Robertson and Zaragoza 2009); windows are about equally
long, so that their length does not count (B = 0)."""

# A lexeme as a query of its own: quoted as tsquery wants it.
_AS_QUERY = "('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''')"
# ts_rank of one lexeme that occurs n times, all weights 1, is (1 + 1/4 … + 1/n²)·6/π²:
# these bounds lie between its steps and give n back, up to eight.
_TIMES = (
    "width_bucket(ts_rank('{{1,1,1,1}}', {search}, term.words)::float8,"
    " '{{0,0.684,0.794,0.846,0.877,0.898,0.913,0.924}}'::float8[])"
)
# How rare a lexeme is; sums are divided by that of the whole query, so that a text that
# says all of it, often, comes near to 1.
_RARITY = "ln(1 + (greatest(scope.size - f.df, 0) + 0.5)::float8 / (f.df + 0.5))"

LEXEMES = """lexemes AS MATERIALIZED (
    SELECT lexeme, {as_query} AS quoted
      FROM unnest(coalesce(
               nullif(tsvector_to_array(to_tsvector(%s::regconfig, %s)), '{{}}'),
               tsvector_to_array(to_tsvector(%s::regconfig, %s)))) AS lexeme)"""
_SEARCH = """
WITH {lexemes},
term AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY lexeme) AS no, quoted::tsquery AS words
      FROM lexemes),
query AS MATERIALIZED (
    SELECT %s::halfvec AS vector,
           (SELECT string_agg(quoted, ' | ')::tsquery FROM lexemes) AS words),
here AS MATERIALIZED (
    SELECT ARRAY(SELECT a.id FROM memories_anchor a WHERE {anchors}) AS anchors),

said AS MATERIALIZED (
    SELECT v.message_id, v.anchor_id, v.session,
           CASE WHEN v.search @@ (SELECT words FROM query) THEN v.search END AS search,
           1 - (v.embedding <=> (SELECT vector FROM query)) AS cosine,
           row_number() OVER turns AS place, v.position
      FROM memories_messagevector v
     WHERE v.tenant_id = %s AND v.space_id = %s
       AND v.anchor_id = ANY((SELECT anchors FROM here)::uuid[])
    WINDOW turns AS (PARTITION BY v.anchor_id, v.session ORDER BY v.position)),
heard AS MATERIALIZED (
    SELECT s.anchor_id, s.session, s.place, term.no, {message_times} AS times
      FROM (SELECT * FROM said WHERE search IS NOT NULL LIMIT {text_cap}) AS s
      JOIN term ON s.search @@ term.words),
window_times AS MATERIALIZED (
    SELECT anchor_id, session, place + step AS place, no, sum(times) AS times
      FROM heard CROSS JOIN generate_series(-2, 2) AS step
     GROUP BY anchor_id, session, place + step, no),
window_rarity AS MATERIALIZED (
    SELECT f.no, {rarity} AS rarity
      FROM (SELECT term.no, count(w.no) AS df
              FROM term LEFT JOIN window_times w USING (no) GROUP BY term.no) AS f
     CROSS JOIN (SELECT count(*) AS size FROM said) AS scope),
window_words AS MATERIALIZED (
    SELECT w.anchor_id, w.session, w.place,
           sum(r.rarity * w.times / (w.times + {k1}))
           / (SELECT sum(rarity) FROM window_rarity) AS words
      FROM window_times w JOIN window_rarity r USING (no)
     GROUP BY w.anchor_id, w.session, w.place),
around AS MATERIALIZED (
    SELECT s.message_id, w.words,
           avg(s.cosine) OVER (PARTITION BY s.anchor_id, s.session ORDER BY s.place
                               ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS cosine
      FROM said s
      LEFT JOIN window_words w USING (anchor_id, session, place)),

chunks AS (
    SELECT v.memory_id, v.embedding <=> (SELECT vector FROM query) AS distance
      FROM memories_memoryvector v {dense_join}
     WHERE v.tenant_id = %s AND v.space_id = %s
       AND v.anchor_id = ANY((SELECT anchors FROM here)::uuid[]) {dense_where}
     ORDER BY distance, v.memory_id
     LIMIT %s * (1 + coalesce((
           SELECT max(v.chunk_no) FROM memories_memoryvector v
            WHERE v.tenant_id = %s AND v.space_id = %s AND v.chunk_no > 0
              AND v.anchor_id = ANY((SELECT anchors FROM here)::uuid[])), 0))),
dense AS MATERIALIZED (
    SELECT memory_id AS id, min(distance) AS distance
      FROM chunks GROUP BY memory_id ORDER BY distance, id LIMIT %s),
matching AS MATERIALIZED (
    SELECT m.id, m.search
      FROM {source}
     WHERE {own} AND {where} AND m.search @@ (SELECT words FROM query)
     LIMIT {text_cap}),
fact_times AS MATERIALIZED (
    SELECT x.id, length(x.search) AS size, term.no, {fact_times} AS times
      FROM matching x JOIN term ON x.search @@ term.words),
fact_rarity AS MATERIALIZED (
    SELECT f.no, {rarity} AS rarity
      FROM (SELECT term.no, count(t.no) AS df
              FROM term LEFT JOIN fact_times t USING (no) GROUP BY term.no) AS f
     CROSS JOIN (SELECT count(*) AS size FROM memories_memoryvector v
                  WHERE v.tenant_id = %s AND v.space_id = %s
                    AND v.state = 'active' AND v.chunk_no = 0
                    AND v.anchor_id = ANY((SELECT anchors FROM here)::uuid[])
               ) AS scope),
worded AS MATERIALIZED (
    SELECT t.id, sum(r.rarity * t.times
                     / (t.times + {k1} * ({b_rest} + {b} * t.size / scope.mean)))
                 / (SELECT sum(rarity) FROM fact_rarity) AS words
      FROM fact_times t JOIN fact_rarity r USING (no)
     CROSS JOIN (SELECT avg(length(search)) AS mean FROM matching) AS scope
     GROUP BY t.id),

near AS MATERIALIZED (
    (SELECT message_id FROM around ORDER BY cosine DESC, message_id LIMIT %s)
    UNION
    (SELECT message_id FROM around WHERE words IS NOT NULL
      ORDER BY words DESC, message_id LIMIT %s)),
found AS MATERIALIZED (
    SELECT id FROM dense
    UNION (SELECT id FROM worded ORDER BY words DESC, id LIMIT %s)
    UNION SELECT l.memory_id FROM near
            JOIN memories_memorysource l ON l.message_id = near.message_id
           WHERE l.tenant_id = %s
             AND l.anchor_id = ANY((SELECT anchors FROM here)::uuid[])),
learned AS MATERIALIZED (
    SELECT l.memory_id AS id, max(around.cosine) AS cosine, max(around.words) AS words
      FROM memories_memorysource l
      JOIN found ON found.id = l.memory_id
      JOIN around ON around.message_id = l.message_id
     WHERE l.tenant_id = %s
       AND l.anchor_id = ANY((SELECT anchors FROM here)::uuid[])
     GROUP BY l.memory_id)
SELECT {columns}, m.speaker, length(m.search), (
           SELECT sum(CASE f.feedback WHEN 'POSITIVE' THEN 1 WHEN 'NEGATIVE' THEN -1
                                      WHEN 'VERY_NEGATIVE' THEN -2 END)
             FROM memories_feedback f
            WHERE f.tenant_id = %s AND f.memory_id = m.id),
       coalesce(dense.distance, (
           SELECT min(v.embedding <=> (SELECT vector FROM query))
             FROM memories_memoryvector v
            WHERE v.tenant_id = %s AND v.memory_id = m.id AND v.space_id = %s
              AND v.number = m.vector_number)),
       worded.words, learned.cosine, learned.words
  FROM found JOIN {source} ON m.id = found.id
  LEFT JOIN dense ON dense.id = m.id
  LEFT JOIN worded ON worded.id = m.id
  LEFT JOIN learned ON learned.id = m.id
 WHERE {own} AND {where}
"""
# The dense leg ranks chunks, and the first n different memories among them are the n
# nearest by their best chunk. To be sure of n, it takes n times the most chunks that
# any memory there has (one, but for long texts): sorting that few costs half of
# grouping every row of a large anchor.
TEXT_AT, ROLE_AT, CREATED_AT, VALID_AT = 1, 10, 16, 19
"""Where ``VIEW_COLUMNS`` has what the cues of a ranking read."""
INSTANTS = ("created_at", "updated_at", "known_from", "valid_from", "valid_to")
INSTANTS_AT = range(16, 21)


def _instant(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


def _with_instants_as_text(columns: str) -> str:
    for name in INSTANTS:
        columns = columns.replace(f"m.{name}", f"m.{name}::text")
    return columns


PARTS = {
    "as_query": _AS_QUERY,
    "message_times": _TIMES.format(search="s.search"),
    "fact_times": _TIMES.format(search="x.search"),
    "rarity": _RARITY,
    "k1": K1,
    "b": B,
    "b_rest": 1 - B,
    "text_cap": TEXT_CAP,
    "columns": _with_instants_as_text(VIEW_COLUMNS),
}
_SIGNALS = 7
"""How many columns stand behind ``VIEW_COLUMNS``."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What the legs found, with the rows (``VIEW_COLUMNS``, instants as text) to show:
    five instants of two hundred rows take longer to read than to rank.
    """

    candidates: tuple[Candidate, ...]
    rows: Mapping[UUID, Sequence[Any]]

    def view(self, memory_id: UUID) -> MemoryView:
        row = list(self.rows[memory_id])
        for at in INSTANTS_AT:
            row[at] = _instant(row[at])
        return view_of(row)


def gather(
    setup: ProjectSetup,
    space_id: UUID,
    request: SearchRequest,
    query: Query,
    vector: Vectors,
) -> Pool:
    """Every leg's candidates in one round trip; opens its own scope.

    ``vector`` is that of ``query.unnamed``.
    """
    statement, params = _statement(setup, space_id, request, query, vector)
    rows = read_rows(setup.tenant_id, statement, params, project_id=setup.project_id)
    return Pool(
        candidates=tuple(_candidate(row) for row in rows),
        rows={row[0]: row[:-_SIGNALS] for row in rows},
    )


def _candidate(row: Sequence[Any]) -> Candidate:
    """From ``VIEW_COLUMNS`` and what each leg gave."""
    speaker, size, opinion, distance, words, around, words_around = row[-_SIGNALS:]
    view = row[:-_SIGNALS]
    return Candidate(
        memory_id=view[0],
        meaning=None if distance is None else 1.0 - distance,
        words=words,
        around=around,
        words_around=words_around,
        is_current=view[STATE_AT] == State.ACTIVE,
        successor=view[REPLACED_BY_AT],
        text=view[TEXT_AT],
        speaker=speaker,
        size=size or 0,
        opinion=opinion or 0,
        role=view[ROLE_AT],
        said_at=_instant(view[CREATED_AT]),
        valid_from=_instant(view[VALID_AT]),
    )


def leg_depth(request: SearchRequest) -> int:
    """How many candidates each leg gives at most."""
    return max(LEG_DEPTH, request.top_k)


def _statement(
    setup: ProjectSetup,
    space_id: UUID,
    request: SearchRequest,
    query: Query,
    vector: Vectors,
) -> tuple[str, list[Any]]:
    """The statement and its parameters, in the order of its places."""
    relation, relation_params = source(request.visibility.as_of, setup.tenant_id)
    own = "m.tenant_id = %s AND m.project_id = %s"
    own_params = [setup.tenant_id, setup.project_id]
    where, where_params = visible(request.filters, request.visibility)
    anchors, anchor_params = anchors_of(setup, request)
    join, dense_where, dense_params = dense_conditions(
        request, relation, relation_params, where, where_params
    )
    depth = leg_depth(request)
    here = [setup.tenant_id, space_id]
    rows = [*relation_params, *own_params, *where_params]
    statement = _SEARCH.format(
        dense_join=join,
        dense_where=dense_where,
        anchors=anchors,
        source=relation,
        own=own,
        where=where,
        lexemes=LEXEMES.format(**PARTS),
        **PARTS,
    )
    return statement, [
        *words_of(setup, query),
        as_direction(vector),
        *anchor_params,
        *here,  # said
        *(relation_params if join else []),
        *here,  # chunks
        *dense_params,
        depth,
        *here,
        depth,  # dense
        *rows,  # matching
        *here,  # the scope's size
        depth,
        depth,
        depth,
        *(setup.tenant_id, setup.tenant_id),  # sources, twice
        setup.tenant_id,  # feedback
        *here,
        *rows,
    ]


def words_of(setup: ProjectSetup, query: Query) -> list[str]:
    """The parameters of ``lexemes``: what is left without names, or else all of it."""
    config = setup.text_config
    texts = (searchable(text[:QUERY_CHARS]) for text in (query.unnamed, query.text))
    return [part for text in texts for part in (config, text)]


def anchors_of(setup: ProjectSetup, request: SearchRequest) -> tuple[str, list[Any]]:
    """The condition on anchors ``a`` that the filter names by equality."""
    ids = request.filters.scope.as_dict()
    named = {k: ids[k] for k in SCOPE_KEYS[:3] if ids[k] is not None}
    conditions = [f"a.{key} = %s" for key in named]
    where = " AND ".join(["a.tenant_id = %s", "a.project_id = %s", *conditions])
    return where, [setup.tenant_id, setup.project_id, *named.values()]


def dense_conditions(
    request: SearchRequest,
    relation: str,
    relation_params: Sequence[Any],
    where: str,
    where_params: Sequence[Any],
) -> tuple[str, str, list[Any]]:
    """(join, conditions, parameters) of the dense leg.

    A filter is part of the vector query, not applied after it. What the vectors carry
    themselves (anchor, state, expiry) needs no join: most searches ask no more.
    """
    join = f"JOIN {relation} ON m.tenant_id = v.tenant_id AND m.id = v.memory_id"
    joined = f"AND v.number = m.vector_number AND {where}"
    if request.visibility.as_of is not None:
        return join, joined, list(where_params)
    states = shown_states(request.visibility)
    fresh, fresh_params = unexpired("v", request.visibility)
    own = f"AND v.state = ANY(%s) AND {fresh}"
    if request.filters.is_only_scope and request.filters.scope.run_id is None:
        return "", own, [states, *fresh_params]
    return join, f"{own} {joined}", [states, *fresh_params, *where_params]
