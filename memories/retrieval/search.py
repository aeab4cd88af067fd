"""The story of a search: embed the query, one round trip for every leg, rank.

Exact inside the anchors a filter names: no index error and no lossy filter. Queries
carry the tenant and the anchors as literals (decision 8).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings

from memories.models import EmbeddingSpace
from memories.providers.vectors import as_direction, head_of
from memories.retrieval import journal
from memories.retrieval.decay import decay_factor
from memories.retrieval.query_cache import embed_queries
from memories.retrieval.rank import (
    CALIBRATIONS,
    Calibration,
    Candidate,
    Explained,
    Ranked,
    explain,
    rank,
)
from memories.retrieval.rerank import (
    Reranking,
    apply_scores,
    ask_reranker,
    count_reranking,
    in_order_of,
    is_wanted,
)
from memories.retrieval.stages import measured, stage
from memories.retrieval.traces import is_drawn, trace_of
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
from memories.selectors.projects import ProjectSetup, get_setup, known_setup
from memories.selectors.uses import read_uses
from memories.types import (
    SCOPE_KEYS,
    Hit,
    JsonDict,
    MemoryView,
    SearchRequest,
    State,
    Vectors,
)
from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants.scopes import read_rows, tenant_scope
from tenants.selectors import Access

LEG_DEPTH = 100
"""Candidates of a leg; more when more are asked for (decision 24)."""
QUERY_CHARS = 2_000
"""How much of a query is looked for by its words: parsing 20,000 characters of them
takes 30 to 90 ms, 120,000 exceed PostgreSQL's stack. All of it is embedded, as far as
the embedder reads."""
TEXT_CAP = 2000
"""Matches of a text query that are ranked: an OR of common words matches half of a
large scope, and ranking all of it took 199 ms (design/environment.md)."""

_SEARCH = """
WITH query AS MATERIALIZED (SELECT %s::halfvec AS vector, {query} AS words),
chunks AS (
    SELECT v.memory_id, v.embedding <=> (SELECT vector FROM query) AS distance
      FROM memories_memoryvector v {dense_join}
     WHERE v.tenant_id = %s AND v.space_id = %s {anchors} {dense_where}
     ORDER BY distance, v.memory_id
     LIMIT %s * (1 + coalesce((
           SELECT max(v.chunk_no) FROM memories_memoryvector v
            WHERE v.tenant_id = %s AND v.space_id = %s AND v.chunk_no > 0
                  {anchors}), 0))),
dense AS (
    SELECT memory_id AS id, min(distance) AS distance
      FROM chunks GROUP BY memory_id ORDER BY distance, id LIMIT %s),
matching AS (
    SELECT m.id, m.search
      FROM {source}
     WHERE {own} AND {where} AND m.search @@ (SELECT words FROM query)
     LIMIT %s),
worded AS (
    SELECT id, ts_rank(search, (SELECT words FROM query), 32) AS rank
      FROM matching ORDER BY rank DESC, id LIMIT %s),
found AS (
    SELECT id, min(distance) AS distance, max(rank) AS rank
      FROM (SELECT id, distance, NULL::real AS rank FROM dense
            UNION ALL SELECT id, NULL, rank FROM worded) AS legs
     GROUP BY id)
SELECT {columns}, coalesce(found.distance, (
           SELECT min(v.embedding <=> (SELECT vector FROM query))
             FROM memories_memoryvector v
            WHERE v.tenant_id = %s AND v.memory_id = m.id AND v.space_id = %s
              AND v.number = m.vector_number)), found.rank
  FROM found JOIN {source} ON m.id = found.id
 WHERE {own} AND {where}
