"""The one statement of a search, put together from its legs (decision 8).

Exact inside the anchors a filter names: no index error and no lossy filter. Windows are
put together here, from their messages (ADR 0500); words weigh by BM25 with the scope's
own frequencies (ADR 0501). A leg that weighs nothing is not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from memories.language.segments import searchable
from memories.providers.vectors import as_direction
from memories.retrieval.links import NO_LINKS, NOTHING_STATED, Walk
from memories.retrieval.parts import Part
from memories.retrieval.query import Query
from memories.selectors.filters import times_asked
from memories.selectors.memories import (
    VIEW_COLUMNS,
    shown_states,
    source,
    unexpired,
    visible,
)
from memories.selectors.projects import ProjectSetup
from memories.types import SearchRequest, Vectors, Visibility
from memplatform.lib import clock

LEG_DEPTH = 100
"""Candidates of a leg; more when more are asked for (decision 24). By their words half
as many: what only its words find far down is read, and hardly ever shown (ADR 0501)."""
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
INSTANTS = ("created_at", "updated_at", "known_from", "valid_from", "valid_to")
"""Columns that come as text: five instants of two hundred rows take longer to read than
to rank."""


def _with_instants_as_text(columns: str) -> str:
    for name in INSTANTS:
        columns = columns.replace(f"m.{name}", f"m.{name}::text")
    return columns


_COLUMNS = _with_instants_as_text(VIEW_COLUMNS)


# A lexeme as a query of its own: quoted as tsquery wants it.
AS_QUERY = "('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''')"
# ts_rank of one lexeme that occurs n times, all weights 1, is (1 + 1/4 … + 1/n²)·6/π²:
# these bounds lie between its steps and give n back, up to eight.
_TIMES = (
    "width_bucket(ts_rank('{{1,1,1,1}}', {search}, term.words)::float8,"
    " '{{0,0.684,0.794,0.846,0.877,0.898,0.913,0.924}}'::float8[])"
)
# How rare a lexeme is; sums are divided by that of the whole query, so that a text that
# says all of it, often, comes near to 1.
_RARITY = "ln(1 + (greatest(f.size - f.df, 0) + 0.5)::float8 / (f.df + 0.5))"

_LEXEMES = f"""lexemes AS MATERIALIZED (
    SELECT lexeme, {AS_QUERY} AS quoted
      FROM unnest(coalesce(
               nullif(tsvector_to_array(to_tsvector(%s::regconfig, %s)), '{{}}'),
               tsvector_to_array(to_tsvector(%s::regconfig, %s)))) AS lexeme)"""

_QUESTION = """
term AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY lexeme) AS no, quoted::tsquery AS words
      FROM lexemes),
query AS MATERIALIZED (
    SELECT %s::halfvec AS vector,
           (SELECT string_agg(quoted, ' | ')::tsquery FROM lexemes) AS words)"""
_HERE = """
here AS MATERIALIZED (
    SELECT ARRAY(SELECT a.id FROM memories_anchor a WHERE {anchors}) AS anchors)"""

_OF_RUN = """EXISTS (
    SELECT FROM memories_memory r
     WHERE r.tenant_id = a.tenant_id AND r.project_id = a.project_id
       AND r.anchor_id = a.id AND r.run_id = %s)"""

# OFFSET 0: anchor by anchor, by the index. Of anchors that are not known before
# PostgreSQL expects ten, which it takes for everybody where a store has few: it then
# read 60,000 vectors for the 200 of one user (60 ms instead of 3). Here it also has the
# distance taken before the turns are sorted, not carried with them.
# A turn's place is a number of its own; neighbours in a talk (a session of an anchor)
# differ by one, and talks stand as far apart as hashes do.
_TURNS = """
turn AS MATERIALIZED (
    SELECT message_id, search, talk + row_number() OVER near AS place,
           avg(cosine) OVER near AS cosine
      FROM unnest((SELECT anchors FROM here)::uuid[]) AS own (id)
      CROSS JOIN LATERAL (
            SELECT v.message_id, v.position,
                   uuid_hash_extended(v.anchor_id, v.session) >> 1 AS talk,
                   CASE WHEN v.search @@ (SELECT words FROM query)
                        THEN v.search END AS search,
                   1 - (v.embedding <=> (SELECT vector FROM query)) AS cosine
              FROM memories_messagevector v
             WHERE v.tenant_id = %s AND v.space_id = %s AND v.anchor_id = own.id
            OFFSET 0) AS said
    WINDOW near AS (PARTITION BY talk ORDER BY position
                    ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING))"""
_HEARD = """
heard AS MATERIALIZED (
    SELECT s.place, term.no, {times} AS times
      FROM (SELECT * FROM turn WHERE search IS NOT NULL LIMIT {text_cap}) AS s
      JOIN term ON s.search @@ term.words),
