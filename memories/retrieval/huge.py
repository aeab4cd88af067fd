"""The legs of a search in a scope too large to be read for every question (ADR 503).

What is nearest, and who says which words, comes from the scope's own indexes; the ids
in their conditions stand in the statement itself, so that its plan may use them.
Distances are exact, of those that were looked at. Windows are put together around the
nearest messages and around those that the memories found so far were learned from, not
around every one.

What has no index is read as ever: other anchors that the search reaches, and memories
of which a filter asks more than whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from memories.models import ScopeIndex
from memories.retrieval.parts import Part
from memories.retrieval.statement import (
    TURN_FREQUENCIES,
    Asked,
    composed,
    dense,
    dense_conditions,
    heard,
    weighed,
    windows,
    words,
)
from memories.selectors.memories import (
    SEARCHED_STATES,
    earliest_expiry,
    shown_states,
)
from memories.selectors.projects import HugeScope

MOST_EF = 1_000
"""The most that pgvector takes."""
BREADTH = 1.25
"""Candidates that a walk over memories keeps and gives, in depths of a leg: a long text
is several vectors. The ten nearest were all among them (ADR 503). One over messages
keeps a depth: they are where windows begin, and their distances are taken anew."""
MOST_SCANNED = 40_000
"""Where many vectors are expired, or dead and not yet vacuumed, the walk goes on that
far."""
TEXT_CAP = 200
"""Memories with words of the query that are weighed, those with rare ones first."""
MOST_WORDS = 32
"""Words that are looked for; each is a look at the index. Of more, the longest."""
REACH = 2
"""Turns read to either side of a message: what it takes for its window, and for what
its neighbours' windows mean; these lack the words of one turn of five."""
SCAN_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "hnsw.iterative_scan": "strict_order",
        "hnsw.max_scan_tuples": str(MOST_SCANNED),
    }
)
"""What the walks through the graphs go by, for the statement's transaction."""

_OTHERS = """
{name} AS MATERIALIZED (
    SELECT ARRAY(SELECT unnest(anchors) FROM here EXCEPT SELECT unnest(%s::uuid[]))
        AS anchors)"""

# What a walk looks for, and how broad it is: pgvector reads that as a walk begins, and
# two walks of one statement differ.
_WALKED = """(
            SELECT vector::halfvec({dimension}) FROM query,
                   set_config('hnsw.ef_search', '{breadth}', true))"""
_NEAREST_MEMORIES = """
    (SELECT v.memory_id,
            v.embedding::halfvec({dimension}) <=> {walked} AS distance
       FROM memories_memoryvector v
      WHERE {ids} AND v.state IN ({states}) {where}
      ORDER BY distance LIMIT {breadth})"""
# What the index is of; which of these states a search shows is a value of its own.
_STATES = ", ".join(f"'{state}'" for state in SEARCHED_STATES)
# Of other anchors, one by one: where one scope is most of a table, PostgreSQL would
# read it whole for the few others that a search reaches, and mostly there are none.
_OTHER_MEMORIES = """
    (SELECT near.memory_id, near.distance
       FROM unnest((SELECT anchors FROM other_memories)::uuid[]) AS other (id)
      CROSS JOIN LATERAL (
            SELECT v.memory_id,
                   v.embedding <=> (SELECT vector FROM query) AS distance
              FROM memories_memoryvector v
             WHERE v.tenant_id = %s AND v.space_id = %s
               AND v.anchor_id = other.id {where}
             ORDER BY distance LIMIT {breadth}) AS near)"""
_DENSE = """
near AS MATERIALIZED (
    SELECT memory_id AS id, min(distance) AS distance
      FROM ({legs}) AS chunk GROUP BY memory_id),
dense AS MATERIALIZED (
    SELECT id FROM near ORDER BY distance, id LIMIT {depth})"""