"""
# The dense leg ranks chunks, and the first n different memories among them are the n
# nearest by their best chunk. To be sure of n, it takes n times the most chunks that
# any memory there has (one, but for long texts): sorting that few costs half of
# grouping every row of a large anchor.
OR_QUERY = "replace(plainto_tsquery(%s::regconfig, %s)::text, '&', '|')::tsquery"


@dataclass(frozen=True, slots=True)
class Pool:
    """What the legs found, with the rows (``VIEW_COLUMNS``) to show."""

    candidates: tuple[Candidate, ...]
    rows: dict[UUID, Sequence[Any]]

    def view(self, memory_id: UUID) -> MemoryView:
        return view_of(self.rows[memory_id])


@dataclass(frozen=True, slots=True)
class Looked:
    """What a query found, and everything that its ranking weighs."""

    setup: ProjectSetup
    space: EmbeddingSpace
    request: SearchRequest
    query: Vectors
    pool: Pool
    factors: Mapping[UUID, float]
    reranking: Reranking | None = None

    @property
    def calibration(self) -> Calibration:
        return CALIBRATIONS.get(self.space.provider, CALIBRATIONS["openai"])

    def ranked(self) -> list[Ranked]:
        """What is shown."""
        if not self.reranking:
            return rank(self.pool.candidates, **self._how())
        every = {**self._how(), "top_k": len(self.pool.candidates)}
        return in_order_of(self.explained(), rank(self.pool.candidates, **every))

    def explained(self) -> list[Explained]:
        """Every candidate in the same order, with what led there."""
        explained = explain(self.pool.candidates, **self._how())
        if not self.reranking:
            return explained
        successors = {c.memory_id: c.successor for c in self.pool.candidates}
        scores, top_k = self.reranking.scores, self.request.top_k
        return apply_scores(explained, scores, successors, top_k)

    def _how(self) -> dict[str, Any]:
        return {
            "dense_weight": self.setup.settings.dense_weight,
            "text_weight": self.setup.settings.text_weight,
            "calibration": self.calibration,
            "threshold": self.request.threshold,
            "top_k": self.request.top_k,
            "factors": self.factors,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """What answers a query, best first; ``reranking`` None: nobody asked for it.

    ``looked`` None: no memory was ever stored.
    """

    hits: list[Hit]
    reranking: Reranking | None = None
    looked: Looked | None = None


def search(access: Access, request: SearchRequest) -> list[Hit]:
    """The memories that answer a query, best first; see :func:`find`."""
    return find(access, request).hits


def find(access: Access, request: SearchRequest) -> Found:
    """The memories that answer a query, best first; opens its own scopes.

    Raises ProviderError when the query cannot be embedded.
    """
    started = clock.now()
    with measured() as stages:
        looked = look(access, request)
        if looked is None:
            return Found([])
        count_reranking(access, looked.reranking)
        with stage("rank"):
            hits = [_hit(looked.pool, place) for place in looked.ranked()]
    is_traced = is_drawn(looked.setup.settings.trace_share)
    if is_traced or random.random() < settings.SEARCH_LOG_SAMPLE:  # noqa: S311
        trace = trace_of(looked, looked.explained(), stages) if is_traced else None
        journal.note(access, request, hits, started, trace)
    if looked.setup.client.decay:
        journal.note_uses(access, hits)
    return Found(hits, looked.reranking, looked)


def keep_trace(access: Access, request: SearchRequest) -> UUID:
    """Search, and keep only what led to the answer; the id of the trace.

    Counted as nobody's search. Raises ProviderError, and NotFound where no memory ever
    was.
    """
    started = clock.now()
    hits, trace = _traced(access, request)
    return journal.keep(access, request, hits, started, trace)


def trace_again(access: Access, request: SearchRequest) -> JsonDict:
    """The trace of a search, kept nowhere; raises as :func:`keep_trace`."""
    return _traced(access, request)[1]


def _traced(access: Access, request: SearchRequest) -> tuple[list[Hit], JsonDict]:
    with measured() as stages:
        looked = look(access, request)
        if looked is None:
            raise NotFound("There is nothing to search yet.")
        with stage("rank"):
            hits = [_hit(looked.pool, place) for place in looked.ranked()]
    return hits, trace_of(looked, looked.explained(), stages)


def look(access: Access, request: SearchRequest) -> Looked | None:
    """What a search ranks, and nothing recorded of it; opens its own scopes.

    None where no memory was ever stored. Raises ProviderError when the query cannot be
    embedded.
    """
    setup = _setup(access)
    space = setup.active_space
    if space is None:
        return None
    embedder = setup.hurried_embedders[space.id]
    asked = [head_of(request.query, embedder.max_tokens)]
    query = embed_queries(setup.tenant_id, space.id, embedder, asked)[0]
    with stage("gather"):
        pool = gather(setup, space.id, request, query)
        factors = _factors(setup, pool, request)
    looked = Looked(setup, space, request, query, pool, factors)
    if not is_wanted(setup, request):
        return looked
    texts = {memory_id: pool.view(memory_id).text for memory_id in pool.rows}
    reranking = ask_reranker(setup, request, looked.explained(), texts)
    return replace(looked, reranking=reranking)


def _factors(
    setup: ProjectSetup, pool: Pool, request: SearchRequest
) -> Mapping[UUID, float]:
    """What recent use adds to each memory of a pool, where the project wants that."""
    if not setup.client.decay:
        return {}
    now = request.reference or clock.now()
    uses = read_uses(setup.tenant_id, setup.project_id, list(pool.rows))
    return {
        memory_id: decay_factor(
            pool.view(memory_id).created_at, uses.get(memory_id), now
        )
        for memory_id in pool.rows
    }


def _setup(access: Access) -> ProjectSetup:
    known = known_setup(access.project_id, access.project_changed_at)
    if known is not None:
        return known
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        return get_setup(access.project_id)


def gather(
    setup: ProjectSetup, space_id: UUID, request: SearchRequest, query: Vectors
) -> Pool:
    """Every leg's candidates in one round trip; opens its own scope."""
    statement, params = _statement(setup, space_id, request, query)
    rows = read_rows(setup.tenant_id, statement, params, project_id=setup.project_id)
    return Pool(
        candidates=tuple(_candidate(row) for row in rows),
        rows={row[0]: row for row in rows},
    )