window_times AS MATERIALIZED (
    SELECT place + step AS place, no, sum(times) AS times
      FROM heard CROSS JOIN generate_series(-2, 2) AS step
     GROUP BY place + step, no),
window_rarity AS MATERIALIZED (
    SELECT f.no, {rarity} AS rarity FROM ({frequencies}) AS f),
window_words AS MATERIALIZED (
    SELECT w.place, sum(r.rarity * w.times / (w.times + {k1}))
                    / (SELECT sum(rarity) FROM window_rarity) AS words
      FROM window_times w JOIN window_rarity r USING (no)
     GROUP BY w.place)"""
# Whose anchor is not known beforehand has as many turns as the average to the planner,
# and may have a thousand times more: it then compared every turn with every window
# (1.0 s for 5,000 turns among users of 12). A full join is made by hash or in order, a
# test of membership by hash, however few it expects.
_LEARNED = """
around AS MATERIALIZED (
    SELECT t.message_id, t.cosine, w.words
      FROM turn t FULL JOIN window_words w USING (place)),
met AS MATERIALIZED (
    SELECT l.id, a.cosine, a.words
      FROM (SELECT said.*
              FROM unnest((SELECT anchors FROM here)::uuid[]) AS own (id)
             CROSS JOIN LATERAL (
                   SELECT l.memory_id AS id, l.message_id
                     FROM memories_memorysource l
                    WHERE l.tenant_id = %s AND l.anchor_id = own.id
                   OFFSET 0) AS said) AS l
      FULL JOIN around a USING (message_id)),
learned AS MATERIALIZED (
    SELECT id, max(cosine) AS cosine, max(words) AS words
      FROM met WHERE cosine IS NOT NULL AND {shown} GROUP BY id)"""
# Of memories that may be shown, where all of them are near: others take their places.
_SHOWN_ONLY = "(id IN (SELECT id FROM near)) IS TRUE"
TURN_FREQUENCIES = """
        SELECT term.no, count(w.no) AS df, (SELECT count(*) FROM turn) AS size
          FROM term LEFT JOIN window_times w USING (no) GROUP BY term.no"""
_NO_WINDOWS = """
learned AS (SELECT NULL::uuid AS id, NULL::float8 AS cosine, NULL::float8 AS words
             WHERE false)"""

# A long text is several vectors, and as near as the nearest of them. All of a scope are
# kept: what another leg finds has its distance here, and words the scope's size.
_DENSE = """
near AS MATERIALIZED (
    SELECT memory_id AS id, min(distance) AS distance
      FROM unnest((SELECT anchors FROM here)::uuid[]) AS own (id)
      CROSS JOIN LATERAL (
            SELECT v.memory_id, v.embedding <=> (SELECT vector FROM query) AS distance
              FROM memories_memoryvector v {join}
             WHERE v.tenant_id = %s AND v.space_id = %s AND v.anchor_id = own.id {where}
            OFFSET 0) AS chunk
     GROUP BY memory_id),
dense AS MATERIALIZED (
    SELECT id FROM near ORDER BY distance, id LIMIT {depth})"""

_MATCHING = """
matching AS MATERIALIZED (
    SELECT m.id, m.search
      FROM {source}
     WHERE {where} AND m.search @@ (SELECT words FROM query)
     LIMIT {text_cap})"""
_WEIGHED = """
fact_times AS MATERIALIZED (
    SELECT x.id, length(x.search) AS size, term.no, {times} AS times
      FROM matching x JOIN term ON x.search @@ term.words),
fact_rarity AS MATERIALIZED (
    SELECT f.no, {rarity} AS rarity FROM ({frequencies}) AS f),
