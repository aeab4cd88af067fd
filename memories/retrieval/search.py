"""The story of a search: read the query, embed it, ask every leg at once, rank."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from django.conf import settings

from memories.models import EmbeddingSpace
from memories.models.settings import ProjectSettings
from memories.providers.vectors import head_of
from memories.retrieval import journal
from memories.retrieval.decay import decay_factor
from memories.retrieval.legs import Pool, gather
from memories.retrieval.query import Query, may_name, read_query
from memories.retrieval.query_cache import embed_queries
from memories.retrieval.rank import (
    CALIBRATIONS,
    Calibration,
    Explained,
    Ranked,
    Ranking,
    Weights,
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
from memories.retrieval.statement import Asked
from memories.retrieval.traces import is_drawn, trace_of
from memories.selectors.filters import times_asked
from memories.selectors.people import list_people
from memories.selectors.projects import ProjectSetup, get_setup, known_setup
from memories.selectors.uses import read_uses
from memories.types import Hit, JsonDict, SearchRequest, Vectors
from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants.scopes import tenant_scope
from tenants.selectors import Access


@dataclass(frozen=True)  # without slots: what was explained is kept
class Looked:
    """What a query found, and everything that its ranking weighs.

    ``vector`` is that of the query without the names in it.
    """

    setup: ProjectSetup
    space: EmbeddingSpace
    request: SearchRequest
    query: Query
    vector: Vectors
    pool: Pool
    factors: Mapping[UUID, float]
    reranking: Reranking | None = None

    @property
    def asked(self) -> Asked:
        return Asked(self.setup, self.space.id, self.request, self.query, self.vector)

    @property
    def calibration(self) -> Calibration:
        return CALIBRATIONS.get(self.space.provider, CALIBRATIONS["openai"])

    @property
    def how(self) -> Ranking:
        return Ranking(
            query=self.query,
            weights=weights_of(self.setup.settings).asked_by(self.query),
            calibration=self.calibration,
            threshold=self.request.threshold,
            top_k=self.request.top_k,
            factors=self.factors,
        )

    def ranked(self) -> list[Ranked]:
        """What is shown."""
        if not self.reranking:
            return rank(self.pool.candidates, self.how)
        every = replace(self.how, top_k=len(self.pool.candidates))
        return in_order_of(self.explained, rank(self.pool.candidates, every))

    @cached_property
    def explained(self) -> list[Explained]:
        """Every candidate in the same order, with what led there."""
        explained = explain(self.pool.candidates, self.how)
        if not self.reranking:
            return explained
        successors = {
            c.memory_id: c.successor
            for c in self.pool.candidates
            if not self.query.looks_back
        }
        scores, top_k = self.reranking.scores, self.request.top_k
        return apply_scores(explained, scores, successors, top_k)


def weights_of(chosen: ProjectSettings) -> Weights:
    """What a project has each signal weigh."""
    return Weights(
        meaning=chosen.dense_weight,
        words=chosen.text_weight,
        around=chosen.window_weight,
        words_around=chosen.window_text_weight,
        linked=chosen.link_weight,
        speaker=chosen.speaker_weight,
        when=chosen.time_weight,
        date=chosen.date_weight,
        phrase=chosen.phrase_weight,
        feedback=chosen.feedback_weight,
        order=chosen.order_weight,
        sequence=chosen.sequence_weight,
        stated=chosen.stated_weight,
        aspect=chosen.aspect_weight,
        substance=chosen.substance_weight,
        question=chosen.question_weight,
        agent=chosen.agent_weight,
        repeat=chosen.repeat_weight,
    )


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
        trace = trace_of(looked, looked.explained, stages) if is_traced else None
        journal.note(access, request, hits, started, trace)
    if looked.setup.counts_uses:
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
    return hits, trace_of(looked, looked.explained, stages)


def look(access: Access, request: SearchRequest) -> Looked | None:
    """What a search ranks, and nothing recorded of it; opens its own scopes.

    None where no memory was ever stored. Raises ProviderError when the query cannot be
    embedded.
    """
    setup = _setup(access)
    space = setup.active_space
    if space is None:
        return None
    with stage("read"):
        query = read(setup, request)
    embedder = setup.hurried_embedders[space.id]
    asked = [head_of(query.unnamed, embedder.max_tokens)]
    vector = embed_queries(setup.tenant_id, space.id, embedder, asked)[0]
    with stage("gather"):
        looked = look_for(setup, space, request, query, vector)
    if not is_wanted(setup, request):
        return looked
    texts = {
        memory_id: looked.pool.view(memory_id).text for memory_id in looked.pool.rows
    }
    reranking = ask_reranker(setup, request, looked.explained, texts)
    return replace(looked, reranking=reranking)


def look_for(
    setup: ProjectSetup,
    space: EmbeddingSpace,
    request: SearchRequest,
    query: Query,
    vector: Vectors,
) -> Looked:
    """The same for a query that is embedded by now: that of ``query.unnamed``."""
    pool = gather(Asked(setup, space.id, request, query, vector))
    factors = _factors(setup, pool, request)
    return Looked(setup, space, request, query, vector, pool, factors)


def read(setup: ProjectSetup, request: SearchRequest) -> Query:
    """What the question asks for; opens its own scope to learn who speaks there."""
    people: tuple[str, ...] = ()
    if may_name(request.query):
        scope = request.filters.scope
        people = list_people(setup.tenant_id, setup.project_id, scope)
    query = read_query(
        request.query,
        people,
        reference=request.reference or clock.now(),
        timezone=setup.timezone,
    )
    return query.of_times(times_asked(request.filters.asked))


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


def _hit(pool: Pool, place: Ranked) -> Hit:
    return Hit(pool.view(place.memory_id), place.score, place.signals)