_SAYING = """
    SELECT id, word, said FROM memories_with_words(%s, (
        SELECT array_agg(words)
          FROM (SELECT words FROM term ORDER BY length(words::text) DESC, no
                 LIMIT {most_words}) AS longest), %s, %s, {cap})"""
_WORDS = """
saying AS MATERIALIZED ({legs}),
matching AS MATERIALIZED (
    SELECT m.*
      FROM (SELECT DISTINCT id FROM saying WHERE id IS NOT NULL) AS s
      CROSS JOIN LATERAL (
            SELECT m.id, m.search
              FROM memories_memory m WHERE m.id = s.id AND {where}
            OFFSET 0) AS m
     UNION ALL
    (SELECT said.id, said.search
       FROM unnest((SELECT anchors FROM other_words)::uuid[]) AS other (id)
      CROSS JOIN LATERAL (
            SELECT m.id, m.search
              FROM memories_memory m
             WHERE {where} AND m.anchor_id = other.id
               AND m.search @@ (SELECT words FROM query)
             LIMIT {cap}) AS said
      LIMIT {cap}))"""
# As many as there are by the indexes' last count: their scope's size need not be exact.
_FREQUENCIES = """
word_frequency AS MATERIALIZED (
    SELECT term.no, %s::bigint AS size,
           coalesce((SELECT sum(said) FROM saying
                      WHERE word::text = term.words::text), 0) AS df
      FROM term)"""

_FREQUENT = "SELECT no, size, df FROM word_frequency"

_CLOSEST_MESSAGES = """
    (SELECT v.anchor_id, v.session, v.position
       FROM memories_messagevector v
      WHERE {ids}
      ORDER BY v.embedding::halfvec({dimension}) <=> {walked}
      LIMIT {depth})"""
_OTHER_MESSAGES = """
    (SELECT near.anchor_id, near.session, near.position
       FROM unnest((SELECT anchors FROM other_messages)::uuid[]) AS other (id)
      CROSS JOIN LATERAL (
            SELECT v.anchor_id, v.session, v.position
              FROM memories_messagevector v
             WHERE v.tenant_id = %s AND v.space_id = %s AND v.anchor_id = other.id
             ORDER BY v.embedding <=> (SELECT vector FROM query)
             LIMIT {depth}) AS near)"""
# A turn and its neighbours, by their place in the session: 0 is the turn itself. What a
# search reads of each is taken here, where its page is at hand: looking each turn up a
# second time, and sorting it with its vector, took 3 ms more.
_TO_ONE_SIDE = """
           (SELECT said.*, {steps} AS step
              FROM (SELECT v.message_id, v.position,
                           CASE WHEN v.search @@ (SELECT words FROM query)
                                THEN v.search END AS search,
                           1 - (v.embedding <=> (SELECT vector FROM query)) AS cosine
                      FROM memories_messagevector v
                     WHERE v.tenant_id = %s AND v.space_id = %s
                       AND v.anchor_id = c.anchor_id AND v.session = c.session
                       AND v.position {side} c.position
                     ORDER BY v.position {order} LIMIT {most}) AS said)"""
_NEIGHBOURS = """
step AS MATERIALIZED (
    SELECT c.anchor_id, c.session, near.*
      FROM centre c CROSS JOIN LATERAL ({before} UNION ALL {after}) AS near)""".format(
    before=_TO_ONE_SIDE.format(
        steps="1 - row_number() OVER (ORDER BY position DESC)",
        side="<=",
        order="DESC",
        most=REACH + 1,
    ),
    after=_TO_ONE_SIDE.format(
        steps="row_number() OVER (ORDER BY position)", side=">", order="", most=REACH
    ),
)
# Who stands at the edge of what was read need not be next to who stands before it here;
# windows of such are not whole, and only words are heard there.
_TURNS = """
spoken AS MATERIALIZED (
    SELECT message_id, is_whole, search, cosine,
           row_number() OVER talk + 9 * (dense_rank() OVER sessions
               + count(*) FILTER (WHERE NOT is_joined) OVER talk) AS place
      FROM (SELECT anchor_id, session, position, message_id,
                   any_value(search) AS search, any_value(cosine) AS cosine,
                   bool_or(abs(step) <= 1) AS is_whole,
                   bool_or(step > -{reach}) AS is_joined
              FROM step GROUP BY anchor_id, session, position, message_id) AS spot
    WINDOW talk AS (ORDER BY anchor_id, session, position),
           sessions AS (ORDER BY anchor_id, session)),
turn AS MATERIALIZED (
    SELECT message_id, search, place, is_whole,
           avg(cosine) OVER (ORDER BY place
                             RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS cosine
      FROM spoken)"""