worded AS MATERIALIZED (
    SELECT t.id, sum(r.rarity * t.times / (t.times + {k1} * (
                         {b_rest} + {b} * t.size
                         / (SELECT avg(length(search)) FROM matching))))
                 / (SELECT sum(rarity) FROM fact_rarity) AS words
      FROM fact_times t JOIN fact_rarity r USING (no)
     GROUP BY t.id)"""
_FACT_FREQUENCIES = """
        SELECT term.no, count(t.no) AS df, {size} AS size
          FROM term LEFT JOIN fact_times t USING (no) GROUP BY term.no"""
_NO_WORDS = """
worded AS (SELECT NULL::uuid AS id, NULL::float8 AS words WHERE false)"""

# How deep a leg is stands in the statement: of a LIMIT that it is not told PostgreSQL
# expects a tenth of everything, and it then read all memories of a tenant of few users
# for what a pool has (30 ms for two of 35,000).
_FOUND = """
found AS MATERIALIZED (
    SELECT id FROM dense
    UNION (SELECT id FROM worded ORDER BY words DESC, id LIMIT {worded})
    UNION (SELECT id FROM learned ORDER BY cosine DESC, id LIMIT {depth})
    UNION (SELECT id FROM learned WHERE words IS NOT NULL
            ORDER BY words DESC, id LIMIT {worded})
    UNION SELECT id FROM linked
    UNION SELECT id FROM stated),
pool AS MATERIALIZED (
    SELECT id, true AS is_asked FROM found
    {replaced}),
opinion AS MATERIALIZED (
    SELECT f.memory_id AS id,
           sum(CASE f.feedback WHEN 'POSITIVE' THEN 1 WHEN 'NEGATIVE' THEN -1
                               WHEN 'VERY_NEGATIVE' THEN -2 END) AS sum
      FROM memories_feedback f JOIN found ON found.id = f.memory_id
     WHERE f.tenant_id = %s GROUP BY f.memory_id)"""
# What is asked for may have replaced what is not, and then answers what that would
# have: that lends it what it says, and is not shown.
_REPLACED = """
     UNION ALL
    SELECT r.id, false
      FROM memories_memory r JOIN found ON r.replaced_by_id = found.id
     WHERE r.tenant_id = %s AND r.state = ANY(%s) AND r.text IS NOT NULL
       AND NOT EXISTS (SELECT FROM found AS own WHERE own.id = r.id)"""
# What each leg gave is brought together by grouping, for the reason that a full join is
# made above.
_SHOWN = """,
signals AS MATERIALIZED (
    SELECT id, bool_or(is_asked) AS is_asked, max(opinion) AS opinion,
           min(distance) AS distance, max(words) AS words, max(around) AS around,
           max(words_around) AS words_around, max(share) AS share
      FROM (SELECT id, is_asked, NULL::bigint AS opinion, NULL::float8 AS distance,
                   NULL::float8 AS words, NULL::float8 AS around,
                   NULL::float8 AS words_around, NULL::float8 AS share FROM pool
             UNION ALL SELECT id, NULL, sum, NULL, NULL, NULL, NULL, NULL FROM opinion
             UNION ALL SELECT id, NULL, NULL, distance, NULL, NULL, NULL, NULL FROM near
             UNION ALL SELECT id, NULL, NULL, NULL, words, NULL, NULL, NULL FROM worded
             UNION ALL SELECT id, NULL, NULL, NULL, NULL, cosine, words, NULL
                         FROM learned
             UNION ALL SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, share FROM linked
           ) AS leg
     GROUP BY id HAVING bool_or(is_asked) IS NOT NULL)