def _candidate(row: Sequence[Any]) -> Candidate:
    """From ``VIEW_COLUMNS`` and, behind them, distance and text rank."""
    distance, text_rank = row[-2:]
    return Candidate(
        memory_id=row[0],
        cosine=None if distance is None else 1.0 - distance,
        text_rank=text_rank,
        is_current=row[STATE_AT] == State.ACTIVE,
        successor=row[REPLACED_BY_AT],
    )


def leg_depth(request: SearchRequest) -> int:
    """How many candidates each leg gives at most."""
    return max(LEG_DEPTH, request.top_k)


def _statement(
    setup: ProjectSetup, space_id: UUID, request: SearchRequest, query: Vectors
) -> tuple[str, list[Any]]:
    """The statement and its parameters, in the order of its places."""
    as_of = request.visibility.as_of
    relation, relation_params = source(as_of, setup.tenant_id)
    own = "m.tenant_id = %s AND m.project_id = %s"
    own_params = [setup.tenant_id, setup.project_id]
    where, where_params = visible(request.filters, request.visibility)
    anchors, anchor_params = anchors_of(setup, request)
    join, dense_where, dense_params = dense_conditions(
        request, relation, relation_params, where, where_params
    )
    depth = leg_depth(request)
    here = [setup.tenant_id, space_id]
    words = [setup.text_config, request.query[:QUERY_CHARS]]
    chunks = [*(relation_params if join else []), *here, *anchor_params, *dense_params]
    dense = [*chunks, depth, *here, *anchor_params, depth]
    matching = [*relation_params, *own_params, *where_params, TEXT_CAP]
    outer = [*here, *relation_params, *own_params, *where_params]
    statement = _SEARCH.format(
        dense_join=join,
        dense_where=dense_where,
        anchors=anchors,
        source=relation,
        own=own,
        where=where,
        query=OR_QUERY,
        columns=VIEW_COLUMNS,
    )
    return statement, [
        *(as_direction(query), *words),
        *(*dense, *matching, depth),
        *outer,
    ]


def anchors_of(
    setup: ProjectSetup, request: SearchRequest, *, alias: str = "v"
) -> tuple[str, list[Any]]:
    """Bound a scan of vectors to the anchors that the filter names by equality."""
    ids = request.filters.scope.as_dict()
    named = {k: ids[k] for k in SCOPE_KEYS[:3] if ids[k] is not None}
    conditions = [f"a.{key} = %s" for key in named]
    where = " AND ".join(["a.tenant_id = %s", "a.project_id = %s", *conditions])
    return (
        f"AND {alias}.anchor_id = ANY(ARRAY(SELECT a.id FROM memories_anchor a"
        f" WHERE {where}))",
        [setup.tenant_id, setup.project_id, *named.values()],
    )


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


def _hit(pool: Pool, place: Ranked) -> Hit:
    return Hit(pool.view(place.memory_id), place.score, place.signals)