# A full join is made by hash, however few turns the planner expects there to be.
_LEARNED = """
around AS MATERIALIZED (
    SELECT t.message_id, t.cosine, w.words
      FROM turn t FULL JOIN window_words w USING (place)
     WHERE t.is_whole IS NOT FALSE),
learned AS MATERIALIZED (
    SELECT l.memory_id AS id, max(a.cosine) AS cosine, max(a.words) AS words
      FROM around a
      JOIN memories_memorysource l ON l.tenant_id = %s AND l.message_id = a.message_id
     WHERE l.anchor_id = ANY((SELECT anchors FROM here)::uuid[])
     GROUP BY l.memory_id)"""
_CENTRES = """
centre AS MATERIALIZED (
    {legs}
     UNION
    SELECT v.anchor_id, v.session, v.position
      FROM ((SELECT id FROM near ORDER BY distance, id LIMIT {depth}) UNION
           (SELECT id FROM worded ORDER BY words DESC, id LIMIT {depth})) AS fact
      JOIN memories_memorysource l ON l.tenant_id = %s AND l.memory_id = fact.id
      JOIN memories_messagevector v ON v.tenant_id = l.tenant_id
       AND v.message_id = l.message_id AND v.space_id = %s)"""


def is_huge(asked: Asked) -> bool:
    """Whether the search reaches a scope that has an index of its own."""
    return any(_reached(asked))


def huge_statement_of(asked: Asked) -> Part:
    """As ``statement_of``, by the indexes; windows are those of the memories, too."""
    return composed(asked, [_dense(asked), _words(asked), _windows(asked)])


def _reached(asked: Asked, of: str = "") -> list[HugeScope]:
    """Huge scopes that the search reaches; ``of`` is what must be indexed."""
    ids = asked.request.filters.scope.as_dict()
    return [
        scope
        for scope in asked.setup.huge_scopes
        if scope.space_id == asked.space_id
        and (not of or of in scope.of)
        and scope.is_named_by(ids)
    ]


def _is_plain(asked: Asked) -> bool:
    """Whether nothing is asked of memories but whose they are, and what vectors say."""
    join, _ = dense_conditions(asked)
    return not join.sql


def _walked(asked: Asked) -> list[HugeScope]:
    """Scopes of whose memories only the nearest are looked at."""
    return _reached(asked, ScopeIndex.Of.MEMORIES) if _is_plain(asked) else []


def _in_index(asked: Asked, scope: HugeScope) -> str:
    """The condition that an index of a scope has, in the words that it has it in.

    Whether the anchor is still there is asked of the id, not of each row: two
    conditions on one column made a scope of 50,000 look like one of 2,000, which
    PostgreSQL then read and sorted (200 ms).
    """
    tenant_id, space_id = asked.setup.tenant_id, asked.space_id
    return (
        f"v.tenant_id = '{tenant_id}' AND v.space_id = '{space_id}'"
        f" AND v.anchor_id = '{scope.anchor_id}' AND"
        f" '{scope.anchor_id}' = ANY((SELECT anchors FROM here)::uuid[])"
    )