SELECT shown.*
  FROM signals AS s CROSS JOIN LATERAL (
       SELECT {columns}, m.speaker, length(m.search), s.opinion,
              coalesce(s.distance, (
                  SELECT min(v.embedding <=> (SELECT vector FROM query))
                    FROM memories_memoryvector v
                   WHERE v.tenant_id = %s AND v.memory_id = m.id AND v.space_id = %s
                     AND v.number = m.vector_number)),
              s.words, s.around, s.words_around, s.share, s.is_asked,
              s.id IN (SELECT id FROM stated)
         FROM {source}
        WHERE m.id = s.id AND ({where})
       OFFSET 0) AS shown"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as its statement sees it; ``vector`` is that of ``query.unnamed``."""

    setup: ProjectSetup
    space_id: UUID
    request: SearchRequest
    query: Query
    vector: Vectors

    @property
    def depth(self) -> int:
        return leg_depth(self.request)

    @property
    def space(self) -> list[Any]:
        """The values of ``tenant_id = %s AND space_id = %s``."""
        return [self.setup.tenant_id, self.space_id]

    @property
    def hides_replaced(self) -> bool:
        """Whether what others replaced may be left out of the answer, and is known:
        as it was believed then is another relation."""
        seen = self.request.visibility
        is_left_out = seen.latest_only or bool(times_asked(self.request.filters.asked))
        return is_left_out and seen.as_of is None

    @property
    def source(self) -> Part:
        """The relation ``m``: memories as they are, or as they were believed."""
        as_of = self.request.visibility.as_of
        return Part(*source(as_of, self.setup.tenant_id))

    @property
    def where(self) -> Part:
        """The condition on ``m`` that the filter and the states to show make."""
        return Part(*visible(self.request.filters, self.request.visibility))

    @property
    def own(self) -> Part:
        """The same with the project's memories only."""
        where = self.where
        return Part(
            f"m.tenant_id = %s AND m.project_id = %s AND {where.sql}",
            [self.setup.tenant_id, self.setup.project_id, *where.params],
        )


def leg_depth(request: SearchRequest) -> int:
    """How many candidates a leg gives at most."""
    return max(LEG_DEPTH, request.top_k)


def worded_depth(request: SearchRequest) -> int:
    """The same of a leg that looks for words."""
    return max(LEG_DEPTH // 2, request.top_k)


def statement_of(asked: Asked) -> Part:
    """Every leg, read from the whole scope."""
    return composed(asked, [dense(asked), windows(asked), words(asked)])


def composed(asked: Asked, legs: Sequence[Part]) -> Part:
    """Every row: ``VIEW_COLUMNS``, then speaker, size, opinion, distance, the share of
    words, the window's cosine and share of words, the share of links (a leg that did
    not find it gives NULL), whether it may be shown, and whether it states what is
    asked for.

    ``legs`` make the relations ``near`` (the distances that were taken), ``dense``,
    ``worded`` and ``learned``.
    """
    parts = [
        lexemes(asked),
        Part(_QUESTION, [as_direction(asked.vector)]),
        _here(asked),
        *legs,
        _links(asked),
        _stated(asked),
        _found(asked),
    ]
    return Part.joined("", [Part("WITH "), Part.joined(",", parts), _shown(asked)])


def lexemes(asked: Asked) -> Part:
    """The query's lexemes, without names where that leaves any."""
    config, query = asked.setup.text_config, asked.query
    texts = (searchable(text[:QUERY_CHARS]) for text in (query.unnamed, query.text))
    return Part(_LEXEMES, [value for text in texts for value in (config, text)])


def anchors_of(asked: Asked) -> Part:
    """The condition on anchors ``a`` of which the filter asks, however it does."""
    filters, setup = asked.request.filters, asked.setup
    own = Part(
        "a.tenant_id = %s AND a.project_id = %s", [setup.tenant_id, setup.project_id]
    )
    parts = [own, Part(*filters.anchors)]
    if (run := filters.scope.run_id) is not None:
        parts.append(Part(_OF_RUN, [run]))
    return Part.joined(" AND ", parts)


def dense_conditions(asked: Asked) -> tuple[Part, Part]:
    """What the dense leg joins, and its conditions.

    A filter is part of the vector query, not applied after it. What the vectors carry
    themselves (anchor, state, expiry) needs no join: most searches ask no more.
    """
    request, relation, where = asked.request, asked.source, asked.where
    join = Part(
        f"JOIN {relation.sql} ON m.tenant_id = v.tenant_id AND m.id = v.memory_id",
        relation.params,
    )
    joined = f"AND v.number = m.vector_number AND {where.sql}"
    if request.visibility.as_of is not None:
        return join, Part(joined, where.params)
    fresh, fresh_params = unexpired("v", request.visibility)
    own = f"AND v.state = ANY(%s) AND {fresh}"
    own_params = [shown_states(request.visibility), *fresh_params]
    if request.filters.is_only_scope and request.filters.scope.run_id is None:
        return Part(""), Part(own, own_params)
    return join, Part(f"{own} {joined}", [*own_params, *where.params])


def _here(asked: Asked) -> Part:
    anchors = anchors_of(asked)
    return Part(_HERE.format(anchors=anchors.sql), anchors.params)


def windows(asked: Asked, *, is_near_whole: bool = True) -> Part:
    """The relation ``learned``, from every message of the scope.

    ``is_near_whole``: the relation ``near`` has all memories that may be shown.
    """
    chosen = asked.setup.settings
    if not (chosen.window_weight or chosen.window_text_weight):
        return Part(_NO_WINDOWS)
    return Part.joined(
        ",",
        [
            Part(_TURNS, asked.space),
            heard(Part(TURN_FREQUENCIES)),
            Part(
                _LEARNED.format(
                    shown=_SHOWN_ONLY if is_near_whole else "id IS NOT NULL"
                ),
                [asked.setup.tenant_id],
            ),
        ],
    )


def heard(frequencies: Part) -> Part:
    """The relation ``window_words``, from ``turn``; ``frequencies`` is how many of a
    scope (``size``) say (``df``) each term (``no``).
    """
    sql = _HEARD.format(
        times=_TIMES.format(search="s.search"),
        text_cap=TEXT_CAP,
        rarity=_RARITY,
        frequencies=frequencies.sql,
        k1=K1,
    )
    return Part(sql, frequencies.params)


def dense(asked: Asked) -> Part:
    join, where = dense_conditions(asked)
    return Part(
        _DENSE.format(join=join.sql, where=where.sql, depth=asked.depth),
        [*join.params, *asked.space, *where.params],
    )


def words(asked: Asked, size: str = "(SELECT count(*) FROM near)") -> Part:
    """``size`` is how many memories the scope has, in SQL."""
    if not asked.setup.settings.text_weight:
        return Part(_NO_WORDS)
    relation, own = asked.source, asked.own
    matching = Part(
        _MATCHING.format(source=relation.sql, where=own.sql, text_cap=TEXT_CAP),
        [*relation.params, *own.params],
    )
    return Part.joined(
        ",", [matching, weighed(Part(_FACT_FREQUENCIES.format(size=size)))]
    )


def weighed(frequencies: Part) -> Part:
    """The relation ``worded`` from ``matching``; frequencies as :func:`heard`'s."""
    sql = _WEIGHED.format(
        times=_TIMES.format(search="x.search"),
        rarity=_RARITY,
        frequencies=frequencies.sql,
        k1=K1,
        b=B,
        b_rest=1 - B,
    )
    return Part(sql, frequencies.params)


def _links(asked: Asked) -> Part:
    chosen, names = asked.setup.settings, asked.query.things
    if not (chosen.link_weight and chosen.with_graph and names):
        return NO_LINKS
    return _walk(asked, names).linked(asked.depth)


def _stated(asked: Asked) -> Part:
    chosen, query = asked.setup.settings, asked.query
    if not (chosen.stated_weight and chosen.with_graph and query.sought):
        return NOTHING_STATED
    return _walk(asked, query.subjects).stated(query.sought)


def _walk(asked: Asked, names: Sequence[str]) -> Walk:
    as_of = asked.request.visibility.as_of
    at = as_of or clock.now()
    return Walk(asked.setup.tenant_id, names, at, as_of, asked.query.looks_back)


def _found(asked: Asked) -> Part:
    replaced = _replaced(asked)
    sql = _FOUND.format(
        replaced=replaced.sql, depth=asked.depth, worded=worded_depth(asked.request)
    )
    return Part(sql, [*replaced.params, asked.setup.tenant_id])


def _replaced(asked: Asked) -> Part:
    """More of the relation ``pool``, where what was replaced may not be asked for."""
    if not asked.hides_replaced:
        return Part("")
    return Part(_REPLACED, [asked.setup.tenant_id, shown_states(Visibility())])


def _shown(asked: Asked) -> Part:
    relation, own = asked.source, asked.own
    return Part(
        _SHOWN.format(
            columns=_COLUMNS,
            source=relation.sql,
            where=f"({own.sql}) OR NOT s.is_asked" if asked.hides_replaced else own.sql,
        ),
        [*asked.space, *relation.params, *own.params],
    )