def _walk(asked: Asked, depth: int, breadth: float = 1.0) -> dict[str, Any]:
    """The places of a walk to the ``depth`` nearest, ``breadth`` depths wide."""
    dimension, kept = asked.vector.shape[-1], min(MOST_EF, int(breadth * depth))
    walked = _WALKED.format(dimension=dimension, breadth=kept)
    return {
        "dimension": dimension,
        "depth": depth,
        "breadth": kept,
        "walked": walked,
    }


def _others(name: str, scopes: Iterable[HugeScope]) -> Part:
    return Part(_OTHERS.format(name=name), [[scope.anchor_id for scope in scopes]])


def _dense(asked: Asked) -> Part:
    scopes = _walked(asked)
    if not scopes:
        return dense(asked)
    _, where = dense_conditions(asked)
    shape: dict[str, Any] = {
        **_walk(asked, asked.depth, BREADTH),
        "where": where.sql,
    }
    legs = [
        Part(
            _NEAREST_MEMORIES.format(
                ids=_in_index(asked, scope), states=_STATES, **shape
            ),
            where.params,
        )
        for scope in scopes
    ]
    other = Part(_OTHER_MEMORIES.format(**shape), [*asked.space, *where.params])
    union = Part.joined(" UNION ALL", [*legs, other])
    found = Part(_DENSE.format(legs=union.sql, **shape), union.params)
    return Part.joined(",", [_others("other_memories", scopes), found])


def _words(asked: Asked) -> Part:
    scopes = words_indexed(asked)
    if not scopes:
        walked = _walked(asked)
        size = sum(scope.memory_vectors for scope in walked)
        return words(asked, str(size)) if walked else words(asked)
    seen = asked.request.visibility
    shown = [shown_states(seen), earliest_expiry(seen)]
    sql = _SAYING.format(most_words=MOST_WORDS, cap=TEXT_CAP)
    saying = Part.joined(
        " UNION ALL", [Part(sql, [scope.anchor_id, *shown]) for scope in scopes]
    )
    own = asked.own
    matching = Part(
        _WORDS.format(legs=saying.sql, where=own.sql, cap=TEXT_CAP),
        [*saying.params, *own.params, *own.params],
    )
    size = sum(scope.memory_vectors for scope in scopes)
    frequencies = Part(_FREQUENCIES, [size])
    weigh = weighed(Part(_FREQUENT))
    return Part.joined(
        ",", [_others("other_words", scopes), matching, frequencies, weigh]
    )


def words_indexed(asked: Asked) -> list[HugeScope]:
    """Scopes whose words are looked up, where any are."""
    if not asked.setup.settings.text_weight or not _is_plain(asked):
        return []
    return _reached(asked, ScopeIndex.Of.WORDS)


def _windows(asked: Asked) -> Part:
    chosen, space = asked.setup.settings, asked.space
    scopes = _reached(asked, ScopeIndex.Of.MESSAGES)
    if not scopes or not (chosen.window_weight or chosen.window_text_weight):
        return windows(asked, is_near_whole=not _walked(asked))
    return Part.joined(
        ",",
        [
            _others("other_messages", scopes),
            _centres(asked, scopes),
            Part(_NEIGHBOURS, [*space, *space]),
            Part(_TURNS.format(reach=REACH)),
            # Of a few turns no word would be rare.
            heard(Part(_FREQUENT if words_indexed(asked) else TURN_FREQUENCIES)),
            Part(_LEARNED, [asked.setup.tenant_id]),
        ],
    )


def _centres(asked: Asked, scopes: Iterable[HugeScope]) -> Part:
    # Half of what a leg takes, of each: around most there are three turns, and a third
    # of the time of a search went into more (ADR 503).
    shape = _walk(asked, asked.depth // 2)
    legs = [
        Part(_CLOSEST_MESSAGES.format(ids=_in_index(asked, scope), **shape))
        for scope in scopes
    ]
    other = Part(_OTHER_MESSAGES.format(**shape), asked.space)
    union = Part.joined(" UNION ALL", [*legs, other])
    sql = _CENTRES.format(legs=union.sql, **shape)
    return Part(sql, [*union.params, *asked.space])
